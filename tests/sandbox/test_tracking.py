"""The stand-ins of Jira and of Datadog's incidents: real shapes and real refusals."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.launch import SandboxProcess
from tests.sandbox.services import issue, paragraph


def test_an_issue_can_be_found_by_its_label_and_commented_on(outside: SandboxProcess, jira: httpx.Client) -> None:
    made = jira.post("/issue", json=issue(description=paragraph("What happened.")))
    assert made.status_code == 201
    key = made.json()["key"]
    assert key.startswith("ZYN-")
    jql = 'project = "ZYN" AND labels = "warroom-abc" ORDER BY created DESC'
    by_post = jira.post("/search/jql", json={"jql": jql, "fields": ["labels"]}).json()
    assert by_post["isLast"] is True
    assert by_post["issues"][0]["fields"] == {"labels": ["warroom-abc"]}
    by_get = jira.get("/search/jql", params={"jql": "labels = warroom-abc"}).json()
    assert by_get["issues"] == [{"id": made.json()["id"]}], "without fields, Jira answers with ids only"
    assert jira.get("/search/jql", params={"jql": 'labels = "warroom-abcd"'}).json()["issues"] == []
    comment = jira.post(f"/issue/{key}/comment", json={"body": paragraph("Batch retry runs.")})
    assert comment.status_code == 201
    assert jira.get(f"/issue/{key}/comment").json()["total"] == 1
    recorded = outside.recorded()
    assert [one["description"] for one in recorded.issues] == ["What happened."]
    assert [one["text"] for one in recorded.comments] == ["Batch retry runs."]


def test_search_pages_by_token(jira: httpx.Client) -> None:
    for _ in range(5):
        jira.post("/issue", json=issue())
    asked: dict[str, Any] = {"jql": "labels = warroom-abc", "maxResults": 2, "fields": ["summary"]}
    keys: list[str] = []
    while True:
        page = jira.post("/search/jql", json=asked).json()
        keys += [one["key"] for one in page["issues"]]
        if page["isLast"]:
            break
        asked["nextPageToken"] = page["nextPageToken"]
    assert len(keys) == len(set(keys)) == 5
    assert "nextPageToken" not in page


def test_an_issue_can_be_moved_through_its_workflow(outside: SandboxProcess, jira: httpx.Client) -> None:
    key = jira.post("/issue", json=issue()).json()["key"]
    ways = {one["name"]: one["id"] for one in jira.get(f"/issue/{key}/transitions").json()["transitions"]}
    assert jira.post(f"/issue/{key}/transitions", json={"transition": {"id": ways["Done"]}}).status_code == 204
    assert jira.post(f"/issue/{key}/transitions", json={"transition": {"id": "99"}}).status_code == 400
    (update,) = outside.recorded().updates
    assert update["changed"] == {"status": "Done"}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"project": {"key": "NOPE"}}, "project"),
        ({"issuetype": {"name": "Epic"}}, "issuetype"),
        ({"summary": ""}, "summary"),
        ({"summary": "two\nlines"}, "summary"),
        ({"description": "plain text"}, "description"),
        ({"description": paragraph("")}, "description"),
        ({"labels": ["two words"]}, "labels"),
    ],
)
def test_a_wrong_field_is_named(
    outside: SandboxProcess, jira: httpx.Client, fields: dict[str, Any], field: str
) -> None:
    answer = jira.post("/issue", json=issue(**fields))
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert outside.recorded().issues == []


@pytest.mark.parametrize("jql", ["", "order by created", "labels ~ x", "labels = 'a' OR labels = b", "assignee = me"])
def test_a_query_that_the_stand_in_cannot_read_is_refused(jira: httpx.Client, jql: str) -> None:
    assert jira.post("/search/jql", json={"jql": jql}).status_code == 400


@pytest.mark.parametrize(
    ("fault", "status"), [("unauthorized", 401), ("forbidden", 403), ("missing", 404), ("429:3", 429), ("503", 503)]
)
def test_jira_refuses_as_it_is_told_to(outside: SandboxProcess, jira: httpx.Client, fault: str, status: int) -> None:
    outside.set_faults(f"jira={fault}")
    answer = jira.post("/issue", json=issue())
    assert answer.status_code == status
    assert (answer.headers.get("retry-after") == "3") is (status == 429)
    assert jira.get("/myself").status_code == status


def test_jira_wants_the_right_token(outside: SandboxProcess) -> None:
    for auth in (None, ("warroom@followupboss.com", "wrong")):
        assert httpx.get(f"{outside.url}/rest/api/3/myself", auth=auth).status_code == 401


def opened(datadog: httpx.Client, **attributes: Any) -> httpx.Response:  # noqa: ANN401
    given = {"title": "Trouble", "customer_impacted": False} | attributes
    return datadog.post("/api/v2/incidents", json={"data": {"type": "incidents", "attributes": given}})


def test_an_incident_is_created_read_changed_and_searched(outside: SandboxProcess, datadog: httpx.Client) -> None:
    answer = opened(datadog, fields={"severity": {"type": "dropdown", "value": "SEV-2"}})
    assert answer.status_code == 201
    made = answer.json()["data"]
    place = f"/api/v2/incidents/{made['id']}"
    assert datadog.get(place).json()["data"] == made
    assert (made["attributes"]["severity"], made["attributes"]["state"]) == ("SEV-2", "active")
    change = {"fields": {"state": {"type": "dropdown", "value": "resolved"}}}
    body = {"data": {"type": "incidents", "id": made["id"], "attributes": change}}
    assert datadog.patch(place, json=body).json()["data"]["attributes"]["resolved"]
    for query, found in (
        ("state:resolved", 1),
        ("state:(active OR stable)", 0),
        ("severity:SEV-2 AND -state:active", 1),
    ):
        answer = datadog.get("/api/v2/incidents/search", params={"query": query})
        assert answer.json()["data"]["attributes"]["total"] == found
    assert len(datadog.get("/api/v2/incidents").json()["data"]) == 1
    (update,) = outside.recorded().updates
    assert update["changed"] == {"state": "resolved"}


@pytest.mark.parametrize(
    "attributes",
    [
        {"title": ""},
        {"customer_impacted": "no"},
        {"customer_impacted": True},
        {"fields": {"severity": {"type": "dropdown", "value": "SEV-9"}}},
        {"fields": {"severity": "SEV-1"}},
        {"initial_cells": [{"cell_type": "text"}]},
    ],
)
def test_a_wrong_incident_is_refused(
    outside: SandboxProcess, datadog: httpx.Client, attributes: dict[str, Any]
) -> None:
    answer = opened(datadog, **attributes)
    assert answer.status_code == 400
    assert answer.json()["errors"]
    assert outside.recorded().incidents == []


def test_words_are_no_search_for_incidents(datadog: httpx.Client) -> None:
    for query in ("", "Trouble", 'title:"Trouble"'):
        assert datadog.get("/api/v2/incidents/search", params={"query": query}).status_code == 400


def test_incidents_want_both_keys(outside: SandboxProcess) -> None:
    key = {"DD-API-KEY": str(outside.flags()["datadog.api_key"])}
    assert httpx.get(f"{outside.url}/api/v2/incidents", headers=key).status_code == 403


def test_permissions_issue_types_and_the_create_screen_are_told_as_jira_tells_them(
    outside: SandboxProcess, jira: httpx.Client
) -> None:
    asked = {"permissions": "BROWSE_PROJECTS,CREATE_ISSUES", "projectKey": "ZYN"}
    found = jira.get("/mypermissions", params=asked).json()["permissions"]
    assert {name: one["havePermission"] for name, one in found.items()} == {
        "BROWSE_PROJECTS": True,
        "CREATE_ISSUES": True,
    }
    gone = jira.get("/mypermissions", params=asked | {"projectKey": "NOPE"})
    assert (gone.status_code, gone.json()["errorMessages"]) == (404, ["No project could be found with key 'NOPE'."])
    types = jira.get("/issue/createmeta/ZYN/issuetypes").json()
    assert {one["name"] for one in types["issueTypes"]} == {"Bug", "Task", "Incident"}
    bug = next(one["id"] for one in types["issueTypes"] if one["name"] == "Bug")
    page = jira.get(f"/issue/createmeta/ZYN/issuetypes/{bug}", params={"startAt": 2, "maxResults": 3}).json()
    assert (len(page["fields"]), page["startAt"], page["total"]) == (3, 2, 7)
    outside.set_faults("jira_create=hidden:labels", "jira=lacks:CREATE_ISSUES")
    fields = jira.get(f"/issue/createmeta/ZYN/issuetypes/{bug}").json()["fields"]
    assert "labels" not in {one["fieldId"] for one in fields}
    refused = jira.post("/issue", json=issue())
    assert "not on the appropriate screen" in refused.json()["errors"]["labels"]
    assert jira.get("/mypermissions", params=asked).json()["permissions"]["CREATE_ISSUES"]["havePermission"] is False
    assert jira.get("/issue/createmeta/ZYN/issuetypes").json()["issueTypes"] == []


def test_issues_are_found_by_label_or_by_words_of_their_description(jira: httpx.Client) -> None:
    labelled = jira.post("/issue", json=issue()).json()["id"]
    described = jira.post("/issue", json=issue(labels=[], description=paragraph("[warroom-abc] no label"))).json()["id"]
    jira.post("/issue", json=issue(labels=["other"]))
    jql = 'labels = "warroom-abc" OR description ~ "\\"warroom-abc\\"" ORDER BY created ASC'
    found = jira.post("/search/jql", json={"jql": jql}).json()["issues"]
    assert {one["id"] for one in found} == {labelled, described}
