"""Which story is told, from which moment on, with which seed: what every generated thing is a function of."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sandbox.stories.clock import now_s
from sandbox.stories.scenario import INCIDENT_AGE_S, Scenario, scenario_named

DEFAULT_SEED = 20_251_117
DATABASE_URL = "WARROOM_SANDBOX_DATABASE_URL"
"""Names the environment variable with an administrator's URL, which keeps a password off the command line."""

TOKEN = "x-sandbox-token"  # noqa: S105  # the name of a header
"""The header of the stand-in's own endpoints."""

STORY, OUTSIDE, READY = "story.json", "outside.json", "ready.json"
"""Files of a kept sandbox: which story from when on, what the outside world received, where it is served."""

STATE = "state"
"""The folder inside a sandbox's directory where a console that runs on it keeps what it knows and its log file."""

ANALYTICS_TABLES = {name: name for name in ("zillow_agents", "zillow_auth", "zillow_sync_users", "deals")}
"""Settings of the analytics engine, and what its stand-in calls the tables."""

REAL_INCIDENT = datetime(2025, 11, 17, 13, 22, tzinfo=UTC)
"""Story time at which the incident begins. The day is a fact, the minute is chosen."""

RESUME_WITHIN_S = 2 * 3600
"""A directory left longer ago than this tells a new story: its rows would all be older than any window on screen."""


@dataclass(slots=True, frozen=True)
class Story:
    """A scenario pinned to the real clock. `anchor` is the start, whole seconds since the epoch, UTC."""

    name: str
    seed: int
    anchor: int
    hostile: bool = False
    """Rows were seeded with hostile text."""

    @property
    def scenario(self) -> Scenario:
        """The figures of this story."""
        return scenario_named(self.name)

    @property
    def incident_start(self) -> int:
        """When the incident began, seconds since the epoch."""
        return self.anchor - INCIDENT_AGE_S

    def moment(self, seconds: float = 0.0) -> datetime:
        """Return the start plus `seconds`, as the databases hold time: UTC without a zone, whole seconds."""
        return datetime.fromtimestamp(self.anchor + int(seconds), UTC).replace(tzinfo=None)

    def clock(self) -> datetime:
        """The moment in the real day that the present stands for."""
        return REAL_INCIDENT + timedelta(seconds=now_s() - self.incident_start)


@dataclass(slots=True, frozen=True)
class Secrets:
    """Credentials of the stand-in, generated per directory and never on a command line."""

    api_key: str
    app_key: str
    database_password: str
    slack_token: str
    slack_webhook: str
    """Last part of the incoming webhook's address."""
    jira_token: str
    control_token: str
    """What a caller of the stand-in's own endpoints shows: the port is open to every user of the machine."""

    def __repr__(self) -> str:
        return "Secrets(…)"


ENVIRONMENT = {
    "api_key": "WARROOM_SANDBOX_API_KEY",
    "app_key": "WARROOM_SANDBOX_APP_KEY",
    "database_password": "WARROOM_SANDBOX_DATABASE_PASSWORD",
    "slack_token": "WARROOM_SANDBOX_SLACK_TOKEN",
    "slack_webhook": "WARROOM_SANDBOX_SLACK_WEBHOOK",
    "jira_token": "WARROOM_SANDBOX_JIRA_TOKEN",
    "control_token": "WARROOM_SANDBOX_CONTROL_TOKEN",
}


def new_secrets() -> Secrets:
    """Generate keys of the lengths the services use, and a database password."""
    return Secrets(
        api_key=secrets.token_hex(16),
        app_key=secrets.token_hex(20),
        database_password=secrets.token_urlsafe(18),
        slack_token=f"xoxb-{secrets.randbelow(10**12):012d}-{secrets.token_hex(12)}",
        slack_webhook=secrets.token_hex(12),
        jira_token=f"ATATT3x{secrets.token_urlsafe(36)}",
        control_token=secrets.token_urlsafe(24),
    )


def settle_secrets(directory: Path, told: Mapping[str, str]) -> Secrets:
    """Return the secrets that it was told, those of the environment or of the directory, or new ones; kept as files.

    A sandbox started again in the same directory keeps its keys, so a running console finds it again by itself.
    """
    fresh = asdict(new_secrets())
    chosen = {}
    for name, generated in fresh.items():
        path = directory / name
        given = told.get(name) or os.environ.get(ENVIRONMENT[name])
        kept = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
        chosen[name] = given or kept or generated
        write_private(path, chosen[name])
    return Secrets(**chosen)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def replace_private(path: Path, text: str) -> None:
    """Write a file anew so that a reader, or a kill, meets the old one or the new one and never half of it."""
    unfinished = path.with_name(f"{path.name}.new")
    write_private(unfinished, text)
    unfinished.replace(path)


def settings_lines(section: str, **values: object) -> list[str]:
    """Return a section of a settings file, TOML, a line each; the settings before all sections for an empty name."""
    heading = ["", f"[{section}]"] if section else []
    return [*heading, *(f"{name} = {json.dumps(str(value), ensure_ascii=False)}" for name, value in values.items())]


def settle_story(directory: Path, name: str, seed: int, hostile: bool, within_s: float = RESUME_WITHIN_S) -> Story:
    """Resume the story that was told in this directory a short while ago, at most `within_s`, or begin one now."""
    path = directory / STORY
    fresh = Story(name=name, seed=seed, anchor=int(now_s()), hostile=hostile)
    try:
        kept = Story(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        kept = fresh
    same = (kept.name, kept.seed, kept.hostile) == (name, seed, hostile)
    story = kept if same and 0 <= fresh.anchor - kept.anchor <= within_s else fresh
    replace_private(path, json.dumps(asdict(story)))
    return story
