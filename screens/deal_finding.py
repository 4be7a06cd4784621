"""The ways to a deal: by its id alone, by its id and account, and by the cause for which many do not sync."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens import documents
from screens.base import RoomScreen
from screens.bulk_documents import candidates_listing, group_listing, unsynced_listing
from screens.deal import DealScreen
from screens.listing import ListingScreen

if TYPE_CHECKING:
    from diagnostics.models.deals import DealHeader, UnsyncedDeals
    from diagnostics.models.triage import Refusal, Triage
    from screens.base import Room


def find_deal(room: Room, deal_id: int) -> None:
    """Open a deal of which only the id is known: one account holds it, several do, or none is known."""
    service = room.service
    if service is None:
        room.say("the sources are still opening; try again in a moment", "warn")
        return

    def show(found: tuple[DealHeader, ...]) -> None:
        if not found:
            _refuse(room, deal_id)
        elif len(found) == 1:
            account = found[0].account_id
            note = f"deal {deal_id} was found in account {account}; no other account is known to hold it"
            room.push_room_screen(DealScreen(deal_id, account, note=note))
        else:
            _choose(room, deal_id, found)

    doing, top = f"looking for deal {deal_id}", room.screen
    if isinstance(top, RoomScreen):
        # The logs may have to wait for their rate limit: said all the while, and shown only where it was asked.
        top.start_job(lambda _job: service.deals.find(deal_id), show, doing=doing)
    else:
        room.ask(lambda: service.deals.find(deal_id), show, doing=doing)


def _choose(room: Room, deal_id: int, found: tuple[DealHeader, ...]) -> None:
    def open_key(key: str) -> None:
        room.push_room_screen(DealScreen(deal_id, int(key.partition(":")[2])))

    room.push_room_screen(ListingScreen(candidates_listing(deal_id, found, room.signs, open_key)))


def _refuse(room: Room, deal_id: int) -> None:
    """The service knows how to say that the account is missing, and what to do about it."""
    from diagnostics.models.triage import Triage, TriageRequest  # noqa: PLC0415  # after the first paint

    service = room.service
    if service is None:
        return
    request = TriageRequest(issue_type="transaction_sync", deal_id=deal_id)

    def show(answer: Triage | Refusal) -> None:
        if isinstance(answer, Triage) and answer.account_id is not None:
            note = " ".join(answer.notes) or f"deal {deal_id} was found in account {answer.account_id}"
            room.push_room_screen(DealScreen(deal_id, answer.account_id, note=note))
        elif isinstance(answer, Triage):
            room.open_document(documents.triage_document(answer, room.signs))
        else:
            from screens.refusals import RefusalScreen  # noqa: PLC0415  # only who is refused pays for it

            room.push_room_screen(RefusalScreen(answer))

    room.ask(lambda: service.triage(request), show, doing=f"looking for the account of deal {deal_id}")


def show_unsynced(room: Room, unsynced: UnsyncedDeals) -> None:
    """Unsynced deals by cause; a cause opens its deals, a deal its own screen."""

    def open_pair(key: str) -> None:
        kind, _, pair = key.partition(":")
        if kind == "pair":
            account, _, deal = pair.partition(":")
            room.push_room_screen(DealScreen(int(deal), int(account)))

    def open_group(key: str) -> None:
        kind, _, place = key.partition(":")
        if kind == "group":
            listing = group_listing(unsynced.groups[int(place)], unsynced.evidence, room.signs, open_pair)
            room.push_room_screen(ListingScreen(listing))

    room.push_room_screen(ListingScreen(unsynced_listing(unsynced, room.signs, open_group)))
