"""Slack: messages with a bot's token, which can be found again, or through an incoming webhook, which cannot.

The Web API refuses with status 200 and `{"ok": false, "error": NAME}`; a webhook with a status and one word.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from diagnostics.core.credentials import CredentialGuard
from diagnostics.core.failures import FailureKind, Sent, SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.words import left_out, units, within_units
from diagnostics.sources.http import HttpClient, HttpRequest, HttpResponse, NoAnswer, Why, travels_unencrypted

if TYPE_CHECKING:
    from pydantic import SecretStr

    from diagnostics.config.settings import SlackSettings
    from diagnostics.sources.proxies import Route

SOURCE = "slack"
EVENT_TYPE = "warroom_delivery"
"""Of the metadata that our messages carry: `{"event_type": EVENT_TYPE, "event_payload": {"token": …}}`."""

LONGEST_TEXT, SECTION, LONGEST_MESSAGE = 3_900, 3_000, 12_000
"""UTF-16 units of a text without blocks, of one section, and of a whole message.

Slack recommends 4,000 for a text and divides longer ones, takes 3,000 in a section, and refuses blocks of some 13,200
together (msg_blocks_too_long), less than its reference says.
"""
_WHERE = "the whole text stands in the console, with the incident's deliveries"
_FENCE = "\n```"

CONNECT_S = 3.0
KEPT = 2
"""Connections for reading that stay open."""
MOST_BYTES = 4_000_000
"""Of an answer; the pages that are asked for are a tenth of it."""
TOO_LARGE = "too_large"
"""In place of Slack's own name of an error: the answer is larger than is read."""
OTHER_WORKSPACE = "other_workspace"
"""The same: the token is for another workspace than what was confirmed."""
PAGE, MOST_PAGES = 200, 20
"""Messages of one page of a channel's history, and the pages that are read before it is given up."""
CHANNELS_PAGE = 999
"""Channels of one page: the most that Slack gives. As many pages of them are allowed in a minute as are read."""
LONGEST_PAUSE_S = 5.0
"""While channels are looked through, a pause of the rate limit is waited for that is not longer."""

_NAME = re.compile(r"[a-z0-9_]{1,80}")
_TEAM_ID = re.compile(r"[TE][A-Z0-9]{1,30}")
_WEBHOOK_TEAM = re.compile(r"/services/([TE][A-Z0-9]{1,30})/")
_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{7,}")


Taken = TypeVar("Taken")


def message_body(text: str) -> dict[str, object]:
    """Text and, where it is long, blocks of a message.

    Slack divides a text of more than `LONGEST_TEXT` units into several messages, of which only one would carry our
    metadata, and takes more of them in sections; what is more than `LONGEST_MESSAGE` is cut, and says so.
    """
    body: dict[str, object] = {"mrkdwn": True, "parse": "none", "unfurl_links": False, "unfurl_media": False}
    if units(text) <= LONGEST_TEXT:
        return body | {"text": text}
    whole = cut_message(text, LONGEST_MESSAGE)
    sections = [{"type": "section", "text": {"type": "mrkdwn", "text": part}} for part in _sections(whole)]
    return body | {"text": cut_message(text, LONGEST_TEXT), "blocks": sections}


def cut_message(text: str, most: int) -> str:
    """The message in at most `most` UTF-16 units, cut between two lines; one that is cut says so."""
    if units(text) <= most:
        return text
    # No note is longer than that of a text of which nothing is kept.
    room = most - units(_cut_note("", text)) - len(_FENCE)
    kept = ""
    for line in text.splitlines(keepends=True):
        if units(kept) + units(line) > room:
            break
        kept += line
    kept = kept.rstrip() or _begun(within_units(text, room, "")).rstrip()
    fence = _FENCE if kept.count("```") % 2 else ""
    return f"{kept}{fence}{_cut_note(kept, text)}"


def _begun(line: str) -> str:
    """The beginning of a single line that is longer than all, without what is left of a link."""
    link = line.rfind("<")
    return line[:link] if link > line.rfind(">") else line


def _cut_note(kept: str, text: str) -> str:
    return f"\n_(cut here: Slack takes no more, {left_out(len(kept), len(text))}; {_WHERE})_"


def _sections(text: str) -> list[str]:
    """The text in parts that fit into a section each, divided between lines; code stays code on both sides."""
    parts, part = [], ""
    for line in _lines(text):
        if part and units(part) + units(line) + len(_FENCE) > SECTION:
            is_open = part.count("```") % 2 == 1
            parts.append(part.rstrip("\n") + (_FENCE if is_open else ""))
            part = "```\n" if is_open else ""
        part += line
    return [*parts, part] if part.strip() else parts


def _lines(text: str) -> Iterator[str]:
    """The lines with their ends; one that is longer than a section in pieces."""
    room = SECTION - 2 * len(_FENCE)
    for line in text.splitlines(keepends=True):
        rest = line
        while units(rest) > room:
            piece = within_units(rest, room, "")
            # Between words where there are some, so that no link is divided.
            piece = piece[: piece.rfind(" ") + 1] or piece
            yield piece
            rest = rest[len(piece) :]
        yield rest


class SlackFailure(SourceFailure):
    """Slack did not do what it was asked, or nobody knows. `error` is Slack's own name for it, empty without one."""

    def __init__(
        self,
        kind: FailureKind,
        reason: str,
        *,
        sent: Sent = Sent.NOT_SENT,
        lasting: bool = False,
        remedy: str = "",
        retry_after: float | None = None,
        error: str = "",
    ) -> None:
        super().__init__(kind, SOURCE, reason, remedy=remedy, retry_after=retry_after, sent=sent, lasting=lasting)
        self.error = error


@dataclass(slots=True, frozen=True)
class Posted:
    """A message that is there."""

    channel: str
    """Id of the channel."""
    ts: str
    """Slack's own name for the message within its channel."""


@dataclass(slots=True, frozen=True)
class Identity:
    """Team, user and scopes of the token."""

    team: str
    user: str
    scopes: tuple[str, ...] | None
    """Scopes of the token; None where Slack did not say."""


@dataclass(slots=True, frozen=True)
class Workspace:
    """Where a token or a webhook writes: channels of two workspaces may have one name."""

    id: str
    """Slack's own name for it, T and letters."""
    url: str = ""
    """Its address for people; a webhook does not tell it."""

    @property
    def words(self) -> str:
        """For people, the id last and in brackets."""
        return f"{self.url} ({self.id})".strip()


@dataclass(slots=True, frozen=True)
class SlackChannel:
    """A channel that is there."""

    id: str
    is_member: bool | None = None
    """Whether the bot is in it; None where Slack did not say."""
    is_archived: bool | None = None


class Slack:
    """Blocking and thread-safe; every call ends within the time limit. Raises `SlackFailure`."""

    def __init__(self, settings: SlackSettings, route: Route | None = None) -> None:
        self._settings = settings
        limit = settings.timeout_s
        self._http = HttpClient(
            connect_s=CONNECT_S,
            read_s=limit,
            total_s=limit,
            most_bytes=MOST_BYTES,
            keep_alive=KEPT,
            kept_for_reading=True,
            route=route,
        )
        self._ids: dict[str, str] = {}
        self._learned: tuple[str, Workspace] | None = None
        """The secret that was asked about last, and its workspace."""
        self._closed = threading.Event()
        self._guard = CredentialGuard([settings.bot_token] if settings.bot_token is not None else [])
        self._webhook_guard = CredentialGuard([settings.webhook_url] if settings.webhook_url is not None else [])

    @property
    def workspace(self) -> Workspace | None:
        """Where it writes, as far as somebody has asked; asks nobody."""
        return self._learned[1] if self._learned is not None else None

    def learn(self) -> Workspace | None:
        """Where it writes now; None where Slack does not say. Raises `SlackFailure`. Source: auth.test."""
        if self._settings.bot_token is not None:
            self.identity()
        else:
            self._of_webhook(self._secret(self._settings.webhook_url, "slack.webhook_url"))
        return self.workspace

    def expect(self, workspace: str) -> None:
        """Raise `SlackFailure` where the token is for another workspace than that of this id; "" is any."""
        if workspace:
            self._guard.ask(lambda: self._expect(workspace), _is_about_the_token, _withheld)

    def post(self, channel: str, text: str, token: str, workspace: str = "") -> Posted:
        """One message with our token in its metadata. `text` is mrkdwn, escaped; nothing in it is unfurled.

        One that Slack finds too long is posted shorter: a notice that is cut, and says so, is better than none.
        Nothing is posted to another workspace than that of the id `workspace`, where one is given.
        """
        given = {
            "channel": channel,
            # Names and addresses within the text stay text: only what is written as a link is one.
            "link_names": False,
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"token": token}},
        }
        document = self._shorter_where_refused(
            text, lambda body: self._asked("chat.postMessage", None, given | body, workspace)[1]
        )
        posted = Posted(_text(document.get("channel")), _text(document.get("ts")))
        if posted.channel:
            self._ids[channel] = posted.channel
        return posted

    def post_webhook(self, text: str, workspace: str = "") -> None:
        """One message through the incoming webhook, to the channel that it was made for; otherwise as `post`."""

        def send(body: Mapping[str, object]) -> None:
            if workspace:
                here = self._of_webhook(self._secret(self._settings.webhook_url, "slack.webhook_url"))
                _check_workspace(here, workspace, "slack.webhook_url")
            answer = self._to_webhook(body)
            document = answer.document()
            taken = document.get("ok") is True if document is not None else answer.words(80) == "ok"
            if answer.status != 200 or not taken:
                raise refused(answer, webhook=True)

        # An address that was revoked has posted nothing: with the one that is there now, it is the first attempt.
        self._shorter_where_refused(
            text, lambda body: self._webhook_guard.ask(lambda: send(body), _is_about_the_address, _webhook_withheld)
        )

    def _to_webhook(self, body: Mapping[str, object]) -> HttpResponse:
        url = self._secret(self._settings.webhook_url, "slack.webhook_url")
        return self._ask(HttpRequest.of("POST", url, body=body))

    def _shorter_where_refused(self, text: str, send: Callable[[dict[str, object]], Taken]) -> Taken:
        """What `send` returns for the body of the message, or of its beginning where the whole is refused as too long.

        Slack has posted nothing then.
        """
        try:
            return send(message_body(text))
        except SlackFailure as failure:
            if failure.error not in _TOO_LONG or units(text) <= SECTION:
                raise
        return send(message_body(cut_message(text, SECTION)))

    def permalink(self, posted: Posted) -> str:
        """The address of a message for people."""
        document = self._call("chat.getPermalink", params={"channel": posted.channel, "message_ts": posted.ts})
        return _text(document.get("permalink"))

    def carrying(self, channel: str, token: str, since: datetime) -> Iterator[Posted]:
        """Our messages with this token, posted after `since`, the newest first.

        Raises `SlackFailure`, also (kind malformed) when the channel holds more than could be read.
        """
        found = self.channel_id(channel)
        given = {"channel": found, "oldest": f"{since.timestamp():.6f}", "include_all_metadata": "true"}
        for page in self._pages("conversations.history", given):
            for message in _listed(page, "messages"):
                if isinstance(message, dict) and _token_of(message) == token:
                    yield Posted(found, _text(message.get("ts")))

    def newest(self, channel: str) -> datetime | None:
        """When the newest message was posted that the channel's history shows, whoever wrote it; None: it shows none.

        Raises `SlackFailure`. Source: conversations.history.
        """
        page = self._call("conversations.history", params={"channel": self.channel_id(channel), "limit": "1"})
        moments = [_moment(one) for one in _listed(page, "messages")]
        return max((one for one in moments if one is not None), default=None)

    def channel_id(self, channel: str) -> str:
        """The id of a channel given by id or name. A name needs channels:read. Raises `SlackFailure`."""
        if self.is_id(channel):
            return channel
        if channel not in self._ids:
            self._ids[channel] = self._named(channel).id
        return self._ids[channel]

    @staticmethod
    def is_id(channel: str) -> bool:
        """Whether it is a channel's id, which has to be looked up nowhere."""
        return _CHANNEL_ID.fullmatch(channel) is not None

    def channel(self, channel: str) -> SlackChannel:
        """What the bot sees of a channel given by id or name. Raises `SlackFailure`.

        Source: conversations.list for a name; conversations.info for an id, or its history where that needs a scope
        that the token lacks: it tells a channel that the bot is not in from one that is not there.
        """
        if not self.is_id(channel):
            return self._named(channel)
        try:
            found = self._call("conversations.info", params={"channel": channel}).get("channel")
        except SlackFailure as failure:
            if failure.error != "missing_scope":
                raise
        else:
            if not isinstance(found, dict):
                raise _unreadable("no channel")
            return _channel(found)
        try:
            self.newest(channel)
        except SlackFailure as failure:
            if failure.error != "not_in_channel":
                raise
            return SlackChannel(channel, is_member=False)
        return SlackChannel(channel, is_member=True)

    def _named(self, channel: str) -> SlackChannel:
        name = channel.removeprefix("#")
        try:
            found = self._listed_as(name, "public_channel,private_channel")
        except SlackFailure as failure:
            if failure.error != "missing_scope":
                raise
            # Private channels need a scope of their own.
            found = self._listed_as(name, "public_channel")
        if found is not None:
            return found
        raise SlackFailure(
            FailureKind.REJECTED,
            f"Slack lists no channel called {channel} (channel_not_found)",
            lasting=True,
            remedy=_BY_ID,
            error="channel_not_found",
        )

    def _listed_as(self, name: str, types: str) -> SlackChannel | None:
        given = {"exclude_archived": "false", "types": types}
        pages = self._pages("conversations.list", given, size=CHANNELS_PAGE, remedy=_BY_ID)
        for page in pages:
            for one in _listed(page, "channels"):
                if isinstance(one, dict) and one.get("name") == name:
                    return _channel(one)
        return None

    def try_webhook(self) -> float:
        """Milliseconds that the webhook took to refuse a message without a text, which it never posts.

        Raises `SlackFailure` where it refuses for another reason: it was revoked, or its channel is gone.
        """

        def attempt() -> float:
            started = time.monotonic()
            failure = refused(self._to_webhook({}), webhook=True)
            if failure.error != "no_text":
                raise failure
            return 1_000 * (time.monotonic() - started)

        return self._webhook_guard.ask(attempt, _is_about_the_address, _webhook_withheld)

    def identity(self) -> Identity:
        """Whose token it is. Changes nothing."""
        answer, document = self._asked("auth.test", None, {})
        said = answer.headers.get("x-oauth-scopes")
        scopes = None if said is None else tuple(part.strip() for part in said.split(",") if part.strip())
        self._note(self._secret(self._settings.bot_token, "slack.bot_token"), document)
        return Identity(_text(document.get("team")), _text(document.get("user")), scopes)

    def close(self) -> None:
        """End what is under way."""
        self._closed.set()
        self._http.close()

    # ---- which workspace

    def _expect(self, workspace: str) -> None:
        """As `expect`, of the token as it stands at this moment. Whatever goes wrong, nothing has been written."""
        token = self._secret(self._settings.bot_token, "slack.bot_token")
        known = self._learned
        here = known[1] if known is not None and known[0] == token else None
        if here is None:
            try:
                here = self._note(token, _accepted(self._answer("auth.test", None, {})))
            except SlackFailure as failure:
                failure.sent = Sent.NOT_SENT
                raise
        _check_workspace(here, workspace, "slack.bot_token")

    def _note(self, secret: str, document: Mapping[str, Any]) -> Workspace | None:
        identity, url = _text(document.get("team_id")), _text(document.get("url"))
        return self._remember(secret, Workspace(identity, url)) if _TEAM_ID.fullmatch(identity) else None

    def _of_webhook(self, address: str) -> Workspace | None:
        """The workspace that stands in a webhook's address; None where a proxy's stands in its place."""
        found = _WEBHOOK_TEAM.search(address)
        return self._remember(address, Workspace(found[1])) if found else None

    def _remember(self, secret: str, workspace: Workspace) -> Workspace:
        if self._learned is not None and self._learned[1].id != workspace.id:
            # Names of channels are those of the workspace before.
            self._ids.clear()
        self._learned = (secret, workspace)
        return workspace

    # ---- the wire

    def _pages(
        self, method: str, given: Mapping[str, str], *, size: int = PAGE, remedy: str = "look in the channel yourself"
    ) -> Iterator[dict[str, Any]]:
        """Page after page, by cursor. `remedy` is what to do where there are more than are read."""
        cursor, wanted = "", size
        for _ in range(MOST_PAGES):
            more = {"cursor": cursor} if cursor else {}
            try:
                document = self._page(method, {**given, "limit": str(wanted), **more})
            except SlackFailure as failure:
                if failure.error != TOO_LARGE or wanted == 1:
                    raise
                # Larger than is read at once: the same place again, in smaller parts.
                wanted = max(1, wanted // 8)
                continue
            yield document
            metadata = document.get("response_metadata")
            cursor = _text(metadata.get("next_cursor")) if isinstance(metadata, dict) else ""
            if not cursor and document.get("has_more") is True:
                raise _unreadable("more lines that it gives no way to")
            if not cursor:
                return
        raise SlackFailure(
            FailureKind.MALFORMED,
            f"Slack has more than {MOST_PAGES * size:,} lines to look through",
            remedy=remedy,
            error="too_many",
        )

    def _page(self, method: str, params: Mapping[str, str]) -> dict[str, Any]:
        """One page, asked once more after a short pause where the rate limit wants one in between."""
        try:
            return self._call(method, params=params)
        except SlackFailure as failure:
            pause = failure.retry_after
            if failure.kind is not FailureKind.RATE_LIMITED or pause is None or pause > LONGEST_PAUSE_S:
                raise
        self._closed.wait(pause)
        return self._call(method, params=params)

    def _call(
        self, method: str, *, body: object | None = None, params: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        return self._asked(method, params, body)[1]

    def _asked(
        self, method: str, params: Mapping[str, str] | None, body: object | None, workspace: str = ""
    ) -> tuple[HttpResponse, dict[str, Any]]:
        def attempt() -> tuple[HttpResponse, dict[str, Any]]:
            if workspace:
                # Within the attempt: a token that is read again may be another workspace's.
                self._expect(workspace)
            answer = self._answer(method, params, body)
            return answer, _accepted(answer)

        return self._guard.ask(attempt, _is_about_the_token, _withheld)

    def _answer(self, method: str, params: Mapping[str, str] | None, body: object | None) -> HttpResponse:
        headers = {"Authorization": f"Bearer {self._secret(self._settings.bot_token, 'slack.bot_token')}"}
        url = f"{self._settings.api_url}/{method}"
        verb = "GET" if body is None else "POST"
        return self._ask(HttpRequest.of(verb, url, headers=headers, params=(params or {}).items(), body=body))

    def _ask(self, request: HttpRequest) -> HttpResponse:
        if travels_unencrypted(request.url):
            raise SlackFailure(
                FailureKind.NOT_CONFIGURED,
                "Slack's address is plain http: what is secret in the request would travel unencrypted",
                lasting=True,
                remedy="use https in slack.api_url and slack.webhook_url",
            )
        try:
            return self._http.ask(request)
        except NoAnswer as failure:
            raise no_answer(failure) from None

    def _secret(self, secret: SecretStr | None, setting: str) -> str:
        """The secret itself. One that cannot be read now may be readable later: nothing was sent."""
        if secret is None:
            raise SlackFailure(
                FailureKind.NOT_CONFIGURED, f"{setting} is not set", lasting=True, remedy=f"set {setting}"
            )
        try:
            value = secret.get_secret_value().strip()
        except UserError as error:
            raise SlackFailure(FailureKind.NOT_CONFIGURED, error.problem, remedy=error.accepted) from None
        if not value.isascii() or not value.isprintable() or " " in value:
            raise SlackFailure(
                FailureKind.NOT_CONFIGURED,
                f"{setting} holds characters that cannot stand in a request",
                lasting=True,
                remedy=f"set {setting} again",
            )
        return value


def _check_workspace(here: Workspace | None, confirmed: str, setting: str) -> None:
    """Raise `SlackFailure` where what was confirmed for one workspace would go to another."""
    if here is None or here.id == confirmed:
        return
    raise SlackFailure(
        FailureKind.REJECTED,
        f"it was confirmed for the Slack workspace {confirmed}, and {setting} is for {here.words}: nothing was sent",
        lasting=True,
        remedy=f"send it from a console whose {setting} is for that workspace, or give it up",
        error=OTHER_WORKSPACE,
    )


def _is_about_the_token(failure: SourceFailure) -> bool:
    return isinstance(failure, SlackFailure) and failure.error in _BAD_TOKENS


def _withheld(wait_s: float) -> SlackFailure:
    reason = f"Slack refused the bot token, and it is not sent again for {wait_s:.0f} s"
    return SlackFailure(FailureKind.DENIED, reason, remedy=_TOKEN, retry_after=wait_s, lasting=True)


def _is_about_the_address(failure: SourceFailure) -> bool:
    return isinstance(failure, SlackFailure) and failure.error in _BAD_ADDRESSES


def _webhook_withheld(wait_s: float) -> SlackFailure:
    reason = f"Slack refused the webhook's address, and it is not used again for {wait_s:.0f} s"
    return SlackFailure(FailureKind.DENIED, reason, remedy=_WEBHOOK, retry_after=wait_s, lasting=True)


def _accepted(answer: HttpResponse) -> dict[str, Any]:
    document = answer.document()
    if answer.status != 200 or document is None or document.get("ok") is not True:
        raise refused(answer)
    return document


def _listed(page: Mapping[str, Any], name: str) -> list[Any]:
    """Items of a page. A page without its list must not be taken for an empty one."""
    found = page.get(name)
    if not isinstance(found, list):
        raise _unreadable(f"a page without {name}")
    return found


def _channel(found: Mapping[str, Any]) -> SlackChannel:
    flags = [found.get(name) for name in ("is_member", "is_archived")]
    member, archived = (one if isinstance(one, bool) else None for one in flags)
    return SlackChannel(_text(found.get("id")), member, archived)


def _unreadable(what: str) -> SlackFailure:
    return SlackFailure(
        FailureKind.MALFORMED,
        f"Slack answered with {what}",
        sent=Sent.UNKNOWN,
        remedy="check slack.api_url, and whether a proxy stands in the way",
    )


def _moment(message: object) -> datetime | None:
    """When a message was posted; None for one that does not say."""
    try:
        return datetime.fromtimestamp(float(message["ts"]), UTC) if isinstance(message, dict) else None
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def _token_of(message: Mapping[str, Any]) -> str:
    metadata = message.get("metadata")
    payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
    if not isinstance(payload, dict) or not isinstance(metadata, dict) or metadata.get("event_type") != EVENT_TYPE:
        return ""
    return _text(payload.get("token"))


def _text(value: object) -> str:
    return clean(value, limit=500) if isinstance(value, str) else ""


_TOKEN = "put a valid bot token into slack.bot_token (it begins with xoxb-); warroom doctor tries it"  # noqa: S105
_CHANNEL = "set slack.channel to a channel that exists, best by its id (in Slack: channel details, at the bottom)"
_SILENT = "see slack-status.com; where Slack is well, check slack.api_url and what stands between"
_BY_ID = "set slack.channel to the channel's id (in Slack: channel details, at the bottom)"
_SCOPE = "give the app the scopes chat:write and channels:history, and reinstall it"
_ADMIN = "ask an administrator of the Slack workspace"
_WEBHOOK = "make a new incoming webhook for the channel and put its address into slack.webhook_url"

_DENIED = {
    "invalid_auth": ("Slack does not accept the bot token", _TOKEN),
    "not_authed": ("Slack was given no token", _TOKEN),
    "token_revoked": ("the bot token was revoked", _TOKEN),
    "token_expired": ("the bot token has expired", _TOKEN),
    "account_inactive": ("the bot's account, or its workspace, was deleted", _TOKEN),
    "not_allowed_token_type": ("Slack wants another kind of token", _TOKEN),
    "missing_scope": ("the bot token lacks a permission", _SCOPE),
    "no_permission": ("the bot may not write there", _SCOPE),
    "restricted_action": ("the workspace does not let this app write there", _ADMIN),
    "restricted_action_read_only_channel": ("the channel is read-only", _ADMIN),
    "ekm_access_denied": ("the workspace's administrators have suspended posting", _ADMIN),
    "team_access_not_granted": ("the token is not valid for this workspace", _TOKEN),
    "org_login_required": ("the workspace is being moved to an enterprise organisation", _ADMIN),
    "access_denied": ("Slack denies access", _ADMIN),
}
_TOO_LONG = frozenset({"msg_too_long", "msg_blocks_too_long", "invalid_blocks", "invalid_blocks_format"})
_BAD_TOKENS = frozenset({"invalid_auth", "token_revoked", "token_expired", "account_inactive"})
_BAD_ADDRESSES = frozenset({"no_service", "no_service_id", "no_team", "no_active_hooks", "invalid_token"})
_REJECTED = {
    "channel_not_found": ("Slack knows no such channel, or the bot does not see it", _CHANNEL),
    "not_in_channel": ("the bot is not a member of the channel", "invite it: /invite @NAME in the channel"),
    "is_archived": ("the channel is archived", "unarchive it, or set slack.channel to another one"),
    "msg_too_long": ("the message is too long for Slack", "shorten the text, then send it once more"),
    "msg_blocks_too_long": ("the message is too long for Slack", "shorten the text, then send it once more"),
    "invalid_blocks": ("Slack does not accept the message's sections", "tell the console's maintainers"),
    "no_text": ("the message is empty", "look at the team's template"),
    "invalid_metadata_format": ("Slack does not accept the message's metadata", "tell the console's maintainers"),
    "invalid_metadata_schema": ("Slack does not accept the message's metadata", "tell the console's maintainers"),
    "metadata_too_large": ("the message's metadata is too large", "tell the console's maintainers"),
    "metadata_must_be_sent_from_app": ("Slack takes metadata from an app's token only", _TOKEN),
}
_PERHAPS = {
    "fatal_error": "Slack failed on its own side, and says that part of the work may have been done",
    "internal_error": "Slack failed on its own side, and says that part of the work may have been done",
    "service_unavailable": "Slack is not available at the moment",
    "team_added_to_org": "the workspace is being moved to an enterprise organisation",
}
_NOT_TAKEN = {
    "ratelimited": "Slack's rate limit is reached",
    "rate_limited": "Slack's rate limit is reached",
    "message_limit_exceeded": "the workspace's message limit is reached",
    "request_timeout": "Slack received the request cut off",
    "accesslimited": "Slack is limited on this network",
}
_WEBHOOK_WORDS = {
    "no_service": ("the webhook was revoked or is disabled", _WEBHOOK),
    "no_service_id": ("the webhook's address is incomplete", _WEBHOOK),
    "no_team": ("the webhook's workspace does not exist", _WEBHOOK),
    "no_active_hooks": ("the webhook is disabled", _WEBHOOK),
    "team_disabled": ("the webhook's workspace is disabled", _ADMIN),
    "invalid_token": ("Slack does not accept the webhook's address", _WEBHOOK),
    "channel_not_found": ("the webhook's channel does not exist any more", _WEBHOOK),
    "channel_is_archived": ("the webhook's channel is archived", "unarchive it, or " + _WEBHOOK),
    "action_prohibited": ("an administrator has forbidden the webhook to write there", _ADMIN),
    "posting_to_general_channel_denied": ("the webhook may not write to the general channel", _ADMIN),
    "invalid_payload": ("Slack does not accept the message", "tell the console's maintainers"),
    "no_text": ("the message is empty", "look at the team's template"),
    "msg_too_long": ("the message is too long for Slack", "shorten the text, then send it once more"),
    "msg_blocks_too_long": ("the message is too long for Slack", "shorten the text, then send it once more"),
    "invalid_blocks": ("Slack does not accept the message's sections", "tell the console's maintainers"),
}


def no_answer(failure: NoAnswer) -> SlackFailure:
    """Nothing came back: surely not taken when nothing was sent, unknown otherwise."""
    unsent = failure.sent is Sent.NOT_SENT
    remedy = "check the network, and slack.api_url; warroom doctor tries it" if unsent else _SILENT
    error = TOO_LARGE if failure.why is Why.TOO_LARGE else ""
    return SlackFailure(failure.kind, failure.reason, sent=failure.sent, remedy=failure.remedy or remedy, error=error)


def refused(answer: HttpResponse, *, webhook: bool = False) -> SlackFailure:
    """Failure for an answer that is not "ok"."""
    document = answer.document() or {}
    said = document.get("error")
    name = said if isinstance(said, str) and _NAME.fullmatch(said) else ""
    if answer.status == 429 or (name in _NOT_TAKEN and answer.status < 500):
        return _not_taken(answer, name)
    if answer.status >= 500 or answer.status == 408:
        return _perhaps(f"Slack failed with HTTP {answer.status}", answer, name)
    if name in _PERHAPS:
        return _perhaps(_PERHAPS[name], answer, name)
    known = _known_refusal(answer, name, webhook=webhook)
    return known if known is not None else _unexpected(answer, name, webhook=webhook)


def _known_refusal(answer: HttpResponse, name: str, *, webhook: bool) -> SlackFailure | None:
    word = answer.words(80) if webhook and not name else ""
    if word in _WEBHOOK_WORDS:
        reason, remedy = _WEBHOOK_WORDS[word]
        kind = FailureKind.DENIED if answer.status == 403 else FailureKind.REJECTED
        return _permanent(kind, reason, word, remedy)
    if name in _DENIED:
        reason, remedy = _DENIED[name]
        needed = (answer.document() or {}).get("needed")
        if name == "missing_scope" and isinstance(needed, str):
            reason += f" ({clean(needed, limit=80)})"
        return _permanent(FailureKind.DENIED, reason, name, remedy)
    if name in _REJECTED:
        reason, remedy = _REJECTED[name]
        return _permanent(FailureKind.REJECTED, reason, name, remedy)
    return None


def _permanent(kind: FailureKind, reason: str, name: str, remedy: str) -> SlackFailure:
    return SlackFailure(kind, f"{reason} ({name})", lasting=True, remedy=remedy, error=name)


def _perhaps(reason: str, answer: HttpResponse, name: str) -> SlackFailure:
    shown = f"{reason} ({name})" if name else reason
    return SlackFailure(
        FailureKind.UNREACHABLE,
        shown,
        sent=Sent.UNKNOWN,
        remedy="see slack-status.com when it lasts",
        retry_after=answer.headers.retry_after_s,
        error=name,
    )


def _not_taken(answer: HttpResponse, name: str) -> SlackFailure:
    words = _NOT_TAKEN.get(name, "Slack's rate limit is reached")
    shown = name or f"HTTP {answer.status}"
    is_limit = answer.status == 429 or "limit" in name
    return SlackFailure(
        FailureKind.RATE_LIMITED if is_limit else FailureKind.UNREACHABLE,
        f"{words} ({shown})",
        remedy="ask again when that time is over" if answer.headers.retry_after_s else "ask again in a minute",
        retry_after=answer.headers.retry_after_s,
        error=name,
    )


def _unexpected(answer: HttpResponse, name: str, *, webhook: bool) -> SlackFailure:
    """Nothing of what Slack documents: a name that is new, a proxy's page, a redirect."""
    setting = "slack.webhook_url" if webhook else "slack.api_url"
    if 300 <= answer.status < 400:
        return SlackFailure(
            FailureKind.UNREACHABLE,
            f"the service answered with a redirect (HTTP {answer.status}), which was not followed",
            lasting=True,
            remedy=f"check {setting}, and whether a proxy or a sign-in page stands in the way",
        )
    if name:
        return _permanent(FailureKind.REJECTED, "Slack refused", name, "see Slack's documentation of this error")
    if answer.status >= 400:
        words = answer.words(80)
        said = f": {words}" if words.isprintable() and words and not words.startswith("<") else ""
        kind = FailureKind.DENIED if answer.status in {401, 403} else FailureKind.REJECTED
        remedy = _WEBHOOK if webhook else f"check {setting}"
        return SlackFailure(kind, f"Slack refused with HTTP {answer.status}{said}", lasting=True, remedy=remedy)
    return SlackFailure(
        FailureKind.MALFORMED,
        f"the answer (HTTP {answer.status}) is not one of Slack's",
        sent=Sent.UNKNOWN,
        remedy=f"check {setting}, and whether a proxy stands in the way",
    )
