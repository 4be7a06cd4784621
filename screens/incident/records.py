"""The hand-off note and the review of an incident: written from the journal, read here, copied, kept as files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from diagnostics.core.document import Markdown
from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.time import utc_now
from diagnostics.core.words import listed
from screens.list_screen import SearchedScreen
from widgets.footer_bar import Hint
from widgets.row import Row, wrapped
from widgets.rows.document import document_rows

if TYPE_CHECKING:
    from pathlib import Path

    from diagnostics.core.waiting import Job
    from diagnostics.service import Diagnostics

LIMIT_S = 60.0
"""A text is written from the journal alone; what takes longer than this hangs."""


class RecordScreen(SearchedScreen):
    """One text about one incident, from its journal as it is now."""

    footer_keys: ClassVar[tuple[Hint, ...]] = (
        Hint("y", "copy Markdown"),
        Hint("Y", "plain text"),
        Hint("E", "write files"),
        Hint("r", "write it again"),
        Hint("/", "find"),
        Hint("esc", "back"),
        Hint("?", "help"),
    )

    is_text = True
    margin = 3

    kind = ""
    """Verb of the `:` line and part of the file's name."""
    name = ""
    """Name in plain words."""

    def __init__(self, incident_id: str) -> None:
        super().__init__()
        self.incident_id = incident_id
        self.markdown = ""
        self.state = "not written yet"

    def crumb(self) -> str:
        """The word for the breadcrumbs."""
        return f"{self.incident_id} {self.name}"

    def place(self) -> str:
        """The line that opens it again."""
        return f"{self.kind} {self.incident_id}"

    def text_of(self, service: Diagnostics) -> str:
        """The Markdown. Raises SourceFailure, UserError."""
        raise NotImplementedError

    # ---- writing

    def read(self) -> None:
        """Write it from the journal as it is now."""
        service = self.host.service
        if service is None:
            return
        if self.start_job(
            partial(self._write, service), self._written, doing=f"writing the {self.name}", limit_s=LIMIT_S
        ):
            self.state = "being written"
            self.draw()

    def _write(self, service: Diagnostics, _job: Job) -> tuple[str, str]:
        """The text, or why there is none."""
        try:
            return self.text_of(service), ""
        except SourceFailure as failure:
            return "", failure.headline()
        except UserError as problem:
            return "", problem.problem

    def _written(self, answer: tuple[str, str]) -> None:
        markdown, failure = answer
        if failure:
            # What was written before stays, and says how old it is.
            kept = "what stands here is older; " if self.markdown else ""
            self.state = f"not written ({failure}); {kept}r tries again"
        else:
            self.markdown, self.state = markdown, ""
        self.draw()

    def tick(self) -> None:
        """A text whose writing was ended says so."""
        job = self._running_job
        if self.state == "being written" and job is not None and not job.is_running:
            self.state = "not written; r tries again"
            self.draw()

    # ---- drawing

    def heading(self) -> str:
        """Which text, and how its writing goes where it is not done."""
        state = f" {self.host.glyphs.separator} {self.state}" if self.state else ""
        return f"{self.name} of {self.incident_id}{state}"

    def rows(self, width: int) -> list[Row]:
        """The text for this width."""
        glyphs = self.host.glyphs
        if self.markdown:
            return document_rows((Markdown(self.markdown),), width, glyphs)
        said = f"The {self.name} of {self.incident_id} is {self.state}."
        return wrapped(glyphs.text(said), width, "muted")

    # ---- keys

    def _is_there(self) -> bool:
        if not self.markdown:
            self.host.say(f"the {self.name} is {self.state}", "muted")
        return bool(self.markdown)

    def act_copy(self) -> None:
        """The Markdown, for a page or a channel."""
        if self._is_there():
            self.host.copy(self.markdown)

    def act_plain(self) -> None:
        """The Markdown as it stands, for the terminal's own selection."""
        if self._is_there():
            self.open_plain(self.markdown)

    def act_refresh(self) -> None:
        """Write it anew: the incident may have gone on."""
        self.read()

    def act_export(self) -> None:
        """The text as Markdown and the whole record as JSON, in two new files."""
        service = self.host.service
        if service is None or not self._is_there():
            return
        markdown, incident_id, kind = self.markdown, self.incident_id, self.kind

        def work(_job: Job) -> tuple[Path, ...]:
            from diagnostics.core.named_files import write_named  # noqa: PLC0415  # few write files

            folder = service.settings.state_dir / "exports"
            texts = {"md": markdown, "json": service.reviews.export(incident_id)}
            return write_named(folder, f"{incident_id}-{kind}", texts, utc_now())

        self.start_job(work, self._exported, doing="writing the files", limit_s=LIMIT_S)

    def _exported(self, paths: tuple[Path, ...]) -> None:
        self.host.say(f"written: {listed(str(path) for path in paths)}", "pass")


class HandoffScreen(RecordScreen):
    """The note for the next commander."""

    answers = "What does the next commander have to know?"

    kind, name = "handoff", "hand-off note"

    def text_of(self, service: Diagnostics) -> str:
        """Written from the incident as it is at this moment."""
        text: str = service.reviews.handoff(self.incident_id)
        return text


class ReviewScreen(RecordScreen):
    """The review: the course of the incident, its spans, its lessons."""

    answers = "What happened, why, and what keeps it from happening again?"

    kind, name = "review", "review"

    def text_of(self, service: Diagnostics) -> str:
        """The review, written from recorded entries."""
        text: str = service.reviews.review(self.incident_id)
        return text
