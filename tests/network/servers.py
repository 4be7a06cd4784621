"""On loopback: TLS in front of a plain server, and a proxy that tunnels. Each counts what comes, over real sockets."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import threading
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.network import server_context

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Served:
    """A server in a thread of its own, from construction to the end of the `with` block."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: asyncio.Server = self._run(asyncio.start_server(self._one, "127.0.0.1", 0, ssl=context))
        self.port = int(self._server.sockets[0].getsockname()[1])

    def __enter__(self) -> Any:  # noqa: ANN401  # each subclass itself
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401  # whatever the work gives
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            await self._serve((reader, writer))
        writer.close()

    async def _serve(self, caller: Streams) -> None:
        raise NotImplementedError


class TlsFront(_Served):
    """Takes TLS with a certificate of the tests, and passes on what is inside to a plain server."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        self._behind = port
        self.connections = 0
        super().__init__(context or server_context())

    async def _serve(self, caller: Streams) -> None:
        self.connections += 1
        await _join(caller, await asyncio.open_connection("127.0.0.1", self._behind))


@dataclass(slots=True)
class Asked:
    """One connection to the proxy."""

    target: str
    """HOST:PORT of the tunnel."""
    login: str
    """USER:PASSWORD, decoded; empty without one."""
    trips: int = 0
    """Messages that were read before the tunnel stood: each is a round trip."""
    head: bytes = field(default=b"", repr=False)


class ConnectProxy(_Served):
    """Opens tunnels to `ways` ("host:port" to a port of this machine), and to nothing else. `asked` tells what came."""

    def __init__(self, ways: Mapping[str, int], *, login: str = "", scheme: str = "Basic") -> None:
        self._ways, self._login, self._scheme = ways, login, scheme
        self.asked: list[Asked] = []
        super().__init__()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self, caller: Streams) -> None:
        reader, writer = caller
        head, trips = b"", 0
        while not head.endswith(b"\r\n\r\n"):
            part = await reader.read(65_536)
            if not part:
                return
            head, trips = head + part, trips + 1
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        given = fields.get("proxy-authorization", "").removeprefix("Basic ")
        self.asked.append(Asked(target, base64.b64decode(given).decode(), trips, head))
        if self._login and self.asked[-1].login != self._login:
            status, more = (
                "407 Proxy Authentication Required",
                f'Proxy-Authenticate: {self._scheme} realm="company"\r\n',
            )
        elif method != "CONNECT" or target not in self._ways:
            status, more = "403 Forbidden", ""
        else:
            behind = await asyncio.open_connection("127.0.0.1", self._ways[target])
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _join(caller, behind)
            return
        writer.write(f"HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()


async def _join(one: Streams, other: Streams) -> None:
    """Pass on both ways until one side ends."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            while part := await reader.read(65_536):
                writer.write(part)
                await writer.drain()

    ways = [asyncio.create_task(copy(one[0], other[1])), asyncio.create_task(copy(other[0], one[1]))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        other[1].close()
