"""The two keys: which are needed for what, whether they can be keys at all, and how they are kept out of every text.

A key may sit behind a file or a command, so reading one can fail and can take as long as that command may take.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pydantic import SecretStr

from diagnostics.failures import FailureKind, SourceFailure, UserError
from diagnostics.sources.datadog.failures import SOURCE, Operation

if TYPE_CHECKING:
    from diagnostics.settings import DatadogSettings

_SHORTEST_REDACTED = 4
"""A shorter "key" is no secret, and replacing it would shred the text."""


class Keys:
    """The API key and the application key, unwrapped only while they are looked at."""

    def __init__(self, settings: DatadogSettings) -> None:
        self._api, self._app = settings.api_key, settings.app_key

    def __repr__(self) -> str:
        return "Keys()"

    def check(self, operation: Operation) -> None:
        """Raise SourceFailure NOT_CONFIGURED, naming the settings, unless the keys `operation` needs are usable.

        Both keys are resolved here, so that a slow secret command does not eat into a request's time limit.
        """
        api, app = problem("datadog.api_key", self._api), problem("datadog.app_key", self._app)
        problems = [api, app] if operation.scope else [api]
        found = [failure for failure in problems if failure is not None]
        if len(found) == 2 and self._api is None and self._app is None:
            raise not_set(["datadog.api_key", "datadog.app_key"])
        if found:
            raise found[0]

    def secrets(self) -> dict[str, SecretStr]:
        """The keys that are there, by the names the official client gives them."""
        named = {"apiKeyAuth": self._api, "appKeyAuth": self._app}
        return {name: key for name, key in named.items() if key is not None}

    def redact(self, text: str) -> str:
        """`text` without the keys, should the service have repeated them."""
        for key in (self._api, self._app):
            with contextlib.suppress(UserError):
                secret = key.get_secret_value().strip() if key is not None else ""
                if len(secret) >= _SHORTEST_REDACTED:
                    text = text.replace(secret, "[key]")
        return text


def problem(name: str, key: SecretStr | None) -> SourceFailure | None:
    """What is wrong with the key of setting `name`; None when it can be sent."""
    if key is None:
        return not_set([name])
    try:
        text = key.get_secret_value().strip()
    except UserError as error:
        return SourceFailure(
            FailureKind.NOT_CONFIGURED, SOURCE, error.problem, remedy=error.accepted or error.next_step
        )
    if not text:
        return not_set([name])
    if not (text.isascii() and text.isprintable()) or " " in text:
        # http.client would refuse it too, with the key in its message.
        return SourceFailure(
            FailureKind.NOT_CONFIGURED,
            SOURCE,
            f"{name} holds characters that no key has",
            remedy="Check the file or the command it is read from: only the key, on one line.",
        )
    return None


def not_set(missing: list[str]) -> SourceFailure:
    """The failure that says that the settings named in `missing` are absent."""
    names = " and ".join(missing)
    return SourceFailure(
        FailureKind.NOT_CONFIGURED,
        SOURCE,
        f"{names} {'is' if len(missing) == 1 else 'are'} not set",
        remedy=(
            "Set them in the configuration file (also as *_file or *_command), or in the environment as DD_API_KEY "
            "and DD_APP_KEY."
        ),
    )
