"""A private redis-server for tests: own folder, own socket, gone when the test ends. One that runs here is not used."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError as NoConnection

START_SECONDS = 30.0
MISSING = "redis-server was not found: sh tests/ensure-servers.sh says how to install it"


class PrivateRedis:
    """One server. `start` after `kill` brings back what it had written down: everything (`save`), or nothing."""

    def __init__(self, folder: Path, program: str) -> None:
        self.folder, self._program = folder, program
        self._process: subprocess.Popen[bytes] | None = None
        self.client = Redis(unix_socket_path=str(folder / "s"))

    @property
    def url(self) -> str:
        """As `redis.url` has it."""
        return f"unix://{self.folder}/s"

    def start(self) -> None:
        """Start it, and return when it answers."""
        guard = shutil.which("setpriv")
        prefix = [guard, "--pdeathsig", "TERM", "--"] if guard and os.uname().sysname == "Linux" else []
        words = ["--port", "0", "--unixsocket", f"{self.folder}/s", "--dir", str(self.folder), "--save", ""]
        words += ["--appendonly", "no", "--logfile", f"{self.folder}/log", "--daemonize", "no"]
        self._process = subprocess.Popen([*prefix, self._program, *words], stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.client.ping()
            except (NoConnection, OSError):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text(errors="replace")[-2_000:]) from None
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """End it at once, as a crash would."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(START_SECONDS)


@contextmanager
def private_redis() -> Iterator[PrivateRedis]:
    """One, started."""
    program = shutil.which("redis-server")
    assert program is not None, MISSING
    with tempfile.TemporaryDirectory(prefix="wr-redis-") as folder:
        server = PrivateRedis(Path(folder), program)
        server.start()
        try:
            yield server
        finally:
            server.client.close()
            server.kill()
