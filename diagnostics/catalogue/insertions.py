"""Catalogue values as Markdown, for the guides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from diagnostics.catalogue.conditions import condition_words, criterion_words
from diagnostics.catalogue.model import (
    Baseline,
    Contact,
    Indicator,
    IssueType,
    KnownMessage,
    Metric,
    NamedQuery,
    Role,
    RouteEntry,
    System,
    TableMap,
    Threshold,
)
from diagnostics.catalogue.response import (
    AlertTier,
    Cadence,
    Checklist,
    DeliveryRules,
    ExitCriteria,
    ExitCriterion,
    ImpactRules,
    TierCondition,
)
from diagnostics.catalogue.texts import Insertion
from diagnostics.core.words import plural

if TYPE_CHECKING:
    from diagnostics.catalogue.texts import Insertion

_MARKDOWN = re.compile(r"[\\|*`\[\]]|<(?=[A-Za-z/!?])|(?<!\w)_|_(?!\w)")


def text(value: str) -> str:
    """Escape what Markdown would take for its own. `< 97` and `synced_at` are plain text to it, and stay readable."""
    return _MARKDOWN.sub(r"\\\g<0>", value)


def code(value: str) -> str:
    """A block of code, fenced by more backquotes than it holds."""
    fence = "```"
    while fence in value:
        fence += "`"
    return f"{fence}\n{value}\n{fence}"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; cells are plain text."""
    names = tuple(head)
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(text(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


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
    routes: Mapping[str, RouteEntry]
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


def response_insertions(values: Values) -> dict[str, Insertion]:
    """Replacement of each name that may stand in `{{ … }}`."""
    return {
        "checklist": lambda name: _checklist(_one(values.checklists, name)),
        "checklists": lambda _: _by_issue(
            values, {name: _checklist(checklist) for name, checklist in values.checklists.items()}
        ),
        "criteria": lambda name: _criteria(values, _one(values.exit_criteria, name)),
        "exits": lambda _: _by_issue(
            values, {name: _criteria(values, criteria) for name, criteria in values.exit_criteria.items()}
        ),
        "tiers": lambda _: _tiers(values),
        "impact": lambda _: _impact(values),
        "cadence": lambda _: _cadence(values),
        "delivery": lambda _: _delivery(values),
        "templates": lambda _: _templates(values),
    }


def _by_issue(values: Values, parts: Mapping[str, str]) -> str:
    return "\n\n".join(f"**{text(values.issues[name].title)}**\n\n{part}" for name, part in parts.items())


def _checklist(checklist: Checklist) -> str:
    def line(number: int, name: str) -> str:
        step = checklist.steps[name]
        when = [f"within {step.minutes} min"] if step.minutes else []
        when += [f"only {', '.join(step.severities)}"] if step.severities else []
        how = "the console ticks it" if step.rule else f"people: {step.people}"
        return f"{number}. {text(step.text)} ({text('; '.join([*when, how]))})"

    return "\n".join(line(number, name) for number, name in enumerate(checklist.steps, 1))


def _criteria(values: Values, criteria: ExitCriteria) -> str:
    def line(criterion: ExitCriterion) -> str:
        note = f" {criterion.note}" if criterion.note else ""
        return f"- {text(criterion_words(criterion, values.thresholds) + '.' + note)}" + (
            " (assumed)" if criterion.assumed else ""
        )

    gap = f"- A gap of over {criteria.longest_gap_s:g} s between two looks restarts the hold time."
    return "\n".join([*(line(one) for one in criteria.criteria.values()), gap])


def _tiers(values: Values) -> str:
    def signs(rules: Mapping[str, TierCondition]) -> str:
        return "; ".join(condition_words(rule, values.thresholds) for rule in rules.values()) or "nothing above fires"

    return table(
        ("tier", "name", "any of these", "answer"),
        (
            (
                str(tier.tier),
                tier.title,
                signs(tier.rules) + ("; or a reading that could decide has no data" if tier.when_unknown else ""),
                tier.answer,
            )
            for tier in sorted(values.tiers.values(), key=lambda one: -one.tier)
        ),
    )


def _impact(values: Values) -> str:
    rules = values.impact
    sizes = ", ".join(
        f"{name} from {plural(band.from_users, 'user')} {band.weight:g}" for name, band in rules.sizes.items()
    )
    severities = ", ".join(f"{name} {weight:g}" for name, weight in rules.severities.items())
    lines = [
        f"- **score**: size × severity × part affected, over accounts; above {rules.limit:,.0f} it needs a commander",
        f"- **size**: {sizes}; where it is not known, {rules.unknown_size}",
        f"- **severity**: {severities}",
        f"- **part affected**: 0 to 1, of connections, agents or deals; unknown counts as {rules.unknown_share:g}",
        (
            f"- at most {plural(rules.most_accounts, 'account')} are weighed, those with most events first;"
            " the others are counted"
        ),
    ]
    return "\n".join(lines + ([f"- {rules.note}"] if rules.note else []))


def _cadence(values: Values) -> str:
    return table(
        ("severity", "first notice within", "updates every", "to"),
        (
            (
                one.severity,
                f"{one.first_minutes} min",
                f"{one.minutes} min" + (" (assumed)" if one.assumed else ""),
                one.who,
            )
            for one in values.cadence.values()
        ),
    )


def _delivery(values: Values) -> str:
    rules = values.delivery
    pauses = ", ".join(f"{pause:g} s" for pause in rules.retry_pauses_s)
    return (
        f"tried again after {pauses}, at most {rules.most_attempts} times within {rules.give_up_after_minutes:g} min; "
        f"a service's own Retry-After stands above that, up to {rules.longest_retry_after_s:g} s"
    )


def _templates(values: Values) -> str:
    return "\n\n".join(
        f"**{text(name.replace('_', ' '))}** (`templates/{name}.md`)\n\n{code(template.strip())}"
        for name, template in values.templates.items()
    )
