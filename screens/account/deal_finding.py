"""The ways to a deal: by its id alone, by its id and account, and by the cause for which many do not sync."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from screens import documents
from screens.addresses import DealAt, RefusalAt
from screens.base import ConsoleScreen
from screens.diagnosis_documents import LABEL, Open, note_rows, paragraph
from screens.listing import Listing, ListingScreen, Why
from widgets.row import BLANK, Piece, Row, Tone, fit, labelled, row, wrap
from widgets.rows.deal import short_code

if TYPE_CHECKING:
    from diagnostics.models.deals import DealHeader, UnsyncedDeals, UnsyncedGroup
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.triage import Refusal, Triage
    from screens.base import ScreenHost
    from widgets.glyphs import Glyphs


def find_deal(host: ScreenHost, deal_id: int) -> None:
    """Open a deal of which only the id is known: one account holds it, several do, or none is known."""
    service = host.service
    if service is None:
        host.say("the sources are still opening; try again in a moment", "warn")
        return

    def show(found: tuple[DealHeader, ...]) -> None:
        if not found:
            _refuse(host, deal_id)
        elif len(found) == 1:
            account = found[0].account_id
            note = f"deal {deal_id} was found in account {account}; no other account is known to hold it"
            host.navigate(DealAt(deal_id, account, note))
        else:
            _choose(host, deal_id, found)

    doing, top = f"looking for deal {deal_id}", host.screen
    if isinstance(top, ConsoleScreen):
        # The logs may have to wait for their rate limit: said all the while, and shown only where it was asked.
        top.start_job(lambda _job: service.deals.find(deal_id), show, doing=doing)
    else:
        host.ask(lambda: service.deals.find(deal_id), show, doing=doing)


def _choose(host: ScreenHost, deal_id: int, found: tuple[DealHeader, ...]) -> None:
    def open_key(key: str) -> None:
        host.navigate(DealAt(deal_id, int(key.partition(":")[2])))

    host.push_console_screen(ListingScreen(candidates_listing(deal_id, found, host.glyphs, open_key)))


def _refuse(host: ScreenHost, deal_id: int) -> None:
    """The service knows how to say that the account is missing, and what to do about it."""
    from diagnostics.models.triage import Triage, TriageRequest  # noqa: PLC0415  # after the first paint

    service = host.service
    if service is None:
        return
    request = TriageRequest(issue_type="transaction_sync", deal_id=deal_id)

    def show(answer: Triage | Refusal) -> None:
        if not isinstance(answer, Triage):
            host.navigate(RefusalAt(answer))
        elif answer.account_id is not None:
            note = " ".join(answer.notes) or f"deal {deal_id} was found in account {answer.account_id}"
            host.navigate(DealAt(deal_id, answer.account_id, note))
        else:
            host.open_document(documents.triage_document(answer, host.glyphs))

    host.ask(lambda: service.triage(request), show, doing=f"looking for the account of deal {deal_id}")


def show_unsynced(host: ScreenHost, unsynced: UnsyncedDeals) -> None:
    """Unsynced deals by cause; a cause opens its deals, a deal its own screen."""

    def open_pair(key: str) -> None:
        kind, _, pair = key.partition(":")
        if kind == "pair":
            account, _, deal = pair.partition(":")
            host.navigate(DealAt(int(deal), int(account)))

    def open_group(key: str) -> None:
        kind, _, place = key.partition(":")
        if kind == "group":
            listing = group_listing(unsynced.groups[int(place)], unsynced.evidence, host.glyphs, open_pair)
            host.push_console_screen(ListingScreen(listing))

    host.push_console_screen(ListingScreen(unsynced_listing(unsynced, host.glyphs, open_group)))


# ---- listings


def candidates_listing(deal_id: int, found: Sequence[DealHeader], glyphs: Glyphs, open_key: Open) -> Listing:
    """Several accounts hold a deal with this id; `open_key` gets `candidate:ACCOUNT`."""

    def build(width: int) -> list[Row]:
        rows = paragraph(
            f"{len(found)} accounts hold a deal {deal_id}: deal ids are unique in one account only. Which one is it?",
            width,
            "strong",
        )
        rows.append(BLANK)
        for header in found:
            name = glyphs.text(header.account_name or glyphs.missing)
            deal = glyphs.text(f"{header.name or 'no name'} {glyphs.separator} {header.stage or 'no stage'}")
            space = max(10, width - 10 - 26 - 4)
            rows.append(
                row(
                    (fit(str(header.account_id), 10, right=True), "strong"),
                    "  ",
                    fit(name, 26),
                    "  ",
                    (fit(deal, space), "muted"),
                    key=f"candidate:{header.account_id}",
                )
            )
        return rows

    title = f"deal {deal_id} {glyphs.separator} which account?"
    return Listing(title, f"deal {deal_id}?", build, open_key, frozenset({"candidate"}))


def unsynced_listing(unsynced: UnsyncedDeals, glyphs: Glyphs, open_key: Open) -> Listing:
    """Unsynced deals by cause, largest group first; `open_key` gets `group:N`."""
    where = f"account {unsynced.account_id}" if unsynced.account_id is not None else "all accounts"

    def build(width: int) -> list[Row]:
        judged = f"{unsynced.total:,} deals of {where} have not synced"
        if unsynced.examined < unsynced.total:
            judged += f"; {unsynced.examined:,} of them were judged, the rest is counted only"
        rows = paragraph(judged, width, "strong" if unsynced.total else "muted", key="total")
        if unsynced.coverage is not None and not unsynced.coverage.is_complete:
            rows += paragraph(glyphs.text(f"{glyphs.warned} {unsynced.coverage.words()} answered"), width, "warn")
            for gap in unsynced.coverage.gaps:
                rows += paragraph(glyphs.text(f"  {gap.count:,} {unsynced.coverage.unit}: {gap.reason}"), width, "warn")
        rows += note_rows(unsynced.notes, width, glyphs)
        rows.append(BLANK)
        for place, group in enumerate(unsynced.groups):
            rows += _group_rows(place, group, width, glyphs)
        return rows

    def why(_key: str) -> Why | None:
        return f"unsynced deals of {where}", f"{unsynced.total:,} deals with synced_at null", unsynced.evidence

    title = f"why deals do not sync {glyphs.separator} {unsynced.taken_at:%H:%M:%S} UTC"
    return Listing(title, "unsynced deals", build, open_key, frozenset({"group"}), why)


def _group_rows(place: int, group: UnsyncedGroup, width: int, glyphs: Glyphs) -> list[Row]:
    code = short_code(group.error_code) if group.error_code else "eligible"
    lines = wrap(glyphs.text(group.title), max(12, width - 30))
    count = Piece(fit(f"{group.count:,}", 7, right=True), "strong")
    tone: Tone = "fail" if group.error_code else "warn"
    rows = [row(count, "  ", (fit(code, 19), tone), "  ", lines[0], key=f"group:{place}")]
    rows += [row(" " * 30, line) for line in lines[1:]]
    rows += [
        row(" " * 30, (line, "accent")) for line in wrap(glyphs.text(group.next_step), max(12, width - 30)) if line
    ]
    return rows


def group_listing(group: UnsyncedGroup, evidence: Sequence[Evidence], glyphs: Glyphs, open_key: Open) -> Listing:
    """The deals of one cause; `open_key` gets `pair:ACCOUNT:DEAL`."""

    def build(width: int) -> list[Row]:
        rows = paragraph(glyphs.text(group.title), width, "strong")
        if group.error_code:
            rows.append(row(("fails with  ", "muted"), (group.error_code, "code")))
        if group.next_step:
            rows += labelled("next", glyphs.text(group.next_step), width, label_width=LABEL, tone="accent")
        named = len(group.deals)
        shown = f"all {named:,}" if named >= group.count else f"the newest {named:,} of {group.count:,}"
        rows += [BLANK, row((f"{shown}; enter opens a deal", "muted"))]
        rows += [
            row(
                ("deal ", "muted"),
                (fit(str(deal), 12), "strong"),
                (f"account {account}", "muted"),
                key=f"pair:{account}:{deal}",
            )
            for account, deal in group.deals
        ]
        return rows

    title = (
        f"{short_code(group.error_code) if group.error_code else 'eligible'} {glyphs.separator} {group.count:,} deals"
    )
    return Listing(
        title, "one cause", build, open_key, frozenset({"pair"}), lambda _key: (title, group.title, evidence)
    )
