"""The writer against a real pty whose other side reads, does not read, or is gone."""

from __future__ import annotations

import os
import pty
import re
import select
import threading
import time
import tty
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tui.terminal.writer import SYNC_END, SYNC_START, Writer, is_frame


def frame(number: int, size: int = 4_000) -> str:
    """A frame as Textual's compositor ends it."""
    return f"\x1b[1;1H<{number}>" + "x" * size + "\x1b[1;1H"


@dataclass(slots=True)
class Line:
    """A terminal line: the writer's end and the reader's."""

    master: int
    writer: Writer
    drained: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)

    def take(self, until: bytes, timeout: float = 5.0) -> bytes:
        """Read until `until` has arrived."""
        data = b""
        deadline = time.monotonic() + timeout
        while until not in data:
            assert time.monotonic() < deadline, data[-200:]
            if select.select([self.master], [], [], 0.05)[0]:
                data += os.read(self.master, 65_536)
        return data


@pytest.fixture
def line() -> Iterator[Line]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    drained, gone = threading.Event(), threading.Event()
    writer = Writer(slave, on_drained=drained.set, on_hangup=gone.set)
    writer.start()
    yield Line(master, writer, drained, gone)
    writer.stop(0.1)
    for descriptor in (master, slave):
        try:
            os.close(descriptor)
        except OSError:
            continue


def fill(line: Line, frames: int = 200) -> None:
    """Write more than the terminal and the backlog hold together, and wait until frames have been lost."""
    for number in range(frames):
        line.writer.write(frame(number))
    while not line.writer.dropped_frames:
        time.sleep(0.001)


def test_frames_and_control_arrive_in_the_order_they_were_written(line: Line) -> None:
    expected = b""
    for number in range(20):
        for text in (frame(number, 50), f"\x1b[?{number}h"):
            line.writer.write(text)
            expected += text.encode()
    assert line.take(b"\x1b[?19h") == expected
    assert line.writer.dropped_frames == 0


def test_writing_to_a_terminal_that_takes_nothing_returns_at_once(line: Line) -> None:
    done = threading.Event()

    def write() -> None:
        for number in range(1_000):
            line.writer.write(frame(number))
        done.set()

    threading.Thread(target=write, daemon=True).start()
    assert done.wait(10)


def test_frames_are_dropped_when_nothing_takes_them_and_one_repaint_is_asked_for_later(line: Line) -> None:
    fill(line)
    assert not line.drained.is_set()
    line.writer.write("\x07")
    received = line.take(b"\x07")
    assert line.drained.wait(5)
    assert received.count(b"<") + line.writer.dropped_frames == 200
    line.writer.write(frame(777))
    assert b"<777>" in line.take(b"<777>")


def test_control_is_never_dropped(line: Line) -> None:
    expected = [f"\x1b]52;c;{number}\x07" for number in range(50)]
    for number, control in enumerate(expected):
        line.writer.write(frame(number, 20_000))
        line.writer.write(control)
    while not line.writer.dropped_frames:
        time.sleep(0.001)
    received = line.take(b";49\x07").decode()
    assert [control for control in expected if control in received] == expected


def test_one_frame_larger_than_the_whole_backlog_is_painted_all_the_same(line: Line) -> None:
    line.writer.write(frame(1, 400_000))
    assert len(line.take(b"\x1b[1;1H", 10)) > 0
    line.writer.write("\x07")
    line.take(b"\x07", 10)
    assert line.writer.dropped_frames == 0


def test_a_frame_begun_is_finished_so_that_no_sequence_is_cut(line: Line) -> None:
    fill(line)
    line.writer.write("\x07")
    received = line.take(b"\x07").decode()
    assert re.sub(r"\x1b\[1;1H<\d+>x{4000}\x1b\[1;1H", "", received) == "\x07"


def test_a_synchronised_update_is_kept_with_its_frame_or_lost_with_it(line: Line) -> None:
    for number in range(200):
        for text in (SYNC_START, frame(number), SYNC_END):
            line.writer.write(text)
    line.writer.write("\x07")
    received = line.take(b"\x07").decode()
    assert received.count(SYNC_START) == received.count(SYNC_END) == received.count("<")


def test_a_frame_of_a_few_cells_comes_without_the_synchronised_update(line: Line) -> None:
    for text in (SYNC_START, frame(1, 10), SYNC_END, SYNC_START, frame(2, 1_000), SYNC_END):
        line.writer.write(text)
    assert line.take(SYNC_END.encode()).decode() == frame(1, 10) + SYNC_START + frame(2, 1_000) + SYNC_END


def test_stopping_writes_the_control_that_waits_but_not_the_frames(line: Line) -> None:
    fill(line)
    line.writer.write("\x1b[?1049l")
    taker = threading.Thread(target=lambda: received.append(line.take(b"\x1b[?1049l")))
    received: list[bytes] = []
    taker.start()
    assert line.writer.stop(5)
    taker.join(5)
    assert received[0].endswith(b"\x1b[1;1H\x1b[?1049l")


def test_stopping_gives_up_on_a_terminal_that_takes_nothing(line: Line) -> None:
    fill(line)
    line.writer.write("\x1b[?1049l")
    assert line.writer.stop(0.05) is False
    assert not line.writer.is_alive()


def test_writing_after_the_end_is_without_effect(line: Line) -> None:
    assert line.writer.stop()
    line.writer.write(frame(1))
    assert line.writer.stop()


def test_a_terminal_that_is_gone_is_noticed_once_and_costs_nothing_more(line: Line) -> None:
    os.close(line.master)
    line.writer.write(frame(1))
    assert line.gone.wait(5)
    line.writer.write(frame(2))
    line.writer.write("\x07")
    assert line.writer.stop()


def test_a_lone_surrogate_does_not_end_the_writer(line: Line) -> None:
    line.writer.write("\x1b[1;1Ha\ud800b\x1b[1;1H")
    assert line.take(b"b\x1b[1;1H") == b"\x1b[1;1Ha?b\x1b[1;1H"


def test_the_flags_of_the_descriptor_that_a_shell_shares_are_left_alone() -> None:
    _master, slave = pty.openpty()
    writer = Writer(slave, on_drained=lambda: None, on_hangup=lambda: None)
    assert os.get_blocking(slave)
    writer.stop()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (frame(1), True),
        ("\x1b[12;120H", True),
        ("\x1b[?1049h", False),
        ("\x1b]52;c;SGVsbG8=\x07", False),
        ("\x07", False),
        ("\x1b[?2026$p", False),
        ("", False),
    ],
)
def test_only_what_the_compositor_paints_counts_as_a_frame(text: str, expected: bool) -> None:
    assert is_frame(text) is expected
