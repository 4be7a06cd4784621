"""A stand-in for the workers' Redis: speaks RESP 2 and 3 over a real socket and knows a handful of commands.

PING, HELLO, AUTH, CLIENT, SELECT, GET, EXISTS, PTTL, TTL, SET with PX or EX, DEL and QUIT. Everything else is refused,
as is every command before a login where a password is set.
"""

from __future__ import annotations

import hmac
import socketserver
import threading
import time
from collections.abc import Callable
from types import TracebackType

HOST = "127.0.0.1"

_LONGEST_LINE = 65_536
_MOST_PARTS = 64
_LONGEST_VALUE = 1_048_576
_LEVELS = {"2": 2, "3": 3}

OK = b"+OK\r\n"
_NO_LOGIN = b"-NOAUTH Authentication required.\r\n"
_WRONG = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
_SYNTAX = b"-ERR syntax error\r\n"


class Keys:
    """Values with their ends. Safe from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, tuple[bytes, float | None]] = {}

    def set(self, key: str, value: bytes = b"1", *, left_s: float | None = None) -> None:
        """Hold a value, for so many seconds or for ever."""
        with self._lock:
            self._held[key] = (value, None if left_s is None else self._clock() + left_s)

    def get(self, key: str) -> bytes | None:
        """The value, or None."""
        found = self._find(key)
        return None if found is None else found[0]

    def left_ms(self, key: str) -> int:
        """As PTTL: milliseconds left, -1 without an end, -2 when there is no such key."""
        found = self._find(key)
        if found is None:
            return -2
        return -1 if found[1] is None else max(0, round((found[1] - self._clock()) * 1_000))

    def delete(self, key: str) -> bool:
        """Forget a key; returns whether it was there."""
        with self._lock:
            return self._held.pop(key, None) is not None

    def _find(self, key: str) -> tuple[bytes, float | None] | None:
        with self._lock:
            found = self._held.get(key)
            if found is not None and found[1] is not None and found[1] <= self._clock():
                del self._held[key]
                return None
            return found


class RedisServer:
    """Listens from construction on; `stop` or leaving the `with` block ends it. `silent` makes it answer nothing."""

    def __init__(self, *, password: str | None = None, port: int = 0) -> None:
        self.keys = Keys()
        self.password = password
        self.commands: list[tuple[str, ...]] = []
        """Every command received, without arguments of AUTH and HELLO."""
        self.silent = threading.Event()
        self._server = _Listener((HOST, port), _Conversation)
        self._server.stand_in = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Port on 127.0.0.1."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Address without a password."""
        return f"redis://{HOST}:{self.port}/0"

    def stop(self) -> None:
        """End it. Idempotent."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5.0)

    def __enter__(self) -> RedisServer:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    def answer(self, words: list[bytes], session: Session) -> bytes:
        """The answer to one command."""
        name, *arguments = (word.decode("utf-8", "replace") for word in words)
        command = name.upper()
        self.commands.append((command,) if command in {"AUTH", "HELLO"} else (command, *arguments))
        if command == "HELLO":
            return self._hello(arguments, session)
        if command == "AUTH":
            return self._log_in(arguments[-1] if arguments else "", session)
        if self.password is not None and not session.is_known:
            return _NO_LOGIN
        if command == "SET":
            return self._set(arguments, words)
        return self._read(command, arguments, session)

    def _read(self, command: str, arguments: list[str], session: Session) -> bytes:
        keys, first = self.keys, arguments[0] if arguments else ""
        answers: dict[str, Callable[[], bytes]] = {
            "PING": lambda: b"+PONG\r\n" if not arguments else _bulk(first.encode(), session),
            "CLIENT": lambda: OK,
            "SELECT": lambda: OK if first == "0" else b"-ERR DB index is out of range\r\n",
            "GET": lambda: _bulk(keys.get(first), session),
            "EXISTS": lambda: _number(sum(keys.get(key) is not None for key in arguments)),
            "PTTL": lambda: _number(keys.left_ms(first)),
            "TTL": lambda: _number(left if (left := keys.left_ms(first)) < 0 else round(left / 1_000)),
            "DEL": lambda: _number(sum(keys.delete(key) for key in arguments)),
            "QUIT": lambda: OK,
        }
        if command not in answers:
            return f"-ERR unknown command '{command[:40]}'\r\n".encode("ascii", "replace")
        if not arguments and command not in {"PING", "QUIT"}:
            return f"-ERR wrong number of arguments for '{command.lower()}' command\r\n".encode()
        session.is_over = command == "QUIT"
        return answers[command]()

    def _hello(self, arguments: list[str], session: Session) -> bytes:
        level = _LEVELS.get(arguments[0]) if arguments else session.level
        if level is None:
            return b"-NOPROTO unsupported protocol version\r\n"
        upper = [argument.upper() for argument in arguments]
        if "AUTH" in upper[1:]:
            given = arguments[upper.index("AUTH", 1) + 1 :][1:2]
            said = self._log_in(given[0] if given else "", session)
            if said != OK:
                return said
        if self.password is not None and not session.is_known:
            return _NO_LOGIN
        session.level = level
        about = (b"server", b"redis", b"version", b"7.2.0", b"proto", level, b"mode", b"standalone", b"role", b"master")
        parts = b"".join(_number(part) if isinstance(part, int) else _bulk(part, session) for part in about)
        return (b"%%%d\r\n" % (len(about) // 2) if level == 3 else b"*%d\r\n" % len(about)) + parts

    def _log_in(self, given: str, session: Session) -> bytes:
        if self.password is None:
            return b"-ERR AUTH called without any password configured\r\n"
        session.is_known = hmac.compare_digest(given.encode(), self.password.encode())
        return OK if session.is_known else _WRONG

    def _set(self, arguments: list[str], words: list[bytes]) -> bytes:
        if len(arguments) not in {2, 4}:
            return _SYNTAX
        left_s: float | None = None
        if len(arguments) == 4:
            per = {"PX": 1_000, "EX": 1}.get(arguments[2].upper())
            if per is None or not arguments[3].isdigit():
                return _SYNTAX
            left_s = int(arguments[3]) / per
        self.keys.set(arguments[0], words[2], left_s=left_s)
        return OK


class Session:
    """What one connection has said so far."""

    def __init__(self) -> None:
        self.level = 2
        self.is_known = False
        self.is_over = False


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    stand_in: RedisServer


class _Conversation(socketserver.StreamRequestHandler):
    server: _Listener

    def handle(self) -> None:
        session = Session()
        try:
            while not session.is_over and (words := self._command()):
                if self.server.stand_in.silent.is_set():
                    continue
                self.wfile.write(self.server.stand_in.answer(words, session))
        except (ConnectionError, ValueError):
            # The other side is gone, or does not speak the protocol: nobody is left to be told.
            return

    def _command(self) -> list[bytes]:
        """One command: an array of bulk strings, or a line of words as a person types it."""
        line = self._line()
        if not line.startswith(b"*"):
            return line.split()
        count = int(line[1:])
        if not 0 < count <= _MOST_PARTS:
            raise ValueError("a command of no words, or of too many")
        return [self._bulk() for _ in range(count)]

    def _bulk(self) -> bytes:
        header = self._line()
        length = int(header[1:])
        if not header.startswith(b"$") or not 0 <= length <= _LONGEST_VALUE:
            raise ValueError("not a bulk string")
        value = self.rfile.read(length + 2)
        if len(value) != length + 2:
            raise ConnectionError("cut off")
        return value[:-2]

    def _line(self) -> bytes:
        return self.rfile.readline(_LONGEST_LINE).rstrip(b"\r\n")


def _number(value: int) -> bytes:
    return b":%d\r\n" % value


def _bulk(value: bytes | None, session: Session) -> bytes:
    if value is None:
        return b"_\r\n" if session.level == 3 else b"$-1\r\n"
    return b"$%d\r\n%s\r\n" % (len(value), value)
