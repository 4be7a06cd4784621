"""A Datadog monitor as it would be created. Creating it is a second, typed step; leaving is always the default."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from screens import documents
from screens.base import Document, RoomScreen
from screens.documents import evidence_rows
from screens.health_documents import draft_rows, draft_text
from widgets.footer_bar import FooterBar
from widgets.line_view import LineView
from widgets.rows import BLANK, Row, fit, labelled, plain, row, titled

if TYPE_CHECKING:
    from diagnostics.models.health import MonitorCreated, MonitorDraft
    from diagnostics.models.triage import Refusal
    from widgets.glyphs import Glyphs

CANCEL, CREATE = "cancel", "create"


class NameInput(Input):
    """Where the monitor's name is typed. Esc takes it away and sends nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel", show=False, id="monitor.cancel"),
    ]

    def action_cancel(self) -> None:
        """Nothing is sent."""
        if isinstance(self.screen, MonitorScreen):
            self.screen.close_input("cancelled; nothing was sent")


class MonitorScreen(RoomScreen):
    """The draft in full, Cancel under the cursor, and below it the step that asks for the name."""

    DEFAULT_CSS = """
    MonitorScreen #monitor-title { height: 1; scrollbar-size-vertical: 0; }
    MonitorScreen #monitor-draft { height: 1fr; padding: 0 1; }
    MonitorScreen #monitor-steps { height: 3; }
    MonitorScreen NameInput, MonitorScreen NameInput:focus {
        display: none; width: 1fr; border: none; height: 1; padding: 0 1; background: $panel;
    }
    MonitorScreen.-typing NameInput { display: block; }
    MonitorScreen:ansi NameInput { background: ansi_default; }
    """

    hint_names: ClassVar[tuple[str, ...]] = ("open", "copy", "plain", "next_pane", "back", "help")

    def __init__(self, draft: MonitorDraft) -> None:
        super().__init__()
        self.draft = draft
        self.sending = False

    def compose(self) -> ComposeResult:
        """Title, draft, steps, the line to type, keys."""
        signs = self.room.signs
        yield LineView(signs=signs, cursor=False, id="monitor-title")
        body = LineView(signs=signs, cursor=False, id="monitor-draft")
        body.can_focus = True
        yield body
        yield LineView(signs=signs, id="monitor-steps")
        yield NameInput(placeholder="type the monitor's name, then enter; esc sends nothing", select_on_focus=False)
        yield FooterBar(signs=signs)

    def on_mount(self) -> None:
        """Cancel is under the cursor."""
        entry = self.query_one(NameInput)
        # A blinking cursor is two repaints a second over SSH, for nothing.
        entry.cursor_blink = False
        self.query_one("#monitor-steps", LineView).focus()
        self.query_one(FooterBar).set_hints(self.room.hints())

    def on_resize(self) -> None:
        """Lines are wrapped for the width."""
        self.draw()

    def crumb(self) -> str:
        """What this is."""
        return "monitor draft"

    @property
    def may_write(self) -> bool:
        """Whether this console is allowed to create monitors at all."""
        service = self.room.service
        return service is not None and service.settings.writes.monitors

    def draw(self) -> None:
        """The draft for the present width."""
        signs, width = self.room.signs, max(20, self.size.width)
        what = f"monitor draft · {self.draft.indicator.replace('_', ' ')}"
        title = signs.text(titled(self.room.trail(), what, width))
        self.query_one("#monitor-title", LineView).show((row((title, "bar")),))
        rows = draft_rows(self.draft, width - 4, signs)
        self.query_one("#monitor-draft", LineView).show([*rows, BLANK])
        self.query_one("#monitor-steps", LineView).show(self._steps(width - 4))

    def _steps(self, width: int) -> list[Row]:
        signs = self.room.signs
        said = (
            "asks for its name, then sends it" if self.may_write else "refused: creating monitors is switched off here"
        )
        tone = "warn" if not self.may_write else "muted"
        return [
            row((fit(signs.rule * 3, width), "muted")),
            row((fit("Cancel", 22), "strong"), ("sends nothing", "muted"), key=CANCEL),
            row((fit("Create it at Datadog", 22), "strong"), (fit(said, max(0, width - 22)), tone), key=CREATE),  # type: ignore[arg-type]  # a literal
        ]

    # ---- keys

    def act_open(self) -> None:
        """Cancel, or the step that creates."""
        if self.query_one("#monitor-steps", LineView).cursor_key != CREATE:
            self.dismiss()
        elif self.may_write:
            self.add_class("-typing")
            entry = self.query_one(NameInput)
            entry.value = ""
            entry.focus()
            self.room.say("type the name exactly as it stands above; an empty line sends nothing")
        else:
            self._create("")

    def act_next_pane(self) -> None:
        """Between the draft and the steps."""
        self.focus_next()

    def act_previous_pane(self) -> None:
        """Between the draft and the steps."""
        self.focus_previous()

    def act_copy(self) -> None:
        """The draft as JSON, for who creates it by hand."""
        self.room.copy(draft_text(self.draft))

    def act_plain(self) -> None:
        """The JSON as plain text that the terminal itself can select."""
        self.room.open_document(documents.text_document("monitor as JSON", draft_text(self.draft), self.room.signs))

    # ---- creating

    @on(Input.Submitted)
    def typed(self, message: Input.Submitted) -> None:
        """The name was typed; anything else than the name sends nothing."""
        message.stop()
        said = message.value.strip()
        if not said:
            self.close_input("nothing was typed and nothing was sent")
        elif said != self.draft.name:
            self.room.say("that is not the monitor's name; nothing was sent", "warn")
        else:
            self.close_input("")
            self._create(said)

    def close_input(self, said: str) -> None:
        """Away with the line; Cancel is under the cursor again."""
        self.remove_class("-typing")
        steps = self.query_one("#monitor-steps", LineView)
        steps.place(CANCEL)
        steps.focus()
        if said:
            self.room.say(said, "muted")

    def _create(self, said: str) -> None:
        service = self.room.service
        if service is None or self.sending:
            return
        self.sending = True
        self.room.ask(
            lambda: service.health.create_monitor(self.draft, said),
            self._answered,
            doing="creating the monitor" if said else "asking whether it may be created",
            failed=self._not_sent,
        )

    def _not_sent(self) -> None:
        self.sending = False

    def _answered(self, answer: MonitorCreated | Refusal) -> None:
        from diagnostics.models.triage import Refusal  # noqa: PLC0415

        self.sending = False
        if isinstance(answer, Refusal):
            from screens.refusals import RefusalScreen  # noqa: PLC0415  # only who is refused pays for it

            self.room.push_room_screen(RefusalScreen(answer))
        else:
            self.room.open_document(created_document(answer, self.room.signs))


def created_document(created: MonitorCreated, signs: Glyphs) -> Document:
    """What came of creating a monitor."""

    def build(width: int) -> list[Row]:
        said = "it was there already; nothing was sent" if created.was_there else "created"
        rows = [row((said, "strong"), f"  {signs.text(created.name)}"), BLANK]
        rows += labelled("id", signs.text(created.id), width, label_width=14)
        rows += labelled("link", signs.text(created.link), width, label_width=14, tone="accent")
        return rows + evidence_rows(created.evidence, width, signs)

    return Document(f"monitor {signs.separator} {created.name}", build, plain(build(100)))
