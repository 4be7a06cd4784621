"""Starts the stand-ins as a process of their own and stops them again."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Literal

from diagnostics.config.paths import without_secrets
from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from sandbox.flags import console_flags, webhook_url
from sandbox.stories.scenario import scenario_named
from sandbox.stories.story import ENVIRONMENT, TOKEN, Secrets, new_secrets

STOP_S = 5.0
DROP_S = 45.0
"""Time to drop the schemas on a database server, which may be busy, before the process is ended by force."""
BAD_USAGE = 64
_CONTROL_S = 10.0
_OK = 200
_LINES_KEPT = 40


@dataclass(slots=True, frozen=True)
class Recorded:
    """Entries that the stand-ins stored, oldest first, each with its service; refused ones are not there."""

    messages: list[dict[str, Any]]
    """Slack: via ("bot", "webhook"), channel, channel_name, ts, text, blocks, metadata."""
    incidents: list[dict[str, Any]]
    """Datadog, as created: id, public_id, title, severity, state, cells."""
    issues: list[dict[str, Any]]
    """Jira: key, summary, labels, description (plain), fields."""
    comments: list[dict[str, Any]]
    """Jira: key, id, text (plain)."""
    updates: list[dict[str, Any]]
    """Datadog: id, changed. Jira: key, changed."""
    requests: dict[str, int]
    """Requests by endpoint, such as "slack_post"; refused ones among them."""


class SandboxProcess:
    """A running sandbox. `stop` or leaving the `with` block ends it; so does the end of this process, in any way."""

    def __init__(self, process: subprocess.Popen[bytes], secrets: Secrets, stop_s: float) -> None:
        self._process = process
        self._stop_s = stop_s
        self._secrets = secrets
        self._ready: dict[str, Any] = {}

    @property
    def url(self) -> str:
        """Address of the HTTP side, without a path."""
        return str(self._ready["url"])

    @property
    def common_url(self) -> str:
        """SQLAlchemy URL of the common database, without a password."""
        return str(self._ready["common_url"])

    @property
    def client_url(self) -> str:
        """Template of the client databases' URLs, without a password."""
        return str(self._ready["client_url"])

    @property
    def analytics_url(self) -> str | None:
        """SQLAlchemy URL of the analytics engine's stand-in, without a password; None when it was not asked for."""
        return self._ready.get("analytics_url")

    @property
    def directory(self) -> Path:
        """Where the sandbox keeps its files and the ready-made `console.toml`."""
        return Path(self._ready["directory"])

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def port(self) -> int:
        """Port on 127.0.0.1."""
        return int(self.url.rsplit(":", 1)[1])

    def is_running(self) -> bool:
        """Return whether the process lives."""
        return self._process.poll() is None

    def flags(self, slack: Literal["bot", "webhook", "none"] = "bot") -> dict[str, object]:
        """Settings overrides by dotted name with which the console speaks to this sandbox; secrets among them.

        `slack` is how it writes there: as the bot, through the incoming webhook, or not at all.
        """
        return console_flags(self._ready, self._secrets, slack)

    @property
    def webhook_url(self) -> str:
        """Address of Slack's incoming webhook: a secret."""
        return webhook_url(self._ready, self._secrets)

    @property
    def controls(self) -> dict[str, str]:
        """Headers with which the stand-in's own endpoints are asked."""
        return {TOKEN: self._secrets.control_token}

    def recorded(self) -> Recorded:
        """Entries stored so far by the outside world, and the number of requests."""
        return Recorded(**self._control("GET", "recorded"))

    def forget(self) -> None:
        """Take every message, incident and issue away, and count anew."""
        self._control("DELETE", "recorded")

    def set_faults(self, *specs: str) -> list[str]:
        """Put faults in force beside those that are; return all. Raises `ValueError` with what the sandbox said."""
        return list(self._control("POST", "faults", {"set": specs})["faults"])

    def clear_faults(self) -> None:
        """End all faults."""
        self._control("POST", "faults", {"clear": True})

    def _control(self, method: str, name: str, body: object = None) -> dict[str, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_CONTROL_S)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, f"/sandbox/{name}", sent, self.controls)
            response = connection.getresponse()
            read = json.loads(response.read())
        finally:
            connection.close()
        if response.status != _OK:
            raise ValueError(clean(str(read), limit=500))
        return dict(read)

    def stop(self) -> None:
        """Ask it to end, insist after a few seconds, and remove its temporary directory if it could not. Idempotent."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(self._stop_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(STOP_S)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        if self._ready.get("temporary"):
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> SandboxProcess:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"SandboxProcess(pid={self.pid}, url={self._ready.get('url')!r})"


def start_sandbox(
    scenario: str,
    *,
    database_url: str | None = None,
    fault: str | Sequence[str] | None = None,
    port: int = 0,
    directory: Path | str | None = None,
    ready_timeout_s: float = 90.0,
    seed: int | None = None,
    rate_limits: Iterable[str] = (),
    schema_prefix: str | None = None,
    analytics: bool = False,
    analytics_behind_s: int = 0,
    zillow: str | None = None,
) -> SandboxProcess:
    """Start a sandbox and wait until it is ready.

    `fault` are faults of the HTTP side or of client databases, `analytics` adds the analytics engine's stand-in, which
    shows the story as it was `analytics_behind_s` seconds before the start.

    `zillow` is what the endpoint of webhook events takes, as `--zillow` has it.

    Raises `UserError` for a scenario, fault, port or URL that cannot be, and `SourceFailure` when the process ended or
    was not ready in time; both carry the last lines that it wrote.
    """
    scenario_named(scenario)
    arguments = ["serve", "--scenario", scenario, "--port", str(port), "--parent-pipe", "--secrets-pipe"]
    for spec in [fault] if isinstance(fault, str) else fault or ():
        arguments += ["--fault", spec]
    for limit in rate_limits:
        arguments += ["--rate-limit", limit]
    for name, value in (
        ("--directory", directory),
        ("--seed", seed),
        ("--schema-prefix", schema_prefix),
        ("--zillow", zillow),
    ):
        if value is not None:
            arguments += [name, str(value)]
    if analytics or analytics_behind_s:
        arguments += ["--analytics", "--analytics-behind", str(analytics_behind_s)]
    secrets = secrets_of(directory)
    errors: deque[str] = deque(maxlen=_LINES_KEPT)
    process = subprocess.Popen(  # noqa: S603  # our own interpreter, our own module, arguments checked by it
        [sys.executable, "-P", "-m", "sandbox", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=child_environment(),
        # The terminal's ctrl+c must reach the console alone; the pipe ends the sandbox with it.
        start_new_session=True,
    )
    _tell(process, {**asdict(secrets), "database_url": database_url or ""})
    running = SandboxProcess(process, secrets, DROP_S if database_url else STOP_S)
    lines: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read_lines, args=(process, lines), daemon=True).start()
    reader = threading.Thread(target=_read_errors, args=(process, errors), daemon=True)
    reader.start()
    try:
        running._ready = _wait(process, lines, reader, errors, ready_timeout_s)  # the other half of its constructor
    except BaseException:
        running.stop()
        raise
    return running


def secrets_of(directory: Path | str | None) -> Secrets:
    """Return new secrets, or the ones a sandbox in this directory had, so that a console that uses them goes on."""
    fresh = new_secrets()
    if directory is None:
        return fresh
    kept = {}
    for name in ENVIRONMENT:
        try:
            kept[name] = (Path(directory) / name).read_text(encoding="utf-8").strip()
        except OSError:
            continue
    return replace(fresh, **kept)


def _tell(process: subprocess.Popen[bytes], told: Mapping[str, str]) -> None:
    """Hand over what is secret: arguments can be read by everybody, an environment by whatever else this user runs."""
    assert process.stdin is not None  # noqa: S101  # it was opened as a pipe
    try:
        process.stdin.write(json.dumps(told).encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        # It has ended already, and what it said is read from its errors.
        return


def child_environment() -> dict[str, str]:
    """Return the child's environment, without secrets."""
    environment = without_secrets(os.environ)
    root = str(Path(__file__).resolve().parent.parent)
    paths = [root, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    return environment


def _read_lines(process: subprocess.Popen[bytes], lines: queue.Queue[bytes]) -> None:
    assert process.stdout is not None  # noqa: S101  # it was opened as a pipe
    try:
        for line in process.stdout:
            lines.put(line)
    except ValueError:
        pass  # closed by stop() in the meantime
    lines.put(b"")


def _read_errors(process: subprocess.Popen[bytes], errors: deque[str]) -> None:
    assert process.stderr is not None  # noqa: S101  # it was opened as a pipe
    try:
        for line in process.stderr:
            errors.append(clean(line.decode(errors="replace").rstrip(), limit=400))
    except ValueError:
        pass  # closed by stop() in the meantime


def _wait(
    process: subprocess.Popen[bytes],
    lines: queue.Queue[bytes],
    reader: threading.Thread,
    errors: deque[str],
    timeout_s: float,
) -> dict[str, Any]:
    """Return the ready line; raise what the process said when there is none."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise SourceFailure(
                FailureKind.TIMED_OUT,
                "sandbox",
                f"it was not ready after {timeout_s:g} s. {tail(errors)}",
                remedy="try again, or start `warroom sandbox serve` by hand to see what it says",
            ) from None
        if not line:
            break
        try:
            ready = json.loads(line)
        except ValueError:
            continue
        if isinstance(ready, dict) and ready.get("ready"):
            return ready
    code = process.wait(STOP_S)
    reader.join(1.0)
    if code == BAD_USAGE:
        raise refusal(errors)
    raise SourceFailure(
        FailureKind.UNREACHABLE,
        "sandbox",
        f"it ended with code {code} before it was ready. {tail(errors)}",
        remedy="start `warroom sandbox serve` by hand to see what it says",
    )


def refusal(errors: Iterable[str]) -> UserError:
    """Return the child's own refusal: it writes the parts of a `UserError` one a line, each with its name."""
    parts = dict.fromkeys(("error", "where", "accepted", "next"), "")
    for line in errors:
        name, _, text = line.partition(": ")
        if name in parts:
            parts[name] = text
    return UserError(
        parts["error"] or "the sandbox could not start",
        where=parts["where"],
        accepted=parts["accepted"],
        next_step=parts["next"],
    )


def tail(errors: Iterable[str]) -> str:
    return " ".join([line for line in errors if line.strip()][-3:])
