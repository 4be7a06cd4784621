"""Datadog: questions to its API, the connection they travel over, what its answers and its failures mean."""

from diagnostics.sources.datadog.source import Datadog

__all__ = ["Datadog"]
