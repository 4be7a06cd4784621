"""Secrets in free text: masked, and said to be, at every door to the journal, Slack, Jira and Datadog."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from diagnostics.core.masking import mask_secrets
from diagnostics.incident.investigations import InvestigationService
from diagnostics.models.entries import IncidentStatus
from diagnostics.models.evidence import Evidence
from diagnostics.models.incidents import Incident
from tests.console.incident_rooms import IncidentWorld

# Shapes as their vendors document them; the AWS ones are AWS's own examples. Put together here, so that no scanner of
# repositories takes this file for a leak: docs.slack.dev/authentication/tokens, docs.aws.amazon.com/IAM (identifiers),
# docs.github.com (token formats), RFC 6750 (bearer), RFC 7468 (keys as text), RFC 3986 3.2.1 (userinfo of a URL).
SLACK = "xoxb" + "-2034567890123-4567890123456-AbCdEfGhIjKlMnOpQrStUvWx"
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
BEARER = "mF_9.B5f-4.1JqM"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq1\nx9Zk\n-----END RSA PRIVATE KEY-----"
SECRETS = {
    f"use {SLACK} for now": ("Slack token", SLACK),
    "post to https://hooks.slack.com/services/T000/B000/XXXXXXXXXXXX": ("Slack webhook", "XXXXXXXXXXXX"),
    f"key {AWS} is out": ("AWS access key", AWS),
    "with ghp" + "_16C7e42F292c6912E7710c838347Ae178B4a": ("GitHub token", "16C7e42F292c6912E7710c838347Ae178B4a"),
    f"curl -H 'Authorization: Bearer {BEARER}'": ("bearer token", BEARER),
    f"found this:\n{KEY}\nin the log": ("private key", "MIIEpAIBAAKCAQEA7bq1"),
    "mysql://reader:s3cr3t@db.example/fub refused": ("password", "s3cr3t"),
    "redis://:p/a@ss@cache.example:6379": ("password", "p/a@ss"),
    "GET /v1/userInfo?access_token=abc123def456 at https://api.example/x?api_key=k1": ("secret", "k1"),
    "client_secret = 'Zx81Qw77Rt'": ("secret", "Zx81Qw77Rt"),
    '{"refresh_token": "1//0gAbCd3fGh"}': ("secret", "1//0gAbCd3fGh"),
}
HARMLESS = (
    "the token: expired 3 h ago; password reset is of no use",
    "see https://fub.datadoghq.com:443/logs?query=service%3Afub and mail cl.nolen@example.com",
    "bearer authentication fails; HTTP 401 unauthorised_client",
    "zillow-auth-token-14009-7-12 is held for 60 s",
    "deal 12345, correlation 3f2b8c1d-77aa-4b0e-9a55-0c9d8e7f6a5b",
    "hash 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
)


@pytest.mark.parametrize(("text", "found"), SECRETS.items())
def test_a_secret_is_masked_and_its_kind_named(text: str, found: tuple[str, str]) -> None:
    kind, secret = found
    masked, kinds = mask_secrets(text)
    assert secret not in masked
    assert kind in kinds
    assert f"[masked: {kind}]" in masked
    assert mask_secrets(masked) == (masked, ())


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert mask_secrets(text) == (text, ())


def test_hostile_text_is_masked_in_time() -> None:
    for text in ("-----BEGIN PRIVATE KEY-----" * 1_000, "a://b:" * 5_000, "token=" * 5_000, "eyJ" * 10_000):
        begun = time.monotonic()
        mask_secrets(text)
        assert time.monotonic() - begun < 2.0


TEXT = f"tried {SLACK} and mysql://reader:s3cr3t@db.example/fub"
Door = Callable[[IncidentWorld, Incident], object]
DOORS: dict[str, Door] = {
    "title of a declaration": lambda world, _: world.declare(title=TEXT),
    "summary of a declaration": lambda world, _: world.declare(summary=TEXT),
    "note": lambda world, one: world.incidents.note(one.id, TEXT),
    "correction": lambda world, one: world.incidents.correct(
        one.id, world.incidents.note(one.id, "first").last_seq, TEXT
    ),
    "title": lambda world, one: world.incidents.edit(one.id, "title", TEXT),
    "summary": lambda world, one: world.incidents.edit(one.id, "summary", TEXT, TEXT),
    "task": lambda world, one: world.incidents.add_task(one.id, TEXT),
    "changed task": lambda world, one: world.incidents.change_task(
        one.id, world.incidents.add_task(one.id, "look").tasks[0].task, "text", TEXT
    ),
    "status": lambda world, one: world.incidents.set_status(one.id, IncidentStatus.INVESTIGATING, TEXT),
    "lesson": lambda world, one: world.incidents.lesson(one.id, "well", TEXT),
    "pinned evidence": lambda world, one: world.incidents.pin(
        one.id,
        "line",
        TEXT,
        evidence=Evidence(source="datadog", query=TEXT, started_at=world.clock.now, took_ms=1.0, caveat=TEXT),
    ),
    "investigation": lambda world, one: InvestigationService(world.context(), world.incidents).open(TEXT, one.id),
}


@pytest.mark.honesty("a secret in a note, task, evidence or notice", "masked before it is kept or sent, and said to be")
@pytest.mark.parametrize("door", DOORS)
def test_no_door_to_the_journal_lets_a_secret_through(world: IncidentWorld, door: str) -> None:
    incident = world.declare(key="first")
    DOORS[door](world, incident)
    written = "\n".join(entry.model_dump_json() for entry in world.journal.since(0))
    assert "[masked: Slack token]" in written
    assert "[masked: password]" in written
    assert SLACK not in written
    assert "s3cr3t" not in written


def test_nothing_is_flagged_where_nothing_is_secret(world: IncidentWorld) -> None:
    incident = world.declare()
    world.incidents.note(incident.id, HARMLESS[1])
    assert "masked" not in "".join(entry.model_dump_json() for entry in world.journal.since(0))
