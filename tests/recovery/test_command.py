"""`warroom recover`: its exit codes, its JSON, and what makes no sense together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from diagnostics.core.failures import UserError
from tests.recovery.drained import Backlog
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


def test_a_plan_is_confirmed_carried_out_and_reported(
    backlog: Backlog, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def opened(_options: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(diagnostics=SimpleNamespace(recovery=backlog.recovery, context=backlog.context))

    monkeypatch.setattr("tui.cli.recover.open_service", opened)
    assert asked("plan", "--carrier", "flip", "--rate", "400") == ExitCode.HEALTHY
    assert "status flip" in capsys.readouterr().out
    # Nobody can be asked here, so it has to be given.
    with pytest.raises(UserError, match="nobody can be asked") as refused:
        asked("apply")
    assert refused.value.accepted == '--confirm "60 PROD"'
    assert asked("apply", "--confirm", "60 PROD", "--format", "json") == ExitCode.HEALTHY
    document = json.loads(capsys.readouterr().out)
    assert (document["outcome"], document["view"]["standing"]) == ("drain", "done")
    assert [one["ids"] for one in document["lists"] if one["name"] == "delivered"] == [list(range(1, 61))]
    assert asked("report", "--list", "delivered") == ExitCode.HEALTHY
    assert capsys.readouterr().out.split() == [str(event) for event in range(1, 61)]
    assert asked("drains") == ExitCode.HEALTHY
    assert "DRN-1 DONE 100 %" in capsys.readouterr().out
    assert asked("show") == ExitCode.REFUSED
    assert "used: by DRN-1" in capsys.readouterr().out
    with pytest.raises(UserError, match="is over"):
        asked("pause", "DRN-1")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("backlog", "RP-1"), "takes no plan"),
        (("show", "--rate", "20"), "belongs to a plan that is made"),
        (("plan", "--rate", "fast"), "a number, such as 20"),
        (("plan", "--rate", "nan"), "a number, such as 20"),
        (("carry",), "invalid choice"),
        (("pause",), "pause what"),
        (("report", "--confirm", "60 PROD"), "--confirm belongs to apply and resume"),
        (("plan", "--from", "DRN-1"), "belong together"),
    ],
)
def test_what_makes_no_sense_is_refused(recover: World, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError, match=said):
        asked(*words)
