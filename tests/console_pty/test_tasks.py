"""The tasks of an engineer on call, in a real terminal of 80×24, with the keys of docs/keys.md and no others."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from sandbox.launch import SandboxProcess, start_sandbox
from tests.console_pty.conftest import GENEROUS, Start, config
from tests.console_pty.tasks import DOCUMENT, GONE, MOST, TASKS, Step, Task, document
from tests.sampling import sampled
from tests.terminal import Terminal

pytestmark = pytest.mark.pty

COLUMNS, ROWS = 80, 24


def test_no_action_takes_more_keys_than_agreed() -> None:
    for task in TASKS:
        for step in task.steps:
            assert len(step.pressed) <= MOST, f"{task.name}: {step.what}"
            assert step.shows, f"{task.name}: {step.what} would pass whatever shows"


def test_the_page_of_keys_is_what_is_pressed() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(), "python -m tests.console_pty.tasks writes it"


@pytest.mark.parametrize("task", sampled([pytest.param(task, id=task.name) for task in TASKS], 2, "tasks"))
def test_a_task_is_done_with_the_keys_that_are_written(
    task: Task, start: Start, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        world = _world(task, request, tmp_path, stack)
        terminal = start(*config(world), columns=COLUMNS, rows=ROWS)
        # No task finds the incident, or the session, that another one left in the stand-ins that they share.
        terminal.env["WARROOM_STATE_DIR"] = str(tmp_path / "memory")
        stack.enter_context(terminal)
        terminal.wait_for(lambda seen: "LEVEL 1 · " in seen.text and (task.fault or _answered(seen)), 60)
        for step in task.steps:
            _take(terminal, step)
        assert b"Traceback" not in terminal.raw


def _world(task: Task, request: pytest.FixtureRequest, tmp_path: Path, stack: ExitStack) -> SandboxProcess:
    """The stand-ins of a task: those that all share where nothing is harmed, else some of its own."""
    if task.story == "nov17" and not task.fault:
        shared: SandboxProcess = request.getfixturevalue("sandbox")
        return shared
    world = stack.enter_context(start_sandbox(task.story, directory=tmp_path / "sandbox", rate_limits=GENEROUS))
    if task.fault == GONE:
        for file in _databases(world):
            file.unlink()
    elif task.fault:
        world.set_faults(task.fault)
    return world


def _databases(world: SandboxProcess) -> list[Path]:
    found = [path for path in world.directory.rglob("*") if path.suffix in {".db", ".sqlite", ".sqlite3"}]
    assert found, "the stand-ins keep their databases elsewhere"
    return found


def _answered(terminal: Terminal) -> bool:
    return not any(word in terminal.text for word in ("asking", "opening", "first answer"))


def _take(terminal: Terminal, step: Step) -> None:
    """Press what the action says, and wait for what it is to show."""
    before = _colours(terminal)
    for key in step.pressed:
        terminal.press(key)
    if step.typed:
        terminal.send(step.typed)
        terminal.press("enter")
    terminal.wait_for(lambda seen: _stands(seen.text, step), 40)
    if step.recolours:
        terminal.wait_for(lambda seen: _colours(seen) != before, 20)


def _stands(screen: str, step: Step) -> bool:
    return all(text in screen for text in step.shows) and not any(text in screen for text in step.gone)


def _colours(terminal: Terminal) -> tuple[str, ...]:
    return terminal.emulator.backgrounds(5)
