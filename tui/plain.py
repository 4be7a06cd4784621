"""`warroom --plain`: the console as lines, for screen readers and pipes: a summary, then only what changed.

No control sequence is ever written. What is typed is answered in lines too; measuring and answering take turns.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from diagnostics.catalogue.model import IssueType
from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now
from diagnostics.core.waiting import Deadline, when_turn_comes
from diagnostics.models.triage import TriageRequest
from diagnostics.service import Diagnostics
from diagnostics.signals.pulses import settled_pulse
from diagnostics.signals.severity import PULSE, Ground, examples_of, finding_ground, judge, pulse_ground
from diagnostics.signals.severity import unanswered_ground as unanswered
from diagnostics.triage.document import answer_document
from tui.cli.exit_codes import ExitCode
from tui.cli.output import WORDS, Style, say
from tui.cli.renderers import diagnosis
from tui.cli.renderers.document import as_text
from tui.cli.renderers.incident import line as incident_line
from tui.opening import open_service
from tui.options import Options

USUAL_WAIT_S = 10.0
"""A verdict waits so long for what is usual: without it a count can look milder than it is."""

LONGEST_TYPED = 2_000
READ_BYTES = 4_096
PLAIN = Style()

HELP = """\
1, status: every issue of level 1 and its checks, as last measured
2: health and the figures of level 2, asked now
sources: state of each source
incidents: all incidents, newest first
an issue, such as rate_limiting: its triage, with the next step
account ID, such as account 14009: what its credentials say
deal ID account ID: why that deal does not sync
help: this list
quit, or the end of input: leave"""


@dataclass(slots=True, frozen=True)
class Stated:
    """One thing that is watched."""

    state: str
    """What is compared: a severity, a status; figures that only move are no change."""
    said: str
    """The whole, as a sentence."""
    headline: bool = False
    """Whether it belongs into the summary."""


Picture = Mapping[str, Stated]


def run_plain(options: Options) -> int:
    """Summary, changes and answers on standard output until `quit` or the end of input; 0 then.

    Raises UserError, SourceFailure where nothing can be opened, BrokenPipeError where the reader went away.
    """
    with open_service(options) as opened:
        service = opened.diagnostics
        say([f"War room, {clean(opened.environment)}. Type help for what can be asked, quit to leave. Measuring …"])
        picture = measured(service)
        say(stamped(summary(picture)))
        pause = opened.loaded.settings.refresh.checks_s
        typed, due = _Typed(), time.monotonic() + pause
        while True:
            for asked in typed.until(due):
                if asked is None or asked in {"quit", "q", "exit"}:
                    return ExitCode.HEALTHY
                say(answered(service, picture, asked))
            if time.monotonic() >= due:
                now = measured(service)
                say(stamped(changes(picture, now)))
                picture, due = now, time.monotonic() + pause


def measured(service: Diagnostics) -> Picture:
    """Everything that is watched, asked now. Raises nothing that a source can do."""
    found: dict[str, Stated] = {}
    for issue in service.catalogue.issues.values():
        if issue.level == 1:
            found |= _issue(service, issue)
    for source in service.sources():
        word = WORDS[source.status]
        detail = f", {source.detail}" if source.detail else ""
        found[f"source {source.name}"] = Stated(word, f"source {source.name}: {word}{detail}")
    try:
        for one in service.incidents.lines():
            state = f"{one.status} {one.severity} {one.commander} {one.merged_into} {one.title}"
            found[f"incident {one.id}"] = Stated(state, f"incident {incident_line(one)}", headline=one.is_open)
    except SourceFailure as failure:
        found["incidents"] = Stated("UNREACHABLE", f"incidents: {failure}", headline=True)
    return found


def _issue(service: Diagnostics, issue: IssueType) -> dict[str, Stated]:
    """An issue as level 1 judges it, then its checks."""
    grounds: list[Ground] = []
    checks: dict[str, Stated] = {}
    try:
        deadline = Deadline(None, USUAL_WAIT_S)
        pulse = when_turn_comes(lambda: settled_pulse(service.context, issue, deadline.left_s()), deadline)
        grounds.append(pulse_ground(issue, pulse))
    except SourceFailure as failure:
        grounds.append(unanswered(PULSE, waiting=False, said=str(failure)))
    for check in service.console_checks(issue.name):
        finding = service.console_check(issue.name, check)
        ground = finding_ground(issue, finding, example=check in examples_of(issue))
        if ground is not None:
            grounds.append(ground)
        word = WORDS[finding.status]
        checks[f"check {issue.name} {check}"] = Stated(
            word, f"{issue.title}, {finding.title} {word}: {finding.summary}"
        )
    verdict = judge(issue, grounds)
    because = f": {verdict.said}" if verdict.said else ""
    missing = f" Not answered: {', '.join(verdict.missing).replace('_', ' ')}." if verdict.missing else ""
    said = f"{issue.title}: {verdict.severity.upper()}{because}{missing}"
    return {f"issue {issue.name}": Stated(verdict.severity, said, headline=True), **checks}


def summary(picture: Picture) -> Iterator[str]:
    """Issues, open incidents, and sources that are not well."""
    for key, one in picture.items():
        if one.headline or (key.startswith("source ") and one.state != WORDS["pass"]):
            yield one.said


def changes(before: Picture, now: Picture) -> Iterator[str]:
    """A sentence for each thing whose state is another one, that is new, or that is no longer there."""
    for key, one in now.items():
        old = before.get(key)
        if old is None:
            yield f"new: {one.said}"
        elif old.state != one.state:
            was = "" if key.startswith("incident ") else f" (was {old.state})"
            yield f"changed: {one.said}{was}"
    for key in before.keys() - now.keys():
        yield f"gone: {key.replace('_', ' ')}"


def stamped(lines: Iterable[str]) -> Iterator[str]:
    """Each line cleaned, after the time."""
    for line in lines:
        yield f"{utc_now():%H:%M:%S} UTC  {clean(line, limit=2_000)}"


def answered(service: Diagnostics, picture: Picture, asked: str) -> list[str]:
    """What was asked for, as lines; a mistake or a silent source is said in them."""
    try:
        return [clean(line, limit=8_000) for line in _answer(service, picture, asked)]
    except (UserError, SourceFailure) as error:
        return [clean(line, limit=2_000) for line in error.lines()]


def _answer(service: Diagnostics, picture: Picture, asked: str) -> Iterable[str]:
    word, *rest = asked.split()
    named: dict[str, Callable[[], Iterable[str]]] = {
        "1": lambda: (one.said for key, one in picture.items() if key.startswith(("issue ", "check "))),
        "2": lambda: _figures(service),
        "sources": lambda: (one.said for key, one in picture.items() if key.startswith("source ")),
        "incidents": lambda: list(map(incident_line, service.incidents.lines())) or ["no incident has been declared"],
        "help": HELP.splitlines,
    }
    named["status"] = named["1"]
    if not rest and word in named:
        return named[word]()
    if not rest and word in service.catalogue.issues:
        answer = service.triage(TriageRequest(issue_type=word))
        return as_text([answer_document(answer, service.catalogue.contact.line())], PLAIN, evidence=False)
    match [word, *rest]:
        case ["account", account] if _is_id(account):
            return as_text([diagnosis.document(service.accounts.oauth(int(account), None))], PLAIN, evidence=False)
        case ["deal", deal, "account", account] if _is_id(deal) and _is_id(account):
            return as_text([diagnosis.document(service.deals.diagnose(int(deal), int(account)))], PLAIN, evidence=False)
    raise UserError(
        f"not understood: {asked[:60]!r}",
        accepted=f"1, 2, sources, incidents, {', '.join(service.catalogue.issues)}, account ID, deal ID account ID",
        next_step="help",
    )


def _figures(service: Diagnostics) -> Iterator[str]:
    for figure in (*service.health.rollup(), *service.health.kpis()):
        limit = f", limit {figure.threshold}" if figure.threshold else ""
        why = f": {figure.failure}" if figure.failure else ""
        yield f"{figure.title} {figure.shown}, {WORDS[figure.status]}{limit}{why}"


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18 and int(text) > 0


class _Typed:
    """Lines of standard input, without blocking longer than asked."""

    def __init__(self) -> None:
        self._rest = b""

    def until(self, due: float) -> Iterator[str | None]:
        """Lines that arrive before `due` (monotonic seconds), None at the end of input. Empty lines are left out."""
        descriptor = sys.stdin.fileno()
        while (left := due - time.monotonic()) > 0:
            if not select.select([descriptor], [], [], left)[0]:
                return
            read = os.read(descriptor, READ_BYTES)
            *lines, self._rest = (self._rest + (read or b"\n")).split(b"\n")
            # A line without end is no command, and is not kept for ever.
            self._rest = self._rest[-LONGEST_TYPED:]
            for line in lines:
                if text := clean(line.decode("utf-8", errors="replace"), limit=LONGEST_TYPED).strip():
                    yield text
            if not read:
                yield None
                return
