"""The catalogue's human half: checklists, exit criteria, tiers, impact, cadence, deliveries."""

from __future__ import annotations

from pathlib import Path

import pytest

from diagnostics.catalogue import Catalogue, CatalogueError, load_catalogue
from diagnostics.catalogue.conditions import criterion_words, limit_of
from diagnostics.catalogue.response import READING_IDS, SIMPLE_RULES
from diagnostics.incident.assess.readings import READINGS


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def test_every_issue_has_a_checklist_exit_criteria_and_figures(catalogue: Catalogue) -> None:
    issues = set(catalogue.issues)
    assert set(catalogue.checklists) == set(catalogue.exit_criteria) == issues
    assert all(issue.figures for issue in catalogue.issues.values())


def test_every_reading_that_may_be_named_can_be_taken() -> None:
    assert set(READINGS) == set(READING_IDS)


def test_every_figure_of_an_issue_that_tiers_judge_is_measured_somewhere(catalogue: Catalogue) -> None:
    judged = {rule.reading for tier in catalogue.tiers.values() for rule in tier.rules.values()} - {"", "severity"}
    measured = {name for issue in catalogue.issues.values() for name in issue.figures}
    assert judged <= measured


def test_health_at_its_baseline_for_half_an_hour_over_five_hundred_events(catalogue: Catalogue) -> None:
    criterion = catalogue.exit_criteria["rate_limiting"].criteria["health"]
    words = criterion_words(criterion, catalogue.thresholds)
    assert words == "health at least 98.8 % for 30 min, at least 500 sync events"


def test_the_five_minutes_are_those_of_the_founding_document(catalogue: Catalogue) -> None:
    assert {name: one.first_minutes for name, one in catalogue.cadence.items() if one.first_minutes <= 5} == {
        "critical": 5,
        "incident": 5,
    }


def test_the_four_tiers_and_the_impact_limit_are_those_of_the_founding_document(catalogue: Catalogue) -> None:
    assert sorted(tier.tier for tier in catalogue.tiers.values()) == [1, 2, 3, 4]
    assert catalogue.tiers["emergency"].rules["records_lost"].limit == 100
    assert catalogue.tiers["escalation"].rules["accounts"].limit == 10
    assert catalogue.impact.limit == 1_000


def test_every_step_has_a_rule_or_says_why_only_people_can_tick_it(catalogue: Catalogue) -> None:
    for checklist in catalogue.checklists.values():
        assert len(checklist.steps) >= 9
        for step in checklist.steps.values():
            assert bool(step.rule) is not bool(step.people)


def test_the_first_response_of_the_matrix_is_in_the_checklist_in_its_order(catalogue: Catalogue) -> None:
    for name, issue in catalogue.issues.items():
        rules = [step.rule for step in catalogue.checklists[name].steps.values()]
        asked = [rules.index(f"check:{check}") for check in issue.checks]
        assert asked == sorted(asked)


def test_the_guide_holds_roles_tiers_cadence_criteria_checklists_and_templates(catalogue: Catalogue) -> None:
    guide = catalogue.guide("team-protocols").markdown
    for role in catalogue.roles.values():
        assert role.duty in guide
    for tier in catalogue.tiers.values():
        assert tier.answer in guide
    for cadence in catalogue.cadence.values():
        assert f"| {cadence.severity} | {cadence.first_minutes} min |" in guide
    assert "health at least 98.8 % for 30 min, at least 500 sync events" in guide
    assert "Measure how often Zillow answers HTTP 429" in guide
    for name in catalogue.templates:
        assert f"templates/{name}.md" in guide
    for key in ("`e`", "`n`", "`c`", "`u`", "`3`", "warroom incident"):
        assert key in guide
    assert {"roles", "when", "first_notice", "updates", "exit", "evidence", "resolution"} <= set(
        catalogue.sections["team-protocols"]
    )


def test_a_teams_own_limit_weight_and_step_stand_in_guide_and_catalogue(tmp_path: Path) -> None:
    (tmp_path / "exit_criteria.toml").write_text("[rate_limiting.criteria.health]\nhold_minutes = 45\n")
    (tmp_path / "checklists.toml").write_text(
        '[rate_limiting.steps.call_zillow]\ntext = "Call Zillow."\npeople = "They have a telephone."\nminutes = 20\n'
    )
    (tmp_path / "impact.toml").write_text("[impact.severities]\nincident = 12.0\n")
    (tmp_path / "thresholds.toml").write_text("[system_health]\nhealthy = 99.0\n")
    catalogue = load_catalogue(tmp_path)
    criterion = catalogue.exit_criteria["rate_limiting"].criteria["health"]
    assert (criterion.hold_minutes, limit_of(criterion, catalogue.thresholds)) == (45, 99.0)
    assert tuple(catalogue.checklists["rate_limiting"].steps)[-1] == "call_zillow"
    assert "Call Zillow." in catalogue.guide("team-protocols").markdown
    assert catalogue.impact.severities["incident"] == 12.0


@pytest.mark.parametrize(
    ("file", "text", "line", "problem", "accepted"),
    [
        (
            "exit_criteria",
            '[rate_limiting.criteria.health]\nreading = "helth"\n',
            2,
            "did you mean health?",
            "webhook_backlog",
        ),
        (
            "exit_criteria",
            '[rate_limiting.criteria.health]\nthreshold = "system_health.best"\n',
            2,
            "has no best",
            "system_health.healthy",
        ),
        ("exit_criteria", "[rate_limiting.criteria.health]\nlimit = 98\n", 1, "not both", "limit = NUMBER"),
        ("exit_criteria", "[rate_limiting.criteria.health]\nhold_minutes = -1\n", 2, "not accepted", "greater than"),
        (
            "checklists",
            '[rate_limiting.steps.rate]\nrule = "check:rate_limit"\n',
            2,
            "unknown rule",
            "check:rate_limit_rate",
        ),
        ("checklists", '[rate_limiting.steps.new]\ntext = "x"\n', 1, "neither a rule", "people"),
        ("checklists", '[rate_limiting.steps.rate]\nseverities = ["critical"]\n', 2, "unknown severity", "incident"),
        ("checklists", "[rate_limiting.steps.rate]\nminute = 5\n", 2, "did you mean minutes?", "text"),
        ("tiers", '[team.rules.deviation]\nreading = "drift"\n', 2, "unknown reading", "deviation"),
        ("tiers", "[team]\ntier = 3\n", 2, "already", "one entry for each tier"),
        ("tiers", "[log]\nwhen_unknown = true\n", 2, "two tiers", "one at most"),
        ("impact", '[impact]\nunknown_size = "tiny"\n', 2, "unknown size", "small"),
        ("impact", "[impact.severities]\ncritcal = 1.0\n", 2, "did you mean critical?", "critical"),
        ("cadence", "[urgent]\nminutes = 5\n", 1, "unknown entry", "critical"),
        ("delivery", "[delivery]\nmost_attempts = 0\n", 2, "not accepted", "greater than"),
        ("issues", '[rate_limiting]\nfigures = ["health", "backlog"]\n', 2, "unknown reading", "webhook_backlog"),
    ],
)
def test_a_mistake_names_file_line_and_what_is_accepted(  # noqa: PLR0917  # what the table above has
    tmp_path: Path, file: str, text: str, line: int, problem: str, accepted: str
) -> None:
    (tmp_path / f"{file}.toml").write_text(text)
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(tmp_path)
    assert caught.value.file == tmp_path / f"{file}.toml"
    assert caught.value.line == line
    assert problem in str(caught.value)
    assert accepted in caught.value.accepted


def test_rules_without_an_argument_are_all_known_to_the_console() -> None:
    from diagnostics.incident.assess.checklists import _RULES  # noqa: PLC0415  # only this test looks inside

    assert set(_RULES) == set(SIMPLE_RULES)
