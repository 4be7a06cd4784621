"""The channels of this console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.incident.channels.datadog import DatadogDeliveryChannel
from diagnostics.incident.channels.jira import JiraDeliveryChannel
from diagnostics.incident.channels.slack import SlackDeliveryChannel

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.config.settings import Settings
    from diagnostics.incident.channels.base import DeliveryChannel
    from diagnostics.sources.datadog import Datadog


def delivery_channels(settings: Settings, catalogue: Catalogue, datadog: Datadog) -> tuple[DeliveryChannel, ...]:
    """Slack first: people are told before anything is filed. Opens no connection."""
    return (
        SlackDeliveryChannel(settings, catalogue.contact),
        DatadogDeliveryChannel(settings, datadog),
        JiraDeliveryChannel(settings, catalogue.contact),
    )
