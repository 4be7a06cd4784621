"""Passwords that are changed while the console runs: taken up at once, and a wrong one is never repeated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from diagnostics.config.secrets import LazySecret
from diagnostics.config.toml import ConfigurationError
from diagnostics.core.credentials import FIRST_PAUSE_S, LONGEST_PAUSE_S, CredentialGuard
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.sources.mysql.databases import Databases
from tests.databases.worlds import PASSWORD, MariaDBWorld

NEW = "another:one/@tomorrow"


def denied(world: MariaDBWorld) -> int:
    return int(world.server.execute("SHOW GLOBAL STATUS LIKE 'Access_denied_errors'")[0][1])


def rotate(world: MariaDBWorld) -> None:
    """A new password, and no connection of the old one is left."""
    world.server.execute(f"ALTER USER '{world.user}'@'%' IDENTIFIED BY '{NEW}'", f"KILL USER '{world.user}'")


Given = Callable[[Path], SecretStr]


def by_file(file: Path) -> SecretStr:
    return LazySecret("databases.password_file", where="test", file=file)


def by_command(file: Path) -> SecretStr:
    return LazySecret("databases.password_command", where="test", command=f"cat {file}")


@pytest.mark.mariadb
@pytest.mark.honesty("a password that was rotated", "read again once after it was refused; nobody notices")
@pytest.mark.parametrize("given", [by_file, by_command])
def test_a_rotated_password_is_taken_up_at_the_next_question(
    mariadb_world: MariaDBWorld, tmp_path: Path, given: Given
) -> None:
    world, file = mariadb_world, tmp_path / "password"
    file.write_text(PASSWORD)
    databases = world.open(password=given(file))
    databases.ping_common()
    before = denied(world)
    rotate(world)
    file.write_text(NEW)
    assert databases.ping_common().rows == 1
    assert denied(world) == before + 1


@pytest.mark.mariadb
@pytest.mark.honesty("a password that is wrong", "sent once, then not again for a while, so that no login is blocked")
def test_a_password_that_stays_wrong_is_sent_once(mariadb_world: MariaDBWorld, tmp_path: Path) -> None:
    world, file = mariadb_world, tmp_path / "password"
    file.write_text(PASSWORD)
    databases = world.open(password=by_file(file))
    databases.ping_common()
    before = denied(world)
    rotate(world)
    reasons = [failure(databases).reason for _ in range(5)]
    assert denied(world) == before + 1
    assert "refused this login (error 1045)" in reasons[0]
    assert "is not tried again for" in reasons[-1]
    assert failure(databases).kind is FailureKind.DENIED


@pytest.mark.mariadb
@pytest.mark.parametrize(
    "printed",
    [
        "{user}:{password}",
        '{{\n  "username": "{user}",\n  "password": "{password}"\n}}',
        '{{"lease": 3600, "data": {{"data": {{"username": "{user}", "password": "{password}"}}}}}}',
    ],
)
def test_user_and_password_may_come_from_one_place(mariadb_world: MariaDBWorld, tmp_path: Path, printed: str) -> None:
    world, file = mariadb_world, tmp_path / "login"
    file.write_text(printed.format(user=world.user, password=PASSWORD))
    login = LazySecret("databases.login_command", where="test", command=f"cat {file}")
    url = world.common_url().replace(world.user, "nobody")
    assert world.open(common_url=url, password=None, login=login).ping_common().rows == 1


@pytest.mark.parametrize("printed", ["only-a-word", ":no-user", "no-password:", '{"username": "x"}', "{not json}"])
def test_what_names_no_login_is_refused_with_what_is_accepted(tmp_path: Path, printed: str) -> None:
    file = tmp_path / "login"
    file.write_text(printed)
    with pytest.raises(ConfigurationError, match="names no user and password") as told:
        LazySecret("databases.login_file", where="test", file=file).get_secret_value()
    assert "USER:PASSWORD" in told.value.accepted
    assert printed not in str(told.value.lines())


def test_the_pause_doubles_and_a_secret_that_changed_meanwhile_is_tried(tmp_path: Path) -> None:
    now, file = [0.0], tmp_path / "token"
    file.write_text("first")
    guard = CredentialGuard([LazySecret("x", where="test", file=file)], clock=lambda: now[0])
    pauses: list[float] = []
    while not pauses or pauses[-1] < LONGEST_PAUSE_S:
        assert guard.wait_s() == 0
        assert not guard.refused(guard.values())
        pauses.append(guard.wait_s())
        now[0] += pauses[-1]
    assert pauses[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    file.write_text("second")
    assert guard.wait_s() == 0
    assert guard.values() == ("second",)


def test_a_new_secret_that_is_refused_too_is_not_tried_a_third_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first")
    guard = CredentialGuard([LazySecret("x", where="test", file=file), SecretStr("fixed")])
    first = guard.values()
    file.write_text("second")
    assert guard.refused(first)
    file.write_text("third")
    assert not guard.refused(guard.values())
    assert guard.wait_s() > 0


def failure(databases: Databases) -> SourceFailure:
    with pytest.raises(SourceFailure) as caught:
        databases.ping_common()
    return caught.value
