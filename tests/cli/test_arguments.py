"""The grammar of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from diagnostics.config.paths import THEMES
from diagnostics.core.failures import UserError
from tui.cli.arguments import COMMANDS, options_of, parsed, parser
from tui.options import Options
from tui.terminal.theme import NAMES


def options(*arguments: str) -> Options:
    return options_of(parsed(arguments))


def test_without_arguments_every_option_has_its_default() -> None:
    assert options() == Options()


@pytest.mark.parametrize("style", ["-", "_"])
def test_flags_are_spelled_with_a_hyphen_or_an_underscore(style: str) -> None:
    given = options(f"--account{style}id", "14009", f"--deal{style}id=12345", f"--user{style}id", "7")
    assert (given.account_id, given.deal_id, given.user_id) == (14009, 12345, 7)


def test_the_invocations_of_the_founding_document_are_accepted() -> None:
    assert options("--issue=oauth_failure", "--severity=critical").severity == "critical"
    assert options("--issue=agent_resolution", "--account_id=14009").account_id == 14009
    assert options("--issue=connection_health", "--preventive=true").preventive is True
    assert options("--issue=connection_health", "--preventive=false").preventive is False
    assert options("--preventive").preventive is True


@pytest.mark.parametrize("command", [["triage"], ["doctor"], ["config", "show"], ["guide"], []])
def test_the_sandbox_is_named_before_or_after_a_command(command: list[str]) -> None:
    assert options("--sandbox", "nov17", *command).sandbox == "nov17"
    assert options(*command, "--sandbox", "nov17").sandbox == "nov17"


def test_flags_on_both_sides_of_a_command_are_all_kept() -> None:
    given = options("--sandbox", "nov17", "--ascii", "triage", "--issue", "rate_limiting", "--config", "a.toml")
    assert (given.sandbox, given.ascii, given.issue, given.config) == ("nov17", True, "rate_limiting", Path("a.toml"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--account-id", "abc"],
        ["--account-id", "1.5"],
        ["--account-id", "１２"],
        ["--account-id", "9" * 40],
        ["--account-id", ""],
        ["--preventive=maybe"],
        ["--account-id"],
        ["frobnicate"],
        ["triage", "--format", "yaml"],
        ["config"],
        ["--unknown"],
        ["--acc", "1"],
        ["--fault", "429"],
        ["--theme", "nonsense"],
        ["--sandbox-database", "mysql+pymysql://x"],
        ["triage", "--account-id", "1", "--account-id", "2"],
    ],
)
def test_bad_usage_is_a_user_error_with_a_next_step(arguments: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        options(*arguments)
    assert caught.value.problem
    assert caught.value.next_step or caught.value.accepted


def test_a_theme_is_one_that_the_console_has() -> None:
    assert tuple(NAMES) == THEMES
    assert [options("--theme", name).theme for name in THEMES] == list(THEMES)
    with pytest.raises(
        UserError, match="'dark', 'light', 'contrast', 'contrast-light', 'safe', 'safe-light', '16', '16-light'"
    ):
        options("--theme", "nonsense")


def test_an_id_of_zero_or_less_goes_on_to_the_service_which_refuses_it() -> None:
    assert options("--account-id", "0").account_id == 0
    assert options("--account-id", "-5").account_id == -5


def test_escapes_in_an_argument_do_not_reach_the_message() -> None:
    with pytest.raises(UserError) as caught:
        options("--account-id", "\x1b]52;c;aGk=\x07")
    assert "\x1b" not in "".join(caught.value.lines())


def test_an_id_of_too_many_digits_is_too_large() -> None:
    with pytest.raises(UserError, match="too large"):
        options("--deal-id", "9" * 40)


def test_the_console_is_begun_without_the_flags_of_every_command_and_understands_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (commands,) = [action.choices for action in parser()._actions if action.dest == "command"]
    assert set(commands or ()) == COMMANDS, "a new command has to be named, or its word would not be known"
    typed = ["--sandbox", "nov17", "--ascii", "--account-id", "7", "--fault", "429", "--theme", "dark"]
    whole = parser().parse_args(typed)

    def unneeded() -> object:
        raise AssertionError

    monkeypatch.setattr("tui.cli.arguments.parser", unneeded)
    assert vars(parsed(typed)) == vars(whole)
    assert vars(parsed(["--version"]))["version"] is True
