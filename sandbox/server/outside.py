"""Slack, Jira and Zillow's authorisation page on the wire: routes, faults, keys, refusals in each one's own manner."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.recovery.zillow import DOWN, LIMITED, TAKEN
from sandbox.server.conventions import json_response
from sandbox.server.faults import Fault, Met
from sandbox.server.jira import JiraRefused
from sandbox.server.misbehaviour import Dribble, client_waits, spoiled_response, stored_response
from sandbox.server.slack import (
    SCOPES,
    SlackLimited,
    SlackRefused,
    WebhookRefused,
    needed_scope,
    read_arguments,
)
from sandbox.server.world import World
from sandbox.stories.clock import now_s
from sandbox.stories.hostile import spoil_words

AUTHORIZE = "/oauth/authorize"
"""Where Zillow's authorisation page stands."""

EVENTS = "/v1/events"
"""Where Zillow takes webhook events, one by one, by their ids (assumed)."""

_PHRASES = {TAKEN: "OK", LIMITED: "Too Many Requests", DOWN: "Service Unavailable"}

_LARGEST_BODY = 1_000_000
_ACCEPTED = 200
_SPARED = frozenset({"ok", "ts", "id", "key", "channel", "next_cursor", "nextPageToken", "type"})
"""Keys whose values a hostile answer leaves alone, so that it still has its shape."""

Answer = Callable[[Request, bytes, Met], Response]


def outside_routes(world: World) -> list[Route]:
    """Return the routes of Slack, Jira and Zillow."""

    def take(request: Request, _body: bytes, met: Met) -> Response:
        if met.instead is not None and met.instead.kind == "forbidden":
            return _plain(403, "Forbidden")
        status, wait = world.zillow.take(int(request.path_params["event"]), now_s())
        headers = {} if wait is None else {"retry-after": str(wait)}
        return Response(_PHRASES[status], status, headers, media_type="text/plain")

    zillow = [
        _route(world, AUTHORIZE, ["GET"], "authorize", _authorize),
        _route(world, f"{EVENTS}/{{event:int}}", ["POST"], "events", take),
    ]
    return [*_slack_routes(world), *_jira_routes(world), *zillow]


def _slack_routes(world: World) -> list[Route]:
    def method(name: str, endpoint: str, call: Callable[[Mapping[str, Any], int], dict[str, Any]]) -> Route:
        def answer(request: Request, body: bytes, met: Met) -> Response:
            if (fault := met.instead) is not None and fault.kind in {"error", "forbidden"}:
                raise SlackRefused(fault.name or "not_allowed_token_type")
            world.slack.check(request.headers.get("authorization", ""))
            given = read_arguments(request.headers.get("content-type", ""), body, request.query_params)
            lacks = world.faults.lacking("slack")
            scopes = [scope for scope in SCOPES if scope not in lacks]
            for needed in needed_scope(name, given):
                if needed not in scopes:
                    raise SlackRefused("missing_scope", needed=needed, provided=",".join(scopes))
            return json_response(call(given, met.lag), headers={"x-oauth-scopes": ",".join(scopes)})

        return _route(world, f"/api/{name}", ["GET", "POST"], endpoint, answer)

    def history(given: Mapping[str, Any], lag: int) -> dict[str, Any]:
        return world.slack.history(given, lag)

    def webhook(request: Request, body: bytes, met: Met) -> Response:
        if (fault := met.instead) is not None and fault.kind in {"error", "forbidden"}:
            raise WebhookRefused(fault.name or "action_prohibited")
        place = request.path_params
        return _plain(200, world.slack.webhook(place["team"], place["service"], place["secret"], body))

    return [
        method("chat.postMessage", "slack_post", lambda given, _lag: world.slack.post(given)),
        method("conversations.history", "slack_history", history),
        method("conversations.info", "slack_info", lambda given, _lag: world.slack.info(given)),
        method("conversations.list", "slack_list", lambda given, _lag: world.slack.list_channels(given)),
        method("chat.getPermalink", "slack_permalink", lambda given, _lag: world.slack.permalink(given)),
        method("auth.test", "slack_auth", lambda _given, _lag: world.slack.test()),
        _route(world, "/services/{team}/{service}/{secret}", ["POST"], "webhook", webhook),
    ]


def _jira_routes(world: World) -> list[Route]:
    base = "/rest/api/3"

    def guarded(call: Callable[[Request, Mapping[str, Any], Met], Response]) -> Answer:
        def answer(request: Request, body: bytes, met: Met) -> Response:
            _refuse(met.instead)
            world.jira.check(request.headers.get("authorization", ""))
            return call(request, _object(body), met)

        return answer

    def create(_request: Request, given: Mapping[str, Any], met: Met) -> Response:
        return json_response(world.jira.create(given, *_screen(met)), 201)

    def permissions(request: Request, _given: Mapping[str, Any], _met: Met) -> Response:
        return json_response(world.jira.permissions(request.query_params, world.faults.lacking("jira")))

    def types(request: Request, _given: Mapping[str, Any], _met: Met) -> Response:
        may = "CREATE_ISSUES" not in world.faults.lacking("jira")
        return json_response(world.jira.types(request.path_params["project"], request.query_params, may=may))

    def fields(request: Request, _given: Mapping[str, Any], _met: Met) -> Response:
        place, screen = request.path_params, _screen(world.faults.in_force("jira_create"))
        return json_response(world.jira.fields(place["project"], place["type"], request.query_params, *screen))

    def search(request: Request, given: Mapping[str, Any], met: Met) -> Response:
        asked = dict(request.query_params) if request.method == "GET" else given
        return json_response(world.jira.search(asked, met.lag))

    def comment(request: Request, given: Mapping[str, Any], _met: Met) -> Response:
        return json_response(world.jira.comment(request.path_params["key"], given), 201)

    def comments(request: Request, _given: Mapping[str, Any], _met: Met) -> Response:
        return json_response(world.jira.comments(request.path_params["key"], request.query_params))

    def transitions(request: Request, _given: Mapping[str, Any], _met: Met) -> Response:
        return json_response(world.jira.transitions(request.path_params["key"]))

    def transition(request: Request, given: Mapping[str, Any], _met: Met) -> Response:
        world.jira.transition(request.path_params["key"], given)
        return Response(status_code=204)

    return [
        _route(world, f"{base}/issue", ["POST"], "jira_create", guarded(create)),
        _route(world, f"{base}/search/jql", ["GET", "POST"], "jira_search", guarded(search)),
        _route(world, f"{base}/issue/{{key}}/comment", ["POST"], "jira_comment", guarded(comment)),
        _route(world, f"{base}/issue/{{key}}/comment", ["GET"], "jira_comments", guarded(comments)),
        _route(world, f"{base}/issue/{{key}}/transitions", ["GET"], "jira_transition", guarded(transitions)),
        _route(world, f"{base}/issue/{{key}}/transitions", ["POST"], "jira_transition", guarded(transition)),
        _route(world, f"{base}/mypermissions", ["GET"], "jira_permissions", guarded(permissions)),
        _route(world, f"{base}/issue/createmeta/{{project}}/issuetypes", ["GET"], "jira_meta", guarded(types)),
        _route(
            world, f"{base}/issue/createmeta/{{project}}/issuetypes/{{type}}", ["GET"], "jira_meta", guarded(fields)
        ),
        _route(
            world,
            f"{base}/myself",
            ["GET"],
            "jira_myself",
            guarded(lambda _r, _g, _f: json_response(world.jira.myself())),
        ),
    ]


def _screen(met: Met) -> tuple[str, str]:
    """A field of the create screen that has to be filled in, and one that is not on it; empty where there is none."""
    fault, hidden = met.instead, met.of("hidden")
    required = fault.name if fault is not None and fault.kind == "required" else ""
    return required, hidden.name if hidden is not None else ""


def _authorize(request: Request, _body: bytes, met: Met) -> Response:
    """The page of an authorisation server (RFC 6749, 4.1.2.1): without a client it refuses, else it asks to log in."""
    if met.instead is not None and met.instead.kind in {"forbidden", "missing"}:
        status, words = (403, "Forbidden") if met.instead.kind == "forbidden" else (404, "Not found")
        return _plain(status, words)
    if not request.query_params.get("client_id"):
        return json_response({"error": "invalid_request", "error_description": "client_id is missing"}, 400)
    return Response(status_code=302, headers={"location": "/login"})


def _route(world: World, path: str, methods: list[str], endpoint: str, answer: Answer) -> Route:
    async def handle(request: Request) -> Response:
        return await _handle(world, endpoint, answer, request)

    return Route(path, handle, methods=methods)


async def _handle(world: World, endpoint: str, answer: Answer, request: Request) -> Response:
    """Faults first, then the question; one that is stored and not answered does its work in between."""
    world.recorder.count(endpoint)
    met = world.faults.met(endpoint)
    slow, dribble, instead = met.of("slow"), met.of("dribble"), met.instead
    if slow is not None and not await client_waits(request, slow.seconds):
        return Response(status_code=499)
    if instead is not None:
        limited = instead.kind == "429"
        spoiled = _limited(endpoint, round(instead.seconds)) if limited else spoiled_response(instead, {})
        if spoiled is not None:
            return spoiled
    response = _answered(endpoint, answer, request, await request.body(), met)
    if met.of("hostile") and response.media_type == "application/json":
        response = json_response(spoil_words(orjson.loads(bytes(response.body)), _SPARED), response.status_code)
    if dribble is not None:
        return Dribble(bytes(response.body), {}, dribble.seconds)
    return (instead and stored_response(instead)) or response


def _answered(endpoint: str, answer: Answer, request: Request, body: bytes, met: Met) -> Response:
    """The service's own answer, refusals among them."""
    if len(body) > _LARGEST_BODY:
        return _plain(413, "Payload too large")
    try:
        response = answer(request, body, met)
    except SlackRefused as refused:
        response = json_response(refused.content)
    except SlackLimited as limited:
        response = _limited(endpoint, limited.seconds)
    except WebhookRefused as refused:
        response = _plain(refused.status, refused.word)
    except JiraRefused as refused:
        response = json_response(refused.content, refused.status, refused.headers)
    return response


def _refuse(fault: Fault | None) -> None:
    """Raise `JiraRefused` for the faults that are a status of Jira's."""
    if fault is None:
        return
    if fault.kind == "unauthorized":
        raise JiraRefused(401, "Client must be authenticated to access this resource.")
    if fault.kind == "captcha":
        # As the server's documentation describes the answer after too many failed logins.
        raise JiraRefused(
            403,
            "Basic Authentication Failure - Reason : AUTHENTICATION_DENIED",
            headers={
                "x-seraph-loginreason": "AUTHENTICATION_DENIED",
                "x-authentication-denied-reason": "CAPTCHA_CHALLENGE; login-url=https://jira.example/login.jsp",
            },
        )
    if fault.kind == "forbidden":
        raise JiraRefused(403, "You do not have permission to create issues in this project.")
    if fault.kind == "missing":
        raise JiraRefused(404, "Issue does not exist or you do not have permission to see it.")


def _limited(endpoint: str, seconds: int) -> Response:
    headers = {"retry-after": str(seconds)}
    if endpoint in {"webhook", "authorize", "events"}:
        return Response("rate_limited", 429, headers, media_type="text/plain")
    if endpoint.startswith("slack_"):
        return json_response({"ok": False, "error": "ratelimited"}, 429, headers)
    return json_response({"errorMessages": ["Rate limit exceeded."], "errors": {}}, 429, headers)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        read = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        read = None
    if not isinstance(read, dict):
        raise JiraRefused(400, "Invalid request payload. Refer to the REST API documentation and try again.")
    return read


def _plain(status: int, text: str) -> Response:
    return Response(text, status, media_type="text/plain")
