"""A drill on the stand-ins stays there, whatever a team's settings file says."""

from __future__ import annotations

from pathlib import Path

from diagnostics.config.layers import load_settings
from tui.opening import practice_flags

TEAM = '[state]\nurl = "mysql+pymysql://warroom@state-db.internal/warroom"\n'


def test_a_drill_is_never_written_into_the_teams_journal(tmp_path: Path) -> None:
    config = tmp_path / "console.toml"
    config.write_text(TEAM)
    config.chmod(0o600)
    flags = {"environment": "SANDBOX nov17", "state_dir": tmp_path / "practice"}
    drill = load_settings(config, practice_flags(flags, {}), environ={}).settings
    assert drill.state.url == f"sqlite:///{tmp_path}/practice/state.db"
    real = load_settings(config, {"state_dir": tmp_path / "real"}, environ={}).settings
    assert real.state.url == "mysql+pymysql://warroom@state-db.internal/warroom"


def test_a_journal_that_was_asked_for_by_its_variable_is_used(tmp_path: Path) -> None:
    asked = {"WARROOM_STATE__URL": f"sqlite:///{tmp_path}/practice.db"}
    flags = {"environment": "SANDBOX nov17", "state_dir": tmp_path / "practice"}
    assert (
        load_settings(None, practice_flags(flags, asked), environ=asked).settings.state.url
        == asked["WARROOM_STATE__URL"]
    )
