"""No statement that the console can send reads an event table from end to end, and none is forgotten here.

The service is asked every question it has, in a world grown to sizes at which plans matter; each distinct statement is
then explained by the server that got it. New questions must join the catalogue in `questions.py`, new tables that may
be read whole the one in `plans.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url

from diagnostics.catalogue import load_catalogue
from diagnostics.config.layers import load_settings
from diagnostics.core.failures import UserError
from diagnostics.service import Diagnostics
from sandbox.launch import SandboxProcess, start_sandbox
from tests.mariadb import free_port
from tests.statements.growing import World, grow
from tests.statements.listening import Heard, Listener, listening, makers
from tests.statements.plans import ALLOWED, MOST_READ, Plans
from tests.statements.questions import BIG, EVERYBODY, ONE, Consoles, catalogue, public_methods

if TYPE_CHECKING:
    from tests.mariadb import MariaDB

pytestmark = pytest.mark.mariadb

PREFIX = "statements"
NO_LIMIT = tuple(f"{endpoint}=100000/1" for endpoint in ("search", "aggregate", "metrics"))
"""Every question is asked once in a minute; the service's own limits are not what is tried here."""

EVENT_TABLES = frozenset({"zillow_lead_events_log", "zillow_webhook_events", "zillow_connection_logs"})
ANALYTICS = f"{PREFIX}_analytics"
"""Stands for an engine that is made for reading whole columns; it holds copies, and production feels nothing."""

SETS = 2
"""Sets of parameters with which `make test` has a statement planned; a thousand rows and one are two plans."""

NOT_EXPLAINED = ("SHOW ", "SET ROLE ")
"""Statements about the server itself, which reads no table for them."""

NOT_MADE = {
    ("sources/mysql/own_texts.py", "play_role"): "only for a login whose rights lie in a role that it has to put on",
    ("sources/mysql/doctor.py", "_replica_rows"): "SHOW SLAVE STATUS, for servers from before the word was changed",
}


@dataclass(slots=True)
class Asked:
    """Everything that was asked, once for all tests of this file."""

    listener: Listener
    scopes: dict[str, str]
    """Of the questions, by name."""
    methods: frozenset[str]
    public: frozenset[str]
    errors: list[str]
    plans: Plans

    whole: bool

    def distinct(self) -> Iterator[Heard]:
        """Each statement once for each set of parameters, those to client databases as if to one.

        Unless `whole`, with its first sets of each place and scope: further ones are other moments, or other accounts.
        """
        seen: dict[tuple[str | None, str, str, str], set[str]] = {}
        for heard in self.listener.heard:
            schema, sql = self.plans.in_big_account(heard)
            sets = seen.setdefault((schema, sql, self.scopes[heard.question], heard.place), set())
            if (given := repr(heard.parameters)) not in sets and (self.whole or len(sets) < SETS):
                sets.add(given)
                yield heard


@pytest.fixture(scope="module", params=["sample", pytest.param("whole", marks=pytest.mark.matrix)])
def asked(
    request: pytest.FixtureRequest, mariadb: MariaDB, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asked]:
    begun = start_sandbox(
        # The other figures of a backlog are no other statements: 17 November is planned in the matrix.
        "nov17" if request.param == "whole" else "oauth_cascade",
        database_url=mariadb.root_url,
        schema_prefix=PREFIX,
        rate_limits=NO_LIMIT,
        analytics=True,
        ready_timeout_s=120,
    )
    with begun as sandbox:
        world = _world(mariadb, sandbox)
        grow(mariadb, world)
        consoles = _consoles(sandbox, tmp_path_factory.mktemp("state"))
        plans = Plans(mariadb, world)
        try:
            yield _ask_everything(consoles, plans, whole=request.param == "whole")
        finally:
            plans.close()
            for service in (consoles.plain, consoles.with_analytics, consoles.with_redis):
                service.close()


def _world(server: MariaDB, sandbox: SandboxProcess) -> World:
    common = make_url(sandbox.common_url).database
    assert common is not None
    clients = tuple(name for (name,) in server.execute("SHOW DATABASES") if name.startswith(f"{PREFIX}_client_"))
    return World(common, f"{PREFIX}_client_{BIG}", clients, BIG)


def _consoles(sandbox: SandboxProcess, folder: Path) -> Consoles:
    flags = sandbox.flags()
    plain = {name: value for name, value in flags.items() if not name.startswith("analytics.")}
    with_redis = {**plain, "redis.url": f"redis://127.0.0.1:{free_port()}/0"}

    def opened(name: str, some: dict[str, object]) -> Diagnostics:
        settings = load_settings(flags={**some, "state_dir": folder / name}, environ={}).settings
        return Diagnostics.open(settings, load_catalogue())

    return Consoles(opened("plain", plain), opened("analytics", flags), opened("redis", with_redis))


def _ask_everything(consoles: Consoles, plans: Plans, *, whole: bool) -> Asked:
    errors = []
    with listening() as listener:
        listener.question = "catalogue"
        questions = tuple(catalogue(consoles, whole=whole))
        for question in questions:
            listener.question = question.name
            for service in (consoles.plain, consoles.with_analytics, consoles.with_redis):
                service.forget_answers()
            try:
                question.ask()
            except UserError:
                # An answer too, such as that there is no such deal; its statements were sent.
                continue
            except Exception as error:  # noqa: BLE001  # told of all questions together
                errors.append(f"{question.name}: {type(error).__name__}: {error}")
            finally:
                listener.settle()
    return Asked(
        listener=listener,
        # Some are asked while the others are made, which need what they say.
        scopes={"catalogue": EVERYBODY, **{question.name: question.scope for question in questions}},
        methods=frozenset(question.method for question in questions),
        public=frozenset(public_methods(consoles.plain)),
        errors=errors,
        plans=plans,
        whole=whole,
    )


def test_every_question_is_answered_and_the_server_refuses_no_statement(asked: Asked) -> None:
    assert asked.errors == []
    refused = [one for one in asked.listener.failed if not one[1].startswith(NOT_EXPLAINED)]
    assert refused == []


def test_every_public_method_of_the_service_and_its_subjects_is_in_the_catalogue(asked: Asked) -> None:
    assert asked.public - asked.methods == set(), "add these to tests/statements/questions.py"


def test_every_place_in_the_source_that_makes_a_statement_has_made_one(asked: Asked) -> None:
    silent = [
        f"{one.file}:{one.line} in {one.function}: {one.code[:100]}"
        for one in makers()
        if not one.ran(asked.listener.made) and (one.file, one.function) not in NOT_MADE
    ]
    assert silent == [], "no question in tests/statements/questions.py leads there"


def test_no_statement_reads_an_event_table_or_the_deals_of_an_account_whole(asked: Asked) -> None:
    scanning: dict[tuple[str, str], str] = {}
    needed = set()
    explained = 0
    for heard in asked.distinct():
        if heard.sql.startswith(NOT_EXPLAINED) or heard.schema == ANALYTICS:
            continue
        explained += 1
        scope = asked.scopes[heard.question]
        for step in asked.plans.scans(heard):
            reasons = [one for one in ALLOWED if one.allows(step.table, heard.place, scope)]
            needed.update(reasons)
            if not reasons:
                told = f"{heard.place} for {heard.question} ({scope})\n  {step.words()}\n  {heard.sql}"
                scanning.setdefault((heard.place, step.table), told)
    assert not scanning, "\n".join(scanning.values())
    assert explained > (500 if asked.whole else 250)
    assert set(ALLOWED) - needed == set(), "nothing reads these whole any more: take them off the list"


def test_no_statement_reads_more_of_a_large_table_than_a_chunk_a_window_or_a_page(asked: Asked) -> None:
    """A range may be as long as the table: what counts is the rows that were read."""
    beyond = []
    seen = set()
    for heard in asked.distinct():
        if heard.schema != ANALYTICS and any(table in heard.sql for table in MOST_READ):
            for step in asked.plans.analyze(heard):
                most = MOST_READ.get(step.table)
                seen.add(step.table)
                if most is not None and step.rows > most:
                    beyond.append(f"{heard.place} for {heard.question}\n  {step.words()}\n  {heard.sql}")
    assert not beyond, "\n".join(beyond)
    assert set(MOST_READ) - seen == set()


def test_the_event_tables_are_asked_and_are_on_no_list_of_exceptions(asked: Asked) -> None:
    sent = " ".join(heard.sql for heard in asked.listener.heard)
    tables = {*EVENT_TABLES, "deals", "deal_agents", "deals_contacts"}
    assert {table for table in tables if table not in sent} == set()
    assert {table for one in ALLOWED for table in one.tables} & tables == set()
    analytics = " ".join(heard.sql for heard in asked.listener.heard if heard.schema == ANALYTICS)
    assert "zillow_agents" in analytics
    assert {table for table in EVENT_TABLES if table in analytics} == set()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT COUNT(*) FROM zillow_webhook_events WHERE attempts = 7",
        "SELECT COUNT(*) FROM zillow_lead_events_log",
        "SELECT id FROM zillow_lead_events_log WHERE event_type = 'no such' ORDER BY id LIMIT 10",
        "SELECT a.id FROM zillow_connection_logs AS a WHERE YEAR(a.created_at) = 2020 LIMIT 10",
        "SELECT 1 FROM accounts WHERE EXISTS (SELECT 1 FROM zillow_webhook_events AS w WHERE w.attempts > 9) LIMIT 1",
    ],
)
def test_a_scan_is_recognised(asked: Asked, statement: str) -> None:
    heard = Heard("tried", f"{PREFIX}_common", statement, None, "tried")
    assert EVENT_TABLES & {step.table for step in asked.plans.scans(heard)}


def test_a_walk_that_a_limit_ends_is_no_scan(asked: Asked) -> None:
    statement = "SELECT id, created_at FROM zillow_lead_events_log ORDER BY id DESC LIMIT 50"
    heard = Heard("tried", f"{PREFIX}_common", statement, None, "tried")
    assert [step.kind for step in asked.plans.explain(heard)] == ["index"]
    assert asked.plans.scans(heard) == ()


def test_questions_about_one_account_are_held_to_more(asked: Asked) -> None:
    scopes = {asked.scopes[heard.question] for heard in asked.listener.heard}
    assert ONE in scopes
    tokens = next(one for one in ALLOWED if "zillow_auth" in one.tables)
    assert not tokens.allows("zillow_auth", "health/tokens.py:1", ONE)
