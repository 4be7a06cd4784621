"""The tables of the two kinds of database, with the keys and indexes that production would have.

Names follow the domain description; where sources disagree (`deal_agents.user_id` against `deals_agents.agent_id`) the
first name is used, and the console's schema map can be pointed at the other.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

COMMON = MetaData()
CLIENT = MetaData()
MARK = MetaData()

# SQLite's row id is only used for INTEGER keys; the servers get the 64 bits of production.
_ID = BigInteger().with_variant(Integer(), "sqlite")


def _id() -> Column[int]:
    return Column("id", _ID, primary_key=True, autoincrement=True)


def _reference(name: str, *, nullable: bool = False, indexed: bool = False) -> Column[int]:
    return Column(name, _ID, nullable=nullable, index=indexed)


def _moment(name: str, *, nullable: bool = True, indexed: bool = False) -> Column[object]:
    return Column(name, DateTime(), nullable=nullable, index=indexed)


ACCOUNTS = Table(
    "accounts",
    COMMON,
    _id(),
    Column("name", String(191), nullable=False),
    Column("status", String(191), nullable=False, index=True),
    Column("db_host", String(191), nullable=False),
    Column("db_database", String(191), nullable=False),
    Column("db_user", String(191), nullable=False),
    Column("user_count", Integer, nullable=False),
)

ZILLOW_AUTH = Table(
    "zillow_auth",
    COMMON,
    _id(),
    _reference("account_id"),
    _reference("user_id"),
    Column("zuid", String(64), index=True),
    Column("encrypted_refresh_token", Text),
    _moment("expires_at", indexed=True),
    _reference("zillow_sync_user_id", nullable=True, indexed=True),
    _moment("created_at", nullable=False),
    _moment("updated_at", nullable=False),
    UniqueConstraint("account_id", "user_id", name="zillow_auth_account_user"),
)

ZILLOW_SYNC_USERS = Table(
    "zillow_sync_users",
    COMMON,
    _id(),
    _reference("account_id"),
    _reference("user_id"),
    Column("zuid", String(64), index=True),
    Column("zillow_email", String(191)),
    Column("zillow_integration_id", String(64)),
    Column("zillow_integration_enabled", Boolean, nullable=False),
    Column("connection_health_status", String(191), index=True),
    _moment("problem_at", indexed=True),
    Column("problem_msg", Text),
    Column("lead_count", Integer, nullable=False),
    _moment("last_agent_sync_at"),
    _moment("last_verified_at"),
    _moment("created_at", nullable=False),
    Index("zillow_sync_users_account_user", "account_id", "user_id"),
)

ZILLOW_CONNECTION_LOGS = Table(
    "zillow_connection_logs",
    COMMON,
    _id(),
    _reference("account_id"),
    _reference("user_id"),
    Column("old_resolution", SmallInteger),
    Column("new_resolution", SmallInteger),
    Column("change_reason", Text),
    _moment("created_at", nullable=False, indexed=True),
    Index("zillow_connection_logs_account_created", "account_id", "created_at"),
)

ZILLOW_LEAD_EVENTS_LOG = Table(
    "zillow_lead_events_log",
    COMMON,
    _id(),
    _reference("sync_user_id", indexed=True),
    Column("event_type", String(191), nullable=False),
    Column("sync_status", String(191), nullable=False),
    Column("error_message", Text),
    _moment("created_at", nullable=False, indexed=True),
)

OAUTH_APPLICATIONS = Table(
    "oauth_applications",
    COMMON,
    _id(),
    Column("name", String(191), nullable=False),
    Column("client_id", String(191), nullable=False, unique=True),
    Column("redirect_uri", Text),
    Column("scopes", Text),
    Column("is_active", Boolean, nullable=False),
)

ZILLOW_WEBHOOK_EVENTS = Table(
    "zillow_webhook_events",
    COMMON,
    _id(),
    _reference("account_id"),
    Column("event_type", String(191), nullable=False),
    Column("status", String(32), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("http_status", Integer),
    Column("last_error", Text),
    _moment("received_at", nullable=False, indexed=True),
    _moment("next_attempt_at"),
    _moment("processed_at", indexed=True),
    Index("zillow_webhook_events_status_received", "status", "received_at"),
    Index("zillow_webhook_events_account_status", "account_id", "status"),
    Index("zillow_webhook_events_status_next", "status", "next_attempt_at"),
)

FEATURE_FLAGS = Table(
    "feature_flags",
    COMMON,
    _id(),
    _reference("account_id", nullable=True, indexed=True),
    Column("flag_name", String(191), nullable=False, index=True),
    Column("enabled", Boolean, nullable=False),
)

USERS = Table(
    "users",
    CLIENT,
    _id(),
    _reference("account_id"),
    Column("name", String(191), nullable=False),
    Column("email", String(191), index=True),
    Column("status", String(191), nullable=False),
    Column("zillow_profile_id", String(64)),
)

ZILLOW_AGENTS = Table(
    "zillow_agents",
    CLIENT,
    _id(),
    _reference("account_id"),
    _reference("user_id", nullable=True, indexed=True),
    Column("encrypted_zuid", String(191)),
    Column("name", String(191)),
    Column("email", String(191)),
    Column("resolution_method", SmallInteger, nullable=False, index=True),
    _moment("created_at", nullable=False),
    _moment("updated_at", nullable=False, indexed=True),
)

ZILLOW_TEAMS = Table(
    "zillow_teams", CLIENT, _id(), Column("zillow_team_id", String(64), index=True), Column("name", String(191))
)

ZILLOW_AGENT_TEAMS = Table(
    "zillow_agent_teams",
    CLIENT,
    Column("agent_id", _ID, primary_key=True, autoincrement=False),
    Column("team_id", _ID, primary_key=True, autoincrement=False, index=True),
)

ZILLOW_SYNC_AGENTS = Table(
    "zillow_sync_agents", CLIENT, _id(), _reference("account_id"), _reference("user_id", indexed=True)
)

ZILLOW_SYNC_TEAMS = Table("zillow_sync_teams", CLIENT, _id(), Column("zillow_team_id", String(64), index=True))

DEALS = Table(
    "deals",
    CLIENT,
    _id(),
    _reference("account_id"),
    Column("name", String(191), nullable=False),
    Column("stage", String(191), nullable=False),
    _reference("property_id", nullable=True),
    Column("zillow_transaction_id", String(64), index=True),
    _moment("synced_at", indexed=True),
    _moment("created_at", nullable=False, indexed=True),
    _moment("updated_at", nullable=False),
)

DEAL_AGENTS = Table(
    "deal_agents",
    CLIENT,
    Column("deal_id", _ID, primary_key=True, autoincrement=False),
    Column("user_id", _ID, primary_key=True, autoincrement=False, index=True),
)

DEALS_CONTACTS = Table(
    "deals_contacts",
    CLIENT,
    Column("deal_id", _ID, primary_key=True, autoincrement=False),
    Column("contact_id", _ID, primary_key=True, autoincrement=False, index=True),
)

DATA_SYNC_SYSTEMS = Table(
    "data_sync_systems",
    CLIENT,
    _id(),
    _reference("account_id", indexed=True),
    Column("system", String(191), nullable=False),
    Column("is_active", Boolean, nullable=False),
)

STORY_MARK = Table(
    "sandbox_story",
    MARK,
    Column("scenario", String(64), primary_key=True),
    Column("seed", BigInteger, nullable=False),
    Column("anchor", BigInteger, nullable=False),
    Column("hostile", Boolean, nullable=False),
)
"""In `common` beside the real tables. Its row is written last: without it the databases are not completely filled;
without the table they are not the sandbox's to drop."""
