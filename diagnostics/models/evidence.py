"""Where a number comes from: the exact question, the window, when it ran, how long it took, how many rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from diagnostics.core.time import utc_now

__all__ = ["Evidence", "Frozen", "shared_fields", "utc_now"]


class Frozen(BaseModel):
    """Base of everything that crosses the door: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def shared_fields(source: Frozen, target: type[Frozen]) -> dict[str, Any]:
    """Values of `source` by the names that `target` has too: what one hands on to the other."""
    return {name: getattr(source, name) for name in type(source).model_fields if name in target.model_fields}


class Evidence(Frozen):
    """How one number was obtained, so that anybody can ask the same question again."""

    source: str
    """"datadog", "common", "client 14009", … as shown in the header."""
    query: str
    """The exact Datadog query, or the SQL with its bound values named beside it. Never a secret."""
    window: str = ""
    """The time range it covered, e.g. "last 15 min, to 14:03:22 UTC"; empty when the answer is a present state."""
    started_at: datetime
    took_ms: float
    rows: int | None = None
    """Rows, events or buckets read; None when the source does not say."""
    newest_at: datetime | None = None
    """The newest moment that the data speaks of, where it is known to be older than the asking; None elsewhere."""
    is_cut: bool = False
    """There were more rows than were read; nothing that rests on them is an all-clear."""
    caveat: str = ""
    """Conditions under which this number is wrong."""

    @model_serializer(mode="wrap")
    def _without_unknown_age(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without a value these fields are left out, so that bytes stay as they were before they existed."""
        written: dict[str, Any] = dump(self)
        if self.newest_at is None:
            written.pop("newest_at", None)
        if not self.is_cut:
            written.pop("is_cut", None)
        return written

    @property
    def is_old(self) -> bool:
        """True where the data is known to end before it was asked for: late logs, a copy that is behind."""
        return self.newest_at is not None

    @property
    def data_at(self) -> datetime:
        """How new the data is: its newest moment where that is known, else when it was asked for."""
        return self.started_at if self.newest_at is None else min(self.newest_at, self.started_at)
