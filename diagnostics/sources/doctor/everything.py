"""Everything that is examined, in the order in which it stands on each other: the first failing line is the cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol, TypeVar

from diagnostics.models.doctor import DoctorLine
from diagnostics.models.triage import Status
from diagnostics.sources.doctor import jira, own, redis, routes, slack
from diagnostics.sources.doctor.steps import Step, examined

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.models.evidence import Evidence


class _Closed(Protocol):
    def close(self) -> None: ...


Client = TypeVar("Client", bound=_Closed)


def inspect_all(context: Context, account_ids: tuple[int, ...] = ()) -> Iterator[DoctorLine]:
    """Lines of each source, and of the client databases of these accounts, asked side by side. Raises nothing."""
    limits, settings, catalogue = context.catalogue.thresholds, context.settings, context.catalogue
    with ExitStack() as open_clients:

        def opened(client: Client) -> Client:
            open_clients.callback(client.close)
            return client

        counter = next(iter(catalogue.metrics.values()), None)
        is_file = (settings.databases.common_url or "").startswith("sqlite")
        yield from examined(
            [
                *own.steps(context),
                *context.datadog.examination(
                    monitor_tag=catalogue.contact.monitor_tag,
                    clock_skew_s=limits["clock_skew_seconds"].warning or 0.0,
                    incidents=settings.writes.tracking and settings.escalation.datadog_incidents,
                    metric=f"sum:{counter.metric}{{*}}.as_count()" if counter is not None else "",
                ),
                *context.databases.examination(
                    account_ids,
                    replica_lag_s=limits["replica_lag_seconds"].warning or 0.0,
                    ground=() if is_file else (("settings", "databases.password"), ("settings", "databases.login")),
                ),
                *slack.steps(settings, catalogue.contact, opened),
                *jira.steps(settings, catalogue.contact, opened),
                *redis.steps(context.mutexes),
                _analytics(context),
                Step("zillow", "authorisation", lambda: (_authorization(context),)),
                *routes.steps(catalogue),
            ]
        )


def _analytics(context: Context) -> Step:
    source, subject = "analytics", "reachable"
    if context.settings.analytics.url is None:
        told = "no analytics.url is set: system-wide questions go to the client databases"
        return Step(source, "configured", lambda: (DoctorLine.of(source, "configured", Status.NO_DATA, told),))

    def ask() -> Iterable[DoctorLine]:
        evidence: Evidence = context.fleet.ping_analytics()
        return (DoctorLine.of(source, subject, Status.PASS, evidence.query, latency_ms=evidence.took_ms),)

    return Step(source, subject, ask, (("settings", "analytics.password"),))


def _authorization(context: Context) -> DoctorLine:
    said = context.authorization.answering()
    if said.evidence is None:
        return DoctorLine.of("zillow", "authorisation", said.status, said.summary)
    return DoctorLine.of(
        "zillow", "authorisation", said.status, said.summary, said.next_step, latency_ms=said.evidence.took_ms
    )
