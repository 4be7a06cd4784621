"""Proposals and their confirmation: every figure bound, nothing old sent unseen, one confirmation one incident."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from diagnostics.catalogue import load_catalogue
from diagnostics.catalogue.model import CatalogueError
from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.models.entries import Audience, Channel, IncidentStatus, Purpose
from diagnostics.models.figures import NOT_KNOWN_YET
from diagnostics.models.incidents import Incident
from diagnostics.models.triage import Refusal, RefusalRule
from tests.notices.conftest import MakeConsole
from tests.notices.consoles import NOW, Clocks, Console, Tracker
from tests.notices.slack_server import SlackServer


def both(open_console: MakeConsole, **changes: object) -> tuple[Console, Tracker, Tracker]:
    datadog, jira = Tracker(Channel.DATADOG_INCIDENT), Tracker(Channel.JIRA)
    return open_console(channels=(Tracker(Channel.SLACK), datadog, jira), **changes), datadog, jira


def test_a_first_notice_says_what_responders_need_in_five_minutes(console: Console) -> None:
    proposal = console.propose(words={"began_at": "2025-11-17T13:51+00:00", "eta": "18:00 UTC"})
    text = proposal.fallback
    for part in (
        "**incident: Rate limiting: sync is suspended** · Rate limiting · ",
        "2025-11-17 13:51 UTC",
        "1,204",
        "75172 (4,310 users)",
        "Sync is suspended",
        "Health 94.20 %",
        "212,631",
        "zillow-incident-recovery",
        "18:00 UTC",
        "429",
        "https://fub.datadoghq.com/logs",
        "CL Nolen",
        "#fub-zyno-support",
        "14:33 UTC",
    ):
        assert part in text, part
    assert (proposal.title, proposal.systems) == ("Rate limiting: sync is suspended", ("ZillowSyncUser",))
    assert proposal.accounts == (14009, 75172)
    slack, *trackers = proposal.drafts
    assert slack.fields["mention"] == "S0614TZR7"
    assert [one.problem != "" for one in trackers] == [True, True]
    for figure in slack.figures:
        assert figure.evidence is not None
        assert (figure.taken_at, figure.stale) == (NOW, "")
        assert figure.shown in text


@pytest.mark.honesty("the matrix names a specialist route", "a notice says whether it was handed over, and by whom")
def test_a_notice_says_that_it_was_handed_over_once_somebody_said_so(open_console: MakeConsole, clocks: Clocks) -> None:
    console, *_ = both(open_console)
    proposal = console.propose()
    assert "Handed to" not in proposal.fallback
    assert "Specialist route: zillow-incident-recovery (not handed over yet)" in proposal.fallback
    incident = console.notices.confirm(proposal, "send")
    assert isinstance(incident, Incident)
    console.incidents.tick(incident.id, "hand_over")
    console.incidents.tick(incident.id, "stop_bulk_work")
    told = console.propose(incident=incident.id, purpose=Purpose.FIRST_NOTICE).fallback
    assert (
        f"zillow-incident-recovery (handed over 2025-11-17 {NOW:%H:%M} UTC, as {console.incidents.person} says)" in told
    )
    update = console.propose(incident=incident.id, purpose=Purpose.UPDATE).fallback
    assert f"{NOW:%H:%M} UTC bulk jobs against Zillow stopped ({console.incidents.person})" in update
    assert "Get bulk jobs" not in update


def test_what_nobody_knows_is_said_to_be_not_known_and_never_zero(console: Console) -> None:
    console.readings.values |= {"accounts_affected": None, "webhook_backlog": None}
    proposal = console.propose()
    assert "Accounts affected: not known." in proposal.fallback
    assert "Webhook backlog not known" in proposal.fallback
    assert "ETA: not known yet." in proposal.fallback
    assert " 0" not in proposal.fallback.partition("Follow it")[0].replace("2025-11-17", "")
    assert any("Webhook backlog" in note for note in proposal.notes)


def test_a_figure_that_is_not_known_yet_is_said_to_be_so_and_does_not_block(console: Console) -> None:
    console.readings.at_once = tuple(
        one.model_copy(update={"value": None, "shown": NOT_KNOWN_YET, "taken_at": None, "evidence": None})
        if one.id == "accounts_affected"
        else one
        for one in console.readings.measure("rate_limiting")
    )
    asked = console.readings.asked
    proposal = console.propose(at_once=True)
    assert "Accounts affected: not known yet." in proposal.fallback
    assert "Health 94.20 %" in proposal.fallback
    assert proposal.accounts == ()
    assert any("not known yet" in note for note in proposal.notes)
    assert console.readings.asked == asked
    assert console.notices.stale(proposal) == ()
    fresh = console.notices.refresh(proposal)
    assert "Accounts affected: 1,204." in fresh.fallback
    assert (fresh.key, fresh.accounts) == (proposal.key, (14009, 75172))
    assert not any("not known yet" in note for note in fresh.notes)


def test_a_figure_that_could_not_be_read_blocks_until_it_is_accepted(console: Console, slack: SlackServer) -> None:
    console.readings.unreachable.add("health")
    proposal = console.propose()
    assert [one.name for one in proposal.drafts[0].stale] == ["health"]
    with pytest.raises(UserError, match=r"health \(not known\): it could not be read"):
        console.notices.confirm(proposal, "send")
    assert console.incidents.lines() == ()
    incident = console.notices.confirm(proposal, "send", frozenset({"health"}))
    assert isinstance(incident, Incident)
    console.notices.deliver()
    assert len(slack.messages) == 1


def test_a_figure_grows_old_while_somebody_reads_and_is_fresh_after_a_refresh(console: Console, clocks: Clocks) -> None:
    proposal = console.propose(words={"eta": "soon", "title": "Zillow says 429"})
    assert proposal.good_until == NOW + timedelta(seconds=180)
    clocks.forward(181)
    with pytest.raises(UserError, match=r"old: (181 s|3 min)"):
        console.notices.confirm(proposal, "send")
    fresh = console.notices.refresh(proposal)
    assert (fresh.key, fresh.title, fresh.detected_at) == (proposal.key, "Zillow says 429", NOW)
    assert "ETA: soon." in fresh.fallback
    assert console.confirm(fresh).title == "Zillow says 429"


def test_a_figure_from_a_moment_yet_to_come_is_not_fresh(console: Console, clocks: Clocks) -> None:
    proposal = console.propose()
    clocks.jump(hours=-1)
    with pytest.raises(UserError, match="clock has changed"):
        console.notices.confirm(proposal, "send")


def test_pressing_enter_twice_declares_one_incident_and_sends_one_message(
    console: Console, slack: SlackServer, clocks: Clocks
) -> None:
    proposal = console.propose()
    first = console.confirm(proposal)
    clocks.forward(600)
    second = console.confirm(proposal)
    console.notices.deliver()
    console.confirm(console.notices.refresh(proposal))
    console.notices.deliver()
    assert first.id == second.id
    assert len(console.incidents.lines()) == 1
    assert len(slack.messages) == 1


def test_a_confirmation_whose_answer_was_lost_declares_nothing_twice(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal, real = console.propose(), console.incidents.declare

    def declare(**given: object) -> Incident:
        real(**given)  # type: ignore[arg-type]  # handed through
        raise SourceFailure(FailureKind.TIMED_OUT, "state", "the connection was lost")

    monkeypatch.setattr(console.incidents, "declare", declare)
    with pytest.raises(SourceFailure):
        console.notices.confirm(proposal, "send")
    monkeypatch.undo()
    incident = console.confirm(proposal)
    assert [line.id for line in console.incidents.lines()] == [incident.id]


def test_declaration_figures_and_deliveries_stand_in_one_append(open_console: MakeConsole) -> None:
    console, datadog, jira = both(open_console)
    incident = console.confirm()
    assert [one.channel for one in incident.deliveries] == [Channel.SLACK, Channel.DATADOG_INCIDENT, Channel.JIRA]
    assert [one.delivery for one in incident.deliveries] == ["D1", "D2", "D3"]
    assert len({one.token for one in incident.deliveries}) == 3
    assert incident.measured[0].measured.occasion == "declared"
    assert {one.name for one in incident.accounts} == {"14009", "75172"}
    assert {entry.at for entry in console.context.journal.stream(incident.id)} == {NOW}
    console.notices.deliver()
    assert (len(datadog.sent), len(jira.sent)) == (1, 1)
    assert "**" not in jira.sent[0][0].text


def test_the_wrong_word_sends_nothing(console: Console) -> None:
    with pytest.raises(UserError, match="nothing was sent"):
        console.notices.confirm(console.propose(), "yes")
    assert console.incidents.lines() == ()


def test_a_second_incident_of_the_same_type_is_proposed_with_a_warning(open_console: MakeConsole) -> None:
    first, second = open_console(), open_console("b.berg")
    early = second.propose()
    incident = first.confirm()
    assert any(incident.id in note for note in second.propose().notes)
    with pytest.raises(UserError, match=f"meanwhile, {incident.id} is open"):
        second.notices.confirm(early, "send")
    second.confirm(second.notices.refresh(early))
    assert len(second.incidents.lines()) == 2


def test_updates_are_written_for_their_audience(open_console: MakeConsole) -> None:
    console, _, _ = both(open_console)
    incident = console.confirm()
    told = {
        audience: console.propose(
            incident=incident.id, purpose=Purpose.UPDATE, audience=audience, words={"progress": "batch retry runs"}
        )
        for audience in Audience
    }
    responders, stakeholders, executives = (told[one].fallback for one in Audience)
    assert "Follow it: `" in responders
    assert "Follow it" not in stakeholders
    assert "batch retry runs" in stakeholders
    assert "Risk of data loss: high" in stakeholders
    assert executives.count(". ") + executives.count(".\n") <= 3
    assert "`" not in executives
    assert [one.purpose for one in told[Audience.RESPONDERS].drafts] == [Purpose.UPDATE, Purpose.NOTE, Purpose.NOTE]
    assert [one.purpose for one in told[Audience.EXECUTIVES].drafts] == [Purpose.UPDATE]
    assert "mention" not in told[Audience.RESPONDERS].drafts[0].fields


def test_tracking_that_is_missing_is_offered_and_opened_once_by_two_people(open_console: MakeConsole) -> None:
    console, datadog, jira = both(open_console)
    incident = console.incidents.declare(title="By hand", issue_type="rate_limiting", severity="incident")
    first, second = (console.propose(incident=incident.id, purpose=Purpose.TRACKING) for _ in range(2))
    console.confirm(first)
    assert len(console.confirm(second).deliveries) == 2
    console.notices.deliver()
    assert (len(datadog.sent), len(jira.sent)) == (1, 1)


def test_a_resolution_says_what_was_done_and_closes_what_is_tracked(open_console: MakeConsole, clocks: Clocks) -> None:
    console, _, _ = both(open_console)
    incident = console.confirm()
    console.incidents.tick(incident.id, "rate")
    clocks.forward(4 * 3_600)
    console.incidents.set_status(incident.id, IncidentStatus.RESOLVED, why="backlog is empty")
    proposal = console.propose(
        incident=incident.id, purpose=Purpose.RESOLUTION, words={"root_cause": "Zillow's limit", "confidence": "strict"}
    )
    assert "Root cause: Zillow's limit (confidence: strict)" in proposal.fallback
    assert "4 h." in proposal.fallback
    assert "- 2025-11-17 18:03 UTC resolved, by cl.nolen" in proposal.fallback
    assert {one.fields["state"] for one in proposal.drafts} == {"resolved"}
    done = console.confirm(proposal)
    assert done.measured[-1].measured.occasion == "resolution"


def test_the_settings_forbid_writing(open_console: MakeConsole) -> None:
    quiet = open_console(writes__notices=False, writes__tracking=False)
    proposal = quiet.propose()
    assert "writes.notices is off" in proposal.drafts[0].problem
    refusal = quiet.notices.confirm(proposal, "send")
    assert isinstance(refusal, Refusal)
    assert refusal.rule is RefusalRule.SAFETY_CONCERN
    assert quiet.incidents.lines() == ()


def test_a_proposal_made_where_writing_is_allowed_is_refused_where_it_is_not(open_console: MakeConsole) -> None:
    proposal = open_console().propose()
    refusal = open_console("b.berg", writes__notices=False).notices.confirm(proposal, "send")
    assert isinstance(refusal, Refusal)


def test_without_slack_the_text_is_there_and_the_incident_is_declared(open_console: MakeConsole) -> None:
    console = open_console(slack=None)
    proposal = console.propose()
    assert proposal.sendable == ()
    assert "Slack is not configured" in proposal.drafts[0].problem
    assert "212,631" in proposal.fallback
    incident = console.confirm(proposal)
    assert incident.deliveries == ()
    with pytest.raises(UserError, match="nothing can be sent from here"):
        console.notices.confirm(console.propose(incident=incident.id, purpose=Purpose.UPDATE), "send")


def test_a_notice_can_be_proposed_when_nothing_can_be_measured(console: Console) -> None:
    console.readings.failure = SourceFailure(FailureKind.UNREACHABLE, "common", "connection refused")
    proposal = console.propose()
    assert "Figures: not known" in proposal.fallback
    assert any("Nothing could be measured" in note for note in proposal.notes)
    assert console.confirm(proposal).id == "INC-1"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"issue_type": "rate_limits"}, "no issue type"),
        ({"severity": "critical"}, "no severity 'critical'"),
        ({"severity": None}, "no severity is given"),
        ({"words": {"began_at": "yesterday"}}, "began_at is not a moment"),
        ({"words": {"began_at": "2025-11-17T13:51"}}, "began_at is not a moment"),
        ({"incident": "INC-99"}, "no incident called"),
    ],
)
def test_what_cannot_be_proposed_is_said(console: Console, given: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        console.propose(**given)


def test_outside_text_in_words_reaches_slack_as_text(console: Console, slack: SlackServer) -> None:
    hostile = "<!channel> <@U024BE7LH> <https://evil.example|open> \x1b]52;c;x\x07 {severity}"
    console.confirm(console.propose(words={"impact": hostile}))
    console.notices.deliver()
    text = slack.messages[0]["text"]
    assert text.startswith("<!subteam^S0614TZR7>\n")
    assert "<!channel>" not in text
    assert "<@U024BE7LH>" not in text
    assert "<https://evil" not in text
    assert "\x1b" not in text
    assert "{severity}" in text
    assert re.search(r"\n\n_INC-1 · journal \d+:[0-9a-f]{16}_$", text)


def test_a_template_that_cannot_be_filled_never_holds_a_notice_up(open_console: MakeConsole) -> None:
    catalogue = load_catalogue()
    for broken in ("Now {severty} {", "", "   "):
        templates = {**catalogue.templates, "first_notice": broken}
        console = open_console(catalogue=catalogue.model_copy(update={"templates": templates}))
        proposal = console.propose()
        assert "**incident: Rate limiting: sync is suspended**" in proposal.fallback
        assert any("The template first_notice" in note for note in proposal.notes)
        assert proposal.drafts[0].notes


def test_a_text_longer_than_allowed_is_cut_where_the_reader_sees_it(open_console: MakeConsole) -> None:
    catalogue = load_catalogue()
    rules = catalogue.delivery.model_copy(update={"longest_text": 300})
    console = open_console(catalogue=catalogue.model_copy(update={"delivery": rules}))
    proposal = console.propose()
    assert len(proposal.fallback) == 300
    whole = open_console().propose().fallback
    kept, _, said = proposal.fallback.partition("\n\n(cut here: ")
    assert whole.startswith(kept)
    assert said.startswith(f"{len(whole) - len(kept):,} of {len(whole):,} characters are left out; ")
    assert said.endswith("stand whole in the war room: warroom incident show)")
    assert any("The text was cut" in note for note in proposal.notes)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("**{severity}**\n\n{acounts_affected}\n", 3, "unknown placeholder"),
        ("**{severity}**\n{title\n", 2, "opens or closes no placeholder"),
        ("{severity}}\n", 1, "opens or closes no placeholder"),
    ],
)
def test_a_broken_template_is_told_with_file_and_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "update_executives.md").write_text(text)
    with pytest.raises(CatalogueError, match=words) as caught:
        load_catalogue(tmp_path)
    assert f"update_executives.md:{line}" in "\n".join(caught.value.lines())


def test_a_teams_template_stands_in_place_of_the_shipped_one(open_console: MakeConsole, tmp_path: Path) -> None:
    folder = tmp_path / "team" / "templates"
    folder.mkdir(parents=True)
    (folder / "first_notice.md").write_text("{severity}: {accounts_affected} accounts\n")
    console = open_console(catalogue=load_catalogue(tmp_path / "team"))
    proposal = console.propose()
    assert proposal.fallback == "incident: 1,204 accounts"
    assert [one.name for one in proposal.drafts[0].figures] == ["accounts_affected"]


@pytest.mark.honesty("a secret in the text of a notice", "masked in the draft, named beside it, and sent to nobody")
def test_a_secret_in_a_notice_is_masked_before_it_is_confirmed_and_reaches_no_service(
    open_console: MakeConsole, slack: SlackServer
) -> None:
    secret = "xoxb" + "-2034567890123-4567890123456-AbCdEfGhIjKlMnOpQrStUvWx"
    console, datadog, jira = both(open_console)
    spoken = open_console()
    proposal = console.propose(words={"title": f"429 to {secret}", "impact": f"429 to {secret}"})
    assert proposal.drafts
    for draft in proposal.drafts:
        assert secret not in draft.title + draft.text
        assert "a secret was masked in this text: Slack token" in draft.notes
    console.confirm(proposal)
    console.notices.deliver()
    tracked = [one.model_dump_json() for kept in (datadog, jira) for one, _ in kept.sent]
    assert len(tracked) == 2
    spoken.confirm(spoken.propose(words={"impact": f"429 to {secret}"}))
    spoken.notices.deliver()
    for sent in (*tracked, str(slack.messages)):
        assert "masked: Slack token" in sent
        assert secret not in sent
