"""Who may read and write the console's files, and the command that mends it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from diagnostics.config.layers import load_settings
from diagnostics.config.ownership import Place, exposure, exposures, places

SELF = os.geteuid()


@pytest.mark.parametrize(
    ("mode", "private", "problem", "command"),
    [
        (0o600, True, None, ""),
        (0o644, True, "can be read by everybody on this machine", "chmod 600"),
        (0o640, True, "can be read by its group", "chmod 600"),
        (0o602, True, "can be written by everybody on this machine", "chmod 600"),
        (0o666, True, "can be read and written by everybody on this machine", "chmod 600"),
        (0o644, False, None, ""),
        (0o664, False, "can be written by its group", "chmod go-w"),
    ],
)
def test_what_others_may_do_with_a_file_is_said_with_the_command(
    tmp_path: Path, *, mode: int, private: bool, problem: str | None, command: str
) -> None:
    path = tmp_path / "a key"
    path.touch()
    path.chmod(mode)
    found = exposure(Place("datadog.api_key_file", path, private))
    assert (found.problem if found else None) == (f"{path} {problem}" if problem else None)
    if found is not None:
        assert found.remedy == f"{command} '{path}'", "a name with a blank is one word for the shell"


def test_a_folder_is_closed_to_others_and_may_not_be_passed_through(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(0o711)
    found = exposure(Place("state_dir", folder, private=True, own=True))
    assert found is not None
    assert (found.problem, found.command) == (
        f"{folder} can be entered by everybody on this machine",
        f"chmod 700 {folder}",
    )


def test_what_belongs_to_somebody_else_is_not_mended_by_chmod(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(0o700)
    found = exposure(Place("state_dir", folder, private=True, own=True), user=SELF + 1)
    assert found is not None
    assert f"belongs to user {SELF}, and not to you ({SELF + 1})" in found.problem
    assert found.command == ""
    assert "set state_dir to a place of your own" in found.remedy


def test_a_file_in_a_folder_that_is_open_to_all_can_be_replaced_unless_it_is_sticky(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    path = folder / "key"
    path.touch(0o600)
    folder.chmod(0o777)
    found = exposure(Place("jira.token_file", path, private=True))
    assert found is not None
    assert "may put another file in place" in found.problem
    assert found.command == f"chmod o-w {folder}"
    folder.chmod(0o1777)
    assert exposure(Place("jira.token_file", path, private=True)) is None


def test_what_is_not_there_is_not_exposed_and_every_place_of_the_settings_is_looked_at(tmp_path: Path) -> None:
    config, key = tmp_path / "config.toml", tmp_path / "key"
    config.write_text(f'state_dir = "{tmp_path}/state"\n[slack]\nbot_token_file = "key"\n[jira]\ntoken = "x"\n')
    config.chmod(0o644)
    settings = load_settings(config, environ={}).settings
    named = {place.name: place.path for place in places(settings)}
    assert named["slack.bot_token_file"] == key
    assert [one.place.name for one in exposures(settings)] == ["the configuration file"]
    config.write_text(config.read_text().replace('token = "x"', 'token_command = "true"'))
    assert exposures(settings) == (), "a configuration without a secret may be read"
