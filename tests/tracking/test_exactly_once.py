"""One confirmation, three services, the real outbox and channels: each of the three holds exactly one thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from diagnostics.catalogue import load_catalogue
from diagnostics.incident.channels.registry import delivery_channels
from diagnostics.models.entries import Channel
from diagnostics.models.incidents import Incident
from diagnostics.sources.datadog import Datadog
from diagnostics.sources.jira import Jira
from diagnostics.sources.slack import Slack
from sandbox.launch import SandboxProcess
from tests.notices.consoles import Clocks, Console, make_console
from tests.tracking.conftest import settings_of

MOST_PASSES = 60
"""Each is half a minute of the test's own clock: half the time in which the rules give up."""

CREATING = ("slack_post", "incident_create", "jira_create")
SEARCHING = ("slack_history", "incident_search", "jira_search")

OpenConsole = Callable[..., Console]


@pytest.fixture
def open_console(sandbox: SandboxProcess, tmp_path: Path) -> Iterator[OpenConsole]:
    """Opens consoles on one journal that write to the stand-ins."""
    changes: dict[str, object] = {
        "state_dir": tmp_path / "state",
        "slack.timeout_s": 0.5,
        "jira.timeout_s": 0.5,
        "datadog.read_timeout_s": 0.5,
        "datadog.total_timeout_s": 3,
    }
    clocks = Clocks()
    with ExitStack() as stack:

        def make(**flags: object) -> Console:
            settings = settings_of(sandbox, changes | flags)
            datadog = Datadog(settings.datadog)
            stack.callback(datadog.close)
            carriers = delivery_channels(settings, load_catalogue(None), datadog)
            console = make_console(settings, clocks, channels=carriers)
            stack.callback(console.close)
            return console

        yield make


def carry(console: Console, incident: Incident, meanwhile: Callable[[], None] = lambda: None) -> Incident:
    """Pass after pass until nothing waits any more."""
    for _ in range(MOST_PASSES):
        console.notices.deliver()
        if not console.notices.waiting():
            break
        meanwhile()
        console.clocks.forward(30)
    return console.incidents.get(incident.id)


OTHERS = "of somebody else"


@pytest.fixture
def others(sandbox: SandboxProcess) -> Iterator[Callable[[], None]]:
    """Other people write into the channel, and open an incident and an issue."""
    settings = settings_of(sandbox, {})
    slack, jira, datadog = Slack(settings.slack), Jira(settings.jira), Datadog(settings.datadog)

    def write() -> None:
        slack.post("#fub-zyno-support", f"a question {OTHERS}", "not-ours")
        datadog.incidents.create(
            title=f"an incident {OTHERS}", severity="SEV-5", state="active", impact="", cell="a line"
        )
        jira.create(project="ZYN", issue_type="Task", summary=f"an issue {OTHERS}", text="words", label="theirs")

    yield write
    for one in (slack, jira, datadog):
        one.close()


def ours(recorded: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is not of somebody else."""
    return [one for one in recorded if OTHERS not in str(one)]


def assert_exactly_one_each(sandbox: SandboxProcess, incident: Incident) -> None:
    recorded = sandbox.recorded()
    recorded = replace(
        recorded,
        messages=ours(recorded.messages),
        incidents=ours(recorded.incidents),
        issues=ours(recorded.issues),
    )
    assert (len(recorded.messages), len(recorded.incidents), len(recorded.issues)) == (1, 1, 1)
    sent = {one.channel: one for one in incident.deliveries}
    assert {one.state for one in sent.values()} == {"sent"}
    assert sent[Channel.SLACK].receipt == recorded.messages[0]["ts"]
    assert sent[Channel.DATADOG_INCIDENT].receipt == recorded.incidents[0]["id"]
    assert sent[Channel.JIRA].receipt == recorded.issues[0]["key"]
    assert all(one.link for one in sent.values())


def test_all_goes_well(sandbox: SandboxProcess, open_console: OpenConsole) -> None:
    console = open_console()
    done = carry(console, console.confirm())
    assert_exactly_one_each(sandbox, done)
    assert not any(one.found_again for one in done.deliveries)


@pytest.mark.parametrize("kind", ["stored_hang", "stored_500", "stored_reset"])
@pytest.mark.parametrize("lag", [0, 2])
def test_the_first_attempt_of_each_is_stored_and_not_answered(
    sandbox: SandboxProcess, open_console: OpenConsole, kind: str, lag: int
) -> None:
    sandbox.set_faults(*(f"{scope}={kind}/1" for scope in CREATING))
    if lag:
        sandbox.set_faults(*(f"{scope}=lag:{lag}" for scope in SEARCHING))
    console = open_console()
    done = carry(console, console.confirm())
    assert_exactly_one_each(sandbox, done)
    assert all(one.found_again for one in done.deliveries)
    requests = sandbox.recorded().requests
    assert [requests[scope] for scope in CREATING] == [1, 1, 1]


@pytest.mark.parametrize("kind", ["500", "hang", "429:1"])
def test_the_first_attempt_of_each_is_lost(
    sandbox: SandboxProcess, open_console: OpenConsole, others: Callable[[], None], kind: str
) -> None:
    console = open_console()
    incident = console.confirm()
    sandbox.set_faults(*(f"{scope}={kind}/1" for scope in CREATING))
    console.notices.deliver()
    assert_exactly_one_each(sandbox, carry(console, incident, others))


@pytest.mark.honesty(
    "Slack's, Jira's or Datadog's search lags longer than it is looked for", "nothing is sent twice; a person decides"
)
def test_a_search_that_lags_longer_than_it_is_looked_for_makes_nothing_twice(
    sandbox: SandboxProcess, open_console: OpenConsole
) -> None:
    sandbox.set_faults(*(f"{scope}=stored_500/1" for scope in CREATING))
    sandbox.set_faults(*(f"{scope}=lag:99" for scope in SEARCHING))
    console = open_console()
    done = carry(console, console.confirm())
    recorded = sandbox.recorded()
    assert (len(recorded.messages), len(recorded.incidents), len(recorded.issues)) == (1, 1, 1)
    assert {one.state for one in done.deliveries} == {"uncertain"}
    assert all(
        "shows nothing at all there, as for a login that may not see it" in one.reason for one in done.deliveries
    )


@pytest.mark.honesty(
    "Jira's search finds nothing, and shows the project",
    "it is sent again after the lag that Jira documents, not before",
)
def test_jira_is_waited_for_as_long_as_its_documents_say(
    sandbox: SandboxProcess, open_console: OpenConsole, others: Callable[[], None]
) -> None:
    others()
    console = open_console()
    incident = console.confirm()
    sandbox.set_faults("jira_create=500/1")
    console.notices.deliver()
    for _ in range(19):
        console.clocks.forward(30)
        console.notices.deliver()
        assert ours(sandbox.recorded().issues) == []
    done = carry(console, incident)
    assert_exactly_one_each(sandbox, done)
    assert {one.channel: one.attempts for one in done.deliveries}[Channel.JIRA] == 2


def test_two_consoles_on_one_journal_send_each_thing_once(sandbox: SandboxProcess, open_console: OpenConsole) -> None:
    first, second = open_console(), open_console()
    sandbox.set_faults("incident_create=stored_reset/1", "jira_create=429:5/1")
    incident = first.confirm()
    for _ in range(MOST_PASSES):
        first.notices.deliver()
        second.notices.deliver()
        if not first.notices.waiting():
            break
        first.clocks.forward(30)
    assert_exactly_one_each(sandbox, second.incidents.get(incident.id))


@pytest.mark.honesty(
    "another console writes to another Jira project, Jira site or Datadog organisation",
    "what was confirmed goes to the project that was confirmed, or waits for a console of that site",
)
def test_tracking_is_opened_where_it_was_confirmed(sandbox: SandboxProcess, open_console: OpenConsole) -> None:
    confirming = open_console()
    incident = confirming.confirm()
    another = open_console(
        jira__url=sandbox.url.replace("127.0.0.1", "localhost"), datadog__web_url="https://eu.example"
    )
    for _ in range(12):
        another.clocks.forward(30)
        another.notices.deliver()
    left = {one.channel: one for one in another.incidents.get(incident.id).deliveries}
    assert {left[Channel.JIRA].state, left[Channel.DATADOG_INCIDENT].state} == {"failed"}
    assert (
        f"confirmed for Jira ZYN {sandbox.url}, and this console writes to Jira ZYN http" in left[Channel.JIRA].reason
    )
    for one in (Channel.JIRA, Channel.DATADOG_INCIDENT):
        another.notices.settle(incident.id, left[one].delivery, "send_again")
    # The same site, and another project in the settings.
    open_console(jira__project="OTHER").notices.deliver()
    assert_exactly_one_each(sandbox, confirming.incidents.get(incident.id))
    assert sandbox.recorded().issues[0]["key"].startswith("ZYN-")
