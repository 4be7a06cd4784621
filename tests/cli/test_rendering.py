"""JSON, text and Markdown of answers; exit codes; what reaches a pipe."""

from __future__ import annotations

import json

import pytest

from diagnostics.core.time import utc_now
from diagnostics.models.doctor import DoctorLine
from diagnostics.models.evidence import Evidence
from diagnostics.models.triage import Finding, Refusal, RefusalRule, Route, Status, Triage
from diagnostics.triage.document import answer_document
from tui.cli import exit_codes
from tui.cli.doctor import as_text as doctor_text
from tui.cli.output import Style
from tui.cli.renderers import triage as render
from tui.cli.renderers.document import as_markdown, as_text

PLAIN = Style()
FINDING_KEYS = ["check", "status", "summary", "value", "threshold", "evidence"]
TRIAGE_KEYS = [
    "outcome",
    "issue_type",
    "severity",
    "level",
    "route",
    "notify",
    "findings",
    "refusal",
    "taken_at",
]


def finding(status: Status = Status.FAIL, **values: object) -> Finding:
    proof = Evidence(source="common", query="SELECT `a` | b", started_at=utc_now(), took_ms=1.23456, rows=4)
    base: dict[str, object] = {"check": "webhook_backlog", "title": "?", "status": status, "summary": "a | b *c*"}
    return Finding.model_validate({**base, "evidence": proof, **values})


def triage(*findings: Finding, severity: str = "incident", notify: bool = True) -> Triage:
    return Triage(
        issue_type="rate_limiting",
        severity=severity,
        assessed=False,
        level=1,
        meaning="m",
        impact="i",
        route=Route(name="zillow-incident-recovery", available=False, reason="r"),
        notify=notify,
        findings=findings,
        taken_at=utc_now(),
    )


def refusal() -> Refusal:
    return Refusal(
        rule=RefusalRule.SEVERITY_MISMATCH,
        issue_type="rate_limiting",
        severity="critical",
        missing="no",
        accepted=("a",),
        guidance=("g",),
        contact="c",
        taken_at=utc_now(),
    )


def test_the_json_of_a_triage_has_the_promised_keys_in_order() -> None:
    document = json.loads(render.as_json(triage(finding())))
    assert list(document)[: len(TRIAGE_KEYS)] == TRIAGE_KEYS
    assert list(document["findings"][0])[: len(FINDING_KEYS)] == FINDING_KEYS
    assert list(document["findings"][0]["evidence"])[:6] == [
        "source",
        "query",
        "window",
        "started_at",
        "took_ms",
        "rows",
    ]
    assert document["route"]["name"] == "zillow-incident-recovery"
    assert document["refusal"] is None
    assert document["findings"][0]["evidence"]["took_ms"] == 1.235


def test_the_json_of_a_refusal_has_the_same_keys_and_the_refusal() -> None:
    document = json.loads(render.as_json(refusal()))
    assert list(document) == TRIAGE_KEYS
    assert (document["outcome"], document["notify"], document["route"], document["findings"]) == (
        "refusal",
        False,
        None,
        [],
    )
    assert list(document["refusal"])[:5] == ["rule", "missing", "accepted", "guidance", "contact"]


def test_the_json_is_ascii_whatever_the_findings_say() -> None:
    assert render.as_json(triage(finding(summary="Büro · …"))).isascii()


@pytest.mark.parametrize("status", list(Status))
def test_plain_text_carries_no_escape_and_names_every_status(status: Status) -> None:
    text = "\n".join(as_text([answer_document(triage(finding(status)), "CL Nolen")], PLAIN))
    assert "\x1b" not in text
    assert status.value.replace("_", " ").upper() in text
    assert "notify: " in text
    assert "CL Nolen" in text


def test_colour_is_added_only_where_the_style_asks_for_it() -> None:
    coloured = "\n".join(as_text([answer_document(triage(finding()), "c")], Style(colour=True)))
    assert "\x1b[31;1mFAIL" in coloured


def test_lines_wrap_at_the_width_of_a_terminal_and_nowhere_else() -> None:
    long = answer_document(triage(finding(summary="word " * 80)), "c")
    assert max(map(len, as_text([long], PLAIN))) > 300
    wrapped = list(as_text([long], Style(width=60)))
    assert max(map(len, wrapped)) <= 60


def test_markdown_keeps_text_text() -> None:
    text = "\n".join(as_markdown([answer_document(triage(finding()), "c")]))
    assert "a \\| b \\*c\\*" in text
    assert "SELECT `a` | b" in text


def test_markdown_sets_paragraphs_headings_lists_and_tables_off_by_one_empty_line() -> None:
    one = answer_document(refusal().model_copy(update={"candidates": ("b", "b2")}), "c")
    lines = list(as_markdown([one]))
    assert lines[:9] == ["# REFUSED: severity\\_mismatch", "", "**no**", "", "## did you mean", "", "- b", "- b2", ""]
    table = list(as_markdown([answer_document(triage(finding(), finding()), "c")]))
    head = table.index("| status | finding | rule |")
    assert table[head - 1] == ""
    assert [line[:6] for line in table[head + 1 : head + 4]] == ["| --- ", "| FAIL", "| FAIL"]
    assert "\n\n\n" not in "\n".join([*lines, *table])


def test_a_refusal_reads_with_its_rule_and_guidance_in_every_form() -> None:
    document = answer_document(refusal(), "c")
    for lines in (as_text([document], PLAIN), as_markdown([document])):
        text = "\n".join(lines).replace("\\", "")
        assert "severity_mismatch" in text
        assert "g" in text


@pytest.mark.parametrize(
    ("statuses", "notify", "code"),
    [
        ((Status.PASS,), False, 0),
        ((Status.PASS,), True, 0),
        ((), False, 0),
        ((Status.FAIL, Status.UNREACHABLE), True, 1),
        ((Status.FAIL,), False, 2),
        ((Status.WARN, Status.PASS), True, 2),
        ((Status.NO_DATA,), True, 2),
        ((Status.WARN, Status.UNREACHABLE), True, 4),
        ((Status.FAIL, Status.UNREACHABLE), False, 4),
    ],
)
def test_the_exit_code_says_the_gravest_thing_that_is_certain(
    statuses: tuple[Status, ...], notify: bool, code: int
) -> None:
    severity = "incident" if notify else "high"
    answer = triage(*(finding(status) for status in statuses), severity=severity, notify=notify)
    assert exit_codes.of_answer(answer) == code


def test_a_refusal_is_three_whatever_it_found() -> None:
    assert exit_codes.of_answer(refusal().model_copy(update={"findings": (finding(Status.UNREACHABLE),)})) == 3


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ((Status.PASS, Status.NO_DATA), 0),
        ((Status.WARN,), 2),
        ((Status.FAIL, Status.WARN), 1),
        ((Status.UNREACHABLE, Status.FAIL), 4),
    ],
)
def test_the_doctor_says_first_what_cannot_be_reached(statuses: tuple[Status, ...], code: int) -> None:
    lines = [DoctorLine(source="s", subject="x", status=status, detail="d") for status in statuses]
    assert exit_codes.of_doctor(lines) == code


def test_hostile_text_in_a_doctor_line_is_cleaned_at_the_last() -> None:
    line = DoctorLine(source="s\x1b[31m", subject="x", status=Status.FAIL, detail="d\x9d0;t\x07", remedy="\x1bc")
    assert "\x1b" not in "\n".join(doctor_text(line, PLAIN))


@pytest.mark.parametrize(
    ("rule", "severity", "notify"),
    [
        (RefusalRule.SYSTEM_ACCESS, "incident", True),
        (RefusalRule.MISSING_CONTEXT, "critical", True),
        (RefusalRule.SYSTEM_ACCESS, "high", False),
        (RefusalRule.SYSTEM_ACCESS, None, False),
        (RefusalRule.SEVERITY_MISMATCH, "incident", False),
    ],
)
def test_a_stated_severity_that_calls_people_calls_them_in_a_refusal_too(
    rule: RefusalRule, severity: str | None, notify: bool
) -> None:
    refused = refusal().model_copy(update={"rule": rule, "severity": severity})
    assert json.loads(render.as_json(refused))["notify"] is notify
    document = answer_document(refused, "c")
    assert ("notify: " in "\n".join(as_text([document], PLAIN))) is notify
    assert ("notify: " in "\n".join(as_markdown([document]))) is notify
