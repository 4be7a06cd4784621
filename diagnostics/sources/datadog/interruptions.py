"""What the exceptions of the network layers mean. urllib3's own leak through the official client; none leaves here."""

from __future__ import annotations

import ssl
from http.client import HTTPException
from urllib.parse import urlsplit

from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    IncompleteRead,
    InvalidChunkLength,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from diagnostics.failures import FailureKind, Sent, SourceFailure
from diagnostics.sources.datadog.failures import SOURCE, Operation, TransientFailure, malformed
from diagnostics.sources.datadog.sockets import Flight
from diagnostics.text import clean

_WHEN_SLOW = "Check the network; raise datadog.*_timeout_s if that is usual here."


def interrupted(operation: Operation, error: Exception, host: str, flight: Flight) -> SourceFailure:
    """The failure that `error` means for a request to `host`. No text is passed on that could hold a key."""
    where = urlsplit(host).netloc
    parts = [error, *error.args, error.__cause__, error.__context__]
    match error:
        case NameResolutionError() | NewConnectionError() | SSLError() | ssl.SSLError():
            failure = _no_connection(error, where)
        case ConnectTimeoutError():
            reason = f"no connection to {where} within {flight.connect_timeout_s:g} s"
            failure = SourceFailure(FailureKind.TIMED_OUT, SOURCE, reason, remedy=_WHEN_SLOW, sent=Sent.NOT_SENT)
        case ReadTimeoutError() | TimeoutError():
            failure = _slow(f"no byte from {where} for {flight.read_timeout_s:g} s during {operation.what}")
        case DecodeError():
            failure = malformed(operation, "cannot be decompressed")
        case _ if any(isinstance(part, IncompleteRead | InvalidChunkLength) for part in parts):
            failure = malformed(operation, "ended early")
        # RemoteDisconnected, a server that hung up without a word, is a ConnectionResetError of the standard library.
        case _ if any(isinstance(part, OSError) for part in parts):
            failure = TransientFailure(
                FailureKind.UNREACHABLE,
                SOURCE,
                f"the connection to {where} was lost during {operation.what}",
                remedy="It asks again by itself; check the network when it lasts.",
            )
        case ProtocolError() | HTTPException():
            failure = malformed(operation, "is not HTTP")
        case _:
            failure = _unreachable(f"{operation.what} could not be sent ({type(error).__name__})", "")
    return failure


def _no_connection(error: Exception, where: str) -> SourceFailure:
    if isinstance(error, NameResolutionError):
        return SourceFailure(
            FailureKind.UNREACHABLE,
            SOURCE,
            f"no address is known for {where}",
            remedy="Check datadog.api_url and the name server.",
            sent=Sent.NOT_SENT,
        )
    if isinstance(error, NewConnectionError):
        cause = error.__cause__.strerror if isinstance(error.__cause__, OSError) else None
        return SourceFailure(
            FailureKind.UNREACHABLE,
            SOURCE,
            f"no connection to {where}: {cause or 'no address answers'}",
            remedy="Check the network and datadog.api_url.",
            sent=Sent.NOT_SENT,
        )
    return _unreachable(
        f"no trusted TLS connection to {where}: {clean(str(error), limit=200)}",
        "Check datadog.api_url; behind an inspecting proxy, point SSL_CERT_FILE at its certificates.",
    )


def _unreachable(reason: str, remedy: str) -> SourceFailure:
    return SourceFailure(FailureKind.UNREACHABLE, SOURCE, reason, remedy=remedy)


def _slow(reason: str) -> SourceFailure:
    return SourceFailure(FailureKind.TIMED_OUT, SOURCE, reason, remedy=_WHEN_SLOW)
