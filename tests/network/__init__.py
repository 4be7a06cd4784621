"""Networks as companies have them: a private authority, a proxy that tunnels, servers that encrypt. All on loopback."""

from __future__ import annotations

import ssl
from pathlib import Path

_HERE = Path(__file__).parent / "certificates"

COMPANY_CA = _HERE / "company-ca.pem"
"""The authority that has signed `SERVER`."""
SERVER = _HERE / "server.pem"
"""Certificate and key for 127.0.0.1 and the hosts of the services; not for "localhost"."""
MYSQL_CA = _HERE / "mysql-ca.pem"
"""The authority that has signed `MYSQL_SERVER`."""
MYSQL_SERVER = _HERE / "mysql-server.pem"
"""Certificate and key as MySQL 8 makes them for itself: they name no host."""


def server_context(certificate: Path = SERVER) -> ssl.SSLContext:
    """The context of a server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
