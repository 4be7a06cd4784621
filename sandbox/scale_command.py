"""`python -m sandbox scale`: fills databases for measuring and says how the console gets at them."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import orjson

from diagnostics.failures import UserError
from sandbox.scale import ScaleWorld, fill_scale, remove_scale
from sandbox.serve import DATABASE_URL
from sandbox.story import STATE, write_private


def scale(options: argparse.Namespace) -> int:
    """Fill, write `console.toml`, and print one line of JSON; with `--remove` only take away."""
    directory = options.directory.absolute()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot use {directory}: {error.strerror}", where="--directory", accepted="a folder to write in"
        ) from None
    url = options.database_url or os.environ.get(DATABASE_URL) or f"sqlite:///{directory}"
    if options.remove:
        remove_scale(url, prefix=options.schema_prefix)
        return 0
    world = fill_scale(
        url,
        rows=options.rows,
        accounts=options.accounts,
        agents=options.agents,
        agents_in_one=options.agents_in_one,
        deals=options.deals,
        deals_in_one=options.deals_in_one,
        webhooks=options.webhooks,
        seed=options.seed,
        prefix=options.schema_prefix,
    )
    said = {
        "config": str(_write_settings(world, directory)),
        "common_url": world.common_url,
        "client_url": world.client_url,
        "large_account": world.large_account,
        "took_s": round(world.took_s, 1),
    }
    sys.stdout.buffer.write(orjson.dumps(said) + b"\n")
    return 0


def _write_settings(world: ScaleWorld, directory: Path) -> Path:
    """Write the settings file with which `warroom --config` reads this world; the password stays in a file."""
    config, password = directory / "console.toml", directory / "database_password"
    lines = [
        f"environment = {_quoted(world.flags()['environment'])}",
        f"state_dir = {_quoted(directory / STATE)}",
        "",
        "[databases]",
        f"common_url = {_quoted(world.common_url)}",
        f"client_url = {_quoted(world.client_url)}",
    ]
    if world.password:
        write_private(password, world.password)
        lines.append(f"password_file = {_quoted(password)}")
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return config


def _quoted(value: object) -> str:
    return orjson.dumps(str(value)).decode()
