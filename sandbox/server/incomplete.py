"""Answers of log search and aggregate that are not whole, or say less than they seem to: faults that bend an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.server.faults import Met

_UNKNOWN_INDEX = {
    "code": "unknown_index",
    "detail": "indexes: foo, bar",
    "title": "One or several indexes are missing or invalid, results hold data from the other indexes",
}
"""The example of a warning in Datadog's description of its API."""

_TIMEOUT = "timeout"
"""No warning but the status of an answer that the service did not finish."""


def bent(endpoint: str, answer: dict[str, Any], met: Met) -> dict[str, Any]:
    """Return a search page or an aggregate as these faults leave it: with warnings, without figures, with a cursor."""
    if (cursor := met.of("cursor")) and endpoint == "search" and "meta" not in answer:
        answer = {**answer, "meta": {"page": {"after": cursor.kind}}}
    if met.of("nofigure") and endpoint == "aggregate":
        answer = {**answer, "data": _without_figures(answer["data"])}
    if warnings := met.of("warnings"):
        answer = _warned(answer, warnings.name)
    return answer


def _without_figures(data: Mapping[str, Any]) -> dict[str, Any]:
    buckets = [{**bucket, "computes": dict.fromkeys(bucket["computes"])} for bucket in data["buckets"]]
    return {"buckets": buckets} if buckets else {}


def _warned(answer: dict[str, Any], name: str) -> dict[str, Any]:
    meta = answer.get("meta", {})
    if name == _TIMEOUT:
        return {**answer, "meta": {**meta, "status": _TIMEOUT}}
    if name != _UNKNOWN_INDEX["code"]:
        warning = {"code": name, "title": name.replace("_", " ").capitalize()}
        return {**answer, "meta": {**meta, "warnings": [warning]}}
    # There is one index here: what names others finds nothing.
    nothing = [] if isinstance(answer["data"], list) else {"buckets": []}
    meta = {key: value for key, value in meta.items() if key != "page"}
    return {"data": nothing, "meta": {**meta, "warnings": [_UNKNOWN_INDEX]}}
