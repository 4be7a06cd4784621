"""`warroom doctor`: every source, line by line as it is found out."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator

from diagnostics.core.time import utc_now
from diagnostics.models.doctor import DoctorLine
from diagnostics.sources.document import doctor_summary
from tui.cli import exit_codes
from tui.cli.output import WORD_WIDTH, Style, say
from tui.cli.renderers.triage import json_text
from tui.opening import open_service
from tui.options import Options


def run(options: Options, given: Namespace) -> int:
    """Test every source and print what is right, what is wrong and what to do about it."""
    lines: list[DoctorLine] = []
    style = Style.of_stdout()
    with open_service(options, examines=True) as opened:
        for line in opened.diagnostics.doctor(tuple(getattr(given, "account_id", ()))):
            lines.append(line)
            if given.format == "text":
                say(as_text(line, style))
    if given.format == "json":
        say([as_json(lines)])
    else:
        # What failed first may have scrolled away.
        say(["", *summary_text(lines, style)])
    return exit_codes.of_doctor(lines)


def as_text(line: DoctorLine, style: Style) -> Iterator[str]:
    """One line for a person, with its remedy below."""
    latency = "" if line.latency_ms is None else f" ({line.latency_ms:,.0f} ms)"
    indent = WORD_WIDTH + 2
    yield from style.block(
        f"{line.source}  {line.subject}: {line.detail}{latency}", indent=indent, first=f"{style.status(line.status)}  "
    )
    if line.remedy:
        yield from style.block(f"do: {line.remedy}", indent=indent)


def summary_text(lines: list[DoctorLine], style: Style) -> Iterator[str]:
    """What to mend first, as the last words."""
    first, indent = doctor_summary(lines), WORD_WIDTH + 2
    yield from style.block(first.detail, indent=indent, first=f"{style.status(first.status)}  ")
    if first.remedy:
        yield from style.block(f"do: {first.remedy}", indent=indent)


def as_json(lines: list[DoctorLine]) -> str:
    """All lines as one JSON document, ASCII only."""
    document = {
        "outcome": "doctor",
        "lines": [line.model_dump(mode="json") for line in lines],
        "taken_at": utc_now().isoformat(),
    }
    return json_text(document)
