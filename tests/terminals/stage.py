"""What a case stands on: stand-ins of the sources, and consoles in a bare pty, in tmux and in GNU screen."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from sandbox.launch import SandboxProcess
from tests.terminal import Terminal

ROOT = Path(__file__).parents[2]

Inside: TypeAlias = Literal["bare", "tmux", "screen"]
"""What stands between the console and the terminal: nothing, or a multiplexer with the settings that it comes with."""


@dataclass(frozen=True)
class Stage:
    """One case's place: a folder of its own for settings and state, and stand-ins that all cases share."""

    folder: Path
    sandbox: SandboxProcess

    @property
    def settings(self) -> Path:
        """The file of settings that points at the stand-ins."""
        return self.sandbox.directory / "console.toml"

    def environment(self, changes: Mapping[str, str | None] | None = None) -> dict[str, str | None]:
        """Variables for a program of this case; `changes` are laid over them, None removes one."""
        own = {name: str(self.folder / name.lower()) for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "TMUX_TMPDIR")}
        for name in own.values():
            Path(name).mkdir(exist_ok=True)
        screens = self.folder / "screens"
        screens.mkdir(mode=0o700, exist_ok=True)
        state = {"WARROOM_STATE_DIR": str(self.folder / "memory"), "SCREENDIR": str(screens)}
        return {**own, **state, **(changes or {})}

    @contextmanager
    def program(
        self,
        *argv: str,
        inside: Inside = "bare",
        env: Mapping[str, str | None] | None = None,
        size: tuple[int, int] = (120, 40),
    ) -> Iterator[Terminal]:
        """Any program in a terminal of `size` (columns, rows), ended with the case."""
        command = [*_BEFORE[inside], *argv]
        with Terminal(command, self.environment(env), *size, cwd=ROOT, synchronised=inside == "bare") as terminal:
            try:
                yield terminal
            finally:
                if inside == "tmux":
                    self.tmux("kill-server")

    @contextmanager
    def console(
        self,
        *arguments: str,
        inside: Inside = "bare",
        env: Mapping[str, str | None] | None = None,
        size: tuple[int, int] = (120, 40),
    ) -> Iterator[Terminal]:
        """The console on the shared stand-ins."""
        argv = (sys.executable, "-m", "tui", "--config", str(self.settings), *arguments)
        with self.program(*argv, inside=inside, env=env, size=size) as terminal:
            yield terminal

    def tmux(self, *arguments: str) -> str:
        """Ask the tmux server of this case; its answer."""
        import subprocess  # noqa: PLC0415  # only where tmux is

        environment = {name: value for name, value in self.environment().items() if value is not None}
        done = subprocess.run(
            [*_TMUX, *arguments],
            env={"PATH": "/usr/bin:/bin:/usr/local/bin", **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout


_TMUX = ("tmux", "-L", "case", "-f", "/dev/null")
_BEFORE: Mapping[Inside, tuple[str, ...]] = {
    "bare": (),
    "tmux": (*_TMUX, "new-session"),
    "screen": ("screen", "-c", "/dev/null", "-U"),
}


@dataclass(frozen=True)
class Case:
    """One thing that a terminal or a shell does, and what the console must do then.

    `play` raises AssertionError where the console does something else.
    """

    name: str
    what: str
    """One line: what happens, and what is expected."""
    play: Callable[[Stage], None]
    needs: tuple[str, ...] = ()
    """Programs without which the case cannot be played; where one is missing it is skipped, which is not passed."""

    def missing(self) -> list[str]:
        """Those of the programs that this machine does not have."""
        return [program for program in self.needs if shutil.which(program) is None]


def ready(terminal: Terminal) -> bool:
    """Level 1 shows, and its issues are counted."""
    # An issue's title stands once more over its checks: "RATE LIMITING · why INCIDENT".
    titled = [line for line in terminal.screen() if any(title in line[:24] for title in _ISSUES)]
    rows = [line for line in titled if " why" not in line[:32]]
    return len(rows) == len(_ISSUES) and not any("asking" in row or "opening" in row for row in rows)


_ISSUES = ("RATE LIMITING", "OAUTH FAILURES", "TRANSACTION SYNC")
