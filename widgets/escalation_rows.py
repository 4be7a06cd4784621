"""The escalation panel: whom to tell, by when, and what is still to be done by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.models.status import FIRST_NOTICE_MINUTES
from widgets import wording
from widgets.rows import BLANK, Row, fit, labelled, row, wrap

if TYPE_CHECKING:
    from widgets.glyphs import Glyphs


@dataclass(slots=True, frozen=True)
class EscalationView:
    """What the panel shows for the issue in view."""

    issue: str
    severity: str
    notify: bool
    since: str
    """When this console first saw the severity, HH:MM:SS UTC, or empty."""
    due: str
    """When the first notice is due, HH:MM:SS UTC, or empty."""
    manager: str
    channel: str
    team: str
    project: str
    route: str


def escalation_rows(view: EscalationView, *, width: int, signs: Glyphs) -> list[Row]:
    """Rows of the panel: the answer first, the people next, the steps last."""
    tone = wording.severity_tone(view.severity)
    rows: list[Row] = [
        row(
            (view.issue, "title"),
            "  ",
            (view.severity.upper(), tone),
        )
    ]
    if view.notify:
        rows += [
            row(
                ("TELL THE TEAM", "fail"),
                (f"  by {view.due} UTC" if view.due else f"  within {FIRST_NOTICE_MINUTES} minutes", "strong"),
            ),
            row((f"seen here since {view.since} UTC" if view.since else "", "muted")),
        ]
    elif view.severity in {"unknown", "judging"}:
        missing = "What is usual is still being asked for." if view.severity == "judging" else "No answer to judge by."
        unsure = f"{missing} When in doubt, tell the people below rather than wait."
        rows += [row((line, "warn")) for line in wrap(unsure, width)]
    else:
        rows.append(row(("no notice is due at this severity", "muted")))
    rows.append(BLANK)
    for label, value in (
        ("manager", view.manager),
        ("channel", view.channel),
        ("team", view.team),
        ("project", view.project),
        ("route", view.route),
    ):
        rows += labelled(label, signs.text(value), width, label_width=9)
    rows += [BLANK, row(("first five minutes", "title"))]
    steps = (
        f"tell {view.channel}: issue, severity, accounts, impact, what was done",
        f"open tracking in {view.project} and note its number",
        "name a commander, a technical lead, a communications lead",
        "say when the next update comes, and keep to it",
    )
    box = "[ ]"
    for step in steps:
        for index, line in enumerate(wrap(step, max(10, width - 4))):
            rows.append(row((f"{box} " if index == 0 else "    ", "muted"), line))
    rows += [BLANK, *(row((line, "muted")) for line in wrap(_BY_HAND, width))]
    return [Row(tuple(item.pieces), item.key) if item.pieces else row(fit("", 1)) for item in rows]


_BY_HAND = "This version does not send or track for you: do these by hand. y copies a first notice."
