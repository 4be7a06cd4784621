"""The stand-in's own endpoints under `/sandbox`: for tests and demonstrations; the real service has nothing like it.

`GET /sandbox/state` says which story is told and how far it is; `GET /sandbox/events` lists the whole data set, one
JSON object a line; `GET` and `POST /sandbox/faults` show and change the faults; `GET /sandbox/recorded` tells what the
services were told and kept, `DELETE` forgets it, with all messages, incidents
and issues; `GET /sandbox/zillow` counts requests and effects of webhook events. They answer only callers on
this machine who show the token that only the sandbox's user can read, and refuse what a page in a browser could send.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterator
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from sandbox.server.conventions import Rejected, forbidden, invalid, iso, json_response, moment_ms
from sandbox.server.faults import parse_fault
from sandbox.server.log_search import wire_event
from sandbox.server.world import World
from sandbox.stores.client_faults import is_client_fault, parse_client_fault
from sandbox.stores.row_faults import is_row_fault, refuse_while_running
from sandbox.stories.clock import now_ms
from sandbox.stories.story import TOKEN

_BLOCK = 2_000


def control_routes(world: World) -> list[Route]:
    """Return the routes of the controls."""

    async def state(request: Request) -> Response:
        _permitted(request, world)
        return json_response(_state(world))

    async def events(request: Request) -> Response:
        _permitted(request, world)
        given, now = request.query_params, now_ms()
        start = moment_ms(given.get("from", "0"), "from", now)
        end = moment_ms(given.get("to", "now"), "to", now)
        return StreamingResponse(_lines(world, *world.timeline.span(start, end)), media_type="application/x-ndjson")

    async def faults(request: Request) -> Response:
        _permitted(request, world)
        if request.method == "POST":
            body = await request.body()
            # The faults of client databases are written to them, which takes a moment.
            await run_in_threadpool(_change_faults, world, body)
        return json_response({"faults": world.fault_specs()})

    async def recorded(request: Request) -> Response:
        _permitted(request, world)
        if request.method == "DELETE":
            world.forget()
        return json_response(world.recorder.wire())

    async def zillow(request: Request) -> Response:
        _permitted(request, world)
        return json_response(world.zillow.wire())

    return [
        Route("/sandbox/state", state),
        Route("/sandbox/zillow", zillow),
        Route("/sandbox/recorded", recorded, methods=["GET", "DELETE"]),
        Route("/sandbox/events", events),
        Route("/sandbox/faults", faults, methods=["GET", "POST"]),
    ]


def _permitted(request: Request, world: World) -> None:
    client = request.client
    name = request.headers.get("host", "").rsplit(":", 1)[0].strip("[]")
    from_here = client is not None and ipaddress.ip_address(client.host).is_loopback
    if not from_here or name not in {"127.0.0.1", "localhost", "::1"} or "origin" in request.headers:
        raise forbidden()
    # The port is open to every user of the machine, and several share a bastion.
    if not hmac.compare_digest(request.headers.get(TOKEN, "").encode(), world.secrets.control_token.encode()):
        raise Rejected(401, f"the header {TOKEN} is missing or wrong: it is in the file control_token of this sandbox")


def _state(world: World) -> dict[str, Any]:
    story, timeline = world.story, world.timeline
    present = timeline.extend()
    counts: dict[str, int] = {}
    base = 0
    for stream in timeline.streams:
        size = len(stream.prototypes)
        counts[stream.name] = 0
        for kind in range(base, base + size):
            counts[stream.name] += world.event_counts(present)[kind]
        base += size
    return {
        "scenario": story.name,
        "seed": story.seed,
        "ready": world.ready,
        "anchor": iso(story.anchor * 1000),
        "incident_start": iso(story.incident_start * 1000),
        "now": iso(now_ms()),
        "story_clock": story.clock().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "events": present,
        "events_by_stream": counts,
        "faults": world.fault_specs(),
    }


def _lines(world: World, low: int, high: int) -> Iterator[bytes]:
    for start in range(low, high, _BLOCK):
        block = range(start, min(high, start + _BLOCK))
        yield b"".join(orjson.dumps(wire_event(world.timeline, position)) + b"\n" for position in block)


def _change_faults(world: World, body: bytes) -> None:
    """Apply `{"clear": true | [scope, …], "set": [spec, …]}`, clearing first; any mistake changes nothing."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Rejected(400, "the body is not JSON") from None
    if not isinstance(asked, dict):
        raise invalid("body", "expected an object")
    clear, specs = asked.get("clear", []), asked.get("set", [])
    if not isinstance(specs, list) or not (clear is True or isinstance(clear, list)):
        raise invalid("body", 'expected {"clear": true or a list of scopes, "set": a list of faults}')
    asked_of_clients = [str(spec) for spec in specs if is_client_fault(str(spec))]
    asked_of_http = [str(spec) for spec in specs if not is_client_fault(str(spec))]
    for spec in asked_of_http:
        if is_row_fault(spec):
            raise refuse_while_running(spec)
        fault = parse_fault(spec)
        if fault.kind == "late":
            world.timeline.delayed({fault.name: fault.seconds})
    for spec in asked_of_clients:
        parse_client_fault(spec, world.story.seed)
    asked_of_databases = asked_of_clients or any(spec.startswith("behind") for spec in asked_of_http)
    if asked_of_databases and world.clients is None:
        raise Rejected(503, "the databases are not filled yet")
    _clear_faults(world, None if clear is True else clear)
    for spec in asked_of_http:
        world.faults.set(spec)
    world.obey()
    for spec in asked_of_clients:
        if world.clients is not None:
            world.clients.set(spec)


def _clear_faults(world: World, scopes: list[object] | None) -> None:
    """End the faults of these scopes or of these kinds of client database fault; None ends all."""
    if scopes is None:
        world.faults.clear(everything=True)
        if world.clients is not None:
            world.clients.clear()
        return
    for scope in scopes:
        if isinstance(scope, str) and is_client_fault(scope):
            if world.clients is not None:
                world.clients.clear(scope)
        else:
            world.faults.clear(None if scope in {None, "all"} else str(scope))
