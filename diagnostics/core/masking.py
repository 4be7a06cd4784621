"""Passwords in addresses, masked wherever a text goes that a person may read, keep or pass on.

Without the settings and their types, so that a crash can be written down by a console that has loaded neither.
"""

from __future__ import annotations

import re

MASK = "***"

# A user may be "reader@server"; three slashes begin a path, in which a colon means nothing.
_LOGIN = re.compile(r"://(?!/)[^:\s]*:")
_PARAMETER = re.compile(r"([?&;])([A-Za-z_-]{1,64}+)=([^&;#\s]+)")
_SECRET_WORDS = re.compile(r"pass|secret|token|key|^pwd$", re.IGNORECASE)


def mask_url(text: str) -> str:
    """Return `text` with the password of every URL in it masked: `mysql+pymysql://user:***@host/name`.

    A password may hold `/`, `@` and spaces as they are, so nothing on a line says for sure where it ends: from the
    first login to the last `@` of the line all is taken for password. That hides too much rather than too little.
    """
    if "://" not in text:
        return text
    return _PARAMETER.sub(_masked_parameter, "\n".join(map(_masked_line, text.split("\n"))))


def has_password(url: str) -> bool:
    """True when masking would hide something."""
    return mask_url(url) != url


def _masked_line(line: str) -> str:
    # Not one expression for both ends: it would look for the `@` again from every "://", and text may be hostile.
    end = line.rfind("@")
    login = _LOGIN.search(line, 0, end) if end > 0 else None
    return line if login is None else f"{line[: login.end()]}{MASK}{line[end:]}"


def _masked_parameter(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}={MASK}" if _SECRET_WORDS.search(found[2]) else found[0]
