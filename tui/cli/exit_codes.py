"""The program's exit codes, and how an answer becomes one."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diagnostics.models.doctor import DoctorLine
    from diagnostics.models.triage import Finding, Refusal, Triage


class ExitCode(IntEnum):
    """Stable: scripts and alerts depend on these numbers."""

    HEALTHY = 0
    CRITICAL = 1
    """A check or the count of the issue failed, and the severity is critical or incident."""
    WARNING = 2
    """A check warns, has no data, or fails at a lower severity."""
    REFUSED = 3
    UNREACHABLE = 4
    """A source gave no answer, or logs that are too late for one, and nothing that did is critical."""
    USAGE = 64
    INTERNAL = 70
    NOT_WRITTEN = 74
    """EX_IOERR of sysexits.h: what was found out could not be written, because standard output is closed or full."""
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    """128 and SIGPIPE, as a shell reports a tool whose reader went away: nobody knows how much it read."""


def of_answer(answer: Triage | Refusal) -> ExitCode:
    """The exit code of a triage.

    A refusal stands above everything: nothing was answered. Then what calls people, then what nobody could see, then
    what can wait: a failure that is certain is not hidden behind a source that is silent.
    """
    from diagnostics.models.triage import Refusal  # noqa: PLC0415  # the parser needs the codes, not the models

    if isinstance(answer, Refusal):
        return ExitCode.REFUSED
    statuses = {str(finding.status) for finding in answer.findings}
    if answer.pulse is not None:
        statuses.add(str(answer.pulse.status))
    if "fail" in statuses and answer.notify:
        return ExitCode.CRITICAL
    is_late = any(_is_late(finding) for finding in answer.findings)
    if "unreachable" in statuses or answer.unreachable or is_late:
        return ExitCode.UNREACHABLE
    return ExitCode.WARNING if statuses - {"pass"} else ExitCode.HEALTHY


def _is_late(finding: Finding) -> bool:
    """Whether nothing can be said because data is late: the source is there, and what was asked of it is not yet."""
    return str(finding.status) == "no_data" and finding.evidence is not None and finding.evidence.newest_at is not None


def of_doctor(lines: Iterable[DoctorLine]) -> ExitCode:
    """The exit code of the doctor: a source that cannot be reached, then a failure, then a warning.

    A line without data (a replica lag that this server does not tell) is not a warning: there is nothing to mend.
    """
    statuses = {str(line.status) for line in lines}
    for status, code in (
        ("unreachable", ExitCode.UNREACHABLE),
        ("fail", ExitCode.CRITICAL),
        ("warn", ExitCode.WARNING),
    ):
        if status in statuses:
            return code
    return ExitCode.HEALTHY
