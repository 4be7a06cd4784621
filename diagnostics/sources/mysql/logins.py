"""How one login of one server is sent: as its secret stands now, and not again for a while after it was refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import pymysql
from pydantic import SecretStr

from diagnostics.core.credentials import CredentialGuard

T = TypeVar("T")

REFUSED_LOGIN = frozenset({1045, 1698, 1873, 1820, 1862, 3118, 3955, 4150, 4151})
"""Refused, expired, locked, blocked: errors that another attempt with the same password makes no better."""


class LoginWithheld(RuntimeError):  # noqa: N818  # it says what was done, and never reaches a user by this name
    """The server refused this login a moment ago, and it was not sent again; `wait_s` until it may be."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = wait_s
        super().__init__("the login was not sent again")


class Login:
    """A password, or user name and password in one secret ("USER:PASSWORD"). Shared by all connections that use it."""

    def __init__(self, secret: SecretStr, *, names_user: bool = False) -> None:
        self._guard = CredentialGuard([secret])
        self._names_user = names_user

    def connect(self, connect: Callable[[Mapping[str, object]], T]) -> T:
        """What `connect` makes of PyMySQL's arguments for the login; raises what it raises, and `LoginWithheld`."""
        wait_s = self._guard.wait_s()
        if wait_s:
            raise LoginWithheld(wait_s)
        while True:
            values = self._guard.values()
            try:
                made = connect(self._arguments(values[0]))
            except pymysql.Error as error:
                code = error.args[0] if error.args else 0
                if code not in REFUSED_LOGIN or not self._guard.refused(values):
                    raise
            else:
                self._guard.accepted()
                return made

    def _arguments(self, value: str) -> Mapping[str, object]:
        user, _, password = value.partition(":") if self._names_user else ("", "", value)
        # Bytes: PyMySQL would encode text as Latin-1, and name the password in the error when that fails.
        return {"password": password.encode(), **({"user": user} if user else {})}
