"""Level 1 and triage of the same moment say the same, in every story of the sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from diagnostics.config.layers import load_settings
from diagnostics.core.time import utc_now
from diagnostics.models.readings import Freshness, Reading
from diagnostics.models.triage import Finding, Triage, TriageRequest
from diagnostics.service import Diagnostics
from sandbox.launch import start_sandbox
from sandbox.stories.scenario import SCENARIOS
from screens.critical.state import CriticalState
from tests.sampling import sampled
from tests.shipped import shipped_catalogue
from widgets.glyphs import UNICODE
from widgets.rows.issues import IssueLine, issue_row

WINDOW_S = 900
ISSUES = ("rate_limiting", "oauth_failure", "transaction_sync")


def level_1(service: Diagnostics) -> CriticalState:
    """What level 1 makes of every pulse and every check of this moment."""
    shown = CriticalState(
        issues=ISSUES,
        rows=service.catalogue.issues,
        checks={issue: service.console_checks(issue) for issue in ISSUES},
        selected=ISSUES[0],
    )
    now = utc_now()
    for issue in ISSUES:
        query = service.query_for(issue)
        service.context.logs.baselines.settled(query, WINDOW_S, 30.0)
        pulse = service.pulse(issue, WINDOW_S)
        shown.take(Reading(key=f"pulse:{issue}", freshness=Freshness.FRESH, value=pulse, taken_at=now), now)
        for check in shown.checks[issue]:
            found: Finding = service.console_check(issue, check)
            key = f"check:{issue}:{check}"
            shown.take(Reading[Finding](key=key, freshness=Freshness.FRESH, value=found, taken_at=now), now)
    return shown


@pytest.mark.honesty(
    "contradictions on one screen: the word of level 1, its checks, and the triage of the same moment",
    "one word; never ok over a check that fails or warns",
)
@pytest.mark.parametrize("scenario", sampled(tuple(SCENARIOS), 2))
def test_level_1_its_checks_and_a_triage_of_the_same_moment_agree(scenario: str, tmp_path: Path) -> None:
    limits = ("search=1000/10", "aggregate=1000/10")
    with start_sandbox(scenario, rate_limits=limits, ready_timeout_s=120.0) as sandbox:
        settings = load_settings(flags={**sandbox.flags(), "state_dir": str(tmp_path)}, environ={}).settings
        with Diagnostics.open(settings, shipped_catalogue()) as service:
            shown = level_1(service)
            for issue in ISSUES:
                found = [shown.finding(issue, check) for check in shown.checks[issue]]
                wrong = {str(one.value.status) for one in found if one is not None and one.value} & {"fail", "warn"}
                verdict = shown.verdict(issue)
                assert verdict is not None
                line = IssueLine(issue, issue, shown.pulse(issue), verdict=verdict)
                text = issue_row(line, width=160, now=utc_now(), glyphs=UNICODE).text
                assert (verdict.severity == "ok") <= (not wrong), text
                if issue == "transaction_sync":
                    continue  # a triage of it is about one deal
                triage = service.triage(TriageRequest(issue_type=issue))
                assert isinstance(triage, Triage)
                assert triage.known_severity == verdict.severity, text
                assert set(triage.decided_by) == set(verdict.decided_by), text
