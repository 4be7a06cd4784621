"""The suite runs on SQLite and on MariaDB; `world` is a loose SQLite world in which any column may be null."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from sandbox.server.redis_server import RedisServer
from tests.service.world import World
from tests.sync.rows import Shelf


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    """Empty databases with production's schema."""
    server = request.getfixturevalue("mariadb") if request.param == "mariadb" else None
    made = Shelf(tmp_path, server)
    yield made
    made.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One account whose tables have no constraints."""
    made = World(tmp_path)
    yield made
    made.close()


def hold(server: RedisServer, key: str, *, left_s: float | None = None) -> None:
    """A worker takes a mutex, for so many seconds or for ever."""
    with Redis.from_url(server.url) as client:
        client.set(key, 1, px=None if left_s is None else round(left_s * 1_000))


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A server that speaks RESP on a socket of its own."""
    with RedisServer() as server:
        yield server
