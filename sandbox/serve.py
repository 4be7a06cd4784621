"""The life of one sandbox process: listen, fill the databases, say that it is ready, serve, clean up."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import math
import os
import shutil
import signal
import socket
import sqlite3
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import uvicorn

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.private import close_folder, private_folder
from sandbox.recovery.poller import Poller, over_http
from sandbox.recovery.zillow import Zillow, parse_limit
from sandbox.server.application import application
from sandbox.server.faults import Faults
from sandbox.server.jira import EMAIL
from sandbox.server.limits import RateLimits
from sandbox.server.log_search import QueryCache
from sandbox.server.memory import Memory, remembering
from sandbox.server.misbehaviour import ReachableProtocol
from sandbox.server.outside import AUTHORIZE, EVENTS
from sandbox.server.redis_server import RedisServer
from sandbox.server.slack import TEAM, WEBHOOK_SERVICE
from sandbox.server.world import World
from sandbox.stores import resque
from sandbox.stores.client_faults import ClientFaults, is_client_fault, parse_client_fault
from sandbox.stores.row_faults import is_row_fault, parse_row_faults
from sandbox.stories.clock import kept_clock, now_s, set_ahead
from sandbox.stories.scenario import scenario_named
from sandbox.stories.story import (
    ANALYTICS_TABLES,
    DATABASE_URL,
    READY,
    RESUME_WITHIN_S,
    STATE,
    Story,
    replace_private,
    settings_lines,
    settle_secrets,
    settle_story,
    write_private,
)
from sandbox.stories.timeline import Timeline

if TYPE_CHECKING:
    from sandbox.stores.filling import Store
    from sandbox.stores.ticker import Ticker

HOST = "127.0.0.1"
NEEDS_RECOVERY = "nov17"
"""The story whose backlog waits for somebody to have it delivered."""
PORT_FILE = "port"
WEBHOOK_FILE = "slack_webhook_url"
WRITER_FILE = "database_writer"
"""Name of the file with the webhook's whole address, which depends on the port."""


def _told(options: argparse.Namespace) -> dict[str, str]:
    """Secrets of a console that started it, in the first line of standard input."""
    if not options.secrets_pipe:
        return {}
    line = bytearray()
    while (byte := os.read(0, 1)) not in {b"", b"\n"}:
        line += byte
    return {str(name): str(value) for name, value in orjson.loads(line or b"{}").items()}


def _database_url(options: argparse.Namespace) -> str:
    return str(options.database_url or os.environ.get(DATABASE_URL) or "")


def serve(options: argparse.Namespace) -> int:
    """Serve until told to stop; raises `UserError` for a wrong option and `SourceFailure` for the database."""
    told = _told(options)
    options.database_url = options.database_url or told.pop("database_url", "")
    scenario_named(options.scenario)
    faults = Faults(spec for spec in options.fault if not is_client_fault(spec) and not is_row_fault(spec))
    parse_row_faults(options.fault, is_server=bool(_database_url(options)))
    limits = RateLimits(tuple(options.rate_limit))
    parse_limit(options.zillow)
    for spec in filter(is_client_fault, options.fault):
        parse_client_fault(spec, options.seed)
    if options.analytics_behind < 0:
        raise UserError(
            "the analytics engine cannot be ahead", where="--analytics-behind", accepted="0 seconds or more"
        )
    set_ahead(faults.skew_s)
    # Whatever this process writes, databases and all, is its user's alone, also in a folder that others may look into.
    os.umask(0o077)
    if options.held_by is not None and options.directory is None:
        raise UserError("what is held is kept somewhere", where="--held-by", accepted="--directory beside it")
    directory, temporary = _directory(options.directory)
    listener = _listen_again(directory) if options.held_by is not None else _listen(options.port)
    try:
        # Whoever holds a world has looked at its age; it must not change its story under a journal.
        within_s = RESUME_WITHIN_S if options.held_by is None else math.inf
        story = settle_story(directory, options.scenario, options.seed, faults.spoils_rows, within_s)
        secrets = settle_secrets(directory, told)
        url = f"http://{HOST}:{listener.getsockname()[1]}"
        timeline = Timeline(story)
        zillow = Zillow(parse_limit(options.zillow), now_s())
        world = World(story, secrets, timeline, faults, limits, url, QueryCache(timeline), zillow)
        process = _Process(world, listener, options, directory, temporary=temporary)
        return asyncio.run(process.run())
    finally:
        listener.close()
        if temporary:
            shutil.rmtree(directory, ignore_errors=True)


def _listen(port: int) -> socket.socket:
    # Named explicitly, because asyncio switches Nagle's delay off only on sockets that say they are TCP; with the delay
    # every small answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # A sandbox killed a moment ago leaves connections behind that would otherwise hold the port for a minute.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise UserError(
            f"cannot listen on {HOST} port {port}: {error}", where="--port", accepted="a free port, or 0 for any"
        ) from None
    return listener


def _listen_again(directory: Path) -> socket.socket:
    """Listen where this world was served last, so that addresses in its journal stay true; elsewhere if it is taken."""
    try:
        port = int((directory / PORT_FILE).read_text(encoding="utf-8"))
        listener = _listen(port)
    except (OSError, ValueError, UserError):
        listener = _listen(0)
    write_private(directory / PORT_FILE, str(listener.getsockname()[1]))
    return listener


def _directory(given: Path | None) -> tuple[Path, bool]:
    """Return the directory and whether it is ours to delete."""
    if given is None:
        return Path(tempfile.mkdtemp(prefix="warroom-sandbox-")), True
    try:
        private_folder(given)
        close_folder(given)
    except OSError as error:
        raise UserError(
            f"cannot use {given}: {error.strerror}", where="--directory", accepted="a folder to write in"
        ) from None
    return given.resolve(), False


class _Process:
    """One run: the server on the event loop, the databases in a thread beside it."""

    def __init__(
        self, world: World, listener: socket.socket, options: argparse.Namespace, directory: Path, *, temporary: bool
    ) -> None:
        self._world = world
        self._listener = listener
        self._options = options
        self._directory = directory
        self._temporary = temporary
        self._memory = Memory(world, directory) if options.held_by is not None else None
        served = application(world)
        config = uvicorn.Config(
            served if self._memory is None else remembering(served, self._memory),
            http=ReachableProtocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_level="critical",
            # The stand-in tells its own time, which may be skewed.
            date_header=False,
            access_log=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._store: Store | None = None
        self._ticker: Ticker | None = None
        self._poller: Poller | None = None
        self._redis: RedisServer | None = None
        self._failure: UserError | SourceFailure | OSError | None = None

    async def run(self) -> int:
        """Serve until stopped; raise what filling the databases raised."""
        self._server.config.load()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop)
        if self._options.parent_pipe:
            threading.Thread(target=self._watch_parent, args=(loop,), daemon=True).start()
        if self._options.held_by is not None:
            threading.Thread(target=self._watch_holders, args=(loop,), daemon=True).start()
        filling = loop.run_in_executor(None, self._fill)
        # The signal handlers are ours already; the server's own would end the process before it has cleaned up.
        await self._server._serve([self._listener])  # its public form installs those handlers
        await filling
        await asyncio.to_thread(self._clean_up)
        if self._failure is not None:
            raise self._failure
        return 0

    def _stop(self) -> None:
        self._server.should_exit = True

    def _watch_parent(self, loop: asyncio.AbstractEventLoop) -> None:
        # The pipe ends when its other end is closed, also by the death of the parent from SIGKILL.
        while os.read(sys.stdin.fileno(), 4_096):
            pass
        loop.call_soon_threadsafe(self._stop)

    def _watch_holders(self, loop: asyncio.AbstractEventLoop) -> None:
        # Ours as soon as nobody holds it, however the last one ended; kept until this process is gone, so that whoever
        # comes now waits and then starts another.
        descriptor = os.open(self._options.held_by, os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        loop.call_soon_threadsafe(self._stop)

    def _fill(self) -> None:
        """Fill the databases unless this very story is in them, then tell everybody that the world is ready."""
        # SQLAlchemy is imported beside the server that already listens.
        from sandbox.stores.behind import Behind  # noqa: PLC0415
        from sandbox.stores.server_store import ServerStore  # noqa: PLC0415
        from sandbox.stores.sqlite_store import SqliteStore  # noqa: PLC0415
        from sandbox.stores.ticker import Ticker  # noqa: PLC0415

        world = self._world
        database_url = _database_url(self._options)
        try:
            world.timeline.extend()
            password = world.secrets.database_password
            prefix = self._options.schema_prefix
            store: Store
            if database_url:
                oddities = parse_row_faults(self._options.fault, is_server=True)
                store = ServerStore(world.story, database_url, prefix, password, oddities)
            else:
                store = SqliteStore(world.story, self._directory, prefix)
            clients = ClientFaults(world.story, store, self._directory)
            self._ticker = Ticker(world.story, store)
            behind = Behind(world.story, store, self._directory, self._ticker.elapsed_s)
            if store.is_filled():
                clients.heal()
                behind.heal()
            else:
                self._store = store
                store.fill()
            self._store = store
            if self._options.analytics:
                store.fill_analytics(self._options.analytics_behind)
            for spec in filter(is_client_fault, self._options.fault):
                clients.set(spec)
            world.clients = clients
            self._ticker.behind = world.behind = behind
            behind.apply(world.faults.behind)
            self._ticker.start()
            if world.story.name == NEEDS_RECOVERY:
                # Elsewhere what is delivered is part of the story, and nothing waits for somebody to have it delivered.
                self._poller = Poller(store, over_http(world.base_url, EVENTS), kept_clock())
                self._poller.start()
            self._redis = RedisServer(password=world.secrets.database_password, holds=resque.commands(now_s()))
            world.ready = True
            self._announce(store, is_server=bool(database_url))
            threading.Thread(target=self._redis.load, name="redis", daemon=True).start()
        except (UserError, SourceFailure) as failure:
            self._failure = failure
        except (OSError, sqlite3.Error) as error:
            self._failure = SourceFailure(FailureKind.UNREACHABLE, "sandbox databases", str(error))
        finally:
            if not world.ready:
                self._stop()

    def _announce(self, store: Store, *, is_server: bool) -> None:
        world = self._world
        config = self._directory / "console.toml"
        analytics_url = store.analytics_url if self._options.analytics else None
        redis_url = self._redis.url if self._redis is not None else None
        settings = console_settings(
            world, store, self._directory, analytics_url=analytics_url, redis_url=redis_url, is_server=is_server
        )
        write_private(config, settings)
        write_private(self._directory / WEBHOOK_FILE, world.webhook_url)
        # The stand-ins have a writer: what is practised here is written to them and to nothing else.
        writer = f"{self._options.schema_prefix}_writer:{world.secrets.database_password}"
        write_private(self._directory / WRITER_FILE, writer)
        line = {
            "ready": True,
            "scenario": world.story.name,
            "url": world.base_url,
            "common_url": store.common_url,
            "client_url": store.client_url,
            "analytics_url": analytics_url,
            "redis_url": redis_url,
            "jira_email": EMAIL,
            "webhook_path": f"/services/{TEAM}/{WEBHOOK_SERVICE}/",
            "directory": str(self._directory),
            "temporary": self._temporary,
            "config": str(config),
            "pid": os.getpid(),
        }
        if self._options.held_by is not None:
            replace_private(self._directory / READY, orjson.dumps(line).decode())
            return
        try:
            sys.stdout.buffer.write(orjson.dumps(line) + b"\n")
            sys.stdout.buffer.flush()
        except OSError as error:
            # A console that started it and is gone needs no word of it; a shell learns it from the exit code.
            self._failure = None if self._options.parent_pipe else error
            self._stop()

    def _clean_up(self) -> None:
        """Drop schemas at any end, files only where the directory is temporary."""
        for thread in (self._poller, self._ticker):
            if thread is not None:
                thread.stop()
        if self._redis is not None:
            self._redis.stop()
        if self._memory is not None:
            self._memory.write()
        if self._store is not None and (self._temporary or not self._store.common_url.startswith("sqlite")):
            try:
                self._store.remove()
            except (UserError, SourceFailure) as failure:
                sys.stderr.write(f"the databases could not be removed: {failure}\n")


def console_settings(
    world: World,
    store: Store,
    directory: Path,
    *,
    analytics_url: str | None,
    redis_url: str | None,
    is_server: bool,
) -> str:
    """Return the settings file with which `warroom --config` speaks to this sandbox; secrets stay in files."""

    password = {"password_file": directory / "database_password"}
    databases = {"common_url": store.common_url, "client_url": store.client_url, **(password if is_server else {})}
    databases["writer_file"] = directory / WRITER_FILE
    lines = [
        *settings_lines("", environment=environment_name(world.story), state_dir=directory / STATE),
        *settings_lines(
            "datadog",
            api_url=world.base_url,
            api_key_file=directory / "api_key",
            app_key_file=directory / "app_key",
        ),
        *settings_lines("databases", **databases),
        *settings_lines("writes", repairs="true", recovery="true"),
    ]
    if analytics_url:
        tables = (password if is_server else {}) | ANALYTICS_TABLES
        lines += settings_lines("analytics", url=analytics_url, **tables)
    if redis_url:
        lines += settings_lines("redis", url=redis_url, **password)
    # Slack's channel and Jira's project are the catalogue's.
    webhook = settings_lines("", webhook_url_file=directory / WEBHOOK_FILE)
    lines += [
        *settings_lines("slack", api_url=f"{world.base_url}/api", bot_token_file=directory / "slack_token"),
        "# In place of the token, to send through the incoming webhook:",
        f"# {webhook[0]}",
        *settings_lines("jira", url=world.base_url, email=EMAIL, token_file=directory / "jira_token"),
        *settings_lines("zillow", authorization_url=f"{world.base_url}{AUTHORIZE}"),
    ]
    return "\n".join(lines) + "\n"


def environment_name(story: Story) -> str:
    """Name shown by the console instead of PROD."""
    return f"SANDBOX {story.name}"
