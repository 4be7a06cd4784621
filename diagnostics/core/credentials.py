"""Secrets that rotate: what was refused is read again once, and is then not sent again for a while.

Servers block a login after some wrong passwords (`max_password_errors`, FAILED_LOGIN_ATTEMPTS), and a console asks
every few seconds: without this, a rotation would lock everybody's login.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from pydantic import SecretStr

from diagnostics.core.failures import SourceFailure, UserError

T = TypeVar("T")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 30.0, 600.0
"""Between two attempts with what was refused; each refusal doubles it."""


@runtime_checkable
class Renewable(Protocol):
    """A secret that can be read again where it came from."""

    def renew(self, refused: str) -> bool:
        """Read it again unless it is another one than `refused` already; True when it is another one now."""


class CredentialGuard:
    """Secrets that are sent together to one service. Thread-safe; may wait for a secret's command."""

    def __init__(self, secrets: Sequence[SecretStr], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._secrets = tuple(secrets)
        self._clock = clock
        self._lock = threading.Lock()
        self._refused: tuple[str, ...] | None = None
        self._until = 0.0
        self._pause_s = 0.0

    def values(self) -> tuple[str, ...]:
        """The secrets as they stand; raises `UserError` where one cannot be read."""
        return tuple(secret.get_secret_value() for secret in self._secrets)

    def wait_s(self) -> float:
        """Seconds until the secrets may be sent; 0 now. After a pause they are read again first."""
        with self._lock:
            if self._refused is None or self.values() != self._refused:
                return 0.0
            left = self._until - self._clock()
            if left > 0:
                return left
            self._renew(self._refused)
            return 0.0

    def refused(self, values: tuple[str, ...]) -> bool:
        """The service refused these. True where others are there now, to be tried at once; once only, then False."""
        with self._lock:
            again = self._refused is None and self._renew(values)
            self._refused = values if again else self.values()
            if not again:
                self._pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, 2 * self._pause_s))
                self._until = self._clock() + self._pause_s
            return again

    def accepted(self, values: tuple[str, ...] | None = None) -> None:
        """The service took them; where `values` are given, only if they are others than those it refused."""
        if self._refused is not None:
            with self._lock:
                if values is None or values != self._refused:
                    self._refused, self._pause_s = None, 0.0

    def ask(
        self,
        attempt: Callable[[], T],
        is_refusal: Callable[[SourceFailure], bool],
        withheld: Callable[[float], SourceFailure],
    ) -> T:
        """What `attempt` answers; it is made once more where the secrets were refused and are others now.

        Raises what it raises. While what was refused is not sent again, nothing is asked: raises `withheld(seconds)`.
        """
        try:
            wait_s = self.wait_s()
            values = self.values()
        except UserError:
            # What cannot be read is the attempt's to tell, in its own words.
            return attempt()
        if wait_s:
            raise withheld(wait_s)
        try:
            answer = attempt()
        except SourceFailure as failure:
            if not is_refusal(failure) or not self.refused(values):
                raise
        else:
            self.accepted()
            return answer
        return self.ask(attempt, is_refusal, withheld)

    def _renew(self, values: tuple[str, ...]) -> bool:
        renewed = [
            secret.renew(value)
            for secret, value in zip(self._secrets, values, strict=True)
            if isinstance(secret, Renewable)
        ]
        return any(renewed)
