"""What one catalogue entry says about another: references that must exist, limits that must stand in order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from diagnostics.catalogue.groups import Group
from diagnostics.catalogue.model import CHECK_IDS, TableMap, Threshold
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
