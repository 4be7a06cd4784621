"""The settings file as it is to be: its text, how it differs from the one that is there, and how it is put in place."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from diagnostics.config.layers import LoadedSettings, load_settings
from diagnostics.config.paths import CONFIG_VARIABLE, config_folder, expanded
from diagnostics.config.settings import SECRETS
from diagnostics.config.toml import read_toml
from diagnostics.core.failures import UserError
from diagnostics.core.masking import mask_url
from diagnostics.core.named_files import write_new
from diagnostics.core.private import private_folder
from tui.setup.topics import Answers

HIDDEN = "*** not shown ***"
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def target(config: Path | None, environ: Mapping[str, str]) -> Path:
    """Where the file belongs, whether it is there or not. Raises UserError where no place is known."""
    named = environ.get(CONFIG_VARIABLE)
    if config is not None or named:
        return expanded(config or Path(named or ""), "--config" if config else CONFIG_VARIABLE).resolve()
    folder = config_folder(environ)
    if folder is None:
        raise UserError(
            "there is no place for a settings file: HOME is not set",
            accepted="--config FILE, WARROOM_CONFIG, XDG_CONFIG_HOME or HOME",
            next_step="warroom setup --config /a/path/config.toml",
        )
    return (folder / "config.toml").resolve()


def answers_of(path: Path) -> Answers:
    """What the file says already, by dotted names. Raises UserError where it cannot be read."""
    file = read_toml(path)
    found: Answers = {}

    def take(table: Mapping[str, object], above: tuple[str, ...]) -> None:
        for key, value in table.items():
            if isinstance(value, Mapping):
                take(value, (*above, key))
            else:
                found[".".join((*above, key))] = file.uncleaned((*above, key)) if isinstance(value, str) else value

    take(file.data, ())
    return found


def text_of(answers: Mapping[str, object], *, shown: bool = False) -> str:
    """The file as TOML; `shown` is for a screen, with secrets hidden."""
    tables: dict[str, list[str]] = {"": []}
    for name, value in answers.items():
        section, key = ("", name) if "." not in name else _place(name)
        written = _value(value)
        if shown:
            written = json.dumps(HIDDEN) if name in SECRETS else mask_url(written)
        tables.setdefault(section, []).append(f"{_key(key)} = {written}")
    parts = [(f"[{section}]\n" if section else "") + "\n".join(lines) for section, lines in tables.items() if lines]
    return "\n\n".join(["# Written by `warroom setup`; docs/configuration.md explains every setting.", *parts]) + "\n"


def _place(name: str) -> tuple[str, str]:
    if name.startswith("ui.keymap."):
        return "ui.keymap", name.removeprefix("ui.keymap.")
    section, _, key = name.partition(".")
    return section, key


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    # A basic string of TOML takes every escape that JSON writes, and wants DEL escaped too.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def differences(path: Path, answers: Mapping[str, object]) -> list[str]:
    """Lines that go (-) and come (+), secrets hidden; a comment goes too. Empty where nothing would change."""
    before = answers_of(path)
    if before == dict(answers):
        return []
    hidden = {name for name in SECRETS if before.get(name) != answers.get(name)}
    lines = difflib.unified_diff(
        text_of(before, shown=True).splitlines(), text_of(answers, shown=True).splitlines(), "now", "then", lineterm=""
    )
    return [*lines, *(f"changed, not shown: {name}" for name in sorted(hidden))]


def put_in_place(path: Path, answers: Mapping[str, object], moment: datetime) -> tuple[LoadedSettings, Path | None]:
    """Write the file, 0600, in a folder 0700, once it was read back as settings. Returns them, and the backup's path.

    The file before it is kept under another name. Raises UserError; the file that was there is then untouched.
    """
    text = text_of(answers)
    aside = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        private_folder(path.parent)
        write_new(aside, text)
        load_settings(aside)
        backup = _backup(path, moment)
        # Whoever starts a console meanwhile reads the one or the other, and never half of it.
        aside.replace(path)
    except OSError as error:
        raise UserError(
            f"the file could not be written: {error.strerror}",
            where=str(path),
            accepted="a folder of your own, with room",
            next_step="warroom setup --config FILE, another place",
        ) from None
    finally:
        aside.unlink(missing_ok=True)
    return load_settings(path), backup


def _backup(path: Path, moment: datetime) -> Path | None:
    if not path.exists():
        return None
    backup = path.with_name(f"{path.name}.{moment:%Y%m%d-%H%M%S}.bak")
    write_new(backup, path.read_text(encoding="utf-8"))
    return backup
