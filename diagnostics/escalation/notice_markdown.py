"""Markdown of our templates, as Slack's mrkdwn and as plain text.

Text from outside can stand in it: a log line, the name of an account. Slack reads `<!channel>` and `<@U…>` as calls and
`<https://…|text>` as links, so every `&`, `<` and `>` is escaped first. Links are made only to addresses of our own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_BULLET = re.compile(r"^( *)[-*] +", re.MULTILINE)
_LINK = re.compile(r"\[([^\]\n]{1,300})\]\((https?://[^\s()<>]{1,2000})\)|(?<![\w(])(https?://[^\s<>|`]{1,2000})")


def escape(text: str) -> str:
    """`text` so that Slack reads no mention, no link and no entity in it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def to_mrkdwn(markdown: str, trusted: Sequence[str] = ()) -> str:
    """The same text in Slack's own mark-up. Addresses that begin with one of `trusted` become links, no others."""
    parts, last = [], 0
    for code in _CODE.finditer(markdown):
        parts += [_marked(markdown[last : code.start()], trusted), escape(code.group())]
        last = code.end()
    parts.append(_marked(markdown[last:], trusted))
    return "".join(parts).strip()


def _marked(text: str, trusted: Sequence[str]) -> str:
    done, last = [], 0
    for link in _LINK.finditer(text):
        label, named, bare = link.groups()
        address = (named or bare).rstrip(".,;:!?") if bare else named
        rest = link.group()[len(address) :] if bare else ""
        done.append(_styled(text[last : link.start()]))
        last = link.end()
        if _is_trusted(address, trusted):
            shown = f"|{escape(label).replace('|', '/')}" if label else ""
            done.append(f"<{escape(address).replace('|', '%7C')}{shown}>{rest}")
        else:
            done.append(escape(link.group()))
    done.append(_styled(text[last:]))
    return "".join(done)


def _styled(text: str) -> str:
    text = escape(text)
    text = _HEADING.sub(r"*\1*", text)
    text = _BULLET.sub("\\1\u2022 ", text)
    return _BOLD.sub(r"*\1*", text)


def _is_trusted(address: str, trusted: Sequence[str]) -> bool:
    # The address ends or goes on with a slash: https://host.example must not trust https://host.example.evil.
    return any(
        address == one or address.startswith((f"{one}/", f"{one}?", f"{one}#")) for one in map(_bare, trusted) if one
    )


def _bare(address: str) -> str:
    return address.rstrip("/")


def to_plain(markdown: str) -> str:
    """The same text without mark-up, for services that show it as it is."""
    text = _HEADING.sub(r"\1", markdown)
    text = _LINK.sub(lambda link: link.group() if link.group(3) else f"{link.group(1)}: {link.group(2)}", text)
    return _BOLD.sub(r"\1", text).strip()
