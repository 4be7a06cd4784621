"""The HTTP side: the Datadog endpoints that the console uses, checked and answered as the real service does."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from diagnostics.core.failures import UserError
from sandbox.server.controls import control_routes
from sandbox.server.conventions import Rejected, forbidden, json_response
from sandbox.server.faults import Met
from sandbox.server.incomplete import bent
from sandbox.server.log_aggregate import AggregateRequest, aggregate
from sandbox.server.log_search import SearchRequest, search
from sandbox.server.metrics import query as metric_query
from sandbox.server.misbehaviour import Dribble, client_waits, dated, spoiled_response, stored_response
from sandbox.server.monitors import listing
from sandbox.server.outside import outside_routes
from sandbox.server.world import World
from sandbox.stories.hostile import spoil_buckets, spoil_events, spoil_incidents, spoil_monitors
from sandbox.stories.story import Secrets

LARGEST_BODY = 1_000_000

INDEX = {
    "name": "main",
    "filter": {"query": ""},
    "num_retention_days": 15,
    "num_flex_logs_retention_days": 0,
    "daily_limit": None,
    "is_rate_limited": False,
    "exclusion_filters": [],
}
"""The one index, as recorded of the service, with the field for flex storage as its reference describes it."""

Answer = Callable[[Request, Met], Awaitable[Any]]


def application(world: World) -> ASGIApp:
    """Return the ASGI application of one stand-in."""

    async def log_search(request: Request, _met: Met) -> object:
        if request.method == "GET":
            asked = SearchRequest.read_parameters(request.query_params)
        else:
            asked = SearchRequest.read(await _body(request))
        return await run_in_threadpool(search, world.timeline, world.cache, asked, world.base_url)

    async def log_aggregate(request: Request, _met: Met) -> object:
        asked = AggregateRequest.read(await _body(request))
        # A question that takes a second must not keep the others waiting.
        return await run_in_threadpool(aggregate, world.timeline, world.cache, asked)

    async def monitor(request: Request, _met: Met) -> object:
        return listing(world.story, request.query_params, world.created)

    async def create_monitor(request: Request, _met: Met) -> object:
        return world.created.add(await _body(request))

    async def metrics(request: Request, _met: Met) -> object:
        return metric_query(world.story, request.query_params)

    async def indexes(_request: Request, met: Met) -> object:
        flex = met.of("flex")
        tiers = {"num_retention_days": 0, "num_flex_logs_retention_days": int(flex.name)} if flex else {}
        return {"indexes": [INDEX | tiers]}

    async def validate(_request: Request, _met: Met) -> object:
        return {"valid": True}

    def route(path: str, method: str, endpoint: str, answer: Answer) -> Route:
        async def handle(request: Request) -> Response:
            return await _handle(world, endpoint, answer, request)

        return Route(path, handle, methods=[method])

    async def rejected(_request: Request, error: Exception) -> Response:
        sentence, status = (error.sentence, error.status) if isinstance(error, Rejected) else (str(error), 400)
        return _errors(status, sentence, {})

    async def not_found(_request: Request, _error: Exception) -> Response:
        return _errors(404, "Not found", {})

    served = Starlette(
        routes=[
            route("/api/v2/logs/events/search", "POST", "search", log_search),
            route("/api/v2/logs/events", "GET", "search", log_search),
            route("/api/v2/logs/analytics/aggregate", "POST", "aggregate", log_aggregate),
            route("/api/v1/monitor", "GET", "monitor", monitor),
            route("/api/v1/monitor", "POST", "create", create_monitor),
            route("/api/v1/query", "GET", "metrics", metrics),
            route("/api/v1/validate", "GET", "validate", validate),
            route("/api/v1/logs/config/indexes", "GET", "indexes", indexes),
            *(route(*place) for place in _incident_places(world)),
            *outside_routes(world),
            *control_routes(world),
        ],
        exception_handlers={Rejected: rejected, UserError: rejected, 404: not_found},
    )
    return dated(served)


def _incident_places(world: World) -> Iterator[tuple[str, str, str, Answer]]:
    """Path, method, name and answer of each endpoint of Datadog's incidents."""

    async def create(request: Request, _met: Met) -> object:
        return world.incidents.create(await _body(request))

    async def get(request: Request, _met: Met) -> object:
        return world.incidents.get(request.path_params["incident"])

    async def update(request: Request, _met: Met) -> object:
        return world.incidents.update(request.path_params["incident"], await _body(request))

    async def find(request: Request, met: Met) -> object:
        return world.incidents.search(request.query_params, met.lag)

    async def everything(request: Request, met: Met) -> object:
        return world.incidents.list(request.query_params, met.lag)

    yield "/api/v2/incidents", "POST", "incident_create", create
    yield "/api/v2/incidents", "GET", "incident_list", everything
    yield "/api/v2/incidents/search", "GET", "incident_search", find
    yield "/api/v2/incidents/{incident}", "GET", "incident_get", get
    yield "/api/v2/incidents/{incident}", "PATCH", "incident_update", update


async def _handle(world: World, endpoint: str, answer: Answer, request: Request) -> Response:
    """Faults, then keys, then the rate limit, then the question: the order in which a real request meets them."""
    world.recorder.count(endpoint)
    met = world.faults.met(endpoint)
    slow, instead = met.of("slow"), met.instead
    headers = world.limits.peek(endpoint)
    if slow is not None and not await client_waits(request, slow.seconds):
        return Response(status_code=499)
    if instead is not None:
        spoiled = spoiled_response(instead, headers)
        if spoiled is not None:
            return spoiled
    try:
        _check_keys(world.secrets, request.headers, both=endpoint != "validate")
        if instead is not None and instead.kind == "forbidden":
            raise forbidden()
        if instead is not None and instead.kind == "missing":
            raise Rejected(404, "Not found")
        if instead is not None and instead.kind == "429":
            raise world.limits.refuse(endpoint, round(instead.seconds))
        headers = world.limits.take(endpoint)
        content = await answer(request, met)
        if endpoint in {"search", "aggregate"}:
            content = bent(endpoint, content, met)
    except Rejected as rejected:
        return _errors(rejected.status, rejected.sentence, headers | rejected.headers)
    if instead is not None and instead.stores:
        return stored_response(instead) or _respond(content, headers, Met())
    status = 201 if endpoint == "incident_create" else 200
    return _respond(content, headers, met, status)


def _check_keys(secrets: Secrets, headers: Mapping[str, str], *, both: bool) -> None:
    """Raise `Rejected` (403) unless the keys are ours; the comparison takes the same time for every wrong key."""
    right = hmac.compare_digest(headers.get("dd-api-key", "").encode(), secrets.api_key.encode())
    if both:
        given = headers.get("dd-application-key", "")
        right = hmac.compare_digest(given.encode(), secrets.app_key.encode()) and right
    if not right:
        raise forbidden()


async def _body(request: Request) -> Mapping[str, Any]:
    if int(request.headers.get("content-length") or 0) > LARGEST_BODY:
        raise Rejected(413, "Payload too large")
    try:
        body = orjson.loads(await request.body() or b"{}")
    except orjson.JSONDecodeError:
        raise Rejected(400, "input_validation_error(Field 'input' is invalid: invalid JSON)") from None
    if not isinstance(body, dict):
        raise Rejected(400, "input_validation_error(Field 'input' is invalid: invalid argument)")
    return body


def _respond(content: Any, headers: dict[str, str], met: Met, status: int = 200) -> Response:  # noqa: ANN401  # any JSON value
    if met.of("hostile"):
        content = _spoiled(content)
    if dribble := met.of("dribble"):
        return Dribble(orjson.dumps(content), headers, dribble.seconds)
    return json_response(content, status, headers)


def _spoiled(content: Any) -> object:  # noqa: ANN401  # any JSON value
    if isinstance(content, list):
        return spoil_monitors(content)
    if "data" not in content:
        return content
    if "incidents" in str(_type_of(content["data"])):
        return spoil_incidents(content)
    if "buckets" in (content.get("data") or {}):
        return spoil_buckets(content)
    return spoil_events(content)


def _type_of(data: Any) -> object:  # noqa: ANN401  # any JSON value
    one = data[0] if isinstance(data, list) and data else data
    return one.get("type") if isinstance(one, dict) else None


def _errors(status: int, sentence: str, headers: dict[str, str]) -> Response:
    return json_response({"errors": [sentence]}, status, headers)
