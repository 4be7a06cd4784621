"""A Datadog monitor as it would be created. Creating it is a second, typed step; leaving is always the default."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from diagnostics.core.document import GAP, Block, Cell, Fact, Line
from diagnostics.health.document import monitor_document, notes
from screens.addresses import RefusalAt
from screens.list_screen import TitledScreen
from widgets.line_view import LineView
from widgets.row import Row, fit, row
from widgets.rows.document import document_rows
from widgets.sanitized_input import SanitizedInput

if TYPE_CHECKING:
    from diagnostics.models.health import MonitorCreated, MonitorDraft
    from diagnostics.models.triage import Refusal

CANCEL, CREATE = "cancel", "create"


class NameInput(SanitizedInput):
    """Where the monitor's name is typed. Esc takes it away and sends nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel", show=False, id="monitor.cancel"),
    ]

    def action_cancel(self) -> None:
        """Leave without sending."""
        if isinstance(self.screen, MonitorScreen):
            self.screen.close_input("cancelled; nothing was sent")


class MonitorScreen(TitledScreen):
    """The draft in full, Cancel under the cursor, and below it the step that asks for the name."""

    answers = "What would this Datadog monitor watch, and shall it be created?"

    DEFAULT_CSS = """
    MonitorScreen #monitor-steps { height: 3; }
    MonitorScreen NameInput, MonitorScreen NameInput:focus {
        display: none; width: 1fr; border: none; height: 1; padding: 0 1; background: $panel;
    }
    MonitorScreen.-typing NameInput { display: block; }
    MonitorScreen:ansi NameInput { background: ansi_default; }
    """

    hint_names: ClassVar[tuple[str, ...]] = ("open", "copy", "plain", "next_pane", "back", "help")
    is_text = True

    def __init__(self, draft: MonitorDraft) -> None:
        super().__init__()
        self.draft = draft
        self.sending = False

    def panes(self) -> Iterable[Widget]:
        """The draft, the steps, the line to type."""
        yield from super().panes()
        yield LineView(glyphs=self.host.glyphs, id="monitor-steps")
        yield NameInput(placeholder="type the monitor's name, then enter; esc sends nothing", select_on_focus=False)

    @property
    def steps(self) -> LineView:
        """Cancel, and the step that creates."""
        return self.query_one("#monitor-steps", LineView)

    def take_keys(self) -> None:
        """Cancel is under the cursor."""
        self.steps.focus()

    def crumb(self) -> str:
        return "monitor draft"

    @property
    def may_write(self) -> bool:
        """Whether this console is allowed to create monitors at all."""
        service = self.host.service
        return service is not None and service.settings.writes.monitors

    def heading(self) -> str:
        """Title: the indicator it watches."""
        return f"monitor draft · {self.draft.indicator.replace('_', ' ')}"

    def rows(self, width: int) -> list[Row]:
        """The draft."""
        return document_rows(draft_blocks(self.draft), width, self.host.glyphs)

    def draw(self) -> None:
        """The draft and the steps."""
        super().draw()
        self.steps.show(self._steps(self.row_width()))

    def _steps(self, width: int) -> list[Row]:
        glyphs = self.host.glyphs
        said = (
            "asks for its name, then sends it" if self.may_write else "refused: creating monitors is switched off here"
        )
        tone = "warn" if not self.may_write else "muted"
        return [
            row((fit(glyphs.rule * 3, width), "muted")),
            row((fit("Cancel", 22), "strong"), ("sends nothing", "muted"), key=CANCEL),
            row((fit("Create it at Datadog", 22), "strong"), (fit(said, max(0, width - 22)), tone), key=CREATE),  # type: ignore[arg-type]  # a literal
        ]

    # ---- keys

    def act_open(self) -> None:
        """Cancel, or the step that creates."""
        if self.steps.cursor_key != CREATE:
            self.dismiss()
        elif self.may_write:
            self.add_class("-typing")
            entry = self.query_one(NameInput)
            entry.value = ""
            entry.focus()
            self.host.say("type the name exactly as it stands above; an empty line sends nothing")
        else:
            self._create("")

    def act_copy(self) -> None:
        """The draft as JSON, for who creates it by hand."""
        self.host.copy(draft_text(self.draft))

    def act_plain(self) -> None:
        """The JSON as plain text that the terminal itself can select."""
        self.open_text("monitor as JSON", draft_text(self.draft))

    # ---- creating

    @on(Input.Submitted)
    def typed(self, message: Input.Submitted) -> None:
        """The name was typed; anything else than the name sends nothing."""
        message.stop()
        said = message.value.strip()
        if not said:
            self.close_input("nothing was typed and nothing was sent")
        elif said != self.draft.name:
            self.host.say("that is not the monitor's name; nothing was sent", "warn")
        else:
            self.close_input("")
            self._create(said)

    def close_input(self, said: str) -> None:
        """Away with the line; Cancel is under the cursor again."""
        self.remove_class("-typing")
        self.steps.place(CANCEL)
        self.steps.focus()
        if said:
            self.host.say(said, "muted")

    def _create(self, said: str) -> None:
        service = self.host.service
        if service is None or self.sending:
            return
        self.sending = True
        self.host.ask(
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
            self.host.navigate(RefusalAt(answer))
        else:
            self.host.open_document(monitor_document(answer))


def draft_blocks(draft: MonitorDraft) -> list[Block]:
    """A monitor as it would be created."""
    exists = f"monitor {draft.exists} watches this already; creating it again sends nothing" if draft.exists else ""
    return [
        Line((Cell("nothing has been sent", "strong"), Cell("  this is what would be created at Datadog", "muted"))),
        GAP,
        Fact("name", draft.name, "strong"),
        Fact("type", draft.kind),
        Fact("query", draft.query, "code"),
        Fact("thresholds", ", ".join(f"{name} {value:g}" for name, value in draft.thresholds) or "none"),
        Fact("tags", ", ".join(draft.tags) or "none"),
        Fact("message", draft.message),
        Fact("exists", exists, "warn"),
        *notes(draft.notes, "what was assumed"),
    ]


def draft_text(draft: MonitorDraft) -> str:
    """The draft as JSON in the shape of Datadog's API, to be created by hand where this console may not."""
    import json  # noqa: PLC0415  # only who copies a draft needs it

    body = {
        "name": draft.name,
        "type": draft.kind,
        "query": draft.query,
        "message": draft.message,
        "tags": list(draft.tags),
        "options": {"thresholds": dict(draft.thresholds)},
    }
    return json.dumps(body, indent=2, ensure_ascii=False)
