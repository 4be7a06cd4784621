"""A private MariaDB server for tests: own folder, own port, own root password, gone when the test session ends.

A server that happens to run on the machine is never used. Without `mariadbd` the fixture fails and says what to
install: a database suite that quietly skips half of itself proves nothing.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql
from pymysql.connections import Connection
from sqlalchemy import URL

START_SECONDS = 60.0
STOP_SECONDS = 30.0
MISSING = (
    "mariadbd was not found. Install it and run again: `apt-get install -y --no-install-recommends mariadb-server` "
    "(Debian, Ubuntu), `dnf install mariadb-server` (Fedora), `brew install mariadb` (macOS)."
)


class MariaDBUnavailable(RuntimeError):  # noqa: N818  # it says what is the matter
    """No private server could be started; the message says what to install or what the server's log said."""


class MariaDB:
    """One private server. `start` after `stop` or `kill` brings the same data back on the same port."""

    def __init__(self, directory: Path, program: str, installer: str, options: Sequence[str] = ()) -> None:
        self.directory = directory
        self.port = free_port()
        self.root_password = secrets.token_hex(12)
        self._program = program
        self._installer = installer
        self._options = tuple(options)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """The only address it listens on."""
        return "127.0.0.1"

    @property
    def socket_path(self) -> Path:
        """The unix socket inside the private folder."""
        return self.directory / "s"

    @property
    def pid(self) -> int:
        """Process id of the running server; raises when it does not run."""
        if self._process is None:
            raise MariaDBUnavailable("the private MariaDB server is not running")
        return self._process.pid

    @property
    def root_url(self) -> str:
        """SQLAlchemy URL of root without a database."""
        return self.url()

    def url(self, database: str | None = None, user: str = "root", password: str | None = None) -> str:
        """SQLAlchemy URL over TCP; root's own password unless another user is named."""
        secret = self.root_password if user == "root" and password is None else password
        address = URL.create("mysql+pymysql", user, secret, self.host, self.port, database)
        return address.render_as_string(hide_password=False)

    def install(self) -> None:
        """Create the data directory and give root its password."""
        arguments = [
            self._installer,
            "--no-defaults",
            f"--datadir={self.directory / 'data'}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
            *_as_root(),
        ]
        # A folder of its own: two servers that are installed at the same moment name their temporary tables alike.
        temporary = self.directory / "temporary"
        temporary.mkdir(exist_ok=True)
        if _as_root():
            temporary.chmod(0o1777)
        environment = {**os.environ, "TMPDIR": str(temporary)}
        done = subprocess.run(arguments, capture_output=True, timeout=START_SECONDS, check=False, env=environment)
        if done.returncode != 0:
            raise MariaDBUnavailable(f"mariadb-install-db failed: {done.stderr[-2000:]!r}")
        self.start(password="")
        with self.connect(password="") as connection, connection.cursor() as cursor:
            # Accounts of a host name cannot be reached, nor altered, while names are not resolved.
            cursor.execute("DELETE FROM mysql.global_priv WHERE host NOT IN ('localhost', '127.0.0.1', '::1')")
            cursor.execute("FLUSH PRIVILEGES")
            cursor.execute("SELECT user, host FROM mysql.user WHERE user = 'root'")
            for user, host in cursor.fetchall():
                cursor.execute("ALTER USER %s@%s IDENTIFIED BY %s", (user, host, self.root_password))

    @property
    def crash(self) -> str:
        """By which signal the server died although no test ended it; empty otherwise."""
        code = None if self._process is None else self._process.poll()
        return f"signal {-code}" if code is not None and code < 0 else ""

    def start(self, *, password: str | None = None) -> None:
        """Start the server and return when it answers."""
        log = self.directory / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(self._command(), stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.connect(password=password).close()
            except pymysql.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.kill()
                    tail = log.read_text(errors="replace")[-2000:]
                    raise MariaDBUnavailable(f"the private MariaDB server did not start: {tail}") from error
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Ask the server to end, and end it when it does not."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop the server's clock: it accepts connections and answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)
        # The signal is delivered to each thread in its own time; one that still runs would answer once more.
        deadline = time.monotonic() + START_SECONDS
        while not self._is_stopped() and time.monotonic() < deadline:
            time.sleep(0.005)

    def _is_stopped(self) -> bool:
        tasks = Path(f"/proc/{self.pid}/task")
        if not tasks.is_dir():
            # Systems without /proc do not tell; there the signal has to be taken on trust.
            return True
        try:
            states = [(task / "stat").read_text().rpartition(")")[2].split()[0] for task in tasks.iterdir()]
        except OSError:
            return False
        return all(state in "Tt" for state in states)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        os.kill(self.pid, signal.SIGCONT)

    def connect(self, database: str | None = None, *, password: str | None = None) -> Connection:
        """A root connection over the private socket, autocommit, every time limit set."""
        return pymysql.connect(
            unix_socket=str(self.socket_path),
            user="root",
            password=self.root_password if password is None else password,
            database=database,
            autocommit=True,
            connect_timeout=5,
            read_timeout=60,
            write_timeout=60,
            ssl_disabled=True,
        )

    def execute(self, *statements: str, database: str | None = None, arguments: Sequence[object] = ()) -> list[Any]:
        """Run statements as root and return the rows of the last one."""
        rows: list[Any] = []
        with self.connect(database) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement, tuple(arguments) or None)
                rows = list(cursor.fetchall())
        return rows

    def create_schema(self, name: str, *statements: str) -> str:
        """Create an empty database, replacing one of that name, run `statements` in it, and return its name."""
        self.execute(f"DROP DATABASE IF EXISTS `{name}`", f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        if statements:
            self.execute(*statements, database=name)
        return name

    def create_user(
        self, name: str, password: str, *, schemas: Sequence[str] = (), privileges: str = "SELECT", on: str = ""
    ) -> None:
        """Create a login, replacing one of that name: read-only on `schemas` unless told otherwise; `on` adds `*.*`."""
        targets = [f"`{schema}`.*" for schema in schemas] + ([on] if on else [])
        self.execute(f"DROP USER IF EXISTS '{name}'@'%'")
        self.execute(f"CREATE USER '{name}'@'%%' IDENTIFIED BY %s", arguments=(password,))
        for target in targets:
            self.execute(f"GRANT {privileges} ON {target} TO '{name}'@'%'")

    def _command(self) -> list[str]:
        guard = shutil.which("setpriv")
        # Ends the server even when the test process is killed and its clean-up never runs (Linux only).
        prefix = [guard, "--pdeathsig", "TERM", "--"] if guard and os.uname().sysname == "Linux" else []
        return [
            *prefix,
            self._program,
            "--no-defaults",
            f"--datadir={self.directory / 'data'}",
            f"--socket={self.socket_path}",
            f"--pid-file={self.directory / 'pid'}",
            f"--port={self.port}",
            f"--bind-address={self.host}",
            f"--secure-file-priv={self.directory}",
            "--skip-networking=0",
            "--skip-name-resolve",
            "--skip-log-bin",
            "--debug-no-sync",
            "--performance-schema=0",
            # Memory is taken as it is used; a story that fits into it is written once, and not evicted and read again.
            "--innodb-buffer-pool-size=192M",
            "--innodb-log-file-size=128M",
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-doublewrite=0",
            "--innodb-fast-shutdown=2",
            # A story has seven hundred tables. One file for all halves what creating them costs.
            "--innodb-file-per-table=0",
            "--innodb-stats-auto-recalc=0",
            "--innodb-buffer-pool-dump-at-shutdown=0",
            "--innodb-buffer-pool-load-at-startup=0",
            "--key-buffer-size=1M",
            "--aria-pagecache-buffer-size=8M",
            "--max-connections=80",
            "--character-set-server=utf8mb4",
            *self._options,
            *_as_root(),
        ]

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(how)
            process.send_signal(signal.SIGCONT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)


_RUNNING: list[MariaDB] = []


def crashed() -> str:
    """How a private server of this process died by itself, and the end of what it said; empty where none did."""
    for server in _RUNNING:
        if server.crash:
            said = (server.directory / "log").read_text(errors="replace")[-3_000:]
            return f"{server.crash}: {said}"
    return ""


@contextmanager
def private_mariadb(*options: str) -> Iterator[MariaDB]:
    """Start a private server with further options, hand it over, stop it, remove it. Raises `MariaDBUnavailable`."""
    program, installer = find_programs()
    # The path of a unix socket has little room, and a long TMPDIR may already fill it.
    parent = None if len(tempfile.gettempdir()) < 60 else "/tmp"  # noqa: S108  # mkdtemp makes it private
    directory = Path(tempfile.mkdtemp(prefix="warroom-mariadb-", dir=parent))
    server = MariaDB(directory, program, installer, options)
    try:
        server.install()
        _RUNNING.append(server)
        yield server
    finally:
        if server in _RUNNING:
            _RUNNING.remove(server)
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


def find_programs() -> tuple[str, str]:
    """Paths of the server and of its installer, also where a plain user's PATH does not look."""
    places = os.pathsep.join(
        [os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/opt/homebrew/bin"]
    )
    installer = shutil.which("mariadb-install-db", path=places) or shutil.which("mysql_install_db", path=places)
    for name in ("mariadbd", "mysqld"):
        program = shutil.which(name, path=places)
        if program and installer and _is_mariadb(program):
            return program, installer
    raise MariaDBUnavailable(MISSING)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_mariadb(program: str) -> bool:
    said = subprocess.run([program, "--no-defaults", "--version"], capture_output=True, timeout=20, check=False)
    return b"MariaDB" in said.stdout


def _as_root() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []
