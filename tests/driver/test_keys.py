"""Bytes and pauses in, keys out: what terminals send, as recorded, and what the console must make of it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from textual import events, messages
from textual.message import Message

from tui.terminal.keys import KeyReader

Read = bytes | float
"""Bytes that come at once, or seconds of silence."""

FOREVER = 30.0


def said(*reads: Read, encoding: str = "utf-8", mouse: bool = False) -> list[str]:
    """What a terminal that sends these has said: keys by their names, pastes in quotes, all else by its class."""
    reader, now = KeyReader(encoding, mouse=mouse), 100.0
    found: list[str] = []
    for read in reads:
        if isinstance(read, bytes):
            found += named(reader.feed(read, now))
            now += 0.001
            continue
        until = now + read
        while (wait := reader.wait_s(now)) is not None and now + wait <= until:
            now += wait
            found += named(reader.tick(now))
        now = until
    return found


def named(found: Iterable[Message]) -> list[str]:
    names = []
    for message in found:
        if isinstance(message, events.Key):
            names.append(message.key)
        elif isinstance(message, events.Paste):
            names.append(repr(message.text))
        else:
            names.append(type(message).__name__)
    return names


def in_pieces(data: bytes, pause: float) -> list[Read]:
    return [piece for byte in data for piece in (bytes([byte]), pause)]


# ---- bytes


@pytest.mark.parametrize(
    ("reads", "keys"),
    [
        # é of a PuTTY that speaks Latin-1, alone in its read, ended the console with exit code 70.
        ([b"\xe9", 2.0, b"q"], ["\ufffd", "q"]),
        ([b"\xe9", b"q"], ["\ufffd", "q"]),
        ([b"\xf0\x9f", 2.0, b"q"], ["\ufffd", "q"]),
        ([b"\xf0\x9f", 0.1, b"\x98\x80", b"q"], ["\U0001f600", "q"]),
        ([b"\xff\xfe", b"j"], ["\ufffd", "\ufffd", "j"]),
        ([b"\xc3", 0.2, b"\xa9"], ["é"]),
        ([b"\xed\xa0\x80j"], ["\ufffd", "\ufffd", "\ufffd", "j"]),
    ],
)
def test_bytes_that_are_no_character_are_a_mark_and_the_next_key_is_heard(reads: list[Read], keys: list[str]) -> None:
    reader, characters, now = KeyReader(), [], 0.0
    for read in reads:
        if isinstance(read, bytes):
            found = reader.feed(read, now)
        else:
            now += read
            found = reader.tick(now)
        characters += [message.character for message in found if isinstance(message, events.Key)]
    assert characters == keys


def test_a_terminal_of_another_encoding_is_read_in_its_own() -> None:
    assert said(b"\xe9", b"q", encoding="iso8859-1") == ["é", "q"]
    # What Python says where it knows nothing.
    assert said("é".encode(), encoding="ascii") == ["é"]


# ---- Esc


@pytest.mark.parametrize(
    ("reads", "keys"),
    [
        ([b"\x1b", FOREVER], ["escape"]),
        # tmux holds Esc back for half a second and hands it on with what was typed meanwhile.
        ([b"\x1b2"], ["escape", "2"]),
        ([b"\x1bq"], ["escape", "q"]),
        ([b"\x1bf"], ["escape", "f"]),
        ([b"\x1b\r"], ["escape", "enter"]),
        ([b"\x1b\x1b", FOREVER], ["escape", "escape"]),
        ([b"\x1b\x1b[A"], ["escape", "up"]),
        ([b"\x1b", 0.15, b"j"], ["escape", "j"]),
        # Keys that begin sequences as well are keys after a pause.
        ([b"\x1b[", FOREVER], ["escape", "left_square_bracket"]),
        ([b"\x1b]", FOREVER], ["escape", "right_square_bracket"]),
        ([b"\x1bO", FOREVER], ["escape", "O"]),
        ([b"\x1bP", FOREVER], ["escape", "P"]),
        ([b"\x1b]j"], ["escape", "right_square_bracket", "j"]),
        ([b"\x1bPj"], ["escape", "P", "j"]),
        ([b"\x1b:"], ["escape", "colon"]),
    ],
)
def test_escape_and_a_key_are_both_heard_however_they_arrive(reads: list[Read], keys: list[str]) -> None:
    assert said(*reads) == keys


SEQUENCES = {
    b"\x1b[A": "up",
    b"\x1bOA": "up",
    b"\x1b[1;5C": "ctrl+right",
    b"\x1b[5~": "pageup",
    b"\x1b[Z": "shift+tab",
    b"\x1bOP": "f1",
    b"\x1b[[A": "f1",
    b"\x1b[11~": "f1",
    b"\x1b[3~": "delete",
    b"\x1b[H": "home",
    b"\x1b[27u": "escape",
    b"\x1b[108;5u": "ctrl+l",
    b"\x1b[13u": "enter",
}


@pytest.mark.parametrize(("sequence", "key"), SEQUENCES.items())
def test_keys_that_are_sequences_are_keys_whole_and_split_over_reads(sequence: bytes, key: str) -> None:
    assert said(sequence + b"j") == [key, "j"]
    assert said(*in_pieces(sequence, 0.05), b"j") == [key, "j"]


# ---- what is no key

REPLIES = {
    "DA1": b"\x1b[?62;22c",
    "DA1 of xterm": b"\x1b[?64;1;2;6;9;15;16;17;18;21;22;28c",
    "DA2": b"\x1b[>41;390;0c",
    "DA3": b"\x1bP!|00000000\x1b\\",
    "DECRPM": b"\x1b[?2027;0$y",
    "DECRPM of an ANSI mode": b"\x1b[4;2$y",
    "OSC 10": b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\",
    "OSC 11": b"\x1b]11;rgb:1e1e/1e1e/1e1e\x07",
    "OSC 52": b"\x1b]52;c;cXVpdA==\x07",
    "CPR": b"\x1b[24;80R",
    "DSR": b"\x1b[0n",
    "XTVERSION": b"\x1bP>|tmux 3.3a\x1b\\",
    "XTGETTCAP": b"\x1bP1+r544e=787465726d\x1b\\",
    "DECRQSS": b"\x1bP1$r0m\x1b\\",
    "kitty keyboard": b"\x1b[?0u",
    "kitty graphics": b"\x1b_Gi=31;OK\x1b\\",
    "window size": b"\x1b[8;40;120t",
    "unknown with ~": b"\x1b[50~",
    "unknown with number": b"\x1b[99~",
    "unknown CSI": b"\x1b[?1;2;3;4z",
    "restored cursor": b"\x1b[u",
    "unknown SS3": b"\x1bOz",
    "no character": b"\x1b[9999999999u",
    "8-bit CSI": "\x9b?62;22c".encode(),
    "8-bit OSC": "\x9d11;rgb:00/00/00\x9c".encode(),
    "mouse nobody asked for": b"\x1b[<0;10;10M",
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES.keys())
def test_what_a_terminal_answers_is_no_key(reply: bytes) -> None:
    assert said(reply) == []
    assert said(b"j" + reply + b"k") == ["j", "k"]
    assert said(*in_pieces(reply, 0.05), b"q") == ["q"]


def test_a_window_title_is_no_key_where_it_comes_whole() -> None:
    # It begins as Esc, `]` and `l` do, which are keys.
    assert said(b"\x1b]lquit\x1b\\") == []


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES.keys())
def test_a_reply_that_breaks_off_does_not_leave_the_console_deaf(reply: bytes) -> None:
    for length in range(3, len(reply)):
        begun = said(reply[:length], FOREVER)
        assert said(reply[:length], FOREVER, b"q") == [*begun, "q"]
        assert said(reply[:length], b"\x03")[-1] == "ctrl+c"


def test_focus_and_modes_are_told_and_are_no_keys() -> None:
    assert said(b"\x1b[I", b"\x1b[O") == ["AppFocus", "AppBlur"]
    (message,) = KeyReader().feed(b"\x1b[?2026;2$y", 0.0)
    assert isinstance(message, messages.TerminalSupportsSynchronizedOutput)
    (resize,) = KeyReader().feed(b"\x1b[48;40;120;800;1200t", 0.0)
    assert isinstance(resize, events.Resize)
    assert (resize.size.width, resize.size.height) == (120, 40)


def test_mouse_reports_are_told_where_they_were_asked_for() -> None:
    assert said(b"\x1b[<0;10;10M", b"\x1b[<0;10;10m", mouse=True) == ["MouseDown", "MouseUp"]
    assert said(b"\x1b[M !!", b"j", mouse=True) == ["j"]


# ---- pastes

BEGIN, END = b"\x1b[200~", b"\x1b[201~"


@pytest.mark.parametrize(
    ("reads", "keys"),
    [
        ([BEGIN + b"one\ntwo" + END + b"j"], ["'one\\ntwo'", "j"]),
        # The end marker split by 150 ms, wherever.
        *(([BEGIN + b"text" + END[:at], 0.15, END[at:], b"q"], ["'text'", "q"]) for at in range(1, len(END))),
        ([BEGIN, *in_pieces(b"text" + END, 0.15), b"q"], ["'text'", "q"]),
        # Esc within a paste stays text until the marker is whole.
        ([BEGIN + b"a\x1b[Ab" + END], ["'a\\x1b[Ab'"]),
        ([BEGIN + "é".encode()[:1], 0.1, "é".encode()[1:] + END], ["'é'"]),
        # The marker is lost: what was pasted shows, and each key is heard.
        ([BEGIN + b"text", 1.1, b"q"], ["'text'", "q"]),
        ([BEGIN + b"text", 1.1, b"\x03"], ["'text'", "ctrl+c"]),
        ([BEGIN + b"text", 1.1, b"\x1b", 0.2, b"q"], ["'text'", "escape", "q"]),
        # Typed while it still waits: heard once the paste is given up.
        ([BEGIN + b"text", 0.5, b"q", FOREVER], ["'text'", "q"]),
        ([BEGIN + b"text", 0.5, b"\x1b", 0.2, b"\x1b", FOREVER], ["'text'", "escape", "escape"]),
        # The rest of the marker comes after all.
        *(([BEGIN + b"text" + END[:at], 1.5, END[at:], b"q"], ["'text'", "q"]) for at in range(1, len(END))),
        # A link that stalls in the middle of a paste: what follows is no command.
        ([BEGIN + b"text", 3.0, b"quit 12" + END, b"j"], ["'text'", "'quit 12'", "j"]),
        ([BEGIN + b"text", 3.0, b"quit", 2.0, b"q"], ["'text'", "'quit'", "q"]),
        ([BEGIN, FOREVER, b"q"], ["q"]),
        ([END, b"q"], ["q"]),
    ],
)
def test_a_paste_comes_to_an_end(reads: list[Read], keys: list[str]) -> None:
    assert said(*reads) == keys
