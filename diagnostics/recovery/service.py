"""zillow-incident-recovery, as far as it exists: the backlog. Nothing here can write to production."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.recovery.backlog import examine

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.models.recovery import BacklogReport


class RecoveryService:
    """Blocking and thread-safe."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def backlog(self) -> BacklogReport:
        """How many events wait, what is in them, and whether that ends. Raises SourceFailure."""
        return examine(self._context)
