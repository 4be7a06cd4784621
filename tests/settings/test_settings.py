"""Settings: their layers, their origins, their mistakes, and that no secret shows."""

from __future__ import annotations

import pickle
import shlex
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from diagnostics.config.layers import LoadedSettings, load_settings
from diagnostics.config.secrets import LazySecret
from diagnostics.config.settings import Settings
from diagnostics.config.tls import Tls
from diagnostics.core.failures import UserError

CANARY = "canary-7f3a9e"

Load = Callable[..., LoadedSettings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a configuration text with a bare environment."""

    def loaded(
        text: str | None = None, flags: Mapping[str, object] | None = None, mode: int = 0o600, **environ: str
    ) -> LoadedSettings:
        config = None
        if text is not None:
            config = tmp_path / "config.toml"
            config.write_text(text)
            config.chmod(mode)
        base = {"XDG_CONFIG_HOME": str(tmp_path / "xdg"), "XDG_STATE_HOME": str(tmp_path / "state")}
        return load_settings(config, flags, {**base, **environ})

    return loaded


def said(error: BaseException) -> str:
    lines = error.lines() if isinstance(error, UserError) else []
    return "\n".join([*traceback.format_exception(error), repr(error), *lines])


def test_without_any_layer_everything_is_the_default(load: Load, tmp_path: Path) -> None:
    loaded = load()
    assert loaded.settings.environment == "PROD"
    assert loaded.settings.datadog.api_url == "https://api.datadoghq.com"
    assert loaded.settings.datadog.api_key is None
    assert loaded.settings.state_dir == tmp_path / "state" / "zillow-war-room"
    assert loaded.settings.config_path is None
    assert loaded.settings.catalogue is None
    assert set(loaded.origins.values()) == {"default"}


def test_flags_stand_over_the_environment_over_the_file_over_the_default(load: Load, tmp_path: Path) -> None:
    text = "[refresh]\nlogs_s = 1\npulse_s = 1\nchecks_s = 1\n"
    loaded = load(
        text,
        {"refresh.logs_s": 3, "ui.theme": None},
        WARROOM_REFRESH__LOGS_S="2",
        WARROOM_REFRESH__PULSE_S="2",
        WARROOM_UI__THEME="dark",
    )
    refresh = loaded.settings.refresh
    assert (refresh.logs_s, refresh.pulse_s, refresh.checks_s, refresh.baseline_s) == (3.0, 2.0, 1.0, 600.0)
    assert loaded.settings.ui.theme == "dark"
    assert loaded.origins["refresh.logs_s"] == "flag --refresh.logs-s"
    assert loaded.origins["refresh.pulse_s"] == "environment WARROOM_REFRESH__PULSE_S"
    assert loaded.origins["refresh.checks_s"] == f"file {tmp_path / 'config.toml'}:4"
    assert loaded.origins["refresh.baseline_s"] == "default"


def test_the_file_in_the_xdg_folder_is_read_when_none_is_named(load: Load, tmp_path: Path) -> None:
    folder = tmp_path / "xdg" / "zillow-war-room"
    (folder / "catalogue").mkdir(parents=True)
    (folder / "config.toml").write_text('environment = "STAGING"\n')
    loaded = load()
    assert loaded.settings.environment == "STAGING"
    assert loaded.settings.config_path == folder / "config.toml"
    assert loaded.settings.catalogue == folder / "catalogue"


def test_the_environment_can_name_the_file(load: Load, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('environment = "DEV"\n')
    assert load(WARROOM_CONFIG=str(other)).settings.environment == "DEV"
    assert load('environment = "FILE"', WARROOM_CONFIG=str(other)).settings.environment == "FILE"


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read the file") as caught:
        load_settings(tmp_path / "absent.toml", None, {})
    assert str(tmp_path / "absent.toml") in caught.value.where


def test_relative_paths_in_the_file_are_relative_to_the_file(load: Load, tmp_path: Path) -> None:
    loaded = load('catalogue = "team"\n[datadog]\napi_key_file = "key"\n[databases]\ntls = "authority.pem"\n')
    assert loaded.settings.catalogue == tmp_path / "team"
    assert loaded.settings.databases.tls == Tls.of(tmp_path / "authority.pem")
    (tmp_path / "key").write_text(CANARY)
    assert loaded.settings.datadog.api_key is not None
    assert loaded.settings.datadog.api_key.get_secret_value() == CANARY


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("true", "verify-identity"),
        ("1", "verify-identity"),
        ("false", "off"),
        ("OFF", "off"),
        ("required", "required"),
        ("VERIFY_CA", "verify-ca"),
        ("/ca.pem", "verify-identity:/ca.pem"),
        ("verify-ca:/ca.pem", "verify-ca:/ca.pem"),
    ],
)
def test_tls_is_a_switch_a_mode_or_the_path_of_an_authority(load: Load, given: str, shown: str) -> None:
    loaded = load(WARROOM_DATABASES__TLS=given, WARROOM_STATE__TLS=given, WARROOM_DATABASES__COMMON_TLS=given)
    assert [str(loaded.settings.databases.tls), str(loaded.settings.state.tls)] == [shown, shown]
    assert str(loaded.settings.databases.common_tls) == shown
    assert loaded.settings.databases.client_tls is None
    assert any(line.startswith("state.tls") and f'"{shown}"' in line for line in loaded.lines())


@pytest.mark.parametrize("given", ["yes", "verify", "required:/ca.pem", "verify-ca:", "off:/ca.pem", "prefered"])
def test_tls_that_means_nothing_is_refused_with_what_is_accepted(load: Load, given: str) -> None:
    with pytest.raises(UserError, match=r"redis\.tls is not accepted") as caught:
        load(WARROOM_REDIS__TLS=given)
    assert "verify-ca:/path/ca.pem" in caught.value.accepted


def test_an_authority_in_the_file_is_relative_to_the_file(load: Load, tmp_path: Path) -> None:
    loaded = load('[state]\ntls = "verify-ca:authority.pem"\n[databases]\ntls = true\nclient_tls = "other.pem"\n')
    assert str(loaded.settings.state.tls) == f"verify-ca:{tmp_path / 'authority.pem'}"
    assert str(loaded.settings.databases.client_tls) == f"verify-identity:{tmp_path / 'other.pem'}"


@pytest.mark.parametrize(
    ("site", "api", "web"),
    [
        ("datadoghq.com", "https://api.datadoghq.com", "https://fub.datadoghq.com"),
        ("datadoghq.eu", "https://api.datadoghq.eu", "https://app.datadoghq.eu"),
        ("us3.datadoghq.com", "https://api.us3.datadoghq.com", "https://us3.datadoghq.com"),
        ("US5.datadoghq.com", "https://api.us5.datadoghq.com", "https://us5.datadoghq.com"),
        ("ap1.datadoghq.com", "https://api.ap1.datadoghq.com", "https://ap1.datadoghq.com"),
        ("ddog-gov.com", "https://api.ddog-gov.com", "https://app.ddog-gov.com"),
    ],
)
def test_the_site_of_the_agent_is_the_site_and_links_follow_it(load: Load, site: str, api: str, web: str) -> None:
    loaded = load(DD_SITE=site)
    assert (loaded.settings.datadog.api_url, loaded.settings.datadog.web_url) == (api, web)
    assert loaded.origins["datadog.api_url"] == "environment DD_SITE"
    assert load(WARROOM_DATADOG__API_URL=api).settings.datadog.web_url == web
    own = load('[datadog]\nweb_url = "https://ours.datadoghq.eu"\n', DD_SITE=site)
    assert own.settings.datadog.web_url == "https://ours.datadoghq.eu"
    other = load(DD_SITE=site, WARROOM_DATADOG__API_URL="http://127.0.0.1:9")
    assert other.settings.datadog.api_url == "http://127.0.0.1:9", "the console's own variable stands above"


@pytest.mark.parametrize(
    ("given", "accepted"),
    [
        ("https://app.datadoghq.com", "https://api.datadoghq.com:"),
        ("https://fub.datadoghq.com/", "https://api.datadoghq.com:"),
        ("https://app.datadoghq.eu", "https://api.datadoghq.eu:"),
        ("https://us5.datadoghq.com", "https://api.us5.datadoghq.com:"),
        ("https://app.ddog-gov.com", "https://api.ddog-gov.com:"),
        ("https://datadoghq.com", "https://api.datadoghq.com:"),
    ],
)
def test_the_address_for_people_is_no_address_for_programs(load: Load, given: str, accepted: str) -> None:
    with pytest.raises(UserError, match=r"datadog\.api_url is not accepted") as caught:
        load(f'[datadog]\napi_url = "{given}"\n')
    assert caught.value.accepted.startswith(accepted)


@pytest.mark.parametrize(("site", "accepted"), [("app.datadoghq.com", "datadoghq.com"), ("us5", "us5.datadoghq.com")])
def test_a_site_that_is_none_is_refused_with_those_there_are(load: Load, site: str, accepted: str) -> None:
    with pytest.raises(UserError, match="DD_SITE is not a Datadog site") as caught:
        load(DD_SITE=site)
    assert accepted in caught.value.accepted


def test_an_authority_that_cannot_be_read_is_warned_about(load: Load, tmp_path: Path) -> None:
    absent = tmp_path / "absent.pem"
    loaded = load(WARROOM_STATE__TLS=f"verify-ca:{absent}", WARROOM_NETWORK__CA=str(absent))
    assert [warning.partition(" names")[0] for warning in loaded.warnings] == ["state.tls", "network.ca"]
    assert all(str(absent) in warning for warning in loaded.warnings)


def test_an_empty_variable_counts_as_not_given(load: Load) -> None:
    assert load(WARROOM_ENVIRONMENT="").origins["environment"] == "default"


def test_variables_of_the_stand_ins_are_no_settings(load: Load) -> None:
    assert load(WARROOM_SANDBOX_API_KEY="x").settings.datadog.api_key is None


def test_the_keymap_comes_from_every_layer(load: Load) -> None:
    loaded = load('[ui.keymap]\nquit = "Q"\nhelp = "f1"\n', WARROOM_UI__KEYMAP__QUIT="ctrl+q")
    assert loaded.settings.ui.keymap == {"quit": "ctrl+q", "help": "f1"}
    assert loaded.origins["ui.keymap.quit"] == "environment WARROOM_UI__KEYMAP__QUIT"
    assert loaded.origins["ui.keymap.help"].endswith("config.toml:3")


def test_the_datadog_variables_are_honoured_below_the_projects_own(load: Load) -> None:
    loaded = load('[datadog]\napi_key = "file"\napp_key = "file"\n', DD_API_KEY="dd", DD_APP_KEY="dd")
    assert loaded.settings.datadog.api_key is not None
    assert loaded.settings.datadog.api_key.get_secret_value() == "dd"
    assert loaded.origins["datadog.app_key"] == "environment DD_APP_KEY"
    loaded = load(DD_API_KEY="dd", WARROOM_DATADOG__API_KEY="own")
    assert loaded.settings.datadog.api_key is not None
    assert loaded.settings.datadog.api_key.get_secret_value() == "own"


# ---- secrets


def test_a_higher_layer_replaces_a_secret_in_whatever_way_it_gives_it(load: Load, tmp_path: Path) -> None:
    text = '[databases]\npassword_command = "false"\n'
    loaded = load(text, {"databases.password": "flag"})
    assert loaded.settings.databases.password is not None
    assert loaded.settings.databases.password.get_secret_value() == "flag"
    loaded = load('[databases]\npassword = "literal"\n', WARROOM_DATABASES__PASSWORD_FILE=str(tmp_path / "none"))
    assert isinstance(loaded.settings.databases.password, LazySecret)
    assert loaded.origins["databases.password"] == "environment WARROOM_DATABASES__PASSWORD_FILE"


def test_one_layer_gives_a_secret_in_one_way_only(load: Load) -> None:
    with pytest.raises(UserError, match="are both given") as caught:
        load(f'[datadog]\napi_key = "{CANARY}"\napi_key_command = "echo {CANARY}"\n')
    assert CANARY not in said(caught.value)


def test_a_command_is_run_at_first_use_and_never_for_config_show(load: Load, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    program = f"open({str(ran)!r}, 'w'); print('{CANARY}')"
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(program)}"
    loaded = load(f"[datadog]\napi_key_command = '''{command}'''\n")
    shown = "\n".join(loaded.lines())
    assert "from command, not run" in shown
    assert CANARY not in shown
    assert not ran.exists()
    assert loaded.settings.datadog.api_key is not None
    assert loaded.settings.datadog.api_key.get_secret_value() == CANARY
    assert CANARY not in "\n".join(loaded.lines())


def test_a_canary_secret_is_in_no_line_no_repr_and_no_text(load: Load, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(CANARY)
    loaded = load(
        f'[databases]\npassword = "{CANARY}"\n'
        f'common_url = "mysql+pymysql://war:{CANARY}@db/common"\n'
        f'client_url = "mysql+pymysql://{{db_user}}:{CANARY}@{{db_host}}/{{db_database}}"\n'
        f'[datadog]\napp_key_file = "{tmp_path / "key"}"\n',
        WARROOM_DATADOG__API_KEY=CANARY,
    )
    assert loaded.settings.datadog.app_key is not None
    assert loaded.settings.datadog.app_key.get_secret_value() == CANARY
    texts = [*loaded.lines(), repr(loaded), str(loaded), repr(loaded.settings), str(loaded.settings)]
    texts += [repr(loaded.settings.databases), str(loaded.settings.datadog), f"{loaded.settings.databases!r}"]
    texts += [repr(loaded.origins), repr(loaded.warnings)]
    assert [text for text in texts if CANARY in text] == []
    shown = "\n".join(loaded.lines())
    assert '"mysql+pymysql://war:***@db/common"' in shown
    assert '"mysql+pymysql://{db_user}:***@{db_host}/{db_database}"' in shown
    assert f"from file {tmp_path / 'key'}" in shown
    assert "set (masked)" in shown


@pytest.mark.parametrize(
    "text",
    [
        f'[datadog]\napi_key = ["{CANARY}"]\n',
        f'[datadog]\napi_key = "{CANARY}\\u0007"\n',
        f'[datadog]\napi_key = "{CANARY}\\nx"\n',
        f'[datadog]\napi_key_command = "\'{CANARY}"\n',
        f'[databases]\ncommon_url = "postgresql://war:{CANARY}@db/common"\n',
        f'[databases]\ncommon_url = "war:{CANARY}@db/common"\n',
        f'[databases]\nclient_url = "mysql+pymysql://war:{CANARY}@db/{{database}}"\n',
        f'[datadog]\napi_url = "https://user:{CANARY}@proxy"\n',
        f'[datadog]\napi_url = "user:{CANARY}@proxy"\n',
        f'[datadog]\napi_url = "https://host/?api_key={CANARY}"\n',
        f'[datadog]\napi_key = "{CANARY}"\nread_timeout_s = "many"\n',
        f'[datadog]\napi_key = "{CANARY}\n',
        f'[databases]\npassword = "{CANARY}"\npasword = 1\n',
    ],
)
def test_a_canary_secret_is_in_no_error(load: Load, text: str) -> None:
    with pytest.raises(UserError) as caught:
        load(text)
    assert CANARY not in said(caught.value)
    assert caught.value.where != ""


def test_a_secret_in_a_file_that_everybody_can_read_is_warned_about(load: Load, tmp_path: Path) -> None:
    text = f'[databases]\ncommon_url = "mysql+pymysql://war:{CANARY}@db/common"\n[datadog]\napi_key = "{CANARY}"\n'
    warnings = load(text, mode=0o644).warnings
    assert len(warnings) == 2
    assert "holds databases.common_url" in warnings[0]
    assert f"chmod 600 {tmp_path / 'config.toml'}" in warnings[1]
    assert load(text, mode=0o600).warnings == ()
    assert load('[datadog]\napi_key_command = "true"\n', mode=0o644).warnings == ()
    assert any(line.startswith("warning: ") for line in load(text, mode=0o644).lines())


def test_a_secret_file_that_everybody_can_read_is_warned_about(load: Load, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(CANARY)
    key.chmod(0o644)
    assert "holds datadog.api_key" in load(WARROOM_DATADOG__API_KEY_FILE=str(key)).warnings[0]


def test_keys_in_clear_over_a_network_are_warned_about_and_on_loopback_are_not(load: Load) -> None:
    assert "in clear" in load(WARROOM_DATADOG__API_URL="http://proxy.example:8080").warnings[0]
    assert load(WARROOM_DATADOG__API_URL="http://127.0.0.1:8080").warnings == ()


# ---- mistakes


@pytest.mark.parametrize(
    ("text", "line", "problem", "accepted"),
    [
        (
            "[datadgo]\napi_url = 'x'\n",
            2,
            "unknown setting 'datadgo.api_url'; did you mean datadog.api_url?",
            "datadog",
        ),
        ("\n[datadog]\napi_ulr = 'x'\n", 3, "did you mean datadog.api_url?", "datadog.api_url"),
        ("[refresh]\nlogs_s = 0\n", 2, "refresh.logs_s is not accepted: '0'", "greater than 0"),
        ("[refresh]\nlogs_s = nan\n", 2, "refresh.logs_s is not accepted: 'nan'", "greater than 0"),
        ("[refresh]\nlogs_s = true\n", 2, "refresh.logs_s is not accepted: 'True'", "a number"),
        ("[refresh]\nwindow_s = 5\n", 2, "refresh.window_s is not accepted: '5'", "greater than or equal to 60"),
        (
            "[databases]\n\nclient_pool = 5000\n",
            3,
            "databases.client_pool is not accepted: '5000'",
            "less than or equal to 256",
        ),
        (
            "[ui]\ntheme = 'nonsense'\n",
            2,
            "ui.theme is not accepted: 'nonsense'",
            "dark, light, contrast, contrast-light, safe, safe-light, 16, 16-light",
        ),
        ("[datadog]\napi_url = 'ftp://x'\n", 2, "datadog.api_url is not accepted: 'ftp://x'", "https://"),
        (
            "[databases]\ncommon_url = 'postgresql://x/y'\n",
            2,
            "databases.common_url is not accepted",
            "mysql+pymysql://",
        ),
        ("[databases]\nclient_url = 'sqlite:///{db}'\n", 2, "databases.client_url is not accepted", "{db_host}"),
        ("datadog = 1\n", 1, "datadog is a section, not a value", "a table [datadog]"),
        ("[datadog.api_url]\nx = 1\n", 2, "unknown setting 'datadog.api_url.x'", "datadog.api_url"),
        ("config_path = 'x'\n", 1, "unknown setting 'config_path'", "environment"),
        ("environment = ''\n", 1, "environment is not accepted", "at least 1 character"),
        ("[ui.keymap]\nquit = 3\n", 2, "ui.keymap.quit is not accepted: '3'", "valid string"),
        ("[ui.keymap]\nquit = { a = 1 }\n", 2, "ui.keymap.quit is not accepted", "valid string"),
    ],
)
def test_a_mistake_in_the_file_names_its_line_the_value_and_what_is_accepted(
    load: Load, text: str, line: int, problem: str, accepted: str
) -> None:
    with pytest.raises(UserError) as caught:
        load(text)
    assert problem in caught.value.problem
    assert caught.value.where.endswith(f"/config.toml:{line}")
    assert accepted in caught.value.accepted


@pytest.mark.parametrize("value", ["x", "-1", "inf", "1e9"])
def test_a_mistake_in_the_environment_names_the_variable(load: Load, value: str) -> None:
    with pytest.raises(UserError) as caught:
        load(WARROOM_DATADOG__READ_TIMEOUT_S=value)
    assert caught.value.where == "environment WARROOM_DATADOG__READ_TIMEOUT_S"
    assert value in caught.value.problem


def test_an_unknown_variable_with_the_prefix_is_an_error_with_a_suggestion(load: Load) -> None:
    with pytest.raises(UserError, match=r"did you mean datadog\.api_url") as caught:
        load(WARROOM_DATADOG__API_ULR=CANARY)
    assert "WARROOM_DATADOG__API_ULR" in caught.value.problem
    assert CANARY not in said(caught.value)


def test_an_unknown_flag_is_an_error(load: Load) -> None:
    with pytest.raises(UserError, match="unknown setting"):
        load(None, {"ui.colour": "x"})


def test_hostile_text_in_values_names_and_paths_reaches_no_line_and_no_error(load: Load, tmp_path: Path) -> None:
    hostile = "a\\u001b]52;c;ZXZpbA==\\u0007\\u202eb"
    loaded = load(f'environment = "{hostile}"\n[ui.keymap]\n"{hostile}" = "{hostile}"\n')
    assert "\x1b" not in loaded.settings.environment
    texts = loaded.lines()
    with pytest.raises(UserError) as caught:
        load(f'"{hostile}" = 1\n')
    texts += caught.value.lines()
    with pytest.raises(UserError) as caught:
        load(None, None, WARROOM_DATADOG__PAGE_SIZE="\x1b]52;c;x\x07\u202e")
    texts += [*caught.value.lines(), caught.value.problem, str(caught.value)]
    folder = tmp_path / "\x1b[31mred"
    with pytest.raises(UserError) as caught:
        load_settings(folder / "config.toml", None, {})
    texts += [*caught.value.lines(), caught.value.where]
    assert [text for text in texts if "\x1b" in text or "\u202e" in text or "\x07" in text] == []


def test_lines_are_aligned_and_name_every_setting_once(load: Load) -> None:
    lines = load(WARROOM_STATE_DIR="/state").lines()
    names = [line.partition(" ")[0] for line in lines]
    assert len(names) == len(set(names)) == 83
    assert len({line.index(" = ") for line in lines}) == 1
    assert len({line.index("   # ") for line in lines}) == 1


def test_settings_are_immutable_and_strict(load: Load) -> None:
    settings = load().settings
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, "environment", "x")  # noqa: B010  # the type checker refuses the plain assignment
    with pytest.raises(ValueError, match="extra"):
        Settings.model_validate({"state_dir": Path(), "unknown": 1})


def test_settings_without_lazy_secrets_can_be_copied(load: Load) -> None:
    settings = load(WARROOM_ENVIRONMENT="DEV").settings
    assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301  # our own bytes
    assert settings.model_copy(update={"environment": "X"}).environment == "X"
