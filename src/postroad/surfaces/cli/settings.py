"""``postroad settings``: what operators change while the server runs."""

from __future__ import annotations

import json
from pathlib import Path

import click

from postroad.domain.setting import BY_KEY
from postroad.engine.settings import Settings
from postroad.store import Store
from postroad.surfaces.cli.options import configured, store_options
from postroad.surfaces.cli.storeroom import with_store


@click.group()
def settings() -> None:
    """Read and change settings."""


@settings.command()
@click.argument("keys", metavar="[KEY]...", nargs=-1)
@store_options
def get(
    keys: tuple[str, ...], data: str | None, database: str | None, config_file: Path | None
) -> None:
    """Show settings as JSON, one a line; all of them when none is named.

    A setting that was never set is null; a secret shows only whether it is set.
    """
    config = configured(config_file=config_file, data=data, database=database)

    async def work(store: Store) -> dict[str, object]:
        service = Settings(store)
        await service.load()
        return await service.read(keys or tuple(BY_KEY))

    for key, value in with_store(config, work).items():
        click.echo(f"{key} = {json.dumps(value, ensure_ascii=False)}")


@settings.command("set")
@click.argument("assignments", metavar="KEY=VALUE...", nargs=-1, required=True)
@store_options
def set_settings(
    assignments: tuple[str, ...],
    data: str | None,
    database: str | None,
    config_file: Path | None,
) -> None:
    """Change settings: all that are given, or none when one of them is wrong.

    VALUE is JSON (true, 10, null, ["messageSent"]); anything that is not is taken as text. Some
    settings take null, which brings their default back. A running server follows within seconds.
    """
    config = configured(config_file=config_file, data=data, database=database)
    values = dict(_assignment(text) for text in assignments)

    async def work(store: Store) -> list[str]:
        service = Settings(store)
        await service.load()
        return await service.update(values)

    written = with_store(config, work)
    click.echo("set " + ", ".join(written) if written else "nothing to change")


def _assignment(text: str) -> tuple[str, object]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise click.BadParameter(f"expected KEY=VALUE; got {text!r}")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
