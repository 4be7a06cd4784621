"""The table on standard output and the JSON file."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure

VERDICTS = {True: "pass", False: "MISS", None: ""}


@dataclass(slots=True, frozen=True)
class Outcome:
    """Result of one benchmark: figures, or why there are none."""

    figures: Sequence[Figure] = ()
    missing: str = ""
    seconds: float = 0.0


def table(name: str, outcome: Outcome) -> str:
    """One benchmark's lines."""
    if outcome.missing:
        return f"\n{name}\n  not available: {outcome.missing}"
    lines = [f"\n{name}  ({outcome.seconds:.0f} s)"]
    for figure in outcome.figures:
        beside = f"{_number(figure.beside):>10}" if figure.beside is not None else " " * 10
        ratio = f"{figure.ratio:6.2f}×" if figure.ratio is not None else " " * 7
        target = figure.target.words(figure.unit) if figure.target else ""
        line = f"  {figure.name:<46}{_number(figure.value):>10} {figure.unit:<8}{beside} {ratio}  {target:<18}"
        lines.append(f"{line}{VERDICTS[figure.passed]:<5} {figure.note}".rstrip())
    return "\n".join(lines)


def heading() -> str:
    """The columns."""
    return f"  {'figure':<46}{'console':>10} {'':<8}{'beside':>10} {'ratio':>7}  {'target':<18}"


def summary(outcomes: Mapping[str, Outcome]) -> str:
    """One line about all targets."""
    judged = [figure.passed for outcome in outcomes.values() for figure in outcome.figures]
    missing = sum(bool(outcome.missing) for outcome in outcomes.values())
    text = f"\n{judged.count(True)} targets met, {judged.count(False)} missed"
    return text + (f", {missing} benchmarks not available" if missing else "")


def write_json(path: Path, outcomes: Mapping[str, Outcome]) -> None:
    """Write everything that was measured, with what it was measured on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "taken_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "benchmarks": {
            name: {
                "figures": [figure.plain() for figure in outcome.figures],
                "not_available": outcome.missing or None,
                "seconds": round(outcome.seconds, 1),
            }
            for name, outcome in outcomes.items()
        },
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
