"""What is asked of a person, subject by subject: each turns answers into settings by their dotted names."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from diagnostics.core.failures import UserError
from diagnostics.core.masking import has_password
from tui.setup.lines import ask, ask_unseen, choose, tell

Answers = dict[str, object]
"""Dotted name to value, in the order in which they are written."""

_DIRECT = {"datadog.api_key": "DD_API_KEY", "datadog.app_key": "DD_APP_KEY"}


@dataclass(slots=True, frozen=True)
class Topic:
    """One subject of the dialogue."""

    title: str
    why: str
    settings: tuple[str, ...]
    """Dotted names that belong to it, a secret by its plain name."""
    sources: tuple[str, ...]
    """Names of the doctor's lines that are about it."""
    ask: Callable[[], Answers | None]
    """Asks; None where the person skips it. Raises Cancelled, UserError."""
    stands_on: tuple[str, ...] = ()
    """Sections of other subjects that its test needs."""
    warns: str = ""
    """What testing it does beyond reading; empty for nothing."""

    def of(self, answers: Mapping[str, object]) -> Answers:
        """Those of the answers that belong to it."""
        spelled = {f"{name}{form}" for name in self.settings for form in ("", "_file", "_command")}
        return {name: value for name, value in answers.items() if name in spelled}


def secret(setting: str, what: str, *, optional: bool = False) -> Answers:
    """Where a secret comes from, as one setting, or none where a variable gives it. Raises Cancelled."""
    variable = _DIRECT.get(setting) or f"WARROOM_{setting.replace('.', '__').upper()}"
    state = "set now" if os.environ.get(variable) else "not set now"
    choices = [
        ("c", "a command prints it, e.g. pass show warroom/x"),
        ("e", f"the environment holds it: {variable} ({state}), or another"),
        ("f", "a file of its own holds it, on one line"),
        ("t", "typed here, unseen; stands in clear in the settings file (0600)"),
        *([("n", "there is none")] if optional else []),
    ]
    while True:
        chosen = choose(f"Where does {what} come from?", choices, "n" if optional else "c")
        if chosen == "n":
            return {}
        given = _spelled(chosen, setting, variable)
        if given is not None:
            return given
        tell(["nothing was given; choose again"])


def _spelled(chosen: str, setting: str, variable: str) -> Answers | None:
    if chosen == "c":
        return _given(f"{setting}_command", ask("command, without a shell"))
    if chosen == "f":
        path = ask("path of the file")
        return _given(f"{setting}_file", str(Path(path).expanduser().absolute()) if path else "")
    if chosen == "e":
        name = ask("name of the variable", variable)
        # The console reads its own variables itself, above the file; a command is for what has another name.
        return {} if name == variable else {f"{setting}_command": shlex.join(["printenv", name])}
    return _given(setting, ask_unseen(setting))


def _given(name: str, value: str) -> Answers | None:
    return {name: value} if value else None


def _port(default: int) -> int:
    while True:
        given = ask("port", str(default))
        if given.isascii() and given.isdigit() and len(given) <= 5 and 0 < int(given) <= 65_535:
            return int(given)
        tell([f"a port is a whole number from 1 to 65535, not {given[:40]!r}"])


def _without_password(url: str) -> str:
    if has_password(url):
        raise UserError(
            "the address holds a password",
            accepted="the address without it: user@host; where the password comes from is asked next",
        )
    return url


def _address(database: str, user: str, host: str = "") -> str | None:
    """SQLAlchemy URL of a MySQL, put together; None where nothing was typed."""
    given = ask("host, or a whole URL (Enter: skip)" if not host else "host", host)
    if not given:
        return None
    if "://" in given:
        return _without_password(given)
    port = _port(3306)
    name = quote(ask("user, one that can only read", user), safe="{}")
    schema = quote(ask("database", database), safe="{}")
    return f"mysql+pymysql://{name}@{given}:{port}/{schema}"


def _encrypted(setting: str) -> Answers:
    if choose("Is the way there encrypted?", [("y", "yes: TLS, its certificate verified"), ("n", "no")], "y") == "y":
        return {setting: True}
    return {}


def _common() -> Answers | None:
    url = _address("common", "warroom")
    if url is None:
        return None
    if url.startswith("sqlite"):
        return {"databases.common_url": url}
    login = secret("databases.password", "the password, of this and of the accounts' databases")
    return {"databases.common_url": url, **login, **_encrypted("databases.tls")}


def _client() -> Answers | None:
    tell(["{db_host}, {db_database}, {db_user} and {account_id} are filled in from the account's row."])
    if choose("Are they to be read?", [("y", "yes"), ("n", "skip")], "y") == "n":
        return None
    url = _address("{db_database}", "{db_user}", "{db_host}")
    return None if url is None else {"databases.client_url": url}


def _datadog() -> Answers | None:
    site = ask("site, such as datadoghq.eu, or an address (- skips)", "datadoghq.com")
    if site == "-":
        return None
    url = site.rstrip("/") if "://" in site else f"https://api.{site}"
    return {
        "datadog.api_url": url,
        **secret("datadog.api_key", "the API key"),
        **secret("datadog.app_key", "the application key"),
    }


def _slack() -> Answers | None:
    if choose("Send notices to Slack?", [("y", "yes, as a bot"), ("n", "skip")], "n") == "n":
        return None
    answers = secret("slack.bot_token", "the bot's token (chat:write, channels:history)")
    address = ask("Slack's interface", "https://slack.com/api")
    channel = ask("channel, name or id (Enter: the one of contacts.toml)")
    return {
        **answers,
        **({} if address == "https://slack.com/api" else {"slack.api_url": address}),
        **({"slack.channel": channel} if channel else {}),
    }


def _jira() -> Answers | None:
    url = ask("address, such as https://example.atlassian.net (Enter: skip)")
    if not url:
        return None
    email = ask("e-mail address of the token's owner")
    project = ask("key of the project (Enter: the one of contacts.toml)")
    return {
        "jira.url": url,
        **({"jira.email": email} if email else {}),
        **secret("jira.token", "the token"),
        **({"jira.project": project} if project else {}),
    }


def _redis() -> Answers | None:
    url = ask("address, such as redis://host:6379/0 (Enter: skip)")
    if not url:
        return None
    return {"redis.url": _without_password(url), **secret("redis.password", "its password", optional=True)}


def _state() -> Answers | None:
    url = ask("URL, e.g. mysql+pymysql://warroom@host/warroom (Enter: skip)")
    if not url:
        return None
    password = {} if url.startswith("sqlite") else secret("state.password", "its password", optional=True)
    team = secret("state.team_secret", "the team's secret (16 characters or more)", optional=True)
    return {"state.url": _without_password(url), **password, **team}


TOPICS = (
    Topic(
        "Shared database",
        "accounts, connections, webhook events; only read",
        ("databases.common_url", "databases.password", "databases.login", "databases.tls"),
        ("common", "databases"),
        _common,
    ),
    Topic(
        "Accounts' databases",
        "agents, deals, credentials of one account; only read",
        ("databases.client_url",),
        ("client",),
        _client,
        ("databases",),
    ),
    Topic(
        "Datadog",
        "logs, metrics, monitors, incidents",
        ("datadog.api_url", "datadog.api_key", "datadog.app_key"),
        ("datadog",),
        _datadog,
    ),
    Topic(
        "Slack",
        "optional: notices to the team",
        ("slack.bot_token", "slack.api_url", "slack.channel"),
        ("slack",),
        _slack,
    ),
    Topic(
        "Jira",
        "optional: an issue for each incident",
        ("jira.url", "jira.email", "jira.token", "jira.project"),
        ("jira",),
        _jira,
    ),
    Topic(
        "Redis", "optional: the sync workers' mutexes; only read", ("redis.url", "redis.password"), ("redis",), _redis
    ),
    Topic(
        "Shared journal",
        "optional: one incident on the consoles of all responders",
        ("state.url", "state.password", "state.team_secret"),
        ("state",),
        _state,
        warns="the test makes the console's tables there, where they are missing",
    ),
)
