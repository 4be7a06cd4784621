"""TLS of the ways to servers: contexts made of the settings, and what it means that an agreement failed.

A context knows which setting it was made of, so that a failure within somebody else's driver can name it.
"""

from __future__ import annotations

import functools
import os
import socket
import ssl
from typing import Any

from diagnostics.config.tls import Tls, TlsMode
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.sanitizer import clean

_EXPIRED = {9: "is not valid yet: one of the two clocks is wrong", 10: "has expired"}
_NAMELESS = {62, 64}
"""The certificate names another host, another address, or none."""
_UNKNOWN_ISSUER = {2, 18, 19, 20, 21}
"""OpenSSL, x509_vfy.h: no issuer found, self-signed, issuer not trusted, leaf that cannot be checked."""

OWN_AUTHORITY = "MySQL 8 makes a ca.pem in its data folder, and a certificate that names no host: verify-ca fits it"
NOT_READABLE = "names a file that is no readable certificate authority"


class TlsRefused(OSError):  # noqa: N818  # an outcome, told in words
    """No encrypted connection came about. `reason` and `remedy` hold no secret; the remedy names setting and mode.

    An OSError, as what it stands for is: drivers pass it on as a connection that could not be made.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        self.reason, self.remedy = clean(reason, limit=400), clean(remedy, limit=400)
        super().__init__(self.reason)


class Context(ssl.SSLContext):
    """A client's context. What fails in its handshakes is told as `TlsRefused`."""

    tls: Tls
    setting: str

    def wrap_socket(self, sock: socket.socket, *given: Any, **named: Any) -> ssl.SSLSocket:  # noqa: ANN401  # as inherited
        """As `ssl.SSLContext`; raises TlsRefused in place of SSLError."""
        host = named.get("server_hostname")
        try:
            return super().wrap_socket(sock, *given, **named)
        except (ssl.SSLError, ssl.CertificateError) as error:
            told = refused(error, self.tls, self.setting, str(host or ""))
        # Out here: the system's error holds nothing that a person needs.
        raise told


@functools.lru_cache(maxsize=16)
def _made(tls: Tls, setting: str, _file: str | None, _folder: str | None) -> Context:
    """One context for all connections of a setting: reading the system's authorities takes 19 ms."""
    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    context.tls, context.setting = tls, setting
    context.check_hostname = tls.mode is TlsMode.VERIFY_IDENTITY
    context.verify_mode = ssl.CERT_REQUIRED if tls.verifies else ssl.CERT_NONE
    if tls.verifies and tls.authority is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    elif tls.authority is not None:
        is_folder = tls.authority.is_dir()
        context.load_verify_locations(
            cafile=None if is_folder else str(tls.authority), capath=str(tls.authority) if is_folder else None
        )
    return context


def context_of(tls: Tls, setting: str, source: str) -> Context:
    """The context for a value other than off. Raises `SourceFailure` (not configured), naming the setting."""
    try:
        return _made(tls, setting, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    except (OSError, ValueError):
        pass
    raise SourceFailure(
        FailureKind.NOT_CONFIGURED,
        source,
        f"{setting} {NOT_READABLE}: {tls.authority}",
        remedy=f"set {setting} to verify-ca:PATH or verify-identity:PATH with a PEM file that may be read, or without "
        "a path for the system's authorities",
    )


def refused(error: Exception, tls: Tls, setting: str, host: str) -> TlsRefused:
    """What an error of the handshake means, with the mode that would have worked."""
    code = getattr(error, "verify_code", None)
    trusted = f"the authorities in {tls.authority}" if tls.authority is not None else system_authorities()
    path = f":{tls.authority}" if tls.authority is not None else ""
    if code in _NAMELESS:
        return TlsRefused(
            f"no encrypted connection: a trusted authority has signed the server's certificate, and it does not name "
            f"{host or 'this server'}",
            f"set {setting} to verify-ca{path}, which checks the authority and not the name; or use a name that stands "
            "in the certificate",
        )
    if code in _UNKNOWN_ISSUER:
        return TlsRefused(
            f"no encrypted connection: the server's certificate is signed by none of {trusted} ({setting})",
            f"set {setting} to verify-ca:PATH or verify-identity:PATH, the PEM file of the authority that signed it. "
            f"{OWN_AUTHORITY}",
        )
    if code in _EXPIRED:
        return TlsRefused(
            f"no encrypted connection: the server's certificate {_EXPIRED[code]}",
            f"have it renewed; until then {setting} = required encrypts without checking who answers",
        )
    said = clean(getattr(error, "reason", None) or type(error).__name__, limit=80)
    return TlsRefused(
        f"no encrypted connection could be agreed on ({said})",
        f"check that the server speaks TLS 1.2 or newer on this port; {setting} is {tls.mode.value}",
    )


def system_authorities() -> str:
    """The system's authorities, in words: the environment may name others."""
    named = [f"{name}={clean(os.environ[name], limit=120)}" for name in VARIABLES if os.environ.get(name)]
    return f"the system's authorities ({', '.join(named)})" if named else "the system's authorities"


VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""OpenSSL's own names for other places of the system's authorities."""
