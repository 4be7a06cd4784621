"""The console's own ground: settings, who may read and write its files, its memory and the incidents' journal."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from diagnostics.config.ownership import exposures, places
from diagnostics.config.settings import SECRETS
from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.words import plural
from diagnostics.models.doctor import NOT_ASKED, DoctorLine
from diagnostics.models.triage import Status
from diagnostics.sources.doctor.steps import Step
from diagnostics.sources.proxies import route_of

if TYPE_CHECKING:
    from pydantic import SecretStr

    from diagnostics.config.settings import Settings
    from diagnostics.core.context import Context

SETTINGS, STATE = "settings", "state"
NETWORK = SETTINGS, "network"
"""The step on which every service outside stands."""
_TEAM_SECRET = STATE, "team secret"


def steps(context: Context) -> Iterator[Step]:
    """Steps of the console itself: they ask nobody, and come first."""
    settings = context.settings
    yield Step(SETTINGS, "readable", lambda: _readable(context))
    for name, secret in _given(settings):
        yield Step(SETTINGS, name, partial(_secret, name, secret))
    yield Step(*NETWORK, lambda: (_network(settings),))
    yield Step(SETTINGS, "permissions", lambda: _permissions(settings))
    yield Step(SETTINGS, "log file", lambda: _log_file(settings))
    yield Step(STATE, "kept", lambda: (_kept(context),))
    yield Step(STATE, "journal", lambda: (_journal(context),))
    yield Step(*_TEAM_SECRET, lambda: _team_secret(context), ((SETTINGS, "state.team_secret"),))


def _given(settings: Settings) -> Iterator[tuple[str, SecretStr]]:
    for name in SECRETS:
        section, _, key = name.partition(".")
        secret = getattr(getattr(settings, section), key)
        if secret is not None:
            yield name, secret


def _readable(context: Context) -> Iterator[DoctorLine]:
    path = context.settings.config_path
    told = f"read from {path}" if path else "no file; environment and flags alone"
    yield DoctorLine.of(SETTINGS, "readable", Status.PASS, told)
    for remark in context.remarks:
        yield DoctorLine.of(SETTINGS, "careful", Status.WARN, remark)


def _secret(name: str, secret: SecretStr) -> Iterator[DoctorLine]:
    """A line where it cannot be read: its file, or what its command prints; one that can be read is not worth one."""
    try:
        secret.get_secret_value()
    except UserError as error:
        yield DoctorLine.of(SETTINGS, name, Status.FAIL, error.problem, error.next_step or f"give {error.accepted}")


def _network(settings: Settings) -> DoctorLine:
    """Proxy and authorities of the services that are asked over HTTP; raises UserError."""
    slack = settings.slack.bot_token is not None or settings.slack.webhook_url is not None
    addresses = [settings.datadog.api_url, settings.slack.api_url if slack else "", settings.jira.url or ""]
    hosts = [urlsplit(one).hostname or "" for one in addresses if one]
    return DoctorLine.of(*NETWORK, Status.PASS, route_of(settings.network).examined(hosts))


def _permissions(settings: Settings) -> Iterator[DoctorLine]:
    found = exposures(settings)
    for one in found:
        yield DoctorLine.of(SETTINGS, f"permissions of {one.place.name}", Status.FAIL, one.problem, one.remedy)
    if not found:
        looked = [one.name for one in places(settings) if one.path.exists()]
        told = f"yours alone: {', '.join(looked)}" if looked else "none of the console's files is there yet"
        yield DoctorLine.of(SETTINGS, "permissions", Status.PASS, told)


def _log_file(settings: Settings) -> Iterator[DoctorLine]:
    if not _can_be_written(settings.state_dir):
        yield DoctorLine.of(
            SETTINGS,
            "log file",
            Status.WARN,
            f"{settings.state_dir} cannot be written",
            "set state_dir to a folder of your own; unexpected errors are not recorded meanwhile",
        )


def _can_be_written(folder: Path) -> bool:
    """Whether files can be made there, or the folder itself where it is not there yet."""
    there = next((one for one in (folder, *folder.parents) if one.exists()), Path("/"))
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _kept(context: Context) -> DoctorLine:
    state = context.state
    if state.is_lasting:
        place = "the shared database of state.url" if context.settings.state.url else str(context.settings.state_dir)
        return DoctorLine.of(STATE, "kept", Status.PASS, f"in {place}")
    return DoctorLine.of(
        STATE,
        "kept",
        Status.WARN,
        f"in memory only, until this console ends: {state.problem}",
        "make state_dir writable, or set state.url; counts and recent places start from nothing until then",
    )


def _journal(context: Context) -> DoctorLine:
    """How long it is and who writes; whether every entry is as it was written, `warroom journal verify` tells."""
    journal = context.journal
    begin = time.monotonic()
    if journal.unread is not None:
        line = failed(STATE, "journal", journal.unread)
        return line.model_copy(update={"detail": f"{NOT_ASKED}{STATE} kept. {line.detail}"})
    head = journal.head()
    took_ms = (time.monotonic() - begin) * 1_000
    detail = f"{plural(head.seq, 'entry', 'entries')}; you write as {journal.person}"
    if not journal.problem:
        return DoctorLine.of(STATE, "journal", Status.PASS, detail, latency_ms=took_ms)
    if context.state.is_lasting:
        return DoctorLine.of(
            STATE,
            "journal",
            Status.FAIL,
            f"{detail}. {journal.problem}",
            "run warroom journal verify, and tell the owner of the place that holds it",
        )
    return DoctorLine.of(
        STATE,
        "journal",
        Status.WARN,
        f"{detail}; other consoles do not see them, and they end with this one",
        "they are taken along when the place comes back before this console ends; export what matters",
    )


def _team_secret(context: Context) -> Iterator[DoctorLine]:
    """Whether this console can prove to others what was confirmed on it, and they to it."""
    if not context.state.is_lasting:
        # Nothing that ends with this console is another one's to deliver.
        return
    settings = context.settings.state
    key, problem = context.journal.secret()
    if key:
        signs = f"it signs confirmations as {key}"
        told = f"state.team_secret: {signs}; a console that says the same has the same secret"
        if settings.team_secret is None:
            told = f"one of this journal's own, beside its file: {signs}"
        yield DoctorLine.of(*_TEAM_SECRET, Status.PASS, told)
        return
    status = Status.WARN if settings.team_secret is None else Status.FAIL
    file = f"{context.settings.state_dir} has to be yours alone; then it is made again" if settings.url is None else ""
    remedy = "give every console of the team the same state.team_secret, best with state.team_secret_command"
    yield DoctorLine.of(*_TEAM_SECRET, status, problem, file if settings.team_secret is None and file else remedy)


def failed(source: str, subject: str, failure: SourceFailure) -> DoctorLine:
    """A failure with its headline: one that may pass by itself is unreachable, any other one has to be mended."""
    status = Status.UNREACHABLE if failure.is_transient else Status.FAIL
    return DoctorLine.of(source, subject, status, f"{failure.headline()}: {failure.reason}", failure.remedy)
