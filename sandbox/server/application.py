"""The HTTP side: the Datadog endpoints that the console uses, checked and answered as the real service does."""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from diagnostics.failures import UserError
from sandbox.server.controls import control_routes
from sandbox.server.conventions import Rejected, forbidden
from sandbox.server.faults import Fault, Faults, lag_of
from sandbox.server.incidents import Incidents
from sandbox.server.jira import Jira
from sandbox.server.limits import Limits
from sandbox.server.log_aggregate import AggregateRequest, aggregate
from sandbox.server.log_search import QueryCache, SearchRequest, search
from sandbox.server.metrics import query as metric_query
from sandbox.server.misbehaviour import Dribble, client_waits, spoiled_response, stored_response
from sandbox.server.monitors import Created, listing
from sandbox.server.outside import outside_routes
from sandbox.server.recorder import Recorder
from sandbox.server.slack import TEAM, WEBHOOK_SERVICE, Slack
from sandbox.stores.client_faults import ClientFaults
from sandbox.stories.hostile import spoil_buckets, spoil_events, spoil_incidents, spoil_monitors
from sandbox.stories.story import Secrets, Story
from sandbox.stories.timeline import Timeline

LARGEST_BODY = 1_000_000

Answer = Callable[[Request, Fault | None], Awaitable[Any]]


@dataclass(slots=True)
class World:
    """Everything the endpoints answer from."""

    story: Story
    secrets: Secrets
    timeline: Timeline
    faults: Faults
    limits: Limits
    base_url: str
    cache: QueryCache
    created: Created = field(default_factory=Created)
    """Monitors that were created while it ran."""
    recorder: Recorder = field(default_factory=Recorder)
    """What the services below and the monitors were told and kept."""
    slack: Slack = field(init=False)
    jira: Jira = field(init=False)
    incidents: Incidents = field(init=False)
    ready: bool = False
    """The databases are filled too."""
    clients: ClientFaults | None = None
    """Faults of the client databases; there once these are filled."""
    _tally: tuple[int, Counter[int]] = field(default_factory=lambda: (0, Counter()))

    def __post_init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew with what people write: no message, no incident, no issue, nothing counted."""
        self.recorder = Recorder()
        per_channel = self.limits.numbers("slack_channel")
        self.slack = Slack(self.secrets.slack_token, self.secrets.slack_webhook, self.recorder, per_channel)
        self.jira = Jira(self.secrets.jira_token, self.base_url, self.recorder)
        self.incidents = Incidents(self.recorder)

    @property
    def webhook_url(self) -> str:
        """Address of the incoming webhook: a secret."""
        return f"{self.base_url}/services/{TEAM}/{WEBHOOK_SERVICE}/{self.secrets.slack_webhook}"

    def fault_specs(self) -> list[str]:
        """All faults in force, as written."""
        return [*self.faults.specs(), *(self.clients.specs() if self.clients else ())]

    def tally(self, present: int) -> Counter[int]:
        """Return how many events of each prototype stand before a position; counted on from the last time."""
        seen, counts = self._tally
        if present > seen:
            counts.update(self.timeline.kinds[seen:present])
            self._tally = (present, counts)
        return self._tally[1]


def application(world: World) -> Starlette:
    """Return the ASGI application of one stand-in."""

    async def log_search(request: Request, _fault: Fault | None) -> object:
        if request.method == "GET":
            asked = SearchRequest.read_parameters(request.query_params)
        else:
            asked = SearchRequest.read(await _body(request))
        return await run_in_threadpool(search, world.timeline, world.cache, asked, world.base_url)

    async def log_aggregate(request: Request, _fault: Fault | None) -> object:
        asked = AggregateRequest.read(await _body(request))
        # A question that takes a second must not keep the others waiting.
        return await run_in_threadpool(aggregate, world.timeline, world.cache, asked)

    async def monitor(request: Request, _fault: Fault | None) -> object:
        return listing(world.story, request.query_params, world.created)

    async def create_monitor(request: Request, _fault: Fault | None) -> object:
        return world.created.add(await _body(request))

    async def metrics(request: Request, _fault: Fault | None) -> object:
        return metric_query(world.story, request.query_params)

    async def validate(_request: Request, _fault: Fault | None) -> object:
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

    return Starlette(
        routes=[
            route("/api/v2/logs/events/search", "POST", "search", log_search),
            route("/api/v2/logs/events", "GET", "search", log_search),
            route("/api/v2/logs/analytics/aggregate", "POST", "aggregate", log_aggregate),
            route("/api/v1/monitor", "GET", "monitor", monitor),
            route("/api/v1/monitor", "POST", "create", create_monitor),
            route("/api/v1/query", "GET", "metrics", metrics),
            route("/api/v1/validate", "GET", "validate", validate),
            *(route(*place) for place in _incident_places(world)),
            *outside_routes(world),
            *control_routes(world),
        ],
        exception_handlers={Rejected: rejected, UserError: rejected, 404: not_found},
    )


def _incident_places(world: World) -> Iterator[tuple[str, str, str, Answer]]:
    """Path, method, name and answer of each endpoint of Datadog's incidents."""

    async def create(request: Request, _fault: Fault | None) -> object:
        return world.incidents.create(await _body(request))

    async def get(request: Request, _fault: Fault | None) -> object:
        return world.incidents.get(request.path_params["incident"])

    async def update(request: Request, _fault: Fault | None) -> object:
        return world.incidents.update(request.path_params["incident"], await _body(request))

    async def find(request: Request, fault: Fault | None) -> object:
        return world.incidents.search(request.query_params, lag_of(fault))

    async def everything(request: Request, fault: Fault | None) -> object:
        return world.incidents.list(request.query_params, lag_of(fault))

    yield "/api/v2/incidents", "POST", "incident_create", create
    yield "/api/v2/incidents", "GET", "incident_list", everything
    yield "/api/v2/incidents/search", "GET", "incident_search", find
    yield "/api/v2/incidents/{incident}", "GET", "incident_get", get
    yield "/api/v2/incidents/{incident}", "PATCH", "incident_update", update


async def _handle(world: World, endpoint: str, answer: Answer, request: Request) -> Response:
    """Faults, then keys, then the rate limit, then the question: the order in which a real request meets them."""
    world.recorder.count(endpoint)
    fault = world.faults.find(endpoint)
    headers = world.limits.peek(endpoint)
    if fault is not None:
        if fault.kind == "slow" and not await client_waits(request, fault.seconds):
            return Response(status_code=499)
        spoiled = spoiled_response(fault, headers)
        if spoiled is not None:
            return spoiled
    try:
        _check_keys(world.secrets, request.headers, both=endpoint != "validate")
        if fault is not None and fault.kind == "forbidden":
            raise forbidden()
        if fault is not None and fault.kind == "missing":
            raise Rejected(404, "Not found")
        if fault is not None and fault.kind == "429":
            raise world.limits.refuse(endpoint, round(fault.seconds))
        headers = world.limits.take(endpoint)
        content = await answer(request, fault)
    except Rejected as rejected:
        return _errors(rejected.status, rejected.sentence, headers | rejected.headers)
    if fault is not None and fault.stores:
        return stored_response(fault) or _respond(content, headers, None)
    status = 201 if endpoint == "incident_create" else 200
    return _respond(content, headers, fault, status)


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


def _respond(content: Any, headers: dict[str, str], fault: Fault | None, status: int = 200) -> Response:  # noqa: ANN401  # any JSON value
    if fault is not None and fault.kind == "hostile":
        content = _spoiled(content)
    body = orjson.dumps(content)
    if fault is not None and fault.kind == "dribble":
        return Dribble(body, headers, fault.seconds)
    return Response(body, status, headers, media_type="application/json")


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
    return Response(orjson.dumps({"errors": [sentence]}), status, headers, media_type="application/json")
