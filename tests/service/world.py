"""A small world for the service's tests: SQLite files behind the real databases source, and a Datadog that is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Engine, create_engine

from diagnostics.catalogue import Catalogue
from diagnostics.config.settings import DatabaseSettings, Settings
from diagnostics.core.context import Context
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.time import utc_now
from diagnostics.models.datadog import Aggregate, Bucket, Compute, GroupBy, MeasuredValue, Metrics, Monitor, Monitors
from diagnostics.models.events import LogEvent, LogPage
from diagnostics.models.evidence import Evidence
from diagnostics.models.readings import Budget
from diagnostics.service import Diagnostics
from diagnostics.signals.baselines import Baselines, MeasuredBaseline
from diagnostics.sources.datadog import Datadog
from diagnostics.sources.mysql.databases import Databases
from diagnostics.sources.mysql.tables import Tables
from tests.shipped import shipped_catalogue

ACCOUNT = 14009
DEAL = 12345


def ago(**parts: float) -> datetime:
    """A moment before now, aware UTC."""
    return utc_now() - timedelta(**parts)


def evidence(query: str) -> Evidence:
    """Evidence of one question to the told Datadog."""
    return Evidence(source="datadog", query=query, window="told", started_at=utc_now(), took_ms=1.0, rows=1)


def event(number: int, context: Mapping[str, Any], message: str = "told") -> LogEvent:
    """One log event, the newer the higher `number`."""
    at = int(utc_now().timestamp() * 1_000) + number
    return LogEvent(str(number), at, "fub", "error", message, attributes={"context": dict(context)})


@dataclass(slots=True)
class Told:
    """Answers of the told Datadog to one query."""

    total: int = 0
    accounts: int = 0
    usual: int | None = 0
    """Events of every earlier window of the same length."""
    events: tuple[LogEvent, ...] = ()
    by_account: dict[int, int] = field(default_factory=dict)
    unnamed: int = 0
    """Events that carry no account."""
    kinds: dict[int, dict[str, int]] = field(default_factory=dict)
    """Events of each account by kind of failure."""
    seen_s: dict[int, tuple[float, float]] = field(default_factory=dict)
    """How long ago each account's first and last event was, seconds; half a minute both unless told."""
    more: bool = False
    """There are older events than these."""
    partial: bool = False
    """Datadog times out inside, and answers for a part of its logs."""
    partial_usual: bool = False
    """The same, where the day before is asked for."""
    p95: float | None = None
    """Value of any percentile over these events."""
    per_minute: tuple[int, ...] = ()
    """Events of the last complete minutes, oldest first, where they differ from the mean."""


class ToldDatadog:
    """Stands where `Datadog` stands and answers what a test told it, or fails as it was told to."""

    def __init__(self) -> None:
        self.told: dict[str, Told] = {"*": Told(usual=1)}
        self.history_s: float | None = None
        """How far back logs are kept; None is further than anybody asks."""
        self.failure: SourceFailure | None = None
        self.late_s: dict[str, float] = dict.fromkeys(("fub", "fub-api", "fub-worker"), 0.0)
        """How late the logs of each service are found, seconds."""
        self.newest_asked = 0
        self.newest_failure: SourceFailure | None = None
        self.baseline_failure: SourceFailure | None = None
        self.asked: list[tuple[str, str]] = []
        """(kind of question, query), in order."""
        self.closed = False
        self.counters_late_s = 0.0
        """How long ago the newest bucket of every metric was reported, seconds."""
        self.counters: dict[str, float] = {}
        """Counts a bucket of each metric, by its name at Datadog; a metric that is not here reports nothing."""
        self.team_monitors: tuple[Monitor, ...] = (Monitor(1, "told", "OK", "told", ("team:zyno",)),)
        self.limits: tuple[Budget, ...] = tuple(
            budget(name, limit) for name, limit in (("search", 3), ("aggregate", 2))
        )
        self.inspected_with: dict[str, object] = {}

    def about(self, query: str) -> Told:
        """Answers to a query; none unless told."""
        return self.told.setdefault(query, Told())

    def search(self, query: str, *, start: datetime, end: datetime, limit: int = 100, **_: object) -> LogPage:
        self._ask("search", query)
        told = self.about(query)
        return LogPage(told.events[:limit], "older" if told.more else None, evidence(query))

    def aggregate(
        self,
        query: str,
        *,
        start: datetime,
        end: datetime,
        computes: tuple[Compute, ...],
        group_by: tuple[GroupBy, ...] = (),
    ) -> Aggregate:
        if [group.facet for group in group_by] == ["service"]:
            return self._newest_logs(start, end, computes[0])
        told = self.about(query)
        if group_by:
            self._ask("kinds" if len(group_by) > 1 else "accounts", query)
            return Aggregate(_grouped(told, group_by, computes, end), evidence(query), told.partial)
        if computes[0].aggregation == "pc95":
            self._ask("p95", query)
            if computes[0].interval_ms is not None:
                slow = () if told.p95 is None else _counter(start, end, computes[0], told.p95)
                return Aggregate((Bucket({}, (slow,)),), evidence(query), told.partial)
            return Aggregate((Bucket({}, (told.p95,)),), evidence(query), told.partial)
        if len(computes) == 1:
            self._ask("usual", query)
            if self.baseline_failure is not None:
                raise self.baseline_failure
            usual = _series(start, end, computes[0], told.usual or 0)
            if self.history_s is not None:
                oldest_ms = (end.timestamp() - self.history_s) * 1_000
                usual = tuple(point for point in usual if point[0] + (computes[0].interval_ms or 0) > oldest_ms)
            return Aggregate((Bucket({}, (usual,)),), evidence(query), told.partial_usual)
        self._ask("counts", query)
        minutes = max(1, round((end - start).total_seconds() / 60))
        by_minute = Compute(interval_ms=60_000)
        series = _with_last(_series(start, end, by_minute, told.total // minutes), end, told.per_minute)
        late = [late_s for service, late_s in self.late_s.items() if f"service:{service} " in f"{query} "]
        found_ms = (utc_now().timestamp() - max(late or self.late_s.values())) * 1_000
        steps = tuple(
            step for step in _in_steps(series, computes[1]) if step[0] <= min(found_ms, end.timestamp() * 1_000)
        )
        hidden = end.timestamp() * 1_000 > found_ms + 10_000
        values: tuple[MeasuredValue, ...] = (
            sum(count for _, count in steps) if hidden else float(told.total),
            steps,
            float(told.accounts),
        )
        return Aggregate((Bucket({}, values),), evidence(query), told.partial)

    def _newest_logs(self, start: datetime, end: datetime, compute: Compute) -> Aggregate:
        """Logs in every step up to the newest log of each service."""
        self.newest_asked += 1
        for failure in (self.failure, self.newest_failure):
            if failure is not None:
                raise failure
        buckets = tuple(
            Bucket({"service": service}, (_series(start, end - timedelta(seconds=late_s), compute, 1),))
            for service, late_s in self.late_s.items()
        )
        return Aggregate(buckets, evidence("*"))

    def metrics(self, queries: Sequence[str], *, start: datetime, end: datetime) -> Metrics:
        self._ask("metrics", ", ".join(queries))
        names = [query.removeprefix("sum:").partition("{")[0] for query in queries]
        step = Compute(interval_ms=300_000)
        end -= timedelta(seconds=self.counters_late_s)
        series = tuple(
            _counter(start, end, step, self.counters[name]) if name in self.counters else None for name in names
        )
        return Metrics(series, evidence("metrics"))

    def monitors(self, tags: str) -> Monitors:
        self._ask("monitors", tags)
        found = tuple(monitor for monitor in self.team_monitors if set(tags.split(",")) <= set(monitor.tags))
        return Monitors(found, evidence("monitors"))

    def validate(self) -> Evidence:
        self._ask("validate", "")
        return evidence("GET /api/v1/validate")

    def budgets(self) -> tuple[Budget, ...]:
        return self.limits

    def examination(self, **asked: object) -> list[object]:
        self.inspected_with = asked
        return []

    def link(self, query: str, **_: object) -> str:
        return f"https://fub.datadoghq.com/logs?query={query}"

    def close(self) -> None:
        self.closed = True

    def _ask(self, kind: str, query: str) -> None:
        self.asked.append((kind, query))
        if self.failure is not None:
            raise self.failure


def _grouped(
    told: Told, group_by: tuple[GroupBy, ...], computes: tuple[Compute, ...], end: datetime
) -> tuple[Bucket, ...]:
    """By account, also by a second facet, also over time; at most as many groups as were asked for."""
    account = group_by[0].facet
    if len(group_by) > 1:
        return tuple(
            Bucket({account: str(one), group_by[1].facet: kind}, (float(count),))
            for one, kinds in told.kinds.items()
            for kind, count in kinds.items()
        )
    named = {str(one): count for one, count in told.by_account.items()}
    if group_by[0].missing and told.unnamed:
        named[group_by[0].missing] = told.unnamed
    buckets: list[Bucket] = []
    for one, count in sorted(named.items(), key=lambda found: -found[1])[: group_by[0].limit]:
        values: tuple[MeasuredValue, ...] = (float(count),)
        if len(computes) > 1:
            step = computes[1].interval_ms or 60_000
            seen = told.seen_s.get(int(one), (30.0, 30.0)) if one.isdigit() else (30.0, 30.0)
            moments = sorted({int((end.timestamp() - ago_s) * 1_000) // step * step for ago_s in seen})
            values = (*values, tuple((at, float(count) / len(moments)) for at in moments))
        buckets.append(Bucket({account: one}, values))
    return tuple(buckets)


def _counter(start: datetime, end: datetime, compute: Compute, each: float) -> tuple[tuple[int, float], ...]:
    return tuple((at, each) for at, _ in _series(start, end, compute, 0))


def _series(start: datetime, end: datetime, compute: Compute, each: int) -> tuple[tuple[int, float], ...]:
    interval = compute.interval_ms or 1
    first = int(start.timestamp() * 1_000) // interval * interval
    return tuple((at, float(each)) for at in range(first, int(end.timestamp() * 1_000), interval))


def _in_steps(series: tuple[tuple[int, float], ...], compute: Compute) -> tuple[tuple[int, float], ...]:
    """Counts of minutes, spread over the steps that were asked for."""
    step = compute.interval_ms or 60_000
    parts = 60_000 // step
    return tuple(
        (at + part * step, count // parts + (part < count % parts)) for at, count in series for part in range(parts)
    )


def _with_last(
    series: tuple[tuple[int, float], ...], end: datetime, counts: tuple[int, ...]
) -> tuple[tuple[int, float], ...]:
    """`series` with `counts` as its last complete minutes."""
    now_ms = int(end.timestamp() * 1_000)
    last = [at for at, _ in series if at + 60_000 <= now_ms][-len(counts) or len(series) :]
    known = dict(zip(last, counts, strict=False))
    return tuple((at, float(known.get(at, value))) for at, value in series)


def budget(name: str, limit: int, *operations: str, period_s: float = 10.0) -> Budget:
    """One rate limit with nothing spent."""
    return Budget(
        name=name,
        limit=limit,
        remaining=limit,
        period_s=period_s,
        resets_at=utc_now(),
        observed=True,
        operations=operations,
    )


def settled(baselines: Baselines, query: str, window_s: int = 900) -> MeasuredBaseline:
    """The baseline once asking for it has ended."""
    baselines.known(query, window_s)
    with baselines._changed:
        assert baselines._changed.wait_for(lambda: not baselines._known[query, window_s].under_way, 20.0)
        known = baselines._known[query, window_s]
        return MeasuredBaseline(known.usual, known.failure, known.under_way, known.good_until)


class World:
    """One account with its client database, everything empty until a test fills it."""

    def __init__(self, folder: Path, **refresh: object) -> None:
        self.folder = folder
        self.catalogue: Catalogue = shipped_catalogue()
        self.datadog = ToldDatadog()
        self._tables = Tables(self.catalogue.schema_map)
        self._common = self._create("common", folder / "common.db")
        self._clients: dict[int, Engine] = {}
        self.settings = Settings(
            state_dir=folder / "state",
            databases=DatabaseSettings(
                common_url=f"sqlite:///{folder}/common.db", client_url=f"sqlite:///{folder}/{{db_database}}.db"
            ),
        )
        self.databases = Databases(self.settings.databases, self.catalogue.schema_map)
        self.service = Diagnostics(
            Context(self.settings, self.catalogue, cast("Datadog", self.datadog), self.databases)
        )
        self.account(ACCOUNT)

    def account(self, account_id: int) -> None:
        """Add an account with an empty client database."""
        name = f"client_{account_id}"
        self.common(
            "accounts",
            {"id": account_id, "name": "Harbor", "db_host": "h", "db_database": name, "db_user": "u"},
        )
        self._clients[account_id] = self._create("client", self.folder / f"{name}.db")

    def suspend(self, account_id: int) -> None:
        """Give an account the status of a customer who may not work."""
        accounts = self.databases.table("accounts")
        with self._common.begin() as connection:
            connection.execute(accounts.update().where(accounts.c["id"] == account_id).values(status="suspended"))

    def common(self, table: str, *rows: dict[str, object]) -> None:
        """Add rows, by the console's column names, to the shared database."""
        self._insert(self._common, table, rows)

    def client(self, account_id: int, table: str, *rows: dict[str, object]) -> None:
        """Add rows to an account's database."""
        self._insert(self._clients[account_id], table, rows)

    def deal(
        self, *agents: int, account_id: int = ACCOUNT, deal_id: int = DEAL, values: Mapping[str, object] | None = None
    ) -> None:
        """Add a deal that meets every condition except what `values` changes, with these agents on it."""
        row: dict[str, object] = {"id": deal_id, "account_id": account_id, "property_id": 7}
        self.client(account_id, "deals", {**row, **(values or {})})
        for agent in agents:
            self.client(account_id, "deal_agents", {"deal_id": deal_id, "user_id": agent})

    def sync_ready(self, account_id: int = ACCOUNT, deal_id: int = DEAL) -> None:
        """Give the account an active connection and sync system, and the deal a contact."""
        self.client(account_id, "deals_contacts", {"deal_id": deal_id, "contact_id": 1})
        self.client(account_id, "data_sync_systems", {"account_id": account_id, "system": "Zillow", "is_active": True})
        self.common(
            "zillow_sync_users",
            {"account_id": account_id, "user_id": 1, "zillow_integration_id": "z", "zillow_integration_enabled": True},
        )

    def tokens(self, *rows: Mapping[str, object]) -> None:
        """Add credentials; valid for ten hours and held unless a row says otherwise."""
        held: dict[str, object] = {
            "account_id": ACCOUNT,
            "encrypted_refresh_token": "secret-cipher",
            "expires_at": utc_now() + timedelta(hours=10),
            "updated_at": ago(hours=1),
        }
        self.common("zillow_auth", *({**held, **row} for row in rows))

    def webhooks(self, status: str, count: int, *, received: datetime, processed: datetime | None = None) -> None:
        """Add webhook events."""
        row = {"account_id": ACCOUNT, "status": status, "received_at": received, "processed_at": processed}
        self.common("zillow_webhook_events", *([row] * count))

    def break_common(self) -> None:
        """From now on the shared database is not a database."""
        self.databases.close()
        self._common.dispose()
        (self.folder / "common.db").unlink()

    def query(self, name: str) -> str:
        """A catalogue query's text."""
        return self.catalogue.queries[name].datadog

    def close(self) -> None:
        self.service.close()
        for engine in (self._common, *self._clients.values()):
            engine.dispose()

    def _create(self, kind: str, path: Path) -> Engine:
        engine = create_engine(f"sqlite:///{path}")
        for mapping in self._tables.of("common" if kind == "common" else "client"):
            self._tables.table(mapping.logical).create(engine)
        return engine

    def _insert(self, engine: Engine, table: str, rows: tuple[dict[str, object], ...]) -> None:
        insert = self._tables.table(table).insert()
        alike = len({tuple(row) for row in rows}) == 1
        with engine.begin() as connection:
            for batch in (rows,) if alike else ((row,) for row in rows):
                connection.execute(insert, list(batch))


def unreachable(source: str = "datadog", retry_after: float | None = None) -> SourceFailure:
    """A source that does not answer."""
    return SourceFailure(FailureKind.UNREACHABLE, source, "no answer", remedy="look at it", retry_after=retry_after)


MIDNIGHT = datetime(2025, 11, 17, tzinfo=UTC)
