"""Declaring by hand, where no triage is in view: type and severity of the matrix, title, scope. Then the preview."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.widget import Widget

from diagnostics.core.ids import id_of
from diagnostics.core.sanitizer import clean
from screens import addresses
from screens.line_entry import LineEntry
from screens.list_screen import ListScreen
from widgets import wording
from widgets.footer_bar import Hint
from widgets.line_view import LineView
from widgets.row import Row, row, wrapped
from widgets.rows.notices import READABLE, choice_row, keyed, section, step_rows

if TYPE_CHECKING:
    from widgets.row import Tone

CANCEL, GO_ON = "cancel", "go_on"
LONGEST_TITLE, LONGEST_TEXT, MOST_ACCOUNTS = 200, 2_000, 200


class DeclareScreen(ListScreen):
    """The matrix and the words; nothing is declared here: that is the preview's second step."""

    answers = "What shall be declared: which issue, how severe, in which words?"

    DEFAULT_CSS = """
    DeclareScreen #declare-steps { height: 3; scrollbar-size-vertical: 0; }
    """

    footer_keys: ClassVar[tuple[Hint, ...]] = (
        Hint("enter", "choose or write"),
        Hint("tab", "fields/steps"),
        Hint("esc", "back"),
        Hint("?", "help"),
    )

    def __init__(self, issue_type: str | None = None, severity: str | None = None) -> None:
        super().__init__()
        self.issue_type = issue_type
        self.severity = severity
        self.words: dict[str, str] = {}
        self.systems: tuple[str, ...] = ()
        self.accounts: tuple[int, ...] = ()

    def panes(self) -> Iterable[Widget]:
        yield from super().panes()
        yield LineView(glyphs=self.host.glyphs, id="declare-steps")

    def read(self) -> None:
        """A word that is not in the matrix is dropped, and said."""
        self._check_given()
        self.draw()

    def _check_given(self) -> None:
        catalogue = self.host.catalogue
        if catalogue is None:
            return
        if self.issue_type is not None and self.issue_type not in catalogue.issues:
            given, self.issue_type, self.severity = self.issue_type, None, None
            said = f"there is no issue type {clean(given, limit=60)!r}; accepted: {', '.join(catalogue.issues)}"
            self.call_later(self.host.say, said, "warn")
        if self.issue_type is not None and self.severity not in catalogue.issues[self.issue_type].severities:
            self.severity = None

    @property
    def steps(self) -> LineView:
        """Cancel, and on to the preview."""
        return self.query_one("#declare-steps", LineView)

    def crumb(self) -> str:
        """The word for the breadcrumbs."""
        return "declare"

    def place(self) -> str:
        """The line that opens it again."""
        return "declare"

    # ---- drawing

    def heading(self) -> str:
        return "declare an incident by hand"

    def row_width(self) -> int:
        """No longer than can be read."""
        return min(super().row_width(), READABLE)

    def draw(self) -> None:
        """Fields and steps for the present width."""
        super().draw()
        if not self.is_attached:
            return
        missing = self.missing()
        said = f"missing: {', '.join(missing)}" if missing else "shows everything that would be sent; sends nothing yet"
        steps: list[tuple[str, str, str, Tone]] = [
            (GO_ON, "On to the preview", said, "warn" if missing else "muted"),
            (CANCEL, "Cancel", "declares nothing", "muted"),
        ]
        self.steps.show(step_rows(steps, max(20, self.size.width) - self.margin, self.host.glyphs))

    def rows(self, width: int) -> Sequence[Row]:
        """Kinds, severities of the one that is chosen, words."""
        glyphs, catalogue = self.host.glyphs, self.host.catalogue
        if catalogue is None:
            return [row(("the matrix is still being read", "muted"))]
        rows = [row(("what kind of trouble", "title"))]
        for name, issue in catalogue.issues.items():
            mine, said = name == self.issue_type, clean(issue.meaning, limit=max(20, width - 24))
            tone: Tone = "strong" if mine else ""
            rows.append(choice_row(name, tone, said, cells=20, chosen=mine, key=f"issue:{name}", glyphs=glyphs))
        rows += section("how severe", width, glyphs)
        if self.issue_type is None:
            rows += wrapped("choose the kind first: each has its own severities", width, "muted")
        else:
            for severity in catalogue.issues[self.issue_type].severities:
                tone = wording.severity_tone(severity)
                tells = "the team is told and tracking opened within five minutes" if tone == "fail" else ""
                mine, key = severity == self.severity, f"severity:{severity}"
                rows.append(choice_row(severity, tone, tells, cells=20, chosen=mine, key=key, glyphs=glyphs))
        rows += section("add details (Enter to edit)", width, glyphs)
        nothing = "(the console's own words, unless you write some)"
        for name in ("title", "summary"):
            rows += keyed(name, glyphs.text(self.words.get(name, nothing)), width, key=f"write:{name}", most=3)
        systems = ", ".join(self.systems) or "none named; what the console sees is added"
        accounts = ", ".join(map(str, self.accounts)) or "none named; what the console sees is added"
        rows += keyed("systems", glyphs.text(systems), width, key="write:systems", most=2)
        return rows + keyed("accounts", glyphs.text(accounts), width, key="write:accounts", most=2)

    def missing(self) -> list[str]:
        """Choices without which there is no preview."""
        return [name for name, chosen in (("kind", self.issue_type), ("severity", self.severity)) if not chosen]

    # ---- keys

    def act_open(self) -> None:
        """Choose or write what is under the cursor; on the steps, go on or leave."""
        if self.focused is self.steps:
            if self.steps.cursor_key == GO_ON:
                self.go_on()
            else:
                self.dismiss()
            return
        kind, name = self.key_under_cursor()
        if kind == "issue":
            self.issue_type = name
            self._check_given()
            self.draw()
            first = next((item.key for item in self.body.rows if (item.key or "").startswith("severity:")), None)
            if first is not None and self.severity is None:
                self.body.place(first)
        elif kind == "severity":
            self.severity = name
            self.draw()
            self.steps.place(GO_ON)
            self.steps.focus()
        elif kind == "write":
            self._write(name.partition("+")[0])

    def act_notify(self) -> None:
        """Go on to the preview."""
        self.go_on()

    def go_on(self) -> None:
        """The preview of what would be declared and sent."""
        if self.missing():
            self.host.say(f"still to choose: {', '.join(self.missing())}", "warn")
            return
        self.host.navigate(
            addresses.RespondAt(
                issue_type=self.issue_type,
                severity=self.severity,
                words=self.words,
                systems=self.systems,
                accounts=self.accounts,
            )
        )

    def _write(self, name: str) -> None:
        if name in {"title", "summary"}:
            self._write_words(name)
        elif name == "systems":
            self._write_systems()
        else:
            self._write_accounts()

    def _ask(
        self,
        name: str,
        meaning: str,
        keep: Callable[[str], None],
        *,
        check: Callable[[str], str],
        start: str,
        accepted: str = "",
    ) -> None:
        def kept(text: str) -> None:
            keep(text)
            self.draw()

        explain = (*((f"Accepted: {accepted}.",) if accepted else ()), "Empty leaves it to the console.")
        title = f"{name} of the incident to declare"
        self.host.push_console_screen(LineEntry(title, meaning, kept, check=check, start=start, explain=explain))

    def _write_words(self, name: str) -> None:
        most = LONGEST_TITLE if name == "title" else LONGEST_TEXT

        def keep(text: str) -> None:
            self.words = {key: value for key, value in self.words.items() if key != name}
            if text:
                self.words[name] = text

        self._ask(
            name,
            "one line: what is broken, for whom" if name == "title" else "what it means for customers",
            keep,
            check=lambda text: f"at most {most:,} characters are accepted" if len(text) > most else "",
            start=self.words.get(name, ""),
        )

    def _write_systems(self) -> None:
        catalogue = self.host.catalogue
        if catalogue is None:
            return
        names = tuple(catalogue.systems)

        def keep(text: str) -> None:
            self.systems = named_systems(text, names)[0]

        def check(text: str) -> str:
            wrong = named_systems(text, names)[1]
            return f"no system is called {', '.join(wrong)}; accepted: {', '.join(names)}" if wrong else ""

        self._ask(
            "systems",
            "names, separated by commas",
            keep,
            check=check,
            start=", ".join(self.systems),
            accepted=", ".join(names),
        )

    def _write_accounts(self) -> None:
        def keep(text: str) -> None:
            self.accounts = account_ids(text)[0]

        def check(text: str) -> str:
            found, wrong = account_ids(text)
            if wrong:
                return f"{', '.join(wrong)}: an account is a positive whole number, such as 14009"
            return f"at most {MOST_ACCOUNTS} accounts are accepted" if len(found) > MOST_ACCOUNTS else ""

        self._ask(
            "accounts",
            "account ids, separated by commas",
            keep,
            check=check,
            start=", ".join(map(str, self.accounts)),
            accepted="positive whole numbers, such as 14009, 75172",
        )


def _parts(text: str) -> list[str]:
    return [part for part in text.replace(",", " ").split() if part]


def named_systems(text: str, names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The systems that are named, as the catalogue spells them, and what is none."""
    known = {name.lower(): name for name in names}
    found = [known.get(part.lower(), "") for part in _parts(text)]
    wrong = [clean(part, limit=60) for part, name in zip(_parts(text), found, strict=True) if not name]
    return tuple(dict.fromkeys(name for name in found if name)), tuple(wrong)


def account_ids(text: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The accounts that are named, and what is no account id."""
    right: list[int] = []
    wrong: list[str] = []
    for part in _parts(text):
        if (named := id_of(part)) is not None:
            right.append(named)
        else:
            wrong.append(clean(part, limit=40))
    return tuple(dict.fromkeys(right)), tuple(wrong)
