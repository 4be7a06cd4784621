"""Who may read and write the console's files, and the command that mends it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from diagnostics.config.layers import load_settings
from diagnostics.config.ownership import Place, exposure, exposures, places, secure
from diagnostics.config.settings import Settings
from diagnostics.core.failures import UserError

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


def opened(folder: Path) -> Settings:
    """Settings of a console whose files are open to everybody, as an older one or a copy left them."""
    config, state = folder / "config.toml", folder / "state"
    config.write_text('state_dir = "state"\n[jira]\ntoken_file = "token"\n')
    state.mkdir()
    (state / "crashes").mkdir()
    (folder / "token").touch()
    (state / "state.db").touch()
    for path, mode in ((state, 0o755), (state / "crashes", 0o777), (state / "state.db", 0o666), (config, 0o644)):
        path.chmod(mode)
    (folder / "token").chmod(0o644)
    return load_settings(config, environ={}).settings


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_what_is_the_consoles_own_is_closed_at_the_start_and_that_is_told(tmp_path: Path) -> None:
    settings = opened(tmp_path)
    state = tmp_path / "state"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(state / "warroom.log"))
        (state / "warroom.log").chmod(0o777)
        told = secure(settings)
        assert mode_of(state / "warroom.log") == 0o700
    assert [mode_of(path) for path in (state, state / "crashes", state / "state.db")] == [0o700, 0o700, 0o600]
    assert len(told) == 5
    assert mode_of(tmp_path / "token") == 0o640, "its group goes on reading it"
    assert any("token can be read by everybody on this machine" in one for one in told)
    assert mode_of(tmp_path / "config.toml") == 0o644, "it holds no secret"
    assert secure(settings) == (), "nothing is left to do"


@pytest.mark.parametrize(
    ("name", "mode", "problem", "command"),
    [
        ("config.toml", 0o646, "can be written by everybody on this machine", "chmod go-w"),
        ("token", 0o602, "can be written by everybody on this machine", "chmod 600"),
    ],
)
def test_what_others_can_write_is_not_obeyed(
    tmp_path: Path, *, name: str, mode: int, problem: str, command: str
) -> None:
    settings = opened(tmp_path)
    (tmp_path / name).chmod(mode)
    with pytest.raises(UserError) as caught:
        secure(settings)
    assert caught.value.problem == f"{tmp_path / name} {problem}"
    assert caught.value.next_step == f"{command} {tmp_path / name}"
    assert mode_of(tmp_path / name) == mode, "whoever may write there stays to be seen"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to any group")
def test_a_group_that_may_write_is_refused_unless_it_is_the_users_own(tmp_path: Path) -> None:
    settings = opened(tmp_path)
    config = tmp_path / "config.toml"
    config.chmod(0o664)
    secure(settings)
    os.chown(config, 0, 12_345)
    with pytest.raises(UserError, match="can be written by its group"):
        secure(settings)


def test_a_link_in_the_consoles_folder_is_not_followed_and_a_shared_folder_stays_open(tmp_path: Path) -> None:
    settings = opened(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    elsewhere.chmod(0o644)
    (tmp_path / "state" / "warroom.log").symlink_to(elsewhere)
    secure(settings)
    assert mode_of(elsewhere) == 0o644
    shared = tmp_path / "state"
    shared.chmod(0o1777)
    with pytest.raises(UserError, match="can be read and written by everybody"):
        secure(settings)
    assert shared.stat().st_mode & 0o7777 == 0o1777, "what is everybody's, as /tmp, is not taken from them"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_is_refused_with_a_sentence(tmp_path: Path) -> None:
    settings = opened(tmp_path)
    os.chown(tmp_path / "state", 12_345, 12_345)
    with pytest.raises(UserError) as caught:
        secure(settings)
    assert "belongs to user 12345, and not to you" in caught.value.problem
    assert "set state_dir to a place of your own" in caught.value.next_step
    assert mode_of(tmp_path / "state") == 0o755
