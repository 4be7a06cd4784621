"""What checklists, exit criteria, tiers, impact and cadence name must exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from diagnostics.catalogue.crosscheck import LIMITS, check_known
from diagnostics.catalogue.groups import Group
from diagnostics.catalogue.model import CHECK_IDS
from diagnostics.catalogue.response import READING_IDS, SIMPLE_RULES, Condition, ImpactRules

CHECKS_ASKED = (*CHECK_IDS, "zero_agent_deals")
"""Checks that a step may wait for; the last one is asked by the console itself, and is in no issue's row."""

Place = tuple[str, ...]


def check_response(groups: Mapping[str, Group[Any]]) -> None:
    """Raises `CatalogueError` for the first reference to something that is not there."""
    issues = groups["issues"]
    for name, issue in issues.entries.items():
        check_known(issues, (name, "figures"), issue.figures, READING_IDS, "reading")
    for label in ("checklists", "exit_criteria"):
        _check_covers(groups[label], tuple(issues.entries), "issue type")
    _check_checklists(groups)
    _check_criteria(groups)
    _check_tiers(groups)
    severities = tuple(dict.fromkeys(word for issue in issues.entries.values() for word in issue.severities))
    _check_covers(groups["cadence"], severities, "severity")
    _check_impact(groups["impact"], severities)


def _check_covers(group: Group[Any], wanted: Sequence[str], noun: str) -> None:
    """One entry for each of `wanted`, and for nothing else."""
    for name in group.entries:
        check_known(group, (name,), name, wanted, noun)
    for name in wanted:
        if name not in group.entries:
            raise group.mistake(f"{group.label} has no entry for {name}", (name,), accepted=", ".join(wanted))


def _check_checklists(groups: Mapping[str, Group[Any]]) -> None:
    group, roles = groups["checklists"], tuple(groups["roles"].entries)
    rules = (*SIMPLE_RULES, *(f"role:{role}" for role in roles), *(f"check:{check}" for check in CHECKS_ASKED))
    for issue, checklist in group.entries.items():
        severities = groups["issues"].entries[issue].severities
        for name, step in checklist.steps.items():
            place = (issue, "steps", name)
            if step.rule:
                check_known(group, (*place, "rule"), step.rule, rules, "rule")
            elif not step.people:
                raise group.mistake(
                    f"checklists.{'.'.join(place)}: neither a rule nor why only people can tick it",
                    place,
                    accepted=f"rule ({', '.join(SIMPLE_RULES)}, role:ID, check:ID) or people (a sentence)",
                )
            check_known(group, (*place, "severities"), step.severities, severities, "severity")


def _check_criteria(groups: Mapping[str, Group[Any]]) -> None:
    group = groups["exit_criteria"]
    for issue, criteria in group.entries.items():
        for name, criterion in criteria.criteria.items():
            place = (issue, "criteria", name)
            _check_condition(groups, group, place, criterion)
            check_known(group, (*place, "reading"), criterion.reading, READING_IDS, "reading")
            if criterion.minimum_events:
                check_known(group, (*place, "events"), criterion.events, READING_IDS, "reading")


def _check_tiers(groups: Mapping[str, Group[Any]]) -> None:
    group = groups["tiers"]
    numbers: dict[int, str] = {}
    for name, tier in group.entries.items():
        if tier.tier in numbers:
            raise group.mistake(
                f"tiers.{name}: tier {tier.tier} is {numbers[tier.tier]} already",
                (name, "tier"),
                accepted="one entry for each tier",
                value=tier.tier,
            )
        numbers[tier.tier] = name
        for rule, condition in tier.rules.items():
            if condition.reading:
                known = (*READING_IDS, "severity")
                check_known(group, (name, "rules", rule, "reading"), condition.reading, known, "reading")
                _check_condition(groups, group, (name, "rules", rule), condition)
    if sum(tier.when_unknown for tier in group.entries.values()) > 1:
        name = [name for name, tier in group.entries.items() if tier.when_unknown][-1]
        raise group.mistake(
            "two tiers are taken when nothing is known", (name, "when_unknown"), accepted="one at most", value=True
        )


def _check_condition(groups: Mapping[str, Group[Any]], group: Group[Any], place: Place, condition: Condition) -> None:
    """A condition has one thing to be held against: words, a number, or a limit that its threshold really has."""
    dotted = f"{group.label}.{'.'.join(place)}"
    if condition.comparison == "is":
        if not condition.values:
            raise group.mistake(f"{dotted} has no values", place, accepted='values = ["…"]')
        return
    if (condition.limit is None) is not bool(condition.threshold):
        raise group.mistake(
            f"{dotted} needs a limit or a threshold, and not both",
            place,
            accepted="limit = NUMBER, or threshold = ID.LIMIT",
        )
    if not condition.threshold:
        return
    name, _, limit = condition.threshold.partition(".")
    thresholds = groups["thresholds"].entries
    check_known(group, (*place, "threshold"), name, tuple(thresholds), "threshold")
    given = tuple(one for one in LIMITS if getattr(thresholds[name], one) is not None)
    if limit not in given:
        raise group.mistake(
            f"{dotted}: the threshold {name} has no {limit or 'limit named'}",
            (*place, "threshold"),
            accepted=", ".join(f"{name}.{one}" for one in given),
            value=condition.threshold,
        )


def _check_impact(group: Group[Any], severities: Sequence[str]) -> None:
    rules: ImpactRules = group.entries["impact"]
    for word in severities:
        if word not in rules.severities:
            raise group.mistake(
                f"impact.severities has no weight for {word}", ("impact", "severities"), accepted=", ".join(severities)
            )
    check_known(group, ("impact", "unknown_size"), rules.unknown_size, tuple(rules.sizes), "size")
