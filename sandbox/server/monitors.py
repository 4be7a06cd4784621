"""`/api/v1/monitor`: the team's monitors, whose states follow the story, and those that were created meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.server.conventions import Rejected, invalid, iso
from sandbox.stories.clock import now_ms, now_s
from sandbox.stories.story import Story


@dataclass(slots=True, frozen=True)
class MonitorStory:
    """One monitor: its state and how long into the incident it changed, by scenario."""

    id: int
    name: str
    query: str
    text: str
    states: Mapping[str, tuple[str, int]]
    tags: tuple[str, ...] = ()

    def wire(self, story: Story) -> dict[str, Any]:
        """The monitor in the service's shape."""
        state, after_s = self.states.get(story.name, ("OK", 0))
        changed = story.incident_start + after_s if state != "OK" else story.anchor - 5 * 86_400
        modified = min(changed, int(now_s()))
        return {
            "id": self.id,
            "org_id": 320_114,
            "name": self.name,
            "type": "log alert",
            "query": self.query,
            "message": f"{self.text} Notify @slack-fub-zyno-support",
            "tags": ["team:zyno", "env:production", *self.tags],
            "options": {"notify_audit": False, "include_tags": True, "thresholds": {"critical": 100.0}},
            "multi": False,
            "priority": 1 if state == "Alert" else 3,
            "overall_state": state,
            "overall_state_modified": iso(modified * 1000),
            "created": "2024-03-04T15:10:00.000000+00:00",
            "modified": "2025-09-30T09:41:12.000000+00:00",
            "deleted": None,
            "creator": {
                "name": "Zynaptic Overlords",
                "handle": "zyno@followupboss.com",
                "email": "zyno@followupboss.com",
            },
        }


def _condition(query: str, window: str, limit: int) -> str:
    return f'logs("{query}").index("*").rollup("count").last("{window}") > {limit}'


_ALERT_SOON, _WARN_LATER = ("Alert", 240), ("Warn", 600)

MONITORS = (
    MonitorStory(
        41_100_201,
        "Zillow API rate limiting (HTTP 429)",
        _condition("service:fub @context.error_message:*429* @context.service:zillow", "5m", 100),
        "Zillow answers 429.",
        {"nov17": _ALERT_SOON},
        ("issue:rate_limiting",),
    ),
    MonitorStory(
        41_100_202,
        "Zillow webhook backlog",
        _condition("service:fub-worker @class:ZillowSyncWorker status:error", "15m", 100),
        "Webhook events are not delivered.",
        {"nov17": ("Alert", 420)},
        ("issue:rate_limiting",),
    ),
    MonitorStory(
        41_100_203,
        "Zillow OAuth token refresh failures",
        _condition("service:fub @context.method:*oauth* status:error", "15m", 100),
        "Token refreshes fail.",
        {"nov17": _ALERT_SOON, "oauth_cascade": ("Alert", 600)},
        ("issue:oauth_failure",),
    ),
    MonitorStory(
        41_100_204,
        "Zillow connection health",
        _condition("service:fub @context.connection_health_status:error", "15m", 25),
        "Connections fail their health check.",
        {"nov17": _WARN_LATER, "oauth_cascade": ("Alert", 900)},
        ("issue:connection_health",),
    ),
    MonitorStory(
        41_100_205,
        "Zillow transaction sync failures",
        _condition("@message:*zillow_transaction* @event:transaction_sync_failed", "1h", 25),
        "Deals do not reach Premier Agent.",
        {"oauth_cascade": _WARN_LATER},
        ("issue:transaction_sync",),
    ),
    MonitorStory(
        41_100_206,
        "Zillow agent resolution drift",
        _condition("@correlation_id:zillow-agent-resolution @resolution_method:UNMATCHED", "1h", 400),
        "Resolution shares leave the baseline.",
        {},
        ("issue:agent_resolution",),
    ),
)


_KINDS = ("log alert", "query alert", "metric alert")
_FIRST_CREATED = 52_000_001


@dataclass(slots=True)
class Created:
    """Monitors created through the API; they live as long as the process."""

    monitors: list[dict[str, Any]] = field(default_factory=list)

    def add(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create one and return it as the service does; raises `Rejected` (400) as the service does."""
        name, kind, condition = body.get("name"), body.get("type"), body.get("query")
        if kind not in _KINDS:
            raise Rejected(400, f"Invalid monitor type: {kind}")
        if not isinstance(name, str) or not name or not isinstance(condition, str) or not condition:
            raise Rejected(400, "The value provided for parameter 'name' or 'query' is invalid")
        options = body.get("options") or {}
        critical = (options.get("thresholds") or {}).get("critical")
        limit = condition.replace(">", "<").rpartition("<")[2].strip()
        if critical is None or not _is_number(limit) or float(limit) != float(critical):
            # The service's words: the number in the query and the critical threshold must be the same.
            raise Rejected(400, "Alert threshold does not match that used in the query")
        now = iso(now_ms())
        made = {
            "id": _FIRST_CREATED + len(self.monitors),
            "org_id": 320_114,
            "name": name,
            "type": kind,
            "query": condition,
            "message": str(body.get("message") or ""),
            "tags": [str(tag) for tag in body.get("tags") or []],
            "options": options,
            "multi": False,
            "priority": None,
            "overall_state": "No Data",
            "overall_state_modified": now,
            "created": now,
            "modified": now,
            "deleted": None,
        }
        self.monitors.append(made)
        return made


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def listing(story: Story, given: Mapping[str, str], created: Created | None = None) -> list[dict[str, Any]]:
    """Return the monitors that carry every tag asked for, paged as the service pages; raises `Rejected` (400)."""
    wanted = {tag.strip() for tag in given.get("monitor_tags", "").split(",") if tag.strip()}
    name = given.get("name", "").lower()
    found = [monitor.wire(story) for monitor in MONITORS] + (created.monitors if created else [])
    found = [monitor for monitor in found if wanted <= set(monitor["tags"]) and name in monitor["name"].lower()]
    size, page = given.get("page_size", "100"), given.get("page", "0")
    if not size.isdigit() or not page.isdigit() or not int(size):
        raise invalid("page_size", "expected a positive number")
    return found[int(page) * int(size) :][: int(size)]
