"""Datadog monitors for the team: drafted from the catalogue, and created only when a person has seen and typed one.

A monitor of ours carries a tag that names its indicator, by which it is found again: before one is created, and after
an answer was lost on the way, when nobody knows whether it was.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from diagnostics.core.context import Context
from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now
from diagnostics.core.words import plural, sentence
from diagnostics.models.datadog import Monitor
from diagnostics.models.evidence import Evidence
from diagnostics.models.health import MonitorCreated, MonitorDraft
from diagnostics.models.triage import Refusal, RefusalRule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from diagnostics.catalogue.model import Indicator, Threshold

KEY = "warroom-indicator"
"""The tag of ours is this, a colon and the indicator's id."""

NO_DATA_AFTER = 2
"""Windows without any counter before Datadog calls the data missing."""

_SURE = frozenset(
    {
        FailureKind.DENIED,
        FailureKind.REJECTED,
        FailureKind.RATE_LIMITED,
        FailureKind.NOT_CONFIGURED,
    }
)
"""Failures after which nothing can have been created. After any other one, somebody has to look."""


class MonitorService:
    """Drafts and creates. Thread-safe; one creation at a time, so that two askers here cannot both find nothing."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._creating = threading.Lock()

    def indicators(self) -> tuple[str, ...]:
        """Ids of what a monitor can be drafted for."""
        return tuple(self._context.catalogue.indicators)

    def draft(self, name: str) -> MonitorDraft:
        """The monitor as it would be created. Raises UserError for an unknown indicator, nothing a source can cause."""
        indicator = self._indicator(name)
        rule = self._context.catalogue.thresholds[indicator.threshold]
        limits = _limits(indicator, rule)
        query = self._query(indicator, limits[0][1])
        kind = "log alert" if indicator.query else "query alert"
        found, notes = self._look(indicator, query)
        contact = self._context.catalogue.contact
        return MonitorDraft(
            indicator=indicator.id,
            name=clean(indicator.title, limit=200),
            kind=kind,
            query=query,
            message=self._message(indicator, rule),
            tags=(
                contact.monitor_tag,
                f"{KEY}:{indicator.id}",
                *(f"issue:{issue}" for issue in indicator.issues),
            ),
            thresholds=limits,
            notes=(*_remarks(indicator, rule), *notes),
            exists="" if found is None else str(found.id),
        )

    def create(self, draft: MonitorDraft, typed: str) -> MonitorCreated | Refusal:
        """Create the monitor of a draft, once. Raises SourceFailure when it is not known whether it was created.

        `typed` is what the person typed to confirm: the draft's name. A draft that no longer agrees with the
        catalogue is refused.
        """
        refused = self._not_permitted(draft, typed)
        if refused is not None:
            return refused
        indicator = self._indicator(draft.indicator)
        with self._creating:
            found, evidence = self._find(indicator)
            if found is not None:
                return self._made(found, evidence, was_there=True)
            try:
                made, said = self._send(indicator, draft)
            except SourceFailure as failure:
                if failure.kind in _SURE:
                    raise
                return self._look_again(indicator, failure)
            return self._made(made, (*evidence, said), was_there=False)

    def _not_permitted(self, draft: MonitorDraft, typed: str) -> Refusal | None:
        settings = self._context.settings
        if not settings.writes.monitors:
            return self._refusal(
                draft,
                "Creating a monitor changes Datadog, and writes.monitors is off.",
                "writes.monitors = true, in the configuration file or as WARROOM_WRITES_MONITORS",
            )
        if typed.strip() != draft.name:
            return self._refusal(
                draft, "What was typed is not the name of the monitor.", f"the name as it stands: {draft.name}"
            )
        indicator = self._indicator(draft.indicator)
        limits = _limits(indicator, self._context.catalogue.thresholds[indicator.threshold])
        if (draft.query, draft.thresholds) != (self._query(indicator, limits[0][1]), limits):
            return self._refusal(
                draft, "The draft does not agree with the catalogue.", f"a new draft of {draft.indicator}"
            )
        return None

    def _refusal(self, draft: MonitorDraft, missing: str, accepted: str) -> Refusal:
        contact = self._context.catalogue.contact
        issues = (
            self._context.catalogue.indicators[draft.indicator].issues if draft.indicator in self.indicators() else ()
        )
        return Refusal(
            rule=RefusalRule.SAFETY_CONCERN,
            issue_type=issues[0] if issues else "",
            missing=missing,
            accepted=(accepted,),
            guidance=(
                "Nothing was sent.",
                "The draft can be created by hand in Datadog: Monitors, New monitor, with this query: "
                + clean(draft.query, limit=400),
                f"Give it the tags {', '.join(draft.tags)}, so that the console finds it again.",
            ),
            contact=contact.line(),
            taken_at=utc_now(),
        )

    def _look_again(self, indicator: Indicator, failure: SourceFailure) -> MonitorCreated:
        """The answer was lost: it was created, or it was not, or nobody knows. Nothing is sent a second time here."""
        try:
            found, evidence = self._find(indicator)
        except SourceFailure as second:
            raise SourceFailure(
                failure.kind,
                failure.source,
                f"{sentence(failure.reason)} Whether the monitor was created is not known: looking for it failed too",
                remedy=f"Look in Datadog for the tag {KEY}:{indicator.id} before anybody sends it again.",
            ) from second
        if found is not None:
            return self._made(found, evidence, was_there=False)
        raise SourceFailure(
            failure.kind,
            failure.source,
            f"{sentence(failure.reason)} Datadog holds no monitor with the tag {KEY}:{indicator.id}",
            remedy="Ask again: it looks for the monitor first, so that none is created twice.",
        ) from failure

    def _find(self, indicator: Indicator) -> tuple[Monitor | None, tuple[Evidence, ...]]:
        """The monitor that carries our tag. The service filters; what it hands over is looked at once more."""
        tag = f"{KEY}:{indicator.id}"
        answer = self._context.datadog.monitors(tag)
        found = next((monitor for monitor in answer if tag in monitor.tags), None)
        if found is None and answer.evidence.is_cut:
            raise SourceFailure(
                FailureKind.REJECTED,
                answer.evidence.source,
                f"not all monitors with the tag {tag} were read ({answer.evidence.caveat})",
                remedy="Look in Datadog for that tag yourself.",
            )
        return found, (answer.evidence,)

    def _look(self, indicator: Indicator, query: str) -> tuple[Monitor | None, list[str]]:
        """Existing monitors for a draft: ours, and those of the team that watch the same question."""
        try:
            found, _ = self._find(indicator)
            team = self._context.datadog.monitors(self._context.catalogue.contact.monitor_tag)
        except SourceFailure as failure:
            return None, [f"Whether it exists already is not known: {failure.headline()}. It is looked for once more."]
        notes = []
        if found is not None:
            notes.append(f"It exists: monitor {found.id}, {found.name}, {found.state}. It is not created twice.")
        asked = _asked(query)
        alike = [one for one in team if one != found and asked and _asked(one.query) == asked]
        notes += [f"Monitor {one.id} ({one.name}) asks the same question already." for one in alike[:3]]
        return found, notes

    def _send(self, indicator: Indicator, draft: MonitorDraft) -> tuple[Monitor, Evidence]:
        options: dict[str, Any] = {
            "thresholds": dict(draft.thresholds),
            "include_tags": True,
            "notify_audit": False,
            "require_full_window": False,
        }
        if indicator.failed:
            options |= {"notify_no_data": True, "no_data_timeframe": NO_DATA_AFTER * indicator.window_minutes}
        return self._context.datadog.create_monitor(
            name=draft.name,
            kind=draft.kind,
            query=draft.query,
            message=draft.message,
            tags=draft.tags,
            options=options,
        )

    def _made(self, monitor: Monitor, evidence: Iterable[Evidence], *, was_there: bool) -> MonitorCreated:
        web = self._context.settings.datadog.web_url
        return MonitorCreated(
            id=str(monitor.id),
            name=monitor.name,
            link=f"{web}/monitors/{monitor.id}",
            was_there=was_there,
            evidence=tuple(evidence),
        )

    def _indicator(self, name: str) -> Indicator:
        found = self._context.catalogue.indicators.get(name)
        if found is None:
            raise UserError(
                f"no monitor can be drafted for {name!r}", accepted=", ".join(self._context.catalogue.indicators)
            )
        return found

    def _query(self, indicator: Indicator, critical: float) -> str:
        """The monitor's condition in Datadog's own words."""
        catalogue = self._context.catalogue
        hours, rest = divmod(indicator.window_minutes, 60)
        window = f"{hours}h" if rest == 0 else f"{indicator.window_minutes}m"
        if indicator.query:
            # The log query stands in a string: its own quotes are escaped, and nothing else ends it.
            query = json.dumps(catalogue.queries[indicator.query].datadog, ensure_ascii=False)
            rollup = f'"pc95", {json.dumps(indicator.measure)}' if indicator.measure else '"count"'
            return f'logs({query}).index("*").rollup({rollup}).last("{window}") > {critical:g}'
        failed, attempted = (catalogue.metrics[name].metric for name in (indicator.failed, indicator.attempted))
        return f"sum(last_{window}):100 * sum:{failed}{{*}}.as_count() / sum:{attempted}{{*}}.as_count() > {critical:g}"

    def _message(self, indicator: Indicator, rule: Threshold) -> str:
        contact = self._context.catalogue.contact
        issues = ", ".join(indicator.issues)
        steps = self._context.catalogue.issues[indicator.issues[0]].first_response
        return clean(
            f"{indicator.title}. Rule: {rule.title}, {rule.rule()}. Early warning of: {issues}. "
            f"First response: {'; '.join(steps)} (warroom triage --issue {indicator.issues[0]}). "
            f"Contact: {contact.line()} @slack-{contact.channel.removeprefix('#')}",
            limit=2_000,
        )


def _limits(indicator: Indicator, rule: Threshold) -> tuple[tuple[str, float], ...]:
    """Datadog's limits from the catalogue's, critical first: a rate times the window, a success turned into failure."""
    found = []
    for name, limit in (("critical", rule.critical), ("warning", rule.warning)):
        if limit is None:
            continue
        value = limit * indicator.window_minutes if indicator.per_minute else limit
        found.append((name, round(100.0 - value if indicator.failed and rule.bad == "below" else value, 6)))
    return tuple(found)


def _remarks(indicator: Indicator, rule: Threshold) -> list[str]:
    notes = [f"Limits: {rule.title}, {rule.rule()}{' (assumed)' if rule.assumed else ''}."]
    if indicator.per_minute:
        notes.append(f"Limits a minute, times {plural(indicator.window_minutes, 'minute')}.")
    if indicator.failed:
        notes.append("A success rate is watched as its share of failures, because Datadog alerts on what rises.")
    if indicator.note:
        notes.append(indicator.note)
    notes.append("That Datadog's Slack integration knows the channel of the message is assumed.")
    return notes


def _asked(condition: str) -> str:
    """The log query inside a monitor's condition; empty where there is none."""
    head, _, _ = condition.partition(").index(")
    text = head.removeprefix("logs(")
    try:
        asked = json.loads(text) if head.startswith("logs(") else ""
    except ValueError:
        return ""
    return asked if isinstance(asked, str) else ""
