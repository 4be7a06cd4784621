"""Texts as new files: none lost, none overwritten, all of them or none."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from diagnostics.core.failures import UserError
from diagnostics.core.named_files import MOST_NAMES, write_named, write_new

AT = datetime(2025, 11, 17, 14, 3, 22, tzinfo=UTC)


def test_all_files_of_one_writing_bear_one_name_and_a_second_writing_another(tmp_path: Path) -> None:
    (tmp_path / "a-b-20251117-140322.json").write_text("somebody's")
    first = write_named(tmp_path, "a/b", {"md": "one", "json": "two"}, AT)
    assert [path.name for path in first] == ["a-b-20251117-140322-1.md", "a-b-20251117-140322-1.json"]
    assert [path.read_text() for path in first] == ["one", "two"]
    second = write_named(tmp_path, "a/b", {"md": "three"}, AT)
    assert second[0].name == "a-b-20251117-140322.md"
    assert (tmp_path / "a-b-20251117-140322.json").read_text() == "somebody's"


def test_where_there_is_no_room_nothing_is_left_of_what_was_begun(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        write_named(Path("/dev/full"), "x", {"md": "one"}, AT)
    assert refused.value.accepted
    texts = {"md": "one", "json/none": "two"}
    with pytest.raises(UserError, match="could not be written"):
        write_named(tmp_path, "y", texts, AT)
    assert not list(tmp_path.glob("y-*"))


def test_a_name_that_is_taken_is_refused_and_what_stands_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "there.csv"
    path.write_text("before")
    with pytest.raises(UserError, match="there already"):
        write_new(path, "after")
    assert path.read_text() == "before"


def test_the_hundred_and_first_of_one_second_is_refused(tmp_path: Path) -> None:
    for _ in range(MOST_NAMES):
        write_named(tmp_path, "x", {"txt": ""}, AT)
    with pytest.raises(UserError, match="already exist"):
        write_named(tmp_path, "x", {"txt": ""}, AT)
