"""Markdown of the catalogue: guides with addressable sections and inserted values, and message templates.

A guide quotes no threshold, query or contact by hand: `{{ threshold webhook_backlog }}` takes it from the catalogue, so
that a team's override is in the guide as well. A heading that ends in `{#name}` opens a section that is shown alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from diagnostics.catalogue.groups import BUILT_IN
from diagnostics.catalogue.model import CatalogueError
from diagnostics.config.toml import closest, read_text, suggestion
from diagnostics.core.sanitizer import clean

Insertion = Callable[[str], str]
"""Takes what stands after the insertion's name, returns Markdown; raises `LookupError` with what is accepted."""

_CONTACT = ("team", "manager", "channel")
_WHAT = ("incident", "title", "issue_title", "severity")
_LIVE = ("accounts_affected", "large_accounts", "data_loss_risk", "degradation", "figures")
_UPDATE = (
    *_WHAT, "status", "started_at", "elapsed", "systems", "progress", *_LIVE, "impact", "actions_taken", "route",
    "eta", "next_update_at", "query", "query_link", *_CONTACT,
)  # fmt: skip

PLACEHOLDERS: Mapping[str, tuple[str, ...]] = {
    "first_notice": (
        *_WHAT, "started_at", "systems", *_LIVE, "impact", "actions_taken", "route", "eta", "next_update_at",
        "query", "query_link", *_CONTACT,
    ),
    "update": _UPDATE,
    "update_stakeholders": _UPDATE,
    "update_executives": _UPDATE,
    "resolution": (
        *_WHAT, "started_at", "resolved_at", "elapsed", "systems", *_LIVE, "impact", "root_cause", "confidence",
        "timeline", "steps", "verification", "prevention", "query", "query_link", *_CONTACT,
    ),
    "tracking": (
        *_WHAT, "started_at", "systems", *_LIVE, "impact", "actions_taken", "route", "query", "query_link", *_CONTACT,
    ),
}  # fmt: skip
"""Placeholders that the text of each message template may hold."""

_INSERTION = re.compile(r"\{\{\s*([a-z]+)\s*([A-Za-z0-9_-]*)\s*\}\}")
_ANY_INSERTION = re.compile(r"\{\{.*?\}\}")
_PLACEHOLDER = re.compile(r"\{([^{}\n]*)\}")
_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*(?:\{#([A-Za-z0-9_-]+)\}\s*)?$")
_MAX_TEXT = 200_000


@dataclass(slots=True, frozen=True)
class GuidePage:
    """One Markdown file of the catalogue, cleaned."""

    name: str
    path: Path
    text: str
    origin: str


def read_pages(folder: str, override: Path | None, *, open_ended: bool) -> dict[str, GuidePage]:
    """Read every `*.md` of a catalogue folder by name, the team's copy instead of the shipped one.

    `open_ended` lets the team add pages; a name that is nearly that of a shipped page is refused either way.
    """
    pages = {path.stem: _page(path, "built in") for path in sorted((BUILT_IN / folder).glob("*.md"))}
    known = tuple(pages)
    for path in sorted((override / folder).glob("*.md")) if override else ():
        name = clean(path.stem, limit=100)
        if name.startswith("."):
            continue
        near = closest(name, known)
        if name not in known and (near or not open_ended):
            problem = f"{folder} has no page called {name!r}{suggestion(name, known)}"
            raise CatalogueError(problem, file=path, value=name, accepted=", ".join(known))
        pages[name] = _page(path, clean(str(path), limit=1_000))
    return pages


def _page(path: Path, origin: str) -> GuidePage:
    text = clean(read_text(path, CatalogueError), limit=_MAX_TEXT, multiline=True)
    if not text.strip():
        raise CatalogueError("the page is empty", file=path, accepted="Markdown text")
    return GuidePage(clean(path.stem, limit=100), path, text, origin)


def check_template(page: GuidePage) -> str:
    """Return the text of a template; raises `CatalogueError` for a placeholder nobody fills, or a lone brace."""
    known = PLACEHOLDERS[page.name]
    for number, line in enumerate(page.text.split("\n"), start=1):
        found = _PLACEHOLDER.findall(line)
        if line.count("{") != len(found) or line.count("}") != len(found):
            raise CatalogueError(
                f"a brace in {page.name} opens or closes no placeholder",
                file=page.path,
                line=number,
                value=clean(line.strip(), limit=80),
                accepted="placeholders such as {severity}, and no other braces",
            )
        for match in _PLACEHOLDER.finditer(line):
            name = match.group(1)
            if name not in known:
                raise CatalogueError(
                    f"unknown placeholder {match.group()!r} in {page.name}{suggestion(name, known)}",
                    file=page.path,
                    line=number,
                    value=name,
                    accepted=", ".join(known),
                )
    return page.text


def built_in_template(name: str) -> str:
    """The shipped text of one message template, whatever the team has put in its place."""
    return check_template(_page(BUILT_IN / "templates" / f"{name}.md", "built in"))


def fill_template(text: str, value_of: Callable[[str], str]) -> str:
    """`text` with every placeholder replaced by `value_of` its name; raises `LookupError` for one that has none.

    What is put in is not looked at again: braces in a value are text.
    """
    return _PLACEHOLDER.sub(lambda match: value_of(match.group(1)), text)


def insert_values(page: GuidePage, insertions: Mapping[str, Insertion]) -> str:
    """Return the page with every `{{ … }}` replaced by its value; raises `CatalogueError` for an unknown one."""
    lines = page.text.split("\n")
    return "\n".join(
        _ANY_INSERTION.sub(partial(_inserted, page, number, insertions), line)
        for number, line in enumerate(lines, start=1)
    )


def _inserted(page: GuidePage, line: int, insertions: Mapping[str, Insertion], found: re.Match[str]) -> str:
    given = found.group()
    match = _INSERTION.fullmatch(given)
    kind, argument = match.groups() if match else (given.strip("{} "), "")
    if kind not in insertions:
        raise CatalogueError(
            f"unknown insertion {given!r}{suggestion(kind, tuple(insertions))}",
            file=page.path,
            line=line,
            value=given,
            accepted=", ".join(insertions),
        )
    try:
        return insertions[kind](argument)
    except LookupError as problem:
        known = [str(name) for name in problem.args]
        raise CatalogueError(
            f"{kind} {argument!r} does not exist{suggestion(argument, known)}",
            file=page.path,
            line=line,
            value=argument,
            accepted=", ".join(known),
        ) from None


def title_of(page: GuidePage) -> str:
    """The text of the first heading; raises `CatalogueError` when there is none."""
    for line in page.text.split("\n"):
        match = _HEADING.match(line)
        if match and match.group(1) == "#":
            return match.group(2)
    raise CatalogueError("the page has no title", file=page.path, line=1, accepted="a first line such as # Title")


def split_sections(page: GuidePage, markdown: str) -> tuple[str, dict[str, str]]:
    """Return the page without section marks, and the Markdown of each marked section by its id.

    A section runs to the next heading of the same or a higher level. Headings inside fenced code are text.
    """
    lines: list[str] = []
    open_sections: list[tuple[int, str, int]] = []
    spans: dict[str, tuple[int, int]] = {}
    fence = ""
    for line in markdown.split("\n"):
        fence = _fence_after(line, fence)
        match = None if fence else _HEADING.match(line)
        if match:
            level = len(match.group(1))
            while open_sections and open_sections[-1][0] >= level:
                _, name, start = open_sections.pop()
                spans[name] = (start, len(lines))
            if name := match.group(3):
                if name in spans or any(name == other for _, other, _ in open_sections):
                    raise CatalogueError(f"the section {name!r} stands twice", file=page.path, value=name)
                open_sections.append((level, name, len(lines)))
                line = f"{match.group(1)} {match.group(2)}"  # noqa: PLW2901  # the mark is not for readers
        lines.append(line)
    for _, name, start in open_sections:
        spans[name] = (start, len(lines))
    sections = {name: "\n".join(lines[start:end]).strip() + "\n" for name, (start, end) in spans.items()}
    return "\n".join(lines), sections


def _fence_after(line: str, fence: str) -> str:
    mark = re.match(r" {0,3}(```+|~~~+)", line)
    if mark is None:
        return fence
    if not fence:
        return mark.group(1)
    return "" if mark.group(1).startswith(fence) else fence
