"""From the bytes that a terminal sends, and the pauses between them, to keys, pastes and sizes.

Textual's parser waits without end for the end of a paste, makes keys of every sequence that it does not know, and takes
Esc and a key that arrive together for alt and the key, which no key of the console is. Here bytes are cut into whole
units first: a character, a sequence, a paste. What a unit means is still asked of Textual; a sequence that means no key
is swallowed; and every unit that stays unfinished has a time after which it is given up.
"""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import Final

from textual import constants, events, messages
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._keyboard_protocol import FUNCTIONAL_KEYS
from textual._xterm_parser import (
    BRACKETED_PASTE_END,
    BRACKETED_PASTE_START,
    FOCUSIN,
    FOCUSOUT,
    IS_ITERM,
    XTermParser,
    _re_in_band_window_resize,
    _re_terminal_mode_response,
)
from textual.keys import Keys
from textual.message import Message

ESC: Final = "\x1b"

LONE_ESCAPE_S: Final = constants.ESCAPE_DELAY
"""After this silence Esc, and Esc with one character that could begin a sequence, were keys."""
UNFINISHED_S: Final = 1.0
"""After this silence the rest of a terminal's reply, or of a paste, does not come any more."""
TYPED_PAUSE_S: Final = 0.1
"""A single key that comes after this pause within a paste may be one of a person who waits for its end."""
TYPED_S: Final = 0.3
"""How long a paste waits for its end marker after such a key."""
OVERDUE_S: Final = 10.0
"""For so long after a paste was given up, what comes in one piece is taken for the rest of it and not for keys."""
CHARACTER_S: Final = 0.5
"""After this silence the rest of a character does not come any more."""
LONGEST_REPLY: Final = 65_536
"""Characters of one reply; what is longer is not one."""

_CSI = re.compile(r"\x1b\[(?:\[[A-E]|[0-?]*[ -/]*[@-Z\\-~]|[0-?]+[ -/]*\[)")
_CSI_BEGUN = re.compile(r"\x1b\[(?:\[|[0-?]*[ -/]*)\Z")
_SS3 = re.compile(r"\x1bO[0-9;]*[A-Za-z]")
_SS3_BEGUN = re.compile(r"\x1bO[0-9;]*\Z")
# Replies that are strings. OSC begins with a number, DCS with parameters: Esc and `]` or `P` before all else are keys.
_STRING_BODY = r"[^\x00-\x06\x08-\x1f\x9c]*"
_STRING_START = r"\x1b(?:\][0-9]|P[0-9;<=>?!$+]|[_^X][ -~])"
_STRING = re.compile(rf"(?:{_STRING_START}|\x1b\][lLI]){_STRING_BODY}(?:\x07|\x1b\\|\x9c)")
_STRING_BEGUN = re.compile(rf"{_STRING_START}{_STRING_BODY}\x1b?\Z")
_FOCUS: Final[dict[str, type[Message]]] = {FOCUSIN: events.AppFocus, FOCUSOUT: events.AppBlur}
_BARE = re.compile(r"\x1b(?:[\[O\]P_^X])?\Z")
"""What may be Esc, or Esc and a key, or the beginning of something longer."""
_FIRST_C1, _LAST_C1 = "\x80", "\x9f"
_X10_MOUSE_LENGTH: Final = 6
_CURSOR_REPORT = re.compile(r"\x1b\[[0-9]+;[0-9]+R")
_NUMBERED = re.compile(r"\x1b\[([0-9]*)[0-9:;]*([u~A-Z])")
_OTHER_KEYS = re.compile(r"\x1b\[27;[0-9]+;[0-9]+~")
"""A key that has no sequence of its own, as xterm's modifyOtherKeys writes it."""


class KeyReader:
    """Takes what is read from a terminal and gives what it means; knows no clock but the moments that it is told.

    `encoding` is that of the terminal; `mouse` whether mouse reports were asked for. A moment is in monotonic seconds.
    """

    def __init__(self, encoding: str = "utf-8", *, mouse: bool = False) -> None:
        # Python calls a terminal of which it knows nothing ASCII.
        known = encoding if encoding.lower().replace("-", "") not in {"ascii", "usascii"} else "utf-8"
        self._decoder = getincrementaldecoder(known)("replace")
        self._mouse = mouse
        self._meaning = XTermParser()
        self._held = ""
        """What came in and is not whole yet; in a paste, all of it so far."""
        self._in_paste = False
        self._typed_from: int | None = None
        """Where in a paste the single keys begin that came after a pause."""
        self._owed = ""
        """The rest of an end marker that was cut off by a pause."""
        self._overdue_until = 0.0
        self._last = 0.0
        """When something was last read."""
        self._deadline: float | None = None

    def wait_s(self, now: float) -> float | None:
        """Seconds until `tick` has something to do; None while nothing is unfinished."""
        return None if self._deadline is None else max(0.0, self._deadline - now)

    def feed(self, data: bytes, now: float) -> list[Message]:
        """What `data`, read at once at this moment, completes."""
        pause, self._last = now - self._last, now
        text = self._decoder.decode(data)
        return self._take(text, pause, now) if text else self._then(now, [])

    def tick(self, now: float) -> list[Message]:
        """What the silence since the last read completes."""
        if self._deadline is None or now < self._deadline:
            return []
        self._deadline = None
        found: list[Message] = []
        rest = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        if rest:
            found += self._take(rest, 0.0, now)
        if self._in_paste:
            found += self._give_up_paste(now)
        elif _BARE.match(self._held):
            held, self._held = self._held, ""
            for character in held:
                found += self._meant(character)
        else:
            # A reply that broke off: none of it is a key.
            self._held = ""
        return self._then(now, found)

    def _take(self, text: str, pause: float, now: float) -> list[Message]:
        if self._in_paste:
            is_key = len(text) == 1 and pause >= TYPED_PAUSE_S
            if not is_key:
                self._typed_from = None
            elif self._typed_from is None:
                self._typed_from = len(self._held)
        elif now < self._overdue_until:
            text = self._late(text)
        self._held += text
        found = [message for unit in self._units() for message in unit]
        return self._then(now, found)

    def _then(self, now: float, found: list[Message]) -> list[Message]:
        """Set the time at which what is unfinished is given up."""
        if self._in_paste:
            self._deadline = now + (UNFINISHED_S if self._typed_from is None else TYPED_S)
        elif self._held:
            self._deadline = now + (LONE_ESCAPE_S if _BARE.match(self._held) else UNFINISHED_S)
        elif self._decoder.getstate()[0]:
            self._deadline = now + CHARACTER_S
        else:
            self._deadline = None
        return found

    # ---- units

    def _units(self) -> Iterator[list[Message]]:
        """Cut whole units off what is held, and say what each means."""
        while self._held:
            if self._in_paste:
                pasted, marker, rest = self._held.partition(BRACKETED_PASTE_END)
                if not marker:
                    return
                self._in_paste, self._typed_from, self._held = False, None, rest
                yield _paste(pasted)
            elif _FIRST_C1 <= self._held[0] <= _LAST_C1:
                # The same beginning in one character. Not within a paste, where it could make itself an end marker.
                self._held = ESC + chr(ord(self._held[0]) - 0x40) + self._held[1:]
            elif self._held[0] != ESC:
                character, self._held = self._held[0], self._held[1:]
                yield self._meant(character)
            else:
                length = self._whole()
                if length == 0:
                    return
                unit, self._held = self._held[:length], self._held[length:]
                if unit == BRACKETED_PASTE_START:
                    self._in_paste, self._typed_from = True, None
                elif unit != BRACKETED_PASTE_END:
                    yield self._meant(unit)

    def _whole(self) -> int:
        """The length of the unit at the beginning of what is held, which is Esc; 0 where it is not whole yet."""
        held = self._held
        if self._mouse and held.startswith("\x1b[M"):
            return _X10_MOUSE_LENGTH if len(held) >= _X10_MOUSE_LENGTH else 0
        for sequence in (_CSI, _SS3, _STRING):
            if found := sequence.match(held):
                return found.end()
        if _BARE.match(held) or _CSI_BEGUN.match(held) or _SS3_BEGUN.match(held):
            return 0
        if _STRING_BEGUN.match(held) and len(held) <= LONGEST_REPLY:
            return 0
        # Neither a sequence nor the beginning of one. What had begun as one is no key; Esc before anything else is.
        return _broken_off(held)

    def _meant(self, unit: str) -> list[Message]:
        """The messages of one unit; none for a sequence that is no key."""
        if len(unit) == 1 or _is_key(unit):
            return [*_keys(self._meaning, unit)]
        if unit in _FOCUS:
            return [_FOCUS[unit]()]
        if size := _re_in_band_window_resize.fullmatch(unit):
            return [self._size(*(int(group.partition(":")[0] or 0) for group in size.groups()))]
        if report := _re_terminal_mode_response.match(unit):
            return _mode(report["mode_id"], int(report["setting_parameter"]))
        event = self._meaning.parse_mouse_code(unit) if self._mouse else None
        return [event] if event is not None else []

    def _size(self, height: int, width: int, pixel_height: int, pixel_width: int) -> events.Resize:
        size = events.Resize.from_dimensions((width, height), (pixel_width, pixel_height))
        self._meaning.terminal_size, self._meaning.terminal_pixel_size = size.size, size.pixel_size
        self._meaning.mouse_pixels = True
        return size

    # ---- a paste that does not end

    def _give_up_paste(self, now: float) -> list[Message]:
        """What was pasted so far, then the keys that were typed while it did not end."""
        at = len(self._held) if self._typed_from is None else self._typed_from
        pasted, typed = self._held[:at], self._held[at:]
        # The marker itself may have been cut by the pause, and the rest of it be still to come.
        cut = _begun_marker(pasted)
        self._owed = _MARKER[cut or _begun_marker(typed) :]
        self._in_paste, self._typed_from, self._held = False, None, typed
        self._overdue_until = now + OVERDUE_S if not typed or _MARKER.startswith(typed) else 0.0
        found = _paste(pasted[: len(pasted) - cut])
        for unit in self._units():
            found += unit
        return found

    def _late(self, text: str) -> str:
        """What is left of `text` when it is the rest of a paste that was given up: put back into a paste."""
        if self._owed != _MARKER and text.startswith(self._owed):
            self._overdue_until = 0.0
            return text[len(self._owed) :]
        if _MARKER in text or (len(text) > 1 and ESC not in text):
            if _MARKER in text:
                self._overdue_until = 0.0
            self._in_paste = True
            return text
        # One key: a person has gone on.
        self._overdue_until = 0.0
        return text


_MARKER: Final = BRACKETED_PASTE_END


def _begun_marker(text: str) -> int:
    """How many characters at the end of `text` begin the end marker of a paste."""
    return next((n for n in range(len(_MARKER) - 1, 0, -1) if text.endswith(_MARKER[:n])), 0)


def _paste(text: str) -> list[Message]:
    kept = text.replace("\x00", "")
    return [events.Paste(kept)] if kept else []


def _mode(number: str, setting: int) -> list[Message]:
    """What the terminal's answer to a question for one of its modes means to Textual."""
    if number == "2026" and setting > 0:
        return [messages.TerminalSupportsSynchronizedOutput()]
    if number == "2048" and constants.SMOOTH_SCROLL and not IS_ITERM:
        return [messages.InBandWindowResize.from_setting_parameter(setting)]
    return []


def _broken_off(held: str) -> int:
    """How much of what begins with Esc is done with: Esc itself, or a reply that another character breaks off."""
    for begun in (r"\x1b\[[0-?]+[ -/]*", rf"{_STRING_START}{_STRING_BODY}"):
        if found := re.match(begun, held):
            return found.end()
    return 1


def _is_key(sequence: str) -> bool:
    """Whether a sequence names a key. Textual takes the number of every other for that of a character."""
    if sequence in ANSI_SEQUENCES_KEYS or _OTHER_KEYS.fullmatch(sequence):
        return True
    found = _NUMBERED.fullmatch(sequence)
    if found is None or _CURSOR_REPORT.fullmatch(sequence):
        return False
    number, end = found.groups()
    return bool(number) if end == "u" else f"{number or 1}{end}" in FUNCTIONAL_KEYS


def _keys(meaning: XTermParser, unit: str) -> Iterator[events.Key]:
    known = ANSI_SEQUENCES_KEYS.get(unit)
    if isinstance(known, tuple) and len(unit) > 1:
        yield from (events.Key(key.value, None) for key in known if key is not Keys.Ignore)
        return
    try:
        keys = list(meaning._sequence_to_key_events(unit))
    except (ValueError, OverflowError):
        # A number that is no character.
        return
    yield from (key for key in keys if key.key != Keys.Ignore)
