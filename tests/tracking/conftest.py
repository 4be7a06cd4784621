"""One sandbox for all tests of tracking; each begins with no fault, no incident and no issue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

import pytest

from diagnostics.catalogue import load_catalogue
from diagnostics.config.layers import load_settings
from diagnostics.config.settings import Settings
from diagnostics.incident.channels.datadog import DatadogDeliveryChannel
from diagnostics.incident.channels.jira import JiraDeliveryChannel
from diagnostics.models.entries import Audience, Channel, IncidentStatus, Purpose
from diagnostics.models.incidents import Delivery, Incident
from diagnostics.sources.datadog import Datadog
from sandbox.launch import SandboxProcess, start_sandbox

TOKEN = "0f3a9c5e71d24b86a0c1"


class MakeDatadog(Protocol):
    """Makes a channel whose settings differ from the sandbox's as named."""

    def __call__(self, **flags: object) -> DatadogDeliveryChannel: ...


class MakeJira(Protocol):
    """The same for Jira."""

    def __call__(self, **flags: object) -> JiraDeliveryChannel: ...


@pytest.fixture(scope="package")
def running() -> Iterator[SandboxProcess]:
    with start_sandbox("healthy") as process:
        yield process


@pytest.fixture
def sandbox(running: SandboxProcess) -> Iterator[SandboxProcess]:
    running.clear_faults()
    running.forget()
    yield running
    running.clear_faults()


@pytest.fixture
def make_datadog(sandbox: SandboxProcess) -> Iterator[MakeDatadog]:
    opened: list[Datadog] = []

    def make(**flags: object) -> DatadogDeliveryChannel:
        chosen = settings_of(sandbox, flags)
        datadog = Datadog(chosen.datadog)
        opened.append(datadog)
        return DatadogDeliveryChannel(chosen, datadog)

    yield make
    for datadog in opened:
        datadog.close()


@pytest.fixture
def make_jira(sandbox: SandboxProcess) -> Iterator[MakeJira]:
    opened: list[JiraDeliveryChannel] = []
    contact = load_catalogue(None).contact

    def make(**flags: object) -> JiraDeliveryChannel:
        channel = JiraDeliveryChannel(settings_of(sandbox, flags), contact)
        opened.append(channel)
        return channel

    yield make
    for channel in opened:
        channel.close()


def settings_of(sandbox: SandboxProcess, flags: dict[str, object]) -> Settings:
    """The sandbox's settings with some set otherwise; `section__name` stands for "section.name"."""
    changed = {name.replace("__", "."): value for name, value in flags.items()}
    return load_settings(flags={**sandbox.flags(), **changed}, environ={}).settings


def delivery(channel: Channel, purpose: Purpose = Purpose.TRACKING, **more: Any) -> Delivery:  # noqa: ANN401
    """A confirmed delivery; the confirmation is of now."""
    given: dict[str, Any] = {
        "delivery": "D1",
        "token": TOKEN,
        "channel": channel,
        "purpose": purpose,
        "audience": Audience.RESPONDERS,
        "destination": "",
        "title": "Zillow answers 429",
        "text": "212,631 webhook events wait.\n\nWe recover by batch retry.",
        "fields": {"severity": "incident", "state": "active"},
        "confirmed_at": datetime.now(UTC),
        "confirmed_by": "cl.nolen",
    }
    return Delivery(**(given | more))


def incident() -> Incident:
    """The incident that the deliveries belong to."""
    now = datetime.now(UTC)
    return Incident(
        id="INC-7",
        title="Zillow answers 429",
        issue_type="rate_limiting",
        severity="incident",
        status=IncidentStatus.DECLARED,
        declared_at=now,
        declared_by="cl.nolen",
        status_since=now,
        last_at=now,
    )
