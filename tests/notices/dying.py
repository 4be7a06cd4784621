"""A console that is killed while it delivers: before the message leaves, or after Slack has it.

Run as `python -m tests.notices.dying FOLDER API_URL before|after`.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from diagnostics.incident.channels.base import Receipt
from diagnostics.incident.channels.slack import SlackDeliveryChannel
from diagnostics.models.incidents import Delivery, Incident
from tests.notices.consoles import Clocks, console_settings, make_console
from tests.notices.slack_server import TOKEN


class Dying(SlackDeliveryChannel):
    """Its process ends by force around the one thing that matters."""

    when = "before"

    def send(self, delivery: Delivery, incident: Incident) -> Receipt:
        if self.when == "after":
            super().send(delivery, incident)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def main() -> None:
    """Declare, confirm, begin to deliver, and die."""
    folder, api_url, Dying.when = sys.argv[1:]
    settings = console_settings(Path(folder), None, slack__api_url=api_url, slack__bot_token=TOKEN)
    from diagnostics.catalogue import load_catalogue  # noqa: PLC0415  # only here

    catalogue = load_catalogue()
    console = make_console(
        settings, Clocks(), person="d.diaz", channels=(Dying(settings, catalogue.contact),), catalogue=catalogue
    )
    console.confirm()
    console.notices.deliver()


if __name__ == "__main__":
    main()
