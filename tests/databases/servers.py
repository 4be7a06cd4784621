"""Things that listen where a MySQL server should be, and are none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def impostor(behave: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """Listen on a free port of 127.0.0.1 and let `behave` treat each caller; yields the port."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(caller: socket.socket) -> None:
        with caller, suppress(OSError):
            behave(caller, over)

    def accept() -> None:
        with suppress(OSError):
            while not over.is_set():
                caller, _ = listener.accept()
                threading.Thread(target=serve, args=(caller,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        over.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def silent(caller: socket.socket, over: threading.Event) -> None:
    """Accepts and says nothing."""
    over.wait(30)


def garbage(caller: socket.socket, over: threading.Event) -> None:
    """Speaks another protocol, with escape sequences in it."""
    caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\x1b]52;c;ZXZpbA==\x07\r\n\r\n" * 20)
    over.wait(30)


def hanging_up(caller: socket.socket, over: threading.Event) -> None:
    """Accepts and closes."""


def dripping(caller: socket.socket, over: threading.Event) -> None:
    """Begins a long greeting and sends a byte now and then, each within any read limit."""
    caller.sendall(b"\xff\x00\x00\x00")
    while not over.wait(0.1):
        caller.sendall(b"\x0a")


def refusing(caller: socket.socket, over: threading.Event) -> None:
    """Greets with an error whose text is hostile."""
    message = b"\xff\x15\x04#28000Access denied for user \x1b]52;c;ZXZpbA==\x07 (using password: secret)"
    caller.sendall(len(message).to_bytes(3, "little") + b"\x00" + message)
    over.wait(30)


@contextmanager
def balancer(*ports: int) -> Iterator[int]:
    """A load balancer over TCP: the first connection goes to the first port, all later ones to the last; yields its."""
    order = iter(ports[:-1])

    def pass_on(caller: socket.socket, over: threading.Event) -> None:
        with socket.create_connection(("127.0.0.1", next(order, ports[-1]))) as server:
            back = threading.Thread(target=_copy, args=(server, caller), daemon=True)
            back.start()
            _copy(caller, server)
            back.join(5)

    with impostor(pass_on) as port:
        yield port


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65_536):
            target.sendall(part)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def asking_for_password(
    plugin: bytes, *asked: bytes, switch: bool
) -> tuple[Callable[[socket.socket, threading.Event], None], list[bytes]]:
    """A server of MySQL's handshake without encryption that wants the password by `plugin`; and the packets it is sent.

    `switch` names the plugin only after the login, as a proxy does. `asked` are the packets that follow, each after an
    answer; it ends with an error. https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html
    """
    heard: list[bytes] = []
    nonce = b"challenge-challenge-"
    # All of protocol 4.1 with plugins, and neither SSL nor compression.
    capabilities = 0x00FF_FFFF & ~0x0000_0820
    greeting = b"\x0a8.4.3\0" + (7).to_bytes(4, "little") + nonce[:8] + b"\0"
    greeting += capabilities.to_bytes(4, "little")[:2] + b"\x2d\x02\x00" + capabilities.to_bytes(4, "little")[2:]
    greeting += b"\x15" + b"\0" * 10 + nonce[8:] + b"\0"
    greeting += (b"mysql_native_password" if switch else plugin) + b"\0"
    packets = [b"\xfe" + plugin + b"\0" + nonce + b"\0", *asked] if switch else list(asked)

    def behave(caller: socket.socket, over: threading.Event) -> None:
        number = 0
        for packet in (greeting, *packets, b"\xff\x15\x04#28000no"):
            caller.sendall(len(packet).to_bytes(3, "little") + bytes([number]) + packet)
            head = caller.recv(4, socket.MSG_WAITALL)
            if len(head) < 4:
                return
            heard.append(caller.recv(int.from_bytes(head[:3], "little"), socket.MSG_WAITALL))
            number = head[3] + 1

    return behave, heard
