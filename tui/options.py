"""Options of the command line, before anything heavy is imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True, frozen=True)
class Options:
    """Flags of the console and of every headless command."""

    config: Path | None = None
    catalogue: Path | None = None
    sandbox: str | None = None
    """Name of a scenario: the built-in stand-ins are started with the program; the last user stops them."""
    sandbox_database: str | None = None
    """SQLAlchemy URL of a MariaDB server for the stand-ins' databases; SQLite files without it."""
    fault: tuple[str, ...] = ()
    """How the stand-ins misbehave; several at once are allowed."""
    issue: str | None = None
    severity: str | None = None
    account_id: int | None = None
    deal_id: int | None = None
    user_id: int | None = None
    preventive: bool = False
    theme: str | None = None
    ascii: bool = False
    mouse: bool = False
    plain: bool = False
    """Lines on standard output in place of a screen."""
