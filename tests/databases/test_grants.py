"""SHOW GRANTS, as MariaDB and MySQL write it, and what it allows."""

from __future__ import annotations

import pytest

from diagnostics.sources.mysql.doctor import judge, parse_grants, quote_role

HASH = "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"


def permissions(*lines: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    found = judge(parse_grants(lines)[0])
    return found.writes, found.files, found.doubtful


@pytest.mark.parametrize(
    "lines",
    [
        (f"GRANT USAGE ON *.* TO `r`@`%` IDENTIFIED BY PASSWORD '{HASH}'", "GRANT SELECT ON `fub`.* TO `r`@`%`"),
        ("GRANT SELECT, SHOW VIEW, PROCESS, REPLICATION CLIENT ON *.* TO `r`@`%`",),
        ("GRANT SELECT (`id`, `account_id`) ON `fub`.`zillow_auth` TO `r`@`%`",),
        ("GRANT SLAVE MONITOR, BINLOG MONITOR ON *.* TO `r`@`%`",),
        ("GRANT SELECT ON `insert, update on x`.`drop``ped TO y` TO `delete`@`%`",),
        ("GRANT `readers`@`%` TO `r`@`%`",),
        ("SET DEFAULT ROLE `readers` FOR `r`@`%`",),
    ],
)
def test_a_login_that_only_reads_is_recognised(lines: tuple[str, ...]) -> None:
    assert permissions(*lines) == ((), (), ())


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("GRANT ALL PRIVILEGES ON `fub`.* TO `r`@`%`", "ALL PRIVILEGES on `fub`.*"),
        ("GRANT SELECT, INSERT ON `fub`.* TO `r`@`%`", "INSERT on `fub`.*"),
        (
            "GRANT SELECT (`a`, `b`), UPDATE (`c`, `d`) ON `fub`.`deals` TO `r`@`%`",
            "UPDATE on `fub`.`deals`",
        ),
        ("GRANT SUPER ON *.* TO `r`@`%`", "SUPER on *.*"),
        ("GRANT SYSTEM_USER,ROLE_ADMIN ON *.* TO `r`@`%`", "ROLE_ADMIN on *.*"),
        ("GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION", "PROXY on ''@'%'"),
        ("GRANT ALTER ROUTINE ON PROCEDURE `fub`.`p` TO `r`@`%`", "ALTER ROUTINE on `fub`.`p`"),
        ("GRANT A_PRIVILEGE_OF_THE_FUTURE ON *.* TO `r`@`%`", "A_PRIVILEGE_OF_THE_FUTURE on *.*"),
        ("GRANT SOMETHING NOBODY HAS SEEN", "UNKNOWN on ?"),
    ],
)
def test_a_login_that_could_write_is_recognised(line: str, expected: str) -> None:
    assert expected in permissions(line)[0]


def test_the_file_privilege_is_found_alone_and_inside_all_privileges() -> None:
    assert permissions("GRANT SELECT, FILE ON *.* TO `r`@`%`") == ((), ("FILE on *.*",), ())
    assert permissions("GRANT ALL PRIVILEGES ON *.* TO `r`@`%` WITH GRANT OPTION")[1] == ("ALL PRIVILEGES on *.*",)
    assert permissions("GRANT ALL PRIVILEGES ON `fub`.* TO `r`@`%`")[1] == ()


def test_privileges_that_write_no_row_and_are_more_than_reading_are_doubtful() -> None:
    assert permissions("GRANT SELECT, LOCK TABLES ON `fub`.* TO `r`@`%`") == ((), (), ("LOCK TABLES on `fub`.*",))
    assert permissions("GRANT SELECT ON `fub`.* TO `r`@`%` WITH GRANT OPTION")[2] == ("GRANT OPTION on `fub`.*",)
    assert permissions("GRANT SELECT ON `fub`.`WITH GRANT OPTION` TO `r`@`%`")[2] == ()


def test_no_password_hash_leaves_the_parser() -> None:
    lines = (f"GRANT ALL PRIVILEGES ON *.* TO `r`@`%` IDENTIFIED BY PASSWORD '{HASH}' WITH GRANT OPTION",)
    assert HASH not in repr(parse_grants(lines)) + repr(permissions(*lines))


@pytest.mark.parametrize(
    ("line", "roles"),
    [
        ("GRANT `readers` TO `r`@`%`", ("readers",)),
        ("GRANT `readers`@`%`,`writers`@`10.0.0.%` TO `r`@`%` WITH ADMIN OPTION", ("readers@%", "writers@10.0.0.%")),
        ("GRANT 'readers' TO 'r'@'%'", ("readers",)),
        ("GRANT `on, or off` TO `r`@`%`", ("on, or off",)),
        ("GRANT readers TO r@localhost", ("readers",)),
    ],
)
def test_roles_are_found_by_name(line: str, roles: tuple[str, ...]) -> None:
    assert parse_grants([line]) == ((), roles)


def test_a_role_is_quoted_only_when_its_name_is_harmless() -> None:
    assert quote_role("readers") == "`readers`"
    assert quote_role("readers@10.0.0.%") == "`readers`@`10.0.0.%`"
    for name in ("a`; DROP TABLE x; --", "a b", "", "a'b", "readers@`"):
        assert quote_role(name) is None
