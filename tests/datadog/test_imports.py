"""The first paint does not pay for the client."""

from __future__ import annotations

import subprocess
import sys


def test_importing_the_source_imports_no_client() -> None:
    code = (
        "import sys, diagnostics.sources.datadog, diagnostics.sources.budgets\n"
        "heavy = {'datadog_api_client', 'urllib3', 'textual', 'rich', 'sqlalchemy', 'httpx', 'lark'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
