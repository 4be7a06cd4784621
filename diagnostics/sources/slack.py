"""Slack: messages with a bot's token, which can be found again, or through an incoming webhook, which cannot."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from diagnostics.failures import FailureKind, UserError
from diagnostics.sources.slack_failures import SlackFailure, no_answer, refused
from diagnostics.sources.web_answers import NoAnswer
from diagnostics.text import clean

if TYPE_CHECKING:
    from pydantic import SecretStr

    from diagnostics.settings import SlackSettings
    from diagnostics.sources.web import WebClient
    from diagnostics.sources.web_answers import WebAnswer

EVENT_TYPE = "warroom_delivery"
"""Of the metadata that our messages carry: `{"event_type": EVENT_TYPE, "event_payload": {"token": …}}`."""

CONNECT_S = 3.0
PAGE, MOST_PAGES = 200, 20
"""Messages of one page of a channel's history, and the pages that are read before it is given up."""

_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{7,}")


@dataclass(slots=True, frozen=True)
class Posted:
    """A message that is there."""

    channel: str
    """Id of the channel."""
    ts: str
    """Slack's own name for the message within its channel."""


@dataclass(slots=True, frozen=True)
class Identity:
    """Who the token is."""

    team: str
    user: str
    scopes: tuple[str, ...] | None
    """What it may do; None where Slack did not say."""


class Slack:
    """Blocking and thread-safe; every call ends within the time limit. Raises `SlackFailure`."""

    def __init__(self, settings: SlackSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._client: WebClient | None = None
        self._ids: dict[str, str] = {}

    def post(self, channel: str, text: str, token: str) -> Posted:
        """One message with our token in its metadata. `text` is mrkdwn, escaped; nothing in it is unfurled."""
        document = self._call(
            "chat.postMessage",
            body={
                "channel": channel,
                "text": text,
                "mrkdwn": True,
                # Names and addresses within the text stay text: only what is written as a link is one.
                "parse": "none",
                "link_names": False,
                "unfurl_links": False,
                "unfurl_media": False,
                "metadata": {"event_type": EVENT_TYPE, "event_payload": {"token": token}},
            },
        )
        posted = Posted(_text(document.get("channel")), _text(document.get("ts")))
        if posted.channel:
            self._ids[channel] = posted.channel
        return posted

    def post_webhook(self, text: str) -> None:
        """One message through the incoming webhook, to the channel that it was made for."""
        url = self._secret(self._settings.webhook_url, "slack.webhook_url")
        body = {"text": text, "mrkdwn": True, "parse": "none", "unfurl_links": False, "unfurl_media": False}
        answer = self._ask("POST", url, body=body)
        document = answer.document()
        taken = document.get("ok") is True if document is not None else answer.words(80) == "ok"
        if answer.status != 200 or not taken:
            raise refused(answer, webhook=True)

    def permalink(self, posted: Posted) -> str:
        """The address of a message for people."""
        document = self._call("chat.getPermalink", params={"channel": posted.channel, "message_ts": posted.ts})
        return _text(document.get("permalink"))

    def find(self, channel: str, token: str, since: datetime) -> Posted | None:
        """Our message with this token, posted after `since`; None when it is not there.

        Raises `SlackFailure`, also (kind malformed) when the channel holds more than could be read.
        """
        found = self.channel_id(channel)
        given = {"channel": found, "oldest": f"{since.timestamp():.6f}", "include_all_metadata": "true"}
        for page in self._pages("conversations.history", given):
            for message in _listed(page, "messages"):
                if isinstance(message, dict) and _token_of(message) == token:
                    return Posted(found, _text(message.get("ts")))
        return None

    def channel_id(self, channel: str) -> str:
        """The id of a channel given by id or name. A name needs channels:read. Raises `SlackFailure`."""
        if _CHANNEL_ID.fullmatch(channel):
            return channel
        if channel in self._ids:
            return self._ids[channel]
        name = channel.removeprefix("#")
        for page in self._pages("conversations.list", {"exclude_archived": "false"}):
            for one in _listed(page, "channels"):
                if isinstance(one, dict) and one.get("name") == name:
                    self._ids[channel] = _text(one.get("id"))
                    return self._ids[channel]
        raise SlackFailure(
            FailureKind.REJECTED,
            "permanent",
            f"Slack lists no channel called {channel} (channel_not_found)",
            remedy="set slack.channel to the channel's id",
            error="channel_not_found",
        )

    def identity(self) -> Identity:
        """Whose token it is. Changes nothing."""
        answer = self._answer("auth.test", None, {})
        document = _accepted(answer)
        said = answer.headers.get("x-oauth-scopes")
        scopes = None if said is None else tuple(part.strip() for part in said.split(",") if part.strip())
        return Identity(_text(document.get("team")), _text(document.get("user")), scopes)

    def close(self) -> None:
        """Close what is open."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    # ---- the wire

    def _pages(self, method: str, given: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        cursor = ""
        for _ in range(MOST_PAGES):
            more = {"cursor": cursor} if cursor else {}
            document = self._call(method, params={**given, "limit": str(PAGE), **more})
            yield document
            metadata = document.get("response_metadata")
            cursor = _text(metadata.get("next_cursor")) if isinstance(metadata, dict) else ""
            if not cursor and document.get("has_more") is True:
                raise _unreadable("more lines that it gives no way to")
            if not cursor:
                return
        raise SlackFailure(
            FailureKind.MALFORMED,
            "definite",
            f"Slack has more than {MOST_PAGES * PAGE:,} lines to look through",
            remedy="look in the channel yourself",
            error="too_many",
        )

    def _call(
        self, method: str, *, body: object | None = None, params: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        return _accepted(self._answer(method, params, body))

    def _answer(self, method: str, params: Mapping[str, str] | None, body: object | None) -> WebAnswer:
        token = self._secret(self._settings.bot_token, "slack.bot_token")
        return self._ask(
            "GET" if body is None else "POST",
            f"{self._settings.api_url}/{method}",
            headers={"Authorization": f"Bearer {token}"},
            params=params,
            body=body,
        )

    def _ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: object | None = None,
    ) -> WebAnswer:
        try:
            return self._opened().ask(method, url, headers=headers, params=params, body=body)
        except NoAnswer as failure:
            raise no_answer(failure) from None

    def _opened(self) -> WebClient:
        from diagnostics.sources.web import WebClient  # noqa: PLC0415  # it loads httpx

        with self._lock:
            if self._client is None:
                limit = self._settings.timeout_s
                self._client = WebClient(connect_s=min(CONNECT_S, limit), total_s=limit)
            return self._client

    def _secret(self, secret: SecretStr | None, setting: str) -> str:
        """The secret itself. One that cannot be read now may be readable later: nothing was sent."""
        if secret is None:
            raise SlackFailure(
                FailureKind.NOT_CONFIGURED, "permanent", f"{setting} is not set", remedy=f"set {setting}"
            )
        try:
            value = secret.get_secret_value().strip()
        except UserError as error:
            raise SlackFailure(FailureKind.NOT_CONFIGURED, "definite", error.problem, remedy=error.accepted) from None
        if not value.isascii() or not value.isprintable() or " " in value:
            raise SlackFailure(
                FailureKind.NOT_CONFIGURED,
                "permanent",
                f"{setting} holds characters that cannot stand in a request",
                remedy=f"set {setting} anew",
            )
        return value


def _accepted(answer: WebAnswer) -> dict[str, Any]:
    document = answer.document()
    if answer.status != 200 or document is None or document.get("ok") is not True:
        raise refused(answer)
    return document


def _listed(page: Mapping[str, Any], name: str) -> list[Any]:
    """What a page lists. One without its list says nothing: it must not be taken for one on which nothing stands."""
    found = page.get(name)
    if not isinstance(found, list):
        raise _unreadable(f"a page without {name}")
    return found


def _unreadable(what: str) -> SlackFailure:
    return SlackFailure(
        FailureKind.MALFORMED,
        "ambiguous",
        f"Slack answered with {what}",
        remedy="check slack.api_url, and whether a proxy stands in the way",
    )


def _token_of(message: Mapping[str, Any]) -> str:
    metadata = message.get("metadata")
    payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
    if not isinstance(payload, dict) or not isinstance(metadata, dict) or metadata.get("event_type") != EVENT_TYPE:
        return ""
    return _text(payload.get("token"))


def _text(value: object) -> str:
    return clean(value, limit=500) if isinstance(value, str) else ""
