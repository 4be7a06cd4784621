"""State of level 1 between two paints: readings by key, which issue is in view, and the order of the list."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from diagnostics.core.words import form, short
from diagnostics.models.status import FIRST_NOTICE_MINUTES, NOTIFY_SEVERITIES, Status
from diagnostics.signals.severity import (
    OK,
    PULSE,
    UNKNOWN,
    Ground,
    Verdict,
    examples_of,
    finding_ground,
    judge,
    pulse_ground,
    unanswered_ground,
)
from widgets import wording

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from diagnostics.catalogue import Catalogue
    from diagnostics.catalogue.model import IssueType
    from diagnostics.models.readings import Pulse, Reading
    from diagnostics.models.triage import Finding
    from screens.base import Why
    from widgets.glyphs import Glyphs

RISE = 1.05
"""A count rises when it is more than this many times the one before; less is noise."""

ASKING_ANEW = "asking again"
"""Why the answer to a question that was replaced is old."""

SETTLE_S = 8.0
"""The list is not re-ordered this soon after a key press: a row must not move under a reader's eye."""


def _loss(held: Reading[Finding], new: Reading[Finding]) -> str:
    """Why a check that had an answer has none now: its source cannot be reached. Empty when it has one, or had none."""
    if held.value is None or new.value is None or held.value.status is Status.UNREACHABLE:
        return ""
    return new.value.summary if new.value.status is Status.UNREACHABLE else ""


@dataclass(slots=True)
class CriticalState:
    """Plain data and the few decisions of the level-1 screen; knows no widget."""

    issues: tuple[str, ...] = ()
    rows: Mapping[str, IssueType] = field(default_factory=dict)
    """The matrix, once the catalogue is read; nothing is judged before."""
    checks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By issue: the checks that are shown, and judged, beside its pulse."""
    selected: str = ""
    chosen_by_person: bool = False
    window_s: int = 900
    readings: dict[str, Reading[Any]] = field(default_factory=dict)
    counts_before: dict[str, tuple[int, int, datetime | None]] = field(default_factory=dict)
    """By issue: window, count and moment of the newest answer, to tell whether the next one rises."""
    rising: set[str] = field(default_factory=set)
    first_alarm: dict[str, datetime] = field(default_factory=dict)

    def take(self, reading: Reading[Any], now: datetime) -> bool:
        """Keep a reading; False when it is older than the one held."""
        held = self.readings.get(reading.key)
        if held is not None and reading.sequence < held.sequence:
            return False
        pulse: Pulse | None = reading.value if reading.key.startswith("pulse:") else None
        if pulse is not None and pulse.window_s != self.window_s:
            # A late answer for the window before.
            return False
        if reading.value is None and held is not None and held.value is not None:
            # The question was replaced (another window): what was known stays on screen, called old, until the answer.
            kept = {"value": held.value, "taken_at": held.taken_at, "freshness": "stale"}
            reading = reading.model_copy(update={**kept, "failure": reading.failure or ASKING_ANEW})
        elif reading.key.startswith("check:") and held is not None and (loss := _loss(held, reading)):
            # The source is gone: the last answer stays, called old, with what became of the source.
            kept = {"value": held.value, "taken_at": held.taken_at, "freshness": "stale"}
            reading = reading.model_copy(update={**kept, "failure": loss})
        self.readings[reading.key] = reading
        if pulse is not None:
            self._note_pulse(reading.key.removeprefix("pulse:"), pulse)
        if reading.key.startswith(("pulse:", "check:")):
            self._note_alarm(reading.key.split(":")[1], now)
        return True

    def _note_alarm(self, issue: str, now: datetime) -> None:
        severity, row = self.severity(issue), self.rows.get(issue)
        if severity in NOTIFY_SEVERITIES:
            self.first_alarm.setdefault(issue, now)
        elif severity == OK or (row is not None and severity == row.severities[-1]):
            self.first_alarm.pop(issue, None)

    def _note_pulse(self, issue: str, pulse: Pulse) -> None:
        asked = pulse.asked_at
        before = self.counts_before.get(issue)
        if pulse.count is not None and (before is None or before[0] != pulse.window_s or before[2] != asked):
            self.rising.discard(issue)
            if before is not None and before[0] == pulse.window_s and pulse.count > before[1] * RISE:
                self.rising.add(issue)
            self.counts_before[issue] = (pulse.window_s, pulse.count, asked)

    def pulse(self, issue: str) -> Reading[Pulse] | None:
        """The newest pulse of an issue."""
        return cast("Reading[Pulse] | None", self.readings.get(f"pulse:{issue}"))

    def accounts(self, issue: str) -> int | None:
        """How many accounts an issue affects; None while nobody knows, and where the number is an old one."""
        pulse = self.pulse(issue)
        if pulse is None or pulse.value is None or wording.is_stale(pulse) or pulse.value.log_failure:
            return None
        return pulse.value.accounts

    def finding(self, issue: str, check: str) -> Reading[Finding] | None:
        """The newest answer of a check."""
        return cast("Reading[Finding] | None", self.readings.get(f"check:{issue}:{check}"))

    def severity(self, issue: str) -> str:
        """The severity in view: a word of the matrix row, "ok", "judging" or "unknown"."""
        verdict = self.verdict(issue)
        return UNKNOWN if verdict is None else verdict.severity

    def verdict(self, issue: str) -> Verdict | None:
        """Severity of pulse and checks together; None before the catalogue is read."""
        row = self.rows.get(issue)
        return None if row is None else judge(row, self._grounds(row))

    def _grounds(self, row: IssueType) -> Iterator[Ground]:
        pulse, examples = self.pulse(row.name), examples_of(row)
        if pulse is None or pulse.value is None:
            yield _unanswered(PULSE, pulse)
        elif pulse.failure == ASKING_ANEW and pulse.value.severity == OK:
            yield unanswered_ground(PULSE, waiting=True)
        else:
            yield pulse_ground(row, pulse.value, old=wording.is_stale(pulse))
        for check in self.checks.get(row.name, ()):
            reading = self.finding(row.name, check)
            if reading is None or reading.value is None:
                yield _unanswered(check, reading)
                continue
            old = wording.is_stale(reading)
            ground = finding_ground(row, reading.value, old=old, example=check in examples)
            if ground is not None:
                yield ground

    def notice_due(self, issue: str) -> datetime | None:
        """When the first notice is due, counted from when this console first saw the alarm."""
        since = self.first_alarm.get(issue)
        return since + timedelta(minutes=FIRST_NOTICE_MINUTES) if since is not None else None

    def alarm_since(self) -> datetime | None:
        """When this console first saw what burns now; None where nothing has to be told."""
        burning = [since for issue, since in self.first_alarm.items() if self.severity(issue) in NOTIFY_SEVERITIES]
        return min(burning, default=None)

    def urgency(self, issue: str, catalogue: Catalogue) -> int:
        """Rank for the list, 0 first: the severity's place in the matrix row; what is not known ranks before ok."""
        severities, severity = catalogue.issues[issue].severities, self.severity(issue)
        if severity in severities:
            return severities.index(severity)
        return len(severities) + (1 if severity == OK else 0)

    def reorder(self, catalogue: Catalogue) -> bool:
        """Put the most urgent first, then in the catalogue's order; True when the order changed."""
        listed = [issue for issue in catalogue.issues if issue in self.issues]
        order = tuple(sorted(listed, key=lambda issue: self.urgency(issue, catalogue)))
        changed = order != self.issues
        self.issues = order
        return changed

    # ---- texts about the issue in view

    def evidence(self, glyphs: Glyphs) -> Why:
        """Title, one line and evidence of the selected issue's pulse."""
        title, pulse = self.selected.replace("_", " "), self.pulse(self.selected)
        if pulse is None or pulse.value is None:
            failure = pulse.failure if pulse is not None else ""
            return title, failure or "nothing has answered yet", []
        value = pulse.value
        usual = "nothing is usual" if value.usual is None else f"usual is {value.usual:,.0f}"
        events = f"{wording.count(value.count, glyphs)} {form(value.count or 0, 'event')} in {short(value.window_s)}"
        verdict = self.verdict(self.selected)
        by = f" by {verdict.reason}" if verdict is not None and verdict.reason else ""
        summary = f"{events}, {usual} (median of the day before); severity {self.severity(self.selected)}{by}"
        return title, " · ".join([summary, *value.findings]), list(value.evidence)

    def first_notice(self, catalogue: Catalogue, now: datetime) -> str:
        """A first notice with the figures in view, to be pasted by hand where nothing can be sent."""
        issue, pulse = self.selected, self.pulse(self.selected)
        model = catalogue.issues[issue]
        lines = [f"{model.title}: {self.severity(issue).upper()}, as of {now:%H:%M} UTC"]
        if pulse is not None and pulse.value is not None:
            lines.append(_figures(pulse.value) + doubt(pulse, now))
        for key, reading in self.readings.items():
            if key.startswith(f"check:{issue}:") and reading.value is not None:
                lines.append(f"- {reading.value.summary}{doubt(reading, now)}")
        return "\n".join([*lines, f"route: {model.route}", f"contact: {catalogue.contact.manager}"])


def _unanswered(source: str, reading: Reading[Any] | None) -> Ground:
    failed = reading is not None and str(reading.freshness) == "failed"
    return unanswered_ground(source, waiting=not failed, said=reading.failure if reading is not None else "")


def _figures(pulse: Pulse) -> str:
    count = "not known" if pulse.count is None else f"{pulse.count:,}"
    accounts = "not known" if pulse.accounts is None else f"{pulse.accounts:,}"
    headline = f"{pulse.headline}; " if pulse.headline else ""
    return f"{headline}events in {short(pulse.window_s)}: {count}; accounts: {accounts}"


def doubt(reading: Reading[Any], now: datetime) -> str:
    """That an answer is old, to stand behind it; empty when it is not."""
    if not wording.is_stale(reading):
        return ""
    return f" (OLD: asked {wording.aged(reading, now)} ago; {reading.failure})"
