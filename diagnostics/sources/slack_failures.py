"""What Slack says instead of "ok", told plainly: whether a message was taken, why not, and what to do about it.

The Web API refuses with status 200 and `{"ok": false, "error": NAME}`; a webhook with a status and one word.
"""

from __future__ import annotations

import re
from typing import Literal

from diagnostics.failures import FailureKind, SourceFailure
from diagnostics.sources.web_answers import NoAnswer, WebAnswer
from diagnostics.text import clean

SOURCE = "slack"

Outcome = Literal["definite", "ambiguous", "permanent"]

_NAME = re.compile(r"[a-z0-9_]{1,80}")


class SlackFailure(SourceFailure):
    """Slack did not do what it was asked, or nobody knows.

    `outcome`: definite, surely not, try again; ambiguous, perhaps it did; permanent, not before somebody mends it.
    `error` is Slack's own name for it, empty where it gave none.
    """

    def __init__(
        self,
        kind: FailureKind,
        outcome: Outcome,
        reason: str,
        *,
        remedy: str = "",
        retry_after: float | None = None,
        error: str = "",
    ) -> None:
        super().__init__(kind, SOURCE, reason, remedy=remedy, retry_after=retry_after)
        self.outcome: Outcome = outcome
        self.error = error


_TOKEN = "put a valid bot token into slack.bot_token (it begins with xoxb-); warroom doctor tries it"  # noqa: S105
_CHANNEL = "set slack.channel to a channel that exists, best by its id (in Slack: channel details, at the bottom)"
_SCOPE = "give the app the scopes chat:write and channels:history, and install it anew"
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
_REJECTED = {
    "channel_not_found": ("Slack knows no such channel, or the bot does not see it", _CHANNEL),
    "not_in_channel": ("the bot is not a member of the channel", "invite it: /invite @NAME in the channel"),
    "is_archived": ("the channel is archived", "unarchive it, or set slack.channel to another one"),
    "msg_too_long": ("the message is too long for Slack", "shorten the text, then send it once more"),
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
}


def no_answer(failure: NoAnswer) -> SlackFailure:
    """Nothing came back: surely not taken when nothing was sent, unknown otherwise."""
    return SlackFailure(
        FailureKind.TIMED_OUT if failure.timed_out else FailureKind.UNREACHABLE,
        "ambiguous" if failure.sent else "definite",
        failure.reason,
        remedy="" if failure.sent else "check the network, and slack.api_url; warroom doctor tries it",
    )


def refused(answer: WebAnswer, *, webhook: bool = False) -> SlackFailure:
    """What an answer that is not "ok" means."""
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


def _known_refusal(answer: WebAnswer, name: str, *, webhook: bool) -> SlackFailure | None:
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
    return SlackFailure(kind, "permanent", f"{reason} ({name})", remedy=remedy, error=name)


def _perhaps(reason: str, answer: WebAnswer, name: str) -> SlackFailure:
    shown = f"{reason} ({name})" if name else reason
    return SlackFailure(
        FailureKind.UNREACHABLE,
        "ambiguous",
        shown,
        remedy="see slack-status.com when it lasts",
        retry_after=answer.retry_after_s,
        error=name,
    )


def _not_taken(answer: WebAnswer, name: str) -> SlackFailure:
    words = _NOT_TAKEN.get(name, "Slack's rate limit is reached")
    shown = name or f"HTTP {answer.status}"
    is_limit = answer.status == 429 or "limit" in name
    return SlackFailure(
        FailureKind.RATE_LIMITED if is_limit else FailureKind.UNREACHABLE,
        "definite",
        f"{words} ({shown})",
        remedy="it is tried again by itself",
        retry_after=answer.retry_after_s,
        error=name,
    )


def _unexpected(answer: WebAnswer, name: str, *, webhook: bool) -> SlackFailure:
    """Nothing of what Slack documents: a name that is new, a proxy's page, a redirect."""
    setting = "slack.webhook_url" if webhook else "slack.api_url"
    if 300 <= answer.status < 400:
        return SlackFailure(
            FailureKind.UNREACHABLE,
            "permanent",
            f"the service answered with a redirect (HTTP {answer.status}), which was not followed",
            remedy=f"check {setting}, and whether a proxy or a sign-in page stands in the way",
        )
    if name:
        return _permanent(FailureKind.REJECTED, "Slack refused", name, "see Slack's documentation of this error")
    if answer.status >= 400:
        words = answer.words(80)
        said = f": {words}" if words.isprintable() and words and not words.startswith("<") else ""
        kind = FailureKind.DENIED if answer.status in {401, 403} else FailureKind.REJECTED
        remedy = _WEBHOOK if webhook else f"check {setting}"
        return SlackFailure(kind, "permanent", f"Slack refused with HTTP {answer.status}{said}", remedy=remedy)
    return SlackFailure(
        FailureKind.MALFORMED,
        "ambiguous",
        f"the answer (HTTP {answer.status}) is not one of Slack's",
        remedy=f"check {setting}, and whether a proxy stands in the way",
    )
