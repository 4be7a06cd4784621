"""What the keys do on level 3. The screen draws; this half answers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from screens import documents
from screens import health_documents as health_texts
from screens import investigate_state as known
from screens.base import RoomScreen
from screens.health_state import resolution_bands
from widgets.line_view import LineView

if TYPE_CHECKING:
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.investigations import Investigation
    from screens.health_state import FanOut
    from screens.investigate_state import InvestigateState

Why = tuple[str, str, "list[Evidence]"]

READING_OF = {
    "system": known.SYSTEMS,
    "systems": known.SYSTEMS,
    "races": known.RACES,
    "race": known.RACES,
    "share": known.RESOLUTION,
    "outlier": known.RESOLUTION,
}
"""Kind of a row to the reading that it was taken from."""


class InvestigateActions(RoomScreen):
    """Actions by name, `act_<name>` as the registry calls them."""

    state: InvestigateState
    fan_out: FanOut | None = None

    def _row_key(self) -> tuple[str, str]:
        view = self.focused
        kind, _, name = (view.cursor_key or "" if isinstance(view, LineView) else "").partition(":")
        return kind, name

    # ---- in

    def act_open(self) -> None:
        """One level deeper, whatever is under the cursor."""
        kind, name = self._row_key()
        if kind == "investigation":
            self._open_investigation(name)
        elif kind == "incident":
            self.room.command(f"incident {name}")
        elif kind == "all":
            self.room.command("incidents")
        elif kind == "new":
            self.act_new()
        elif kind in {"race", "outlier"}:
            self.room.command(f"account {name}")
        elif kind == "races" and self.state.races is not None:
            self.room.command(f"logs {self.state.races.query}")
        elif kind == "system":
            self._open_system(name)
        elif kind == "share":
            self._open_drift()
        elif kind == "systems":
            self.room.command("level health")
        else:
            self.room.say("there is no answer yet to open; r asks again", "muted")

    def _open_investigation(self, name: str) -> None:
        from screens.investigation import InvestigationScreen  # noqa: PLC0415  # only its readers pay for it

        self.room.push_room_screen(InvestigationScreen(name))

    def _open_system(self, name: str) -> None:
        system = next((one for one in self.state.systems or () if one.name == name), None)
        catalogue = self.room.catalogue
        if system is None:
            return
        entry = catalogue.systems.get(name) if catalogue is not None else None
        note = entry.note if entry is not None else ""
        self.room.open_document(health_texts.system_document(system, note, self.room.signs))

    def _open_drift(self) -> None:
        from screens.health_drill import DrillScreen  # noqa: PLC0415  # only who drills in pays for it

        resolution, catalogue = self.state.resolution, self.room.catalogue
        if resolution is None or catalogue is None:
            return
        document = health_texts.resolution_document(resolution, resolution_bands(catalogue), self.room.signs)
        choices = {"account": lambda rest: self.room.command(f"account {rest.partition(':')[0]}")}
        self.room.push_room_screen(DrillScreen(document, choices=choices, why=self._evidence()))

    # ---- a new one

    def act_new(self) -> None:
        """Open an investigation: its question, typed. It belongs to the incident in view, where there is one."""
        from screens.line_entry import LineEntry  # noqa: PLC0415  # only who opens one pays for it

        incident = self._incident_in_view()
        about = f"It belongs to {incident}, the incident in view." if incident else "It belongs to no incident."
        self.room.push_room_screen(
            LineEntry(
                "a new investigation",
                "the question: why do the token refreshes of 38 accounts fail?",
                partial(self._ask_to_open, incident),
                explain=(about, "Hypotheses, and what speaks for and against each, come next."),
            )
        )

    def _incident_in_view(self) -> str:
        reading = self.room.live.last("incident") if self.room.live is not None else None
        following = reading.value if reading is not None else None
        return following.incident.id if following is not None and following.incident is not None else ""

    def _ask_to_open(self, incident: str, question: str) -> None:
        from screens.line_entry import send  # noqa: PLC0415

        service = self.room.service
        if service is None:
            return
        send(
            self.room,
            "a new investigation",
            question,
            lambda: service.investigations.open(question, incident),
            self._opened,
            doing="opening the investigation",
        )

    def _opened(self, investigation: Investigation) -> None:
        self.room.incident_changed()
        if self.room.live is not None:
            self.room.live.refresh(known.RECORDS)
        self._open_investigation(investigation.id)

    # ---- out, around

    def act_back(self) -> None:
        """End the long question that drift waits for; else back to where one came from."""
        kind, name = self._row_key()
        waits = (kind, name) == ("none", "resolution")
        if waits and self.fan_out is not None and self.fan_out.cancel():
            self.room.say("ending the question over all client databases; r asks again")
            return
        self.dismiss()

    def act_next_pane(self) -> None:
        """Focus the next pane."""
        self.focus_next()

    def act_previous_pane(self) -> None:
        """Focus the previous pane."""
        self.focus_previous()

    def act_refresh(self) -> None:
        """Ask everything again."""
        service, live = self.room.service, self.room.live
        if service is None or live is None:
            return
        service.forget_answers()
        if self.fan_out is not None:
            self.fan_out.again()
        for key in known.KEYS:
            live.refresh(key)
        self.room.say("asking again; what is shown stays until the answers come")

    def act_timeline(self) -> None:
        """The timeline of the incident under the cursor, else of the one in view."""
        from screens.timeline import TimelineScreen  # noqa: PLC0415  # only its readers pay for it

        kind, name = self._row_key()
        chosen = name if kind == "incident" else self._incident_in_view()
        if not chosen:
            self.room.say("put the cursor on an incident first", "muted")
            return
        self.room.push_room_screen(TimelineScreen(chosen))

    # ---- evidence and copying

    def act_why(self) -> None:
        """Evidence for what is under the cursor."""
        title, summary, found = self._evidence()
        self.room.open_document(documents.evidence_document(title, summary, found, self.room.signs))

    def _evidence(self) -> Why:
        kind, name = self._row_key()
        reading = self.state.readings.get(READING_OF.get(kind, ""))
        if reading is not None and reading.value is None:
            return kind, reading.failure or "nothing has answered yet", []
        if kind in {"system", "systems"}:
            return self._systems_why(name)
        if kind in {"race", "races"} and self.state.races is not None:
            races = self.state.races
            found = [races.evidence] if races.evidence is not None else []
            said = f"{races.lines:,} lines hold a known message of an installation race, in the accounts with the most"
            return "installation races", said, found
        resolution = self.state.resolution
        if kind in {"share", "outlier"} and resolution is not None:
            covered = f"rests on {resolution.coverage.words()}" if resolution.coverage is not None else ""
            said = " · ".join(part for part in (covered, resolution.origin, *resolution.notes) if part)
            return "drift from the baseline", said, list(resolution.evidence)
        if kind in {"investigation", "incident", "all", "new"}:
            return (
                "the journal",
                "read from the journal that all consoles share; enter opens the record, T its entries",
                [],
            )
        return "level 3", "nothing has answered yet", []

    def _systems_why(self, name: str) -> Why:
        systems = self.state.systems or ()
        chosen = [system for system in systems if not name or system.name == name]
        found = list(dict.fromkeys(item for system in chosen for figure in system.figures for item in figure.evidence))
        return name or "the systems", "; ".join(f"{one.name}: {one.headline}" for one in chosen), found

    def act_copy(self) -> None:
        """Copy the row under the cursor."""
        view = self.focused
        current = view.current if isinstance(view, LineView) else None
        if current is not None:
            self.room.copy(current.text.strip())

    def act_plain(self) -> None:
        """Everything shown as plain text that the terminal itself can select."""
        rows = [
            item.text.rstrip()
            for view in self.query(LineView)
            if view.id in {"records", "incidents", "signs"}
            for item in view.rows
        ]
        self.room.open_document(documents.text_document("plain text, to select", "\n".join(rows), self.room.signs))
