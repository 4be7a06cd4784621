"""Catalogue values as Markdown, for the guides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from diagnostics.catalogue.insertions_response import response_insertions
from diagnostics.catalogue.markdown import code, table, text
from diagnostics.catalogue.model import (
    Baseline,
    Contact,
    Indicator,
    IssueType,
    KnownMessage,
    Metric,
    NamedQuery,
    Role,
    Route,
    System,
    TableMap,
    Threshold,
)
from diagnostics.catalogue.response import AlertTier, Cadence, Checklist, DeliveryRules, ExitCriteria, ImpactRules
from diagnostics.catalogue.texts import Insertion

Kind = TypeVar("Kind")


@dataclass(slots=True, frozen=True)
class Values:
    """The entries that guides quote."""

    issues: Mapping[str, IssueType]
    thresholds: Mapping[str, Threshold]
    baselines: Mapping[str, Baseline]
    queries: Mapping[str, NamedQuery]
    metrics: Mapping[str, Metric]
    indicators: Mapping[str, Indicator]
    tables: Mapping[str, TableMap]
    systems: Mapping[str, System]
    routes: Mapping[str, Route]
    contact: Contact
    roles: Mapping[str, Role]
    messages: Mapping[str, KnownMessage]
    checklists: Mapping[str, Checklist]
    exit_criteria: Mapping[str, ExitCriteria]
    tiers: Mapping[str, AlertTier]
    impact: ImpactRules
    cadence: Mapping[str, Cadence]
    delivery: DeliveryRules
    templates: Mapping[str, str]


def insertions(values: Values) -> dict[str, Insertion]:
    """Every name that may stand in `{{ … }}`, with what it is replaced by."""
    contact = values.contact
    return {
        "threshold": lambda name: text(_limits(_one(values.thresholds, name))),
        "baseline": lambda name: text(_quantity(_one(values.baselines, name))),
        "query": lambda name: code(_one(values.queries, name).datadog),
        "issue": lambda name: text(_one(values.issues, name).title),
        "route": lambda name: text(_one(values.issues, name).route),
        "contact": lambda _: text(contact.line()),
        "escalation": lambda _: text(contact.escalation),
        "team": lambda _: text(contact.team),
        "manager": lambda _: text(contact.manager),
        "channel": lambda _: text(contact.channel),
        "project": lambda _: text(contact.project),
        "matrix": lambda _: _matrix(values),
        "thresholds": lambda _: _thresholds(values),
        "baselines": lambda _: _baselines(values),
        "queries": lambda _: _queries(values),
        "metric": lambda name: f"`{_one(values.metrics, name).metric}`",
        "indicators": lambda _: _indicators(values),
        "system": lambda name: _system(values, _one(values.systems, name)),
        "systems": lambda _: _systems(values),
        "routes": lambda _: _routes(values),
        "roles": lambda _: _roles(values),
        "messages": lambda name: _messages(values, name),
        **response_insertions(values),
    }


def _one(entries: Mapping[str, Kind], name: str) -> Kind:
    if name not in entries:
        raise LookupError(*entries)
    return entries[name]


def _quantity(baseline: Baseline) -> str:
    return f"{baseline.value:,.2f} {baseline.unit}".strip()


def _limits(threshold: Threshold) -> str:
    return f"{threshold.rule()} (assumed)" if threshold.assumed else threshold.rule()


def _matrix(values: Values) -> str:
    return table(
        ("issue type", "severities", "first response", "route"),
        (
            (issue.name, ", ".join(issue.severities), " → ".join(issue.first_response), issue.route)
            for issue in values.issues.values()
        ),
    )


def _thresholds(values: Values) -> str:
    def remark(threshold: Threshold) -> str:
        parts = [threshold.note, "Assumed: no source gives this value." if threshold.assumed else ""]
        parts.append(f"Conflict: {threshold.conflict}" if threshold.conflict else "")
        return " ".join(part for part in parts if part)

    return table(
        ("what", "healthy", "limits", "remark"),
        ((item.title, item.healthy_text(), item.rule(), remark(item)) for item in values.thresholds.values()),
    )


def _baselines(values: Values) -> str:
    return table(
        ("what", "baseline", "computed as", "remark"),
        ((item.title, _quantity(item), item.computed, item.note) for item in values.baselines.values()),
    )


def _queries(values: Values) -> str:
    return "\n\n".join(
        f"**{text(item.title)}** (`{item.id}`{', assumed' if item.assumed else ''})\n\n{code(item.datadog)}"
        + (f"\n\n{text(item.note)}" if item.note else "")
        for item in values.queries.values()
    )


def _systems(values: Values) -> str:
    return table(
        ("system", "where", "what it does", "priority", "fails next"),
        (
            (system.name, system.store, system.role, system.priority, ", ".join(system.feeds) or "—")
            for system in values.systems.values()
        ),
    )


def _system(values: Values, system: System) -> str:
    """Where one system lives: tables by their real names, services, calls, metrics, and the queries that show it."""
    tables = [values.tables[name] for name in system.tables]
    lines = [
        f"- **what it does**: {text(system.role)}; priority {system.priority}",
        f"- **scale**: {text(system.scale)}",
        "- **tables**: " + ", ".join(f"`{one.database}.{one.name}`" for one in tables),
    ]
    lines += [f"- **services**: {', '.join(f'`{name}`' for name in system.services)}"] if system.services else []
    lines += [f"- **calls**: {text('; '.join(system.endpoints))}"] if system.endpoints else []
    metrics = ", ".join(f"`{values.metrics[name].metric}`" for name in system.metrics)
    lines += [f"- **metrics**: {metrics}"] if metrics else []
    lines.append(f"- **fails next**: {text(', '.join(system.feeds)) or 'nothing'}")
    lines += [f"- {text(system.note)}"] if system.note else []
    queries = [values.queries[name] for name in system.queries]
    shown = "".join(f"\n\n{text(query.title)}:\n\n{code(query.datadog)}" for query in queries)
    return "\n".join(lines) + shown


def _indicators(values: Values) -> str:
    def watched(indicator: Indicator) -> str:
        if indicator.query:
            query = values.queries[indicator.query].title
            return f"{query}: {indicator.measure}, p95" if indicator.measure else f"{query}: events counted"
        failed, attempted = values.metrics[indicator.failed], values.metrics[indicator.attempted]
        return f"{failed.metric} ÷ {attempted.metric}"

    return table(
        ("monitor", "watches", "window", "limits", "warns of"),
        (
            (
                indicator.title,
                watched(indicator),
                f"{indicator.window_minutes} min",
                _limits(_one(values.thresholds, indicator.threshold)),
                ", ".join(values.issues[name].title for name in indicator.issues),
            )
            for indicator in values.indicators.values()
        ),
    )


def _routes(values: Values) -> str:
    return table(
        ("route", "for", "when"), ((route.name, route.purpose, route.when) for route in values.routes.values())
    )


def _roles(values: Values) -> str:
    return table(("role", "who", "duty"), ((role.title, role.who, role.duty) for role in values.roles.values()))


def _messages(values: Values, issue: str) -> str:
    if issue and issue not in values.issues:
        raise LookupError(*values.issues)
    found = [message for message in values.messages.values() if not issue or message.issue == issue]
    return table(("message", "means", "do"), ((item.text, item.meaning, item.remedy) for item in found))
