"""Stand-ins for the outside world, spoken to over real sockets.

A separate process (`python -m sandbox serve --scenario nov17`) answers the Datadog endpoints that the console uses and
fills databases from the same seeded story, so that the console cannot tell. Importing this package is cheap; the
server's own modules are imported by the process that serves.
"""

from __future__ import annotations


def scenarios() -> dict[str, str]:
    """Return the scenario names with one line about each, in the order they are offered."""
    from sandbox.stories.scenario import SCENARIOS  # noqa: PLC0415  # importing the package stays free

    return {scenario.name: scenario.description for scenario in SCENARIOS.values()}
