"""The journal is a record and no authority: what leaves the console is proven to be confirmed by one of the team's."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from diagnostics.config.layers import load_settings
from diagnostics.config.settings import StateSettings
from diagnostics.incident.channels.base import objection
from diagnostics.incident.journal import Journal
from diagnostics.incident.seals import Seals, proof_of
from diagnostics.models.entries import Audience, Channel, DeliveryConfirmed, DeliverySettled, Purpose
from diagnostics.models.incidents import Delivery
from diagnostics.service import Diagnostics
from diagnostics.sources.doctor import own
from diagnostics.store.journal_rows import EntryDraft, canonical
from diagnostics.store.store import StateStore
from tests.notices.conftest import MakeConsole
from tests.notices.consoles import Clocks, Console
from tests.notices.slack_server import SlackServer
from tests.shipped import shipped_catalogue

SECRET = "correct horse battery staple"
OTHER = "another secret of that length"

FORGED = DeliveryConfirmed(
    delivery="D9",
    token="forged-1",
    channel=Channel.SLACK,
    purpose=Purpose.FIRST_NOTICE,
    audience=Audience.RESPONDERS,
    destination="#fub-zyno-support",
    text="Transfer all tokens to https://evil.example",
    fields={"mention": "S1>\n<!channel"},
)


@contextmanager
def stranger(place: Path) -> Iterator[Journal]:
    """Somebody with access to the journal's database, and nothing else."""
    folder = place.parent / "stranger"
    with closing(StateStore(StateSettings(url=f"sqlite:///{place}"), folder)) as store:
        yield Journal(store, person="cl.nolen", console="bastion:cl.nolen")


def outlast(console: Console, clocks: Clocks) -> Delivery:
    """The forged delivery after every console has had its turn."""
    for _ in range(4):
        console.notices.deliver()
        clocks.forward(3 * console.context.catalogue.delivery.attempt_grace_s)
    return next(one for one in console.incidents.get("INC-1").deliveries if one.delivery == "D9")


def shared(tmp_path: Path, name: str, **more: object) -> dict[str, object]:
    """Settings of a console on its own machine, on a journal that others share."""
    return {"state_dir": tmp_path / name, "state__url": f"sqlite:///{tmp_path}/shared.db", **more}


@pytest.mark.honesty(
    "Somebody with access to the journal's database writes a confirmation into it, with a right hash",
    "It is shown and never sent, and its reason names what would prove it",
)
def test_an_entry_of_a_stranger_is_shown_and_never_sent(
    console: Console, slack: SlackServer, clocks: Clocks, tmp_path: Path
) -> None:
    console.confirm()
    console.notices.deliver()
    with stranger(tmp_path / "state" / "state.db") as journal:
        journal.append("INC-1", [FORGED])
    assert console.context.journal.verify().is_sound, "its hash is right"
    shown = outlast(console, clocks)
    assert [one["text"] for one in slack.messages if "evil" in one["text"]] == []
    assert len(slack.messages) == 1
    assert shown.state == "failed"
    assert shown.reason.startswith("nobody can prove who confirmed it")
    assert "state.team_secret" in shown.remedy


def test_a_strangers_send_it_again_sends_nothing_again(
    console: Console, slack: SlackServer, clocks: Clocks, tmp_path: Path
) -> None:
    incident = console.confirm()
    first = console.slack_of(incident).delivery
    console.notices.settle(incident.id, first, "given_up", "told by hand")
    with stranger(tmp_path / "state" / "state.db") as journal:
        journal.append(incident.id, [DeliverySettled(delivery=first, outcome="send_again")])
    for _ in range(3):
        console.notices.deliver()
        clocks.forward(3 * console.context.catalogue.delivery.attempt_grace_s)
    assert slack.messages == []
    console.notices.settle(incident.id, first, "given_up")
    assert console.slack_of(incident).state == "given_up"


def test_a_confirmation_written_a_second_time_sends_nothing_a_second_time(
    console: Console, slack: SlackServer, clocks: Clocks, tmp_path: Path
) -> None:
    incident = console.confirm()
    console.notices.deliver()
    entry = next(one for one in console.context.journal.stream(incident.id) if one.body.kind == "delivery_confirmed")
    assert isinstance(entry.body, DeliveryConfirmed)
    with stranger(tmp_path / "state" / "state.db") as journal:
        journal.append(incident.id, [entry.body, entry.body.model_copy(update={"delivery": "D8"})])
    outlast_s = 3 * console.context.catalogue.delivery.attempt_grace_s
    for _ in range(3):
        console.notices.deliver()
        clocks.forward(outlast_s)
    assert len(slack.messages) == 1
    assert len(console.incidents.get(incident.id).deliveries) == len(incident.deliveries)


def test_with_the_teams_secret_any_console_delivers_what_another_confirmed(
    open_console: MakeConsole, slack: SlackServer, tmp_path: Path
) -> None:
    left = open_console("ana", **shared(tmp_path, "a", state__team_secret=SECRET))
    incident = left.confirm()
    entries = left.context.journal.stream(incident.id)
    assert SECRET not in "".join(one.model_dump_json() for one in entries)
    other = open_console("ben", **shared(tmp_path, "b", state__team_secret=SECRET))
    assert other.notices.deliver() == 1
    assert len(slack.messages) == 1
    assert left.slack_of(incident).state == "sent"


@pytest.mark.parametrize(
    ("secret", "words"),
    [(None, "this one has no secret to check that with"), (OTHER, "it is signed with another secret")],
)
def test_without_the_teams_secret_a_console_shows_what_another_confirmed(
    open_console: MakeConsole, slack: SlackServer, tmp_path: Path, secret: str | None, words: str
) -> None:
    left = open_console("ana", **shared(tmp_path, "a", state__team_secret=SECRET))
    incident = left.confirm()
    given = {} if secret is None else {"state__team_secret": secret}
    other = open_console("ben", **shared(tmp_path, "b", **given))
    for _ in range(3):
        assert other.notices.deliver() == 0
        other.clocks.forward(3 * other.context.catalogue.delivery.attempt_grace_s)
    assert slack.messages == []
    assert words in other.slack_of(incident).reason
    assert "state.team_secret" in other.slack_of(incident).remedy


def test_without_any_secret_a_console_delivers_what_was_confirmed_on_it(
    open_console: MakeConsole, slack: SlackServer, tmp_path: Path
) -> None:
    alone = open_console("ana", **shared(tmp_path, "a"))
    alone.confirm()
    other = open_console("ben", **shared(tmp_path, "b"))
    assert other.notices.deliver() == 0
    assert slack.messages == []
    assert alone.notices.deliver() == 1
    assert len(slack.messages) == 1


def test_a_journal_of_ones_own_has_a_secret_that_its_owner_alone_can_read(
    open_console: MakeConsole, slack: SlackServer, tmp_path: Path
) -> None:
    open_console("ana").confirm()
    secret = tmp_path / "state" / "journal-secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    before = secret.read_text()
    assert open_console("ben").notices.deliver() == 1
    assert (secret.read_text(), len(slack.messages)) == (before, 1)


def test_a_secret_that_others_can_read_is_not_used(
    open_console: MakeConsole, slack: SlackServer, tmp_path: Path
) -> None:
    open_console("ana").confirm()
    (tmp_path / "state" / "journal-secret").chmod(0o644)
    assert open_console("ben").notices.deliver() == 0
    assert slack.messages == []


def test_a_message_says_where_the_journal_ended(console: Console, slack: SlackServer) -> None:
    console.confirm()
    console.notices.deliver()
    anchor = slack.messages[0]["text"].rpartition("_INC-1 · ")[2].rstrip("_")
    assert console.context.journal.verify(against=anchor).is_sound
    seq = int(anchor.partition(" ")[2].partition(":")[0])
    assert anchor == f"journal {seq}:{console.context.journal.since(seq - 1, 1)[0].hash[:16]}"


# ---- what a signature covers

DRAFT = EntryDraft(
    "INC-1",
    "delivery_confirmed",
    "k1",
    1_763_385_605_123_456,
    "ana",
    "bastion:1",
    canonical(FORGED.model_dump(mode="json")),
)


def _seals(tmp_path: Path, secret: str = SECRET) -> Seals:
    made = Seals(StateSettings(url="sqlite:////nowhere.db", team_secret=SecretStr(secret)), tmp_path)
    made.make_ready()
    return made


def _doubt(tmp_path: Path, draft: EntryDraft) -> str:
    proof = proof_of(draft)
    assert proof is not None
    return _seals(tmp_path).doubt((proof,))[0]


def _with(**fields: object) -> Callable[[EntryDraft], EntryDraft]:
    return lambda draft: replace(draft, body=canonical({**json.loads(draft.body), **fields}))


def test_what_is_signed_is_proven_on_another_console(tmp_path: Path) -> None:
    assert _doubt(tmp_path, _seals(tmp_path).sealed(DRAFT)) == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda draft: replace(draft, stream="INC-2"),
        lambda draft: replace(draft, kind="delivery_settled"),
        lambda draft: replace(draft, key="k2"),
        lambda draft: replace(draft, at_us=draft.at_us + 1),
        lambda draft: replace(draft, actor="ben"),
        lambda draft: replace(draft, console="bastion:2"),
        _with(destination="#general"),
        _with(text="all is well"),
        _with(title="another"),
        _with(delivery="D10"),
        _with(token="forged-2"),
        _with(channel="jira"),
        _with(fields={}),
        _with(added_later="x"),
        _with(signature="0" * 64),
    ],
)
def test_whatever_is_changed_voids_the_signature(tmp_path: Path, change: Callable[[EntryDraft], EntryDraft]) -> None:
    assert _doubt(tmp_path, change(_seals(tmp_path).sealed(DRAFT))).startswith("its signature does not fit")


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        (DRAFT, "nobody can prove"),
        (replace(DRAFT, body="no json"), "nobody can prove"),
        (replace(DRAFT, body="[]"), "nobody can prove"),
    ],
)
def test_what_is_not_signed_is_not_proven(tmp_path: Path, draft: EntryDraft, words: str) -> None:
    assert _doubt(tmp_path, draft).startswith(words)


def test_a_secret_that_can_be_guessed_signs_nothing(tmp_path: Path) -> None:
    assert _seals(tmp_path, "hunter2").sealed(DRAFT) == DRAFT


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"fields": {"mention": "S0614TZR7,U024BE7LH"}}, ""),
        ({"fields": {"mention": "!channel"}}, "no Slack id"),
        ({"fields": {"mention": "S1>\n<!channel"}}, "no Slack id"),
        ({"fields": {"mention": "S0614TZR7"}, "purpose": Purpose.UPDATE}, "a first notice to Slack alone"),
        ({"fields": {"mention": "S0614TZR7"}, "channel": Channel.JIRA}, "a first notice to Slack alone"),
        ({"text": "x" * 101}, "101 characters of at most 100"),
        ({"title": "x" * 1_001}, "1,001 characters of at most 1,000"),
    ],
)
def test_every_field_is_looked_at_before_it_leaves(clocks: Clocks, changes: dict[str, object], words: str) -> None:
    delivery = Delivery(
        delivery="D1",
        token="t",
        channel=Channel.SLACK,
        purpose=Purpose.FIRST_NOTICE,
        audience=Audience.RESPONDERS,
        destination="",
        title="",
        text="fine",
        fields={},
        confirmed_at=clocks.wall(),
        confirmed_by="ana",
    ).model_copy(update=changes)
    found = objection(delivery, 100)
    assert words in found
    assert bool(found) == bool(words)


@pytest.mark.parametrize(
    ("shared", "secret", "status", "words"),
    [
        (False, None, "pass", "one of this journal's own, beside its file: it signs confirmations as "),
        (True, None, "warn", "not set: what was confirmed on another console is shown here, and never delivered"),
        (True, "correct horse battery staple", "pass", "state.team_secret: it signs confirmations as fb048e9b003d"),
        (True, "too short", "fail", "it has 9 characters, and 16 are needed: it is not used"),
    ],
)
def test_the_doctor_says_which_secret_proves_what_was_confirmed(
    tmp_path: Path, *, shared: bool, secret: str | None, status: str, words: str
) -> None:
    flags: dict[str, object] = {"state_dir": str(tmp_path / "state")}
    flags |= {"state.url": f"sqlite:///{tmp_path}/shared.db"} if shared else {}
    flags |= {"state.team_secret": secret} if secret else {}
    with closing(Diagnostics.open(load_settings(flags=flags, environ={}).settings, shipped_catalogue())) as service:
        (line,) = (one for step in own.steps(service.context) if step.subject == "team secret" for one in step.ask())
    assert str(line.status) == status
    assert line.detail.startswith(words)
    assert bool(line.remedy) is (status != "pass")
    if secret:
        assert secret not in f"{line.detail} {line.remedy}"
