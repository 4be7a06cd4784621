"""The service layer runs without a terminal, and the first paint without the service layer."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import diagnostics

FORBIDDEN = ("textual", "tui", "screens", "widgets", "sandbox", "uvicorn", "starlette")
HEAVY = ("pydantic", "sqlalchemy", "pymysql", "httpx", "datadog_api_client", "lark", "uvicorn", "starlette")


def loaded_after(code: str) -> set[str]:
    """Top-level modules that a fresh process has loaded after running `code`."""
    command = f"{code}\nimport sys\nprint(' '.join(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, timeout=120, check=True)
    return set(done.stdout.split())


def test_the_whole_service_layer_imports_without_any_part_of_the_terminal() -> None:
    names = [module.name for module in pkgutil.walk_packages(diagnostics.__path__, "diagnostics.")]
    assert len(names) > 20
    loaded = loaded_after("\n".join(f"import {name}" for name in names))
    assert loaded.isdisjoint(FORBIDDEN), loaded & set(FORBIDDEN)


def test_the_first_paint_needs_none_of_the_heavy_packages() -> None:
    loaded = loaded_after("import tui.app, tui.console, screens.critical.screen")
    assert loaded.isdisjoint(HEAVY), loaded & set(HEAVY)


def test_the_first_paint_needs_no_address_and_no_document() -> None:
    # Dozens of dataclasses: each costs half a millisecond to make, a tenth of what the console imports.
    code = "import tui.__main__, tui.cli.main, tui.app, tui.console, screens.critical.screen"
    names = ("screens.addresses", "screens.listing", "diagnostics.core.document")
    there = f"import sys\nassert not [name for name in {names!r} if name in sys.modules]"
    assert loaded_after(f"{code}\n{there}")


def test_the_command_line_reaches_the_console_without_the_heavy_packages() -> None:
    loaded = loaded_after("import tui.__main__, tui.cli.main")
    assert loaded.isdisjoint({*HEAVY, "textual"}), loaded & {*HEAVY, "textual"}
