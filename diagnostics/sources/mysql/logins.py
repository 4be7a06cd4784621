"""How one login of one server is sent: as its secret stands now, and not again for a while after it was refused.

And in which form: what would give the password away to the network, or to whoever stands in the server's place, is not
sent at all (`AUTHENTICATION`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import pymysql
from pydantic import SecretStr
from pymysql._auth import scramble_caching_sha2

from diagnostics.core.credentials import CredentialGuard

T = TypeVar("T")

REFUSED_LOGIN = frozenset({1045, 1698, 1873, 1820, 1862, 3118, 3955, 4150, 4151})
"""Refused, expired, locked, blocked: errors that another attempt with the same password makes no better."""


class LoginWithheld(RuntimeError):  # noqa: N818  # it says what was done, and never reaches a user by this name
    """The server refused this login a moment ago, and it was not sent again; `wait_s` until it may be."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = wait_s
        super().__init__("the login was not sent again")


class PasswordWithheld(RuntimeError):  # noqa: N818  # as above
    """The server asked for the password in a form that gives it away over a connection that is not encrypted."""


def is_refused_login(error: BaseException) -> bool:
    """Whether it is MySQL's word, or MariaDB's, that this login is refused."""
    return isinstance(error, pymysql.Error) and bool(error.args) and error.args[0] in REFUSED_LOGIN


class Login:
    """A password, or user name and password in one secret ("USER:PASSWORD"). Shared by all connections that use it."""

    def __init__(
        self,
        secret: SecretStr,
        *,
        names_user: bool = False,
        is_refusal: Callable[[BaseException], bool] = is_refused_login,
    ) -> None:
        """`is_refusal` tells the errors of a driver that mean that this login was refused."""
        self._guard = CredentialGuard([secret])
        self._names_user = names_user
        self._is_refusal = is_refusal

    def connect(self, connect: Callable[[Mapping[str, Any]], T]) -> T:
        """What `connect` makes of PyMySQL's arguments for the login; raises what it raises, and `LoginWithheld`."""
        wait_s = self._guard.wait_s()
        if wait_s:
            raise LoginWithheld(wait_s)
        while True:
            values = self._guard.values()
            try:
                made = connect(self._arguments(values[0]))
            except Exception as error:
                if not self._is_refusal(error) or not self._guard.refused(values):
                    raise
            else:
                self._guard.accepted()
                return made

    def _arguments(self, value: str) -> Mapping[str, Any]:
        user, _, password = value.partition(":") if self._names_user else ("", "", value)
        # Bytes: PyMySQL would encode text as Latin-1, and name the password in the error when that fails.
        return {"password": password.encode(), **({"user": user} if user else {})}


_FULL_AUTHENTICATION = b"\x01\x04"
"""What a server sends that wants the password itself: `perform_full_authentication` of caching_sha2_password."""


class _Plugin:
    """One way of checking passwords, as PyMySQL asks for it: its own way where the connection is encrypted.

    Without encryption only an answer to the server's challenge may be sent. The other forms, the password as it is or
    encrypted with a key that nobody vouches for (https://dev.mysql.com/doc/dev/mysql-server/latest/
    page_caching_sha2_authentication_exchanges.html), tell it to whoever answers in the server's place.
    """

    name = b""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401  # PyMySQL has no types
        self._connection = connection

    def authenticate(self, packet: Any) -> Any:  # noqa: ANN401  # as above
        """The server's last word on the login. Raises PasswordWithheld and pymysql.Error."""
        connection = self._connection
        if connection.password and not connection._secure:
            packet = self._challenged(packet)
            if not packet.is_extra_auth_data():
                # Accepted, or another way of checking is asked for.
                return packet
        return connection._process_auth(self.name, packet)

    def _challenged(self, _packet: Any) -> Any:  # noqa: ANN401  # as above
        raise PasswordWithheld


class _ClearText(_Plugin):
    name = b"mysql_clear_password"


class _Dialog(_Plugin):
    name = b"dialog"


class _Sha256(_Plugin):
    name = b"sha256_password"


class _CachingSha2(_Plugin):
    name = b"caching_sha2_password"

    def _challenged(self, packet: Any) -> Any:  # noqa: ANN401  # as above
        connection = self._connection
        if packet.is_auth_switch_request():
            # PyMySQL's own function goes on to the form that is refused here, without a word in between.
            connection.salt = packet.read_all().removesuffix(b"\0")
            connection.write_packet(scramble_caching_sha2(connection.password, connection.salt))
            packet = connection._read_packet()
            packet.check_error()
        if packet.get_all_data()[:2] == _FULL_AUTHENTICATION:
            raise PasswordWithheld
        return packet


AUTHENTICATION: Final[Mapping[bytes, type]] = {
    plugin.name: plugin for plugin in (_ClearText, _Dialog, _Sha256, _CachingSha2)
}
"""For `auth_plugin_map` of every connection of the console's."""
