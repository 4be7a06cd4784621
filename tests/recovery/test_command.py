"""`warroom recover`: its exit codes, its JSON, and what makes no sense together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from diagnostics.core.failures import UserError
from tests.recovery.test_plan import several
from tests.service.world import World, ago
from tui.cli.arguments import options_of, parser
from tui.cli.exit_codes import ExitCode
from tui.cli.recover import run


@pytest.fixture
def recover(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The command asks this world."""

    @contextmanager
    def opened(_options: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(diagnostics=world.service)

    monkeypatch.setattr("tui.cli.recover.open_service", opened)
    return world


def asked(*words: str) -> int:
    given = parser().parse_args(["recover", *words])
    return run(options_of(given), given)


def test_the_backlog_as_text_and_json_with_the_code_of_the_catalogues_limits(
    recover: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked("backlog") == ExitCode.UNREACHABLE
    assert "NOT KNOWN" in capsys.readouterr().out
    recover.service.forget_answers()
    recover.common("zillow_webhook_events", *several(40, "pending", received=ago(minutes=3)))
    assert asked("backlog", "--format", "json") == ExitCode.HEALTHY
    document = json.loads(capsys.readouterr().out)
    assert (document["outcome"], document["waiting"], document["outlook"]) == ("backlog", 40, "not_draining")
    assert document["empty_in_s"] is None


def test_a_plan_is_made_shown_and_refused_once_it_is_stale(recover: World, capsys: pytest.CaptureFixture[str]) -> None:
    recover.common("zillow_webhook_events", *several(40, "pending", received=ago(hours=23, minutes=30)))
    assert asked("plan", "--rate", "20", "--format", "json") == ExitCode.HEALTHY
    made = json.loads(capsys.readouterr().out)
    assert (made["outcome"], made["state"], made["plan"]["events"]) == ("plan", "ready", 40)
    kept = recover.service.context.state.recall("recovery-plan")[0]
    recover.service.context.state.remember("recovery-plan", kept.key, {**kept.payload, "digest": "x"})
    assert asked("show", made["plan"]["plan_id"]) == ExitCode.REFUSED
    assert "must not be used" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("backlog", "RP-1"), "takes no plan"),
        (("show", "--rate", "20"), "belong to a plan that is made"),
        (("plan", "--rate", "fast"), "a number, such as 20"),
        (("plan", "--rate", "nan"), "a number, such as 20"),
        (("apply",), "invalid choice"),
    ],
)
def test_what_makes_no_sense_is_refused(recover: World, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError, match=said):
        asked(*words)
