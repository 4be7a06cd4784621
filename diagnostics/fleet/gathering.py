"""The analytics engine's rows as an answer: beside the accounts of `common`, with their age and what does not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from diagnostics.core.time import span
from diagnostics.fleet.models import ANALYTICS, AccountRows, FleetAnswer, FleetQuestion
from diagnostics.fleet.tally import EXAMPLES, Remarks, accounts_of, ordered
from diagnostics.models.figures import Coverage, Gap

if TYPE_CHECKING:
    from diagnostics.config.settings import AnalyticsSettings
    from diagnostics.core.failures import SourceFailure
    from diagnostics.fleet.analytics import Counted
    from diagnostics.fleet.roster import Roster

_CLOCKS_AGREE = timedelta(minutes=1)
_HOURS_FROM_S = 7_200
"""From here on an age is told in whole hours."""


class Gathering:
    """One question's answer being put together."""

    def __init__(self, question: FleetQuestion, settings: AnalyticsSettings, now: datetime) -> None:
        self._question = question
        self._settings = settings
        self._now = now
        self._remarks = Remarks(question)
        self._notes: list[str] = []

    def answer(
        self,
        counted: Counted,
        roster: Roster | None,
        roster_failure: SourceFailure | None,
        accounts: Sequence[int] | None,
        each: Callable[[AccountRows], None] | None,
    ) -> FleetAnswer:
        """The accounts of `roster` with the rows that the engine has for them."""
        self._age(counted)
        if roster is None:
            known = sorted(counted.rows if accounts is None else set(accounts))
            reason = "" if roster_failure is None else f" ({roster_failure.headline()})"
            self._notes.append(
                f"common.accounts gave no answer{reason}: accounts that only one of the two knows cannot be named."
            )
            gaps: tuple[Gap, ...] = ()
        else:
            known = [place.id for place in roster.accounts]
            self._strangers(counted, set(known), accounts)
            gaps = _unknown(roster)
        kept = self._kept(counted, known, each)
        if roster is not None:
            for place in roster.accounts:
                self._remarks.note(place, counted.rows.get(place.id, ()), is_cut=place.id in counted.cut)
        absent = [account for account in known if account not in counted.rows]
        if absent and self._question.of_everybody:
            self._notes.append(
                f"{accounts_of(absent)} without any row in the analytics engine's {self._question.table}: counted as "
                f"having no {self._question.unit}; one that the engine has not loaded would look the same."
            )
        asked = len(known) + sum(gap.count for gap in gaps)
        return FleetAnswer(
            rows=kept,
            coverage=Coverage(answered=len(known), asked=asked, gaps=gaps),
            origin=ANALYTICS,
            as_of=counted.newest,
            evidence=(*counted.evidence, *(() if roster is None else (roster.evidence,))),
            notes=(*self._notes, *self._remarks.notes()),
        )

    def _kept(
        self, counted: Counted, known: Sequence[int], each: Callable[[AccountRows], None] | None
    ) -> tuple[AccountRows, ...]:
        kept: list[AccountRows] = []
        for account in known:
            rows = counted.rows.get(account, ())
            for row in rows:
                self._remarks.belongs(account, row)
            found = AccountRows(account, ordered(rows))
            if each is None:
                kept.append(found)
            else:
                each(found)
        return tuple(kept)

    def _age(self, counted: Counted) -> None:
        question, newest = self._question, counted.newest
        if newest is None:
            reason = f": {counted.freshness_failure}" if counted.freshness_failure else ": its table has no dated row"
            self._notes.append(f"How far the analytics engine is behind is not known{reason}.")
            return
        behind = (self._now - newest).total_seconds()
        moment = f"the newest row of its {question.table} is of {newest:%Y-%m-%d %H:%M:%S} UTC"
        if behind < -_CLOCKS_AGREE.total_seconds():
            self._notes.append(
                f"How far the analytics engine is behind is not known: {moment}, which lies in the future."
            )
        elif behind > self._settings.behind_after_s:
            self._notes.append(
                f"The analytics engine is {age(behind)} behind: {moment}. The numbers are those of then, not of now."
            )

    def _strangers(self, counted: Counted, known: set[int], accounts: Sequence[int] | None) -> None:
        question = self._question
        if counted.nobody:
            total = question.measured(tuple(counted.nobody))
            self._notes.append(
                f"{total:,} {question.unit} without an account are in the analytics engine: left out of every number."
            )
        if accounts is not None:
            return
        strangers = [account for account in counted.rows if account not in known]
        if strangers:
            total = sum(question.measured(tuple(counted.rows[account])) for account in strangers)
            self._notes.append(
                f"{total:,} {question.unit} in the analytics engine are of {accounts_of(strangers)} that "
                "common.accounts does not have: left out of every number."
            )


def age(seconds: float) -> str:
    """Such as "26 h" or "45 min"; seconds matter only below two minutes."""
    if seconds >= _HOURS_FROM_S:
        return f"{round(seconds / 3_600):,} h"
    return span(round(seconds / 60) * 60 if seconds >= 120 else seconds)


def _unknown(roster: Roster) -> tuple[Gap, ...]:
    if not roster.unknown:
        return ()
    examples = tuple(map(str, roster.unknown[:EXAMPLES]))
    return (Gap(reason="not in common.accounts", count=len(roster.unknown), examples=examples),)
