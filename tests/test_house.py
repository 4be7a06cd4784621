"""The shape of the house: folders stay small, no import that runs goes in a circle, and the measure itself is right."""

from __future__ import annotations

import ast
from pathlib import Path

from benchmarks.house import PRODUCT, WALLS, code_lines, measure


def written(root: Path, files: dict[str, str]) -> Path:
    for top in PRODUCT:
        (root / top).mkdir()
    for name, text in files.items():
        (root / name).write_text(text)
    return root


def test_walls_circles_and_code_lines_are_found_in_sources_made_for_it(tmp_path: Path) -> None:
    house = measure(
        written(
            tmp_path,
            {
                "tui/one.py": "from tui.two import a\nfrom widgets import row\n",
                "tui/two.py": "def late() -> None:\n    from tui.one import b\n",
                "widgets/row.py": '"""Prose."""\n# more of it\n\nx = (\n    1\n)\n',
                "widgets/pane.py": "from widgets.row import x\nfrom widgets.twin import y\n",
                "widgets/twin.py": "from widgets import pane\n",
            },
        )
    )
    assert house.walls() == [
        ("tui.one", "tui.two"),
        ("tui.two", "tui.one"),
        ("widgets.pane", "widgets.twin"),
        ("widgets.twin", "widgets.pane"),
    ]
    assert house.circles() == [("tui.one", "tui.two"), ("widgets.pane", "widgets.twin")]
    assert house.circles(running=True) == [("widgets.pane", "widgets.twin")]
    assert (house.lines["widgets.row"], house.folders["widgets"]) == (3, 3)


def test_the_house_is_kept() -> None:
    house = measure(counted=False)
    assert house.circles(running=True) == []
    assert max(house.folders.values()) <= 20
    # Whoever adds a file that only its neighbour imports says why it is one of its own.
    assert {module for module, _ in house.walls()} <= set(WALLS)


def test_a_string_that_is_used_is_code() -> None:
    source = 'said = """a\nb"""\n'
    assert code_lines(source, ast.parse(source)) == 2
