"""Settings before their types are loaded: where the file lies, how variables and themes are called.

Light, so that the console can look up how it should look before anything heavy is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

APPLICATION = "zillow-war-room"
PREFIX = "WARROOM_"
"""Of every variable that is a setting."""

CONFIG_VARIABLE = "WARROOM_CONFIG"
"""Path of the settings file, where no `--config` is given."""

THEMES = ("dark", "light", "16", "16-light")
"""Values of `ui.theme`; the two numbers stand for the terminal's own sixteen colours."""


def config_folder(environ: Mapping[str, str]) -> Path:
    """The user's configuration folder for this application, by XDG or by the platform's own custom."""
    return _user_folder(environ, "XDG_CONFIG_HOME", "user_config_path")


def state_folder(environ: Mapping[str, str]) -> Path:
    """The user's state folder for this application, found in the same way."""
    return _user_folder(environ, "XDG_STATE_HOME", "user_state_path")


def config_path(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The settings file: what `--config` says, else the variable, else the usual place if there is one."""
    if config is not None:
        return config.expanduser()
    if named := environ.get(CONFIG_VARIABLE):
        return Path(named).expanduser()
    usual = config_folder(environ) / "config.toml"
    return usual if usual.exists() else None


def _user_folder(environ: Mapping[str, str], variable: str, custom: str) -> Path:
    given = environ.get(variable, "")
    if given.startswith("/"):
        return Path(given) / APPLICATION
    import platformdirs  # noqa: PLC0415  # 16 ms, spared where XDG says it all

    folder: Path = getattr(platformdirs, custom)(APPLICATION, appauthor=False)
    return folder
