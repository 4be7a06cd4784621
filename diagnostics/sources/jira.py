"""Jira Cloud: issues opened once and found again by a label of our own, and comments on them.

A request that writes is sent once and never repeated by itself. Source: the REST API, version 3, with the e-mail and
the API token of an account. The token is in no text that leaves this module.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from diagnostics.core.credentials import CredentialGuard
from diagnostics.core.failures import FailureKind, Sent, SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now
from diagnostics.core.words import left_out, listed, units, within_units
from diagnostics.models.evidence import Evidence
from diagnostics.sources.http import HttpClient, HttpRequest, HttpResponse, NoAnswer, Why, travels_unencrypted

if TYPE_CHECKING:
    from diagnostics.config.settings import JiraSettings
    from diagnostics.sources.proxies import Route

SOURCE = "jira"

CONNECT_S = 3.0
KEPT = 2
"""Connections for reading that stay open."""
MOST_BYTES = 4_000_000
"""Of an answer; the pages that are asked for are a tenth of it."""
LONGEST_SUMMARY, LONGEST_TEXT = 255, 30_000
"""UTF-16 units, as Java counts, of a summary and of a description or comment. Jira takes 255 of one, and 32,767 of the
other with what its own way of writing paragraphs adds."""
_PAGE, _MOST_PAGES = 100, 5
_ALIKE = 50
"""Issues of one search for ours."""
_API = "/rest/api/3"


_ACCOUNT = "check jira.email and jira.token: make an API token for that account at id.atlassian.com"
_CAPTCHA = (
    "log in once as jira.email in a browser and solve the CAPTCHA that Jira shows there, then check jira.token: no "
    "token is accepted before that"
)
_UNLABELLED = "stands here in place of a label: the field Labels is not on this project's create screen."
_PERMISSION = "give the account of jira.email the permissions Browse, Create Issues and Add Comments in the project"
_ADDRESS = "check jira.url, jira.project, and that the account of jira.email may see the project"
_PROXY = "check jira.url, and whether a proxy or a sign-in page stands in the way"
_OF_SETTINGS = {
    "project": "set jira.project to the key of a project that the account may write to",
    "issuetype": "set jira.issue_type to a type that the project has",
}
OURS = frozenset({"project", "issuetype", "summary", "description", "labels"})
"""Fields that the console fills in."""
REPORTER = "reporter"
"""Often required, and filled in by Jira with whose token it is."""
PERMISSIONS: Mapping[str, str] = MappingProxyType(
    {"BROWSE_PROJECTS": "Browse Projects", "CREATE_ISSUES": "Create Issues", "ADD_COMMENTS": "Add Comments"}
)
"""What the account has to be allowed in the project, by Jira's names for programs and for people."""


@dataclass(slots=True, frozen=True)
class JiraIssue:
    """An issue that is there."""

    key: str
    """Such as "ZYN-482"."""
    labels: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class JiraField:
    """A field of the screen on which issues are created."""

    id: str
    """Such as "labels" or "customfield_10042"."""
    name: str
    required: bool
    """It has to be filled in, and Jira fills in nothing by itself."""


@dataclass(slots=True, frozen=True)
class JiraComment:
    """A comment that is there."""

    id: str
    created: datetime | None = None
    text: str = ""
    """Its document as JSON: for looking whether our key is in it, not for reading."""


class FieldsRefused(SourceFailure):
    """Jira refused values of some fields; nothing was created or changed."""

    def __init__(self, reason: str, remedy: str, fields: Mapping[str, str]) -> None:
        super().__init__(FailureKind.REJECTED, SOURCE, reason, remedy=remedy)
        self.fields = fields
        """Field to what Jira says about it."""


class AnswerTooLarge(SourceFailure):
    """The answer is larger than is read; asked for less at a time, it may be read."""

    def __init__(self, what: str, failure: NoAnswer) -> None:
        remedy = "look in Jira yourself"
        super().__init__(failure.kind, SOURCE, f"{what}: {failure.reason}", remedy=remedy, sent=failure.sent)


class Jira:
    """One site. Blocking and thread-safe; every call ends within the time limit. Raises SourceFailure."""

    def __init__(self, settings: JiraSettings, route: Route | None = None) -> None:
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
        self._guard = CredentialGuard([settings.token] if settings.token is not None else [])

    def __repr__(self) -> str:
        return "Jira()"

    def create(self, *, project: str, issue_type: str, summary: str, text: str, label: str) -> JiraIssue:
        """Open one issue. Sent once: whoever meets a failure looks with `marked` whether it exists.

        `text` is plain; an empty line begins a new paragraph. Where the project's create screen has no labels, Jira
        refuses the whole issue: it is then opened without, and the end of its description says so and holds the label.
        Source: POST /rest/api/3/issue.
        """
        fields = {
            "project": {"key": project},
            "issuetype": {"name": issue_type},
            "summary": within_units(clean(summary), LONGEST_SUMMARY),
            "description": document(text),
            "labels": [label],
        }
        what = "the creation of an issue"
        labels: tuple[str, ...] = (label,)
        try:
            answer = self._ask(what, "POST", "/issue", body={"fields": fields})
        except FieldsRefused as failure:
            if set(failure.fields) != {"labels"} or "screen" not in failure.fields["labels"]:
                raise
            # Nothing was created, and nothing else was wrong.
            del fields["labels"]
            fields["description"], labels = document(text, f"{mark(label)} {_UNLABELLED}"), ()
            answer = self._ask(what, "POST", "/issue", body={"fields": fields})
        key = _object(answer, what).get("key")
        if not isinstance(key, str) or not key:
            raise unreadable(what)
        return JiraIssue(clean(key, limit=64), labels)

    def marked(self, label: str) -> tuple[JiraIssue, ...]:
        """The issues that carry exactly this label, or hold it in their description where labels could not be set.

        The search index may lag some seconds behind. Source: POST /rest/api/3/search/jql.
        """
        what, sought = "the search for issues", mark(label)
        either = f"labels = {_quoted(label)} OR description ~ {_quoted(_quoted(label))}"
        body = {"jql": f"{either} ORDER BY created ASC", "fields": ["labels", "description"], "maxResults": _ALIKE}
        found = _object(self._ask(what, "POST", "/search/jql", body=body), what).get("issues")
        if not isinstance(found, list):
            raise unreadable(what)
        # A search of words finds what is alike, too.
        issues = [(_issue(one, what), orjson.dumps(one["fields"].get("description")).decode()) for one in found]
        ours = tuple(one for one, description in issues if label in one.labels or sought in description)
        if not ours and len(found) >= _ALIKE:
            # Ours may stand behind these: to say that there is none would open it a second time.
            raise _more(f"more than {_ALIKE} issues look like the one that is sought ({label})")
        return ours

    def newest(self, project: str) -> datetime | None:
        """When the newest issue of a project was created that the search shows; None where it shows none at all.

        None for a login without the permission Browse too: the search leaves out what may not be seen, without a word.
        Source: POST /rest/api/3/search/jql.
        """
        what = "the search for the newest issue"
        body = {"jql": f"project = {_quoted(project)} ORDER BY created DESC", "fields": ["created"], "maxResults": 1}
        found = _object(self._ask(what, "POST", "/search/jql", body=body), what).get("issues")
        if not isinstance(found, list):
            raise unreadable(what)
        fields = [one.get("fields") for one in found if isinstance(one, dict)]
        moments = [_moment(one.get("created")) for one in fields if isinstance(one, dict)]
        return max((one for one in moments if one is not None), default=None)

    def comment(self, key: str, text: str, last: str = "") -> JiraComment:
        """Write one comment; `last` is its last paragraph. Sent once. Source: POST /rest/api/3/issue/{key}/comment."""
        what = f"the comment on {key}"
        answer = self._ask(what, "POST", f"/issue/{_path(key)}/comment", body={"body": document(text, last)})
        return _comment(_object(answer, what), what)

    def comments(self, key: str, since: datetime) -> Iterator[JiraComment]:
        """Comments created at `since` (aware) or later, the newest first, page after page while they are read.

        Raises SourceFailure, also (REJECTED) when there are more than the pages that are read.
        Source: GET /rest/api/3/issue/{key}/comment.
        """
        what = f"reading the comments of {key}"
        start, size = 0, _PAGE
        while start < _MOST_PAGES * _PAGE:
            asked = {"orderBy": "-created", "startAt": str(start), "maxResults": str(size)}
            try:
                answer = self._ask(what, "GET", f"/issue/{_path(key)}/comment", params=asked)
            except AnswerTooLarge:
                if size == 1:
                    raise
                # Larger than is read at once: the same place again, in smaller parts.
                size = max(1, size // 8)
                continue
            found = _object(answer, what).get("comments")
            if not isinstance(found, list):
                raise unreadable(what)
            for one in found:
                comment = _comment(one, what)
                if comment.created is not None and comment.created < since:
                    return
                yield comment
            if len(found) < size:
                return
            start += size
        raise _more(f"{key} has more than {_MOST_PAGES * _PAGE} comments to look through")

    def probe(self) -> Evidence:
        """Whether the account is accepted. Changes nothing. Source: GET /rest/api/3/myself."""
        what, started_at, started = "reading the account", utc_now(), time.monotonic()
        _object(self._ask(what, "GET", "/myself"), what)
        took_ms = (time.monotonic() - started) * 1_000
        return Evidence(source=SOURCE, query=f"GET {_API}/myself", started_at=started_at, took_ms=took_ms, rows=1)

    def permissions(self, project: str) -> Mapping[str, bool]:
        """Which of `PERMISSIONS` the account has in a project; REJECTED for a project that it does not see.

        Source: GET /rest/api/3/mypermissions.
        """
        what = f"reading the permissions in {project}"
        asked = {"permissions": ",".join(PERMISSIONS), "projectKey": project}
        found = _object(self._ask(what, "GET", "/mypermissions", params=asked), what).get("permissions")
        if not isinstance(found, dict):
            raise unreadable(what)
        return {
            name: isinstance(one := found.get(name), dict) and one.get("havePermission") is True for name in PERMISSIONS
        }

    def issue_types(self, project: str) -> Mapping[str, str]:
        """Name to id of the issue types that may be created in a project. Source: GET …/createmeta/{key}/issuetypes."""
        what = f"reading the issue types of {project}"
        path = f"/issue/createmeta/{_path(project)}/issuetypes"
        types: dict[str, str] = {}
        for one in self._listed(path, what, "issueTypes"):
            name, identity = one.get("name"), one.get("id")
            if isinstance(name, str) and isinstance(identity, str):
                types[clean(name, limit=120)] = identity
        return types

    def create_fields(self, project: str, type_id: str) -> tuple[JiraField, ...]:
        """The fields of the screen on which issues of a type are created.

        Source: GET …/createmeta/{key}/issuetypes/{id}.
        """
        what = f"reading the create screen of {project}"
        path = f"/issue/createmeta/{_path(project)}/issuetypes/{_path(type_id)}"
        fields = []
        for one in self._listed(path, what, "fields"):
            identity, name = one.get("fieldId") or one.get("key"), one.get("name")
            if isinstance(identity, str):
                required = one.get("required") is True and one.get("hasDefaultValue") is not True
                shown = clean(name if isinstance(name, str) else identity, limit=120)
                fields.append(JiraField(clean(identity, limit=80), shown, required))
        return tuple(fields)

    def _listed(self, path: str, what: str, name: str) -> Iterator[dict[str, Any]]:
        """The items of a paged list. Jira Cloud calls them `name`, a server of one's own "values"."""
        start = 0
        for _ in range(_MOST_PAGES):
            asked = {"startAt": str(start), "maxResults": str(_PAGE)}
            page = _object(self._ask(what, "GET", path, params=asked), what)
            found = page.get(name, page.get("values"))
            if not isinstance(found, list):
                raise unreadable(what)
            yield from (one for one in found if isinstance(one, dict))
            start, total = start + len(found), page.get("total")
            if not found or (start >= total if isinstance(total, int) else len(found) < _PAGE):
                return
        raise _more(f"{what}: there are more than the {start} that are read")

    def close(self) -> None:
        """End what is under way."""
        self._http.close()

    # ---- the wire

    def _ask(
        self,
        what: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object | None = None,
    ) -> HttpResponse:
        def attempt() -> HttpResponse:
            return self._attempt(what, method, path, params, body)

        return self._guard.ask(attempt, _is_about_the_token, _withheld)

    def _attempt(
        self, what: str, method: str, path: str, params: Mapping[str, str] | None, body: object | None
    ) -> HttpResponse:
        headers = {"Authorization": self._authorization(), "Accept": "application/json"}
        url = f"{self._settings.url}{_API}{path}"
        try:
            request = HttpRequest.of(method, url, headers=headers, params=(params or {}).items(), body=body)
            answer = self._http.ask(request)
        except NoAnswer as failure:
            told = no_answer(what, failure)
        else:
            if 200 <= answer.status < 300 and not _is_anonymous(answer):
                return answer
            told = refused(what, answer, self._redact)
        raise told

    def _authorization(self) -> str:
        token = self._token()
        if not token or not self._settings.url or not self._settings.email:
            given = {"jira.url": self._settings.url, "jira.email": self._settings.email, "jira.token": token}
            missing = listed(name for name, value in given.items() if not value)
            raise _not_configured("jira.url, jira.email and jira.token have to be set", f"set {missing}")
        if travels_unencrypted(self._settings.url):
            raise _not_configured("jira.url is plain http: the token would travel unencrypted", "use https")
        return "Basic " + base64.b64encode(f"{self._settings.email}:{token}".encode()).decode()

    def _token(self) -> str:
        secret, told = self._settings.token, None
        try:
            return "" if secret is None else secret.get_secret_value().strip()
        except UserError as error:
            told = _not_configured(error.problem, error.accepted)
        raise told

    def _redact(self, text: str) -> str:
        """`text` without the token, should the service have repeated it."""
        token = self._token()
        return text.replace(token, "[token]") if token else text


def mark(label: str) -> str:
    """How a label stands in a text: between brackets, so that none is the beginning of another one."""
    return f"[{label}]"


def document(text: str, last: str = "") -> dict[str, Any]:
    """Plain text as an Atlassian document: an empty line begins a paragraph, a line break stays one.

    A text that is too long for Jira is cut, and says so; `last` is a paragraph that stands in any case.
    """
    ending = f"\n\n{last}" if last else ""
    words = clean(text, limit=2 * LONGEST_TEXT, multiline=True).strip()
    shown = _within(words, LONGEST_TEXT - units(ending), max(len(words), len(text.strip()))) + ending
    paragraphs = shown.split("\n\n")
    content = [_paragraph(one.strip("\n")) for one in paragraphs if one.strip()]
    return {"type": "doc", "version": 1, "content": content or [{"type": "paragraph", "content": []}]}


def _within(text: str, most: int, whole: int) -> str:
    """The text in at most `most` UTF-16 units; one that is cut says how much of `whole` characters is missing."""
    if units(text) <= most and len(text) >= whole:
        return text

    def note(kept: int) -> str:
        return (
            f"\n\n[cut here: Jira takes no more, {left_out(kept, whole)};"
            " the whole text stands in the console, with the incident's deliveries]"
        )

    kept = within_units(text, most - units(note(0)), "")
    return kept + note(len(kept))


def _paragraph(text: str) -> dict[str, Any]:
    content: list[dict[str, str]] = []
    for number, line in enumerate(text.split("\n")):
        if number:
            content.append({"type": "hardBreak"})
        if line:  # Jira refuses a text node without text
            content.append({"type": "text", "text": line})
    return {"type": "paragraph", "content": content}


def _quoted(value: str) -> str:
    """A value of JQL, which knows no parameters: quoted, with what could end the quotation escaped."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _path(key: str) -> str:
    return quote(key, safe="")


def _object(answer: HttpResponse, what: str) -> dict[str, Any]:
    read = answer.document()
    if read is None:
        raise unreadable(what)
    return read


def _issue(value: object, what: str) -> JiraIssue:
    key = value.get("key") if isinstance(value, dict) else None
    fields = value.get("fields") if isinstance(value, dict) else None
    labels = fields.get("labels") if isinstance(fields, dict) else None
    if not isinstance(key, str) or not isinstance(labels, list):
        raise unreadable(what)
    return JiraIssue(clean(key, limit=64), tuple(clean(one, limit=256) for one in labels if isinstance(one, str)))


def _comment(value: object, what: str) -> JiraComment:
    identity = value.get("id") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(identity, str) or not identity:
        raise unreadable(what)
    text = orjson.dumps(value.get("body")).decode()
    return JiraComment(clean(identity, limit=64), _moment(value.get("created")), clean(text, limit=100_000))


def _moment(value: object) -> datetime | None:
    """A moment as Jira writes it, such as 2025-11-17T13:31:04.120+0000; None when it is none."""
    try:
        moment = datetime.strptime(str(value), "%Y-%m-%dT%H:%M:%S.%f%z")
    except ValueError:
        return None
    return moment


def _more(reason: str) -> SourceFailure:
    """There is more than is read: what was looked for may be there."""
    return SourceFailure(FailureKind.REJECTED, SOURCE, reason, remedy="look in Jira yourself")


def _not_configured(reason: str, remedy: str) -> SourceFailure:
    return SourceFailure(FailureKind.NOT_CONFIGURED, SOURCE, reason, remedy=remedy)


def no_answer(what: str, failure: NoAnswer) -> SourceFailure:
    """Nothing came back, or nothing went out."""
    if failure.why is Why.TOO_LARGE:
        return AnswerTooLarge(what, failure)
    remedy = "check the network, and jira.url" if failure.sent is Sent.NOT_SENT else "check the network when it lasts"
    remedy = failure.remedy or remedy
    return SourceFailure(failure.kind, SOURCE, f"{what}: {failure.reason}", remedy=remedy, sent=failure.sent)


def unreadable(what: str) -> SourceFailure:
    """An answer of success whose body is not what it should be."""
    return SourceFailure(FailureKind.MALFORMED, SOURCE, f"the answer to {what} is not one of Jira's", remedy=_PROXY)


def _is_about_the_token(failure: SourceFailure) -> bool:
    return failure.kind is FailureKind.DENIED and failure.remedy in {_ACCOUNT, _CAPTCHA}


def _is_anonymous(answer: HttpResponse) -> bool:
    """Whether the login was refused, whatever the status: what everybody may read Jira answers nevertheless, with 200.

    A search then finds nothing, and an issue that is there would be opened a second time.
    """
    reason = answer.headers.get("X-Seraph-LoginReason", "")
    return any(one.strip() in {"AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED"} for one in reason.split(","))


def _login_refused(what: str, answer: HttpResponse) -> SourceFailure | None:
    """The failure of an answer whose headers say that nobody is logged in; None for any other."""
    if _wants_captcha(answer):
        reason = f"Jira wants a CAPTCHA before it looks at any login of this account: {what} was refused"
        return SourceFailure(FailureKind.DENIED, SOURCE, reason, remedy=_CAPTCHA)
    if _is_anonymous(answer):
        reason = f"Jira does not accept the login (HTTP {answer.status}, AUTHENTICATED_FAILED): {what} was refused"
        return SourceFailure(FailureKind.DENIED, SOURCE, reason, remedy=_ACCOUNT)
    return None


def _wants_captcha(answer: HttpResponse) -> bool:
    """Whether the password was not even looked at, after too many wrong ones."""
    said = answer.headers.get("X-Authentication-Denied-Reason", ""), answer.headers.get("X-Seraph-LoginReason", "")
    return "CAPTCHA" in said[0] or "AUTHENTICATION_DENIED" in said[1]


def _withheld(wait_s: float) -> SourceFailure:
    reason = f"Jira refused the token, and it is not sent again for {wait_s:.0f} s"
    return SourceFailure(FailureKind.DENIED, SOURCE, reason, remedy=_ACCOUNT, retry_after=wait_s)


def refused(what: str, answer: HttpResponse, redact: Callable[[str], str]) -> SourceFailure:
    """Failure for an answer of another status than 2xx. `redact` removes the token from a text."""
    status = answer.status
    words = redact(_words(answer))
    said = f": {words}" if words else ""
    if (told := _login_refused(what, answer) or _not_now(what, answer)) is not None:
        return told
    if 300 <= status < 400:
        reason = f"{what} was answered with a redirect (HTTP {status}), which was not followed"
        return SourceFailure(FailureKind.REJECTED, SOURCE, reason, remedy=_PROXY)
    if status in {401, 403}:
        reason = f"Jira does not permit {what} (HTTP {status}){said}"
        return SourceFailure(FailureKind.DENIED, SOURCE, reason, remedy=_ACCOUNT if status == 401 else _PERMISSION)
    if status == 404:
        return SourceFailure(FailureKind.REJECTED, SOURCE, f"Jira knows nothing for {what}{said}", remedy=_ADDRESS)
    fields = _field_errors(answer)
    return FieldsRefused(f"Jira refused {what} (HTTP {status}){said}", _remedy(fields), fields)


def _not_now(what: str, answer: HttpResponse) -> SourceFailure | None:
    """The failure of an answer that may be another one later; None for any other."""
    status, wait = answer.status, answer.headers.retry_after_s
    if status == 429:
        return SourceFailure(FailureKind.RATE_LIMITED, SOURCE, f"{what} is rate limited (HTTP 429)", retry_after=wait)
    if status >= 500 or status == 408:
        return SourceFailure(
            FailureKind.UNREACHABLE,
            SOURCE,
            f"{what} failed inside Jira (HTTP {status})",
            remedy="see status.atlassian.com when it lasts",
            retry_after=wait,
        )
    return None


def _field_errors(answer: HttpResponse) -> Mapping[str, str]:
    """Field to what Jira says about it."""
    errors = (answer.document() or {}).get("errors")
    if not isinstance(errors, dict):
        return {}
    return {clean(str(name), limit=80): clean(str(text), limit=200) for name, text in list(errors.items())[:8]}


def _words(answer: HttpResponse) -> str:
    """Its sentences and its fields, each with what is wrong with it; one short line."""
    given = (answer.document() or {}).get("errorMessages")
    messages = [one for one in given if isinstance(one, str)][:3] if isinstance(given, list) else []
    fields = [f"{name}: {text}" for name, text in _field_errors(answer).items()]
    return clean("; ".join([*messages, *fields]), limit=400)


def _remedy(fields: Mapping[str, str]) -> str:
    known = [_OF_SETTINGS[name] for name in fields if name in _OF_SETTINGS]
    wanted = [name for name in fields if name not in _OF_SETTINGS and name not in OURS]
    if wanted:
        known.append(
            f"the project wants {', '.join(wanted)}, which the console does not fill in: make it optional for this "
            "issue type, or set jira.issue_type to a type without it"
        )
    return "; ".join(known) or "open the issue by hand, and tell the console's maintainers"
