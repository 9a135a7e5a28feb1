"""``postroad migrate``, ``postroad encrypt`` and ``postroad version``."""

from __future__ import annotations

from pathlib import Path

import click

from postroad import __version__
from postroad.domain.errors import ConfigError
from postroad.store import Store
from postroad.store.dialect import load_migrations
from postroad.surfaces.cli.options import configured, store_options
from postroad.surfaces.cli.storeroom import with_store


@click.command()
@store_options
def migrate(data: str | None, database: str | None, config_file: Path | None) -> None:
    """Bring the store's schema up to date.

    `postroad serve` does the same at start; this is for those who want it apart. There is no way
    back: make a backup first.
    """
    config = configured(config_file=config_file, data=data, database=database)

    async def work(store: Store) -> int:
        return load_migrations(store.engine)[-1].number  # opening it applied them all

    click.echo(f"The schema is up to date: version {with_store(config, work)}.")


@click.command()
@store_options
def encrypt(data: str | None, database: str | None, config_file: Path | None) -> None:
    """Seal all secrets with the configured secret.

    The secret is POSTROAD_SECRET. Seals what is kept in clear text, and seals anew what was
    sealed with POSTROAD_SECRET_OLD. May be repeated, and may run beside a server that knows both
    secrets. An SQLite file is written anew at the end, so that nothing is left in its free pages;
    with a long queue stop the server first, because it waits meanwhile.
    """
    config = configured(config_file=config_file, data=data, database=database)
    if config.store.secret is None:
        raise ConfigError("encrypt needs the secret to seal with: set POSTROAD_SECRET")

    async def work(store: Store) -> int:
        return await store.reseal()

    click.echo(f"{with_store(config, work)} places sealed anew; nothing is kept in clear text.")


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"postroad {__version__}")
