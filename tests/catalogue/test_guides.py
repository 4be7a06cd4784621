"""The guides: complete, current with the catalogue, and addressable issue by issue."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from diagnostics.catalogue import Catalogue, CatalogueError, load_catalogue
from diagnostics.catalogue.texts import GuidePage, split_sections


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def test_four_guides_ship_with_title_and_origin(catalogue: Catalogue) -> None:
    assert {name: catalogue.guide(name).title for name in catalogue.guide_names()} == {
        "baseline-metrics": "Baseline metrics",
        "immediate-actions": "Immediate actions",
        "quick-reference": "Quick reference",
        "team-protocols": "Team protocols",
    }
    assert {catalogue.guide(name).origin for name in catalogue.guide_names()} == {"built in"}


def test_no_guide_shows_its_marks_or_promises_anything(catalogue: Catalogue) -> None:
    for name in catalogue.guide_names():
        text = catalogue.guide(name).markdown
        assert "{{" not in text
        assert "{#" not in text
        assert not re.search(r"coming soon|not yet written|to be done|TBD", text, re.IGNORECASE)


def test_every_issue_has_its_own_section_and_sees_no_other(catalogue: Catalogue) -> None:
    for name, issue in catalogue.issues.items():
        section = catalogue.guide_section("immediate-actions", issue.guide_section)
        assert section.startswith(f"## {issue.title}\n")
        assert section.count("\n## ") == 0
        assert issue.route in section
        assert catalogue.queries[issue.query].datadog in section
        assert issue.guide_section == name


def test_level_one_sections_say_what_to_check_in_order_and_what_comes_next(catalogue: Catalogue) -> None:
    for issue in catalogue.issues.values():
        if issue.level == 1:
            section = catalogue.guide_section("immediate-actions", issue.guide_section)
            steps = re.findall(r"^(\d)\. \*\*", section, re.MULTILINE)
            assert steps == [str(number + 1) for number in range(len(steps))]
            assert len(steps) >= 3
            assert "\n   - *" in section
            assert "\nNext: " in section


def test_the_quick_reference_holds_matrix_queries_contact_and_keys(catalogue: Catalogue) -> None:
    text = catalogue.guide("quick-reference").markdown
    for issue in catalogue.issues.values():
        row = f"| {issue.name} | {', '.join(issue.severities)} | {' → '.join(issue.first_response)} | {issue.route} |"
        assert row in text
    for query in catalogue.queries.values():
        assert f"```\n{query.datadog}\n```" in text
    assert catalogue.contact.line() in text
    for key in [
        "1",
        "2",
        "3",
        "enter",
        "esc",
        "/",
        ":",
        "?",
        "e",
        "n",
        "c",
        "a",
        "d",
        "l",
        "t",
        "space",
        "r",
        "y",
        "w",
        "x",
        "q",
    ]:
        assert f"`{key}`" in text


def test_baseline_metrics_hold_every_threshold_and_mark_the_assumed_ones(catalogue: Catalogue) -> None:
    text = catalogue.guide("baseline-metrics").markdown
    limits = catalogue.guide_section("baseline-metrics", "thresholds")
    for threshold in catalogue.thresholds.values():
        row = next(line for line in limits.split("\n") if line.startswith(f"| {threshold.title} |"))
        assert threshold.rule() in row
        assert ("Assumed" in row) is threshold.assumed
    for number in ("98.80 %", "46.72 %", "15.99 %", "37.29 %"):
        assert number in text


def test_a_guide_follows_the_teams_thresholds_queries_and_contact(tmp_path: Path) -> None:
    (tmp_path / "thresholds.toml").write_text("[webhook_backlog]\ncritical = 25000\n")
    (tmp_path / "contacts.toml").write_text('[contact]\nmanager = "A. Example"\n')
    (tmp_path / "queries.toml").write_text('[rate_limited]\ndatadog = "service:fub-eu | @a:*b*"\n')
    catalogue = load_catalogue(tmp_path)
    section = catalogue.guide_section("immediate-actions", "rate_limiting")
    assert "> 25,000 critical" in section
    assert "service:fub-eu | @a:*b*" in section
    assert "A. Example" in catalogue.guide("quick-reference").markdown
    assert "10,000" not in section


def test_a_teams_own_copy_of_a_guide_replaces_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "guides").mkdir()
    file = tmp_path / "guides" / "team-protocols.md"
    file.write_text("# Ours\n\nCall {{ manager }}.\n\n## Night {#night}\n\nSleep.\n")
    catalogue = load_catalogue(tmp_path)
    guide = catalogue.guide("team-protocols")
    assert (guide.title, guide.origin) == ("Ours", str(file))
    assert "Call CL Nolen." in guide.markdown
    assert catalogue.guide_section("team-protocols", "night") == "## Night\n\nSleep.\n"
    assert catalogue.origins["guides.team-protocols"] == str(file)


def test_a_team_may_add_a_guide_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "guides").mkdir()
    (tmp_path / "guides" / "vault-outage.md").write_text("# Vault outage\n\nWait.\n")
    assert "vault-outage" in load_catalogue(tmp_path).guide_names()


@pytest.mark.parametrize(
    ("page", "line", "problem", "accepted"),
    [
        (("team-protocols", "# T\n\n{{ manger }}\n"), 3, "did you mean manager?", "contact"),
        (("team-protocols", "# T\n{{ threshold backlog }}\n"), 2, "'backlog' does not exist", "webhook_backlog"),
        (("team-protocols", "# T\n{{ a b c }}\n"), 2, "unknown insertion", "contact"),
        (("team-protocols", "no title\n"), 1, "no title", "# Title"),
        (("team-protocols", " \n"), None, "empty", "Markdown"),
        (("quick-referense", "# T\n"), None, "did you mean quick-reference?", "team-protocols"),
        (("team-protocols", "# T\n## A {#x}\n## B {#x}\n"), None, "the section 'x' stands twice", ""),
    ],
)
def test_a_mistake_in_a_guide_names_file_and_line(
    tmp_path: Path, page: tuple[str, str], line: int | None, problem: str, accepted: str
) -> None:
    name, text = page
    (tmp_path / "guides").mkdir()
    file = tmp_path / "guides" / f"{name}.md"
    file.write_text(text)
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(tmp_path)
    assert problem in caught.value.problem
    assert (caught.value.file, caught.value.line) == (file, line)
    assert accepted in caught.value.accepted


def test_immediate_actions_without_an_issues_section_are_refused(tmp_path: Path) -> None:
    (tmp_path / "guides").mkdir()
    (tmp_path / "guides" / "immediate-actions.md").write_text("# Ours\n\n## One {#rate_limiting}\n")
    with pytest.raises(CatalogueError, match="has no section"):
        load_catalogue(tmp_path)


def sections(markdown: str) -> dict[str, str]:
    return split_sections(GuidePage("x", Path("x.md"), markdown, "built in"), markdown)[1]


def test_a_section_runs_to_the_next_heading_of_its_level_or_above() -> None:
    text = "# T\n## A {#a}\none\n### B {#b}\ntwo\n### C\nthree\n## D\nfour\n"
    assert sections(text) == {"a": "## A\none\n### B\ntwo\n### C\nthree\n", "b": "### B\ntwo\n"}


def test_headings_inside_fenced_code_are_text() -> None:
    text = "## A {#a}\n```\n# no heading {#x}\n```\n~~~~\n## nor this\n~~~\n~~~~\nend\n## B\n"
    assert list(sections(text)) == ["a"]
    assert sections(text)["a"].endswith("end\n")


@pytest.mark.parametrize(
    ("name", "placeholders"),
    [
        (
            "first_notice",
            {"severity", "title", "issue_title", "accounts_affected", "large_accounts", "impact", "route", "query"},
        ),
        ("update", {"status", "elapsed", "systems", "progress", "data_loss_risk", "degradation", "next_update_at"}),
        ("resolution", {"root_cause", "timeline", "impact", "steps", "verification", "prevention", "confidence"}),
    ],
)
def test_message_templates_ask_for_what_a_notice_must_say(
    catalogue: Catalogue, name: str, placeholders: set[str]
) -> None:
    assert placeholders <= set(re.findall(r"\{([a-z_]+)\}", catalogue.templates[name]))


def test_a_placeholder_that_nobody_fills_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    file = tmp_path / "templates" / "update.md"
    file.write_text("Status {status}\n{acounts_affected} accounts\n")
    with pytest.raises(CatalogueError, match="did you mean accounts_affected") as caught:
        load_catalogue(tmp_path)
    assert (caught.value.file, caught.value.line) == (file, 2)
    assert "next_update_at" in caught.value.accepted


def test_a_template_nobody_sends_is_refused(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "greeting.md").write_text("Hello\n")
    with pytest.raises(CatalogueError, match="no page called 'greeting'"):
        load_catalogue(tmp_path)
