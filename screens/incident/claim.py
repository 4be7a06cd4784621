"""Roles: who decides, who mends, who writes. One key takes a free one; taking one over is typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from diagnostics.core.time import utc_now
from screens.incident.base import IncidentScreen
from screens.line_entry import LineEntry
from widgets.incident_clock import moment
from widgets.incident_view import role_titles
from widgets.row import BLANK, Row, row, wrap, wrapped
from widgets.rows.incident import pair

if TYPE_CHECKING:
    from diagnostics.core.failures import UserError
    from diagnostics.models.incidents import Incident, RoleHolding

TAKE_OVER = "take over"
"""Typed to relieve somebody."""


class ClaimScreen(IncidentScreen):
    """The roles of the incident in view: who holds each since when, what it is for, who held it before."""

    answers = "Who holds which role of this incident, and which is free?"

    hint_names: ClassVar[tuple[str, ...]] = ("open", "run", "new", "copy", "escalation", "back", "help")

    what = "roles"
    fills = True

    def __init__(self) -> None:
        super().__init__()
        self.refusals: dict[str, str] = {}
        """By role: who was quicker, until somebody tries again."""

    # ---- drawing

    def incident_rows(self, incident: Incident, width: int) -> Sequence[Row]:
        """Each role with its holder and its duty."""
        catalogue, glyphs, now = self.host.catalogue, self.host.glyphs, utc_now()
        if catalogue is None:
            return ()
        writer = self.writer()
        me = writer.incidents.person if writer is not None else ""
        said = "enter claims a free role or asks to take one over; x gives yours back; N names somebody"
        rows = [*wrapped(said, width, "muted"), BLANK]
        for name, title in role_titles(catalogue, incident):
            held = self._held(incident, name)
            if held is None:
                rows.append(pair([(title, "title"), "  ", ("free", "warn")], "enter claims it", "accent", width, name))
            else:
                who = f"{held.person} (you)" if held.person == me else held.person
                since = f"since {moment(held.since, now)} UTC"
                rows.append(pair([(title, "title"), "  ", (glyphs.text(who), "strong")], since, "muted", width, name))
            if refusal := self.refusals.get(name):
                rows += [row((f"   {line}", "warn")) for line in wrap(glyphs.text(refusal), max(20, width - 3))]
            role = catalogue.roles.get(name)
            if role is not None:
                duty = glyphs.text(f"{role.duty} Usually {role.who}.")
                rows += [row((f"   {line}", "muted")) for line in wrap(duty, max(20, width - 3))]
            rows += [
                row(
                    (
                        glyphs.text(f"   before: {one.person} {moment(one.since, now)}–{moment(one.until, now)} UTC"),
                        "muted",
                    )
                )
                for one in incident.roles
                if one.role == name and one.until is not None
            ]
            rows.append(BLANK)
        return rows

    @staticmethod
    def _held(incident: Incident, name: str) -> RoleHolding | None:
        return next((one for one in incident.roles if one.role == name and one.until is None), None)

    def _title(self, name: str) -> str:
        catalogue = self.host.catalogue
        role = catalogue.roles.get(name) if catalogue is not None else None
        return role.title.lower() if role is not None else name.replace("_", " ")

    # ---- keys

    def act_open(self) -> None:
        """Claim the role under the cursor, or ask to take it over."""
        incident, writer, name = self.incident, self.writer(), self.body.cursor_key
        if incident is None or writer is None or not name:
            return
        held = self._held(incident, name)
        if held is None:
            self._claim(name)
        elif held.person == writer.incidents.person:
            self.host.say(f"you are {self._title(name)} already; x gives it back")
        else:
            self._ask_take_over(name, held)

    def act_claim(self) -> None:
        """As Enter: `c` twice claims what is under the cursor."""
        self.act_open()

    def act_run(self) -> None:
        """Give the role under the cursor back, where it is one's own."""
        incident, writer, name = self.incident, self.writer(), self.body.cursor_key
        held = self._held(incident, name) if incident is not None and name else None
        if writer is None or not name or held is None:
            self.host.say("nobody holds this role", "muted")
        elif held.person != writer.incidents.person:
            self.host.say(f"{held.person} holds it; enter asks to take it over", "warn")
        else:
            title = self._title(name)
            writer.write(
                lambda: writer.incidents.release(writer.incident_id, name),
                f"nobody is {title} now",
                tone="",
                doing=f"giving back {title}",
            )

    def act_new(self) -> None:
        """Name somebody for the role under the cursor."""
        incident, name = self.incident, self.body.cursor_key
        if incident is None or not name:
            return
        held = self._held(incident, name)
        if held is not None:
            self.host.say(f"{held.person} is {self._title(name)}; it has to be free before somebody is named", "warn")
            return
        title = f"{self._title(name)} of {incident.id}"
        self.host.push_console_screen(
            LineEntry(title, "who it is, such as cl.nolen", lambda who: self._claim(name, who.lstrip("@")))
        )

    # ---- doing

    def _claim(self, name: str, person: str = "", *, take_over: bool = False) -> None:
        writer = self.writer()
        if writer is None:
            return
        self.refusals.pop(name, None)
        title = self._title(name)

        def refused(problem: UserError) -> None:
            self.refusals[name] = f"somebody was quicker: {problem.problem}"
            self.host.say(self.refusals[name], "warn")
            self.draw()

        writer.write(
            lambda: writer.incidents.claim(writer.incident_id, name, person or None, take_over=take_over),
            f"{person or 'you'} {'is' if person else 'are'} {title} now",
            doing=f"claiming {title}",
            refused=refused,
        )

    def _ask_take_over(self, name: str, held: RoleHolding) -> None:
        title = f"take over {self._title(name)} from {held.person}"
        self.host.push_console_screen(
            LineEntry(
                title,
                f"type {TAKE_OVER}; esc leaves it as it is",
                lambda _: self._claim(name, take_over=True),
                check=take_over_check,
                explain=(
                    f"{held.person} is {self._title(name)} since {held.since:%H:%M:%S} UTC. Talk to them first.",
                    "Both names are written into the timeline.",
                ),
                confirms=True,
            )
        )


def take_over_check(words: str) -> str:
    """Nothing when the words confirm it."""
    return "" if words.lower() == TAKE_OVER else f"type {TAKE_OVER} to confirm; nothing has changed"
