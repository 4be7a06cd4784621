"""How the header words the sources and the budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from widgets.header_bar import SourceWord
from widgets.wording import status_sign, status_tone

if TYPE_CHECKING:
    from diagnostics.live import Live
    from diagnostics.service import Diagnostics
    from widgets.glyphs import Glyphs


def source_words(live: Live | None, service: Diagnostics | None, signs: Glyphs) -> tuple[SourceWord, ...]:
    """One word a source: `db ● 12 ms`, `datadog ● 3/3 per 10 s`. Grey until it has answered."""
    if live is None or service is None:
        return (SourceWord("sources", signs.waiting, "muted", "opening"),)
    reading = live.last("sources")
    if reading is None or reading.value is None:
        detail = reading.failure if reading is not None and reading.failure else "asking"
        return (SourceWord("sources", signs.waiting, "muted", detail),)
    words = []
    for state in sorted(reading.value, key=lambda state: state.name != "common"):
        name = "db" if state.name == "common" else state.name
        fine = str(state.status) == "pass"
        detail = state.detail
        if fine and not detail and state.latency_ms is not None:
            detail = f"{_rounded(state.latency_ms)}ms"
        if not fine:
            # One word: what went wrong in full stands behind `:sources`.
            detail = detail.removeprefix(f"{state.name}: ").partition(":")[0]
        tone = status_tone(state.status)
        words.append(SourceWord(name, signs.dot if fine else status_sign(state.status, signs), tone, detail))
    return tuple(words)


def _rounded(latency_ms: float) -> int:
    # A latency that flickers between 11 and 12 would repaint the header for nothing.
    value = max(1, round(latency_ms))
    return value if value < 10 else value - value % 5
