"""Which section stands where: one column that folds what can wait, or two columns that show everything."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from widgets import incident_sections as sections
from widgets.incident_rows import answer_rows, criterion_rows, head, role_rows, step_rows
from widgets.incident_sections import problem_rows
from widgets.issue_escalation_rows import issue_answer_rows, issue_people_rows, issue_step_rows
from widgets.rows import BLANK, Row

if TYPE_CHECKING:
    from widgets.glyphs import Glyphs
    from widgets.incident_view import IncidentView, IssueView

WIDE = 110
"""From so many columns on there are two of them."""

FEWEST_STEPS, FEWEST_LINES, MOST_LINES = 4, 2, 12
"""Rows that the checklist and the timeline keep on the smallest terminal, and that the timeline takes on a large one:
each entry moves all of its rows, which costs bytes."""


def answer(view: IncidentView | IssueView, problem: str, width: int, signs: Glyphs) -> list[Row]:
    """What stands above everything: what is wrong with the journal, then the answer."""
    from widgets.incident_view import IncidentView  # noqa: PLC0415  # only its name is needed above

    rows = answer_rows(view, width, signs) if isinstance(view, IncidentView) else issue_answer_rows(view, width, signs)
    return [*problem_rows(problem, width, signs), *rows]


def one_column(view: IncidentView, width: int, height: int, signs: Glyphs, unfolded: Collection[str] = ()) -> list[Row]:
    """Everything below the answer for a small terminal: what is needed first stands without scrolling."""
    resolved = not view.incident.is_open
    roles = role_rows(view, width, signs, folded=True)
    criteria = criterion_rows(view, width, signs, folded="criteria" not in unfolded)
    notices = sections.delivery_rows(view, width, signs, folded="deliveries" not in unfolded)
    tasks = sections.task_rows(view, width, signs, most=6 if "tasks" in unfolded else 1)
    scope = sections.scope_rows(view, width, signs, folded="scope" not in unfolded)
    follow_ups = sections.follow_up_rows(view, width, signs)
    others = sections.other_rows(view.others, view.alarms, view.now, width, signs, folded=True)
    rest = sum(map(len, (roles, criteria, notices, tasks, scope, others))) + (len(follow_ups) if resolved else 0)
    room = height - rest - 1 - FEWEST_LINES - 1
    steps = step_rows(view, width, signs, most=0 if "steps" in unfolded else max(FEWEST_STEPS, room))
    spare = height - rest - len(steps) - 1
    lines = sections.timeline_rows(view, width, signs, most=max(FEWEST_LINES, min(MOST_LINES, spare)))
    if resolved:
        return [*follow_ups, *criteria, *notices, *tasks, *scope, *roles, *steps, *lines, *others]
    return [*roles, *steps, *notices, *criteria, *tasks, *scope, *others, *lines, *follow_ups]


def two_columns(view: IncidentView, width: int, height: int, signs: Glyphs) -> tuple[list[Row], list[Row]]:
    """Everything below the answer for a wide terminal, each column `width` wide."""
    left: list[Row] = []
    roles = [head("ROLES", "", width, key="roles"), *role_rows(view, width, signs)]
    criteria = criterion_rows(view, width, signs)
    room = height - len(roles) - len(criteria) - 2
    for section in (roles, step_rows(view, width, signs, most=max(FEWEST_STEPS, room)), criteria):
        left += [*section, BLANK]
    notices = sections.delivery_rows(view, width, signs, most=8)
    tasks = sections.task_rows(view, width, signs)
    parts = [notices, tasks, sections.scope_rows(view, width, signs), sections.follow_up_rows(view, width, signs)]
    parts.append(sections.other_rows(view.others, view.alarms, view.now, width, signs))
    right: list[Row] = []
    for section in parts:
        right += [*section, BLANK] if section else []
    spare = height - len(right) - 1
    return left[:-1], right + sections.timeline_rows(view, width, signs, most=max(4, min(MOST_LINES, spare)))


def issue_columns(view: IssueView, width: int, signs: Glyphs) -> tuple[list[Row], list[Row]]:
    """Without an incident: what to do first, and the people."""
    others = sections.other_rows(view.others, (), view.now, width, signs)
    return issue_step_rows(view, width, signs), [*issue_people_rows(view, width, signs), BLANK, *others]


def issue_column(steps: list[Row], people: list[Row]) -> list[Row]:
    """The same for a small terminal: the people first, who are five lines, then the steps."""
    return [*people, *steps] if not people[-1].text else [*people, BLANK, *steps]


def padded(rows: list[Row], height: int) -> list[Row]:
    """At least `height` rows: a pane whose number of rows stays the same repaints single rows, and not all of them."""
    return rows + [BLANK] * max(0, height - len(rows))
