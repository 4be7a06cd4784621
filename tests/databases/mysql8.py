"""A stand-in that greets, encrypts and checks passwords as MySQL 8 does when it is just installed.

Protocol 10, SSLRequest, `caching_sha2_password` with both of its paths: the answer to a challenge for a login whose
password is cached, the password itself for the first one; a certificate that names no host. Of SQL it knows what the
console sends to prepare a session. Source: https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html and
page_caching_sha2_authentication_exchanges.html.
"""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.network import MYSQL_SERVER, server_context

VERSION = b"8.0.44"
_SSL, _PLUGIN_AUTH = 1 << 11, 1 << 19
_CAPABILITIES = 0x1 | 0x2 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x20000 | _PLUGIN_AUTH | 0x200000
_PLUGIN = b"caching_sha2_password"
_FAST, _FULL = b"\x01\x03", b"\x01\x04"
_OK = b"\x00\x00\x00\x02\x00\x00\x00"
_EOF = b"\xfe\x00\x00\x02\x00"
_QUIT, _QUERY, _PING = 1, 3, 14
_ANSWERS = {
    b"SELECT VERSION(), CONNECTION_ID(), ": (VERSION, b"7", b"mysql-8-of-the-tests"),
    b"SELECT VERSION()": (VERSION,),
    b"SELECT DATABASE()": (b"common",),
    b"SELECT @@": (b"0",),
    b"SELECT 1": (b"1",),
}


def error(code: int, state: bytes, message: bytes) -> bytes:
    """An error packet."""
    return b"\xff" + struct.pack("<H", code) + b"#" + state + message


@dataclass(slots=True)
class Login:
    """How one client came in."""

    encrypted: bool
    path: str = ""
    """ "fast" or "full"; empty where it did not get that far."""
    plain: bytes = field(default=b"", repr=False)
    """What was sent before encryption, or without it."""


class MySql8:
    """Listens from construction on; leave the `with` block to end it. `logins` tells what came."""

    def __init__(
        self, password: str, *, certificate: Path | None = MYSQL_SERVER, requires_encryption: bool = False
    ) -> None:
        self._password = password.encode()
        self._context = server_context(certificate) if certificate is not None else None
        self._requires_encryption = requires_encryption
        self._cached = False
        self.logins: list[Login] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._over = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Of a database on it, without a password."""
        return f"mysql+pymysql://reader@127.0.0.1:{self._listening.getsockname()[1]}/common"

    def __enter__(self) -> MySql8:
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)

    def _serve(self) -> None:
        with suppress(OSError):
            while not self._over:
                caller, _ = self._listening.accept()
                threading.Thread(target=self._talk, args=(caller,), daemon=True).start()

    def _talk(self, caller: socket.socket) -> None:
        with suppress(OSError, EOFError, ssl.SSLError), caller:
            caller.settimeout(20)
            wire = _Wire(caller)
            if self._let_in(wire):
                self._answer(wire)

    def _let_in(self, wire: _Wire) -> bool:
        challenge = bytes(byte % 127 + 1 for byte in os.urandom(20))
        offered = _CAPABILITIES | (_SSL if self._context is not None else 0)
        low, high = struct.pack("<H", offered & 0xFFFF), struct.pack("<H", offered >> 16)
        greeting = [b"\x0a", VERSION, b"\0", struct.pack("<I", 7), challenge[:8], b"\0", low, b"\xff\x02\x00", high]
        wire.send(b"".join([*greeting, b"\x15", bytes(10), challenge[8:], b"\0", _PLUGIN, b"\0"]))
        login = Login(encrypted=False)
        self.logins.append(login)
        answer = wire.take()
        if struct.unpack("<I", answer[:4])[0] & _SSL and self._context is not None and len(answer) == 32:
            login.plain = bytes(wire.heard)
            wire.encrypt(self._context)
            login.encrypted = True
            answer = wire.take()
        elif self._requires_encryption:
            wire.send(error(3159, b"HY000", b"Connections using insecure transport are prohibited"))
            return False
        user, _, rest = answer[32:].partition(b"\0")
        right = user == b"reader" and self._proves(wire, login, challenge, rest[1 : 1 + rest[0]])
        if not login.encrypted:
            login.plain = bytes(wire.heard)
        wire.send(_OK if right else error(1045, b"28000", b"Access denied for user 'reader'@'127.0.0.1'"))
        return right

    def _proves(self, wire: _Wire, login: Login, challenge: bytes, answer: bytes) -> bool:
        if self._cached:
            login.path = "fast"
            wire.send(_FAST)
            return answer == _scrambled(self._password, challenge)
        login.path = "full"
        wire.send(_FULL)
        given = wire.take()
        # Without encryption a client asks for the public key (2); this stand-in has none to give.
        self._cached = login.encrypted and given == self._password + b"\0"
        return self._cached

    @staticmethod
    def _answer(wire: _Wire) -> None:
        while True:
            command = wire.take()
            if command[0] == _QUIT:
                return
            if command[0] == _PING or command[1:].upper().startswith(b"SET"):
                wire.send(_OK)
                continue
            row = next((row for begin, row in _ANSWERS.items() if command[1:].startswith(begin)), None)
            if command[0] != _QUERY or row is None:
                wire.send(error(1064, b"42000", b"this stand-in does not know the statement"))
                continue
            wire.send(bytes([len(row)]))
            for number in range(len(row)):
                name = b"c%d" % number
                texts = (b"def", b"", b"", b"", name, name)
                wire.send(b"".join(bytes([len(text)]) + text for text in texts) + _TEXT_COLUMN)
            wire.send(_EOF)
            wire.send(b"".join(bytes([len(value)]) + value for value in row))
            wire.send(_EOF)


_TEXT_COLUMN = b"\x0c" + struct.pack("<HIBHB", 255, 1024, 0xFD, 0, 0) + b"\0\0"


def _scrambled(password: bytes, challenge: bytes) -> bytes:
    """XOR(SHA256(password), SHA256(SHA256(SHA256(password)), challenge)), as the manual has it."""
    once = hashlib.sha256(password).digest()
    mixed = hashlib.sha256(hashlib.sha256(once).digest() + challenge).digest()
    return bytes(one ^ other for one, other in zip(once, mixed, strict=True))


class _Wire:
    """Packets of the protocol: three bytes of length, one of order."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._order = 0
        self.heard = bytearray()

    def encrypt(self, context: ssl.SSLContext) -> None:
        self._sock = context.wrap_socket(self._sock, server_side=True)

    def send(self, payload: bytes) -> None:
        self._sock.sendall(len(payload).to_bytes(3, "little") + bytes([self._order % 256]) + payload)
        self._order += 1

    def take(self) -> bytes:
        head = self._exactly(4)
        self._order = head[3] + 1
        payload = self._exactly(int.from_bytes(head[:3], "little"))
        self.heard += payload
        return payload

    def _exactly(self, count: int) -> bytes:
        got = b""
        while len(got) < count:
            part = self._sock.recv(count - len(got))
            if not part:
                raise EOFError
            got += part
        return got
