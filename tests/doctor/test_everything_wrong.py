"""One thing wrong at a time: the first failing line names it with its remedy, what stands on it is not asked."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from diagnostics.catalogue import load_catalogue
from diagnostics.config.layers import load_settings
from diagnostics.models.doctor import DoctorLine
from diagnostics.service import Diagnostics
from sandbox.launch import SandboxProcess, start_sandbox
from tests.shipped import shipped_catalogue

LIMITS = ("search=10000/10", "aggregate=10000/10")
BAD = {"warn", "fail", "unreachable"}
FIGURES = (
    "reachable",
    "API key",
    "application key",
    "logs",
    "monitors",
    "metrics",
    "incidents",
    "storage tiers",
    "budgets",
)
DATADOG = tuple(f"datadog {one}" for one in FIGURES)
DIAGNOSES = ("routes zillow-oauth-diagnosis", "routes zillow-sync-diagnosis")
ROUTES = (*DIAGNOSES, "routes zillow-system-monitoring")
COMMON = ("common read-only session", "common permitted", "common tables", "common indexes", "common replica lag")
ACCOUNTS = (197_493, 195_719, 195_071)
"""The newest of the story, of which the doctor takes its sample."""
SLACK = tuple(f"slack {one}" for one in ("reachable", "token", "scopes", "channel", "member"))
JIRA = tuple(
    f"jira {one}" for one in ("reachable", "login", "project", "permissions", "issue type", "required fields", "labels")
)
REDIS = tuple(f"redis {one}" for one in ("reachable", "login", "job dialect", "workers"))


def after(subject: str, order: tuple[str, ...]) -> tuple[str, ...]:
    """What stands on a step, where each stands on the one before."""
    return order[order.index(subject) + 1 :]


@dataclass(frozen=True)
class Wrong:
    """What is wrong, and what has to be said of it."""

    what: str
    flags: Mapping[str, object] = field(default_factory=dict)
    """In place of the sandbox's; `{folder}`, `{closed}` and `{url}` in a text are filled in. None unsets."""
    faults: tuple[str, ...] = ()
    first: str = ""
    """Source and subject of the first failing line."""
    says: tuple[str, ...] = ()
    """Words of its detail."""
    remedy: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    """Everything that is not asked because of it."""
    besides: tuple[str, ...] = ()
    """Further lines that fail rightly: they are no consequences."""

    def __str__(self) -> str:
        return self.what.replace(" ", "-")


LOGS_LOST = ("datadog storage tiers", "datadog budgets", *ROUTES)
CLOSED = "http://127.0.0.1:{closed}"

CASES = (
    # ---- files and folders
    *(
        Wrong(
            f"{setting} names no file",
            {setting: None, f"{setting}_file": "{folder}/absent"},
            first=f"settings {setting}",
            says=(f"{setting}_file", "cannot read", "/absent"),
            remedy=("a readable regular file",),
            unasked=unasked,
        )
        for setting, unasked in (
            ("datadog.api_key", ("datadog configured", *DATADOG, "datadog clock", *ROUTES)),
            ("datadog.app_key", (*after("datadog API key", DATADOG), *ROUTES)),
            ("slack.bot_token", SLACK),
            ("jira.token", JIRA),
            ("redis.password", REDIS),
            ("state.team_secret", ("state team secret",)),
        )
    ),
    Wrong(
        "a team secret that can be guessed",
        {"state.team_secret": "short"},
        first="state team secret",
        says=("it has 5 characters, and 16 are needed",),
        remedy=("the same state.team_secret",),
    ),
    Wrong(
        "a secret command that fails",
        {"jira.token": None, "jira.token_command": "false"},
        first="settings jira.token",
        says=("jira.token_command",),
        remedy=("a command that prints the secret",),
        unasked=JIRA,
    ),
    Wrong(
        "a secret file that everybody can read",
        {"jira.token": None, "jira.token_file": "{open}"},
        first="settings permissions of jira.token_file",
        says=("{open} can be read by everybody",),
        remedy=("chmod 600 {open}",),
    ),
    Wrong(
        "a state folder that everybody can enter",
        {"state_dir": "{wide}"},
        first="settings permissions of state_dir",
        says=("{wide} can be read by everybody",),
        remedy=("chmod 700 {wide}",),
    ),
    Wrong(
        "a catalogue that everybody can change",
        {"catalogue": "{loose}"},
        first="settings permissions of catalogue",
        says=("{loose} can be written by everybody",),
        remedy=("chmod go-w {loose}",),
    ),
    Wrong(
        "a state folder that cannot be",
        {"state_dir": "{folder}/file/state"},
        first="settings log file",
        says=("{folder}/file/state cannot be written",),
        remedy=("set state_dir",),
        besides=("state kept", "state journal"),
    ),
    Wrong(
        "a shared state that is not there",
        {"state.url": "mysql+pymysql://warroom@127.0.0.1:{closed}/state"},
        first="state kept",
        says=("in memory only",),
        remedy=("state.url",),
        besides=("state journal",),
    ),
    # ---- the way out
    Wrong(
        "a proxy that is not there",
        {"datadog.api_url": "https://api.datadoghq.com", "network.proxy": CLOSED},
        first="settings network",
        says=("no connection to the proxy 127.0.0.1:{closed} (network.proxy)",),
        remedy=("check network.proxy", "network.no_proxy"),
        unasked=(*DATADOG, "datadog clock", *ROUTES, *SLACK, *JIRA),
    ),
    Wrong(
        "an authority that is not there",
        {"datadog.api_url": "https://api.datadoghq.com", "network.ca": "{folder}/absent.pem"},
        first="settings network",
        says=("network.ca names a file that is no readable certificate authority", "/absent.pem"),
        remedy=("set network.ca",),
        unasked=(*DATADOG, "datadog clock", *ROUTES, *SLACK, *JIRA),
    ),
    # ---- Datadog
    Wrong(
        "datadog.api_url where nobody listens",
        {"datadog.api_url": CLOSED},
        first="datadog reachable",
        says=("127.0.0.1:{closed}",),
        remedy=("datadog.api_url",),
        unasked=(*after("datadog reachable", DATADOG), "datadog clock", *ROUTES),
    ),
    Wrong(
        "datadog.api_url where something else answers",
        {"datadog.api_url": "{url}/api"},
        first="datadog reachable",
        says=("HTTP 404",),
        remedy=("Check datadog.api_url",),
        unasked=(*after("datadog reachable", DATADOG), "datadog clock", *ROUTES),
    ),
    Wrong(
        "datadog.api_key",
        {"datadog.api_key": "0" * 32},
        first="datadog API key",
        says=("not accepted",),
        remedy=("datadog.api_key", "datadog.api_url"),
        unasked=(*after("datadog API key", DATADOG), *ROUTES),
    ),
    Wrong(
        "datadog.api_key that is not set",
        {"datadog.api_key": None},
        first="datadog configured",
        says=("datadog.api_key is not set",),
        remedy=("DD_API_KEY",),
        unasked=(*DATADOG, "datadog clock", *ROUTES),
    ),
    Wrong(
        "datadog.app_key",
        {"datadog.app_key": "0" * 40},
        first="datadog application key",
        says=("refused for all of logs, monitors, metrics, incidents",),
        remedy=("datadog.app_key",),
        unasked=(*after("datadog application key", DATADOG), *ROUTES),
    ),
    *(
        Wrong(
            f"the scope {scope} lacks",
            faults=(f"{endpoint}=forbidden",),
            first=f"datadog {subject}",
            says=("not accepted for",),
            remedy=(scope,),
            unasked=unasked,
        )
        for scope, endpoint, subject, unasked in (
            ("logs_read_data", "search", "logs", LOGS_LOST),
            ("monitors_read", "monitor", "monitors", ("datadog budgets",)),
            ("timeseries_query", "metrics", "metrics", ("datadog budgets",)),
            ("incident_read", "incident_search", "incidents", ("datadog budgets",)),
        )
    ),
    # ---- databases
    Wrong(
        "databases.common_url",
        {"databases.common_url": "sqlite:///{folder}/absent.db"},
        first="common reachable",
        says=("the database file cannot be opened",),
        remedy=("databases.common_url",),
        unasked=(*COMMON, "client sample of accounts", *ROUTES),
    ),
    Wrong(
        "databases.common_url of a server",
        {"databases.common_url": "mysql+pymysql://warroom@127.0.0.1:{closed}/common"},
        first="common reachable",
        says=("connection refused",),
        remedy=("databases.common_url",),
        unasked=(*COMMON, "client sample of accounts", *ROUTES),
    ),
    Wrong(
        "databases.common_url that is no database",
        {"databases.common_url": "sqlite:///{open}"},
        first="common reachable",
        says=("no SQLite database",),
        remedy=("databases.common_url",),
        unasked=(*COMMON, "client sample of accounts", *ROUTES),
    ),
    Wrong(
        "databases.password_file of a server",
        {
            "databases.common_url": "mysql+pymysql://warroom@127.0.0.1:{closed}/common",
            "databases.password_file": "{folder}/absent",
        },
        first="settings databases.password",
        says=("databases.password_file", "cannot read"),
        remedy=("a readable regular file",),
        unasked=("common reachable", *COMMON, "client sample of accounts", *ROUTES),
    ),
    Wrong(
        "databases.client_url",
        {"databases.client_url": "sqlite:///{folder}/absent.db"},
        first="client 197493 reachable",
        says=("the database file cannot be opened",),
        remedy=("databases.client_url",),
        unasked=(*(one.replace("common", f"client {account}") for account in ACCOUNTS for one in COMMON), *DIAGNOSES),
        besides=tuple(f"client {one} reachable" for one in ACCOUNTS[1:]),
    ),
    Wrong(
        "databases.common_url that is not set",
        {"databases.common_url": None},
        first="common reachable",
        says=("databases.common_url is not set",),
        remedy=("databases.common_url",),
        unasked=(*COMMON, "client sample of accounts", *ROUTES),
    ),
    Wrong(
        "the name of a table",
        {"catalogue": "{catalogue}"},
        first="common table feature_flags",
        says=("no_such_table is not there",),
        remedy=("section [feature_flags]", "schema.toml"),
        unasked=("common indexes", *ROUTES),
    ),
    # ---- Slack
    Wrong(
        "slack.api_url where nobody listens",
        {"slack.api_url": CLOSED},
        first="slack reachable",
        says=("no connection",),
        remedy=("slack.api_url",),
        unasked=after("slack reachable", SLACK),
    ),
    Wrong(
        "slack.api_url where something else answers",
        {"slack.api_url": "{url}"},
        first="slack reachable",
        says=("HTTP 404",),
        remedy=("check slack.api_url",),
        unasked=after("slack reachable", SLACK),
    ),
    Wrong(
        "slack.bot_token",
        {"slack.bot_token": "xoxb-1-2-wrong"},
        first="slack token",
        says=("invalid_auth",),
        remedy=("slack.bot_token",),
        unasked=after("slack token", SLACK),
    ),
    Wrong(
        "the scope chat:write lacks",
        faults=("slack=lacks:chat:write",),
        first="slack scopes",
        says=("chat:write is missing", "nothing can be sent"),
        remedy=("the scope chat:write", "reinstall it"),
    ),
    Wrong(
        "the scope channels:history lacks",
        faults=("slack=lacks:channels:history", "slack=lacks:groups:history"),
        first="slack scopes",
        says=("channels:history is missing", "cannot be found again"),
        remedy=("the scope channels:history",),
    ),
    Wrong(
        "the scope channels:read lacks for a name",
        faults=("slack=lacks:channels:read",),
        first="slack channel",
        says=("may not look at #fub-zyno-support",),
        remedy=("slack.channel to the channel's id", "channels:read"),
    ),
    Wrong(
        "the name of the channel",
        {"slack.channel": "#no-such-channel"},
        first="slack channel",
        says=("no channel called #no-such-channel",),
        remedy=("slack.channel", "id"),
        unasked=("slack member",),
    ),
    Wrong(
        "the id of the channel",
        {"slack.channel": "C0000NOPE"},
        first="slack channel",
        says=("knows no such channel",),
        remedy=("slack.channel",),
        unasked=("slack member",),
    ),
    Wrong(
        "a channel that is archived",
        {"slack.channel": "C03ZYNOLD"},
        first="slack channel",
        says=("archived",),
        remedy=("unarchive it",),
        unasked=("slack member",),
    ),
    Wrong(
        "a channel that the bot is not in",
        {"slack.channel": "#general"},
        first="slack member",
        says=("the bot is not in #general",),
        remedy=("/invite @warroom in #general",),
    ),
    Wrong(
        "slack.webhook_url",
        {"slack.bot_token": None, "slack.webhook_url": "{url}/services/T024FUBZY/B07ZYNOHK/wrong"},
        first="slack webhook",
        says=("invalid_token",),
        remedy=("slack.webhook_url",),
    ),
    # ---- Jira
    Wrong(
        "jira.url where nobody listens",
        {"jira.url": CLOSED},
        first="jira reachable",
        says=("no connection",),
        remedy=("jira.url",),
        unasked=after("jira reachable", JIRA),
    ),
    Wrong(
        "jira.url where something else answers",
        {"jira.url": "{url}/wiki"},
        first="jira reachable",
        says=("knows nothing",),
        remedy=("check jira.url",),
        unasked=after("jira reachable", JIRA),
    ),
    *(
        Wrong(
            setting,
            {setting: value},
            first="jira login",
            says=(says,),
            remedy=(setting,),
            unasked=after("jira login", JIRA),
        )
        for setting, value, says in (
            ("jira.email", "other@example.com", "HTTP 401"),
            ("jira.email", "", "have to be set"),
            ("jira.token", "wrong", "HTTP 401"),
        )
    ),
    Wrong(
        "a CAPTCHA",
        faults=("jira=captcha",),
        first="jira login",
        says=("CAPTCHA",),
        remedy=("browser", "jira.email"),
        unasked=after("jira login", JIRA),
    ),
    Wrong(
        "jira.project",
        {"jira.project": "NOPE"},
        first="jira project",
        says=("NOPE is not there",),
        remedy=("jira.project",),
        unasked=after("jira project", JIRA),
    ),
    *(
        Wrong(
            f"the permission {name} lacks",
            faults=(f"jira=lacks:{key}",),
            first="jira permissions",
            says=(f"missing in ZYN: {name}",),
            remedy=(name, "jira.email"),
            unasked=after("jira permissions", JIRA),
        )
        for key, name in (
            ("BROWSE_PROJECTS", "Browse Projects"),
            ("CREATE_ISSUES", "Create Issues"),
            ("ADD_COMMENTS", "Add Comments"),
        )
    ),
    Wrong(
        "jira.issue_type",
        {"jira.issue_type": "Story"},
        first="jira issue type",
        says=("ZYN has no issue type Story", "Bug, Task and Incident"),
        remedy=("jira.issue_type",),
        unasked=after("jira issue type", JIRA),
    ),
    Wrong(
        "a field that Jira requires",
        faults=("jira_create=required:customfield_10042",),
        first="jira required fields",
        says=("Cause (customfield_10042)",),
        remedy=("optional for Bug", "jira.issue_type"),
    ),
    Wrong(
        "labels that are not on the create screen",
        faults=("jira_create=hidden:labels",),
        first="jira labels",
        says=("not on the create screen of Bug",),
        remedy=("put Labels on that screen",),
    ),
    # ---- services that take a question and never answer
    Wrong(
        "a Datadog that never answers",
        {"datadog.read_timeout_s": 0.4, "datadog.total_timeout_s": 0.5},
        faults=("validate=hang",),
        first="datadog reachable",
        says=("no byte from", "key validation"),
        remedy=("Check the network",),
        unasked=(*after("datadog reachable", DATADOG), "datadog clock", *ROUTES),
    ),
    Wrong(
        "a Slack that never answers",
        {"slack.timeout_s": 0.4},
        faults=("slack=hang",),
        first="slack reachable",
        says=("no answer within 0.4 s",),
        remedy=("slack-status.com", "slack.api_url"),
        unasked=after("slack reachable", SLACK),
    ),
    Wrong(
        "a Jira that never answers",
        {"jira.timeout_s": 0.4},
        faults=("jira=hang",),
        first="jira reachable",
        says=("no answer within 0.4 s",),
        remedy=("check the network",),
        unasked=after("jira reachable", JIRA),
    ),
    # ---- Redis, analytics, Zillow
    Wrong(
        "redis.url",
        {"redis.url": "redis://127.0.0.1:{closed}/0"},
        first="redis reachable",
        says=("no connection",),
        remedy=("redis.url",),
        unasked=after("redis reachable", REDIS),
    ),
    Wrong(
        "redis.password",
        {"redis.password": "wrong"},
        first="redis login",
        says=("login was refused",),
        remedy=("redis.password",),
        unasked=after("redis login", REDIS),
    ),
    Wrong(
        "analytics.url",
        {"analytics.url": "sqlite:///{folder}/absent.db"},
        first="analytics reachable",
        says=("the database file cannot be opened",),
        remedy=("analytics.url",),
    ),
    Wrong(
        "zillow.authorization_url where nothing is found",
        {"zillow.authorization_url": "{url}/oauth/nothing"},
        first="zillow authorisation",
        says=("404",),
        remedy=("zillow.authorization_url",),
    ),
    Wrong(
        "zillow.authorization_url where nobody listens",
        {"zillow.authorization_url": CLOSED},
        first="zillow authorisation",
        says=("no connection",),
        remedy=("another network",),
    ),
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    """One for all cases; each sets one thing wrong, and its faults end with it."""
    with start_sandbox("nov17_logs", rate_limits=LIMITS) as running:
        yield running


@pytest.fixture(scope="module")
def closed() -> Iterator[int]:
    """A port that nobody listens on, and nobody else is given."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def places(tmp_path: Path, sandbox: SandboxProcess, closed: int) -> dict[str, str]:
    """Files and folders by what is wrong with them, and addresses."""
    for name, mode in (("wide", 0o755), ("loose", 0o777), ("catalogue", 0o700)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    (tmp_path / "catalogue" / "schema.toml").write_text('[feature_flags]\nname = "no_such_table"\n')
    (tmp_path / "file").touch(0o600)
    (tmp_path / "open").write_text(str(sandbox.flags()["jira.token"]))
    (tmp_path / "open").chmod(0o644)
    found = {name: str(tmp_path / name) for name in ("wide", "loose", "catalogue", "open")}
    return found | {"folder": str(tmp_path), "url": sandbox.url, "closed": str(closed)}


def filled(text: object, places: Mapping[str, str]) -> object:
    return text.format(**places) if isinstance(text, str) else text


def examine(sandbox: SandboxProcess, flags: Mapping[str, object], places: Mapping[str, str]) -> list[DoctorLine]:
    given: dict[str, object] = {
        "state_dir": f"{places['folder']}/state",
        "zillow.authorization_url": f"{sandbox.url}/oauth/authorize",
        # A machine that is busy with other tests is not what is wrong.
        "redis.timeout_s": 20,
    }
    given = {**sandbox.flags(), **given, **{name: filled(value, places) for name, value in flags.items()}}
    settings = load_settings(flags=given, environ={}).settings
    catalogue = load_catalogue(settings.catalogue) if settings.catalogue else shipped_catalogue()
    with Diagnostics.open(settings, catalogue) as service:
        return list(service.doctor())


def name_of(line: DoctorLine) -> str:
    return f"{line.source} {line.subject}"


def test_where_nothing_is_wrong_nothing_fails_and_it_takes_three_seconds_at_most(
    sandbox: SandboxProcess, places: dict[str, str]
) -> None:
    took_s = []
    for _ in range(3):
        started = time.monotonic()
        lines = examine(sandbox, {}, places)
        took_s.append(time.monotonic() - started)
    assert [name_of(one) for one in lines if str(one.status) in BAD] == []
    assert not any("not asked" in one.detail for one in lines)
    assert {one.source for one in lines if str(one.status) == "pass"} >= {
        "settings", "state", "datadog", "common", "slack", "jira", "redis", "zillow", "routes"
    }  # fmt: skip
    assert min(took_s) <= 3.0, "the machine may have been busy with something else once"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_first_failing_line_is_the_cause_and_what_stands_on_it_is_not_asked(
    sandbox: SandboxProcess, places: dict[str, str], case: Wrong
) -> None:
    sandbox.set_faults(*case.faults) if case.faults else None
    try:
        lines = examine(sandbox, case.flags, places)
    finally:
        sandbox.clear_faults()
    bad = [one for one in lines if str(one.status) in BAD]
    assert [name_of(one) for one in bad] == [case.first, *case.besides]
    for words in case.says:
        assert str(filled(words, places)) in bad[0].detail
    for words in case.remedy:
        assert str(filled(words, places)) in bad[0].remedy
    unasked = {name_of(one): one.detail for one in lines if one.detail.startswith("not asked: ")}
    assert set(unasked) - set(case.besides) == set(case.unasked)
    causes = {detail.removeprefix("not asked: ") for name, detail in unasked.items() if name not in case.besides}
    assert causes <= {case.first, *case.besides}
    assert not causes or case.first in causes
