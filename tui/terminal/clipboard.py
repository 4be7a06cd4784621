"""Copying over SSH: OSC 52, wrapped for tmux, with a cap.

GNU screen takes no OSC 52, and hands on no more than 256 bytes of what is wrapped for the terminal around it: the rest
is painted over the picture. There the text is shown to be selected instead.

The sequence is written by the console itself from text that has passed the gate; no outside text can produce one.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping

from diagnostics.config.paths import without_secrets

MOST_BYTES = 74_000
"""Terminals drop an OSC 52 of more than about 100,000 base64 letters, some of them silently."""


def load_into_tmux(text: str) -> bool:
    """Put `text` into tmux's newest buffer and, through tmux, on the outer clipboard; False when it will not.

    tmux drops what programs write for the clipboard unless it is told otherwise, so it is asked itself. Blocks for two
    seconds at most. The text goes through a pipe, never into an argument.
    """
    import subprocess  # noqa: PLC0415  # only people inside tmux who copy

    command = ["tmux", "load-buffer", "-w", "-"]
    try:
        done = subprocess.run(  # noqa: S603
            command,
            input=text.encode(),
            capture_output=True,
            timeout=2,
            check=False,
            env=without_secrets(os.environ),
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def inside_screen(environ: Mapping[str, str]) -> bool:
    """Whether GNU screen stands, or may stand, between the console and the terminal.

    Over SSH only TERM tells of it. A tmux that calls itself by the same name drops what a program writes for the
    clipboard unless it is told otherwise, and asked itself it can only be on its own host.
    """
    return "STY" in environ or ("TMUX" not in environ and environ.get("TERM", "").startswith("screen"))


def copy_sequence(text: str, environ: Mapping[str, str] | None = None) -> str | None:
    """The bytes that put `text` on the clipboard of the terminal at the other end; None where it would not arrive."""
    environ = os.environ if environ is None else environ
    data = text.encode()
    if len(data) > MOST_BYTES:
        return None
    if inside_screen(environ):
        return None
    sequence = f"\x1b]52;c;{base64.b64encode(data).decode('ascii')}\x07"
    if "TMUX" in environ:
        return f"\x1bPtmux;\x1b{sequence}\x1b\\"
    return sequence
