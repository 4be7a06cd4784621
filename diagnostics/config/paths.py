"""Settings before their types are loaded: where the file lies, how variables and themes are called.

Light, so that the console can look up how it should look before anything heavy is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from diagnostics.core.failures import UserError

APPLICATION = "zillow-war-room"
PREFIX = "WARROOM_"
"""Of every variable that is a setting."""

CONFIG_VARIABLE = "WARROOM_CONFIG"
"""Path of the settings file, where no `--config` is given."""

THEMES = ("dark", "light", "contrast", "contrast-light", "safe", "safe-light", "16", "16-light")
"""Values of `ui.theme`; the two numbers stand for the terminal's own sixteen colours."""


_OF_DATADOG = frozenset({"DD_API_KEY", "DD_APP_KEY", "DATADOG_API_KEY", "DATADOG_APP_KEY"})


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a program that the console starts: without its own settings, some of which are secrets."""
    return {name: value for name, value in environ.items() if not name.startswith(PREFIX) and name not in _OF_DATADOG}


def config_folder(environ: Mapping[str, str]) -> Path | None:
    """The user's configuration folder for this application, by XDG or by the platform's own custom.

    None for a user without a home: no HOME, and no entry among the system's users.
    """
    return _user_folder(environ, "XDG_CONFIG_HOME", "user_config_path")


def state_folder(environ: Mapping[str, str]) -> Path | None:
    """The user's state folder for this application, found in the same way."""
    return _user_folder(environ, "XDG_STATE_HOME", "user_state_path")


def config_path(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The settings file: what `--config` says, else the variable, else the usual place if there is one.

    Raises UserError for a path under a home that is not known.
    """
    if config is not None:
        return expanded(config, "--config")
    if named := environ.get(CONFIG_VARIABLE):
        return expanded(Path(named), CONFIG_VARIABLE)
    folder = config_folder(environ)
    usual = folder / "config.toml" if folder is not None else None
    return usual if usual is not None and usual.exists() else None


def expanded(path: Path, where: str) -> Path:
    """The path with its `~`, or `~name`, replaced. Raises UserError where that home is not known."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise UserError(
            f"the home folder in {str(path)[:200]!r} is not known",
            where=where,
            accepted="an absolute path; `~` where HOME is set, or the system knows the user",
            next_step="write the path in full, or set HOME",
        ) from None


def _user_folder(environ: Mapping[str, str], variable: str, custom: str) -> Path | None:
    given = environ.get(variable, "")
    if given.startswith("/"):
        return Path(given) / APPLICATION
    import platformdirs  # noqa: PLC0415  # 16 ms, spared where XDG says it all

    try:
        folder: Path = getattr(platformdirs, custom)(APPLICATION, appauthor=False)
    except RuntimeError:
        return None
    # Without a home older versions give back the tilde: as a relative path, a folder of that name in the current one.
    return folder if folder.is_absolute() else None
