"""The sanitizer: the one place where text from outside becomes text that may reach a terminal.

Logs, rows, HTTP bodies, configuration and error messages all pass here once, at ingestion. It removes
escape sequences as a whole (CSI, OSC, DCS, PM, APC, SOS and two-character escapes, 7-bit and 8-bit), every other
C0 and C1 control, bidirectional overrides and isolates, zero-width and tag characters, line and paragraph separators,
lone surrogates and non-characters. Each removed piece leaves one replacement mark, so that a reader can see that
something was there. Newline and tab become spaces unless the caller asks for several lines.
"""

from __future__ import annotations

import re

MARK = "\ufffd"
"""Mark in the place of removed characters."""

MAX_LENGTH = 32_768
"""Characters kept of one string unless told otherwise; a log line in Datadog may be 1 MB."""

# A string sequence (OSC, DCS, SOS, PM, APC) runs to its terminator; without one, only its opening is removed, because
# swallowing the rest of a message would let an attacker hide it. A body ends before whatever could open the next one,
# and is taken whole or not at all, so that no character is looked at by more than one opening: a line of nothing but
# openings costs one look each, not thousands.
_OPENERS = r"\x90\x98\x9d\x9e\x9f"
_STRING_BODY = rf"[^\x07\x1b\x9c{_OPENERS}]{{0,4096}}+(?:\x07|\x1b\\|\x9c)"
_SEQUENCES = (
    rf"(?:\x1b[\]PX^_]|[{_OPENERS}]){_STRING_BODY}"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?"
)
_SINGLE = (
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
    r"\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e0fff]"
)
_HOSTILE = re.compile(f"{_SEQUENCES}|{_SINGLE}")
_BREAKS = re.compile(r"\r\n|[\r\n\t]")
_RETURNS = re.compile(r"\r\n?")
# More than four combining marks on one letter paint over the neighbouring rows ("zalgo").
_COMBINING = r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_STACKED = re.compile(f"({_COMBINING}{{4}}){_COMBINING}+")


def clean(text: str, *, limit: int = MAX_LENGTH, multiline: bool = False) -> str:
    """Return `text` safe for a terminal, at most `limit` characters (a cut ends in `…`).

    Printable ASCII, the overwhelming majority of log text, returns unchanged without running an expression.
    """
    text = _cut(text, limit)
    if text.isprintable() and text.isascii():
        return text
    text = _HOSTILE.sub(MARK, text)
    text = _RETURNS.sub("\n", text).replace("\t", "    ") if multiline else _BREAKS.sub(" ", text)
    # Cut once more: tabs have become four spaces each.
    return _cut(_STACKED.sub(r"\1", text), limit)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(0, limit - 1)] + "…"[:limit]


def clean_tree(value: object, *, limit: int = MAX_LENGTH, depth: int = 24) -> object:
    """Return a JSON-like tree with every string, keys included, passed through the gate.

    Deeper than `depth` levels is replaced by a mark: no honest event nests so far, and rendering must not recurse away.
    """
    kind = type(value)
    if kind is str:
        return clean(value, limit=limit)  # type: ignore[arg-type]  # narrowed by `type() is`, which mypy does not follow
    if kind is int or kind is float or kind is bool or value is None:
        return value
    if depth <= 0:
        return MARK
    if isinstance(value, dict):
        return {clean(str(k), limit=512): clean_tree(v, limit=limit, depth=depth - 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [clean_tree(item, limit=limit, depth=depth - 1) for item in value]
    return clean(str(value), limit=limit)
