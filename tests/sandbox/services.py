"""Clients of the stand-ins of Slack and Jira."""

from __future__ import annotations

from typing import Any

import httpx

from sandbox.launch import SandboxProcess

SUPPORT = "C05ZYNSUP"
METADATA = {"event_type": "warroom_delivery", "event_payload": {"token": "abc"}}


class Slack:
    """Client of the Slack stand-in."""

    def __init__(self, sandbox: SandboxProcess) -> None:
        self.headers = {"authorization": f"Bearer {sandbox.flags()['slack.bot_token']}"}
        self.http = httpx.Client(base_url=f"{sandbox.url}/api/", timeout=10.0)

    def ask(self, method: str, **given: Any) -> dict[str, Any]:  # noqa: ANN401
        answer = self.http.post(method, json=given, headers=self.headers)
        assert answer.status_code == 200
        return dict(answer.json())

    def post(self, text: str, channel: str = "#fub-zyno-support", **more: Any) -> dict[str, Any]:  # noqa: ANN401
        return self.ask("chat.postMessage", channel=channel, text=text, **more)


def issue(**fields: Any) -> dict[str, Any]:  # noqa: ANN401
    given = {"project": {"key": "ZYN"}, "issuetype": {"name": "Bug"}, "summary": "Trouble", "labels": ["warroom-abc"]}
    return {"fields": given | fields}


def paragraph(text: str) -> dict[str, Any]:
    return {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": text}]}],
    }
