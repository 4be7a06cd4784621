"""Which database is counted: consoles of different environments may share one store, and must not share counts."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from diagnostics.sources.mysql.addresses import SQLITE_DRIVERS, parse_url

if TYPE_CHECKING:
    from diagnostics.config.settings import DatabaseSettings


def common_identity(settings: DatabaseSettings, table: str = "") -> str:
    """32 letters and digits that stand for the shared database, and for one of its tables where it is named.

    From host, port, socket and database alone: who logs in makes no difference, and nothing of it is secret. Raises
    `SourceFailure` (not configured).
    """
    url = parse_url(settings.common_url, "common", "databases.common_url")
    if url.drivername in SQLITE_DRIVERS:
        parts = ["sqlite", str(Path(url.database or "").absolute())]
    else:
        socket = url.query.get("unix_socket", "")
        parts = ["mysql", (url.host or "").lower(), str(url.port or 3306), str(socket), url.database or ""]
    return hashlib.sha256("\0".join([*parts, table]).encode()).hexdigest()[:32]
