"""How requests leave this machine: directly, or through a proxy that tunnels; and whom they trust at the other end.

A proxy is asked for a tunnel (CONNECT, RFC 9110 9.3.6), which costs one round trip a connection. What goes through it
is encrypted to the service, and the proxy reads none of it unless it poses as the service with its own authority.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import socket
import ssl
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from diagnostics.core.credentials import CredentialGuard
from diagnostics.core.failures import UserError
from diagnostics.core.sanitizer import clean
from diagnostics.sources.tls import NOT_READABLE, system_authorities

if TYPE_CHECKING:
    from diagnostics.config.settings import NetworkSettings

CONNECT_S = 3.0
NO_PROXY = "off"
"""Value of `network.proxy`: none, whatever the environment says."""


class RouteUnusable(UserError):  # noqa: N818  # an outcome, told in words
    """What is set for the way cannot be used; holds no secret."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(clean(reason, limit=300), next_step=clean(remedy, limit=300))


@dataclass(slots=True, frozen=True)
class Proxy:
    """One proxy and the login for it."""

    host: str
    port: int
    named: str
    """The setting or the variable that names it."""
    guard: CredentialGuard | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"the proxy {host}:{self.port} ({self.named})"

    @property
    def remedy(self) -> str:
        """What to do where it does not answer."""
        return f"check {self.named}; hosts that are reached without a proxy stand in network.no_proxy (NO_PROXY)"

    def authorization(self, values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        """The header for a login read from the guard; none without one."""
        return tuple(("Proxy-Authorization", f"Basic {b64encode(value.encode()).decode()}") for value in values)


class Route:
    """The way of one console. Shared by all its clients, so that a login which a proxy refused is not sent again."""

    def __init__(self, settings: NetworkSettings) -> None:
        self._settings = settings
        login = settings.proxy_login
        self._guard = CredentialGuard([login]) if login is not None else None

    def proxy_for(self, host: str, port: int) -> Proxy | None:
        """The proxy on the way to `host`; None for the direct way. Raises `RouteUnusable`."""
        settings = self._settings
        if self._is_direct(host, port):
            return None
        if settings.proxy_problem:
            raise RouteUnusable(
                settings.proxy_problem,
                f"set network.proxy to {_ACCEPTED}, or to off; network.no_proxy names hosts that need none",
            )
        if settings.proxy in {None, NO_PROXY}:
            return None
        parts = urlsplit(settings.proxy or "")
        return Proxy(parts.hostname or "", parts.port or 80, settings.proxy_named, self._guard)

    def trust(self) -> ssl.SSLContext:
        """The context of requests over TLS; raises `RouteUnusable`."""
        authority = str(self._settings.ca) if self._settings.ca is not None else None
        try:
            return _context(authority, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        except (OSError, ValueError):
            pass
        raise RouteUnusable(
            f"network.ca {NOT_READABLE}: {authority}",
            "set network.ca to a PEM file that may be read, or take it away",
        )

    @property
    def trusted(self) -> str:
        """Whom `trust` trusts, in words that name the settings."""
        own = f" and {self._settings.ca} (network.ca)" if self._settings.ca is not None else ""
        return f"{system_authorities()}{own}"

    def examined(self, hosts: Sequence[str]) -> str:
        """How requests to these hosts leave and whom they trust, in words; raises `RouteUnusable`.

        The proxy is connected to, and asked nothing.
        """
        outside = [host for host in hosts if self._settings.proxy_loopback or not is_this_machine(host)]
        if not outside:
            return "every service that is set is on this machine"
        self.trust()
        proxies = {host: self.proxy_for(host, 443) for host in outside}
        used = next((proxy for proxy in proxies.values() if proxy is not None), None)
        if used is None:
            return f"no proxy on the way; trusted are {self.trusted}"
        try:
            socket.create_connection((used.host, used.port), timeout=CONNECT_S).close()
        except OSError as error:
            said = error.strerror or str(error)
        else:
            direct = ", ".join(clean(host, limit=80) for host, proxy in proxies.items() if proxy is None)
            return f"through {used}{f'; directly to {direct}' if direct else ''}; trusted are {self.trusted}"
        raise RouteUnusable(f"no connection to {used}: {said}", used.remedy)

    def _is_direct(self, host: str, port: int) -> bool:
        plain = host.strip("[]").rstrip(".").lower()
        if is_this_machine(plain):
            return not self._settings.proxy_loopback
        return any(_spares(entry.strip().lower(), plain, port) for entry in self._settings.no_proxy.split(","))


_ACCEPTED = "http://HOST:PORT of a proxy that tunnels (CONNECT)"


@functools.lru_cache(maxsize=8)
def route_of(settings: NetworkSettings) -> Route:
    """The one route of these settings."""
    return Route(settings)


def is_this_machine(host: str) -> bool:
    """Whether a name or address is this machine's own."""
    if host in {"localhost", "localhost.localdomain"} or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _spares(entry: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY names the host: `*`, a name and all below it, an address, a network, each with port.

    Nobody has written down what the variable means; this is what curl does (its manual, --noproxy), ports added.
    """
    if entry == "*":
        return True
    name, colon, wanted = entry.rpartition(":")
    # An address of version 6 is full of colons; only one in brackets can have a port behind it.
    if colon and wanted.isdigit() and (":" not in name or name.endswith("]")):
        if int(wanted) != port:
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").strip(".")
    if not entry:
        return False
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return host == entry or host.endswith(f".{entry}")


@functools.lru_cache(maxsize=8)
def _context(authority: str | None, _file: str | None, _folder: str | None) -> ssl.SSLContext:
    """One context for all connections: each would otherwise read the system's certificates again, 19 ms."""
    context = ssl.create_default_context()
    # Authorities of companies often lack extensions that Python 3.13 insists on; the chain and the name are checked.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if authority is not None:
        is_folder = os.path.isdir(authority)  # noqa: PTH112  # what was set, as text
        context.load_verify_locations(cafile=None if is_folder else authority, capath=authority if is_folder else None)
    return context
