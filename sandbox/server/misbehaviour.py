"""How a fault reaches the wire: below the HTTP framework where it has to be."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.server.faults import Fault
from sandbox.stories.clock import now_s

ELSEWHERE = "http://203.0.113.9/intake"
"""Where the redirect points: a documentation address, so that keys sent after it go nowhere."""

_TRANSPORTS: dict[tuple[str, int], asyncio.Transport] = {}


class ReachableProtocol(H11Protocol):
    """The server's protocol, which lets a fault find the transport of a request by the caller's address."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it the same way
        super().connection_made(transport)
        if self.client is not None:
            _TRANSPORTS[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.client is not None:
            _TRANSPORTS.pop(self.client, None)
        super().connection_lost(exc)


def dated(served: ASGIApp) -> ASGIApp:
    """Let every answer carry the services' own time, as a Date header."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(now_s(), usegmt=True).encode()
                message = {**message, "headers": [*message.get("headers", ()), (b"date", date)]}
            await send(message)

        await served(scope, receive, send_dated)

    return serve


class Wire(Response):
    """A response that takes the transport into its own hands and then waits until the caller is gone."""

    def __init__(self, act: Callable[[asyncio.Transport], None]) -> None:
        super().__init__()
        self._act = act

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI
        """Act on the transport; answer nothing through the framework."""
        client = scope.get("client")
        transport = _TRANSPORTS.get(tuple(client)) if client else None
        if transport is not None:
            self._act(transport)
        while (await receive())["type"] != "http.disconnect":
            pass


class Dribble(Response):
    """A response whose body comes in pieces of a few bytes."""

    def __init__(self, content: bytes, headers: dict[str, str], pause_s: float) -> None:
        super().__init__(content, headers=headers, media_type="application/json")
        self._pause_s = pause_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI
        """Send piece by piece until the end or until the caller has gone."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = bytes(self.body)
        gone = asyncio.ensure_future(_gone(receive))
        try:
            for start in range(0, len(body), 16):
                await send({"type": "http.response.body", "body": body[start : start + 16], "more_body": True})
                done, _ = await asyncio.wait({gone}, timeout=self._pause_s)
                if done:
                    return
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _reset(transport: asyncio.Transport) -> None:
    connection: socket.socket = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _truncated(transport: asyncio.Transport) -> None:
    transport.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 4096\r\n\r\n"
        b'{"data":[{"id":"AQAAAZ","type":"log","attributes":{"service":"fub","mess'
    )
    transport.close()


def _hang(_transport: asyncio.Transport) -> None:
    """Hold the connection and say nothing."""


_ON_THE_WIRE = {"reset": _reset, "truncated": _truncated, "hang": _hang}


def spoiled_response(fault: Fault, headers: dict[str, str]) -> Response | None:
    """Return the answer of a fault that needs no real one, or None when the fault only changes the real answer."""
    if fault.kind in _ON_THE_WIRE:
        return Wire(_ON_THE_WIRE[fault.kind])
    if fault.kind == "500":
        page = "<html><body><h1>500 Server Error</h1><p>The server encountered an error.</p></body></html>"
        return Response(page, 500, headers, media_type="text/html")
    if fault.kind == "503":
        return Response(b'{"errors":["Service Unavailable"]}', 503, headers, media_type="application/json")
    if fault.kind == "garbage":
        return Response(b'\x1b]52;c;QQ==\x07\x00\xff\xfe{"data": [}' * 40, 200, headers, media_type="application/json")
    if fault.kind == "redirect":
        return Response(status_code=302, headers=headers | {"location": ELSEWHERE})
    return None


def stored_response(fault: Fault) -> Response | None:
    """Return what a request that did its work is answered with by a fault that hides it, or None for other faults."""
    kind = fault.kind.removeprefix("stored_")
    return spoiled_response(replace(fault, kind=kind), {}) if fault.stores else None


async def client_waits(request: Request, seconds: float) -> bool:
    """Let the caller wait; return False when it went away meanwhile."""
    # Looking whether the caller is gone would take a body that has not been read yet, and nobody could read it later.
    await request.body()
    left = seconds
    while left > 0:
        await asyncio.sleep(min(left, 0.1))
        left -= 0.1
        if await request.is_disconnected():
            return False
    return True
