"""How spans of time, ages, counts and remedies are worded: one place, so that every text says them alike.

A span has two wordings. The long one stands in sentences: "45 s", "15 min", "1 h 5 min", "15 d". The short one stands
in panes and titles: "45s", "15m", "1h05m", "24h", "2d 5h". Days are counted from two days on.

What a pane shows of a span that grows is counted in steps (5 s under a minute, then minutes, from two days on hours),
so that an idle console is silent on the wire.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400

STEP_S = 5
"""Within the last minute, seconds are shown in steps of this many."""


# ---- spans of time


def _units(seconds: float, *, days: bool) -> list[tuple[int, str]]:
    """Each unit that is not zero, the largest first. Only seconds under two minutes; `days` from two days on."""
    whole = max(0, round(seconds))
    if whole < 2 * MINUTE_S and whole != MINUTE_S:
        return [(whole, "s")]
    in_days, rest = divmod(whole, DAY_S) if days and whole >= 2 * DAY_S else (0, whole)
    in_hours, rest = divmod(rest, HOUR_S)
    counts = zip((in_days, in_hours, *divmod(rest, MINUTE_S)), ("d", "h", "min", "s"), strict=True)
    return [(count, unit) for count, unit in counts if count]


def _long(units: list[tuple[int, str]]) -> str:
    return " ".join(f"{count} {unit}" for count, unit in units)


def _stepped(seconds: float) -> int:
    whole = max(0, int(seconds))
    return whole - whole % (STEP_S if whole < MINUTE_S else MINUTE_S if whole < 2 * DAY_S else HOUR_S)


def span(seconds: float) -> str:
    """A length of time for a sentence: "45 s", "15 min", "1 h 30 min", "49 h", "15 d"; only whole days are days."""
    return _long(_units(seconds, days=round(seconds) % DAY_S == 0))


def about(seconds: float) -> str:
    """A length of time for a sentence: whole minutes from two minutes on, whole hours from two days on.

    Cut off like an age on a pane, so that one instant has one age on a screen.
    """
    for unit, from_s in ((HOUR_S, 2 * DAY_S), (MINUTE_S, 2 * MINUTE_S)):
        if seconds >= from_s:
            return span(seconds // unit * unit)
    return span(seconds)


def short(seconds: float) -> str:
    """A length of time for a pane: "45s", "15m", "1h05m", "24h", "2d 5h"."""
    (first, unit), *rest = _units(seconds, days=True)
    further = (f" {count}{one}" if unit == "d" else f"{count:02d}{one[0]}" for count, one in rest)
    return f"{first}{unit[0]}{''.join(further)}"


def stepped(seconds: float) -> str:
    """A length of time that grows or shrinks while somebody looks, for a sentence: "45 s", "12 min", "3 h 5 min"."""
    return _long(_units(_stepped(seconds), days=True))


def age(then: datetime | None, now: datetime) -> str:
    """How long ago, in steps, for a pane; "never" where there is no moment, "0s" for one that lies ahead."""
    return "never" if then is None else short(_stepped((now - then).total_seconds()))


# ---- counts and lists


def form(count: int, one: str, many: str = "") -> str:
    """The word that goes with a count: `event` or `events`, `is` or `are`."""
    return one if count == 1 else many or f"{one}s"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 event`, `2 events`, `1,204 events`."""
    return f"{count:,} {form(count, one, many)}"


def listed(items: Iterable[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`; empty for none."""
    *others, end = list(items) or [""]
    return f"{', '.join(others)} {last} {end}" if others else end


def percent(value: float | None) -> str:
    """A share for a person."""
    return "—" if value is None else f"{value:.1f} %"


# ---- sentences and remedies


def capital(text: str) -> str:
    """`text` beginning as a sentence does."""
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """`text` with the full stop that it may lack, so that another sentence can follow."""
    return text if not text or text.endswith((".", "!", "?", ":")) else f"{text}."


def advice(remedy: str) -> str:
    """A remedy as a sentence of its own; the name of a setting or a command at its head keeps its spelling."""
    is_word = remedy.partition(" ")[0].isalpha() and not remedy.startswith("warroom ")
    return sentence(capital(remedy) if is_word else remedy)


# ---- lengths as others count them


def units(text: str) -> int:
    """The length of a text as Java and JavaScript count it, in UTF-16 units: an emoji has two."""
    return len(text) + sum(letter > "\uffff" for letter in text)


def left_out(kept: int, whole: int) -> str:
    """How much of a text is not there, in characters, for the reader of what is left of it."""
    return f"{max(0, whole - kept):,} of {whole:,} characters are left out"


def within_units(text: str, most: int, ending: str = "…") -> str:
    """The text in at most `most` UTF-16 units; one that is cut ends in `ending`, and never within a letter."""
    if len(text) * 2 <= most or units(text) <= most:
        return text
    room = most - units(ending)
    kept = text[: max(0, room)]
    while units(kept) > room:
        kept = kept[: -max(1, (units(kept) - room + 1) // 2)]
    return kept + ending
