"""Settings as types: what can be set, in which unit, and what is accepted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from diagnostics.config.paths import THEMES
from diagnostics.config.tls import OFF, TlsSetting
from diagnostics.core.masking import mask_url
from diagnostics.models.evidence import Frozen


def _number(value: object) -> object:
    """Refuse `true` where a number belongs: Python would take it for 1."""
    if isinstance(value, bool):
        raise ValueError("a number")  # pydantic turns a ValueError into a validation error
    return value


Whole = Annotated[int, BeforeValidator(_number)]
Seconds = Annotated[float, BeforeValidator(_number), Field(gt=0, le=86_400, allow_inf_nan=False)]

CLIENT_URL_SLOTS = ("db_host", "db_database", "db_user", "account_id")
"""Names in braces in `databases.client_url`; filled from `common.accounts`."""


def _checked(pattern: str, accepted: str) -> Callable[[str], str]:
    """A check of text that has to match as a whole; the error says what is accepted."""
    expression = re.compile(pattern)

    def check(value: str) -> str:
        if not expression.fullmatch(value):
            raise ValueError(accepted)
        return value

    return check


def _matching(pattern: str, accepted: str) -> AfterValidator:
    return AfterValidator(_checked(pattern, accepted))


def _web_address(example: str) -> AfterValidator:
    """An address of the web, without its last slash."""
    accepted = f"an address such as {example}, without user name or query"
    check = _checked(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?", accepted)
    return AfterValidator(lambda value: check(value).rstrip("/"))


DatabaseAddress = Annotated[
    str,
    _matching(
        r"(?:mysql|mariadb)(?:\+pymysql)?://\S+|sqlite(?:\+pysqlite)?:///.*",
        "mysql+pymysql://user@host/database or sqlite:///path",
    ),
]
AnyDatabaseAddress = Annotated[
    str,
    _matching(r"[a-z][a-z0-9_]*(?:\+[a-z0-9_]+)?://\S*", "an SQLAlchemy URL such as databricks://host/?http_path=…"),
]
RedisAddress = Annotated[str, _matching(r"rediss?://\S+|unix://\S+", "redis://host:6379/0, rediss://… or unix:///path")]
TableName = Annotated[
    str,
    _matching(
        r"[A-Za-z0-9_$-]+(?:\.[A-Za-z0-9_$-]+){0,2}",
        "a table name of up to three parts, such as fub.agents_silver.zillow_agents",
    ),
]
SlackIds = Annotated[
    str,
    _matching(
        r"|[UWS][A-Z0-9]{2,20}(?:,[UWS][A-Z0-9]{2,20})*",
        "Slack ids such as U012AB3CD or S0614TZR7, separated by commas",
    ),
]
DATADOG_SITES = {
    "datadoghq.com": "app.datadoghq.com",
    "us3.datadoghq.com": "us3.datadoghq.com",
    "us5.datadoghq.com": "us5.datadoghq.com",
    "datadoghq.eu": "app.datadoghq.eu",
    "ap1.datadoghq.com": "ap1.datadoghq.com",
    "ap2.datadoghq.com": "ap2.datadoghq.com",
    "ddog-gov.com": "app.ddog-gov.com",
}
"""Site to the host of its web app. Source: https://docs.datadoghq.com/getting_started/site/."""


def datadog_site(host: str) -> str | None:
    """The Datadog site that a host belongs to; None for a host that is none of theirs."""
    ends = [site for site in DATADOG_SITES if host == site or host.endswith(f".{site}")]
    return max(ends, key=len, default=None)


def _no_web_address(value: str) -> str:
    host = urlsplit(value).hostname or ""
    site = datadog_site(host)
    if site is not None and host != f"api.{site}":
        raise ValueError(f"https://api.{site}: {host} is for people, and programs are answered at that address")
    return value


DatadogAddress = Annotated[str, _web_address("https://api.datadoghq.com")]
DatadogApiAddress = Annotated[str, _web_address("https://api.datadoghq.com"), AfterValidator(_no_web_address)]
AuthorizationUrl = Annotated[
    str,
    _matching(
        r"|(?=[!-~]+\Z)(?:https://[^/?#@:]+|http://(?:localhost|127\.0\.0\.1|\[::1\]))(?::\d{1,5})?(?:[/?][^#]*)?",
        "an address with https:// and without user name, such as https://api.example/oauth/authorize; http:// only on "
        "this machine; or nothing",
    ),
]


class Section(Frozen):
    """Base of all settings. Its `repr` masks passwords in addresses, and its errors never show what was given."""

    model_config = ConfigDict(hide_input_in_errors=True)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, mask_url(value) if isinstance(value, str) else value


class DatadogSettings(Section):
    """How to reach Datadog. Times in seconds."""

    api_url: DatadogApiAddress = "https://api.datadoghq.com"
    web_url: DatadogAddress = "https://fub.datadoghq.com"
    """Address of the web app, for links."""
    api_key: SecretStr | None = None
    app_key: SecretStr | None = None
    connect_timeout_s: Seconds = 3.0
    read_timeout_s: Seconds = 10.0
    total_timeout_s: Seconds = 15.0
    """For one question with all its attempts."""
    flex_tier: Annotated[str, _matching("yes|no|unknown", "yes, no or unknown")] = "unknown"
    """Whether logs are kept in a flex tier too; counts where the index configuration cannot be read."""

    @model_validator(mode="before")
    @classmethod
    def _web_follows_the_site(cls, given: Any) -> Any:  # noqa: ANN401  # whatever is to be validated
        """Links lead to the site that is asked, unless an address of their own is set."""
        if isinstance(given, dict) and not given.get("web_url") and isinstance(given.get("api_url"), str):
            site = datadog_site(urlsplit(given["api_url"]).hostname or "")
            if site is not None and site != "datadoghq.com":
                return given | {"web_url": f"https://{DATADOG_SITES[site]}"}
        return given


ProxyAddress = Annotated[
    str,
    _matching(
        r"off|http://[^\s/?#@]+/?",
        "http://proxy.example:3128, without user name (network.proxy_login holds that), or off",
    ),
]


class NetworkSettings(Section):
    """How requests leave for Datadog, Slack, Jira and Zillow. Databases and Redis have ways of their own."""

    proxy: ProxyAddress | None = None
    """None is what the environment says (HTTPS_PROXY, then ALL_PROXY); "off" is none whatever it says."""
    proxy_login: SecretStr | None = None
    """USER:PASSWORD."""
    no_proxy: str = ""
    """Hosts that are reached directly, separated by commas."""
    proxy_loopback: bool = False
    """Whether addresses of this machine go through the proxy too."""
    ca: Path | None = None
    """PEM file, or folder, of authorities that are trusted besides the system's."""
    proxy_named: str = "network.proxy"
    """What named the proxy: the setting, or a variable; not itself a setting."""
    proxy_problem: str = ""
    """Why the proxy of the environment cannot be used; not itself a setting."""


class DatabaseSettings(Section):
    """How to reach the databases. Times in seconds."""

    common_url: DatabaseAddress | None = None
    """SQLAlchemy URL of the shared database."""
    client_url: DatabaseAddress | None = None
    """The same for one account's database, with the slots of `CLIENT_URL_SLOTS` in braces."""
    login: SecretStr | None = None
    """User name and password in one, in place of both; for databases that give them out together."""
    password: SecretStr | None = None
    """Used for every URL that holds none."""
    connect_timeout_s: Seconds = 3.0
    read_timeout_s: Seconds = 8.0
    statement_timeout_s: Seconds = 5.0
    """Enforced by the server."""
    writer: SecretStr | None = None
    """User name and password in one, of the login that repairs are written with; never used for reading."""
    client_pool: Annotated[Whole, Field(ge=1, le=256)] = 16
    """Client databases kept connected at most."""
    tls: TlsSetting = OFF
    """Of every database that has none of its own below."""
    common_tls: TlsSetting | None = None
    client_tls: TlsSetting | None = None

    @field_validator("client_url")
    @classmethod
    def _slots(cls, value: str | None) -> str | None:
        for slot in re.findall(r"\{([^{}]*)\}", value or ""):
            if slot not in CLIENT_URL_SLOTS:
                raise ValueError("the slots " + ", ".join(f"{{{name}}}" for name in CLIENT_URL_SLOTS))
        return value


class FleetSettings(Section):
    """Questions over all client databases at once. Times in seconds."""

    per_host: Annotated[Whole, Field(ge=1, le=64)] = 8
    """Connections to one database host at most."""
    batch: Annotated[Whole, Field(ge=1, le=500)] = 100
    """Client databases asked in one round trip, where they share host and login."""
    deadline_s: Seconds = 45.0
    """After which the answer is given with the coverage reached by then."""
    refresh_s: Seconds = 600.0
    """How long a system-wide answer is shown before it is asked again."""


class AnalyticsSettings(Section):
    """The team's analytics engine, for system-wide questions. Any SQLAlchemy URL; its driver is installed apart."""

    url: AnyDatabaseAddress | None = None
    password: SecretStr | None = None
    """Put into the URL where it names none; Databricks calls it a token."""
    zillow_agents: TableName = "fub.agents_silver.zillow_agents"
    zillow_auth: TableName = "fub.agents_silver.zillow_auth"
    zillow_sync_users: TableName = "fub.agents_silver.zillow_sync_users"
    deals: TableName | None = None
    """Names of its tables; None where it has none."""
    behind_after_s: Seconds = 7_200.0
    """Its newest row being older than this, the answer says how far the engine is behind."""
    timeout_s: Seconds = 60.0
    tls: TlsSetting | None = None
    """None is `databases.tls` for a MySQL or MariaDB, and left to the driver of any other engine."""


class RedisSettings(Section):
    """Where the sync workers keep their mutexes. Optional, and only read, but by a recovery that a person confirmed."""

    url: RedisAddress | None = None
    password: SecretStr | None = None
    timeout_s: Seconds = 2.0
    tls: TlsSetting | None = None
    """None is what the address says: rediss:// verifies the server's identity, redis:// does not encrypt."""
    recovery_queue: str = ""
    """The queue that a recovery feeds, for its workers alone; without one nothing is fed."""
    recovery_job: str = ""
    """A job as Resque writes it, with {event} for the id: {"class":"ZillowWebhookJob","args":[{"eventId":{event}}]}."""


class StateSettings(Section):
    """Where the console keeps what it knows: a file of its own, or a database that several responders share."""

    url: DatabaseAddress | None = None
    """SQLAlchemy URL; None is a SQLite file in `state_dir`."""
    password: SecretStr | None = None
    tls: TlsSetting = OFF
    team_secret: SecretStr | None = None
    """Signs what is confirmed to be sent, the same on every console of the team; None signs nothing on a shared one."""


class SlackSettings(Section):
    """How notices reach the team: with a bot's token, which can look for its own messages, or an incoming webhook."""

    api_url: Annotated[str, _web_address("https://slack.com/api")] = "https://slack.com/api"
    bot_token: SecretStr | None = None
    """Scopes chat:write, and channels:history so that a message can be found again after an attempt without answer."""
    webhook_url: SecretStr | None = None
    """Used where there is no token. Its address is a secret: who knows it can write."""
    channel: str | None = None
    """Name or id of the channel; None is the catalogue's contact."""
    mention: SlackIds = ""
    """Slack user or group ids that first notices of critical and incident call, separated by commas."""
    timeout_s: Seconds = 10.0


class JiraSettings(Section):
    """Where incidents are tracked besides Datadog. Optional."""

    url: Annotated[str, _web_address("https://example.atlassian.net")] | None = None
    """e.g. https://example.atlassian.net; None leaves Jira out."""
    email: str = ""
    token: SecretStr | None = None
    project: str | None = None
    """Key of the project; None is the catalogue's contact."""
    issue_type: str = "Bug"
    timeout_s: Seconds = 10.0


class ZillowSettings(Section):
    """What the console may ask of Zillow itself: whether its authorisation address answers."""

    authorization_url: AuthorizationUrl = ""
    """Asked without credentials, at most once a minute; empty is never."""
    timeout_s: Seconds = 5.0


class EscalationSettings(Section):
    """The incident, the people, the clock."""

    person: str | None = None
    """Who sits at this console; None is the name of the login."""
    datadog_incidents: bool = True
    """Open Datadog incidents; needs incident_write for the application key."""
    figures_good_s: Seconds = 180.0
    """After which a figure in a message is old, and has to be refreshed or accepted before it is sent."""
    follow_s: Seconds = 1.0
    """How often the journal is looked at for what other consoles wrote."""


class WriteSettings(Section):
    """Permissions to change the outside world, each used only after a person has seen and typed the change."""

    monitors: bool = False
    """Creating Datadog monitors."""
    notices: bool = True
    """Sending messages to Slack, where it is configured."""
    tracking: bool = True
    """Opening and updating Datadog incidents and Jira issues, where they are configured."""
    repairs: bool = False
    """Writing repairs to the databases, with `databases.writer`."""
    recovery: bool = False
    """Having waiting events delivered again, with `databases.writer`."""


class UiSettings(Section):
    """How the console looks and which keys it listens to."""

    theme: str | None = None
    """One of `THEMES`; None lets the console choose by the terminal."""
    ascii: bool = False
    mouse: bool = False
    """Mouse reporting costs bytes and takes the terminal's own selection away."""
    keymap: dict[str, str] = Field(default_factory=dict)
    """Action name to key, or to several keys separated by commas."""

    @field_validator("theme")
    @classmethod
    def _known_theme(cls, value: str | None) -> str | None:
        if value is not None and value not in THEMES:
            raise ValueError(", ".join(THEMES))
        return value


class RefreshSettings(Section):
    """How often live questions are asked again while someone looks, in seconds."""

    logs_s: Seconds = 5.0
    pulse_s: Seconds = 15.0
    checks_s: Seconds = 30.0
    baseline_s: Seconds = 600.0
    window_s: Annotated[Whole, Field(ge=60, le=1_296_000)] = 900
    """Time window of counts and logs at start; Datadog keeps fifteen days."""


class Settings(Section):
    """Everything that can be set."""

    environment: Annotated[str, Field(min_length=1, max_length=24)] = "PROD"
    """Shown in the header, so that nobody mistakes one environment for another."""
    config_path: Path | None = None
    """The file that was read; not itself a setting."""
    catalogue: Path | None = None
    """Folder of the team's catalogue overrides."""
    state_dir: Path
    datadog: DatadogSettings = DatadogSettings()
    network: NetworkSettings = NetworkSettings()
    databases: DatabaseSettings = DatabaseSettings()
    ui: UiSettings = UiSettings()
    refresh: RefreshSettings = RefreshSettings()
    fleet: FleetSettings = FleetSettings()
    analytics: AnalyticsSettings = AnalyticsSettings()
    redis: RedisSettings = RedisSettings()
    state: StateSettings = StateSettings()
    slack: SlackSettings = SlackSettings()
    jira: JiraSettings = JiraSettings()
    zillow: ZillowSettings = ZillowSettings()
    escalation: EscalationSettings = EscalationSettings()
    writes: WriteSettings = WriteSettings()


SECRETS = (
    "datadog.api_key",
    "datadog.app_key",
    "network.proxy_login",
    "databases.login",
    "databases.password",
    "databases.writer",
    "analytics.password",
    "redis.password",
    "state.password",
    "state.team_secret",
    "slack.bot_token",
    "slack.webhook_url",
    "jira.token",
)
"""Settings that may also be given as NAME_file or NAME_command."""

NOT_SETTABLE = ("config_path", "network.proxy_named", "network.proxy_problem")
"""Fields of `Settings` that say something about the settings and cannot be set."""


def setting_names() -> tuple[str, ...]:
    """Dotted name of every setting in order; a secret stands once, under its plain name."""
    return tuple(_names(Settings, ""))


def _names(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if f"{prefix}{name}" in NOT_SETTABLE:
            continue
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from _names(field.annotation, f"{name}.")
        else:
            yield f"{prefix}{name}"
