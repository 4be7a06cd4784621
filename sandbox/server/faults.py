"""Faults: what the stand-in can be told to do wrong, at start (`--fault`) or while it runs (`POST /sandbox/faults`)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from diagnostics.core.failures import UserError

DATADOG_SCOPES = (
    "search",
    "aggregate",
    "monitor",
    "create",
    "metrics",
    "validate",
    "indexes",
    "incident_create",
    "incident_get",
    "incident_update",
    "incident_search",
    "incident_list",
)
"""Endpoints that a fault without a scope concerns."""

SLACK_SCOPES = ("slack_post", "slack_history", "slack_list", "slack_info", "slack_permalink", "slack_auth")
JIRA_SCOPES = (
    "jira_create",
    "jira_search",
    "jira_comment",
    "jira_comments",
    "jira_transition",
    "jira_myself",
    "jira_permissions",
    "jira_meta",
)
ZILLOW_SCOPES = ("authorize", "events")
GROUPS = ("incident", "slack", "jira")
"""Each stands for all endpoints whose names begin with it."""

SCOPES = (*DATADOG_SCOPES, *SLACK_SCOPES, "webhook", *JIRA_SCOPES, *ZILLOW_SCOPES, *GROUPS)
KINDS = {
    "429": "rate limited; 429:SECONDS says when it ends",
    "500": "internal server error, as HTML",
    "503": "service unavailable",
    "slow": "slow:SECONDS answers late",
    "hang": "takes the request and never answers",
    "reset": "resets the connection",
    "truncated": "stops in the middle of the body",
    "garbage": "answers 200 with bytes that are no JSON",
    "hostile": "terminal escapes, markup and very long lines in every string; rows too, when given at start",
    "forbidden": "403 whatever the keys",
    "redirect": "302 to another host",
    "dribble": "sends the body a few bytes at a time; dribble:SECONDS between two pieces",
    "unauthorized": "401 whatever the keys (Jira)",
    "missing": "404, as where an endpoint is not enabled (incidents, Jira, Zillow's authorisation address)",
    "stored_500": "does what it was asked to, then answers 500 (endpoints that write)",
    "stored_hang": "does what it was asked to, then never answers (endpoints that write)",
    "stored_reset": "does what it was asked to, then resets the connection (endpoints that write)",
    "error": "error:NAME, Slack's own refusal of that name: ok false, or a webhook's status and word",
    "required": "required:FIELD, Jira insists on a field that was not filled in",
    "hidden": "hidden:FIELD, a field is not on Jira's create screen",
    "captcha": "403 with the headers of a CAPTCHA that has to be solved first (Jira)",
    "lacks": "lacks:NAME, the login has not this scope (Slack, chat:write) or permission (Jira, CREATE_ISSUES)",
    "lag": "lag:SEARCHES, what was created is found only after so many searches",
    "warnings": "warnings:NAME, log answers carry a warning of that code; unknown_index finds nothing besides, timeout "
    "is the status of an answer that was not finished",
    "nofigure": "log aggregates answer 200 without their numbers",
    "cursor": "a log search gives a cursor with its empty last page too",
    "flex": "flex:DAYS, the log index keeps its lines in the flex tier alone, for so many days",
    "late": "late:SECONDS/NAME, logs of a service or a stream (without NAME all) are found so long after they happened",
    "behind": "behind:SECONDS/common or behind:SECONDS/client (without either both), the databases are copies that are "
    "so late: what was written since is not in them",
    "skew": "skew:+SECONDS or skew:-SECONDS, the services' clock is ahead of this machine's, or behind; up to a day; "
    "the databases keep the one they started with",
}
COMBINED = (
    "slow",
    "dribble",
    "hostile",
    "hidden",
    "lacks",
    "lag",
    "warnings",
    "nofigure",
    "cursor",
    "flex",
    "late",
    "behind",
    "skew",
)
"""Kinds that bend an answer, and combine with every other one; of those that replace an answer, a scope has one."""
WHOLE_WORLD = ("late", "behind", "skew")
"""Kinds without a scope: they concern the world, not a request."""
_WRITES = (
    "create",
    "incident_create",
    "incident_update",
    "slack_post",
    "webhook",
    "jira_create",
    "jira_comment",
    "jira_transition",
)
_TAKES_SECONDS = {"429": 10.0, "slow": 0.0, "dribble": 0.2}
_NEEDS_SECONDS = {"slow"}
_NAMED = {"error": re.compile(r"[a-z][a-z_]{1,60}"), "required": re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}")}
_NAMED["warnings"] = _NAMED["error"]
_NAMED["hidden"] = _NAMED["required"]
_NAMED["lacks"] = re.compile(r"[A-Za-z][A-Za-z_.:]{1,60}")
_NAMED["flex"] = re.compile(r"[1-9]\d{0,3}")
_SCOPES_OF: dict[str, tuple[str | None, ...]] = {
    "stored_500": _WRITES,
    "stored_hang": _WRITES,
    "stored_reset": _WRITES,
    "error": ("slack", *SLACK_SCOPES, "webhook"),
    "required": ("jira_create",),
    "hidden": ("jira_create",),
    "captcha": ("jira", *JIRA_SCOPES),
    "lacks": ("slack", "jira"),
    "lag": ("incident_search", "incident_list", "slack_history", "jira_search"),
    "warnings": (None, "search", "aggregate"),
    "nofigure": (None, "aggregate"),
    "cursor": (None, "search"),
    "flex": (None, "indexes"),
    "unauthorized": ("jira", *JIRA_SCOPES),
    "missing": (
        "incident",
        "jira",
        *JIRA_SCOPES,
        *ZILLOW_SCOPES,
        *(scope for scope in DATADOG_SCOPES if scope.startswith("incident_")),
    ),
}
"""Kinds that only some endpoints can have; None is all of those that can."""
_SPEC = re.compile(r"(?:([a-z_]+)=)?([a-z0-9_]+)(?::([\w.:]+))?(?:/([1-9]\d{0,5}))?")
_LAG = re.compile(r"[1-9]\d{0,2}")
_LATE = re.compile(r"late:(\d{1,5}(?:\.\d+)?)(?:/([a-z][a-z0-9_-]{0,60}))?")
_BEHIND = re.compile(r"behind:(\d{1,5}(?:\.\d+)?)(?:/(common|client))?")
_SKEW = re.compile(r"skew:([+-]?\d{1,5}(?:\.\d+)?)")
_OF_THE_WORLD = {"late": _LATE, "behind": _BEHIND, "skew": _SKEW}
_LONGEST_S = 86_400.0


@dataclass(slots=True, frozen=True)
class Fault:
    """One fault; `scope` None concerns every Datadog endpoint."""

    scope: str | None
    kind: str
    seconds: float
    name: str = ""
    """The error, the field, whose logs are late, which databases; searches for "lag", days for "flex"."""
    count: int | None = None
    """It is met by so many requests and then ends; None is until it is cleared."""

    @property
    def spec(self) -> str:
        """The fault as it is written."""
        if self.kind in {"late", "behind"}:
            return f"{self.kind}:{self.seconds:g}" + (f"/{self.name}" if self.name else "")
        if self.kind == "skew":
            return f"skew:{self.seconds:+g}"
        scope = f"{self.scope}=" if self.scope else ""
        seconds = f":{self.seconds:g}" if self.kind in _TAKES_SECONDS else ""
        name = f":{self.name}" if self.name else ""
        count = f"/{self.count}" if self.count is not None else ""
        return f"{scope}{self.kind}{seconds}{name}{count}"

    @property
    def place(self) -> tuple[str | None, str, str]:
        """Key of the fault that it replaces when put in force: one per place."""
        if self.kind in COMBINED:
            return self.scope, self.kind, self.name if self.kind in {"late", "behind", "lacks"} else ""
        return self.scope, "", ""

    @property
    def stores(self) -> bool:
        """Whether the request does its work before it goes wrong."""
        return self.kind.startswith("stored_")


def parse_fault(spec: str) -> Fault:
    """Read `[SCOPE=]KIND[:SECONDS or NAME][/COUNT]`; raises `UserError` that says what is accepted."""
    if spec.startswith(WHOLE_WORLD):
        return _of_the_world(spec)
    parsed = _SPEC.fullmatch(spec)
    scope, kind, argument, count = parsed.groups() if parsed else (None, "", None, None)
    if kind not in KINDS or kind in WHOLE_WORLD or (scope is not None and scope not in SCOPES):
        raise _unknown(spec)
    if kind in _SCOPES_OF and scope not in _SCOPES_OF[kind]:
        scopes = ", ".join(name for name in _SCOPES_OF[kind] if name)
        raise _unknown(spec, f"{kind} with one of the scopes {scopes}")
    most = int(count) if count else None
    if kind in _NAMED or kind == "lag":
        shape = _NAMED.get(kind, _LAG)
        if argument is None or not shape.fullmatch(argument):
            raise _unknown(spec)
        return Fault(scope, kind, 0.0, argument, most)
    return Fault(scope, kind, _seconds(spec, kind, argument), count=most)


def _of_the_world(spec: str) -> Fault:
    kind = next(one for one in WHOLE_WORLD if spec.startswith(one))
    found = _OF_THE_WORLD[kind].fullmatch(spec)
    name = found[2] or "" if found and found.re.groups > 1 else ""
    fault = Fault(None, kind, float(found[1]), name) if found else None
    if fault is None or abs(fault.seconds) > _LONGEST_S:
        raise _unknown(spec, f"{KINDS[kind]}; at most {_LONGEST_S:,.0f} seconds")
    return fault


def _seconds(spec: str, kind: str, text: str | None) -> float:
    if text is None:
        if kind in _NEEDS_SECONDS:
            raise _unknown(spec)
        return _TAKES_SECONDS.get(kind, 0.0)
    try:
        value = float(text)
    except ValueError:
        raise _unknown(spec) from None
    if kind not in _TAKES_SECONDS or not math.isfinite(value) or value > 3_600:
        raise _unknown(spec)
    return value


def _unknown(spec: str, accepted: str = "") -> UserError:
    kinds, scopes = ", ".join(KINDS), ", ".join(SCOPES)
    return UserError(
        f"{spec!r} is not a fault",
        where="--fault",
        accepted=accepted
        or f"[SCOPE=]KIND[:SECONDS or NAME][/COUNT] with KIND one of {kinds} and SCOPE one of {scopes}",
        next_step="for example --fault 429:20, --fault aggregate=503, --fault slack_post=stored_hang/1",
    )


@dataclass(slots=True, frozen=True)
class Met:
    """The faults that one request meets: one that takes the answer's place at most, and any number that bend it."""

    faults: tuple[Fault, ...] = ()

    @property
    def instead(self) -> Fault | None:
        """The one that takes the answer's place, or hides it."""
        return next((fault for fault in self.faults if fault.kind not in COMBINED), None)

    def of(self, kind: str) -> Fault | None:
        """The one of this kind; an endpoint's own stands before its group's and the general one."""
        return next((fault for fault in self.faults if fault.kind == kind), None)

    @property
    def lag(self) -> int:
        """How many searches the search index lags behind."""
        fault = self.of("lag")
        return int(fault.name) if fault is not None else 0


class Faults:
    """The faults that are in force."""

    def __init__(self, specs: Iterable[str] = ()) -> None:
        self._active: dict[tuple[str | None, str, str], Fault] = {}
        self._left: dict[tuple[str | None, str, str], int] = {}
        for spec in specs:
            self.set(spec)

    def set(self, spec: str) -> None:
        """Put a fault in force.

        It replaces the same kind of the same scope, and where it takes the answer's place, the other that does.
        """
        fault = parse_fault(spec)
        self._active[fault.place] = fault
        self._left.pop(fault.place, None)
        if fault.count is not None:
            self._left[fault.place] = fault.count

    def clear(self, name: str | None = None, *, everything: bool = False) -> None:
        """End the faults of one scope (None: those for all Datadog endpoints) or of one kind, or all of them."""
        for place, fault in list(self._active.items()):
            if everything or fault.scope == name or name in {fault.kind, fault.spec}:
                self._end(place)

    def _end(self, place: tuple[str | None, str, str]) -> None:
        del self._active[place]
        self._left.pop(place, None)

    def met(self, endpoint: str) -> Met:
        """The faults that one request meets; its endpoint's own go before its group's and the general ones.

        A fault that was given a count ends with the last request that it was given for.
        """
        scopes: list[str | None] = [endpoint, endpoint.partition("_")[0]]
        if endpoint in DATADOG_SCOPES:
            scopes.append(None)
        found: dict[str, Fault] = {}
        for scope in dict.fromkeys(scopes):
            for fault in self._of_scope(scope):
                found.setdefault(fault.kind if fault.kind in COMBINED else "", fault)
        for fault in found.values():
            self._count(fault.place)
        return Met(tuple(found.values()))

    def in_force(self, scope: str) -> Met:
        """The faults of one scope, without a request that meets them."""
        return Met(tuple(self._of_scope(scope)))

    def lacking(self, scope: str) -> frozenset[str]:
        """Scopes or permissions that the login of one service has not."""
        return frozenset(fault.name for fault in self._of_scope(scope) if fault.kind == "lacks")

    def _of_scope(self, scope: str | None) -> Iterator[Fault]:
        return (fault for fault in self._active.values() if fault.scope == scope and fault.kind not in WHOLE_WORLD)

    def _count(self, place: tuple[str | None, str, str]) -> None:
        if place in self._left:
            self._left[place] -= 1
            if not self._left[place]:
                self._end(place)

    @property
    def spoils_rows(self) -> bool:
        """Return whether the databases are to be seeded with hostile text."""
        return (None, "hostile", "") in self._active

    @property
    def skew_s(self) -> float:
        """How far the services' clock is ahead of this machine's, seconds; negative when it is behind."""
        return next((fault.seconds for fault in self._active.values() if fault.kind == "skew"), 0.0)

    @property
    def behind(self) -> dict[str, float]:
        """How late the databases are, seconds, by kind; "" concerns the kind that is not named."""
        return {fault.name: fault.seconds for fault in self._active.values() if fault.kind == "behind"}

    @property
    def delays(self) -> dict[str, float]:
        """How late logs are found, seconds, by service or stream; "" concerns all that are not named."""
        return {fault.name: fault.seconds for fault in self._active.values() if fault.kind == "late"}

    def specs(self) -> list[str]:
        """All faults in force, as written."""
        return [fault.spec for fault in self._active.values()]
