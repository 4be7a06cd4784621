"""Level 2 as documents: figures, shares, courses, counts and systems in full."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from diagnostics.core.document import GAP, Asked, Block, Cell, Document, Fact, Heading, Line, State, Text, Tone, facts
from diagnostics.core.words import plural
from diagnostics.triage.document import doubted

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.models.figures import Course, Coverage, Figure
    from diagnostics.models.health import ConnectionHealth, MonitorCreated, Resolution, SystemState
    from diagnostics.models.readings import Reading

POINT = 3
"""Cells before each of several notes."""


def notes(texts: Iterable[str], title: str = "caveats") -> list[Block]:
    """What bends a number, one note a paragraph."""
    lines = [Fact(" ·", note, width=POINT) for note in texts if note]
    return [Heading(title), *lines] if lines else []


def coverage_blocks(coverage: Coverage | None) -> list[Block]:
    """How much of what was asked has answered, and why the rest has not."""
    if coverage is None:
        return []
    blocks: list[Block] = [Fact("rests on", coverage.words())]
    for gap in coverage.gaps:
        examples = f" (such as {', '.join(gap.examples)})" if gap.examples else ""
        blocks.append(Fact("missing", f"{gap.count:,} {coverage.unit}: {gap.reason}{examples}", "warn"))
    return blocks


def how_computed(catalogue: Catalogue, name: str) -> str:
    """How a number is obtained, as the catalogue says it; empty where it says nothing."""
    baseline, threshold = catalogue.baselines.get(name), catalogue.thresholds.get(name)
    parts = [baseline.computed if baseline is not None else "", threshold.note if threshold is not None else ""]
    if threshold is not None and threshold.assumed:
        parts.append("The limits are assumed: no source gives them.")
    return " · ".join(part for part in parts if part)


def _figure(figure: Figure, computed: str = "") -> list[Block]:
    """A figure in full, without its heading."""
    return [
        State(figure.status, figure.title),
        GAP,
        Fact("value", "—" if figure.value is None else figure.shown, "strong"),
        *facts(
            ("judged", figure.judged), ("held against", figure.threshold), ("computed", computed), ("note", figure.note)
        ),
        Fact("no answer", figure.failure, "warn"),
        *coverage_blocks(figure.coverage),
    ]


def figure_document(figure: Figure, catalogue: Catalogue | None, *, doubt: str = "", step: str = "") -> Document:
    """A figure with its evidence. `doubt` says that it is old; `step` what can be done from here."""
    computed = how_computed(catalogue, figure.id) if catalogue is not None else ""
    further = [GAP, Text(step, "accent")] if step else []
    blocks = [*doubted(doubt), *_figure(figure, computed), *further, Asked(figure.evidence)]
    return Document(f"figure · {figure.title}", blocks)


def course_document(course: Course) -> Document:
    """Every step of a course; a step of which nothing is known is a dash."""
    since = f"nothing is known before {course.since:%Y-%m-%d %H:%M} UTC" if course.since is not None else ""
    blocks: list[Block] = [Text(course.basis or "no basis is stated"), Text(since, "muted")]
    blocks.append(Heading(f"{course.title}, newest first"))
    for point in reversed(course.points):
        known = point.value is not None
        value = f"{point.value:.2f} {course.unit}" if known else "—"
        amount = "" if point.rows is None else plural(point.rows, "row")
        cells = (
            Cell(f"{point.at:%d %b %H:%M}", "muted", 14),
            Cell(value, "" if known else "muted", 12, right=True),
            Cell(f"   {amount}", "muted"),
        )
        blocks.append(Line(cells))
    return Document(f"course · {course.title}", [*blocks, Asked(course.evidence)])


def resolution_document(resolution: Resolution, shares: Block, bands: str, *, doubt: str = "") -> Document:
    """The distribution in full: the shares as the surface draws them with their `bands`, what is missing or in none."""
    origin = resolution.origin or "not stated"
    held = "not known" if resolution.total is None else f"{resolution.total:,} agents hold one of the three methods"
    as_of = f"{resolution.as_of:%Y-%m-%d %H:%M} UTC" if resolution.as_of is not None else ""
    blocks = [
        State(resolution.status, "resolution of all accounts against the baseline"),
        Text(doubt, "warn"),
        GAP,
        shares,
        GAP,
        *facts(("total", held), ("bands", bands), ("asked by", origin), ("data as of", as_of)),
        *coverage_blocks(resolution.coverage),
        *_outliers(resolution),
        *notes((left_out(resolution), *resolution.notes)),
        Asked(resolution.evidence),
    ]
    return Document("resolution · all accounts", blocks)


def left_out(resolution: Resolution) -> str:
    """Rows that stand in no share, or nothing."""
    parts = []
    if resolution.retired:
        parts.append(f"{resolution.retired:,} of the retired method 2")
    if resolution.unclear:
        parts.append(f"{resolution.unclear:,} with no known method")
    return f"in no share: {', '.join(parts)}" if parts else ""


def _outliers(resolution: Resolution) -> list[Block]:
    """The accounts furthest from the baselines, each to be opened; nothing where nobody looked account by account."""
    if not resolution.outliers:
        return []
    blocks: list[Block] = [Heading("accounts furthest from the baseline"), Text("enter opens the account", "muted")]
    for one in resolution.outliers:
        cells = (
            Cell(f"{one.account_id} {one.account_name}".rstrip(), "key", 32),
            Cell(one.method, width=10),
            Cell(f"{one.share:.2f} %", "strong", 9, right=True),
            Cell(f"{one.drift:+.2f}", width=9, right=True),
            Cell(f"   {one.agents:,} agents", "muted", 18),
        )
        blocks.append(Line(cells, key=f"account:{one.account_id}:{one.method}"))
    return blocks


def state_of(figure: Figure) -> str:
    """The state that a count counts: the last word of its id, such as "error" in "connections_error"."""
    return figure.id.rpartition("_")[2].rpartition(".")[2]


def state_tone(state: str) -> Tone:
    """The tone of a connection's state."""
    tones: dict[str, Tone] = {"error": "fail", "warning": "warn", "healthy": "pass"}
    return tones.get(state, "muted")


def counts_document(health: ConnectionHealth, *, doubt: str = "") -> Document:
    """Connections by state, and what is wrong with their rows."""
    blocks = doubted(doubt)
    for figure in health.counts:
        amount = "—" if figure.value is None else figure.shown
        title = Cell(figure.title, state_tone(state_of(figure)), 16)
        blocks += [Line((title, Cell(amount, "strong", 12, right=True))), Text(figure.note, "muted", indent=4)]
    blocks += [Heading("their problems"), Text("enter lists them", "muted")]
    blocks.append(Line([Cell(" ▸ newest first", "key")], key="problems:newest"))
    blocks.append(Line([Cell(" ▸ longest-standing first", "key")], key="problems:longest"))
    return Document("connections · by state", [*blocks, *notes(health.notes), Asked(health.evidence)])


def system_document(system: SystemState, catalogue: Catalogue | None, *, doubt: str = "") -> Document:
    """One system: its state, the cascade it stands in, its figures, and where it lives."""
    entry = catalogue.systems.get(system.name) if catalogue is not None else None
    note = entry.note if entry is not None else ""
    blocks: list[Block] = [State(system.status, system.name, "title"), Text(doubt, "warn"), GAP]
    blocks.append(Text(system.headline, "strong"))
    blocks += facts(("role", system.role), ("priority", system.priority), ("note", note))
    blocks += _cascade(system)
    for figure in system.figures:
        blocks += [GAP, *_figure(figure)]
    where = [place for place in system.where if place != note] or ["nothing is stated"]
    blocks += [Heading("where it lives"), *(Fact(" ▸", place, width=POINT) for place in where)]
    asked = dict.fromkeys(item for figure in system.figures for item in figure.evidence)
    return Document(f"system · {system.name}", [*blocks, Asked(tuple(asked))])


def _cascade(system: SystemState) -> list[Block]:
    hangs_on = f"{', '.join(system.threatened_by)}: failing now" if system.threatened_by else ""
    next_to_fail = " → ".join((system.name, *system.threatens)) if system.threatens else ""
    quiet = "" if hangs_on or next_to_fail else "it threatens nothing, and nothing that it hangs on is failing"
    return [
        Heading("the cascade"),
        Fact("feeds", ", ".join(system.feeds) or "nobody: others stand in the chain without it"),
        Fact("hangs on", hangs_on, "warn"),
        Fact("fails next", next_to_fail, "fail"),
        Fact("now", quiet),
    ]


def failure_document(title: str, reading: Reading[object] | None) -> Document:
    """A pane that has no value: why, and what to do."""
    if reading is None or str(reading.freshness) == "loading":
        blocks: list[Block] = [Text("No answer yet.")]
    else:
        again = f"{reading.next_at:%H:%M:%S} UTC" if reading.next_at is not None else ""
        blocks = [
            Text(reading.failure or "no answer", "warn"),
            Fact("next", reading.remedy, "accent"),
            Fact("asked again", again),
            GAP,
            Text("Nothing is known of this number. That is not the same as well."),
        ]
    return Document(f"{title} · no answer", blocks)


def indicators_document(names: Sequence[str], catalogue: Catalogue | None) -> Document:
    """What there can be a monitor for; each can be opened."""
    said = (
        "Datadog watches logs and counters. A figure that this console reads from databases has no monitor of its "
        "own; these give warning of the same failures. Nothing is sent by drafting."
    )
    blocks: list[Block] = [Text(said), GAP]
    for name in names:
        entry = catalogue.indicators.get(name) if catalogue is not None else None
        title = entry.title if entry is not None else name.replace("_", " ")
        issues = f"warns of {', '.join(entry.issues).replace('_', ' ')}" if entry is not None else ""
        cells = (Cell(" ▸ ", "accent"), Cell(title, "key", 42), Cell(issues, "muted"))
        blocks.append(Line(cells, key=f"draft:{name}"))
    return Document("monitors · what can be watched", blocks)


def monitor_document(created: MonitorCreated) -> Document:
    """What came of creating a monitor."""
    said = "it was there already; nothing was sent" if created.was_there else "created"
    head = Line((Cell(said, "strong"), Cell(f"  {created.name}")))
    blocks = [head, GAP, Fact("id", created.id), Fact("link", created.link, "accent"), Asked(created.evidence)]
    return Document(f"monitor · {created.name}", blocks)
