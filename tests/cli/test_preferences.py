"""How the console looks is known before it is drawn, from every layer of the settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from diagnostics.config.layers import load_settings
from tui.app import WarRoomApp
from tui.console import run_console
from tui.options import Options
from tui.preferences import with_preferences
from tui.terminal.theme import NAMES


def look(options: Options) -> tuple[str | None, bool, bool]:
    return options.theme, options.ascii, options.mouse


@pytest.fixture
def usual(tmp_path: Path) -> dict[str, str]:
    """An environment whose usual settings file asks for another look."""
    file = tmp_path / "zillow-war-room" / "config.toml"
    file.parent.mkdir()
    file.write_text('[ui]\ntheme = "light"\nascii = true\nmouse = true\n')
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def test_the_file_is_heard_wherever_it_lies(usual: dict[str, str], tmp_path: Path) -> None:
    assert look(with_preferences(Options(), usual)) == ("light", True, True)
    other = tmp_path / "other.toml"
    other.write_text('[ui]\ntheme = "16"\n')
    assert look(with_preferences(Options(config=other), usual)) == ("16", False, False)
    assert look(with_preferences(Options(), {**usual, "WARROOM_CONFIG": str(other)})) == ("16", False, False)


def test_the_environment_stands_over_the_file_and_flags_over_both(usual: dict[str, str]) -> None:
    environ = usual | {"WARROOM_UI__THEME": "dark", "WARROOM_UI__ASCII": "false", "WARROOM_UI__MOUSE": ""}
    assert look(with_preferences(Options(), environ)) == ("dark", False, True)
    assert look(with_preferences(Options(theme="16", ascii=True), environ)) == ("16", True, True)


@pytest.mark.parametrize("word", ["true", "False", "1", "0", "yes", "off", "on"])
def test_words_mean_what_they_mean_to_the_settings(tmp_path: Path, word: str) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "WARROOM_UI__ASCII": word}
    assert with_preferences(Options(), environ).ascii is load_settings(None, {}, environ).settings.ui.ascii


@pytest.mark.parametrize("text", ["[ui", "ui = 3\n", '[ui]\ntheme = "mauve"\nascii = "perhaps"\nmouse = []\n', "\xff"])
def test_a_file_that_cannot_be_used_leaves_the_flags(tmp_path: Path, text: str) -> None:
    file = tmp_path / "c.toml"
    file.write_bytes(text.encode("latin-1"))
    assert look(with_preferences(Options(config=file, mouse=True), {})) == (None, False, True)


def test_a_file_that_is_none_leaves_the_flags(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, tmp_path / "absent", Path("/proc/self/mem"), Path("~nobody-of-that-name/c.toml")):
        assert look(with_preferences(Options(config=path, ascii=True), {})) == (None, True, False)


def test_nothing_else_of_the_options_changes(usual: dict[str, str]) -> None:
    options = Options(sandbox="nov17", issue="rate_limiting", account_id=7, preventive=True)
    given = with_preferences(options, usual)
    assert (given.sandbox, given.issue, given.account_id, given.preventive) == ("nov17", "rate_limiting", 7, True)


def test_the_console_is_built_with_them(usual: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[WarRoomApp] = []

    def run(app: WarRoomApp) -> int:
        built.append(app)
        return 0

    monkeypatch.setenv("XDG_CONFIG_HOME", usual["XDG_CONFIG_HOME"])
    monkeypatch.setattr("tui.console.run", run)
    assert run_console(Options()) == 0
    (app,) = built
    assert (app.capabilities.theme, app.capabilities.ascii_only, app.options.mouse) == (NAMES["light"], True, True)


def test_none_of_the_heavy_packages_is_imported_for_it(usual: dict[str, str]) -> None:
    program = (
        "import sys; from tui.options import Options; from tui.preferences import with_preferences\n"
        "assert with_preferences(Options()).ascii\n"
        "print(sorted({'pydantic', 'textual', 'platformdirs', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | usual,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[]"
