"""Copying over SSH: OSC 52, wrapped for tmux, with a cap.

The sequence is written by the console itself from text that has passed the gate; no outside text can produce one.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping

MOST_BYTES = 74_000
"""Terminals drop an OSC 52 of more than about 100,000 base64 letters, some of them silently."""


def copy_sequence(text: str, environ: Mapping[str, str] | None = None) -> str | None:
    """The bytes that put `text` on the clipboard of the terminal at the other end, or None when it is too long."""
    environ = os.environ if environ is None else environ
    data = text.encode()
    if len(data) > MOST_BYTES:
        return None
    sequence = f"\x1b]52;c;{base64.b64encode(data).decode('ascii')}\x07"
    if "TMUX" in environ:
        return f"\x1bPtmux;\x1b{sequence}\x1b\\"
    return sequence
