"""Line numbers of TOML documents, which the standard parser does not keep."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.config.toml import ConfigurationError, TomlLines, closest, read_toml

DOCUMENT = '''\
# a comment with [brackets] and = signs
title = "one" # trailing
dotted.key.deep = 3

[table]
plain = """
not = "a key"
[nor a table]
"""
literal = \'\'\'
also = 'not'
\'\'\'
list = [
  "first", # with, commas
  [1, 2,
   3],
  { inner = "x", other = [ "y" ] },
]
"quoted = key" = 1

[table . nested."with.dot"]
here = 1979-05-27 07:32:00

[[many]]
name = "a"
[[many]]
name = "b"
[many.below]
deep = true
[[many.inner]]
x = 1
[[many.inner]]
x = 2
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("dotted", "key", "deep"), 3),
        (("table",), 5),
        (("table", "plain"), 6),
        (("table", "literal"), 10),
        (("table", "list"), 13),
        (("table", "list", 0), 14),
        (("table", "list", 1), 15),
        (("table", "list", 1, 2), 16),
        (("table", "list", 2, "inner"), 17),
        (("table", "list", 2, "other", 0), 17),
        (("table", "quoted = key"), 19),
        (("table", "nested", "with.dot", "here"), 22),
        (("many", 0), 24),
        (("many", 0, "name"), 25),
        (("many", 1, "name"), 27),
        (("many", 1, "below", "deep"), 29),
        (("many", 1, "inner", 0, "x"), 31),
        (("many", 1, "inner", 1, "x"), 33),
    ],
)
def test_every_key_and_array_item_has_its_own_line(path: tuple[str | int, ...], line: int) -> None:
    assert TomlLines(DOCUMENT).exact(path) == line


def test_a_path_that_is_not_there_has_the_line_of_what_encloses_it() -> None:
    lines = TomlLines(DOCUMENT)
    assert lines.exact(("table", "missing")) is None
    assert lines.nearest(("table", "missing", "deeper")) == 5
    assert lines.nearest(("nowhere",)) == 1


def test_windows_line_ends_count_as_one() -> None:
    assert TomlLines("a = 1\r\n\r\n[b]\r\nc = 2\r\n").exact(("b", "c")) == 4


def paths(value: object, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found: list[tuple[str | int, ...]] = []
    items: list[tuple[str | int, object]] = []
    if isinstance(value, Mapping):
        items = [(str(key), inner) for key, inner in value.items()]
    elif isinstance(value, list):
        items = list(enumerate(value))
    for key, inner in items:
        found += [(*above, key), *paths(inner, (*above, key))]
    return found


def test_the_scanner_finds_exactly_the_paths_that_the_parser_finds() -> None:
    assert set(TomlLines(DOCUMENT).paths()) == set(paths(tomllib.loads(DOCUMENT)))


scalars = st.one_of(
    st.integers(-1000, 1000).map(str),
    st.sampled_from(
        ["true", "1.5", "'a # [b] = {c}'", '"\\"]}, \\\\"', '"""x\n[y]\nz = 1"""', "'''\n\"\"\"'''", "1979-05-27"]
    ),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[\n" + ", # ]\n".join(items) + "\n]"),
        st.lists(inner.filter(lambda text: "\n" not in text), max_size=3).map(
            lambda items: "{" + ", ".join(f"k{index} = {item}" for index, item in enumerate(items)) + "}"
        ),
    ),
    max_leaves=6,
)


@given(st.lists(values, max_size=6), st.integers(0, 3))
def test_the_scanner_agrees_with_the_parser_on_any_document(items: list[str], blank: int) -> None:
    text = ("\n" * blank).join(f"[t{index}]\nkey = {item}\n" for index, item in enumerate(items))
    assert set(TomlLines(text).paths()) == set(paths(tomllib.loads(text)))


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"a = 1\nb = \n", 2, "not valid TOML"),
        (b"a = 1\n[a]\nx = 1\n", 2, "not valid TOML"),
        (b"a = 1\nb = 'open\n", 2, "not valid TOML"),
        (b"[a]\nb = 1\nb = 2\n", 3, "not valid TOML"),
        (b"a = 1\nb = '\xff'\n", 2, "not UTF-8"),
    ],
)
def test_a_file_that_is_no_toml_is_refused_with_its_line(tmp_path: Path, content: bytes, line: int, words: str) -> None:
    file = tmp_path / "broken.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=words) as caught:
        read_toml(file)
    assert caught.value.file == file
    assert caught.value.line == line
    assert caught.value.where == f"{file}:{line}"


def test_a_document_deeper_than_the_stack_is_refused_and_not_crashed_on(tmp_path: Path) -> None:
    file = tmp_path / "deep.toml"
    file.write_text("a = " + "[" * 20_000 + "]" * 20_000)
    with pytest.raises(ConfigurationError, match="nests too deeply"):
        read_toml(file)


@pytest.mark.parametrize("depth", [50, 200, 300])
def test_a_deep_document_that_the_parser_accepts_still_has_lines(tmp_path: Path, depth: int) -> None:
    file = tmp_path / "deep.toml"
    file.write_text("first = 1\na = " + "[" * depth + "]" * depth + "\n")
    assert read_toml(file).line(("a", 0, 0)) == 2


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(ConfigurationError, match="too large"):
        read_toml(Path("/dev/zero"))


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read the file"):
        read_toml(tmp_path)


def test_strings_and_keys_pass_the_sanitizer_and_keep_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "hostile.toml"
    file.write_text('ok = 1\n"a\\u001b]0;x\\u0007b" = "c\\u001b[2Jd"\n')
    read = read_toml(file)
    assert read.data["a\ufffdb"] == "c\ufffdd"
    assert read.line(("a\ufffdb",)) == 2


def test_only_a_near_miss_is_suggested() -> None:
    assert closest("datadgo", ("datadog", "databases")) == "datadog"
    assert closest("quantum", ("datadog", "databases")) == ""
