"""Secrets: given literally, read from a file, or printed by a command; resolved at first use and shown nowhere.

A command runs without a shell and without a terminal, so that a prompt cannot draw over the console, and for at most
ten seconds. Neither its arguments nor its output ever reach a log, an error or a `repr`.
"""

from __future__ import annotations

import json
import os
import selectors
import shlex
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path

from pydantic import SecretStr

from diagnostics.config.paths import without_secrets
from diagnostics.config.toml import ConfigurationError
from diagnostics.core.masking import mask_url
from diagnostics.core.sanitizer import clean

COMMAND_TIMEOUT_S = 10.0
"""How long a secret command may take."""

MAX_SECRET_BYTES = 65_536
"""More than any key or password; a file or an output beyond it is the wrong one."""

FAILURE_KEPT_S = 30.0
"""How long a failure is repeated without trying again: panes ask every few seconds, a vault should not be."""

LOGINS = ("databases.login", "databases.writer")
"""The settings whose secret is a user name and a password."""

_LOGINS = 'USER:PASSWORD on one line, or JSON: {"username": "…", "password": "…"}, which may stand under "data"'
_EXCERPT = 200
_TURN_S = 0.05
"""How soon the end of a silent command is noticed."""


def literal(setting: str, value: object, *, where: str) -> SecretStr:
    """Return a secret given literally; raises `ConfigurationError`, which never shows it."""
    if not isinstance(value, str):
        raise ConfigurationError(f"{setting} is not text", where=where, accepted="a string")
    return SecretStr(_checked(setting, value.strip(), where=where, source="the value"))


class LazySecret(SecretStr):
    """A secret behind a file or a command. `get_secret_value` resolves it once, from whichever thread asks first.

    It raises `ConfigurationError` naming the setting. Truth, `repr` and comparison resolve nothing.
    """

    def __init__(self, setting: str, *, where: str, file: Path | None = None, command: str | None = None) -> None:
        super().__init__("")
        self._setting = setting
        self._where = where
        self._file = file
        self._arguments = _arguments(setting, command, where) if command is not None else []
        self._resolved = False
        self._lock = threading.Lock()
        self._failure: ConfigurationError | None = None
        self._failed_at = 0.0

    def get_secret_value(self) -> str:
        """The secret itself; reads the file or runs the command on first use."""
        with self._lock:
            if self._resolved:
                return self._secret_value
            if self._failure is not None and time.monotonic() - self._failed_at < FAILURE_KEPT_S:
                raise self._failure.with_traceback(None)
            try:
                value = self._read()
            except ConfigurationError as failure:
                self._failure, self._failed_at = failure, time.monotonic()
                raise
            self._secret_value, self._resolved = value, True
            return value

    @property
    def file(self) -> Path | None:
        """The file that it is read from; None for a command."""
        return self._file

    def renew(self, refused: str) -> bool:
        """Read it again unless it is another one than `refused` already; True when it is another one now.

        A service that refused it may have been given a new one. Where it cannot be read now, the old one stays.
        """
        with self._lock:
            if self._resolved and self._secret_value == refused:
                try:
                    self._secret_value = self._read()
                except ConfigurationError:
                    return False
            return self._secret_value != refused

    def describe(self) -> str:
        """Where the secret comes from, for `config show`; never the secret, never the command."""
        if self._file is not None:
            return f"from file {clean(str(self._file), limit=1_000)}"
        return "from command" if self._resolved else "from command, not run"

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return len(self.get_secret_value())

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __str__(self) -> str:
        return "**********"

    def __repr__(self) -> str:
        return "LazySecret('**********')"

    def _read(self) -> str:
        return self._from_file(self._file) if self._file else self._from_command()

    def _from_file(self, file: Path) -> str:
        accepted = f"a readable regular file of one line, at most {MAX_SECRET_BYTES:,} bytes"
        try:
            # Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
            descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(descriptor, "rb") as opened:  # noqa: PTH123  # Path.open takes no descriptor
                regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
                raw = opened.read(MAX_SECRET_BYTES + 1) if regular else b""
        except OSError as problem:
            reason = problem.strerror or type(problem).__name__
            raise self._error(f"cannot read {file}: {reason}", accepted) from None
        if not regular or len(raw) > MAX_SECRET_BYTES:
            raise self._error(f"{file} is {'too large' if regular else 'not a regular file'}", accepted)
        return _checked(self._setting, _decoded(raw), where=self._where, source=f"the file {file}")

    def _from_command(self) -> str:
        program = Path(self._arguments[0]).name
        accepted = f"a command that prints the secret on one line within {COMMAND_TIMEOUT_S:.0f} s and exits with 0"
        try:
            with subprocess.Popen(  # noqa: S603  # the team's own configuration names the program; there is no shell
                self._arguments,
                env=without_secrets(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # A session of its own has no terminal to prompt on, and ends as a whole at the time limit.
                start_new_session=True,
            ) as process:
                output, errors, finished = _collect(process, COMMAND_TIMEOUT_S)
        except OSError as problem:
            reason = problem.strerror or type(problem).__name__
            raise self._error(f"cannot run {program}: {reason}", accepted) from None
        if not finished:
            raise self._error(f"{program} did not finish in time, or printed too much", accepted)
        value = _decoded(output)
        if process.returncode != 0:
            excerpt = _excerpt(errors, value)
            raise self._error(f"{program} exited with {process.returncode}{excerpt}", accepted)
        return _checked(self._setting, value, where=self._where, source=f"the output of {program}")

    def _error(self, problem: str, accepted: str) -> ConfigurationError:
        return ConfigurationError(f"{self._setting}: {problem}", where=self._where, accepted=accepted)


def _login(text: str) -> str:
    """ "USER:PASSWORD" from any of the accepted forms; empty for another one. A user's name holds no colon."""
    user: object
    password: object
    user, _, password = text.partition(":")
    if text.startswith("{"):
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return ""
        inner = document.get("data")
        # A vault wraps what it holds once or twice.
        while isinstance(inner, dict):
            document, inner = inner, inner.get("data")
        user, password = document.get("username"), document.get("password")
    if not (isinstance(user, str) and isinstance(password, str)) or ":" in user:
        return ""
    return f"{user}:{password}" if user and password else ""


def _arguments(setting: str, command: str, where: str) -> list[str]:
    try:
        arguments = shlex.split(command)
    except ValueError:
        arguments = []
    if not arguments or "\0" in command:
        raise ConfigurationError(
            f"{setting} is not a command", where=where, accepted="a program and its arguments, quoted as in a shell"
        )
    return arguments


def _collect(process: subprocess.Popen[bytes], timeout_s: float) -> tuple[bytes, bytes, bool]:
    """Read both pipes until the process ends; False when it ran out of time or printed too much, and was killed.

    The end of the process counts and not the end of its pipes: an agent it leaves behind may hold them open for ever.
    """
    deadline = time.monotonic() + timeout_s
    output, errors = bytearray(), bytearray()
    finished = False
    with selectors.DefaultSelector() as selector:
        for pipe, buffer in ((process.stdout, output), (process.stderr, errors)):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, buffer)
        while time.monotonic() < deadline and len(output) <= MAX_SECRET_BYTES:
            ended = process.poll() is not None
            ready = selector.select(0 if ended else _TURN_S)
            for key, _ in ready:
                chunk = os.read(key.fd, 4_096)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif len(key.data) <= MAX_SECRET_BYTES:
                    key.data.extend(chunk)
            if ended and not ready:
                finished = True
                break
    _end_session(process)
    return bytes(output), bytes(errors), finished


def _end_session(process: subprocess.Popen[bytes]) -> None:
    """Kill whatever of an unfinished command is left; a finished one may leave an agent behind, as gpg does."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _decoded(raw: bytes) -> str:
    # A strict decoder would put the secret into its exception, and exceptions travel.
    return raw.decode("utf-8", errors="replace").strip()


def _excerpt(errors: bytes, secret: str) -> str:
    """Output of a failed command, cut and cleaned, without the secret should it have repeated it."""
    text = _decoded(errors)
    for part in {secret, *secret.split()}:
        if len(part) >= 4:
            text = text.replace(part, "***")
    text = clean(mask_url(text), limit=_EXCERPT)
    return f": {text}" if text else ""


def _checked(setting: str, value: str, *, where: str, source: str) -> str:
    """Refuse what cannot be a credential: nothing, several lines, control characters, undecodable bytes."""
    if setting.startswith(LOGINS):
        value = _login(value)
        if not value:
            raise ConfigurationError(f"{setting}: {source} names no user and password", where=where, accepted=_LOGINS)
    if value and clean(value, limit=MAX_SECRET_BYTES) == value and "\ufffd" not in value:
        return value
    reason = "is empty" if not value else "holds control characters, several lines, or bytes that are not UTF-8"
    raise ConfigurationError(f"{setting}: {source} {reason}", where=where, accepted="one line of printable text")
