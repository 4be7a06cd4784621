"""The account screen's content for an account of 10,000 agents beside one of 10, on a private MariaDB.

An account of ten has no eleventh row to show: the content of all tabs is held to the target where both accounts show
as many rows, and opening the screen where the large one fills its first page. What whole pages of every tab cost stands
below, without a target.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, NotAvailable, Target, median

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from diagnostics.accounts.service import AccountService
    from tests.accounts.places import Place

SMALL, LARGE = 1_001, 1_002
FEW, MANY, QUICK_MANY = 10, 10_000, 2_000
RATIO = 1.5
ROUNDS, QUICK_ROUNDS = 25, 5

Ask = Callable[["AccountService", int, int], object]

PARTS: Mapping[str, Ask] = {
    "summary": lambda accounts, account, _: accounts.summary(account),
    "users": lambda accounts, account, rows: accounts.users(account, None, rows),
    "agents": lambda accounts, account, rows: accounts.agents(account, None, rows),
    "connections": lambda accounts, account, rows: accounts.connections(account, None, rows),
    "deals": lambda accounts, account, rows: accounts.deals(account, None, rows),
    "history": lambda accounts, account, rows: accounts.history(account, None, rows),
}
"""The header with its findings, and the first page of each tab that the databases answer."""


def run(quick: bool) -> list[Figure]:
    """Fill both accounts, and ask for each in turn."""
    try:
        from tests.accounts.places import Place  # noqa: PLC0415  # missing pieces are reported, not fatal
        from tests.mariadb import MariaDBUnavailable, private_mariadb  # noqa: PLC0415
    except ImportError as error:
        raise NotAvailable(f"a private MariaDB server: {error}") from error
    many, rounds = (QUICK_MANY, QUICK_ROUNDS) if quick else (MANY, ROUNDS)
    try:
        with (
            private_mariadb() as server,
            tempfile.TemporaryDirectory() as folder,
            closing(Place("mariadb", Path(folder), server)) as place,
        ):
            for account, agents in ((SMALL, FEW), (LARGE, many)):
                _fill(place, account, agents)
            for connection in (place.connect(), place.connect_client(SMALL), place.connect_client(LARGE)):
                _analyze(connection)
            return _figures(place, many, rounds)
    except MariaDBUnavailable as error:
        raise NotAvailable(str(error)) from error


def _figures(place: Place, many: int, rounds: int) -> list[Figure]:
    from screens.account.tabs import PAGE  # noqa: PLC0415  # as many rows as the screen really asks for

    names = f"{many:,} agents beside {FEW}"

    def content(accounts: AccountService, account: int, rows: int) -> None:
        for ask in PARTS.values():
            ask(accounts, account, rows)

    def opening(accounts: AccountService, account: int, rows: int) -> None:
        PARTS["summary"](accounts, account, rows)
        PARTS["users"](accounts, account, rows)

    def measured(name: str, ask: Ask, rows: int, target: Target | None = None, note: str = "") -> Figure:
        large, small = _in_turn(place, ask, rows, rounds)
        return Figure(name, "ms", large, small, target, note)

    target = Target(RATIO, ratio=True)
    return [
        measured(
            f"account content, {names}", content, FEW, target, f"summary, {FEW} rows of every tab; {rounds} rounds"
        ),
        *(measured(f"account {name}", ask, FEW) for name, ask in PARTS.items()),
        measured(
            f"account opens, {names}", opening, PAGE, target, f"summary, first page of users: {PAGE} rows beside {FEW}"
        ),
        measured(f"account content, pages of {PAGE}", content, PAGE, note=f"every tab: {PAGE} rows beside {FEW}"),
    ]


def _in_turn(place: Place, ask: Ask, rows: int, rounds: int) -> tuple[float, float]:
    """Medians of the large and of the small account, milliseconds; turn by turn, so that a busy machine slows both."""
    took: dict[int, list[float]] = {SMALL: [], LARGE: []}
    for number in range(rounds + 1):
        for account, times in took.items():
            # What was asked within the last seconds would be answered from memory.
            place.service.forget_answers()
            begin = time.perf_counter()
            ask(place.accounts, account, rows)
            if number:
                # The first time connects, and compiles statements.
                times.append((time.perf_counter() - begin) * 1_000)
    return median(took[LARGE]), median(took[SMALL])


def _fill(place: Place, account: int, agents: int) -> None:
    """As many users, credentials, connections, agents, deals and changes of resolution as there are agents."""
    from tests.accounts.places import ago, ahead  # noqa: PLC0415

    users = range(1, agents + 1)
    place.account(account, user_count=agents)
    place.users(*users, account_id=account)
    token = {"encrypted_refresh_token": "x" * 80, "expires_at": ahead(hours=9), "created_at": ago(days=90)}
    connection = {
        "zillow_integration_id": "z",
        "zillow_integration_enabled": True,
        "connection_health_status": "healthy",
        "lead_count": 1,
        "created_at": ago(days=90),
    }
    place.common(
        "zillow_auth",
        *({**token, "account_id": account, "user_id": n, "zuid": str(n), "updated_at": ago(hours=2)} for n in users),
    )
    place.common(
        "zillow_sync_users", *({**connection, "account_id": account, "user_id": n, "zuid": str(n)} for n in users)
    )
    place.common(
        "zillow_connection_logs",
        *(
            {"account_id": account, "user_id": n, "old_resolution": 1, "new_resolution": 3, "created_at": at}
            for n in users
            for at in (ago(days=n % 40, minutes=n % 50),)
        ),
    )
    rows: dict[str, Iterator[dict[str, object]]] = {
        "zillow_agents": ({"user_id": n, "resolution_method": (1, 3, 4)[n % 3], "name": "n"} for n in users),
        "deals": ({"id": n, "property_id": 1, "synced_at": None if n % 9 == 0 else ago(days=1)} for n in users),
    }
    for table, own in rows.items():
        place.client(table, *({**row, "account_id": account} for row in own), account_id=account)
    place.client("deal_agents", *({"deal_id": n, "user_id": n} for n in users), account_id=account)


def _analyze(connection: Connection) -> None:
    """Let the server count what is there, as it does by itself in a table that has stood for a while."""
    with connection:
        tables = ", ".join(row[0] for row in connection.exec_driver_sql("SHOW TABLES"))
        connection.exec_driver_sql(f"ANALYZE TABLE {tables}")
