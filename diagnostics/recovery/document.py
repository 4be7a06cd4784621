"""What there is to read of a recovery: the backlog and where it goes; a plan and how it stands."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from diagnostics.core.document import GAP, Asked, Block, Cell, Document, Fact, Heading, Line, Part, Result, Text, facts
from diagnostics.core.words import about, plural, span
from diagnostics.models.status import Status
from diagnostics.recovery.ladder import RUNGS
from diagnostics.recovery.models import (
    BacklogReport,
    Outlook,
    PlanState,
    PlanView,
    RecoveryPlan,
    Rehearsal,
    Split,
    Trend,
)

CURVE, SPLITS = "curve", "splits"
"""Parts that a screen draws by itself."""

WORDS = {
    Trend.BETTER: "GETS BETTER",
    Trend.WORSE: "GETS WORSE",
    Trend.STANDS: "STANDS",
    Trend.EMPTY: "EMPTY",
    Trend.NOT_KNOWN: "NOT KNOWN",
}
_STATUS = {
    Trend.BETTER: Status.PASS,
    Trend.WORSE: Status.FAIL,
    Trend.STANDS: Status.WARN,
    Trend.EMPTY: Status.PASS,
    Trend.NOT_KNOWN: Status.NO_DATA,
}

TITLES = {
    "age": "waiting, by age",
    "attempts": "by attempts so far",
    "account": "by account",
    "type": "by type of event",
    "cause": "by the last answer",
}

BAR = 16
LABEL = 20
COUNT = 11


def backlog_document(report: BacklogReport) -> Document:
    """The verdict first, then the curve, then what waits, then what is past saving."""
    blocks: list[Block] = [
        Result(_STATUS[report.trend], verdict(report)),
        *facts(
            ("waiting", _waiting(report)),
            ("rates", _rates(report)),
            ("empties", empties(report)),
            ("oldest", "—" if report.oldest_at is None else _oldest(report)),
        ),
        Fact("past saving", _lost(report), "fail" if report.lost_total else ""),
        Part(CURVE, [Heading("backlog over the last two hours"), *_course(report)]),
        Part(SPLITS, [block for split in report.splits for block in split_blocks(split)]),
    ]
    if report.lost:
        blocks.append(Heading("past saving, and why"))
        blocks += [Text(f"{plural(one.events, 'event')}: {one.reason}", indent=2) for one in report.lost]
    blocks.append(Heading("caveats"))
    blocks += [Fact(" ·", doubt, width=3) for doubt in report.doubts]
    blocks += [GAP, Asked(report.evidence)]
    return Document(
        "webhook backlog",
        blocks,
        place="backlog",
        issue=("rate_limiting", ""),
        about=("zillow-incident-recovery", "the webhook backlog"),
        taken_at=report.taken_at,
    )


def verdict(report: BacklogReport) -> str:
    """Where it goes, in one sentence."""
    word = WORDS[report.trend]
    if report.trend is Trend.NOT_KNOWN:
        return f"{word}: {report.doubts[-1] if len(report.doubts) > 1 else 'nothing tells where the backlog goes'}"
    change = report.change or 0
    ago = span(report.change_s)
    moved = f"{abs(change):,} {'fewer' if change < 0 else 'more'} than {ago} ago" if change else f"as many as {ago} ago"
    return f"{word}: {plural(report.waiting or 0, 'event')} wait, {moved}."


def empties(report: BacklogReport) -> str:
    """When the backlog is empty, in plain words."""
    match report.outlook:
        case Outlook.EMPTY:
            return "now: nothing waits"
        case Outlook.NOT_DRAINING:
            return "not draining: no more is delivered than arrives"
        case Outlook.DRAINING if report.empty_in_s is not None:
            at = report.taken_at + timedelta(seconds=min(report.empty_in_s, 3.0e8))
            day = "%H:%M UTC" if report.empty_in_s < 86_400 else "%d %b %H:%M UTC"
            return f"in {about(report.empty_in_s)}, {at:{day}}, at the rates of the last 5 min"
        case _:
            return "not known"


def _waiting(report: BacklogReport) -> str:
    if report.waiting is None:
        return "not known"
    parts = ", ".join(f"{report.by_status.get(name, 0):,} {name}" for name in ("pending", "processing", "failed"))
    return f"{report.waiting:,}: {parts}"


def _rates(report: BacklogReport) -> str:
    arriving, draining = report.arriving_per_min, report.draining_per_min
    if arriving is None or draining is None:
        return "not known"
    return f"{arriving:,.1f} a minute arrive, {draining:,.1f} are delivered (over 5 min)"


def _oldest(report: BacklogReport) -> str:
    received = f"{report.oldest_at:%d %b %H:%M:%S} UTC"
    return f"received {received}" + ("" if report.oldest_age_s is None else f", {about(report.oldest_age_s)} ago")


def _lost(report: BacklogReport) -> str:
    return f"{plural(report.lost_total, 'event')} lost for good" if report.lost_total else "none"


def _course(report: BacklogReport) -> Iterable[Block]:
    if not report.course:
        return [Text("not known", "muted")]
    most = max((point.waiting or 0 for point in report.course), default=0)
    return [
        Line(
            (
                Cell(f"{point.at:%H:%M}", "muted", 7),
                Cell("  —" if point.waiting is None else f"  {point.waiting:,}", "", COUNT, right=True),
                Cell(f"  {bar(point.waiting or 0, most)}", "accent"),
            )
        )
        for point in report.course[::3]
    ]


def split_blocks(split: Split) -> list[Block]:
    """One histogram: a line a part."""
    blocks: list[Block] = [Heading(TITLES[split.by])]
    if split.failure:
        return [*blocks, Text(f"not known: {split.failure}", "warn")]
    most = max((part.events for part in split.parts), default=0)
    for part in split.parts:
        cells = (
            Cell(part.name, "", LABEL),
            Cell(f"  {part.events:,}", "", COUNT, right=True),
            Cell(f"  {bar(part.events, most)}", "accent"),
        )
        name = part.name
        blocks.append(Line(cells, key=f"account:{name.split()[-1]}" if split.by == "account" else f"{split.by}:{name}"))
    if split.others:
        blocks.append(Line((Cell("others", "muted", LABEL), Cell(f"  {split.others:,}", "muted", COUNT, right=True))))
    return blocks if len(blocks) > 1 else [*blocks, Text("nothing waits", "muted")]


def bar(events: int, most: int) -> str:
    """A bar whose length is a share of the longest; whatever is there at all has one cell."""
    return "" if not events or not most else "▪" * max(1, round(BAR * events / most))


# ---- plans

STATES = {
    PlanState.READY: (Status.PASS, "as it was made: none of its events has moved on"),
    PlanState.EXPIRED: (Status.WARN, "expired"),
    PlanState.STALE: (Status.WARN, "STALE"),
    PlanState.ALTERED: (Status.FAIL, "ALTERED"),
    PlanState.ELSEWHERE: (Status.FAIL, "of another environment"),
    PlanState.UNCHECKED: (Status.UNREACHABLE, "not checked"),
    PlanState.USED: (Status.NO_DATA, "used"),
}


def plan_document(view: PlanView) -> Document:
    """How it stands, what it would do, at what pace and cost, what it leaves alone."""
    plan, run = view.plan, view.plan.rehearsal
    status, word = STATES[view.state]
    blocks: list[Block] = [
        Result(status, f"{plan.plan_id}: {word}{f': {view.reason}' if view.reason else ''}."),
        *(Text(f"{plural(one.events, 'event')} {one.name}", indent=2) for one in view.moved),
        *facts(
            ("delivers", _delivers(plan)),
            ("order", "by receipt, so that of each account is kept"),
            ("collapsed", plan.collapsed),
            ("made of", f"the list of {plan.again}: a person decided that these go again" if plan.again else ""),
            ("made", f"{plan.made_at:%d %b %H:%M:%S} UTC by {plan.made_by}; valid to {plan.expires_at:%H:%M:%S} UTC"),
            ("hash", view.digest),
            ("seal", plan.seal),
        ),
        Heading("left alone, and why"),
        *_aside(plan),
        Heading("pace and cost, rehearsed"),
        *facts(
            ("limit", _limit(plan)),
            ("takes", _takes(run)),
            ("answered 429", _share(run.limited_share)),
            ("collateral", plan.collateral),
            ("losses", plan.expected_losses),
            ("first events", f"in rungs of {', '.join(map(str, RUNGS))}, each after the outcomes of the one before"),
        ),
        *((Heading("carried by"), *facts(*view.declares)) if view.declares else ()),
        Heading("caveats"),
        *(Fact(" ·", doubt, width=3) for doubt in plan.doubts),
        GAP,
        Asked(view.evidence, "its events were not read again"),
    ]
    return Document(
        f"plan {plan.plan_id}",
        blocks,
        issue=("rate_limiting", ""),
        about=("zillow-incident-recovery", f"plan {plan.plan_id}"),
        taken_at=plan.made_at,
    )


def _aside(plan: RecoveryPlan) -> list[Block]:
    lines: list[Block] = [
        Text(f"{plural(one.events, 'event')}: {one.cause} ({_such_as(one.examples)})", indent=2)
        for one in plan.set_aside
    ]
    return lines or [Text("none", "muted", indent=2)]


def _share(value: float | None) -> str:
    return "not known" if value is None else f"{100 * value:.2f} % of what is sent"


def _delivers(plan: RecoveryPlan) -> str:
    at = plan.first_received_at
    begins = "" if at is None else f", from {at:%d %b %H:%M:%S} UTC on"
    return f"{plural(plan.events, 'event')} of {plural(plan.accounts, 'account')}, oldest first{begins}"


def _such_as(ids: tuple[int, ...]) -> str:
    return f"such as {', '.join(map(str, ids))}"


def _limit(plan: RecoveryPlan) -> str:
    run = plan.rehearsal
    if run.limit_per_s is None:
        return f"not known: {run.limit_from}"
    live = f"; {run.live_per_s:,.1f} a second of live traffic beside it" if run.live_per_s else ""
    wait = "" if run.retry_after_s is None else f"; Retry-After {span(run.retry_after_s)}, as answers say"
    return f"{run.limit_per_s:,.2f} a second, {run.limit_from}{live}{wait}"


def _takes(run: Rehearsal) -> str:
    if run.seconds is None:
        return f"not known: {run.note or 'there was no rehearsal'}"
    return f"{about(run.seconds)}, outcomes seen {span(run.delay_s)} late"
