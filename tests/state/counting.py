"""A console that only counts, as a process of its own: `python -m tests.state.counting SETTINGS_JSON ROUNDS`.

It writes one line to standard output before every statement to the shared database, and one at its end.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from diagnostics.catalogue import load_catalogue
from diagnostics.config.settings import DatabaseSettings, Settings, StateSettings
from diagnostics.core.context import Context
from diagnostics.sources.datadog import Datadog
from diagnostics.sources.mysql.databases import Databases, Rows
from diagnostics.store.rollups import RollupLimits, SyncRollup


class Telling(Databases):
    """Says so before it asks."""

    def read_common(self, statement: Any, **options: Any) -> Rows:  # noqa: ANN401  # passed through
        sys.stdout.write("asking\n")
        sys.stdout.flush()
        return super().read_common(statement, **options)


def main() -> None:
    """Refresh and widen so many times."""
    given, rounds = json.loads(sys.argv[1]), int(sys.argv[2])
    settings = Settings(
        state_dir=given["state_dir"],
        databases=DatabaseSettings(common_url=given["common_url"]),
        state=StateSettings(url=given["state_url"]),
    )
    catalogue = load_catalogue()
    databases = Telling(settings.databases, catalogue.schema_map)
    context = Context(settings, catalogue, Datadog(settings.datadog), databases)
    rollup = SyncRollup(context, limits=RollupLimits(chunk=100, entry_ids=50, grace_s=1))
    for _ in range(rounds):
        rollup.refresh()
        rollup.widen()
    if not context.state.is_lasting:
        raise SystemExit(context.state.problem)
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main()
