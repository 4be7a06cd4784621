"""The rows of level 2: aligned, readable without colour and in ASCII, honest about what is not known."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rich.cells import cell_len

from diagnostics.health.document import state_of
from diagnostics.models.figures import Course, CoursePoint, Coverage
from diagnostics.models.health import SystemState
from diagnostics.models.status import Status
from screens.health.state import short_limits
from tests.console.scripted import NOW
from tests.console.scripted_health import ScriptedHealth, figure
from widgets.glyphs import ASCII, UNICODE, Glyphs
from widgets.rows.connections import connection_rows, standing
from widgets.rows.health import HEIGHT, NextToFail, big_digits, health_rows
from widgets.rows.kpis import FigureLine, figure_rows, short_title, short_value
from widgets.rows.resolution import Bands, legend, resolution_rows, ruler
from widgets.rows.trend import Scale, axis_row, course_chart, course_pieces, spread, stretch
from widgets.system_map import cascade_words, layers, nodes, system_rows

BANDS = Bands(2.0, 5.0, 10.0)
GLYPHS = pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
SCALE = Scale(90.0, 100.0, usual=98.8, warning=97.0, critical=95.0)


def course(*values: float | None) -> Course:
    start = NOW.replace(minute=0, second=0) - timedelta(hours=len(values) - 1)
    points = tuple(CoursePoint(at=start + timedelta(hours=at), value=value) for at, value in enumerate(values))
    return Course(title="Health, 24 h", unit="%", points=points)


def lines(health: ScriptedHealth) -> list[FigureLine]:
    return [FigureLine(one, short_limits(one), f"figure:{one.id}") for one in health.kpis()]


# ---- digits and courses


@GLYPHS
def test_large_digits_are_five_rows_of_equal_width(glyphs: Glyphs) -> None:
    drawn = big_digits("94.20 %", ascii_only=glyphs.ascii_only)
    assert len(drawn) == HEIGHT
    assert {cell_len(line) for line in drawn} == {6 * 4 + 2 + 4}
    assert big_digits("—", ascii_only=False)[2].strip()


def test_a_gap_in_a_course_is_a_sign_of_its_own_and_zero_is_not_a_gap() -> None:
    line = "".join(piece.text for piece in course_pieces(course(None, 90.0, 100.0), 3, SCALE, UNICODE, stale=False))
    assert line == "·▁█"
    plain = "".join(piece.text for piece in course_pieces(course(None, 90.0, 100.0), 3, SCALE, ASCII, stale=False))
    assert plain == "?.@"


def test_of_several_steps_in_one_cell_the_lowest_is_kept_and_only_all_unknown_is_unknown() -> None:
    assert spread([98.0, 91.0, None, 97.0, None, None], 3) == [91.0, 97.0, None]
    assert spread([1.0, 2.0], 5) == [1.0, 1.0, 2.0, 2.0]
    assert spread([], 5) == []
    assert stretch([1.0, 2.0], 5) == [1.0, 1.0, 1.0, 2.0, 2.0]


@GLYPHS
@pytest.mark.parametrize("height", [2, 4, 9])
def test_a_chart_has_its_height_whatever_the_course(glyphs: Glyphs, height: int) -> None:
    for shown in (course(), course(None), course(*([98.8] * 24)), course(*([80.0, None] * 20))):
        rows = course_chart(shown, width=40, height=height, scale=SCALE, glyphs=glyphs, stale=False)
        assert len(rows) == height
        assert all(cell_len(item.text) <= 40 for item in rows)
        if glyphs.ascii_only:
            assert all(item.text.isascii() for item in rows)


def test_limits_stand_beside_the_chart_and_an_axis_below_it() -> None:
    rows = course_chart(course(98.8, 94.0), width=30, height=10, scale=SCALE, glyphs=UNICODE, stale=False)
    labels = [item.text[:5].strip() for item in rows]
    assert labels[0] == "100"
    assert labels[-1] == "90"
    assert {"98.8", "95"} <= set(labels)
    axis = axis_row(course(None, 98.0, 97.0), width=60, glyphs=UNICODE).text
    assert "12:00" in axis
    assert "14:00 UTC" in axis
    assert "· not known" in axis


def test_an_old_course_has_no_colour_of_alarm() -> None:
    pieces = course_pieces(course(91.0, 92.0), 2, SCALE, UNICODE, stale=True)
    assert {piece.tone for piece in pieces} == {"muted"}


# ---- figures


@pytest.mark.parametrize("width", [43, 66, 77, 100, 160])
def test_values_states_and_ages_stand_in_columns(width: int) -> None:
    rows = figure_rows(lines(ScriptedHealth()), width=width, now=NOW, glyphs=UNICODE)
    assert len({cell_len(item.text) for item in rows if width >= 66} or {0}) == 1
    glyphs_at = {min(item.text.index(glyph) for glyph in "✔✘▲" if glyph in item.text) for item in rows}
    assert len(glyphs_at) == 1


def test_a_figure_without_a_value_is_a_dash_with_its_reason() -> None:
    health = ScriptedHealth(partial=True)
    row = figure_rows(lines(health), width=100, now=NOW, glyphs=UNICODE)[3].text
    assert "—" in row
    assert "unreachable" in row
    assert "datadog: rate limited, 6 s" in row
    assert " 0" not in row.replace("20s", "")


def test_a_value_kept_from_before_a_failure_is_dimmed() -> None:
    kept = figure("x", "X", 5.0, "5 s", Status.PASS, failure="datadog: denied")
    row = figure_rows([FigureLine(kept, (), "x")], width=80, now=NOW, glyphs=UNICODE)[0]
    assert {piece.tone for piece in row.pieces if piece.text.strip() in {"5 s", "✔ ok"}} == {"muted"}
    assert "denied" in row.text


def test_a_partial_answer_is_marked_and_its_coverage_said_where_there_is_room() -> None:
    partial = figure("x", "X", 5.0, "5 %", Status.PASS, coverage=Coverage(answered=5_112, asked=6_864))
    rows = figure_rows([FigureLine(partial, (), "x")], width=80, now=NOW, glyphs=UNICODE, roomy=True)
    assert "5 %*" in rows[0].text
    assert "5,112 of 6,864 accounts" in rows[1].text


def test_long_titles_lose_words_and_never_their_meaning() -> None:
    assert short_title("Tokens expiring within 24 h", 24) == "Tokens expiring in 24 h"
    assert short_title("Deals created and not synced", 26) == "Deals created, not synced"
    assert short_title("Requests to Zillow against what is usual", 24) == "Requests to Zillow"
    assert short_title("Resolution drift", 24) == "Resolution drift"
    assert cell_len(short_title("Extraordinarily long title of a figure", 20)) <= 20


def test_a_long_value_is_written_with_its_unit_alone() -> None:
    drift = figure("d", "Drift", 12.6, "CONNECTED -12.60 points", Status.FAIL, unit="points")
    assert short_value(drift, UNICODE) == "12.60 pt"
    assert short_value(figure("n", "N", None, "—", Status.NO_DATA), UNICODE) == "—"


# ---- resolution


@GLYPHS
def test_the_ruler_marks_the_drift_in_its_band(glyphs: Glyphs) -> None:
    drawn = {drift: ruler(drift, BANDS, 25, glyphs) for drift in (0.0, 1.0, 4.0, 8.0, 12.0, -8.0)}
    assert all(len(text) == 25 for text in drawn.values())
    places = {drift: text.index(glyphs.dot) for drift, text in drawn.items()}
    assert places[0.0] == 12
    assert places[-8.0] < 12 < places[1.0] <= places[4.0] < places[8.0] < places[12.0]
    assert drawn[8.0] != drawn[4.0]
    if glyphs.ascii_only:
        assert all(text.isascii() for text in drawn.values())


def test_drift_beyond_the_ruler_is_an_arrow_at_its_end() -> None:
    assert ruler(40.0, BANDS, 25, UNICODE).endswith("▶")
    assert ruler(-40.0, BANDS, 25, UNICODE).startswith("◀")
    assert UNICODE.dot not in ruler(None, BANDS, 25, UNICODE)
    assert ruler(1.0, BANDS, 1, UNICODE) == ""


@GLYPHS
@pytest.mark.parametrize("width", [43, 58, 66, 77, 104])
@pytest.mark.parametrize("height", [3, 4, 6])
def test_the_shares_fill_exactly_their_rows(glyphs: Glyphs, width: int, height: int) -> None:
    for health in (
        ScriptedHealth(),
        ScriptedHealth(quiet=True),
        ScriptedHealth(empty=True),
        ScriptedHealth(hostile=True),
    ):
        rows = resolution_rows(health.resolution(), BANDS, width=width, height=height, glyphs=glyphs, stale=False)
        assert len(rows) == height
        assert all(cell_len(item.text) <= width for item in rows)
    assert cell_len(legend(BANDS, width, glyphs)) <= width


def test_rows_in_no_share_are_named() -> None:
    rows = resolution_rows(ScriptedHealth().resolution(), BANDS, width=77, height=6, glyphs=UNICODE, stale=False)
    text = "\n".join(item.text for item in rows)
    assert "in no share: 312 of the retired method 2, 7 with no known method" in text


# ---- connections


@pytest.mark.parametrize("width", [42, 66, 104])
@pytest.mark.parametrize("height", [3, 8, 9, 20, 38])
def test_connections_fill_their_pane_and_show_one_of_each_kind(width: int, height: int) -> None:
    health = ScriptedHealth().connections()
    rows = connection_rows(health, width=width, height=height, now=NOW, glyphs=UNICODE, stale=False)
    assert len(rows) >= height
    assert all(cell_len(item.text) <= width for item in rows)
    shown = [item.key or "" for item in rows[:height]]
    assert any(key.startswith("problem:newest:") for key in shown)
    assert any(key.startswith("problem:longest:") for key in shown)
    keys = [item.key for item in rows if item.key is not None]
    assert len(keys) == len(set(keys))


def test_what_is_wrong_comes_first_where_room_is_short() -> None:
    health = ScriptedHealth().connections()
    row = connection_rows(health, width=42, height=3, now=NOW, glyphs=UNICODE, stale=False)[0].text
    assert row == "error 296 warn 412 healthy 11,507 off 189"


def test_for_how_long_a_problem_has_stood() -> None:
    assert standing(NOW - timedelta(minutes=2), NOW) == "2m"
    assert standing(NOW - timedelta(days=43, hours=3), NOW) == "43d"
    assert standing(NOW + timedelta(hours=1), NOW) == "ahead"
    assert standing(None, NOW) == "—"


def test_a_count_says_which_state_it_counts() -> None:
    assert state_of(figure("error", "error", 1, "1", Status.FAIL)) == "error"
    assert state_of(figure("connections_error", "error", 1, "1", Status.FAIL)) == "error"


# ---- systems


def test_layers_run_from_what_feeds_to_what_is_fed_and_the_rest_stands_apart() -> None:
    feeds = {"a": ("b",), "t": ("b",), "b": ("c",), "c": ("end",), "x": ()}
    assert layers(feeds) == [["a", "t"], ["b"], ["c"], ["end"], ["x"]]


def test_a_circle_in_the_catalogue_is_drawn_once() -> None:
    drawn = layers({"a": ("b",), "b": ("a",)})
    assert sorted(name for layer in drawn for name in layer) == ["a", "b"]


def test_chains_that_name_everything_downstream_draw_the_same_map() -> None:
    direct = {"a": ("b",), "b": ("c",), "c": ("end",)}
    whole = {"a": ("b", "c", "end"), "b": ("c", "end"), "c": ("end",)}
    assert layers(direct) == layers(whole)


def test_the_map_is_in_the_order_of_the_cascade() -> None:
    drawn = [node.name for node in nodes(ScriptedHealth().systems())]
    assert drawn == [
        "ZillowAuth", "ZillowTeam", "ZillowAgent", "ZillowSyncUser", "transaction sync", "ZillowSyncAgent",
        "ZillowSyncTeam",
    ]  # fmt: skip


@GLYPHS
@pytest.mark.parametrize("width", [31, 44, 49, 92])
@pytest.mark.parametrize("headlines", [False, True])
def test_every_system_is_a_row_with_its_state_as_a_word(glyphs: Glyphs, width: int, headlines: bool) -> None:
    for health in (ScriptedHealth(), ScriptedHealth(partial=True), ScriptedHealth(hostile=True)):
        rows = system_rows(health.systems(), width=width, glyphs=glyphs, stale=False, headlines=headlines)
        keyed = [item for item in rows if item.key is not None]
        assert len(keyed) == 6
        assert len(rows) == (13 if headlines else 7)
        assert all(
            any(word in item.text for word in ("ok", "warn", "FAIL", "risk", "no data", "unreach")) for item in keyed
        )
        assert all(cell_len(item.text) <= width + 2 for item in rows)
        if glyphs.ascii_only:
            assert all(item.text.replace("…", "~").isascii() for item in rows)


def test_what_hangs_on_a_failing_system_is_at_risk_down_to_the_end_of_the_chain() -> None:
    rows = {item.key or item.text.strip(): item.text for item in system_rows(
        ScriptedHealth().systems(), width=49, glyphs=UNICODE, stale=False, headlines=False
    )}  # fmt: skip
    assert "FAIL" in rows["system:ZillowAuth"]
    assert "at risk" in rows["system:ZillowAgent"]
    assert "ok, at risk" in rows["system:ZillowSyncUser"]
    assert "at risk" not in rows["system:ZillowTeam"]
    assert any("transaction sync" in text and "at risk" in text for text in rows.values())


def test_the_title_names_the_cascade_where_it_fits_and_counts_it_where_not() -> None:
    systems = ScriptedHealth().systems()
    assert cascade_words(systems, 90, UNICODE).startswith("ZillowAuth FAIL threatens ZillowAgent")
    assert cascade_words(systems, 40, UNICODE) == "1 FAIL, 1 warn, 1 not known, 3 at risk"
    assert cascade_words(systems, 20, UNICODE) == "1 FAIL, 3 at risk"
    assert cascade_words(ScriptedHealth(quiet=True).systems(), 20, UNICODE) == "all six ok"
    assert cascade_words(ScriptedHealth(empty=True).systems(), 20, UNICODE) == "6 not known"


def test_a_system_nobody_has_described_is_drawn_too() -> None:
    strange = SystemState(name="Odd", priority="LOW", role="", status=Status.PASS, headline="", feeds=("ZillowAuth",))
    rows = system_rows((strange, *ScriptedHealth().systems()), width=49, glyphs=UNICODE, stale=False, headlines=False)
    assert rows[0].key == "system:Odd"


# ---- health


@GLYPHS
@pytest.mark.parametrize(("width", "height"), [(57, 2), (77, 2), (77, 4), (48, 11), (48, 14), (92, 25)])
def test_health_always_fills_its_rows(glyphs: Glyphs, width: int, height: int) -> None:
    for health in (
        ScriptedHealth(),
        ScriptedHealth(quiet=True),
        ScriptedHealth(empty=True),
        ScriptedHealth(hostile=True),
    ):
        rows = health_rows(
            health.overview(),
            NextToFail("ZillowAuth FAILS → ZillowAgent → ZillowSyncUser → transaction sync", "fail", "FAIL"),
            baseline=98.8,
            scale=SCALE,
            width=width,
            height=height,
            glyphs=glyphs,
            stale=False,
        )
        assert len(rows) == height
        assert {"health", "next"} <= {item.key for item in rows}
        assert all(cell_len(item.text) <= width for item in rows)
        if glyphs.ascii_only:
            assert all(item.text.replace("…", "~").isascii() for item in rows)


def test_health_that_is_not_known_is_a_dash_beside_its_baseline() -> None:
    rows = health_rows(
        ScriptedHealth(empty=True).overview(),
        NextToFail("", "", ""),
        baseline=98.8,
        scale=SCALE,
        width=77,
        height=2,
        glyphs=UNICODE,
        stale=False,
    )
    assert rows[0].text.startswith("—  ∅ no data  baseline 98.80 %")
