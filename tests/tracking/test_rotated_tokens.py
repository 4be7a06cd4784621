"""Keys and tokens of Datadog, Slack and Jira that are changed while the console runs, against services that look."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from diagnostics.config.layers import load_settings
from diagnostics.config.secrets import LazySecret
from diagnostics.config.settings import Settings
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.time import utc_now
from diagnostics.sources.datadog import Datadog
from diagnostics.sources.jira import Jira
from diagnostics.sources.slack import Slack
from sandbox.launch import SandboxProcess


def slack(settings: Settings) -> Callable[[], object]:
    return Slack(settings.slack).identity


def webhook(settings: Settings) -> Callable[[], object]:
    return Slack(settings.slack).try_webhook


def jira(settings: Settings) -> Callable[[], object]:
    return Jira(settings.jira).probe


def datadog(settings: Settings) -> Callable[[], object]:
    source, now = Datadog(settings.datadog), utc_now()
    return lambda: source.search("service:fub", start=now - timedelta(minutes=5), end=now)


SOURCES = {
    "slack.bot_token": slack,
    "slack.webhook_url": webhook,
    "jira.token": jira,
    "datadog.api_key": datadog,
    "datadog.app_key": datadog,
}


def opened(sandbox: SandboxProcess, name: str, file: Path) -> tuple[Callable[[], object], str]:
    """A source whose secret stands in a file, read already; and the secret that its service takes."""
    flags = sandbox.flags()
    flags["slack.webhook_url"] = sandbox.webhook_url
    right = str(flags.pop(name))
    if name != "slack.webhook_url":
        del flags["slack.webhook_url"]
    file.write_text(f"{right[:-4]}0000")
    settings = load_settings(flags={**flags, f"{name}_file": str(file)}, environ={}).settings
    section, field = name.split(".")
    secret = getattr(getattr(settings, section), field)
    assert isinstance(secret, LazySecret)
    secret.get_secret_value()
    return SOURCES[name](settings), right


@pytest.mark.honesty("a key or token that was rotated", "read again once after it was refused; nobody notices")
@pytest.mark.parametrize("name", SOURCES)
def test_a_rotated_token_is_taken_up_by_the_question_that_met_it(
    sandbox: SandboxProcess, tmp_path: Path, name: str
) -> None:
    ask, right = opened(sandbox, name, tmp_path / "secret")
    (tmp_path / "secret").write_text(right)
    assert ask()
    assert ask()


@pytest.mark.parametrize("name", SOURCES)
def test_a_token_that_stays_wrong_is_denied_and_what_changes_later_is_taken_up(
    sandbox: SandboxProcess, tmp_path: Path, name: str
) -> None:
    ask, _ = opened(sandbox, name, tmp_path / "secret")
    failures = []
    for _ in range(3):
        with pytest.raises(SourceFailure) as told:
            ask()
        failures.append(told.value)
    assert {failure.kind for failure in failures} == {FailureKind.DENIED}
    # A token may be one of a person's login; Datadog's keys lock nobody out, and one endpoint's refusal is no other's.
    withheld = [bool(re.search(r"it is not (sent|used) again for", failure.reason)) for failure in failures]
    assert withheld == ([False, False, False] if name.startswith("datadog") else [False, True, True])
