"""`warroom accounts affected`: whom an issue hits, the largest impact first, as text, JSON or CSV."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from diagnostics.core.failures import SourceFailure
from diagnostics.core.named_files import write_new
from diagnostics.core.table_text import Value, table_text
from diagnostics.core.words import plural
from tui.cli.exit_codes import ExitCode
from tui.cli.output import Style, say
from tui.opening import open_service
from tui.options import Options

if TYPE_CHECKING:
    from diagnostics.models.incidents import AffectedAccount, AffectedAccounts
    from diagnostics.service import Diagnostics

NAMES = (
    *("issue", "account_id", "name", "users", "impact", "share", "events", "first_seen", "last_seen", "synced"),
    *("kind", "share_counted", "why"),
)


def run(options: Options, given: Namespace) -> int:
    """List and print, or write a new file. Raises UserError, and SourceFailure where no issue could be asked about."""
    with open_service(options) as opened:
        service = opened.diagnostics
        issues = [options.issue] if options.issue else _level_one(service)
        answers, failures = _ask(service, issues, options.severity, given.window)
    text = _rendered(given.format, answers, failures)
    if given.output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        write_new(Path(given.output), text)
        say([f"{plural(sum(len(answer.rows) for answer in answers), 'row')} written to {given.output}"])
    if failures or any(answer.total is None for answer in answers):
        return ExitCode.UNREACHABLE
    return ExitCode.WARNING if any(answer.total for answer in answers) else ExitCode.HEALTHY


def _level_one(service: Diagnostics) -> list[str]:
    return [name for name, issue in service.catalogue.issues.items() if issue.level == 1]


def _ask(
    service: Diagnostics, issues: Sequence[str], severity: str | None, window_s: int | None
) -> tuple[list[AffectedAccounts], dict[str, SourceFailure]]:
    answers: list[AffectedAccounts] = []
    failures: dict[str, SourceFailure] = {}
    for issue in issues:
        try:
            answers.append(service.assessments.affected(issue, severity, window_s))
        except SourceFailure as failure:
            if len(issues) == 1:
                raise
            failures[issue] = failure
    if not answers:
        raise next(iter(failures.values()))
    return answers, failures


def _rendered(form: str, answers: Sequence[AffectedAccounts], failures: dict[str, SourceFailure]) -> str:
    rows = [row for answer in answers for row in answer.rows]
    if form == "csv":
        return table_text(NAMES, map(_cells, rows), "csv")
    if form == "json":
        whole = {
            "issues": [_about(answer) for answer in answers],
            "not_known": {issue: failure.headline() for issue, failure in failures.items()},
            "accounts": [dict(row.record()) for row in rows],
        }
        return f"{json.dumps(whole, ensure_ascii=False, indent=2)}\n"
    return "".join(f"{line}\n" for line in _lines(answers, failures, Style.of_stdout()))


def _about(answer: AffectedAccounts) -> dict[str, object]:
    return {
        "issue": answer.issue,
        "severity": answer.severity,
        "window_s": answer.window_s,
        "total": answer.total,
        "at_least": answer.at_least,
        "listed": len(answer.rows),
        "words": answer.words(),
        "basis": answer.basis,
        "taken_at": answer.taken_at.isoformat().replace("+00:00", "Z"),
        "notes": list(answer.notes),
    }


def _cells(row: AffectedAccount) -> tuple[Value, ...]:
    record = row.record()

    def value(name: str) -> Value:
        found = record[name]
        return found if isinstance(found, str | int | float) else None

    kind = row.kind_words or None
    return tuple(kind if name == "kind" else value(name) for name in NAMES)


def _lines(answers: Sequence[AffectedAccounts], failures: dict[str, SourceFailure], style: Style) -> list[str]:
    lines: list[str] = []
    for answer in answers:
        lines += style.block(f"{answer.issue}: {answer.words()}, {answer.basis}; by impact ({answer.severity})")
        names = ("account", "name", "users", "impact", "share", "events", "first seen", "last seen", "sync", "kind")
        if answer.rows:
            lines += table_text(names, map(_short, answer.rows), "text").splitlines()
        for note in answer.notes:
            lines += style.block(note, indent=2)
        lines.append("")
    for issue, failure in failures.items():
        lines += style.block(f"{issue}: accounts affected: not known: {failure.headline()}")
    return lines[:-1] if lines and not lines[-1] else lines


def _short(row: AffectedAccount) -> tuple[Value, ...]:
    return (
        str(row.account_id),
        row.name or None,
        row.size,
        f"{row.impact:,.1f}",
        None if row.share is None else f"{100 * row.share:.0f} %",
        row.events,
        None if row.first_seen is None else f"{'≤' if row.began_before else ''}{row.first_seen:%H:%M}",
        None if row.last_seen is None else f"{row.last_seen:%H:%M}",
        row.synced or None,
        row.kind_words or None,
    )
