"""The whole way against the stand-ins: declared, told and tracked, once each, although every first answer is lost."""

from __future__ import annotations

from pathlib import Path

from diagnostics.catalogue import load_catalogue
from diagnostics.config.layers import load_settings
from diagnostics.incident.notices.notices import NoticeService
from diagnostics.models.incidents import Incident
from diagnostics.service import Diagnostics
from sandbox.launch import start_sandbox
from tests.notices.consoles import Clocks

GENEROUS = ("search=1000/10", "aggregate=1000/10")
"""Rate limits that keep nobody waiting; those of Slack, Jira and incidents are as ever."""


def test_team_and_trackers_hold_one_of_each_although_every_first_attempt_times_out(tmp_path: Path) -> None:
    with start_sandbox("nov17", directory=tmp_path / "sandbox", rate_limits=GENEROUS) as sandbox:
        flags = sandbox.flags() | {"slack.timeout_s": 1.0, "jira.timeout_s": 1.0, "datadog.total_timeout_s": 2.0}
        settings = load_settings(flags=flags, environ={}).settings
        with Diagnostics.open(settings, load_catalogue()) as service:
            notices = service.notices
            proposal = notices.propose(issue_type="rate_limiting", severity="incident")
            # The logs of this story name 61 accounts: more than enter the scope with the declaration.
            assert "Accounts in the scope: 20 of 61, those that weigh most." in proposal.notes
            assert [one.problem for one in proposal.drafts] == ["", "", ""]
            sandbox.set_faults("slack_post=stored_hang/1", "jira_create=stored_hang/1", "incident_create=stored_hang/1")
            accepted = frozenset(one.name for one in notices.stale(proposal))
            incident = notices.confirm(proposal, "send", accepted)
            assert isinstance(incident, Incident)
            # The pauses between looks are long; the clock that they are measured by is ours to move.
            clocks = Clocks()
            notices = NoticeService(
                service.context, service.incidents, service.assessments, notices.channels, steady=clocks.steady
            )
            for _ in range(8):
                notices.deliver()
                clocks.forward(61)
            states = {one.channel.value: one.state for one in service.incidents.get(incident.id).deliveries}
            recorded = sandbox.recorded()
            notices.close()
    assert states == {"slack": "sent", "datadog_incident": "sent", "jira": "sent"}
    assert (len(recorded.messages), len(recorded.incidents), len(recorded.issues)) == (1, 1, 1)
