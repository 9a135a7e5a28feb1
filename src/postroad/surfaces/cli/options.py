"""What most commands share: where the store is, and the configuration that follows from it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from postroad.config import Config, load

F = TypeVar("F", bound=Callable[..., object])


def store_options(command: F) -> F:
    """Add ``--data``, ``--database`` and ``--config``; pass them on to :func:`configured`."""
    for option in (
        click.option(
            "--config",
            "config_file",
            type=click.Path(dir_okay=False, path_type=Path),
            help="TOML file with options.  [env: POSTROAD_CONFIG]",
        ),
        click.option(
            "--database",
            metavar="URL",
            help="PostgreSQL URL; without it SQLite is used.  [env: POSTROAD_DATABASE]",
        ),
        click.option(
            "--data",
            metavar="DIR",
            help="Data directory.  [env: POSTROAD_DATA; default: ./postroad-data]",
        ),
    ):
        command = option(command)
    return command


def configured(
    *,
    config_file: Path | None,
    data: str | None,
    database: str | None,
    more: dict[str, object] | None = None,
) -> Config:
    """The configuration with this command line on top. Raises :exc:`ConfigError`."""
    given: dict[str, object] = dict(more or {})
    if data is not None:
        given["store.data"] = data
    if database is not None:
        given["store.database"] = database
    return load(os.environ, overrides=given, file=config_file)
