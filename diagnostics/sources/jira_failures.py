"""What Jira says instead of yes, told plainly: why not, which fields it wants, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from diagnostics.failures import FailureKind, NeverSent, SourceFailure
from diagnostics.sources.web_answers import NoAnswer, WebAnswer
from diagnostics.text import clean

SOURCE = "jira"

_ACCOUNT = "check jira.email and jira.token: make an API token for that account at id.atlassian.com"
_PERMISSION = "give the account of jira.email the permissions Browse, Create Issues and Add Comments in the project"
_ADDRESS = "check jira.url, jira.project, and that the account of jira.email may see the project"
_PROXY = "check jira.url, and whether a proxy or a sign-in page stands in the way"
_OF_SETTINGS = {
    "project": "set jira.project to the key of a project that the account may write to",
    "issuetype": "set jira.issue_type to a type that the project has",
}
_OURS = {"summary", "description", "labels"}


def no_answer(what: str, failure: NoAnswer) -> SourceFailure:
    """Nothing came back: `NeverSent` when nothing went out."""
    kind = FailureKind.TIMED_OUT if failure.timed_out else FailureKind.UNREACHABLE
    if failure.sent:
        return SourceFailure(kind, SOURCE, f"{what}: {failure.reason}", remedy="check the network when it lasts")
    return NeverSent(kind, SOURCE, f"{what}: {failure.reason}", remedy="check the network, and jira.url")


def unreadable(what: str) -> SourceFailure:
    """An answer of success whose body is not what it should be."""
    return SourceFailure(FailureKind.MALFORMED, SOURCE, f"the answer to {what} is not one of Jira's", remedy=_PROXY)


def refused(what: str, answer: WebAnswer, redact: Callable[[str], str]) -> SourceFailure:
    """What an answer of another status than 2xx means. `redact` removes the token from a text."""
    status, wait = answer.status, answer.retry_after_s
    words = redact(_words(answer))
    said = f": {words}" if words else ""
    if status == 429:
        reason = f"{what} is rate limited (HTTP 429)"
        return SourceFailure(
            FailureKind.RATE_LIMITED, SOURCE, reason, remedy="it is tried again by itself", retry_after=wait
        )
    if status >= 500 or status == 408:
        return SourceFailure(
            FailureKind.UNREACHABLE,
            SOURCE,
            f"{what} failed inside Jira (HTTP {status})",
            remedy="see status.atlassian.com when it lasts",
            retry_after=wait,
        )
    if 300 <= status < 400:
        reason = f"{what} was answered with a redirect (HTTP {status}), which was not followed"
        return SourceFailure(FailureKind.REJECTED, SOURCE, reason, remedy=_PROXY)
    if status in {401, 403}:
        reason = f"Jira does not permit {what} (HTTP {status}){said}"
        return SourceFailure(FailureKind.DENIED, SOURCE, reason, remedy=_ACCOUNT if status == 401 else _PERMISSION)
    if status == 404:
        return SourceFailure(FailureKind.REJECTED, SOURCE, f"Jira knows nothing for {what}{said}", remedy=_ADDRESS)
    return SourceFailure(
        FailureKind.REJECTED,
        SOURCE,
        f"Jira refused {what} (HTTP {status}){said}",
        remedy=_remedy(_field_errors(answer)),
    )


def _field_errors(answer: WebAnswer) -> Mapping[str, str]:
    """Field to what Jira says about it."""
    errors = (answer.document() or {}).get("errors")
    if not isinstance(errors, dict):
        return {}
    return {clean(str(name), limit=80): clean(str(text), limit=200) for name, text in list(errors.items())[:8]}


def _words(answer: WebAnswer) -> str:
    """Its sentences and its fields, each with what is wrong with it; one short line."""
    given = (answer.document() or {}).get("errorMessages")
    messages = [one for one in given if isinstance(one, str)][:3] if isinstance(given, list) else []
    fields = [f"{name}: {text}" for name, text in _field_errors(answer).items()]
    return clean("; ".join([*messages, *fields]), limit=400)


def _remedy(fields: Mapping[str, str]) -> str:
    known = [_OF_SETTINGS[name] for name in fields if name in _OF_SETTINGS]
    wanted = [name for name in fields if name not in _OF_SETTINGS and name not in _OURS]
    if wanted:
        known.append(
            f"the project wants {', '.join(wanted)}, which the console does not fill in: make it optional for this "
            "issue type, or set jira.issue_type to a type without it"
        )
    return "; ".join(known) or "open the issue by hand, and tell the console's maintainers"
