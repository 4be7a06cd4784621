"""What the environment says of the terminal: names, sizes, locales, multiplexers, and the keys a person wants."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Callable

from tests.terminals.keys import still_answers
from tests.terminals.stage import Case, Stage, ready

_SEQUENCE = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[78]")


def no_terminal(term: str) -> Callable[[Stage], None]:
    """Started with this TERM, the console says why it does not start."""

    def play(stage: Stage) -> None:
        with stage.console(env={"TERM": term or None}) as terminal:
            assert terminal.wait_exit() == 64, terminal.describe()
            assert "no cursor can be moved" in " ".join(terminal.screen()), terminal.describe()
            assert terminal.received < 2_000, terminal.received

    return play


def exported_size(stage: Stage) -> None:
    """COLUMNS and LINES of a shell that was resized since: the console fills the terminal that there is."""
    with stage.console(env={"COLUMNS": "60", "LINES": "15"}, size=(120, 40)) as terminal:
        terminal.wait_for(ready, 60)
        assert "help" in terminal.screen()[39], terminal.describe()
        terminal.resize(100, 30)
        terminal.wait_for(lambda seen: "help" in seen.screen()[29])
        still_answers(terminal)


def copying_in_screen(stage: Stage) -> None:
    """`y` shows the text instead of painting base64 over the title."""
    with stage.console(inside="screen", env={"LC_ALL": "C.UTF-8"}) as terminal:
        terminal.wait_for(ready, 60)
        title = terminal.screen()[0][:20]
        terminal.send("y")
        terminal.wait_for("select with your terminal", 20)
        assert b"]52;" not in terminal.raw
        terminal.press("escape")
        terminal.wait_for(ready, 20)
        assert terminal.screen()[0].startswith(title), terminal.describe()


def only_ascii(locale: str) -> Callable[[Stage], None]:
    """In such a locale no byte is sent that is not ASCII."""

    def play(stage: Stage) -> None:
        with stage.console(env={"LANG": locale}) as terminal:
            terminal.wait_for(ready, 60)
            for keys in ("2", "3", "1", "L", "?"):
                terminal.send(keys)
                terminal.wait_quiet(0.4, 20)
            painted = _SEQUENCE.sub(b"", terminal.raw)
            strange = sorted({bytes([byte]) for byte in painted if byte > 126})
            assert not strange, (
                strange,
                [painted[max(0, at.start() - 30) : at.end()] for at in _HIGH.finditer(painted)][:5],
            )

    return play


_HIGH = re.compile(rb"[\x80-\xff]+")


def coming_back(stage: Stage) -> None:
    """A console that was killed in the explorer is come back to, there, and keys are answered."""
    with stage.console() as terminal:
        terminal.wait_for(ready, 60)
        terminal.send(":logs service:*\r")
        terminal.wait_for("logs per", 30)
        time.sleep(7)  # what is on screen is kept every five seconds, without a sign
        terminal.signal(signal.SIGKILL)
        terminal.wait_exit()
    with stage.console() as terminal:
        terminal.wait_for("logs per", 60)
        terminal.wait_for("following", 30)
        assert terminal.process.poll() is None, terminal.describe()
        still_answers(terminal)


def keymap_mistakes(stage: Stage) -> None:
    """A key that never arrives is said at the start, and by `config check`, which refuses it."""
    file = stage.folder / "console.toml"
    file.write_text(stage.settings.read_text() + '\n[ui.keymap]\nquit = "ctrl+m"\n')
    with stage.console("--config", str(file)) as terminal:
        terminal.wait_for("cannot be told from enter", 60)
        terminal.wait_for(ready, 60)
        still_answers(terminal)
    argv = (sys.executable, "-m", "tui", "config", "check", "--config", str(file))
    with stage.program(*argv) as terminal:
        assert terminal.wait_exit() == 64, terminal.describe()
        assert "cannot be told from enter" in " ".join(terminal.screen()), terminal.describe()


LOOKS = (
    *(
        Case(f"term-{term or 'unset'}", "refused with a sentence", no_terminal(term))
        for term in ("dumb", "unknown", "")
    ),
    Case("exported-size", "COLUMNS and LINES do not win over the terminal", exported_size),
    Case("copy-screen", "y in GNU screen shows the text", copying_in_screen, ("screen",)),
    Case("ascii-c", "LANG=C gets ASCII", only_ascii("C")),
    Case("ascii-latin-1", "a Latin-1 locale gets ASCII", only_ascii("fr_FR.ISO-8859-1")),
    Case("back-explorer", "a session lost in the explorer is come back to", coming_back),
    Case("keymap", "a key that never arrives is said at the start and by config check", keymap_mistakes),
)
