"""The shape of the product code: `python -m benchmarks.house`.

Files and code lines, folders, files with one importer beside them, circles of imports. Nothing is imported: the sources
are parsed. A code line holds a token that is neither a comment nor a docstring.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("tui", "screens", "widgets", "diagnostics", "sandbox")

REGISTERED = {
    "diagnostics.accounts.service",
    "diagnostics.checks.registry",
    "diagnostics.incident.channels.registry",
    "diagnostics.recovery.carriers.registry",
    "diagnostics.sources.doctor.everything",
    "sandbox.server.application",
    "tui.cli.main",
    "tui.commands.grammar",
    "tui.navigation",
}
"""Modules that list others of one kind: pages of an account, checks, channels, carriers, endpoints, verbs, screens."""

WALLS = {
    "tui.setup.trial": "a second subject: opens the whole service on answers; asking a person needs none of it",
    "diagnostics.charts.marks": "a second subject: moments of the journal; the service knows no entry",
    "widgets.rows.markdown": "imports Rich's Markdown, which only a review or a runbook needs",
    "diagnostics.catalogue.crosscheck": "a second subject: what entries say of each other, once all of them are read",
    "diagnostics.catalogue.insertions": "a second subject: what stands in the braces of a text",
    "tui.cli.journal": "a command of its own, which `incident verify` is another name of",
    "diagnostics.config.secrets": "a second subject: values that are read late and never shown",
    "diagnostics.explorer.completion": "a second subject: what a line that is typed may become",
    "diagnostics.explorer.export": "a second subject: files on disk and their escaping",
    "diagnostics.fleet.account_list": "a second subject: which accounts there are, before any is asked",
    "diagnostics.fleet.analytics": "another engine, imported only where one is configured",
    "diagnostics.fleet.fan_out": "a second subject: threads and connections; together they are too long",
    "diagnostics.health.monitors": "the one part of level 2 that writes",
    "diagnostics.incident.assess.affected": "a second subject: whom it hits, one by one; the score is one number",
    "diagnostics.incident.assess.readings": "together they are too long; measuring is not judging",
    "diagnostics.incident.notices.outbox": "together they are too long; delivering is not drafting",
    "diagnostics.incident.review.follow_ups": "a second subject: what is run after an incident",
    "diagnostics.incident.review.handoff": "one of the texts that the service lists",
    "diagnostics.incident.review.review_text": "one of the texts that the service lists",
    "diagnostics.incident.seals": "a second subject: a secret that the journal does not hold, and what it proves",
    "diagnostics.incident.verification": "a second subject: looks at a journal that somebody may have changed",
    "diagnostics.logs.grammar": "imports lark, which only a parsed query needs",
    "diagnostics.oauth.findings": "together they are too long; findings are pure",
    "diagnostics.oauth.log_indicators": "a source of its own, beside the databases",
    "diagnostics.recovery.backlog": "one of the questions that the service lists: the backlog",
    "diagnostics.recovery.breaker": "a second subject: failures of other kinds than the rate",
    "diagnostics.recovery.carriers.feed": "a second subject: bytes in Redis, which benchmarks/resque_feed runs too",
    "diagnostics.recovery.feeding": "an object of its own: one drain, whoever carries it",
    "diagnostics.recovery.members": "a second subject: the events one by one, read, sealed and packed",
    "diagnostics.recovery.plan": "one of the questions that the service lists: imported only by who plans",
    "diagnostics.recovery.rehearsal": "a second subject: what a pace would do; pure",
    "diagnostics.recovery.simulation": "a second subject: endpoint models, which benchmarks/pacing runs too",
    "diagnostics.recovery.ladder": "a second subject: the first events, before there is a rate",
    "diagnostics.signals.lateness": "together they are too long; how late is not how many",
    "diagnostics.sources.datadog.doctor": "imported only by who examines the sources",
    "diagnostics.sources.mysql.column_types": "a second subject: types of columns, beside grants and replicas",
    "diagnostics.sources.mysql.doctor": "imported only by who examines the sources",
    "diagnostics.sources.mysql.error_codes": "a table: what each number of a driver's errors means",
    "diagnostics.store.lead_events": "together they are too long; reads the team's table, where rollups write our own",
    "diagnostics.sync.diagnosis": "one of the questions that the service lists: one deal",
    "diagnostics.sync.unsynced": "one of the questions that the service lists: deals of a window",
    "sandbox.scale": "worlds for benchmarks, imported only where one is made",
    "sandbox.serve": "imports the web server, which listing and resetting do without",
    "sandbox.server.incidents": "one endpoint of the stand-in",
    "sandbox.stories.streams": "a second subject: what happens, where the timeline says when",
    "screens.account.details": "together they are too long; what is opened from a row",
    "screens.account.tabs": "the registry of the tabs",
    "screens.critical.state": "the state of a screen: pure, without Textual",
    "screens.explorer.state": "the state of a screen: pure, without Textual",
    "screens.health.panes": "together they are too long; panes draw, the screen asks",
    "screens.incident.respond_rows": "together they are too long; rows are pure",
    "screens.incident.respond_sending": "an object of its own: runs in threads and is confirmed",
    "screens.investigate.editor": "an object of its own: the writing half of a record",
    "screens.investigate.state": "the state of a screen: pure, without Textual",
    "screens.job_line": "imported only where a long question is asked, after the first paint",
    "tui.app": "the console around it starts and ends it, and restores the terminal",
    "tui.heap": "a second subject: the allocator of the C library",
    "tui.header": "pure words for the header; together they are too long",
    "tui.incidents": "an object of its own: the incident in view",
    "tui.log_file": "a second subject: errors that go to a file",
    "tui.preferences": "read before anything is drawn, without Textual and without the settings",
    "tui.session": "an object of its own: what a broken-off session is continued from",
    "diagnostics.reconcile.repair": "the only code that writes production rows: to be read whole, alone",
    "tui.terminal.key_queue": "the order of keys, tested on an application without a terminal",
    "tui.terminal.keys": "bytes and pauses to keys: knows no terminal, no thread and no clock",
    "tui.terminal.output_filter": "the last look at every byte, small enough to be read whole",
    "tui.terminal.widths": "a second subject: how many cells a text takes, in tables of different years",
    "tui.terminal.writer": "a thread of its own, tested without a driver",
}
"""Why a module with one importer beside it stays a file of its own."""

_NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


@dataclass(slots=True, frozen=True)
class House:
    """The measured shape. Modules by their dotted names; an import at run time is one outside `TYPE_CHECKING`."""

    lines: Mapping[str, int]
    """Code lines of each module."""
    imports: Mapping[str, frozenset[str]]
    """Modules of the product that each module names in an import, whenever it runs."""
    at_start: Mapping[str, frozenset[str]]
    """Those imported when the module itself is."""
    folders: Mapping[str, int]
    """Files of each folder, `__init__` among them."""

    def walls(self) -> list[tuple[str, str]]:
        """Modules with exactly one importer, in their own folder, that is neither a registry nor the package's face."""
        importers: dict[str, set[str]] = defaultdict(set)
        for module, named in self.imports.items():
            for one in named:
                importers[one].add(module)
        alone = ((module, next(iter(by))) for module, by in importers.items() if len(by) == 1)
        return sorted(
            (module, by)
            for module, by in alone
            if _folder(module) == _folder(by)
            and by not in REGISTERED
            and not _is_package(module)
            and not _is_package(by)
        )

    def circles(self, *, running: bool = False) -> list[tuple[str, ...]]:
        """Modules that import one another in a circle; `running` leaves out what only type checkers or calls import."""
        return _circles(self.at_start if running else self.imports)


def measure(root: Path = ROOT, *, counted: bool = True) -> House:
    """Read the sources below `root`; counting their code lines takes most of the time."""
    files = {_name(path.relative_to(root)): path for top in PRODUCT for path in sorted((root / top).rglob("*.py"))}
    lines, imports, at_start = {}, {}, {}
    for module, path in files.items():
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        lines[module] = code_lines(source, tree) if counted else 0
        imports[module] = frozenset(_imported(ast.walk(tree), files)) - {module}
        at_start[module] = frozenset(_imported(_run_at_start(tree), files)) - {module}
    folders = Counter(str(path.parent.relative_to(root)) for path in files.values())
    return House(lines, imports, at_start, folders)


def code_lines(source: str, tree: ast.Module) -> int:
    """Lines of `source` that hold code."""
    documented = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    held: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            held.update(range(token.start[0], token.end[0] + 1))
    return len(held - documented)


def _name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts)


def _folder(module: str) -> str:
    return module.rpartition(".")[0]


def _is_package(module: str) -> bool:
    return module.endswith("__init__")


def _run_at_start(tree: ast.Module) -> Iterator[ast.AST]:
    """Nodes outside functions and outside `if TYPE_CHECKING`."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        waiting += ast.iter_child_nodes(node)


def _imported(nodes: Iterator[ast.AST], files: Mapping[str, Path]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import module` names the module; `from module import name` its own.
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in files else node.module for name in names]
        else:
            continue
        for name in names:
            if name in files:
                yield name
            elif f"{name}.__init__" in files:
                yield f"{name}.__init__"


def _circles(imports: Mapping[str, frozenset[str]]) -> list[tuple[str, ...]]:
    """Strongly connected groups of more than one module (Tarjan), without recursion."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[tuple[str, ...]] = []
    for start in imports:
        if start in order:
            continue
        order[start] = low[start] = len(order)
        stack.append(start)
        work = [(start, iter(sorted(imports[start])))]
        while work:
            module, further = work[-1]
            for one in further:
                if one not in order:
                    order[one] = low[one] = len(order)
                    stack.append(one)
                    work.append((one, iter(sorted(imports[one]))))
                    break
                if one in stack:
                    low[module] = min(low[module], order[one])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[module])
                if low[module] == order[module]:
                    group = stack[stack.index(module) :]
                    del stack[stack.index(module) :]
                    if len(group) > 1:
                        found.append(tuple(sorted(group)))
    return sorted(found)


def report(house: House) -> list[str]:
    """The figures, a line each, then the walls and the circles by name."""
    walls, circles, running = house.walls(), house.circles(), house.circles(running=True)
    folder, files = max(house.folders.items(), key=lambda one: one[1])
    longest = max(house.lines, key=house.lines.__getitem__)
    return [
        f"product files: {len(house.lines):,}",
        f"code lines: {sum(house.lines.values()):,}; the longest file: {longest}, {house.lines[longest]:,}",
        f"largest folder: {folder}, {files} files",
        f"files with one importer, in their own folder: {len(walls)}",
        *(
            f"  {module} <- {by} ({house.lines[module]} + {house.lines[by]} lines): {WALLS.get(module, 'NO REASON')}"
            for module, by in walls
        ),
        f"circles of imports: {len(circles)}; of those that run: {len(running)}",
        *(f"  {' '.join(circle)}{' (runs)' if circle in running else ''}" for circle in circles),
    ]


if __name__ == "__main__":
    print("\n".join(report(measure())))
