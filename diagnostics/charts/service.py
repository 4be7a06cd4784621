"""Every number that has a chart: which there are, and the series of one with its limits, marks and questions."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from diagnostics.charts.axis import USUAL
from diagnostics.charts.marks import marks_between
from diagnostics.charts.models import Chart, ChartLimit, ChartMark
from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.time import window_ending
from diagnostics.core.words import plural, short, span
from diagnostics.health.counters import BUCKET_S, read_counters
from diagnostics.health.kpis import KPIS
from diagnostics.health.leading import RULES
from diagnostics.health.overview import HEALTH
from diagnostics.models.datadog import Compute
from diagnostics.models.figures import UNKNOWN, Course, CoursePoint, Figure
from diagnostics.signals.counts import of_late_logs
from diagnostics.signals.pulses import judge_count, of_counts
from diagnostics.signals.severity import OK, attention
from diagnostics.store.samples import SLOT_S

if TYPE_CHECKING:
    from pathlib import Path

    from diagnostics.catalogue.model import IssueType, Threshold
    from diagnostics.charts.plot import Drawing
    from diagnostics.core.context import Context
    from diagnostics.health.service import HealthService
    from diagnostics.incident.incidents import IncidentService
    from diagnostics.models.evidence import Evidence
    from diagnostics.recovery.service import RecoveryService

BACKLOG = "webhook_backlog"
SYSTEM_HEALTH = "system_health"
SYNC_EVENTS = "sync_events"
API_P95 = "api_p95"
TOKEN_SUCCESS = "token_success"  # noqa: S105  # the id of a figure

MINUTE_S = 60
WINDOWS_S = (900, 3_600, 14_400, 86_400)
"""Windows of counts and percentiles of logs."""
SEEN_WINDOWS_S = (3_600, 14_400, 86_400)
"""Windows of what is kept in steps of five minutes."""
BACKLOG_WINDOWS_S = (7_200,)

KEEP_S = 60.0
"""Percentiles over time are aggregates, the scarcest of all requests."""

MOST_STEPS = 60
"""Steps of a percentile in its window."""

SEEN = "As this console, and others on the same state store, have seen it; steps in which nobody looked are not known."

_SYNONYMS: Mapping[str, str] = {
    "oauth": "oauth_failure",
    "429": "rate_limiting",
    "rate_limit": "rate_limiting",
    "sync": "transaction_sync",
    "backlog": BACKLOG,
    "health": SYSTEM_HEALTH,
    "tokens": TOKEN_SUCCESS,
    "api": API_P95,
    "webhooks": "webhook_latency_p95",
    "resolution": "resolution_accuracy",
}


@dataclass(slots=True, frozen=True)
class ChartName:
    """One number that has a chart."""

    name: str
    title: str
    windows_s: tuple[int, ...]
    """Windows that it can be shown over, the shortest first."""


class ChartService:
    """Blocking and thread-safe. A chart costs what its number costs; its steps are read from what is kept already."""

    def __init__(
        self, context: Context, health: HealthService, recovery: RecoveryService, incidents: IncidentService
    ) -> None:
        self._context = context
        self._health = health
        self._recovery = recovery
        self._incidents = incidents

    def names(self) -> tuple[ChartName, ...]:
        """What there are charts of, by level. Asks nothing."""
        catalogue = self._context.catalogue
        rules = catalogue.thresholds
        pulses = [ChartName(name, _pulse_title(issue), WINDOWS_S) for name, issue in catalogue.issues.items()]
        seen = [ChartName(name, rules[name].title, WINDOWS_S if name == API_P95 else SEEN_WINDOWS_S) for name in KPIS]
        leading = [ChartName(name, rules[rule].title, SEEN_WINDOWS_S) for name, rule in RULES.items()]
        return (
            *pulses,
            ChartName(BACKLOG, rules[BACKLOG].title, BACKLOG_WINDOWS_S),
            ChartName(SYSTEM_HEALTH, rules[SYSTEM_HEALTH].title, SEEN_WINDOWS_S),
            ChartName(SYNC_EVENTS, rules["sync_event_success"].title, SEEN_WINDOWS_S),
            *seen,
            *leading,
        )

    def named(self, text: str) -> ChartName:
        """The number that a person means: by its name, with spaces or hyphens, or a common word for it.

        Raises UserError naming those that there are.
        """
        known = {one.name: one for one in self.names()}
        wanted = "_".join(text.casefold().replace("-", " ").split())
        found = known.get(wanted) or known.get(_SYNONYMS.get(wanted, ""))
        if found is None:
            near = difflib.get_close_matches(wanted, [*known, *_SYNONYMS], n=2)
            raise UserError(
                f"there is no chart of {text!r}" if text else "a chart of what?",
                accepted=", ".join(known),
                next_step=f"did you mean {' or '.join(near)}?" if near else "chart NAME, e.g. chart rate_limiting",
            )
        return found

    def read(self, name: str, window_s: int) -> Chart:
        """The series over the last `window_s` seconds, with limits, marks and evidence.

        A figure whose source fails keeps the steps known from before and says so. Raises SourceFailure where there is
        nothing at all, and UserError for an unknown name or a window that its steps do not fill.
        """
        known = self.named(name)
        if window_s not in known.windows_s:
            raise UserError(
                f"{known.name} has no chart over {short(window_s)}",
                accepted=", ".join(short(one) for one in known.windows_s),
                next_step=f"chart {known.name} {short(known.windows_s[0])}",
            )
        issue = self._context.catalogue.issues.get(known.name)
        if issue is not None:
            chart = self._pulse(issue, window_s)
        elif known.name == BACKLOG:
            chart = self._backlog(window_s)
        else:
            chart = self._figure(known, window_s)
        marks, problem = self._marks(chart.begins_at, chart.ends_at)
        return chart.model_copy(update={"marks": marks, "notes": (*chart.notes, *filter(None, (problem,)))})

    def export(self, chart: Chart, drawing: Drawing) -> tuple[Path, ...]:
        """Write a chart as Markdown and as SVG into the state folder's `exports`; their paths. Raises UserError."""
        from diagnostics.charts.export import chart_markdown, chart_svg  # noqa: PLC0415  # few write one
        from diagnostics.core.named_files import write_named  # noqa: PLC0415

        texts = {"md": chart_markdown(chart, drawing), "svg": chart_svg(chart, drawing)}
        folder = self._context.settings.state_dir / "exports"
        return write_named(folder, f"chart-{chart.name}", texts, self._context.now())

    def _marks(self, begins: datetime, ends: datetime) -> tuple[tuple[ChartMark, ...], str]:
        try:
            return marks_between(self._incidents, begins, ends), ""
        except SourceFailure as failure:
            return (), f"incidents and notices are not marked: {failure.headline()}"

    # ---- pulses

    def _pulse(self, issue: IssueType, window_s: int) -> Chart:
        """Events a minute from the same count as the pulse's; what is usual is that of the console's own window."""
        context = self._context
        query = context.catalogue.queries[issue.query].datadog
        counts = context.logs.counts(query, window_s)
        baseline = context.logs.baselines.known(query, context.window_s)
        usual = None if baseline.usual is None else baseline.usual.count
        first = counts.minutes_from or context.now()
        minutes = [
            CoursePoint(at=first + timedelta(seconds=MINUTE_S * place), value=float(count), rows=count)
            for place, count in enumerate(counts.per_minute)
        ]
        # Of a minute that still fills, a small number is not known to be small.
        filling = [
            CoursePoint(at=first + timedelta(seconds=MINUTE_S * (len(minutes) + place)), value=None, rows=count)
            for place, count in enumerate(counts.filling)
        ]
        points = (*minutes, *filling)
        ends = points[-1].at + timedelta(seconds=MINUTE_S) if points else context.now()
        whole = judge_count(
            issue, counts.count, _scaled(usual, window_s, context.window_s), is_pending=baseline.is_pending
        )
        evidence = (counts.evidence, *(() if baseline.usual is None else (baseline.usual.evidence,)))
        notes = [
            counts.doubt,
            f"{plural(len(filling), 'minute')} still arriving" if filling else "",
            "what is usual is not known yet" if usual is None else "",
            f"limits are for the mean of {span(context.window_s)}, as the rule counts",
        ]
        per_minute = counts.per_minute[-1] if counts.per_minute else None
        counted = "an unknown number" if counts.count is None else f"{counts.count:,}"
        return Chart(
            name=issue.name,
            title=_pulse_title(issue),
            unit="/min",
            window_s=window_s,
            begins_at=ends - timedelta(seconds=window_s),
            ends_at=ends,
            course=Course(
                title=_pulse_title(issue),
                unit="/min",
                step_s=MINUTE_S,
                points=points,
                basis="Datadog's count of matching log lines, minute by minute.",
                since=first,
                evidence=evidence,
            ),
            limits=_pulse_limits(issue, usual, context.window_s),
            judged_s=context.window_s,
            shown=UNKNOWN if per_minute is None else f"{per_minute:,} /min",
            status=of_counts(whole.status, partial=counts.partial),
            rule=f"{counted} in {span(window_s)}: {whole.comparison}",
            notes=tuple(filter(None, notes)),
            taken_at=counts.evidence.started_at,
        )

    # ---- the backlog

    def _backlog(self, window_s: int) -> Chart:
        report = self._recovery.backlog()
        rule = self._context.catalogue.thresholds[BACKLOG]
        points = tuple(
            CoursePoint(at=one.at, value=None if one.waiting is None else float(one.waiting), rows=one.waiting)
            for one in report.course
        )
        step_s = round((points[1].at - points[0].at).total_seconds()) if len(points) > 1 else BUCKET_S
        ends = points[-1].at if points else report.taken_at
        return Chart(
            name=BACKLOG,
            title=rule.title,
            unit=rule.unit,
            window_s=window_s,
            begins_at=ends - timedelta(seconds=window_s),
            ends_at=ends,
            course=Course(
                title=rule.title,
                unit=rule.unit,
                step_s=step_s,
                points=points,
                basis="Webhook events that waited at the end of each step, from their rows in common.",
                since=points[0].at if points else None,
                evidence=report.evidence,
            ),
            bad=rule.bad,
            limits=_limits(rule),
            shown=UNKNOWN if report.waiting is None else f"{report.waiting:,}",
            status=rule.judge(None if report.waiting is None else float(report.waiting)),
            rule=rule.rule(),
            taken_at=report.taken_at,
        )

    # ---- figures

    def _figure(self, known: ChartName, window_s: int) -> Chart:
        """A figure of level 2. Asking for it keeps a sample of it, so that its curve grows while somebody looks."""
        figure, rule = self._present(known.name)
        now = self._context.now()
        notes: list[str] = []
        try:
            course = self._course(known.name, figure, window_s, now)
        except SourceFailure as failure:
            course = Course(title=figure.title, unit=figure.unit, step_s=SLOT_S, evidence=figure.evidence)
            notes.append(f"the steps are not known: {failure.headline()}")
        comparable = not figure.judged and figure.unit == rule.unit
        if not comparable:
            notes.append(f"the limits are of another number: {figure.held}" if figure.held else "")
        if self._context.state.problem:
            notes.append(self._context.state.problem)
        return Chart(
            name=known.name,
            title=figure.title,
            unit=figure.unit,
            window_s=window_s,
            begins_at=now - timedelta(seconds=window_s),
            ends_at=now,
            course=course,
            bad=rule.bad,
            limits=(*self._usual(known.name), *(_limits(rule) if comparable else ())),
            shown=figure.shown,
            status=figure.status,
            rule=figure.held if figure.judged else figure.threshold,
            notes=tuple(filter(None, (*notes, figure.note))),
            failure=figure.failure,
            taken_at=figure.taken_at or now,
        )

    def _present(self, name: str) -> tuple[Figure, Threshold]:
        rules = self._context.catalogue.thresholds
        if name in KPIS:
            return self._health.kpis(only=(name,))[0], rules[name]
        if name in RULES:
            return self._health.leading(only=(name,))[0], rules[RULES[name]]
        overview = self._health.overview()
        if name == SYSTEM_HEALTH:
            return overview.health, rules[SYSTEM_HEALTH]
        return overview.sync, rules["sync_event_success"]

    def _usual(self, name: str) -> tuple[ChartLimit, ...]:
        baseline = self._context.catalogue.baselines.get(name)
        return () if baseline is None else (ChartLimit(word=USUAL, value=float(baseline.value)),)

    def _course(self, name: str, figure: Figure, window_s: int, now: datetime) -> Course:
        if name == TOKEN_SUCCESS:
            return self._token_course(figure, window_s, now)
        if name == API_P95:
            return self._api_course(figure, window_s)
        return self._seen(name, figure, window_s, now)

    def _seen(self, name: str, figure: Figure, window_s: int, now: datetime) -> Course:
        """Samples of the state store."""
        kept = HEALTH if name == SYSTEM_HEALTH else name
        step_s = SLOT_S if window_s <= SEEN_WINDOWS_S[-2] else 3 * SLOT_S
        points = self._health.samples().course(kept, now - timedelta(seconds=window_s), step_s)
        known = [point.at for point in points if point.value is not None]
        return Course(
            title=figure.title,
            unit=figure.unit,
            step_s=step_s,
            points=points,
            basis=SEEN,
            since=known[0] if known else None,
            evidence=figure.evidence,
        )

    def _token_course(self, figure: Figure, window_s: int, now: datetime) -> Course:
        """From the counters, which are asked for a whole day at once."""
        counters = read_counters(self._context)
        requested, failed = counters.series.get("token_requested"), counters.series.get("token_refresh_failed")
        return Course(
            title=figure.title,
            unit=figure.unit,
            step_s=BUCKET_S,
            points=_success_steps(requested or (), failed, now - timedelta(seconds=window_s), counters.end),
            basis="Tokens requested and refreshes that failed, as the team's counters in Datadog have them.",
            evidence=(counters.evidence,),
        )

    def _api_course(self, figure: Figure, window_s: int) -> Course:
        """The percentile of each step, in one aggregate that is kept for a minute."""
        context = self._context
        query = context.catalogue.queries["api_requests"].datadog
        lag = context.logs.lag(query)
        step_s = max(MINUTE_S, window_s // MOST_STEPS)

        def ask() -> tuple[Sequence[tuple[int, float]], Evidence, datetime]:
            start, end = window_ending(window_s, lag.ends or context.now())
            compute = Compute("pc95", "@http.response_time", interval_ms=step_s * 1_000)
            answer = context.datadog.aggregate(query, start=start, end=end, computes=(compute,))
            values = answer.buckets[0].values[0] if answer.buckets else ()
            return (values if isinstance(values, tuple) else ()), of_late_logs(answer.evidence, lag, end), end

        series, evidence, end = context.answers.get(("p95 over time", query, window_s), KEEP_S, ask)
        evidence = evidence.model_copy(update={"query": f"{query} | pc95 @http.response_time by {span(step_s)}"})
        return Course(
            title=figure.title,
            unit=figure.unit,
            step_s=step_s,
            points=_steps(dict(series), end - timedelta(seconds=window_s), end, step_s),
            basis="Datadog's 95th percentile of each step; steps without a request are not known.",
            evidence=(evidence,),
        )


def _pulse_title(issue: IssueType) -> str:
    return f"{issue.title}: log lines a minute"


def _scaled(usual: float | None, window_s: int, of_s: int) -> float | None:
    return None if usual is None else usual * window_s / of_s


def _pulse_limits(issue: IssueType, usual: float | None, window_s: int) -> tuple[ChartLimit, ...]:
    """The usual, and the counts at which the rule raises the severity; a minute's share of each."""
    if usual is None:
        return ()
    rule, minutes = issue.pulse, window_s / MINUTE_S
    words = {attention(issue): rule.high_ratio, issue.severities[0]: rule.top_ratio}
    found = [ChartLimit(word=USUAL, value=usual / minutes)]
    found += [
        ChartLimit(word=word, value=max(rule.minimum_count, ratio * max(usual, 1.0)) / minutes)
        for word, ratio in words.items()
        if word != OK
    ]
    return tuple(found)


def _limits(rule: Threshold) -> tuple[ChartLimit, ...]:
    pairs = (("warning", rule.warning), ("critical", rule.critical))
    return tuple(ChartLimit(word=word, value=float(limit)) for word, limit in pairs if limit is not None)


def _steps(values: Mapping[int, float], begins: datetime, ends: datetime, step_s: int) -> tuple[CoursePoint, ...]:
    """The whole steps from `begins` to `ends`; those without a value are gaps. `values` by epoch milliseconds."""
    held = {at_ms // 1_000 // step_s * step_s: value for at_ms, value in values.items()}
    first = -(-int(begins.timestamp()) // step_s) * step_s
    last = int(ends.timestamp()) // step_s * step_s
    return tuple(
        CoursePoint(at=datetime.fromtimestamp(at, UTC), value=held.get(at)) for at in range(first, last, step_s)
    )


def _success_steps(
    attempts: Sequence[tuple[int, float]],
    failures: Sequence[tuple[int, float]] | None,
    begins: datetime,
    ends: datetime,
) -> tuple[CoursePoint, ...]:
    """Success by step, per cent: known where attempts were counted, and failures are reported at all.

    A counter that reports does not send a step in which nothing was counted: there, no refresh failed.
    """
    failed = dict(failures or ())
    shares = {
        at: 100.0 * max(0.0, 1.0 - failed.get(at, 0.0) / count)
        for at, count in attempts
        if count > 0 and failures is not None
    }
    return _steps(shares, begins, ends, BUCKET_S)
