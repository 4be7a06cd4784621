"""Tests answers before anything is written: the service is opened on them alone, and its doctor asked."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from diagnostics.catalogue import load_catalogue
from diagnostics.config.layers import LoadedSettings, load_settings
from diagnostics.config.paths import CONFIG_VARIABLE, PREFIX
from diagnostics.models.doctor import DoctorLine
from diagnostics.models.triage import Status
from diagnostics.service import Diagnostics
from tui.setup.topics import Answers, Topic

FAILED = (Status.FAIL, Status.UNREACHABLE)


def tested(topic: Topic, answers: Answers) -> Iterator[DoctorLine]:
    """Lines of the doctor about this subject, as they are found out. Raises UserError, SourceFailure.

    Other sources are left out, so that a test costs no call of theirs; the console's own files of the test go with it.
    """
    sections = {name.partition(".")[0] for name in topic.settings} | {*topic.stands_on, "network"}
    with tempfile.TemporaryDirectory(prefix="warroom-setup-") as folder:
        settings = effective(answers, Path(folder), sections).settings
        with Diagnostics.open(settings, load_catalogue(None)) as diagnostics:
            for line in diagnostics.doctor():
                secrets = line.source == "settings" and line.subject.partition(".")[0] in sections - {"network"}
                if line.source.split(" ")[0] in topic.sources or secrets:
                    yield line


def effective(answers: Answers, folder: Path, sections: Iterable[str]) -> LoadedSettings:
    """The settings as they would be with these answers and the environment, of these sections alone."""
    wanted = set(sections)
    given = {name: value for name, value in answers.items() if name.partition(".")[0] in wanted}
    empty = folder / "none.toml"
    empty.touch(0o600)
    return load_settings(empty, {**given, "state_dir": folder / "state"}, _environment(os.environ, wanted))


def _environment(environ: Mapping[str, str], sections: set[str]) -> dict[str, str]:
    kept = tuple(f"{PREFIX}{section.upper()}__" for section in sections)
    return {
        name: value
        for name, value in environ.items()
        if name != CONFIG_VARIABLE
        and (not name.startswith(PREFIX) or name.startswith(kept))
        and (not name.startswith("DD_") or "datadog" in sections)
    }
