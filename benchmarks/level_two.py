"""All numbers of level 2: what a refresh costs beside ten times as many sync events, on a private MariaDB.

Datadog is the stand-in without its rate limits: what is compared is the share of the databases, and waiting for a
budget would hide it.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, NotAvailable, Target, median

if TYPE_CHECKING:
    from diagnostics.service import Diagnostics
    from sandbox.scale import ScaleWorld

MILLION = 1_000_000
ACCOUNTS = 50
BETWEEN_ROWS = 600
"""New rows between two refreshes: half a minute of the scale generator's twenty a second."""

QUESTIONS = ("overview", "kpis", "connections", "resolution", "systems", "leading")
UNLIMITED = ("search=1000000/1", "aggregate=1000000/1", "metrics=1000000/1")
_OPTIONS = ("--innodb-buffer-pool-size=256M", "--innodb-log-file-size=96M")


def run(quick: bool) -> list[Figure]:
    """Fill two worlds, and let a console each refresh level 2, turn by turn."""
    try:
        from sandbox.launch import start_sandbox  # noqa: PLC0415  # missing pieces are reported
        from sandbox.scale import fill_scale  # noqa: PLC0415
        from tests.mariadb import MariaDBUnavailable, private_mariadb  # noqa: PLC0415
    except ImportError as error:
        raise NotAvailable(f"a private MariaDB server: {error}") from error
    small = MILLION // 10 if quick else MILLION
    try:
        with (
            private_mariadb(*_OPTIONS) as server,
            start_sandbox("healthy", rate_limits=UNLIMITED) as sandbox,
            tempfile.TemporaryDirectory() as folder,
        ):
            consoles = []
            try:
                for name, rows in (("small", small), ("large", 10 * small)):
                    world = fill_scale(server.url(), rows=rows, accounts=ACCOUNTS, prefix=f"scale_{name}")
                    consoles.append(_Console(world, sandbox.flags(), Path(folder) / name))
                return _figures(*consoles, rounds=5 if quick else 20)
            finally:
                for console in consoles:
                    console.close()
    except MariaDBUnavailable as error:
        raise NotAvailable(str(error)) from error


def _figures(small: _Console, large: _Console, *, rounds: int) -> list[Figure]:
    first = [console.refresh() for console in (small, large)]
    for console in (small, large):
        console.settle()
    took: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in (*QUESTIONS, "all")}
    for _ in range(rounds):
        # Turn by turn, so that whatever else the machine does falls on both.
        for place, console in enumerate((small, large)):
            console.world.append(BETWEEN_ROWS)
            parts = console.refresh()
            for name, milliseconds in parts.items():
                took[name][place].append(milliseconds)
            took["all"][place].append(sum(parts.values()))
    names = f"{large.rows // 1_000:,}k events beside {small.rows // 1_000:,}k"
    figures = [
        Figure(
            f"level 2, every number, {names}",
            "ms",
            median(took["all"][1]),
            median(took["all"][0]),
            Target(1.2, ratio=True),
            f"{rounds} refreshes, {BETWEEN_ROWS} new rows each",
        )
    ]
    figures += [Figure(f"  {name}", "ms", median(took[name][1]), median(took[name][0])) for name in QUESTIONS]
    figures.append(Figure("first answer of all of it", "ms", sum(first[1].values()), sum(first[0].values())))
    return figures


class _Console:
    """One service over one world."""

    def __init__(self, world: ScaleWorld, stand_ins: dict[str, object], folder: Path) -> None:
        from diagnostics.catalogue import load_catalogue  # noqa: PLC0415  # it costs what the other benchmarks measure
        from diagnostics.config.layers import load_settings  # noqa: PLC0415
        from diagnostics.service import Diagnostics  # noqa: PLC0415

        flags = {key: value for key, value in stand_ins.items() if key.startswith("datadog.")}
        # Kept for a second, so that each refresh asks every account again.
        flags |= {**world.flags(), "state_dir": folder, "fleet.refresh_s": 0.001}
        self.world = world
        self.rows = world.size.rows
        self._service: Diagnostics = Diagnostics.open(load_settings(flags=flags, environ={}).settings, load_catalogue())

    def refresh(self) -> dict[str, float]:
        """Milliseconds of each question, asked anew."""
        self._service.forget_answers()
        return {name: self._timed(name) for name in QUESTIONS}

    def settle(self) -> None:
        """Let the first count end, and what is counted in the background with it."""
        for _ in range(3):
            self.refresh()

    def close(self) -> None:
        """Close the service and drop the world."""
        self._service.close()
        self.world.remove()

    def _timed(self, name: str) -> float:
        begin = time.perf_counter()
        getattr(self._service.health, name)()
        return (time.perf_counter() - begin) * 1_000
