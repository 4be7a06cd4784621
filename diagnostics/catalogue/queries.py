"""The named queries, tried against the search grammar. Not done at start, which need not wait for the grammar."""

from __future__ import annotations

import re
from pathlib import Path

from diagnostics.catalogue.groups import BUILT_IN
from diagnostics.catalogue.model import Catalogue, CatalogueError, NamedQuery
from diagnostics.config.toml import read_toml, suggestion

SLOTS = ("account_id", "deal_id", "user_id")
"""Slots a named query may hold; all three are bound to positive integers."""

_SLOT = re.compile(r"\{([^{}]*)\}")


def validate_queries(catalogue: Catalogue) -> None:
    """Raise `CatalogueError` for the first named query that the search grammar refuses, with its file and line."""
    for problem in query_problems(catalogue):
        raise problem


def query_problems(catalogue: Catalogue) -> tuple[CatalogueError, ...]:
    """One error for each named query that the search grammar refuses, for whoever wants to show all of them."""
    found = (_problem(catalogue, query) for query in catalogue.queries.values())
    return tuple(problem for problem in found if problem is not None)


def _problem(catalogue: Catalogue, query: NamedQuery) -> CatalogueError | None:
    from diagnostics.logs import QuerySyntaxError, bind, parse  # noqa: PLC0415  # the grammar loads only when asked for

    slots = _SLOT.findall(query.datadog)
    for slot in slots:
        if slot not in SLOTS:
            reason = f"queries.{query.id}: unknown slot {slot!r}{suggestion(slot, SLOTS)}"
            return _error(catalogue, query, reason, ", ".join(SLOTS))
    try:
        parse(bind(query.datadog, **dict.fromkeys(slots, 1)))
    except QuerySyntaxError as problem:
        reason = f"queries.{query.id}: {problem.message} at column {problem.column + 1}"
        return _error(catalogue, query, reason, problem.accepted)
    return None


def _error(catalogue: Catalogue, query: NamedQuery, problem: str, accepted: str) -> CatalogueError:
    key = f"queries.{query.id}.datadog"
    if key in catalogue.origins:
        file, _, line = catalogue.origins[key].rpartition(":")
        path, number = Path(file), int(line)
    else:
        shipped = read_toml(BUILT_IN / "queries.toml", CatalogueError)
        path, number = shipped.path, shipped.line((query.id, "datadog"))
    return CatalogueError(problem, file=path, line=number, value=query.datadog, accepted=accepted)
