"""What screens of one moment say against each other: rows of text in, contradictions in words out.

A quantity is found by the words around it. Each number is known as exactly as it is written: 94.2 and 94.20 agree,
94.2 and 94.25 do not. What moves while a story runs may move by what its quantity allows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

NUMBER = r"(?<![:\d])(\d[\d,]*(?:\.\d+)?)"
HUNDREDTHS = 0.0101
"""What shares may differ by that are each written to a hundredth."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One screen, by what it is about ("" is the whole system), as rows of text."""

    about: str
    rows: Sequence[str]


@dataclass(frozen=True, slots=True)
class Fact:
    """One quantity as one place says it; None is "not known"."""

    quantity: str
    value: float | str | None
    slack: float
    said: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something that is written in more than one place. A pattern without a group says that there is none of it."""

    name: str
    patterns: tuple[str, ...]
    moves: float = 0.0
    """Amount by which two places may differ: an age that is rounded here and cut off there."""
    share: float = 0.0
    """Share of itself by which it may change between two readings of one moment."""
    scoped: bool = False
    """It is about the subject of its screen, and not about the whole system."""


LOGGED = 0.02
"""A window of 15 minutes, counted a few seconds later (chosen)."""

QUANTITIES = (
    Quantity(
        "backlog",
        (
            rf"backlog:? {NUMBER}",  # the table of level 1 among them
            rf"{NUMBER} webhook events? waits? for delivery",
            rf"good, {NUMBER} waiting",
            r"no webhook event waits",
        ),
    ),
    Quantity("pending events", (rf"events: {NUMBER} pending and", rf"pending: {NUMBER} processing:")),
    Quantity("failed events", (rf"pending and {NUMBER} failed", rf"processing: [\d,]+ failed: {NUMBER}")),
    Quantity(
        "lost events",
        (
            rf"{NUMBER} (?-i:events?) lost for good",  # "Events" begins a row of a table
            rf"lost for good {NUMBER}",
            rf"status lost\): {NUMBER}",
            r"no event is lost for good",
        ),
    ),
    Quantity(
        "age of the oldest event, minutes",
        (rf"the oldest for {NUMBER} min", rf"webhook event:? {NUMBER} min", rf"oldest waiting event: {NUMBER} min"),
        moves=1,
    ),
    Quantity(
        "HTTP 429 a minute",
        (rf"{NUMBER} HTTP 429 a minute", rf"429 answers {NUMBER} /min", rf"HTTP 429 rate {NUMBER}/min"),
        share=LOGGED,
        moves=1,
    ),
    Quantity("events of rate limiting", (rf"429 a minute now, {NUMBER} in the last 15 min",), share=LOGGED, moves=1),
    Quantity(
        "accounts of rate limiting",
        (
            rf"in the last 15 min in {NUMBER} accounts; (?:last |no )?Retry",
            rf"impact [\d,]+ over {NUMBER} accounts",
            rf"(?<!of the )accounts affected:? {NUMBER}",
            rf"scope \S+ · {NUMBER} accounts:",
        ),
        share=LOGGED,
        moves=1,
    ),
    Quantity("events", (rf"{NUMBER} events in the last 15 min in",), share=LOGGED, moves=1, scoped=True),
    Quantity("accounts", (rf"events in the last 15 min in {NUMBER} accounts",), share=LOGGED, moves=1, scoped=True),
    Quantity("health %", (rf"system health {NUMBER} %", rf"(?:✔ ok|▲ warn|✘ fail) {NUMBER} % [+-][\d.]+ from")),
    Quantity("token success %", (rf"token success(?: is| rate)? {NUMBER} %",), share=LOGGED),
    Quantity(
        "connections with a problem",
        (rf"{NUMBER} (?:connections? )?ha(?:s|ve) a problem", r"no connection with a problem is known"),
        scoped=True,
    ),
    Quantity(
        "connections in error",
        (rf"connections, {NUMBER} (?:is|are) in error", rf"connections error {NUMBER}", r"no connection is in error"),
        scoped=True,
    ),
    Quantity(
        "connections in warning", (rf"in error, {NUMBER} in warning", rf"connections warning {NUMBER}"), scoped=True
    ),
    Quantity(
        "connections disabled", (rf"in warning, {NUMBER} disabled", rf"connections disabled {NUMBER}"), scoped=True
    ),
    Quantity("tokens missing", (rf"{NUMBER} holds? no token", rf"tokens missing {NUMBER}"), scoped=True),
    Quantity("tokens expired", (rf"no token, {NUMBER} ha(?:s|ve) expired", rf"tokens expired {NUMBER}"), scoped=True),
    Quantity(
        "age of the oldest problem, minutes",
        (rf"unhealthy since \S+ UTC \({NUMBER}m\)", rf"the oldest problem began {NUMBER} min ago"),
        moves=1,
        scoped=True,
    ),
    Quantity(
        "stale agents",
        (
            rf"{NUMBER} agents? INFERRED or UNMATCHED although",
            rf"{NUMBER} agents? stale:",
            r"no agent is INFERRED or UNMATCHED while",
        ),
        scoped=True,
    ),
    Quantity(
        "deals not synced",
        (
            rf"{NUMBER} deals? ha(?:s|ve) never been synced",
            rf"deals not synced {NUMBER}",
            rf"why {NUMBER} deals? (?:is|are) not synced",
            r"every deal has been synced",
        ),
        scoped=True,
    ),
    Quantity("steps done", (rf"{NUMBER} of \d+ done",)),
    Quantity("steps in all", (rf"\d+ of {NUMBER} done",)),
)
ISSUES = ("rate limiting", "oauth failure", "transaction sync")
SEVERITY = r"(incident|critical|high|normal|monitoring|preventive|ok)"
WORDS = (
    ("tier", r"\btier (\d|—)"),
    ("next update", r"next update(?: due)?:? (?:\d{4}-\d\d-\d\d )?(\d\d:\d\d)"),
    *(
        (f"severity of {issue}", pattern)
        for issue in ISSUES
        for pattern in (
            rf"\b{issue}s? (?:· )?{SEVERITY}\b",
            rf"will be declared: {SEVERITY} · {issue}",
            rf"triage · {issue} {SEVERITY}\b",
        )
    ),
)
LEVEL_1 = re.compile(rf"^({'|'.join(ISSUES)})s? .*? {NUMBER} in 15 min(?:.* {NUMBER} accounts)?", re.IGNORECASE)
UNIT = r"(%|ms|s|pt|points|min)?"
LIMIT = re.compile(rf"([<>]) {NUMBER} ?{UNIT} (warning|critical)")
VERDICT = re.compile(rf"{NUMBER} ?{UNIT} *✔ ok|✔ ok +{NUMBER} ?{UNIT}")
JUDGED = re.compile(rf"{NUMBER} ?{UNIT} of [^:<>]*: (?=[<>])")
"""The number that the limits behind it judge, where the one above is another."""
DRIFT = re.compile(r"([\d.]+) % +(?:base ([\d.]+) +([+-][\d.]+)|([+-][\d.]+) from ([\d.]+) %)")


def contradictions(*screens: Shown) -> list[str]:
    """What these screens of one moment say against each other or against themselves; empty where they agree."""
    found = [wrong for screen in screens for wrong in (*_verdicts(screen.rows), *_sums(screen))]
    for one, other in combinations({fact: None for screen in screens for fact in facts(screen)}, 2):
        if one.quantity == other.quantity and not _agree(one, other):
            found.append(f"{one.quantity}: {one.said!r} and {other.said!r}")
    return found


def facts(screen: Shown) -> Iterator[Fact]:
    """The quantities that this screen gives, by name."""
    text = _one_line(screen.rows)
    about = f" of {screen.about}" if screen.about else ""
    for quantity in QUANTITIES:
        for pattern in quantity.patterns:
            for match in re.finditer(pattern, text, re.IGNORECASE):
                written = match[1] if match.re.groups else "0"
                slack = max(half_a_digit(written), quantity.moves, number(written) * quantity.share)
                name = quantity.name + (about if quantity.scoped else "")
                yield Fact(name, number(written), slack, match[0])
    for name, pattern in WORDS:
        for match in re.finditer(pattern, text, re.IGNORECASE):
            yield Fact(name, None if match[1] == "—" else match[1].lower(), 0.0, match[0])
    for row in screen.rows:
        if (line := LEVEL_1.match(row)) is not None:
            for name, written in (("events", line[2]), ("accounts", line[3])):
                if written:
                    slack = max(1.0, number(written) * LOGGED)
                    yield Fact(f"{name} of {line[1].lower()}", number(written), slack, line[0])


def number(written: str) -> float:
    return float(written.replace(",", ""))


def _agree(one: Fact, other: Fact) -> bool:
    if isinstance(one.value, float) and isinstance(other.value, float):
        # A slack of half a digit each: where one is written more coarsely, the finer one must round to it.
        return abs(one.value - other.value) <= max(one.slack, other.slack) + 1e-9
    return one.value == other.value


def half_a_digit(written: str) -> float:
    """Half a unit of the last place of a fraction; a whole number is a count, and exact."""
    places = len(written.partition(".")[2])
    return 0.5 * 10.0**-places if places else 0.0


def _one_line(rows: Iterable[str]) -> str:
    """The rows as one text; an age at the end of a row would tear a sentence that goes on below."""
    return " ".join(" ".join(re.sub(r"\s+\d+[smh]$", "", row.rstrip()).removeprefix("│") for row in rows).split())


def _verdicts(rows: Sequence[str]) -> Iterator[str]:
    """Each "ok" beside a value beyond the limits that stand on its row, or on the row below it."""
    for row, below in pairwise((*rows, "")):
        found = VERDICT.search(row)
        if found is None or "chance" in row:  # a small account may be beyond a limit by chance, and then says so
            continue
        value, unit = number(found[1] or found[3]), found[2] or found[4]
        place = row if LIMIT.search(row) else "" if VERDICT.search(below) else below
        if (judged := JUDGED.search(place)) is not None:
            value, unit = number(judged[1]), judged[2]
        elif any(measure == "%" for _, _, measure, _ in LIMIT.findall(place)) and not unit:
            yield f"ok beside limits of a share that is not there: {row.strip()!r} and {place.strip()!r}"
        for way, limit, measure, what in LIMIT.findall(place):
            beyond = value > number(limit) if way == ">" else value < number(limit)
            if beyond and (not measure or measure == unit):  # else the limit is one of a share, or of another figure
                yield f"ok beside its {what} limit: {row.strip()!r} and {way} {limit}"


def _sums(screen: Shown) -> Iterator[str]:
    """Parts that do not add up to what they are parts of."""
    text = _one_line(screen.rows)
    for match in re.finditer(rf"replay {NUMBER} events: {NUMBER} pending and {NUMBER} failed", text):
        if number(match[1]) != number(match[2]) + number(match[3]):
            yield f"parts do not add up: {match[0]!r}"
    for match in DRIFT.finditer(text):
        share, base, drift = (number(match[place]) for place in ((1, 2, 3) if match[2] else (1, 5, 4)))
        if abs(share - base - drift) > HUNDREDTHS:
            yield f"parts do not add up: {match[0]!r}"
    connections = re.search(rf"healthy {NUMBER} warning {NUMBER} error {NUMBER} disabled", text)
    health = re.search(rf"(?:✔ ok|▲ warn|✘ FAIL) {NUMBER} % [+-][\d.]+ from", text)
    if connections and health:
        healthy, warning, error = (number(connections[place]) for place in (1, 2, 3))
        if abs(100.0 * healthy / (healthy + warning + error) - number(health[1])) > HUNDREDTHS:
            yield f"health is not its connections: {health[0]!r} and {connections[0]!r}"
