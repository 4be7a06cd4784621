"""Fills a server or a folder with as much as is asked for, quickly: the world that benchmarks are measured on.

`python -m sandbox scale` does it from the command line, and says how the console gets at the databases.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import orjson
from sqlalchemy import Dialect, create_engine

from diagnostics.core.failures import UserError
from sandbox.rows import schema
from sandbox.rows.common_rows import stamps
from sandbox.rows.scale_rows import EventMaker, ScaleRows, ScaleSize
from sandbox.stores.filling import Cursor, fill_database, mark_of
from sandbox.stores.server_store import DatabaseServer
from sandbox.stories.story import DATABASE_URL, STATE, Story, settings_lines, write_private

NAME = "scale"
_STATEMENT_S = 900
_CONNECTIONS = 3
_SQLITE = "sqlite:///"


class _Place(Protocol):
    """Where the databases go. Names are without the prefix."""

    dialect: Dialect
    common_url: str
    client_url: str

    def cursor(self, database: str, *, create: bool = False) -> AbstractContextManager[Cursor]:
        """Open one database for one transaction."""

    def created(self, databases: Iterable[str]) -> Iterator[Cursor]:
        """Create databases one after the other, and yield a cursor in each."""

    def address(self, database: str) -> tuple[str, str, str]:
        """Host, database and login of an account whose database is named."""

    def set_login(self) -> None:
        """Create the login that the console uses."""

    def remove(self) -> None:
        """Take away everything that is there."""


class _Folder:
    """SQLite files in a folder."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._folder, self._prefix = folder, prefix
        self.dialect = create_engine("sqlite://").dialect
        self.common_url = f"{_SQLITE}{folder}/{prefix}_common.db"
        self.client_url = f"{_SQLITE}{folder}/{{db_database}}.db"

    @contextmanager
    def cursor(self, database: str, *, create: bool = False) -> Iterator[Cursor]:
        """Open one file; nothing is synchronised to the disk, this world may be lost."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = "rwc" if create else "rw"
        path = self._folder / f"{self._prefix}_{database}.db"
        with closing(sqlite3.connect(f"file:{path}?mode={mode}", uri=True, isolation_level=None)) as connection:
            cursor = connection.cursor()
            for pragma in ("journal_mode=MEMORY", "synchronous=OFF", "cache_size=-65536", "temp_store=MEMORY"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.execute("BEGIN")
            yield cursor
            cursor.execute("COMMIT")

    def created(self, databases: Iterable[str]) -> Iterator[Cursor]:
        """One file after the other."""
        for database in databases:
            with self.cursor(database, create=True) as cursor:
                yield cursor

    def address(self, database: str) -> tuple[str, str, str]:
        """All accounts are on one host."""
        return "client-db-01", f"{self._prefix}_{database}", f"{self._prefix}_console"

    def set_login(self) -> None:
        """Files need none."""

    def remove(self) -> None:
        """Delete the files."""
        for path in self._folder.glob(f"{self._prefix}_*.db"):
            path.unlink()


@dataclass(slots=True, frozen=True)
class ScaleWorld:
    """A filled world. `size` says what is in it, to the row."""

    size: ScaleSize
    anchor: int
    """Moment of the newest rows, seconds since the epoch."""
    common_url: str
    client_url: str
    took_s: float
    """How long it took to fill."""
    _place: _Place
    _password: str

    def __repr__(self) -> str:
        return f"ScaleWorld({self.size!r}, {self.common_url!r})"

    @property
    def large_account(self) -> int:
        """The account with `agents_in_one` agents."""
        return self.size.account_ids[0]

    @property
    def password(self) -> str:
        """Of the console's login; empty for files."""
        return "" if self.common_url.startswith(_SQLITE) else self._password

    def flags(self) -> dict[str, object]:
        """Settings overrides by dotted name with which the console reads this world; the password among them."""
        flags: dict[str, object] = {
            "environment": "SANDBOX scale",
            "databases.common_url": self.common_url,
            "databases.client_url": self.client_url,
        }
        if self.password:
            flags["databases.password"] = self.password
        return flags

    def append(self, rows: int) -> None:
        """Add lead events as time goes on: the next ids, the last of them dated now."""
        with self._place.cursor("common") as cursor:
            cursor.execute("SELECT MAX(id) FROM zillow_lead_events_log")
            found = cursor.fetchone()
            last = int(found[0]) if found and found[0] is not None else 0
            maker = EventMaker(cursor, self._place.dialect, self.size.sync_users(), self.size.account_ids)
            maker.append_leads(range(last, last + rows), int(time.time()), _step_us(self.size))

    def remove(self) -> None:
        """Take everything away."""
        self._place.remove()


def fill_scale(  # each is a size, given by name
    url: str,
    *,
    rows: int,
    accounts: int,
    agents_in_one: int = 10_000,
    agents: int = 10,
    deals: int = 5,
    deals_in_one: int = 20_000,
    webhooks: int = 100_000,
    rows_per_s: float = 20.0,
    seed: int = 1,
    prefix: str = NAME,
    password: str | None = None,
) -> ScaleWorld:
    """Fill a server (administrator's URL) or a folder (`sqlite:////folder`), replacing an earlier world there.

    `rows` are lead events, `accounts` client databases; `password` is for the console's login, generated when None.
    Raises `UserError` for sizes and addresses that cannot be, `SourceFailure` for the server.
    """
    size = ScaleSize(
        rows=rows,
        accounts=accounts,
        agents=agents,
        agents_in_one=agents_in_one,
        deals=deals,
        deals_in_one=deals_in_one,
        webhooks=webhooks,
        rows_per_s=rows_per_s,
        seed=seed,
    )
    _check(size)
    secret = password or secrets.token_urlsafe(18)
    place = _place_of(url, prefix, secret)
    began = time.monotonic()
    story = Story(NAME, seed, int(time.time()))
    _fill(place, size, story)
    took_s = time.monotonic() - began
    return ScaleWorld(size, story.anchor, place.common_url, place.client_url, took_s, place, secret)


def remove_scale(url: str, *, prefix: str = NAME) -> None:
    """Take away what an earlier run made; raises as `fill_scale` does."""
    _place_of(url, prefix, "").remove()


def _place_of(url: str, prefix: str, password: str) -> _Place:
    if not url.startswith(_SQLITE):
        return DatabaseServer(url, prefix, password, statement_s=_STATEMENT_S)
    return _Folder(Path(url.removeprefix(_SQLITE)), prefix)


def _check(size: ScaleSize) -> None:
    largest = max(size.agents, size.agents_in_one, size.deals, size.deals_in_one)
    smallest = min(size.rows, size.agents, size.agents_in_one, size.deals, size.deals_in_one, size.webhooks)
    if size.accounts < 1 or smallest < 0 or not 0 < size.rows_per_s <= 1_000_000 or largest >= 100_000:
        raise UserError(
            "these sizes cannot be",
            where="scale",
            accepted="rows and webhooks from 0, accounts from 1, agents and deals of one account from 0 to 99,999",
        )


def _step_us(size: ScaleSize) -> int:
    return max(1, round(1_000_000 / size.rows_per_s))


def _fill(place: _Place, size: ScaleSize, story: Story) -> None:
    place.remove()
    stamp = stamps(story)
    rows = ScaleRows(size, stamp)
    with place.cursor("common", create=True) as cursor:
        # The table of the mark comes first, so that a run cut short is recognised as ours.
        fill_database(cursor, place.dialect, schema.MARK, (), hostile=False)
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        work = [pool.submit(_fill_common, place, size, rows, story.anchor)]
        shares = _CONNECTIONS - 1
        work += [pool.submit(_fill_clients, place, size.account_ids[n::shares], rows) for n in range(shares)]
        for done in work:
            done.result()
    place.set_login()
    with place.cursor("common") as cursor:
        columns = ", ".join(repr(value) for value in mark_of(story))
        cursor.execute(f"INSERT INTO {schema.STORY_MARK.name} VALUES ({columns})")  # noqa: S608  # our own values


def _fill_common(place: _Place, size: ScaleSize, rows: ScaleRows, anchor: int) -> None:
    with place.cursor("common") as cursor:
        common = rows.common(lambda account_id: place.address(f"client_{account_id}"))
        fill_database(cursor, place.dialect, schema.COMMON, common, hostile=False)
        maker = EventMaker(cursor, place.dialect, size.sync_users(), size.account_ids)
        maker.fill(size.rows, size.webhooks, anchor, _step_us(size))


def _fill_clients(place: _Place, accounts: range, rows: ScaleRows) -> None:
    # The cursors come first: their generator is then run to its end, which is where it commits.
    cursors = place.created(f"client_{account_id}" for account_id in accounts)
    for cursor, account_id in zip(cursors, accounts, strict=True):
        fill_database(cursor, place.dialect, schema.CLIENT, rows.client(account_id), hostile=False)


def scale(options: argparse.Namespace) -> int:
    """Fill, write `console.toml`, and print one line of JSON; with `--remove` only take away."""
    directory = options.directory.absolute()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot use {directory}: {error.strerror}", where="--directory", accepted="a folder to write in"
        ) from None
    url = options.database_url or os.environ.get(DATABASE_URL) or f"sqlite:///{directory}"
    if options.remove:
        remove_scale(url, prefix=options.schema_prefix)
        return 0
    world = fill_scale(
        url,
        rows=options.rows,
        accounts=options.accounts,
        agents=options.agents,
        agents_in_one=options.agents_in_one,
        deals=options.deals,
        deals_in_one=options.deals_in_one,
        webhooks=options.webhooks,
        seed=options.seed,
        prefix=options.schema_prefix,
    )
    said = {
        "config": str(_write_settings(world, directory)),
        "common_url": world.common_url,
        "client_url": world.client_url,
        "large_account": world.large_account,
        "took_s": round(world.took_s, 1),
    }
    sys.stdout.buffer.write(orjson.dumps(said) + b"\n")
    return 0


def _write_settings(world: ScaleWorld, directory: Path) -> Path:
    """Write the settings file with which `warroom --config` reads this world; the password stays in a file."""
    config, password = directory / "console.toml", directory / "database_password"
    databases = {"common_url": world.common_url, "client_url": world.client_url}
    if world.password:
        write_private(password, world.password)
        databases["password_file"] = str(password)
    lines = [
        *settings_lines("", environment=world.flags()["environment"], state_dir=directory / STATE),
        *settings_lines("databases", **databases),
    ]
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return config
