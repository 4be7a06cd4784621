"""`warroom diagnose`: a specialist's answer in three forms, and an exit code that says how bad it is."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Command


def test_the_oauth_diagnosis_of_an_account_in_json(on_nov17: Command) -> None:
    said = on_nov17("diagnose", "oauth", "--account-id", "75172", "--format", "json")
    answer = json.loads(said.out)
    assert answer["diagnosis"] == "zillow-oauth-diagnosis"
    assert answer["conclusion"]["code"]
    assert answer["conclusion"]["overturned_by"]
    assert {finding["check"] for finding in answer["findings"]} >= {"oauth_token", "oauth_enablement", "oauth_logs"}
    assert said.code in {1, 4}


def test_text_begins_with_the_conclusion_and_markdown_is_escaped(on_nov17: Command) -> None:
    text = on_nov17("diagnose", "oauth", "--account-id", "148261")
    assert text.out.splitlines()[0] == "zillow-oauth-diagnosis  account 148261"
    assert "conclusion:" in text.out
    assert "unless:" in text.out
    markdown = on_nov17("diagnose", "oauth", "--account-id", "148261", "--format", "markdown")
    assert markdown.out.startswith("# zillow-oauth-diagnosis: account 148261")
    assert "| status | finding | rule |" in markdown.out
    assert "oauth\\_token" in markdown.out


def test_one_user_of_an_account(on_nov17: Command) -> None:
    account = json.loads(on_nov17("diagnose", "oauth", "--account-id", "148261", "--format", "json").out)
    user = account["users"][0]["user_id"]
    said = on_nov17("diagnose", "oauth", "--account-id", "148261", "--user-id", str(user), "--format", "json")
    answer = json.loads(said.out)
    assert answer["user_id"] == user
    keys = next(finding for finding in answer["findings"] if finding["check"] == "oauth_cache_keys")
    assert f"zillow-auth-token-148261-{user}-" in keys["summary"]


def test_the_sync_diagnosis_of_a_deal_and_of_an_account(on_nov17: Command) -> None:
    deal = on_nov17("diagnose", "sync", "--account-id", "14009", "--deal-id", "12345")
    assert "agent_verification_failed" in deal.out
    assert deal.code == 1
    account = json.loads(on_nov17("diagnose", "sync", "--account-id", "14009", "--format", "json").out)
    assert [part["diagnosis"] for part in account] == ["zillow-sync-diagnosis"] * 2
    assert account[1]["conclusion"]["code"] == "agents_stale"
    assert account[1]["stale"]


@pytest.mark.parametrize("what", ["oauth", "sync"])
def test_without_an_account_it_is_bad_usage_with_the_way_out(command: Command, what: str) -> None:
    said = command("diagnose", what)
    assert said.code == 64
    assert "--account-id" in said.err
    assert not said.out


def test_an_account_that_is_not_there_is_said_so(on_nov17: Command) -> None:
    said = on_nov17("diagnose", "oauth", "--account-id", "999999")
    assert said.code == 64
    assert "there is no account 999999" in said.err


def test_an_unknown_specialist_is_refused_with_the_ones_there_are(command: Command) -> None:
    said = command("diagnose", "weather", "--account-id", "1")
    assert said.code == 64
    assert "oauth" in said.err
    assert "sync" in said.err


def test_nothing_hostile_reaches_the_terminal(
    command: Command, hostile: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in hostile.flags().items():  # type: ignore[attr-defined]  # the sandbox of the fixture
        monkeypatch.setenv(f"WARROOM_{name.replace('.', '__').upper()}", str(value))
    for form in ("text", "markdown", "json"):
        for arguments in (("oauth", "--account-id", "148261"), ("sync", "--account-id", "14009", "--deal-id", "12345")):
            said = command("diagnose", *arguments, "--format", form)
            assert all(character.isprintable() or character == "\n" for character in said.out)
