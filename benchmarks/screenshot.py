"""Draw the picture of the README: the real console on the 17 November stand-ins, as SVG.

`python -m benchmarks.screenshot [PATH]` (docs/level-1.svg by default). It waits until every pane has answered.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import cast

from screens.critical.screen import CriticalScreen
from tui.app import WarRoomApp
from tui.options import Options

SIZE = (120, 40)
LONGEST_S = 90.0


async def draw(path: Path) -> None:
    """Run the console without a terminal until level 1 is complete, and save what it shows."""
    app = WarRoomApp(Options(sandbox="nov17", theme="dark"))
    try:
        async with app.run_test(size=SIZE) as pilot:
            for _ in range(int(LONGEST_S)):
                await pilot.pause(1.0)
                if _complete(cast("CriticalScreen", app.screen)):
                    break
            await pilot.pause(1.0)
            path.write_text(app.export_screenshot(title="Zillow War Room"), encoding="utf-8")
    finally:
        app.end()


def _complete(screen: CriticalScreen) -> bool:
    """Every pulse is judged against what is usual and every check has answered."""
    pulses = [screen.state.pulse(issue) for issue in screen.state.issues]
    judged = all(reading is not None and reading.value is not None and reading.value.ratio for reading in pulses)
    keys = [key for key in screen.shown_readings() if key.startswith("check:")]
    return judged and all(key in screen.state.readings and screen.state.readings[key].value for key in keys)


if __name__ == "__main__":
    asyncio.run(draw(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/level-1.svg")))
