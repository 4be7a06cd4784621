"""The channels of this console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.incident.channels.datadog import DatadogCourier
from diagnostics.incident.channels.jira import JiraCourier
from diagnostics.incident.channels.slack import SlackCourier

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.config.settings import Settings
    from diagnostics.incident.channels.base import Courier
    from diagnostics.sources.datadog import Datadog


def couriers(settings: Settings, catalogue: Catalogue, datadog: Datadog) -> tuple[Courier, ...]:
    """Slack first: people are told before anything is filed. Opens no connection."""
    return (
        SlackCourier(settings, catalogue.contact),
        DatadogCourier(settings, datadog),
        JiraCourier(settings, catalogue.contact),
    )
