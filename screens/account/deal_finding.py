"""The ways to a deal: by its id alone, by its id and account, and by the cause for which many do not sync."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from diagnostics.core.document import GAP, Block, Cell, Fact, Line, Text
from diagnostics.core.words import plural
from diagnostics.sync.document import unsynced_document
from diagnostics.triage.document import triage_document
from screens.addresses import DealAt, RefusalAt
from screens.base import ConsoleScreen
from screens.listing import Listing, ListingScreen, Why
from screens.why import Open
from widgets.row import Piece, Row, Tone, fit, row, wrap, wrapped
from widgets.rows.deal import short_code
from widgets.rows.document import Draw, Drawn

if TYPE_CHECKING:
    from diagnostics.models.deals import DealHeader, UnsyncedDeals, UnsyncedGroup
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.figures import Coverage
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

    host.push_console_screen(ListingScreen(candidates_listing(deal_id, found, open_key)))


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
            host.open_document(triage_document(answer))

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
            listing = group_listing(unsynced.groups[int(place)], unsynced.evidence, open_pair)
            host.push_console_screen(ListingScreen(listing))

    host.push_console_screen(ListingScreen(unsynced_listing(unsynced, open_group)))


# ---- listings


def candidates_listing(deal_id: int, found: Sequence[DealHeader], open_key: Open) -> Listing:
    """Several accounts hold a deal with this id; `open_key` gets `candidate:ACCOUNT`."""
    said = f"{len(found)} accounts hold a deal {deal_id}: deal ids are unique in one account only. Which one is it?"

    def draw(width: int, glyphs: Glyphs) -> list[Row]:
        rows = []
        for header in found:
            name = fit(glyphs.text(header.account_name or glyphs.missing), 26)
            deal = glyphs.text(f"{header.name or 'no name'} {glyphs.separator} {header.stage or 'no stage'}")
            shown = Piece(fit(deal, max(10, width - 10 - 26 - 4)), "muted")
            account = Piece(fit(str(header.account_id), 10, right=True), "strong")
            rows.append(row(account, "  ", name, "  ", shown, key=f"candidate:{header.account_id}"))
        return rows

    blocks = (Text(said, "strong"), GAP, Drawn(draw))
    title = f"deal {deal_id} · which account?"
    return Listing(title, f"deal {deal_id}?", blocks, open_key, frozenset({"candidate"}))


def unsynced_listing(unsynced: UnsyncedDeals, open_key: Open) -> Listing:
    """Unsynced deals by cause, largest group first; `open_key` gets `group:N`."""
    where = f"account {unsynced.account_id}" if unsynced.account_id is not None else "all accounts"
    coverage = unsynced.coverage

    def why(_key: str) -> Why | None:
        return f"unsynced deals of {where}", f"{plural(unsynced.total, 'deal')} with synced_at null", unsynced.evidence

    drawings: dict[str, Draw] = {
        "coverage": lambda width, glyphs: _coverage_rows(coverage, width, glyphs) if coverage is not None else (),
        "groups": lambda width, glyphs: _group_rows(unsynced.groups, width, glyphs),
    }
    document = unsynced_document(unsynced)
    opens = frozenset({"group"})
    return Listing(document.title, "unsynced deals", document.blocks, open_key, opens, why, drawings)


def _coverage_rows(coverage: Coverage, width: int, glyphs: Glyphs) -> list[Row]:
    rows = wrapped(glyphs.text(f"{glyphs.warned} {coverage.words()} answered"), width, "warn")
    for gap in coverage.gaps:
        rows += wrapped(glyphs.text(f"  {gap.count:,} {coverage.unit}: {gap.reason}"), width, "warn")
    return rows


def _group_rows(groups: Sequence[UnsyncedGroup], width: int, glyphs: Glyphs) -> list[Row]:
    rows: list[Row] = []
    for place, group in enumerate(groups):
        code = short_code(group.error_code) if group.error_code else "eligible"
        tone: Tone = "fail" if group.error_code else "warn"
        lines = wrap(glyphs.text(group.title), max(12, width - 30))
        count = Piece(fit(f"{group.count:,}", 7, right=True), "strong")
        rows.append(row(count, "  ", (fit(code, 19), tone), "  ", lines[0], key=f"group:{place}"))
        rows += [row(" " * 30, line) for line in lines[1:]]
        steps = wrap(glyphs.text(group.next_step), max(12, width - 30))
        rows += [row(" " * 30, (line, "accent")) for line in steps if line]
    return rows


def group_listing(group: UnsyncedGroup, evidence: Sequence[Evidence], open_key: Open) -> Listing:
    """The deals of one cause; `open_key` gets `pair:ACCOUNT:DEAL`."""
    named = len(group.deals)
    shown = f"all {named:,}" if named >= group.count else f"the newest {named:,} of {group.count:,}"
    blocks: list[Block] = [Text(group.title, "strong")]
    if group.error_code:
        blocks.append(Line((Cell("fails with  ", "muted"), Cell(group.error_code, "code"))))
    blocks += [Fact("next", group.next_step, "accent"), GAP, Text(f"{shown}; enter opens a deal", "muted")]
    for account, deal in group.deals:
        cells = (Cell("deal ", "muted"), Cell(str(deal), "strong", 12), Cell(f"account {account}", "muted"))
        blocks.append(Line(cells, key=f"pair:{account}:{deal}"))
    title = f"{short_code(group.error_code) if group.error_code else 'eligible'} · {plural(group.count, 'deal')}"
    return Listing(
        title, "one cause", blocks, open_key, frozenset({"pair"}), lambda _key: (title, group.title, evidence)
    )
