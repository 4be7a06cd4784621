"""`warroom accounts affected`: the same list in three forms, and a file that replaces none."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command

AFFECTED = ("accounts", "affected", "--issue", "rate_limiting")


def test_the_accounts_of_17_november_are_61_in_every_form(on_nov17: Command) -> None:
    said = on_nov17(*AFFECTED, "--format", "json")
    answer = json.loads(said.out)
    assert said.code == 2
    (issue,) = answer["issues"]
    assert (issue["total"], issue["at_least"], issue["window_s"]) == (61, False, 900)
    impacts = [one["impact"] for one in answer["accounts"]]
    assert impacts == sorted(impacts, reverse=True)
    riverside = next(one for one in answer["accounts"] if one["account_id"] == 37639)
    assert (riverside["name"], riverside["users"]) == ("Riverside Realty", 4_000)
    assert riverside["share"] is None
    rows = list(csv.DictReader(io.StringIO(on_nov17(*AFFECTED, "--format", "csv").out)))
    assert {int(row["account_id"]) for row in rows} == {one["account_id"] for one in answer["accounts"]}
    text = on_nov17(*AFFECTED).out
    assert text.startswith("rate_limiting: 61 accounts, named by logs of the last 15 min; by impact (incident)")


def test_a_file_that_is_there_is_left_alone(on_nov17: Command, tmp_path: Path) -> None:
    target = tmp_path / "accounts.csv"
    target.write_text("mine")
    said = on_nov17(*AFFECTED, "--format", "csv", "--output", str(target))
    assert (said.code, target.read_text()) == (64, "mine")
    assert "is there already" in said.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--window", "5"), "60 to 86,400 whole seconds"),
        (("--format", "xml"), "csv"),
    ],
)
def test_what_is_not_understood_is_bad_usage(command: Command, arguments: tuple[str, ...], said: str) -> None:
    answer = command(*AFFECTED, *arguments)
    assert answer.code == 64
    assert said in answer.err
