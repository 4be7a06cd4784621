"""Settings with which the console speaks to a sandbox, made of what it says when it is ready."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from sandbox.stories.story import ANALYTICS_TABLES, STATE, Secrets


def console_flags(
    ready: Mapping[str, Any], secrets: Secrets, slack: Literal["bot", "webhook", "none"] = "bot"
) -> dict[str, object]:
    """Settings overrides by dotted name, secrets among them. `ready` is the line with which a sandbox announces itself.

    `slack` is how the console writes there: as the bot, through the incoming webhook, or not at all.
    """
    common_url = str(ready["common_url"])
    flags: dict[str, object] = {
        "environment": f"SANDBOX {ready['scenario']}",
        # What the console remembers of a stand-in must never mix with what it knows of the real world.
        "state_dir": Path(ready["directory"]) / STATE,
        "datadog.api_url": ready["url"],
        "datadog.api_key": secrets.api_key,
        "datadog.app_key": secrets.app_key,
        "databases.common_url": common_url,
        "databases.client_url": ready["client_url"],
        # How a team's own servers are reached, by its file or the environment, is not how the stand-ins are.
        "databases.tls": "off",
        "databases.common_tls": "off",
        "databases.client_tls": "off",
        "network.proxy": "off",
    }
    is_server = not common_url.startswith("sqlite")
    # The stand-ins have a writer: what is practised here is written to them and to nothing else.
    writer = (urlsplit(common_url).username or "").replace("_console", "_writer") if is_server else "writer"
    flags |= {"writes.repairs": True, "writes.recovery": True}
    flags |= {"databases.writer": f"{writer}:{secrets.database_password}"}
    if is_server:
        flags["databases.password"] = secrets.database_password
    if (analytics_url := ready.get("analytics_url")) is not None:
        flags |= {"analytics.url": analytics_url, "analytics.tls": "off"}
        flags |= {f"analytics.{name}": table for name, table in ANALYTICS_TABLES.items()}
        if is_server:
            flags["analytics.password"] = secrets.database_password
    if ready.get("redis_url"):
        flags |= {"redis.url": ready["redis_url"], "redis.tls": "off"}
        flags["redis.password"] = secrets.database_password
    flags |= {"jira.url": ready["url"], "jira.email": ready["jira_email"], "jira.token": secrets.jira_token}
    if slack == "bot":
        flags |= {"slack.api_url": f"{ready['url']}/api", "slack.bot_token": secrets.slack_token}
    elif slack == "webhook":
        flags["slack.webhook_url"] = webhook_url(ready, secrets)
    return flags


def webhook_url(ready: Mapping[str, Any], secrets: Secrets) -> str:
    """Address of Slack's incoming webhook: a secret."""
    return f"{ready['url']}{ready['webhook_path']}{secrets.slack_webhook}"
