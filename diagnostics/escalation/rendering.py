"""Texts of notices: the team's templates filled with values, each number bound to the reading that it was taken from.

A template that cannot be filled never holds a notice up: the built-in text is used, and the reader is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.catalogue.texts import built_in_template, fill_template
from diagnostics.failures import UserError
from diagnostics.models.entries import Audience, BoundFigure, MeasuredFigure, Purpose
from diagnostics.models.figures import UNKNOWN
from diagnostics.text import clean
from diagnostics.windows import span

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue

NOT_KNOWN, NOT_KNOWN_YET = "not known", "not known yet"

LONGEST_VALUE = 4_000

_OF_AUDIENCE = {
    Audience.RESPONDERS: "update",
    Audience.STAKEHOLDERS: "update_stakeholders",
    Audience.EXECUTIVES: "update_executives",
}
_CUT = "\n\n(cut here: the text is longer than the catalogue allows)"


@dataclass(slots=True, frozen=True)
class Value:
    """What stands in place of one placeholder, and the figures in it."""

    text: str
    figures: tuple[BoundFigure, ...] = ()


@dataclass(slots=True, frozen=True)
class Rendered:
    """One text, the figures that it shows, and what its reader must know."""

    text: str
    figures: tuple[BoundFigure, ...]
    notes: tuple[str, ...]


def template_for(purpose: Purpose, audience: Audience) -> str:
    """Name of the template of a purpose and an audience. Only responders get a first notice of their own."""
    match purpose:
        case Purpose.TRACKING:
            return "tracking"
        case Purpose.RESOLUTION:
            return "resolution"
        case Purpose.FIRST_NOTICE if audience is Audience.RESPONDERS:
            return "first_notice"
        case _:
            return _OF_AUDIENCE[audience]


def render(name: str, catalogue: Catalogue, values: Mapping[str, Value]) -> Rendered:
    """The template `name` filled, at most as long as the catalogue allows. Raises nothing."""
    longest = catalogue.delivery.longest_text
    template = catalogue.templates.get(name, "")
    try:
        return _filled(template, values, longest, ())
    except (LookupError, ValueError, UserError) as problem:
        origin = clean(catalogue.origins.get(f"templates.{name}", "templates"), limit=300)
        what = clean(str(problem).strip("'\""), limit=120) or "it is empty"
        note = f"The template {name} ({origin}) could not be filled: {what}. The built-in text is used."
    try:
        return _filled(built_in_template(name), values, longest, (note,))
    except (LookupError, ValueError, UserError):
        # The installation itself is damaged: everything that is known, line by line, is still a notice.
        lines = "\n\n".join(f"{key.replace('_', ' ')}: {value.text}" for key, value in values.items())
        figures = tuple(figure for value in values.values() for figure in value.figures)
        return Rendered(_cut(lines, longest), _once(figures), (note, "The built-in text is missing as well."))


def _filled(template: str, values: Mapping[str, Value], longest: int, notes: tuple[str, ...]) -> Rendered:
    if not template.strip():
        raise LookupError("it is empty")
    shown: list[BoundFigure] = []

    def value_of(name: str) -> str:
        value = values.get(name)
        if value is None:
            raise LookupError(f"nobody fills {{{name}}}")
        shown.extend(value.figures)
        return value.text

    text = fill_template(template, value_of).strip()
    if len(text) > longest:
        notes = (*notes, f"The text was cut: it had {len(text):,} of {longest:,} characters.")
    return Rendered(_cut(text, longest), _once(shown), notes)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: max(0, longest - len(_CUT))] + _CUT


def _once(figures: list[BoundFigure] | tuple[BoundFigure, ...]) -> tuple[BoundFigure, ...]:
    return tuple({figure.name: figure for figure in reversed(figures)}.values())[::-1]


def said(text: str, *, otherwise: str = NOT_KNOWN) -> Value:
    """What a person or the catalogue says, which is no figure."""
    return Value(clean(text, limit=LONGEST_VALUE, multiline=True).strip() or otherwise)


def measured(figure: MeasuredFigure | None, name: str, bind: Callable[[MeasuredFigure], BoundFigure]) -> Value:
    """One figure by its own placeholder; "not known" where nobody measured it."""
    if figure is None:
        return Value(NOT_KNOWN)
    bound = bind(figure).model_copy(update={"name": name})
    return Value(bound.shown, (bound,))


def bound(figure: MeasuredFigure, *, now: datetime, good_s: float) -> BoundFigure:
    """A figure as a message shows it: no data is "not known", never 0, and what failed or is old is said to be so."""
    evidence = figure.evidence
    shown = clean(figure.shown, limit=500)
    if figure.value is None or shown in {"", UNKNOWN}:
        shown = NOT_KNOWN
    taken_at = figure.taken_at or (evidence.started_at if evidence is not None else None)
    made = BoundFigure(
        name=figure.id,
        shown=shown,
        reading=f"{evidence.source}: {figure.title}" if evidence is not None else figure.title,
        taken_at=taken_at,
        evidence=evidence,
        stale=_failed(figure),
    )
    return made if made.stale else aged(made, now=now, good_s=good_s)


def aged(figure: BoundFigure, *, now: datetime, good_s: float) -> BoundFigure:
    """The same figure with why it is old by now, or why it is not. What failed stays as it is."""
    if figure.taken_at is None:
        return figure
    age = (now - figure.taken_at).total_seconds()
    if age > good_s:
        why = f"{_OLD}{span(age)} old, good for {span(good_s)}"
    elif age < -good_s:
        why = f"{_OLD}taken at {figure.taken_at:%H:%M:%S} UTC, which is yet to come: this machine's clock has changed"
    elif figure.stale.startswith(_OLD):
        why = ""
    else:
        return figure
    return figure.model_copy(update={"stale": why})


_OLD = "old: "


def _failed(figure: MeasuredFigure) -> str:
    if figure.value is not None:
        return ""
    if figure.status == "unreachable":
        why = figure.evidence.caveat if figure.evidence is not None else ""
        return f"it could not be read: {why or 'the source did not answer'}"
    if figure.taken_at is None and figure.evidence is None:
        return "it could not be read"
    return ""
