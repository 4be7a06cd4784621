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


# ---- Secrets in free text: what a person types, a log line says or a query holds, before it is kept or passed on.

_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "private key",
        re.compile(
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            # Up to its end, and not beyond the beginning of another: else each looks through all that follow.
            r"(?:(?:[^-]|-(?!----BEGIN )){0,16384}?-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"|[A-Za-z0-9+/=\s]{0,16384})",
        ),
    ),
    ("Slack webhook", re.compile(r"https://hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[\w/-]{8,200}")),
    ("Slack token", re.compile(r"\bx(?:ox[abceoprs]|app)-[A-Za-z0-9-]{8,400}")),
    ("AWS access key", re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b")),
    ("GitHub token", re.compile(r"\b(?:gh[opsur]_[A-Za-z0-9]{20,255}|github_pat_\w{20,255})")),
    ("Atlassian token", re.compile(r"\bATATT3[\w=-]{20,400}")),
    ("Google key", re.compile(r"\bAIza[\w-]{35}\b")),
    ("signed token", re.compile(r"\beyJ(?:(?!\beyJ)[\w-]){8,4096}+\.eyJ[\w-]{8,8192}+\.[\w-]{0,4096}")),
)
_BEARER = re.compile(r"\b(bearer|basic)([ \t:]{1,4})([A-Za-z0-9._~+/-]{12,4096}={0,2})", re.IGNORECASE)
_URL_PASSWORD = re.compile(
    r"\b([a-z][a-z0-9+.-]{1,30}://[^\s/:@]{0,200}:)(?!\d{1,5}(?:[/?#\s]|$))([^\s]{1,400})@", re.IGNORECASE
)
_NAMED = re.compile(
    # What stands before the name, as in `client_secret`, stays as it is, and need not be looked at.
    r"(?<![^\W_])((?:password|passwd|pwd|secret|token|api[_-]?key|app(?:lication)?[_-]?key|access[_-]?key))"
    r"""("?\s{0,3}[=:]\s{0,3}["']?)((?=[^\s"',;&]{0,200}\d)(?=[^\s"',;&]{0,200}[A-Za-z])[^\s"',;&]{8,400})""",
    re.IGNORECASE,
)


def mask_secrets(text: str) -> tuple[str, tuple[str, ...]]:
    """`text` with every secret in it replaced by "[masked: KIND]", and the kinds that were found, each once."""
    found: dict[str, None] = {}

    def mark(kind: str) -> str:
        found[kind] = None
        return f"[masked: {kind}]"

    for kind, pattern in _KINDS:
        text = pattern.sub(lambda _, kind=kind: mark(kind), text)  # type: ignore[misc]  # mypy sees no type for a default
    if "://" in text:
        text = _URL_PASSWORD.sub(lambda one: f"{one[1]}{mark('password')}@", text)
        text = _PARAMETER.sub(
            lambda one: (
                f"{one[1]}{one[2]}={mark('secret')}"
                if _SECRET_WORDS.search(one[2]) and not one[3].startswith("[masked:")
                else one[0]
            ),
            text,
        )
    text = _BEARER.sub(lambda one: f"{one[1]}{one[2]}{mark('bearer token')}" if _is_token(one[3]) else one[0], text)
    text = _NAMED.sub(lambda one: f"{one[1]}{one[2]}{mark('secret')}", text)
    return text, tuple(found)


def _is_token(word: str) -> bool:
    """A word of a sentence ("bearer authentication") is none."""
    return any(letter.isdigit() for letter in word) and any(letter.isalpha() for letter in word)
