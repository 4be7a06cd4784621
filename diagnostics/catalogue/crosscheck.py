"""References between catalogue entries: references that must exist, limits that must stand in order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from diagnostics.catalogue.groups import Group
from diagnostics.catalogue.model import CHECK_IDS, TableMap, Threshold
from diagnostics.catalogue.response import READING_IDS, SIMPLE_RULES, ImpactRules, TierCondition
from diagnostics.config.toml import suggestion

LIMITS = ("healthy", "warning", "critical", "escalate")
_SQL_NAME = re.compile(r"[A-Za-z0-9_$][A-Za-z0-9_$-]{0,63}")


def check_thresholds(group: Group[Threshold]) -> None:
    """Every threshold has a limit, and its limits run from healthy to bad; raises `CatalogueError`."""
    for name, threshold in group.entries.items():
        given = [(key, value) for key in LIMITS if (value := getattr(threshold, key)) is not None]
        if all(key == "healthy" for key, _ in given):
            raise group.mistake(f"the threshold {name} has no limit", (name,), accepted="warning, critical or escalate")
        rising = threshold.bad == "above"
        for (milder, mild), (harsher, harsh) in pairwise(given):
            if mild != harsh and (mild < harsh) is not rising:
                order = "not below" if rising else "not above"
                raise group.mistake(
                    f"thresholds.{name}: {harsher} {harsh:g} is on the wrong side of {milder} {mild:g}",
                    (name, group.overridden_key(name, (harsher, milder))),
                    accepted=f"{harsher} {order} {milder}, because bad is {threshold.bad!r}",
                    value=harsh,
                )


def check_schema(group: Group[TableMap]) -> None:
    """Real names can be names in MySQL, no two logical columns share one, and optional columns are columns."""
    accepted = "letters, digits, _, $ and -, at most 64 characters"
    for name, table in group.entries.items():
        _check_name(group, table.name, (name, "name"), accepted)
        seen: dict[str, str] = {}
        for logical, real in table.columns.items():
            path = (name, "columns", logical)
            _check_name(group, real, path, accepted)
            if real.casefold() in seen:
                problem = f"schema.{name}: {logical} and {seen[real.casefold()]} are mapped to the same column {real!r}"
                raise group.mistake(problem, path, accepted="one real column for each logical one", value=real)
            seen[real.casefold()] = logical
        check_known(group, (name, "optional"), table.optional, tuple(table.columns), "column")


def check_references(groups: Mapping[str, Group[Any]]) -> None:
    """Issues, queries, routes, systems and messages name only what exists; raises `CatalogueError`."""
    issues, queries, routes = groups["issues"], groups["queries"], groups["routes"]
    issue_names = tuple(issues.entries)
    for name, issue in issues.entries.items():
        check_known(issues, (name, "checks"), issue.checks, CHECK_IDS, "check")
        check_known(issues, (name, "query"), issue.query, tuple(queries.entries), "query")
        check_known(issues, (name, "route"), issue.route, tuple(routes.entries), "route")
        if issue.pulse.top_ratio < issue.pulse.high_ratio:
            key = issues.overridden_key(name, ("top_ratio", "high_ratio"), inside="pulse")
            raise issues.mistake(
                f"issues.{name}.pulse: top_ratio is below high_ratio",
                (name, "pulse", key),
                accepted=f"top_ratio of at least {issue.pulse.high_ratio:g}",
                value=issue.pulse.top_ratio,
            )
    for label in ("queries", "messages"):
        for name, entry in groups[label].entries.items():
            if entry.issue:
                check_known(groups[label], (name, "issue"), entry.issue, issue_names, "issue type")
    for name, route in routes.entries.items():
        check_known(routes, (name, "issues"), route.issues, issue_names, "issue type")
    tables = tuple(groups["schema"].entries)
    systems = groups["systems"]
    for name, system in systems.entries.items():
        check_known(systems, (name, "tables"), system.tables, tables, "table")
        check_known(systems, (name, "feeds"), system.feeds, (*systems.entries, "transaction sync"), "system")
        check_known(systems, (name, "queries"), system.queries, tuple(queries.entries), "query")
        check_known(systems, (name, "metrics"), system.metrics, tuple(groups["metrics"].entries), "metric")
    _check_indicators(groups, issue_names)


def _check_indicators(groups: Mapping[str, Group[Any]], issue_names: tuple[str, ...]) -> None:
    """An indicator watches either a named query or two metrics, against a threshold with a critical limit."""
    indicators, metrics = groups["indicators"], tuple(groups["metrics"].entries)
    for name, indicator in indicators.entries.items():
        check_known(indicators, (name, "issues"), indicator.issues, issue_names, "issue type")
        thresholds = groups["thresholds"].entries
        check_known(indicators, (name, "threshold"), indicator.threshold, tuple(thresholds), "threshold")
        if thresholds[indicator.threshold].critical is None:
            raise indicators.mistake(
                f"indicators.{name}: the threshold {indicator.threshold} has no critical limit",
                (name, "threshold"),
                accepted="a threshold with a critical limit: a Datadog monitor cannot be without",
                value=indicator.threshold,
            )
        if indicator.query:
            check_known(indicators, (name, "query"), indicator.query, tuple(groups["queries"].entries), "query")
            continue
        for key in ("failed", "attempted"):
            check_known(indicators, (name, key), getattr(indicator, key), metrics, "metric")


def _check_name(group: Group[TableMap], name: str, path: Sequence[str], accepted: str) -> None:
    if not _SQL_NAME.fullmatch(name):
        raise group.mistake(f"schema.{'.'.join(path)}: {name!r} is no name", path, accepted=accepted, value=name)


def check_known(
    group: Group[Any], path: tuple[str, ...], given: str | tuple[str, ...], known: Sequence[str], noun: str
) -> None:
    """Raise `CatalogueError` for the first of `given` that is not `known`, at its own line where it is in an array."""
    items: list[tuple[tuple[str | int, ...], str]] = [(path, given)] if isinstance(given, str) else []
    items += [((*path, index), item) for index, item in enumerate(given)] if isinstance(given, tuple) else []
    for place, item in items:
        if item not in known:
            raise group.mistake(
                f"{group.label}.{'.'.join(path)}: unknown {noun} {item!r}{suggestion(item, known)}",
                place,
                accepted=", ".join(known),
                value=item,
            )


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


def _check_condition(
    groups: Mapping[str, Group[Any]], group: Group[Any], place: Place, condition: TierCondition
) -> None:
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
