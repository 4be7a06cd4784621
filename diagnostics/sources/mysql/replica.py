"""How far a server is behind the one that it copies, as it says itself. It takes a grant that not every login has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.sources.mysql import own_texts

if TYPE_CHECKING:
    from sqlalchemy import TextClause

    from diagnostics.sources.mysql.runner import Answer


@dataclass(slots=True, frozen=True)
class Replica:
    """A server that copies another one."""

    behind_s: int | None
    """Seconds; None where the copying has stopped, and nobody knows."""


def read_replica(ask: Callable[[TextClause], Answer]) -> Replica | None:
    """What the server says; None where it copies nothing. Raises `SourceFailure`, denied without the grant.

    Source: SHOW REPLICA STATUS.
    """
    try:
        rows = ask(own_texts.REPLICA).rows
    except SourceFailure as failure:
        if failure.kind is not FailureKind.REJECTED:
            raise
        # Servers from before the word was changed.
        rows = ask(own_texts.REPLICA_BEFORE).rows
    return replica_of(rows)


def replica_of(rows: Sequence[Mapping[str, object]]) -> Replica | None:
    """The same of the rows of an answer: one for each server that is copied, of which the slowest counts."""
    if not rows:
        return None
    behind = [row.get("Seconds_Behind_Source", row.get("Seconds_Behind_Master")) for row in rows]
    known = [seconds for seconds in behind if isinstance(seconds, int)]
    return Replica(max(known) if len(known) == len(behind) else None)
