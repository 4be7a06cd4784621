"""`/api/v2/incidents`: Datadog's incidents (an unstable part of its API) in the JSON:API shapes of the official client.

Searching follows what is documented: facets joined by AND, each with one value or several joined by OR, and nothing
else; a word that is no facet is refused here, so that nobody comes to rely on it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.server.conventions import Rejected, iso
from sandbox.server.recorder import Recorder, SlowIndex
from sandbox.stories.clock import now_ms

_USER = "3ffa4d10-7c2c-4b1e-9d17-0242ac130003"
_INCIDENT_TYPE = "00000000-0000-0000-0000-000000000000"
_SEVERITIES = ("UNKNOWN", "SEV-0", "SEV-1", "SEV-2", "SEV-3", "SEV-4", "SEV-5")
_STATES = ("active", "stable", "resolved", "completed")
_FIRST = 214
_FACETS = {"state": "state", "severity": "severity", "customer_impacted": "customer_impacted"}
_TERM = re.compile(r"(-?)([\w.]+):(?:\(([^()]*)\)|(\S+))")
_LARGEST_PAGE = 100


@dataclass(slots=True)
class Incidents:
    """Incidents of the organisation; they live as long as the process."""

    recorder: Recorder
    incidents: list[dict[str, Any]] = field(default_factory=list)
    index: SlowIndex = field(default_factory=SlowIndex)

    def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`POST /api/v2/incidents`; raises `Rejected` (400)."""
        given = _attributes(body)
        title, impacted = given.get("title"), given.get("customer_impacted")
        if not isinstance(title, str) or not title.strip():
            raise Rejected(400, "Invalid payload: 'title' is a required property")
        if not isinstance(impacted, bool):
            raise Rejected(400, "Invalid payload: 'customer_impacted' is a required property")
        if impacted and not given.get("customer_impact_scope"):
            raise Rejected(400, "Invalid payload: 'customer_impact_scope' is required when customers are impacted")
        fields = _fields(given.get("fields"))
        cells = [_cell(cell) for cell in given.get("initial_cells") or []]
        now = iso(now_ms())
        made: dict[str, Any] = {
            "type": "incidents",
            "id": str(uuid.uuid4()),
            "attributes": {
                "public_id": _FIRST + len(self.incidents),
                "incident_type_uuid": given.get("incident_type_uuid") or _INCIDENT_TYPE,
                "title": title,
                "created": now,
                "declared": now,
                "modified": now,
                "detected": now,
                "resolved": None,
                "archived": None,
                "customer_impacted": impacted,
                "customer_impact_scope": given.get("customer_impact_scope"),
                "customer_impact_start": now if impacted else None,
                "customer_impact_end": None,
                "customer_impact_duration": 0,
                "time_to_detect": 0,
                "time_to_internal_response": 0,
                "time_to_repair": 0,
                "time_to_resolve": 0,
                "visibility": "organization",
                "notification_handles": given.get("notification_handles") or [],
                "is_test": bool(given.get("is_test")),
                "case_id": None,
                "fields": {"severity": _dropdown("UNKNOWN"), "state": _dropdown("active"), **fields},
            },
            "relationships": {
                "created_by_user": {"data": {"type": "users", "id": _USER}},
                "last_modified_by_user": {"data": {"type": "users", "id": _USER}},
                "commander_user": {"data": None},
                "integrations": {"data": []},
                "attachments": {"data": []},
            },
        }
        _settle(made["attributes"])
        self.incidents.insert(0, made)
        self.recorder.store("incidents", "datadog", {**_summary(made), "cells": cells})
        return {"data": made}

    def get(self, identity: str) -> dict[str, Any]:
        """`GET /api/v2/incidents/{id}`; raises `Rejected` (404)."""
        return {"data": self._one(identity)}

    def update(self, identity: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """`PATCH /api/v2/incidents/{id}`: only what is given changes; raises `Rejected` (400, 404)."""
        one = self._one(identity)
        given = _attributes(body)
        if (body.get("data") or {}).get("id") != one["id"]:
            raise Rejected(400, "Invalid payload: 'id' does not match the incident of the path")
        if "initial_cells" in given:
            raise Rejected(400, "Invalid payload: additional properties are not allowed ('initial_cells')")
        fields = _fields(given.get("fields"))
        attributes = one["attributes"]
        for name in ("title", "customer_impacted", "customer_impact_scope", "customer_impact_end", "detected"):
            if name in given:
                attributes[name] = given[name]
        attributes["fields"] |= fields
        attributes["modified"] = iso(now_ms())
        _settle(attributes)
        changed = {name: value for name, value in given.items() if name != "fields"}
        changed |= {name: value["value"] for name, value in fields.items()}
        self.recorder.store("updates", "datadog", {"id": one["id"], "changed": changed})
        return {"data": one}

    def list(self, given: Mapping[str, str], lag: int) -> dict[str, Any]:
        """`GET /api/v2/incidents`, newest first here; the service promises no order."""
        page, meta = _page([one for one in self.incidents if self._shows(one, lag)], given, default=10)
        return {"data": page, "meta": {"pagination": meta}}

    def search(self, given: Mapping[str, str], lag: int) -> dict[str, Any]:
        """`GET /api/v2/incidents/search`; raises `Rejected` (400)."""
        query, sort = given.get("query", ""), given.get("sort", "-created")
        if not query:
            raise Rejected(400, "Invalid query parameter: query is required")
        if sort not in {"created", "-created"}:
            raise Rejected(400, f"Invalid query parameter: sort {sort!r}")
        terms = _terms(query)
        found = [one for one in self.incidents if _matches(one["attributes"], terms) and self._shows(one, lag)]
        found.sort(key=lambda one: one["attributes"]["public_id"], reverse=sort == "-created")
        page, meta = _page(found, given, default=10)
        facets = {
            "state": _facet(found, "state"),
            "severity": _facet(found, "severity"),
            **{name: [] for name in ("commander", "created_by", "fields", "impact", "responder", "last_modified_by")},
            **{name: [] for name in ("postmortem", "time_to_repair", "time_to_resolve")},
        }
        attributes = {"total": len(found), "incidents": [{"data": one} for one in page], "facets": facets}
        return {
            "data": {"type": "incidents_search_results", "attributes": attributes},
            "meta": {"pagination": meta},
        }

    def _one(self, identity: str) -> dict[str, Any]:
        for one in self.incidents:
            if identity in {one["id"], str(one["attributes"]["public_id"])}:
                return one
        raise Rejected(404, "Incident not found")

    def _shows(self, one: dict[str, Any], lag: int) -> bool:
        return not lag or self.index.shows(one["id"], lag)


def _attributes(body: Mapping[str, Any]) -> Mapping[str, Any]:
    data = body.get("data")
    if not isinstance(data, dict) or data.get("type") != "incidents":
        raise Rejected(400, "Invalid payload: 'data.type' must be 'incidents'")
    attributes = data.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise Rejected(400, "Invalid payload: 'data.attributes' must be an object")
    return attributes


def _fields(given: object) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise Rejected(400, "Invalid payload: 'fields' must be an object")
    for name, value in given.items():
        if not isinstance(value, dict) or value.get("type") not in {
            "dropdown",
            "textbox",
            "multiselect",
            "textarray",
            "metrictag",
            "autocomplete",
        }:
            raise Rejected(400, f"Invalid payload: field '{name}' has no known type")
    for name, accepted in (("severity", _SEVERITIES), ("state", _STATES)):
        if name in given and given[name].get("value") not in accepted:
            raise Rejected(400, f"Invalid payload: {given[name].get('value')!r} is not a valid value of '{name}'")
    return given


def _cell(given: object) -> str:
    content = given.get("content") if isinstance(given, dict) else None
    if not isinstance(content, dict) or not isinstance(given, dict) or given.get("cell_type") != "markdown":
        raise Rejected(400, "Invalid payload: 'initial_cells' holds something that is no markdown cell")
    return str(content.get("content") or "")


def _dropdown(value: str) -> dict[str, str]:
    return {"type": "dropdown", "value": value}


def _settle(attributes: dict[str, Any]) -> None:
    """Severity and state stand beside the fields too, as the service repeats them."""
    attributes["severity"] = attributes["fields"]["severity"]["value"]
    attributes["state"] = attributes["fields"]["state"]["value"]
    if attributes["state"] in {"resolved", "completed"}:
        attributes["resolved"] = attributes["resolved"] or attributes["modified"]
    else:
        attributes["resolved"] = None


def _summary(one: dict[str, Any]) -> dict[str, Any]:
    attributes = one["attributes"]
    names = ("public_id", "title", "severity", "state", "customer_impacted", "customer_impact_scope")
    return {"id": one["id"], **{name: attributes[name] for name in names}}


def _terms(query: str) -> list[tuple[bool, str, set[str]]]:
    terms = []
    for part in re.split(r"\s+AND\s+", query.strip()):
        parsed = _TERM.fullmatch(part.strip())
        if parsed is None or parsed[2] not in _FACETS:
            raise Rejected(400, f"Invalid query: {part!r} is not a facet with its values")
        values = re.split(r"\s+OR\s+", parsed[3]) if parsed[3] is not None else [parsed[4]]
        terms.append((parsed[1] == "-", parsed[2], {value.strip('" ').lower() for value in values}))
    return terms


def _matches(attributes: Mapping[str, Any], terms: list[tuple[bool, str, set[str]]]) -> bool:
    return all((str(attributes[_FACETS[facet]]).lower() in values) is not negated for negated, facet, values in terms)


def _facet(found: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    values = [one["attributes"][name] for one in found]
    return [{"name": value, "count": values.count(value)} for value in dict.fromkeys(values)]


def _page(
    found: list[dict[str, Any]], given: Mapping[str, str], *, default: int
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    size, offset = given.get("page[size]", str(default)), given.get("page[offset]", "0")
    if not size.isdigit() or not offset.isdigit() or not 1 <= int(size) <= _LARGEST_PAGE:
        raise Rejected(400, f"Invalid query parameter: page[size] must be between 1 and {_LARGEST_PAGE}")
    page = found[int(offset) :][: int(size)]
    return page, {"offset": int(offset), "next_offset": int(offset) + int(size), "size": len(page)}
