"""Named sandboxes remember: one process a world, whoever works in it; what was done there outlives every process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from diagnostics.core.failures import UserError
from sandbox import kept
from sandbox.__main__ import main
from sandbox.kept import KeptSandbox, hold_sandbox, is_kept, reset
from tests.cli.conftest import Command, command

__all__ = ["command"]
LONG_AGO_S = 30 * 3_600
DECLARED = ("--issue", "rate_limiting", "--severity", "incident", "--title", "Sync suspended", "--yes")
MESSAGE = {"channel": "C05ZYNSUP", "text": "Backlog halved"}


@pytest.fixture
def worlds(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of kept worlds, a private one. Nothing that serves them is left at the end."""
    assert command is not None  # it has a state folder of its own, in place of which this one stands
    monkeypatch.setenv("WARROOM_SANDBOX_KEEP", "yes")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = tmp_path / "zillow-war-room" / "sandboxes"
    folder.mkdir(parents=True, mode=0o700)
    yield folder
    reset(None)


def _aged(world: Path, *, messages: int) -> int:
    """Write a world that began long ago; return the moment."""
    begun = int(time.time()) - LONG_AGO_S
    world.mkdir(mode=0o700)
    story = {"name": world.name, "seed": 20_251_117, "anchor": begun, "hostile": False}
    (world / "story.json").write_text(json.dumps(story))
    kinds = dict.fromkeys(("messages", "incidents", "issues", "comments", "updates"), ())
    (world / "outside.json").write_text(json.dumps({"recorded": {**kinds, "messages": [MESSAGE] * messages}}))
    # `reset` looks for worlds by their locks.
    world.with_name(f"{world.name}.holders").touch(mode=0o600)
    return begun


def _api(sandbox: KeptSandbox) -> httpx.Client:
    token = (sandbox.directory / "slack_token").read_text()
    return httpx.Client(base_url=str(sandbox.flags()["slack.api_url"]), headers={"authorization": f"Bearer {token}"})


def _texts(sandbox: KeptSandbox) -> list[str]:
    with _api(sandbox) as slack:
        answer = slack.get("/conversations.history", params={"channel": MESSAGE["channel"]}).json()
    return [message["text"] for message in answer["messages"]]


def test_a_world_is_shared_while_it_runs_and_resumed_after_a_kill(
    worlds: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = _aged(worlds / "healthy", messages=0)
    held = [first := hold_sandbox("healthy"), second := hold_sandbox("healthy")]
    try:
        assert first.pid == second.pid
        # Nobody had done anything in the world that was older than its story: it was begun anew unasked.
        anchor = json.loads((worlds / "healthy" / "story.json").read_text())["anchor"]
        assert anchor > begun
        assert [path.stat().st_mode & 0o077 for path in (worlds, first.directory)] == [0, 0]
        declared = command("incident", "declare", *DECLARED, "--sandbox", "healthy")
        assert declared.code == 0, declared.err
        first.stop()
        with _api(second) as slack:
            assert slack.post("/chat.postMessage", json=MESSAGE).json()["ok"]
        with monkeypatch.context() as patch:
            patch.setattr(kept, "LEAVES_S", 0.0)
            with pytest.raises(UserError, match="somebody works in the sandbox healthy"):
                reset("healthy")
        os.kill(second.pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(second.pid, 0)
        held.append(third := hold_sandbox("healthy"))
        assert third.pid != second.pid
        # Addresses in the journal stay true, and the story goes on from the same moment.
        assert third.flags()["jira.url"] == second.flags()["jira.url"]
        assert json.loads((worlds / "healthy" / "story.json").read_text())["anchor"] == anchor
        assert _texts(third)[0] == "Backlog halved"
        assert "INC-1 · journal" in _texts(third)[1]
        listed = command("incident", "list", "--sandbox", "healthy")
        assert (listed.code, listed.out[:6]) == (0, "INC-1 ")
        assert "Sync suspended" in listed.out
    finally:
        for one in held:
            one.stop()
    assert reset("healthy")[0].startswith("healthy: the journal, the databases and what Slack, Jira and Datadog")
    assert not list(worlds.glob("healthy/*"))
    assert reset("healthy") == ["healthy: nothing was kept"]


def test_a_world_older_than_its_story_says_so_and_offers_the_reset(
    worlds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _aged(worlds / "healthy", messages=1)
    with pytest.raises(UserError) as refused:
        hold_sandbox("healthy")
    said = "\n".join(refused.value.lines())
    assert "is older than its story: it began 30 h ago, and the story is told for 2 h" in said
    assert "warroom sandbox reset healthy" in said
    assert (worlds / "healthy" / "outside.json").exists()
    assert main(["reset"]) == 0
    assert capsys.readouterr().out.startswith("healthy: the journal, the databases and what")
    assert not (worlds / "healthy").exists()


def test_what_cannot_be_kept_is_refused_in_words(worlds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (worlds / "nov17").mkdir()
    (worlds / "nov17" / "outside.json").write_text("{")
    with pytest.raises(UserError, match="is older than its story: it does not say when it began"):
        hold_sandbox("nov17")
    with pytest.raises(UserError, match="nowhere"):
        reset("nowhere")
    shutil.rmtree(worlds)
    worlds.write_text("no folder")
    with pytest.raises(UserError, match="no sandbox can be kept in"):
        hold_sandbox("nov17")
    worlds.unlink()
    monkeypatch.setenv("WARROOM_SANDBOX_KEEP", "perhaps")
    with pytest.raises(UserError, match="neither yes nor no"):
        is_kept()
