"""A small Slack on a real socket, which does to each request what a test told it to."""

from __future__ import annotations

import json
import threading
from collections import defaultdict, deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "xoxb-2024-secret-token"
SECRET = "c29tZS1zZWNyZXQ"
CHANNEL = "C05ZYNSUP1"


class SlackServer:
    """`plans[method]` are taken one request each: "store" or "refuse", then status, body, headers, or a silence."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.requests: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.plans: defaultdict[str, deque[dict[str, Any]]] = defaultdict(deque)
        self.released = threading.Event()
        self.arrived = threading.Event()
        """Set when a request has been stored that gets no answer."""
        self.page = 200
        self.team = ("T1", "https://fub.slack.com/")
        """Id and address of the workspace that the token is for."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self._serve(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

            def do_GET(self) -> None:
                self._serve(b"")

            def _serve(self, body: bytes) -> None:
                parts = urlsplit(self.path)
                method = parts.path.rsplit("/", 1)[-1]
                given = {name: values[0] for name, values in parse_qs(parts.query).items()}
                given |= json.loads(body) if body else {}
                outer.requests.append((method, given, dict(self.headers.items())))
                plans = outer.plans[method]
                plan = plans.popleft() if plans else {}
                answer = outer.answer(method, given) if plan.get("store", not plan) else {}
                if plan.get("silent"):
                    outer.arrived.set()
                    outer.released.wait(20)
                    return
                status = plan.get("status", 200)
                content = plan.get("body", answer)
                raw = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in plan.get("headers", {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw) + plan.get("missing", 0)))
                self.end_headers()
                if plan.get("drip"):
                    for one in raw:
                        if outer.released.wait(0.05):
                            return
                        self.wfile.write(bytes([one]))
                        self.wfile.flush()
                    return
                self.wfile.write(raw)

            def log_message(self, *_: object) -> None:
                """Nothing to the terminal."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """A client that went away is what many tests are about."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def api_url(self) -> str:
        return f"{self.url}/api"

    @property
    def webhook_url(self) -> str:
        return f"{self.url}/services/T1/B1/{SECRET}"

    def plan(self, method: str, **what: object) -> None:
        """Plan for the next request of this method that has none yet."""
        self.plans[method].append(dict(what))

    def count(self, method: str) -> int:
        """Requests of one method so far."""
        return sum(1 for name, _, _ in self.requests if name == method)

    def answer(self, method: str, given: dict[str, Any]) -> dict[str, Any] | bytes:
        if method == "chat.postMessage":
            message = {"ts": f"1763388000.{len(self.messages):06d}", **given}
            self.messages.append(message)
            return {"ok": True, "channel": CHANNEL, "ts": message["ts"]}
        if method == SECRET:
            self.messages.append(given)
            return b"ok"
        if method == "conversations.history":
            first = int(given.get("cursor") or 0)
            found = [{"ts": "1763387999.000000", "text": "lunch?"}, *self.messages][::-1]
            after = str(first + self.page) if first + self.page < len(found) else ""
            page = found[first : first + self.page]
            return {"ok": True, "messages": page, "response_metadata": {"next_cursor": after}}
        if method == "conversations.list":
            channel = {"id": CHANNEL, "name": "fub-zyno-support", "is_member": True, "is_archived": False}
            return {"ok": True, "channels": [channel], "response_metadata": {}}
        if method == "chat.getPermalink":
            return {"ok": True, "permalink": f"https://fub.slack.com/archives/{CHANNEL}/p{given['message_ts']}"}
        team, url = self.team
        return {"ok": True, "team": "Follow Up Boss", "user": "warroom", "url": url, "team_id": team}

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
