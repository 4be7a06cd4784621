"""Handing over to a specialist: which screen it lives on, and for whom, with the context filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.listing import Listing, ListingScreen, Why
from widgets.rows import BLANK, Row, row

if TYPE_CHECKING:
    from diagnostics.models.triage import Route
    from diagnostics.signals.counts import Accounts
    from screens.base import Room

MONITORING = "zillow-system-monitoring"
BULK_DEALS = "transaction_sync"
MOST_ACCOUNTS = 20


def open_route(room: Room, route: Route, issue: str, window_s: int) -> None:
    """Open the specialist: level 2 as a whole, or the accounts that the issue's logs name most, to choose from."""
    service = room.service
    if service is None:
        return
    if route.name == MONITORING:
        room.command("level health")
        return
    room.ask(
        lambda: service.named_accounts(issue, window_s, MOST_ACCOUNTS),
        lambda found: room.push_room_screen(ListingScreen(accounts_listing(room, route, issue, found))),
        doing=f"{route.name}: which account?",
    )


def accounts_listing(room: Room, route: Route, issue: str, found: Accounts) -> Listing:
    """The accounts that the logs name, most events first, and a way to name another one."""
    what = "a deal" if issue == BULK_DEALS else "an account"

    def build(width: int) -> list[Row]:
        del width
        rows = [row((f"name {what} by its id", "accent"), key="other")]
        rows += [BLANK, row((f"or one of those that the logs of {issue.replace('_', ' ')} name most", "muted"))]
        rows += [row(f"account {account}", key=f"account:{account}") for account in found.ids]
        if not found.ids:
            rows.append(row(("no account is named in this window", "muted")))
        if found.partial:
            rows.append(row(("there may be further ones: the service answered in part", "warn")))
        return rows

    def open_row(key: str) -> None:
        kind, _, account = key.partition(":")
        if kind == "account":
            room.command(f"account {account}")
        else:
            room.palette("deal " if issue == BULK_DEALS else "account ")

    def why(_key: str) -> Why:
        return f"accounts in {issue.replace('_', ' ')}", "accounts with matching lines, most first", (found.evidence,)

    title = f"{route.name} {room.signs.separator} for whom?"
    return Listing(title, route.name, build, open_row, frozenset({"account", "other"}), why)
