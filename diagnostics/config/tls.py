"""Encryption of one way to a server: whether, how far the server is checked, and against whom.

One value names all of it: `off`, `required`, `verify-ca`, `verify-identity`, the last two with the PEM file of an
authority behind a colon where the system's are not the ones. The names are MySQL's own, of its `--ssl-mode`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator

ACCEPTED = (
    "off, required, verify-ca, verify-identity, the last two also with the PEM file of an authority behind a colon "
    "(verify-ca:/path/ca.pem); true and a path alone mean verify-identity, false means off"
)


class TlsMode(StrEnum):
    """How far the server is checked."""

    OFF = "off"
    REQUIRED = "required"
    """Encrypted, and nobody is checked: who stands in between can pose as the server."""
    VERIFY_CA = "verify-ca"
    """The certificate is signed by a trusted authority, whichever name it bears."""
    VERIFY_IDENTITY = "verify-identity"
    """It also names the server that was asked for."""


_MODES = {mode.value: mode for mode in TlsMode}
_SWITCHES = {"true": TlsMode.VERIFY_IDENTITY, "1": TlsMode.VERIFY_IDENTITY, "false": TlsMode.OFF, "0": TlsMode.OFF}
_VERIFYING = {TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY}


@dataclass(slots=True, frozen=True)
class Tls:
    """One value of a setting."""

    mode: TlsMode = TlsMode.OFF
    authority: Path | None = None
    """PEM file of the only authorities that are trusted; None is the system's."""

    @classmethod
    def of(cls, given: object, resolve: Callable[[str], Path] = Path) -> Tls:
        """The value as settings write it; `resolve` makes a path of what stands there. Raises ValueError."""
        if isinstance(given, Tls):
            return given
        if isinstance(given, bool):
            return cls(TlsMode.VERIFY_IDENTITY if given else TlsMode.OFF)
        if isinstance(given, Path):
            return cls(TlsMode.VERIFY_IDENTITY, given)
        if not isinstance(given, str):
            raise ValueError(ACCEPTED)  # pydantic turns it into a validation error
        word, colon, path = given.partition(":")
        mode = _mode(word)
        if mode is None:
            if "/" not in given and "." not in given:
                raise ValueError(ACCEPTED)
            return cls(TlsMode.VERIFY_IDENTITY, resolve(given))
        if not colon:
            return cls(mode)
        if mode not in _VERIFYING or not path:
            raise ValueError(ACCEPTED)
        return cls(mode, resolve(path))

    @property
    def verifies(self) -> bool:
        """Whether the server's certificate is looked at."""
        return self.mode in _VERIFYING

    def __str__(self) -> str:
        return self.mode.value if self.authority is None else f"{self.mode.value}:{self.authority}"


def _mode(word: str) -> TlsMode | None:
    lower = word.strip().lower().replace("_", "-")
    return _MODES.get(lower) or _SWITCHES.get(lower)


TlsSetting = Annotated[Tls, BeforeValidator(Tls.of)]
OFF = Tls()
