"""Opens what the console and the commands work with: stand-ins when asked for, settings, catalogue, the service.

Closed in the opposite order. Imported after the first paint: this is where the heavy modules come in.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from diagnostics.catalogue import Catalogue, load_catalogue
from diagnostics.config.layers import LoadedSettings, load_settings
from diagnostics.config.ownership import secure
from diagnostics.service import Diagnostics
from diagnostics.store.store import FILE_NAME
from tui.log_file import start_log_file
from tui.options import Options

if TYPE_CHECKING:
    from sandbox.kept import KeptSandbox
    from sandbox.launch import SandboxProcess


logger = logging.getLogger(__name__)

LONGEST_S = 1.5
"""What is first on screen or on paper may wait so long for the services' time."""


@dataclass(slots=True)
class Opened:
    """The open service with its settings. A context manager; closing twice is harmless."""

    diagnostics: Diagnostics
    loaded: LoadedSettings
    environment: str
    """As the header shows it."""
    writes: bool = False
    """Whether it has a writer, with which repairs can be written to the databases."""
    sandbox: KeptSandbox | SandboxProcess | None = None
    log_file: Path | None = None
    """Where unexpected errors are written; None when no file could be opened."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closed: bool = False

    def close(self) -> None:
        """End what is under way, close the sources, stop the stand-ins."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        try:
            self.diagnostics.close()
        finally:
            if self.sandbox is not None:
                self.sandbox.stop()

    def __enter__(self) -> Opened:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(slots=True)
class Prepared:
    """Settings and catalogue, with the stand-ins they may point at; no source is open yet."""

    loaded: LoadedSettings
    catalogue: Catalogue
    sandbox: KeptSandbox | SandboxProcess | None

    def stop(self) -> None:
        if self.sandbox is not None:
            self.sandbox.stop()


def prepare(options: Options) -> Prepared:
    """Start the stand-ins when asked for, and read settings and catalogue. Raises UserError, SourceFailure."""
    if options.sandbox is None:
        loaded = load_settings(options.config, _flags(options))
        return Prepared(loaded, load_catalogue(loaded.settings.catalogue), None)
    from sandbox.kept import hold_sandbox, is_kept  # noqa: PLC0415  # only when asked for
    from sandbox.launch import start_sandbox  # noqa: PLC0415  # as above

    # The variable keeps a password off the command line, which everybody on the machine can read.
    database = options.sandbox_database or os.environ.get("WARROOM_SANDBOX_DATABASE_URL")
    sandbox: KeptSandbox | SandboxProcess
    if is_kept() and not options.fault and not database:
        sandbox = hold_sandbox(options.sandbox)
    else:
        # Faults are for who asked for them, and a server's schemas go with the process that made them.
        sandbox = start_sandbox(options.sandbox, database_url=database, fault=options.fault)
    try:
        loaded = load_settings(options.config, {**practice_flags(sandbox.flags(), os.environ), **_flags(options)})
        return Prepared(loaded, load_catalogue(loaded.settings.catalogue), sandbox)
    except BaseException:
        sandbox.stop()
        raise


def practice_flags(flags: Mapping[str, object], environ: Mapping[str, str]) -> dict[str, object]:
    """The sandbox's settings, its own journal among them: a drill is never written into the one of a team's file.

    A journal elsewhere is asked for with `WARROOM_STATE__URL`, which somebody sets for this one command.
    """
    if environ.get("WARROOM_STATE__URL"):
        return dict(flags)
    return {**flags, "state.url": f"sqlite:///{Path(str(flags['state_dir'])).absolute() / FILE_NAME}"}


def open_service(options: Options, *, examines: bool = False) -> Opened:
    """Open everything, asking for nothing but the time. Raises UserError, SourceFailure; nothing runs on then.

    The console's files are closed to others first, and what others could have written is refused; not where somebody
    `examines`, who has it told line by line.
    """
    prepared = prepare(options)
    try:
        settings = prepared.loaded.settings
        closed = () if examines else secure(settings)
        log_file = start_log_file(settings.state_dir)
        for told in closed:
            logger.warning("%s", told)
        diagnostics = Diagnostics.open(settings, prepared.catalogue, prepared.loaded.remarks)
        diagnostics.learn_time(LONGEST_S)
    except BaseException:
        prepared.stop()
        raise
    return Opened(
        diagnostics=diagnostics,
        loaded=prepared.loaded,
        environment=settings.environment,
        writes=(settings.writes.repairs or settings.writes.recovery) and settings.databases.writer is not None,
        sandbox=prepared.sandbox,
        log_file=log_file,
    )


def _flags(options: Options) -> dict[str, object]:
    """The flags that are settings, by their dotted names; one that was not given is None."""
    return {
        "catalogue": options.catalogue,
        "ui.theme": options.theme,
        "ui.ascii": options.ascii or None,
        "ui.mouse": options.mouse or None,
    }
