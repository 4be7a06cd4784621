"""The sanitizer: the one place where text from outside becomes text that may reach a terminal.

Logs, rows, HTTP bodies, configuration and error messages all pass here once, at ingestion. It removes
escape sequences as a whole (CSI, OSC, DCS, PM, APC, SOS and two-character escapes, 7-bit and 8-bit), every other
C0 and C1 control, bidirectional overrides and isolates, zero-width and tag characters, line and paragraph separators,
lone surrogates and non-characters, and what no two terminals give the same width (variation selectors, skin tones,
flags). Each removed piece leaves one replacement mark, so that a reader can see that something was there. Newline and
tab become spaces unless the caller asks for several lines.
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
    r"\u115f\u1160\u302e\u302f\u3164\uffa0"
    r"\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e0fff]"
)
_HOSTILE = re.compile(f"{_SEQUENCES}|{_SINGLE}")
_BREAKS = re.compile(r"\r\n|[\r\n\t]")
_RETURNS = re.compile(r"\r\n?")
# More than four combining marks on one letter paint over the neighbouring rows ("zalgo").
_COMBINING = (
    r"[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u064b-\u065f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
    r"\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
_STACKED = re.compile(f"({_COMBINING}{{4}}){_COMBINING}+")

# No two terminals give these the same width, and what stands beside them is pushed out of its place. A sign is kept
# without what chooses its picture (⚠️) or its skin (👍🏽); alone or in numbers they are removed like all that is hidden.
# A flag is the two letters that it is made of.
_UNAGREED = re.compile("[\ufe00-\ufe0f\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff]")
_CHOSEN = re.compile(
    "(?<=[#*0-9\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff])"
    "(?:[\U0001f3fb-\U0001f3ff]\ufe0f?|[\ufe0e\ufe0f])"
)
_FLAG_LETTERS = {0x1F1E6 + number: chr(ord("A") + number) for number in range(26)}


def _agreed(text: str) -> str:
    return _UNAGREED.sub(MARK, _CHOSEN.sub("", text).translate(_FLAG_LETTERS))


def clean(text: str, *, limit: int = MAX_LENGTH, multiline: bool = False) -> str:
    """Return `text` safe for a terminal, at most `limit` characters (a cut ends in `…`).

    Printable ASCII, the overwhelming majority of log text, returns unchanged without running an expression.
    """
    text = _cut(text, limit)
    if text.isprintable() and text.isascii():
        return text
    text = _HOSTILE.sub(MARK, text)
    if _UNAGREED.search(text):
        text = _agreed(text)
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
