"""Triages and refusals as JSON: a promise to scripts, docs/triage-json.md."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from diagnostics.models.evidence import Evidence, Frozen
from diagnostics.models.readings import Pulse
from diagnostics.models.triage import Finding, Refusal, Triage
from diagnostics.triage.document import is_stated_notice

FINDING = ("check", "status", "summary", "value", "threshold", "evidence", "title", "unit", "next_step", "details")
EVIDENCE = ("source", "query", "window", "started_at", "took_ms", "rows", "caveat")
REFUSAL = ("rule", "missing", "accepted", "guidance", "contact", "candidates")
TRIAGE = ("issue_type", "severity", "level", "route", "notify", "findings")
BEHIND = ("assessed", "account_id", "deal_id", "meaning", "impact", "notes", "known_severity", "decided_by", "missing")
"""Keys that were added to the first ones."""

PULSE = ("severity", "status", "count", "window_s", "usual", "ratio", "accounts", "reason", "evidence")


def json_text(fields: dict[str, Any] | list[dict[str, Any]]) -> str:
    """One JSON document, keys in the given order, ASCII only."""
    return json.dumps(fields, indent=2, ensure_ascii=True)


def as_json(answer: Triage | Refusal) -> str:
    """The answer as one JSON document, keys in a stable order."""
    if isinstance(answer, Triage):
        first, refusal, behind = _fields(answer, TRIAGE), None, _fields(answer, (*BEHIND, "pulse"))
        outcome = "triage"
    else:
        outcome, refusal, behind = "refusal", _fields(answer, REFUSAL), {}
        own = _fields(answer, ("issue_type", "severity"))
        notify, findings = is_stated_notice(answer), _plain(answer.findings)
        first = {**own, "level": None, "route": None, "notify": notify, "findings": findings}
    taken_at = answer.taken_at.isoformat()
    return json_text({"outcome": outcome, **first, "refusal": refusal, "taken_at": taken_at, **behind})


def finding_fields(finding: Finding) -> dict[str, Any]:
    """A finding as JSON types."""
    return _fields(finding, FINDING)


def _fields(model: Frozen, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: _plain(getattr(model, name)) for name in names}


def _plain(value: Any) -> Any:  # noqa: ANN401, PLR0911  # a table: any field of a model
    match value:
        case Finding():
            return finding_fields(value)
        case Evidence():
            return {**_fields(value, EVIDENCE), "took_ms": round(value.took_ms, 3)}
        case Pulse():
            return {**_fields(value, PULSE), "ratio": None if value.ratio is None else round(value.ratio, 3)}
        case Frozen():
            return _fields(value, tuple(type(value).model_fields))
        case tuple():
            return [_plain(one) for one in value]
        case datetime():
            return value.isoformat()
        case _:
            return value
