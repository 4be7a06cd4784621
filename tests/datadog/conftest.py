"""One private server and one console-side source for each test."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest
from pydantic import SecretStr

from diagnostics.config.settings import DatadogSettings
from diagnostics.sources.datadog import Datadog
from tests.datadog.server import API_KEY, APP_KEY, DatadogServer, running

END = datetime(2025, 11, 17, 14, 3, 22, tzinfo=UTC)
START = END - timedelta(minutes=15)


class Connect(Protocol):
    """Makes a source for the test's server; settings by name, as needed."""

    def __call__(self, **settings: Any) -> Datadog: ...  # noqa: ANN401


@pytest.fixture
def server() -> Iterator[DatadogServer]:
    with running() as started:
        yield started


@pytest.fixture
def connect(server: DatadogServer) -> Iterator[Connect]:
    opened: list[Datadog] = []

    def make(**settings: Any) -> Datadog:  # noqa: ANN401
        chosen: dict[str, Any] = {
            "api_url": server.url,
            "api_key": SecretStr(API_KEY),
            "app_key": SecretStr(APP_KEY),
            "connect_timeout_s": 5,
            "read_timeout_s": 5,
            "total_timeout_s": 5,
        }
        datadog = Datadog(DatadogSettings(**(chosen | settings)))
        opened.append(datadog)
        return datadog

    yield make
    for datadog in opened:
        datadog.close()


@pytest.fixture
def datadog(connect: Connect) -> Datadog:
    return connect()
