"""The human half of an incident as Markdown: checklists, exit criteria, tiers, impact, cadence, templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from diagnostics.catalogue.conditions import condition_words, criterion_words
from diagnostics.catalogue.markdown import code, table, text
from diagnostics.catalogue.response import Checklist, Condition, ExitCriteria, ExitCriterion

if TYPE_CHECKING:
    from diagnostics.catalogue.insertions import Values
    from diagnostics.catalogue.texts import Insertion


def response_insertions(values: Values) -> dict[str, Insertion]:
    """What each name that may stand in `{{ … }}` is replaced by."""
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


def _one(entries: Mapping[str, Checklist] | Mapping[str, ExitCriteria], name: str) -> Any:  # noqa: ANN401  # one of either
    if name not in entries:
        raise LookupError(*entries)
    return entries[name]


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

    gap = f"- A gap of over {criteria.longest_gap_s:g} s between two looks begins the hold time anew."
    return "\n".join([*(line(one) for one in criteria.criteria.values()), gap])


def _tiers(values: Values) -> str:
    def signs(rules: Mapping[str, Condition]) -> str:
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
    sizes = ", ".join(f"{name} from {band.from_users:,} users {band.weight:g}" for name, band in rules.sizes.items())
    severities = ", ".join(f"{name} {weight:g}" for name, weight in rules.severities.items())
    lines = [
        f"- **score**: size × severity × part affected, over accounts; above {rules.limit:,.0f} it needs a commander",
        f"- **size**: {sizes}; where it is not known, {rules.unknown_size}",
        f"- **severity**: {severities}",
        f"- **part affected**: 0 to 1, of connections, agents or deals; unknown counts as {rules.unknown_share:g}",
        f"- at most {rules.most_accounts:,} accounts are weighed, those with most events first; the others are counted",
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
