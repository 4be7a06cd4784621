"""The material of an incident's records, and the numbers of a review.

Each number is computed from entries that are named: times between them, and the worst of each figure. Times are those
that the entries carry, cut to the second as they are shown, so that a reader who takes the difference of two of them
gets what stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from diagnostics.core.words import span
from diagnostics.incident.projection import moment
from diagnostics.models import entries as said
from diagnostics.models.entries import Channel, Entry, IncidentStatus, MeasuredFigure
from diagnostics.models.incidents import Incident
from diagnostics.models.investigations import Investigation

NOT_RECORDED = "not recorded"

COMMANDER = "incident_commander"

LOWEST_IS_WORST = frozenset({"health", "token_success", "transaction_sync_success", "resolution_accuracy"})
"""Figures that are the worse the smaller they are; all others are the worse the larger."""

BASES = frozenset({"sync_events", "zillow_requests", "connections_judged", "agents_resolved"})
"""Figures that others rest on: neither end of them is an impact."""

RISK_ORDER = ("none", "low", "medium", "high")
"""Words that can be compared, rising."""


@dataclass(slots=True, frozen=True)
class Material:
    """The source of every record."""

    incident: Incident
    entries: tuple[Entry, ...]
    """The whole stream, oldest first; for a hand-off note, its newest entries, newest first."""
    investigations: tuple[Investigation, ...]
    issue_title: str
    roles: Mapping[str, str]
    """Title of each role of the catalogue by its name."""
    written_at: datetime
    names: Mapping[str, str] = field(default_factory=dict)
    """What people call deliveries and steps, by the ids that entries hold."""


@dataclass(slots=True, frozen=True)
class Moment:
    """A moment, and the entry that says so."""

    at: datetime
    seq: int
    what: str


@dataclass(slots=True, frozen=True)
class Interval:
    """The time between two moments of the record."""

    title: str
    begins: Moment | None
    ends: Moment | None
    note: str = ""

    @property
    def seconds(self) -> int | None:
        """Whole seconds; None where one end is not recorded. Negative where clocks disagree."""
        if self.begins is None or self.ends is None:
            return None
        return round((to_second(self.ends.at) - to_second(self.begins.at)).total_seconds())

    @property
    def shown(self) -> str:
        """As people write it."""
        seconds = self.seconds
        if seconds is None:
            return NOT_RECORDED
        return span(seconds) if seconds >= 0 else f"-{span(-seconds)}"

    @property
    def basis(self) -> str:
        """The two moments with their entries, and which is missing."""
        ends = [one for one in (self.begins, self.ends) if one is not None]
        words = " to ".join(f"{one.what} {clock(one.at)} (entry {one.seq})" for one in ends)
        parts = [words] if words else []
        if self.note:
            parts.append(self.note)
        if (self.seconds or 0) < 0:
            parts.append("the second is stamped before the first: the clocks disagree, or what was entered is wrong")
        return "; ".join(parts)


@dataclass(slots=True, frozen=True)
class Extreme:
    """The worst value of one figure over all that was measured, and its last one."""

    id: str
    title: str
    worst: MeasuredFigure | None
    """None where it never had a value."""
    worst_entry: Entry | None
    last: MeasuredFigure
    last_entry: Entry
    times: int
    """How often it was measured."""

    @property
    def is_lowest(self) -> bool:
        """True when its worst is its lowest."""
        return self.id in LOWEST_IS_WORST


def to_second(moment: datetime) -> datetime:
    """Cut, not rounded: as it is written."""
    return moment.replace(microsecond=0)


def clock(moment: datetime) -> str:
    """e.g. "2025-11-17 13:22:05 UTC"."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def taken_at(figure: MeasuredFigure, entry: Entry) -> datetime:
    """When a figure was asked; when it was written down, where that is not known."""
    return figure.taken_at or entry.at


def extremes(entries: Iterable[Entry]) -> tuple[Extreme, ...]:
    """The worst of each figure over all `Measured` entries, in the order in which figures first appeared."""
    seen: dict[str, list[tuple[MeasuredFigure, Entry]]] = {}
    for entry in entries:
        if isinstance(entry.body, said.Measured):
            for figure in entry.body.figures:
                if figure.id not in BASES:
                    seen.setdefault(figure.id, []).append((figure, entry))
    return tuple(_extreme(name, found) for name, found in seen.items())


def _extreme(name: str, found: Sequence[tuple[MeasuredFigure, Entry]]) -> Extreme:
    last, last_entry = found[-1]
    known = [(rank, figure, entry) for figure, entry in found if (rank := _rank(figure)) is not None]
    # Of several equal ones the first: that is when it came to this.
    choose: Callable[..., tuple[float, MeasuredFigure, Entry]] = min if name in LOWEST_IS_WORST else max
    worst = choose(known, key=lambda one: one[0]) if known else None
    return Extreme(
        id=name,
        title=last.title,
        worst=None if worst is None else worst[1],
        worst_entry=None if worst is None else worst[2],
        last=last,
        last_entry=last_entry,
        times=len(found),
    )


def _rank(figure: MeasuredFigure) -> float | None:
    """The rank of a figure's value among others; None for no data. Words nobody can compare are all alike."""
    if figure.value is None:
        return None
    if isinstance(figure.value, str):
        word = figure.value.strip().lower()
        return float(RISK_ORDER.index(word)) if word in RISK_ORDER else 0.0
    return float(figure.value)


# ---- times


def intervals(entries: Sequence[Entry]) -> tuple[Interval, ...]:
    """Detection, response, repair and resolution. `entries` are the whole stream of one incident, oldest first."""
    declared = _first(entries, lambda body: isinstance(body, said.Declared), "declared")
    began = _entered(entries, "began_at", "began")
    detected = _entered(entries, "detected_at", "detected")
    commander = _first(
        entries,
        lambda body: isinstance(body, said.RoleClaimed) and body.role == COMMANDER,
        "first commander",
    )
    monitoring, monitoring_note = _status(entries, IncidentStatus.MONITORING)
    resolved, resolved_note = _status(entries, IncidentStatus.RESOLVED)
    notice = _first_notice(entries)
    return (
        Interval("Detection: began to detected", began, detected, _missing(began=began, detected=detected)),
        Interval("Response: detected to declared", detected, declared, _missing(detected=detected)),
        Interval(
            "Response: detected to first notice",
            detected,
            notice,
            _missing(detected=detected) if notice else "no first notice has arrived",
        ),
        Interval(
            "Response: detected to first commander",
            detected,
            commander,
            _missing(detected=detected) if commander else "nobody took command",
        ),
        Interval("Repair: declared to monitoring", declared, monitoring, monitoring_note),
        Interval("Resolution: declared to resolved", declared, resolved, resolved_note),
    )


def _missing(**ends: Moment | None) -> str:
    gone = [f"nobody recorded when it {name.replace('_', ' ')}" for name, end in ends.items() if end is None]
    words = "; ".join(gone)
    return words.replace("when it detected", "when it was detected")


def _first(entries: Sequence[Entry], wanted: Callable[[object], bool], what: str) -> Moment | None:
    found = next((one for one in entries if wanted(one.body)), None)
    return None if found is None else Moment(found.at, found.seq, what)


def _entered(entries: Sequence[Entry], field: str, what: str) -> Moment | None:
    """A moment that people entered, as it was corrected last."""
    found: Moment | None = None
    for entry in entries:
        body = entry.body
        if isinstance(body, said.Declared):
            at = body.began_at if field == "began_at" else body.detected_at
            found = None if at is None else Moment(at, entry.seq, what)
        elif isinstance(body, said.Edited) and body.field == field:
            at = moment(body.value)
            found = found if at is None else Moment(at, entry.seq, what)
    return found


def _status(entries: Sequence[Entry], status: IncidentStatus) -> tuple[Moment | None, str]:
    """When it came to a status that it never went behind again, and why not where there is none."""
    order = list(IncidentStatus)
    found: Moment | None = None
    note = f"it never came to {status.words}"
    for entry in entries:
        if not isinstance(entry.body, said.StatusChanged):
            continue
        if entry.body.status is status:
            found, note = Moment(entry.at, entry.seq, status.words), ""
        elif found is not None and order.index(entry.body.status) < order.index(status):
            note = f"entry {found.seq} was taken back by entry {entry.seq}, to {entry.body.status.words}"
            found = None
    return found, note


def _first_notice(entries: Sequence[Entry]) -> Moment | None:
    """When the first message to people arrived: what a tracking service took is no notice."""
    to_people: set[str] = set()
    for entry in entries:
        body = entry.body
        if isinstance(body, said.DeliveryConfirmed) and body.channel is Channel.SLACK:
            to_people.add(body.delivery)
        if isinstance(body, said.DeliverySent) and body.delivery in to_people:
            return Moment(entry.at, entry.seq, "first notice arrived")
        if isinstance(body, said.DeliverySettled) and body.outcome == "arrived" and body.delivery in to_people:
            return Moment(entry.at, entry.seq, "a person saw that the first notice had arrived")
    return None
