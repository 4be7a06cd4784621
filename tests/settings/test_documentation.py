"""The configuration document says what the models say."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from diagnostics.catalogue.groups import BUILT_IN
from diagnostics.catalogue.loader import FILES
from diagnostics.catalogue.queries import SLOTS
from diagnostics.catalogue.texts import PLACEHOLDERS
from diagnostics.config import secrets
from diagnostics.config.layers import load_settings
from diagnostics.config.settings import CLIENT_URL_SLOTS, SECRETS, Settings, setting_names

DOCUMENT = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    match = re.search(rf"^##+ {re.escape(title)}\n(.*?)(?=^##+ |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert match is not None
    return match.group(1)


def rows(title: str) -> list[list[str]]:
    lines = [line for line in section(title).split("\n") if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_every_setting_is_documented_in_order_and_no_other() -> None:
    assert [row[0].strip("`") for row in rows("Settings")] == list(setting_names())


def test_documented_defaults_are_the_defaults() -> None:
    settings = Settings(state_dir=Path())
    for name, default, _ in rows("Settings"):
        value: object = settings
        for part in name.strip("`").split("."):
            value = getattr(value, part)
        if name != "`state_dir`":
            assert default == ("not set" if value is None else f"`{json.dumps(value, default=str)}`")


def test_every_spelling_of_every_secret_is_documented() -> None:
    names = [re.findall(r"`(\w+)`", row[0]) for row in rows("Secrets")]
    plain = list(dict.fromkeys(secret.partition(".")[2] for secret in SECRETS))
    assert names == [plain, [f"{name}_file" for name in plain], [f"{name}_command" for name in plain]]
    text = section("Secrets")
    assert f"at most {secrets.MAX_SECRET_BYTES:,} bytes" in text
    assert f"at most {secrets.COMMAND_TIMEOUT_S:.0f} seconds" in text
    assert f"repeated for {secrets.FAILURE_KEPT_S:.0f} seconds" in text


def test_the_example_settings_are_accepted(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(environment.*?)```", DOCUMENT, re.DOTALL)
    assert example is not None
    file = tmp_path / "config.toml"
    file.write_text(example.group(1))
    assert str(load_settings(file, None, {}).settings.databases.tls) == "verify-identity"


def test_the_example_catalogue_is_accepted(tmp_path: Path) -> None:
    from diagnostics.catalogue import load_catalogue  # noqa: PLC0415  # only this test loads it

    blocks = re.findall(r"# (\w+)\.toml\n(.*?)(?=\n# |```)", section("The team's catalogue"), re.DOTALL)
    assert len(blocks) == 3
    for name, text in blocks:
        (tmp_path / f"{name}.toml").write_text(text)
    catalogue = load_catalogue(tmp_path)
    assert catalogue.thresholds["webhook_backlog"].critical == 25_000
    assert catalogue.schema_map.tables["deal_agents"].columns["user_id"] == "agent_id"


def test_every_catalogue_file_is_documented() -> None:
    documented = [row[0].strip("`") for row in rows("The team's catalogue")]
    assert sorted(documented) == sorted([*(f"{name}.toml" for name in FILES), "guides/*.md", "templates/*.md"])
    assert {path.stem for path in BUILT_IN.glob("*.toml")} == set(FILES)


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_every_placeholder_is_documented(name: str) -> None:
    item = re.search(rf"- {name.replace('_', ' ')}: (.*?)(?=\n- |\Z)", section("Templates"), re.DOTALL)
    assert item is not None
    assert re.findall(r"\{(\w+)\}", item.group(1)) == list(PLACEHOLDERS[name])


def test_every_slot_is_documented() -> None:
    assert tuple(re.findall(r"\{(\w+)\}", section("Queries"))) == SLOTS
    url = next(row for row in rows("Settings") if row[0] == "`databases.client_url`")
    assert tuple(re.findall(r"\{(\w+)\}", url[2])) == CLIENT_URL_SLOTS


def test_the_shipped_files_are_plain_toml_without_identity_keys() -> None:
    for path in BUILT_IN.glob("*.toml"):
        for entry in tomllib.loads(path.read_text(encoding="utf-8")).values():
            assert not {"id", "logical"} & set(entry)
