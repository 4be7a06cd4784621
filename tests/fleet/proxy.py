"""A host of its own in front of a server: it can be cut off at a statement, and later for good."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

HOST = "127.0.0.2"
"""Another host on the server's own port, since addresses of client databases differ by host."""


class Proxy:
    """Forwards `HOST`, same port, to 127.0.0.1. `watch` sees every piece that clients send."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._pairs: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._dead = False
        self.accepted = 0
        self.watch: Callable[[bytes], None] = lambda _piece: None
        self._listener = socket.create_server((HOST, port))
        self._start(self._accept)

    def cut(self) -> None:
        """End every connection and take no further one."""
        with self._lock:
            self._dead = True
            pairs = list(self._pairs)
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in pairs:
            _end(end)

    def drop(self) -> None:
        """End every connection; new ones are taken."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for end in pairs:
            _end(end)

    def close(self) -> None:
        """Cut, and wait for the threads."""
        self.cut()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                with self._lock:
                    self.accepted += 1
                    self._pairs += [client, server]
                    dead = self._dead
                if dead:
                    _end(client)
                    _end(server)
                    return
                self._start(self._forward, client, server, True)
                self._start(self._forward, server, client, False)

    def _forward(self, source: socket.socket, target: socket.socket, is_client: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(65_536):
                if is_client:
                    self.watch(piece)
                target.sendall(piece)
        _end(source)
        _end(target)

    def _start(self, run: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True, name="proxy")
        self._threads.append(thread)
        thread.start()


def _end(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
