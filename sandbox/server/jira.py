"""Jira Cloud's stand-in: issues, search by JQL, comments and transitions of its REST API, version 3."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.server.recorder import Recorder, SlowIndex

EMAIL = "warroom@followupboss.com"
PROJECT = "ZYN"
ISSUE_TYPES = {"Bug": "10004", "Task": "10002", "Incident": "10011"}
_ACCOUNT = {
    "accountId": "5f7d0e1c2b3a4d0069a1b2c3",
    "accountType": "atlassian",
    "active": True,
    "displayName": "War Room",
    "emailAddress": EMAIL,
    "timeZone": "America/New_York",
}
_PERMISSIONS = {
    "BROWSE_PROJECTS": ("10", "Browse Projects"),
    "CREATE_ISSUES": ("11", "Create Issues"),
    "ADD_COMMENTS": ("15", "Add Comments"),
}
_SCREEN = (
    ("summary", "Summary", True, False),
    ("issuetype", "Issue Type", True, False),
    ("project", "Project", True, False),
    ("reporter", "Reporter", True, False),
    ("priority", "Priority", True, True),
    ("description", "Description", False, False),
    ("labels", "Labels", False, False),
)
"""Fields of the create screen: id, name, whether it is required, whether it has a default value."""
_FIRST = 482
_FIRST_ID = 10_482
_STATUSES = {"11": ("Open", "new"), "21": ("In Progress", "indeterminate"), "31": ("Done", "done")}
"""Transition id to the status it leads to and that status's category."""
_QUOTED = r"\"((?:[^\"\\]|\\.)*)\""
_TERM = re.compile(rf"\s*(\w+)\s*(=|!=|~|\bin\b)\s*(?:\(([^()]*)\)|{_QUOTED}|([\w.-]+))\s*", re.IGNORECASE)
_JOINED = re.compile(r"(and|or)\b", re.IGNORECASE)
_ORDER = re.compile(r"order\s+by\s+\w+(\s+(asc|desc))?\s*$", re.IGNORECASE)
_MOST = 5_000


class JiraRefused(Exception):  # noqa: N818  # Jira refuses; nothing is broken here
    """A request that is answered with a status and Jira's two lists of what is wrong."""

    def __init__(
        self,
        status: int,
        *messages: str,
        errors: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.headers = dict(headers or {})
        self.content = {"errorMessages": list(messages), "errors": dict(errors or {})}
        super().__init__(status)


@dataclass(slots=True)
class JiraStandIn:
    """One site with one project. Methods return the content of a successful answer, or raise the refusal."""

    token: str
    base_url: str
    recorder: Recorder
    issues: list[dict[str, Any]] = field(default_factory=list)
    index: SlowIndex = field(default_factory=SlowIndex)
    comments_made: int = 0

    def check(self, authorization: str) -> None:
        """Raise `JiraRefused` (401) unless e-mail and token are ours."""
        scheme, _, encoded = authorization.partition(" ")
        try:
            given = base64.b64decode(encoded, validate=True) if scheme.lower() == "basic" else b""
        except binascii.Error:
            given = b""
        if not hmac.compare_digest(given, f"{EMAIL}:{self.token}".encode()):
            raise JiraRefused(401, "Client must be authenticated to access this resource.")

    def myself(self) -> dict[str, Any]:
        """`GET /rest/api/3/myself`."""
        return {"self": f"{self.base_url}/rest/api/3/user?accountId={_ACCOUNT['accountId']}", **_ACCOUNT}

    def permissions(self, given: Mapping[str, Any], lacking: Collection[str]) -> dict[str, Any]:
        """`GET /rest/api/3/mypermissions` within a project; raises `JiraRefused` (400, 404)."""
        self._project(str(given.get("projectKey") or ""))
        asked = str(given.get("permissions") or "").split(",")
        if unknown := [name for name in asked if name not in _PERMISSIONS]:
            raise JiraRefused(400, f"Unrecognized permission: {unknown[0]}")
        return {
            "permissions": {
                name: {
                    "id": _PERMISSIONS[name][0],
                    "key": name,
                    "name": _PERMISSIONS[name][1],
                    "type": "PROJECT",
                    "description": "",
                    "havePermission": name not in lacking,
                }
                for name in asked
            }
        }

    def types(self, project: str, given: Mapping[str, Any], *, may: bool) -> dict[str, Any]:
        """`GET …/issue/createmeta/{project}/issuetypes`: none for who may not create; raises `JiraRefused` (404)."""
        self._project(project)
        base = f"{self.base_url}/rest/api/3/issuetype"
        found = [
            {
                "self": f"{base}/{number}",
                "id": number,
                "description": "",
                "iconUrl": f"{self.base_url}/images/icons/issuetypes/{name.lower()}.png",
                "name": name,
                "untranslatedName": name,
                "subtask": False,
                "hierarchyLevel": 0,
            }
            for name, number in ISSUE_TYPES.items()
        ]
        return _listing("issueTypes", found if may else [], given)

    def fields(
        self, project: str, type_id: str, given: Mapping[str, Any], required: str, hidden: str
    ) -> dict[str, Any]:
        """`GET …/issue/createmeta/{project}/issuetypes/{id}`: the create screen; raises `JiraRefused` (404)."""
        self._project(project)
        if type_id not in ISSUE_TYPES.values():
            raise JiraRefused(404, "Issue type not found.")
        screen = [*_SCREEN, *([(required, "Cause", True, False)] if required else [])]
        found = [
            {
                "required": is_required,
                "schema": {"type": "array" if name == "labels" else "string", "system": name},
                "name": shown,
                "key": name,
                "fieldId": name,
                "hasDefaultValue": has_default,
                "operations": ["add", "set", "remove"] if name == "labels" else ["set"],
            }
            for name, shown, is_required, has_default in screen
            if name != hidden
        ]
        return _listing("fields", found, given)

    def _project(self, key: str) -> None:
        if key != PROJECT:
            raise JiraRefused(404, f"No project could be found with key '{key}'.")

    def create(self, body: Mapping[str, Any], required: str, hidden: str = "") -> dict[str, Any]:
        """`POST /rest/api/3/issue`; raises `JiraRefused` (400).

        `required` is a field that has to be filled in, `hidden` one that is not on the create screen.
        """
        fields = body.get("fields")
        if not isinstance(fields, dict):
            raise JiraRefused(400, "Field 'fields' is required.")
        wrong = _wrong_fields(fields)
        if required and not fields.get(required):
            wrong[required] = "Cause is required."
        if hidden and hidden in fields:
            wrong[hidden] = f"Field '{hidden}' cannot be set. It is not on the appropriate screen, or unknown."
        if wrong:
            raise JiraRefused(400, errors=wrong)
        number = len(self.issues)
        identity, key = str(_FIRST_ID + number), f"{PROJECT}-{_FIRST + number}"
        issue: dict[str, Any] = {
            "expand": "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations",
            "id": identity,
            "self": f"{self.base_url}/rest/api/3/issue/{identity}",
            "key": key,
            "fields": {
                **fields,
                "project": {"id": "10020", "key": PROJECT, "name": "Zynaptic Overlords"},
                "labels": list(fields.get("labels") or []),
                "status": _status("11"),
                "created": _now(),
                "reporter": _ACCOUNT,
                "comment": [],
            },
        }
        self.issues.append(issue)
        self.recorder.store(
            "issues",
            "jira",
            {
                "key": key,
                "summary": fields["summary"],
                "labels": issue["fields"]["labels"],
                "issue_type": fields["issuetype"].get("name"),
                "description": _text(fields.get("description")),
                "fields": fields,
            },
        )
        return {"id": identity, "key": key, "self": issue["self"]}

    def search(self, given: Mapping[str, Any], lag: int) -> dict[str, Any]:
        """`/rest/api/3/search/jql`: ids only unless fields are asked for; the last page has no next token."""
        terms = _terms(str(given.get("jql") or ""))
        found = [issue for issue in reversed(self.issues) if _matches(issue, terms) and self._shows(issue, lag)]
        start, size = _place(given)
        wanted = given.get("fields") or ["id"]
        names = wanted.split(",") if isinstance(wanted, str) else list(wanted)
        page = [_shown(issue, names) for issue in found[start : start + size]]
        answer: dict[str, Any] = {"issues": page, "isLast": start + size >= len(found)}
        if not answer["isLast"]:
            answer["nextPageToken"] = base64.b64encode(f"from:{start + size}".encode()).decode()
        return answer

    def comment(self, key: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """`POST /rest/api/3/issue/{key}/comment`; raises `JiraRefused` (400, 404)."""
        issue = self._issue(key)
        if not _is_document(body.get("body")):
            raise JiraRefused(400, errors={"comment": "Comment body is not valid!"})
        self.comments_made += 1
        identity = str(20_000 + self.comments_made)
        made = {
            "self": f"{self.base_url}/rest/api/3/issue/{issue['id']}/comment/{identity}",
            "id": identity,
            "author": _ACCOUNT,
            "body": body["body"],
            "updateAuthor": _ACCOUNT,
            "created": _now(),
            "updated": _now(),
            "jsdPublic": True,
        }
        issue["fields"]["comment"].append(made)
        self.recorder.store("comments", "jira", {"key": issue["key"], "id": identity, "text": _text(body["body"])})
        return made

    def comments(self, key: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """`GET /rest/api/3/issue/{key}/comment`; raises `JiraRefused` (404)."""
        found = list(self._issue(key)["fields"]["comment"])
        if given.get("orderBy") == "-created":
            found.reverse()
        start, size = int(given.get("startAt") or 0), min(int(given.get("maxResults") or 100), 100)
        page = found[start : start + size]
        return {"startAt": start, "maxResults": size, "total": len(found), "comments": page}

    def transitions(self, key: str) -> dict[str, Any]:
        """`GET /rest/api/3/issue/{key}/transitions`; raises `JiraRefused` (404)."""
        self._issue(key)
        listed = [
            {
                "id": number,
                "name": name,
                "to": _status(number),
                "hasScreen": False,
                "isGlobal": True,
                "isInitial": False,
                "isAvailable": True,
                "isConditional": False,
            }
            for number, (name, _category) in _STATUSES.items()
        ]
        return {"expand": "transitions", "transitions": listed}

    def transition(self, key: str, body: Mapping[str, Any]) -> None:
        """`POST /rest/api/3/issue/{key}/transitions`; raises `JiraRefused` (400, 404)."""
        issue = self._issue(key)
        number = str((body.get("transition") or {}).get("id") or "")
        if number not in _STATUSES:
            raise JiraRefused(400, "It seems that you have tried to perform an illegal workflow operation.")
        issue["fields"]["status"] = _status(number)
        self.recorder.store("updates", "jira", {"key": issue["key"], "changed": {"status": _STATUSES[number][0]}})

    def _issue(self, key: str) -> dict[str, Any]:
        for issue in self.issues:
            if key in {issue["key"], issue["id"]}:
                return issue
        raise JiraRefused(404, "Issue does not exist or you do not have permission to see it.")

    def _shows(self, issue: dict[str, Any], lag: int) -> bool:
        return not lag or self.index.shows(issue["id"], lag)


def _listing(name: str, found: list[dict[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """One page of a list, as Jira Cloud pages its create metadata."""
    start, size = int(given.get("startAt") or 0), min(int(given.get("maxResults") or 50), 200)
    return {name: found[start : start + size], "maxResults": size, "startAt": start, "total": len(found)}


def _wrong_fields(fields: Mapping[str, Any]) -> dict[str, str]:
    """Field to what is wrong with it, in Jira's words."""
    wrong: dict[str, str] = {}
    if (fields.get("project") or {}).get("key") != PROJECT:
        wrong["project"] = "valid project is required"
    if (fields.get("issuetype") or {}).get("name") not in ISSUE_TYPES:
        wrong["issuetype"] = "Specify a valid issue type"
    summary = fields.get("summary")
    if not isinstance(summary, str) or not summary.strip():
        wrong["summary"] = "You must specify a summary of the issue."
    elif "\n" in summary:
        wrong["summary"] = "The summary is invalid because it contains newline characters."
    elif _units(summary) > 255:
        wrong["summary"] = "Summary can't exceed 255 characters."
    if "description" in fields and not _is_document(fields["description"]):
        wrong["description"] = "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
    elif _units(_text(fields.get("description"))) > 32_767:
        wrong["description"] = "The entered text is too long. It exceeds the allowed limit of 32,767 characters."
    for label in fields.get("labels") or []:
        if not isinstance(label, str) or re.search(r"\s", label):
            wrong["labels"] = f"The label '{label}' contains spaces which is invalid."
    return wrong


def _units(text: str) -> int:
    """Length as Jira counts it: in the units of Java's texts, of which an emoji has two."""
    return len(text.encode("utf-16-le")) // 2


def _is_document(value: object) -> bool:
    """Whether it is an Atlassian document whose every node has a type, and whose texts are not empty."""
    return isinstance(value, dict) and value.get("type") == "doc" and value.get("version") == 1 and _is_node(value)


def _is_node(value: object) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        return False
    if value["type"] == "text":
        return isinstance(value.get("text"), str) and bool(value["text"])
    return isinstance(value.get("content", []), list) and all(map(_is_node, value.get("content", [])))


def _text(document: object) -> str:
    """The words of an Atlassian document, one block a line."""
    if not isinstance(document, dict):
        return ""
    if document.get("type") == "text":
        return str(document.get("text"))
    if document.get("type") == "hardBreak":
        return "\n"
    between = "\n" if document.get("type") in {"doc", "bulletList", "listItem"} else ""
    return between.join(map(_text, document.get("content") or []))


def _status(number: str) -> dict[str, Any]:
    name, category = _STATUSES[number]
    return {"id": f"100{number}", "name": name, "statusCategory": {"key": category, "name": name}}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


Term = tuple[str, str, set[str]]


def _terms(jql: str) -> list[list[Term]]:
    """The restrictions of a query: joined by AND in lists that are joined by OR; raises `JiraRefused` (400)."""
    either: list[list[Term]] = [[]]
    place = 0
    while not _ORDER.match(jql, place) and jql[place:].strip():
        if either[0]:
            joined = _JOINED.match(jql, place)
            if joined is not None and joined[1].lower() == "or":
                either.append([])
            place = joined.end() if joined else len(jql)
        parsed = _TERM.match(jql, place)
        known = {"project", "labels", "key", "issuekey"} if parsed is None or parsed[2] != "~" else {"description"}
        if parsed is None or parsed[1].lower() not in known:
            raise JiraRefused(400, f"Error in the JQL Query: the stand-in cannot read it from character {place} on.")
        either[-1].append((parsed[1].lower(), parsed[2].lower(), _values(parsed)))
        place = parsed.end()
    if not either[0]:
        raise JiraRefused(400, "Unbounded JQL queries are not allowed here. Please add a search restriction.")
    return either


def _values(parsed: re.Match[str]) -> set[str]:
    if parsed[3] is not None:
        return {value.strip(' "') for value in parsed[3].split(",")}
    return {re.sub(r"\\(.)", r"\1", parsed[4]) if parsed[4] is not None else parsed[5]}


def _matches(issue: dict[str, Any], either: list[list[Term]]) -> bool:
    has = {
        "project": {PROJECT},
        "labels": set(issue["fields"]["labels"]),
        "key": {issue["key"]},
        "issuekey": {issue["key"]},
    }

    def holds(name: str, operator: str, values: set[str]) -> bool:
        if operator == "~":
            words = _text(issue["fields"].get("description")).lower()
            return any(value.strip('"').lower() in words for value in values)
        return bool(has[name] & values) is not (operator == "!=")

    return any(all(holds(*term) for term in terms) for terms in either)


def _shown(issue: dict[str, Any], names: list[str]) -> dict[str, Any]:
    if names == ["id"]:
        return {"id": issue["id"]}
    every = "*all" in names or "*navigable" in names
    fields = {name: value for name, value in issue["fields"].items() if every or name in names}
    return {**{name: issue[name] for name in ("expand", "id", "self", "key")}, "fields": fields}


def _place(given: Mapping[str, Any]) -> tuple[int, int]:
    size = str(given.get("maxResults") or 50)
    if not size.isdigit() or not 1 <= int(size) <= _MOST:
        raise JiraRefused(400, f"maxResults must be between 1 and {_MOST}.")
    token = str(given.get("nextPageToken") or "")
    if not token:
        return 0, int(size)
    try:
        word, _, number = base64.b64decode(token, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        word, number = "", ""
    if word != "from" or not number.isdigit():
        raise JiraRefused(400, "The provided next page token is invalid or expired.")
    return int(number), int(size)
