"""The alert tier, 1 to 4: the highest of which a rule fires decides, and what is not known never counts as small."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.catalogue.conditions import condition_words, limit_of
from diagnostics.models.entries import MeasuredFigure
from diagnostics.models.figures import UNKNOWN
from diagnostics.models.incidents import Tier
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.catalogue.response import AlertTier, Condition
    from diagnostics.models.incidents import Impact

SEVERITY = "severity"
IMPACT = "impact"

UNANSWERED = frozenset({Status.NO_DATA.value, Status.UNREACHABLE.value})


@dataclass(slots=True, frozen=True)
class _Looked:
    """One rule that was looked at."""

    tier: AlertTier
    fires: bool | None
    """None where there is no data, or only people can say."""
    words: str
    figure: MeasuredFigure | None = None
    title: str = ""
    by_people: bool = False


@dataclass(slots=True, frozen=True)
class _Asked:
    """What the rules are held against."""

    catalogue: Catalogue
    expected: tuple[str, ...]
    """Readings that the catalogue measures for the issue."""
    severity: str
    figures: Mapping[str, MeasuredFigure]


def decide_tier(
    catalogue: Catalogue, issue_type: str, severity: str, impact: Impact | None, measured: Iterable[MeasuredFigure]
) -> Tier:
    """The tier that these figures make. A figure that is only a lower bound may fire a rule, and never clears one."""
    figures = {one.id: one for one in measured}
    ordered = sorted(catalogue.tiers.values(), key=lambda one: -one.tier)
    asked = _Asked(catalogue, catalogue.issues[issue_type].figures, severity, figures)
    looked = [_look(asked, tier, rule) for tier in ordered for rule in tier.rules.values()]
    fired = next((one for one in looked if one.fires), None)
    unknown = [one for one in looked if one.fires is None and not one.by_people]
    chosen, rule = _chosen(ordered, fired, unknown)
    others = [f"{one.words}{', and fires as well' if one.fires else ''}" for one in looked if one is not fired]
    if impact is not None:
        others.append(impact.words)
    evidence = (
        () if fired is None or fired.figure is None or fired.figure.evidence is None else (fired.figure.evidence,)
    )
    return Tier(tier=chosen.tier, rule=rule, answer=chosen.answer, others=tuple(others), evidence=evidence)


def _chosen(ordered: list[AlertTier], fired: _Looked | None, unknown: list[_Looked]) -> tuple[AlertTier, str]:
    lowest = ordered[-1]
    decided, rule = (fired.tier, fired.words) if fired is not None else (lowest, "no rule of a higher tier fires")
    wary = next((tier for tier in ordered if tier.when_unknown), None)
    doubtful = [] if wary is None else [one for one in unknown if one.tier.tier > decided.tier]
    if wary is not None and doubtful and decided.tier < wary.tier:
        names = ", ".join(dict.fromkeys(one.figure.title if one.figure else one.title for one in doubtful))
        return wary, f"not known, so not taken for small: {names}"
    return decided, rule


def _look(asked: _Asked, tier: AlertTier, rule: Condition) -> _Looked:
    said = f"tier {tier.tier}: {condition_words(rule, asked.catalogue.thresholds)}"
    if not rule.reading:
        return _Looked(tier, None, f"{said}. {rule.note}".strip(), by_people=True)
    if rule.reading == SEVERITY:
        fires = rule.holds(asked.severity, None)
        return _Looked(tier, fires, f"{said}; it is {asked.severity}")
    figure = asked.figures.get(rule.reading)
    if figure is None:
        # What the catalogue does not measure for this issue says nothing of it. What it does, and is missing, is doubt.
        expected = rule.reading in asked.expected
        words = "not measured now" if expected else "not measured for this issue"
        return _Looked(tier, None, f"{said}; {words}", title=rule.title, by_people=not expected)
    fires = rule.holds(figure.value, limit_of(rule, asked.catalogue.thresholds))
    if not fires and figure.status in UNANSWERED:
        fires = None
    shown = figure.shown if figure.value is not None else f"{UNKNOWN} (no data)"
    doubt = ", which may be too low" if fires is None and figure.value is not None else ""
    return _Looked(tier, fires, f"{said}; it is {shown}{doubt}", figure)
