"""The incidents that really happened, replayed on both kinds of database: each ends in its own conclusion."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from diagnostics.catalogue import load_catalogue
from diagnostics.config.layers import load_settings
from diagnostics.models.conclusions import Confidence
from diagnostics.models.triage import Triage, TriageRequest
from diagnostics.service import Diagnostics
from sandbox.launch import start_sandbox

LIMITS = ("search=1000/10", "aggregate=1000/10")


ON_BOTH = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)], indirect=True
)
ON_FILES = pytest.mark.parametrize(
    "database_url",
    ["sqlite", pytest.param("mariadb", marks=[pytest.mark.mariadb, pytest.mark.matrix])],
    indirect=True,
)
"""One of the stories on a server stands for all: filling it there costs four times as much as asking."""


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str | None:
    """Where the stand-ins keep their databases."""
    return str(request.getfixturevalue("mariadb").root_url) if request.param == "mariadb" else None


@contextmanager
def told(scenario: str, database_url: str | None, folder: Path) -> Iterator[Diagnostics]:
    """The service over a running story."""
    with start_sandbox(
        scenario,
        database_url=database_url,
        schema_prefix=f"oauth_{scenario}",
        rate_limits=LIMITS,
        ready_timeout_s=120.0,
    ) as sandbox:
        settings = load_settings(flags={**sandbox.flags(), "state_dir": str(folder)}, environ={}).settings
        with Diagnostics.open(settings, load_catalogue()) as service:
            yield service


@ON_BOTH
def test_account_148261_has_its_integration_disabled_in_premier_agent(database_url: str | None, tmp_path: Path) -> None:
    with told("account_148261", database_url, tmp_path) as service:
        answer = service.accounts.oauth(148_261)
        assert answer.conclusion.code == "integration_disabled"
        assert "integration disabled in Premier Agent" in answer.conclusion.sentence
        assert answer.conclusion.confidence is Confidence.STRICT
        triage = service.triage(TriageRequest(issue_type="oauth_failure", account_id=148_261))
        assert isinstance(triage, Triage)
        assert (triage.severity, triage.notify) == ("critical", True)
        assert "oauth_enablement" in triage.decided_by
        wrong = service.accounts.users(148_261, only_wrong=True)
        assert {row.verdict for row in wrong.rows} == {"integration disabled"}
        assert {row.user_id for row in wrong.rows} == {user.user_id for user in answer.users}
        one = service.accounts.oauth(148_261, answer.users[0].user_id)
        assert one.conclusion.code == "integration_disabled"


@ON_FILES
def test_account_75172_met_the_installation_race(database_url: str | None, tmp_path: Path) -> None:
    with told("account_75172", database_url, tmp_path) as service:
        answer = service.accounts.oauth(75_172)
        assert answer.conclusion.code == "installation_race"
        assert len(answer.users) == 3
        assert answer.conclusion.sources[0] == "common"
        assert "installation race" in answer.conclusion.sentence


@ON_FILES
def test_account_14009_has_47_wrong_agents_and_consistent_credentials(database_url: str | None, tmp_path: Path) -> None:
    with told("account_14009", database_url, tmp_path) as service:
        wrong = service.accounts.agents(14_009, only_wrong=True)
        assert (len(wrong.rows), wrong.after) == (47, None)
        assert {row.method_name for row in wrong.rows} == {"INFERRED"}
        agents = next(one for one in service.accounts.summary(14_009).findings if one.check == "account_agents")
        assert agents.value == 47
        assert service.accounts.oauth(14_009).conclusion.code == "consistent"


def test_the_cascade_is_concluded_to_be_expired_tokens(tmp_path: Path) -> None:
    with told("oauth_cascade", None, tmp_path) as service:
        answer = service.accounts.oauth(148_261)
        assert answer.conclusion.code == "token_expired"
