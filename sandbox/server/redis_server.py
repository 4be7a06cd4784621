"""Redis on a real socket: fakeredis' server with its Lua, behind a gate that asks for the password.

fakeredis lets everybody in, whatever they say. The gate reads every command before it is passed on, so that a login is
refused as a Redis refuses it, and so that tests can see what was asked.
"""

from __future__ import annotations

import hmac
import socket
import socketserver
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from io import BufferedIOBase
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakeredis import TcpFakeServer

HOST = "127.0.0.1"

_MOST_PARTS = 1_024
_LONGEST_LINE, _LONGEST_VALUE = 65_536, 1_048_576
_WRONG = "WRONGPASS invalid username-password pair or user is disabled."


class RedisServer:
    """Listens from construction on; `stop` or leaving the `with` block ends it. `silent` makes it answer nothing."""

    def __init__(self, *, password: str | None = None, holds: Iterable[Sequence[bytes]] = ()) -> None:
        """`holds` are the commands that write what it holds from the beginning."""
        self.password = password
        self._holds = tuple(holds)
        self.commands: list[tuple[str, ...]] = []
        """Every command received, without arguments of AUTH and HELLO."""
        self.silent = threading.Event()
        self._loading = threading.Lock()
        self._gate = _Gate((HOST, 0), _Conversation)
        self._gate.stand_in = self
        self._thread = threading.Thread(target=self._gate.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Address without a password."""
        return f"redis://{HOST}:{self._gate.server_address[1]}/0"

    def load(self) -> tuple[str, int]:
        """Start what answers, unless it runs, and return its address; it takes half a second to import."""
        with self._loading:
            host, port = self._engine.server_address[:2]
            return str(host), int(port)

    @cached_property
    def _engine(self) -> TcpFakeServer:
        from fakeredis import TcpFakeServer  # noqa: PLC0415  # the sandbox says that it is ready before this is loaded

        engine = TcpFakeServer((HOST, 0))
        threading.Thread(target=engine.serve_forever, args=(0.05,), daemon=True).start()
        host, port = engine.server_address[:2]
        with socket.create_connection((str(host), int(port))) as filling:
            answers = filling.makefile("rb")
            for words in self._holds:
                filling.sendall(_written(list(words)))
                answers.readline()
        return engine

    def stop(self) -> None:
        """End it. Idempotent."""
        self._gate.shutdown()
        self._gate.server_close()
        self._thread.join(5.0)
        with self._loading:
            if "_engine" in self.__dict__:
                self._engine.shutdown()
                self._engine.server_close()

    def __enter__(self) -> RedisServer:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()


class _Gate(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    stand_in: RedisServer


class _Conversation(socketserver.StreamRequestHandler):
    server: _Gate
    disable_nagle_algorithm = True

    def handle(self) -> None:
        stand_in = self.server.stand_in
        self._is_known = stand_in.password is None
        # The other side may be gone, or may not speak the protocol: nobody is left to be told.
        with suppress(OSError, ValueError), socket.create_connection(stand_in.load()) as engine:
            engine.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._answer, args=(engine,), daemon=True).start()
            while words := _command(self.rfile):
                name, *arguments = (word.decode("utf-8", "replace") for word in words)
                command = name.upper()
                stand_in.commands.append((command,) if command in {"AUTH", "HELLO"} else (command, *arguments))
                if not stand_in.silent.is_set():
                    engine.sendall(_written(self._judged(command, words)))

    def _judged(self, command: str, words: list[bytes]) -> list[bytes]:
        """The command, or in its place one that the engine answers as the gate wants: answers stay in their order."""
        login = words[1:] if command == "AUTH" else []
        named = [word.upper() for word in words]
        if command == "HELLO" and b"AUTH" in named:
            login = words[named.index(b"AUTH") + 1 :][:2]
        password = self.server.stand_in.password
        if login and password is not None:
            if login[:-1] not in ([], [b"default"]) or not hmac.compare_digest(login[-1], password.encode()):
                return _saying(f"status_reply('{_WRONG}')")
            self._is_known = True
            return words if command == "HELLO" else _saying("status_reply('OK')")
        return words if self._is_known else _saying("error_reply('NOAUTH Authentication required.')")

    def _answer(self, engine: socket.socket) -> None:
        """Pass on what the engine says until one side has gone."""
        with suppress(OSError):
            for line in engine.makefile("rb"):
                # The engine makes NOAUTH of every error about a login, so this one comes to here as a status.
                self.wfile.write(f"-{_WRONG}\r\n".encode() if line == f"+{_WRONG}\r\n".encode() else line)
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def _command(stream: BufferedIOBase) -> list[bytes]:
    """Read one command: an array of bulk strings, or a line of words as a person types it; empty at the end."""
    line = stream.readline(_LONGEST_LINE).rstrip(b"\r\n")
    if not line.startswith(b"*"):
        return line.split()
    count = int(line[1:])
    if not 0 < count <= _MOST_PARTS:
        raise ValueError("a command of no words, or of too many")
    words = []
    for _ in range(count):
        header = stream.readline(_LONGEST_LINE)
        length = int(header[1:])
        if not header.startswith(b"$") or not 0 <= length <= _LONGEST_VALUE:
            raise ValueError("not a bulk string")
        words.append(stream.read(length + 2)[:-2])
    return words


def _saying(reply: str) -> list[bytes]:
    return [b"EVAL", f"return redis.{reply}".encode(), b"0"]


def _written(words: list[bytes]) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
