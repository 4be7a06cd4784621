"""The figures of an account's summary. A bounded count says so: "1,000+", or "of the first 500 only"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from diagnostics.accounts.counts import LOOKED_AT, MOST_COUNTED, Asked, Counts
from diagnostics.models.figures import UNKNOWN, Figure
from diagnostics.models.status import Status
from diagnostics.oauth.client_side import METHODS


@dataclass(slots=True, frozen=True)
class _Count:
    """How one count is shown."""

    id: str
    title: str
    name: str
    """Column of the answer."""
    bad: Status
    """Its state when it is not zero."""
    note: str = ""


_TOKENS = (
    _Count("credentials", "Credentials", "total", Status.PASS),
    _Count("tokens_missing", "Tokens missing", "missing", Status.WARN),
    _Count("tokens_expired", "Tokens expired", "expired", Status.WARN),
    _Count("tokens_soon", "Expire in 24 h", "soon", Status.PASS),
)
_CONNECTIONS = (
    _Count("connections_healthy", "Connections healthy", "healthy", Status.PASS),
    _Count("connections_warning", "Connections warning", "warning", Status.WARN),
    _Count("connections_error", "Connections error", "error", Status.FAIL),
    _Count("connections_disabled", "Connections disabled", "disabled", Status.PASS),
)
_UNSYNCED = _Count("deals_unsynced", "Deals not synced", "unsynced", Status.WARN)


def figures(counts: Counts, behaviour: Figure | None) -> Iterator[Figure]:
    """Users, tokens, connections by state, agents by method, unsynced deals, behaviour."""
    users = counts.place.user_count
    yield Figure(
        id="users",
        title="Users",
        value=users,
        shown=UNKNOWN if users is None else f"{users:,}",
        unit="users",
        status=Status.NO_DATA if users is None else Status.PASS,
        note="as common.accounts says",
        taken_at=counts.now,
    )
    for one in _TOKENS:
        yield _looked_at(one, counts.auths)
    for one in _CONNECTIONS:
        yield _looked_at(one, counts.syncs)
    for method, name in METHODS.items():
        retired = name.startswith("retired")
        id_ = f"agents_{name.lower().replace(' ', '_')}"
        note = "in no share of the distribution" if retired else ""
        shown = _Count(id_, f"Agents {name}", f"method_{method}", Status.WARN if retired else Status.PASS, note)
        yield _bounded(shown, counts.agents)
    yield _bounded(_UNSYNCED, counts.deals)
    yield behaviour or Figure(
        id="behaviour",
        title="Behaviour",
        value=None,
        shown=UNKNOWN,
        unit="score",
        note="not asked yet: it needs the logs of two weeks",
    )


def counted(count: int) -> str:
    """A count that stops at the bound."""
    return f"{MOST_COUNTED:,}+" if count > MOST_COUNTED else f"{count:,}"


def _looked_at(one: _Count, asked: Asked) -> Figure:
    """A count among the first rows of the account."""
    total = asked.count("total")
    is_part = total is not None and total >= LOOKED_AT
    count = asked.count(one.name)
    shown = UNKNOWN if count is None else f"{count:,}+" if is_part and one.name == "total" else f"{count:,}"
    return _figure(one, asked, count, shown, f"of the first {LOOKED_AT:,} only" if is_part else "")


def _bounded(one: _Count, asked: Asked) -> Figure:
    """A count that stops at the bound."""
    count = asked.count(one.name)
    return _figure(
        one,
        asked,
        None if count is None else min(count, MOST_COUNTED),
        UNKNOWN if count is None else counted(count),
        f"counted up to {MOST_COUNTED:,}" if count is not None and count > MOST_COUNTED else "",
    )


def _figure(one: _Count, asked: Asked, value: int | None, shown: str, partly: str) -> Figure:
    return Figure(
        id=one.id,
        title=one.title,
        value=value,
        shown=shown,
        status=one.bad
        if value
        else Status.NO_DATA
        if value is None or (partly and one.bad is not Status.PASS)
        else Status.PASS,
        note="; ".join(text for text in (partly, one.note) if text),
        failure=asked.failure.headline() if asked.failure else "",
        taken_at=asked.evidence.started_at if asked.evidence else None,
        evidence=() if asked.evidence is None else (asked.evidence,),
    )
