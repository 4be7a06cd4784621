"""Chooses where the databases of a story live."""

from __future__ import annotations

from pathlib import Path

from sandbox.filling import Store
from sandbox.server_store import ServerStore
from sandbox.sqlite_store import SqliteStore
from sandbox.story import Story


def store_for(story: Story, directory: Path, database_url: str | None, prefix: str, password: str) -> Store:
    """Return where a story's databases go: the server of the URL, or files in the directory."""
    if database_url:
        return ServerStore(story, database_url, prefix, password)
    return SqliteStore(story, directory, prefix)
