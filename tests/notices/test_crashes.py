"""A console that dies between its attempt and the outcome: another one finishes it, and Slack holds one message."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.notices.conftest import MakeConsole
from tests.notices.consoles import Clocks
from tests.notices.slack_server import SlackServer


@pytest.mark.parametrize(("when", "stored", "found_again"), [("before", 0, False), ("after", 1, True)])
def test_a_console_killed_while_it_delivers_leaves_exactly_one_message(
    open_console: MakeConsole,
    slack: SlackServer,
    clocks: Clocks,
    tmp_path: Path,
    *,
    when: str,
    stored: int,
    found_again: bool,
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.notices.dying", str(tmp_path / "state"), slack.api_url, when],
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == -signal.SIGKILL
    assert len(slack.messages) == stored
    consoles = [open_console(person) for person in ("cl.nolen", "b.berg")]
    assert consoles[0].incidents.get("INC-1").deliveries[0].state == "sending"
    others: list[dict[str, str]] = []
    for pause in (0, 91, 6, 6, 16, 31, 61, 61):
        clocks.forward(pause)
        for console in consoles:
            console.notices.deliver()
        # Somebody else writes meanwhile: the history shows what came after the attempt.
        others.append({"ts": f"{clocks.now.timestamp():.6f}", "text": "who is on it?"})
        slack.messages.append(others[-1])
    sent = consoles[0].incidents.get("INC-1").deliveries[0]
    assert (sent.state, sent.found_again) == ("sent", found_again)
    ours = [one for one in slack.messages if one not in others]
    assert [one["metadata"]["event_payload"]["token"] for one in ours] == [sent.token]
    assert not any(console.notices.waiting() for console in consoles)
