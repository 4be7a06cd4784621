"""Slack's stand-in: the Web API's methods that the console uses, and one incoming webhook, in their own shapes.

What Slack refuses it answers with status 200 and `{"ok": false, "error": NAME}`, except for the rate limit (429) and
for webhooks, which answer with a status and one word of text.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson

from sandbox.server.limits import Limit
from sandbox.server.recorder import Recorder, SlowIndex
from sandbox.stories.clock import now_s

TEAM = "T024FUBZY"
TEAM_URL = "https://fub.slack.com/"
WEBHOOK_SERVICE = "B07ZYNOHK"
_BOT_ID, _BOT_USER, _APP = "B07WARROM", "U07WARROM", "A07WARROM"
_LONGEST_TEXT, _LONGEST_SECTION, _LONGEST_BLOCKS, _MOST_BLOCKS = 40_000, 3_000, 13_200, 50
_MOST_MESSAGES = 999

WEBHOOK_STATUSES = {
    "no_service": 404,
    "no_team": 404,
    "channel_not_found": 404,
    "channel_is_archived": 410,
    "action_prohibited": 403,
    "invalid_token": 403,
    "posting_to_general_channel_denied": 403,
    "invalid_payload": 400,
    "no_text": 400,
    "too_many_attachments": 400,
    "rollup_error": 500,
}
"""Words of a webhook that refuses, and the status of each."""


class SlackRefused(Exception):  # noqa: N818  # Slack refuses; nothing is broken here
    """A Web API method that answers `ok: false`."""

    def __init__(self, error: str, **more: str) -> None:
        self.content = {"ok": False, "error": error, **more}
        super().__init__(error)


class SlackLimited(Exception):  # noqa: N818  # an answer, told by name
    """Too many messages to one channel: 429 with Retry-After in whole seconds."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"{seconds} s")


class WebhookRefused(Exception):  # noqa: N818  # as above
    """A webhook that answers with one word."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.status = WEBHOOK_STATUSES.get(word, 400)
        super().__init__(word)


@dataclass(slots=True)
class SlackChannel:
    """One channel and its messages, oldest first."""

    id: str
    name: str
    is_member: bool = True
    is_archived: bool = False
    messages: list[dict[str, Any]] = field(default_factory=list)

    def wire(self) -> dict[str, Any]:
        """The channel in the service's shape, cut down to what describes it."""
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": True,
            "is_group": False,
            "is_im": False,
            "is_private": False,
            "is_archived": self.is_archived,
            "is_general": self.name == "general",
            "is_member": self.is_member,
            "created": 1_709_565_000,
            "creator": "U024CLNOL",
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            "num_members": 42,
        }


def _channels() -> list[SlackChannel]:
    return [
        SlackChannel("C024GENRL", "general", is_member=False),
        SlackChannel("C05ZYNSUP", "fub-zyno-support"),
        SlackChannel("C05ZYNINC", "fub-zyno-incidents"),
        SlackChannel("C03ZYNOLD", "fub-zyno-2023", is_archived=True),
    ]


SCOPES = ("chat:write", "channels:history", "channels:read", "groups:history", "groups:read")
"""Scopes of the bot's token."""


@dataclass(slots=True)
class SlackStandIn:
    """One workspace. Its methods answer what a successful request is answered with, or raise the refusal."""

    token: str
    webhook_secret: str
    recorder: Recorder
    per_channel: tuple[int, int] = (10, 10)
    """Messages and seconds that one channel takes."""
    channels: list[SlackChannel] = field(default_factory=_channels)
    index: SlowIndex = field(default_factory=SlowIndex)
    _limits: dict[str, Limit] = field(default_factory=dict)
    _last_ts: int = 0

    def check(self, authorization: str) -> None:
        """Raise `SlackRefused` unless the token is ours."""
        if not authorization:
            raise SlackRefused("not_authed")
        if not hmac.compare_digest(authorization.encode(), f"Bearer {self.token}".encode()):
            raise SlackRefused("invalid_auth")

    def post(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """`chat.postMessage`: by channel id or name; metadata is kept."""
        channel = self._channel(given.get("channel"), by_name=True)
        if channel.is_archived:
            raise SlackRefused("is_archived")
        if not channel.is_member:
            raise SlackRefused("not_in_channel")
        text, blocks, metadata = given.get("text"), given.get("blocks"), given.get("metadata")
        if not (isinstance(text, str) and text) and not blocks:
            raise SlackRefused("no_text")
        if wrong := _too_long(text, blocks):
            raise SlackRefused(wrong)
        if metadata is not None and not _is_metadata(metadata):
            raise SlackRefused("invalid_metadata_schema")
        self._take(channel)
        message = self._message(given, via="bot")
        if metadata is not None:
            message["metadata"] = metadata
        self._store(channel, message, "bot")
        return {"ok": True, "channel": channel.id, "ts": message["ts"], "message": message}

    def history(self, given: Mapping[str, Any], lag: int) -> dict[str, Any]:
        """`conversations.history`: newest first, by channel id only; metadata only where it is asked for."""
        channel = self._channel(given.get("channel"), by_name=False)
        if not channel.is_member:
            raise SlackRefused("not_in_channel")
        oldest, latest = _ts(given.get("oldest"), 0.0), _ts(given.get("latest"), float("inf"))
        inclusive = _is_true(given.get("inclusive"))
        found = [
            message
            for message in reversed(channel.messages)
            if oldest < float(message["ts"]) < latest or (inclusive and float(message["ts"]) in {oldest, latest})
        ]
        if lag:
            found = [message for message in found if self.index.shows(f"{channel.id} {message['ts']}", lag)]
        page, after = _page(found, given, default=100)
        if not _is_true(given.get("include_all_metadata")):
            page = [{key: value for key, value in message.items() if key != "metadata"} for message in page]
        return {
            "ok": True,
            "messages": page,
            "has_more": bool(after),
            "pin_count": 0,
            "channel_actions_ts": None,
            "channel_actions_count": 0,
            "response_metadata": {"next_cursor": after},
        }

    def info(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """`conversations.info`: one channel, by id only."""
        return {"ok": True, "channel": self._channel(given.get("channel"), by_name=False).wire()}

    def list_channels(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """`conversations.list`: names and ids, of the types that are asked for."""
        if "public_channel" not in str(given.get("types") or "public_channel").split(","):
            return {"ok": True, "channels": [], "response_metadata": {"next_cursor": ""}}
        shown = [
            channel.wire()
            for channel in self.channels
            if not (channel.is_archived and _is_true(given.get("exclude_archived")))
        ]
        page, after = _page(shown, given, default=100)
        return {"ok": True, "channels": page, "response_metadata": {"next_cursor": after}}

    def permalink(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """`chat.getPermalink`."""
        channel = self._channel(given.get("channel"), by_name=False)
        ts = str(given.get("message_ts") or "")
        if not any(message["ts"] == ts for message in channel.messages):
            raise SlackRefused("message_not_found")
        link = f"{TEAM_URL}archives/{channel.id}/p{ts.replace('.', '')}"
        return {"ok": True, "channel": channel.id, "permalink": link}

    def test(self) -> dict[str, Any]:
        """`auth.test`."""
        return {
            "ok": True,
            "url": TEAM_URL,
            "team": "Follow Up Boss",
            "user": "warroom",
            "team_id": TEAM,
            "user_id": _BOT_USER,
            "bot_id": _BOT_ID,
            "is_enterprise_install": False,
        }

    def webhook(self, team: str, service: str, secret: str, body: bytes) -> str:
        """The incoming webhook: it is bound to one channel, and answers "ok" as text; raises `WebhookRefused`."""
        if team != TEAM:
            raise WebhookRefused("no_team")
        if service != WEBHOOK_SERVICE:
            raise WebhookRefused("no_service")
        if not hmac.compare_digest(secret.encode(), self.webhook_secret.encode()):
            raise WebhookRefused("invalid_token")
        given = _payload(body)
        text = given.get("text")
        if not (isinstance(text, str) and text) and not given.get("blocks"):
            raise WebhookRefused("no_text")
        if wrong := _too_long(text, given.get("blocks")):
            raise WebhookRefused(wrong)
        channel = self._channel("#fub-zyno-support", by_name=True)
        self._take(channel)
        self._store(channel, self._message(given, via="webhook"), "webhook")
        return "ok"

    def _channel(self, given: object, *, by_name: bool) -> SlackChannel:
        wanted = str(given or "")
        for channel in self.channels:
            if wanted == channel.id or (by_name and wanted.removeprefix("#") == channel.name):
                return channel
        raise SlackRefused("channel_not_found")

    def _take(self, channel: SlackChannel) -> None:
        limit = self._limits.setdefault(channel.id, Limit(channel.id, *self.per_channel))
        now = now_s()
        if not limit.take(now):
            raise SlackLimited(int(limit.headers(now)["x-ratelimit-reset"]))

    def _message(self, given: Mapping[str, Any], via: str) -> dict[str, Any]:
        # Microseconds that only grow, so that a time stamp names one message for ever.
        self._last_ts = max(self._last_ts + 100, int(now_s() * 1_000_000))
        message: dict[str, Any] = {
            "type": "message",
            "text": str(given.get("text") or ""),
            "ts": f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}",
            "team": TEAM,
            "bot_id": _BOT_ID if via == "bot" else WEBHOOK_SERVICE,
        }
        if via == "bot":
            message |= {"user": _BOT_USER, "app_id": _APP}
        else:
            message |= {"subtype": "bot_message", "username": "incoming-webhook"}
        for name in ("blocks", "thread_ts"):
            if given.get(name):
                message[name] = given[name]
        return message

    def _store(self, channel: SlackChannel, message: dict[str, Any], via: str) -> None:
        channel.messages.append(message)
        self.recorder.store(
            "messages", "slack", {"via": via, "channel": channel.id, "channel_name": channel.name, **message}
        )


def needed_scope(method: str, given: Mapping[str, Any]) -> tuple[str, ...]:
    """Scopes that a method needs, as its reference page names them, for channels that everybody sees."""
    if method == "conversations.list" and "private_channel" in str(given.get("types") or ""):
        return "channels:read", "groups:read"
    return {
        "chat.postMessage": ("chat:write",),
        "conversations.history": ("channels:history",),
        "conversations.list": ("channels:read",),
        "conversations.info": ("channels:read",),
    }.get(method, ())


def read_arguments(content_type: str, body: bytes, query: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of a Web API method, from JSON, from a form or from the query; raises `SlackRefused`."""
    given: dict[str, Any] = dict(query)
    if not body:
        return given
    if content_type.partition(";")[0].strip() == "application/json":
        try:
            read = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise SlackRefused("invalid_json") from None
        if not isinstance(read, dict):
            raise SlackRefused("json_not_object")
        return given | read
    for name, value in parse_qsl(body.decode(errors="replace")):
        given[name] = value
        if name in {"blocks", "metadata"}:
            try:
                given[name] = orjson.loads(value)
            except orjson.JSONDecodeError:
                raise SlackRefused(f"invalid_{name}_format") from None
    return given


def _payload(body: bytes) -> dict[str, Any]:
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise WebhookRefused("invalid_payload") from None
    if not isinstance(read, dict):
        raise WebhookRefused("invalid_payload")
    return read


def _too_long(text: object, blocks: object) -> str:
    """Slack's word for a message that is too long; empty for one that is not.

    3,000 characters of a section and 50 blocks are documented; the sum of all is as people have measured it.
    """
    if isinstance(text, str) and len(text) > _LONGEST_TEXT:
        return "msg_too_long"
    if not isinstance(blocks, list):
        return ""
    texts = [one.get("text") for one in blocks if isinstance(one, dict)]
    lengths = [len(str(one.get("text") or "")) for one in texts if isinstance(one, dict)]
    if len(blocks) > _MOST_BLOCKS or any(not 1 <= length <= _LONGEST_SECTION for length in lengths):
        return "invalid_blocks"
    return "msg_blocks_too_long" if sum(lengths) > _LONGEST_BLOCKS else ""


def _is_metadata(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("event_type"), str)
        and isinstance(value.get("event_payload"), dict)
    )


def _is_true(value: object) -> bool:
    return value is True or str(value).lower() in {"true", "1"}


def _ts(value: object, otherwise: float) -> float:
    if value in {None, ""}:
        return otherwise
    try:
        return float(str(value))
    except ValueError:
        raise SlackRefused("invalid_ts_oldest") from None


def _page(found: list[dict[str, Any]], given: Mapping[str, Any], *, default: int) -> tuple[list[dict[str, Any]], str]:
    """One page and the cursor of the next, which is empty on the last."""
    text = str(given.get("limit") or default)
    if not text.isdigit() or not 1 <= int(text) <= _MOST_MESSAGES:
        raise SlackRefused("invalid_limit")
    start = _cursor(str(given.get("cursor") or ""))
    end = start + int(text)
    after = base64.b64encode(f"next:{end}".encode()).decode() if end < len(found) else ""
    return found[start:end], after


def _cursor(text: str) -> int:
    if not text:
        return 0
    try:
        word, _, number = base64.b64decode(text, validate=True).decode().partition(":")
        if word == "next" and number.isdigit():
            return int(number)
    except (binascii.Error, UnicodeDecodeError):
        pass
    raise SlackRefused("invalid_cursor")
