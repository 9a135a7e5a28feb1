"""``postroad suppress``: who is not written to any more, and why; also beside a running server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import click

from postroad.domain.errors import Invalid
from postroad.domain.page import Page
from postroad.domain.suppression import (
    DEFAULT_REASON,
    MAX_ADDRESS_CHARS,
    MAX_REASON_CHARS,
    RESERVED_LIST,
    Suppressed,
    SuppressionSource,
)
from postroad.domain.url import check_hostname
from postroad.engine.settings import Settings
from postroad.engine.suppression.service import Suppression
from postroad.store import Store
from postroad.surfaces.cli.options import configured, store_options
from postroad.surfaces.cli.storeroom import with_store
from postroad.surfaces.cli.table import echo_table, moment

T = TypeVar("T")

_PAGE = 1000
_list_option = click.option(
    "--list", "list_id", default=RESERVED_LIST, show_default=True, help="Name of the list."
)


@click.group()
def suppress() -> None:
    """List, explain, add and remove suppressed addresses."""


@suppress.command("list")
@click.argument("list_id", metavar="[LIST]", required=False)
@store_options
def list_suppressed(
    list_id: str | None, data: str | None, database: str | None, config_file: Path | None
) -> None:
    """Show all lists with their sizes, or the addresses on LIST."""
    config = configured(config_file=config_file, data=data, database=database)

    async def work(store: Store) -> None:
        service = Suppression(store, Settings(store))
        if list_id is None:
            sizes = [(item.list_id, str(item.count)) for item in await _all(service.lists)]
            echo_table(("list", "addresses"), sizes)
            return
        entries = await _all(partial(service.entries, list_id))
        head = ("address", "account", "holds for", "source", "reason", "since")
        echo_table(head, [_row(entry) for entry in entries])

    with_store(config, work)


@suppress.command()
@click.argument("address")
@_list_option
@store_options
def show(
    address: str, list_id: str, data: str | None, database: str | None, config_file: Path | None
) -> None:
    """Say why ADDRESS is on a list: what was reported, of which message, in which mail."""
    config = configured(config_file=config_file, data=data, database=database)

    async def work(store: Store) -> None:
        found = await Suppression(store, Settings(store)).find(list_id, address)
        if not found:
            raise click.ClickException(f"The address is not on {list_id}")
        for number, entry in enumerate(found):
            if number:
                click.echo()
            echo_table(("list", entry.list_id), list(_described(entry)))

    with_store(config, work)


@suppress.command()
@click.argument("address")
@_list_option
@click.option("--account", required=True, help="Account that shall not write to it.")
@click.option("--reason", default=DEFAULT_REASON, show_default=True, help="Told when it is met.")
@store_options
def add(
    address: str,
    list_id: str,
    account: str,
    reason: str,
    data: str | None,
    database: str | None,
    config_file: Path | None,
) -> None:
    """Put ADDRESS onto a list. A running server heeds it at once."""
    config = configured(config_file=config_file, data=data, database=database)
    _check(address, list_id)
    if len(reason) > MAX_REASON_CHARS or "\n" in reason or "\r" in reason:
        raise Invalid(f"A reason is one line of at most {MAX_REASON_CHARS} characters")

    async def work(store: Store) -> bool:
        settings = Settings(store)
        await settings.load()  # they say for whom it holds
        return await Suppression(store, settings).add(
            list_id,
            address.strip(),
            account=account,
            source=SuppressionSource.CLI,
            reason=reason.strip(),
        )

    click.echo("added" if with_store(config, work) else "refreshed")


@suppress.command()
@click.argument("address")
@_list_option
@click.option("--account", help="Only as far as it is suppressed for this account alone.")
@store_options
def remove(
    address: str,
    list_id: str,
    account: str | None,
    data: str | None,
    database: str | None,
    config_file: Path | None,
) -> None:
    """Take ADDRESS off a list, so that it is written to again."""
    config = configured(config_file=config_file, data=data, database=database)

    async def work(store: Store) -> bool:
        service = Suppression(store, Settings(store))
        return await service.remove(list_id, address, account=account)

    if not with_store(config, work):
        raise click.ClickException(f"The address is not on {list_id}")
    click.echo("removed")


async def _all(read: Callable[[int, int], Awaitable[Page[T]]]) -> list[T]:
    """Every item of every page."""
    found = await read(0, _PAGE)
    items = [*found.items]
    for number in range(1, found.pages):
        items += (await read(number, _PAGE)).items
    return items


def _check(address: str, list_id: str) -> None:
    try:
        check_hostname(list_id)
    except ValueError as error:
        raise Invalid(f"The name of the list {error}") from None
    local, _, domain = address.strip().rpartition("@")
    if not (local and domain and address.isprintable()) or len(address) > MAX_ADDRESS_CHARS:
        raise Invalid("That is not an address")


def _row(entry: Suppressed) -> tuple[str, ...]:
    return (
        entry.recipient,
        entry.account,
        entry.scope or "all",
        entry.source,
        entry.reason,
        moment(entry.created_at),
    )


def _described(entry: Suppressed) -> Iterator[tuple[str, str]]:
    yield "address", entry.recipient
    yield "account", entry.account
    yield "holds for", entry.scope or "all"
    yield "since", moment(entry.created_at)
    yield "source", entry.source
    yield "reason", entry.reason
    told = [
        ("sent message", entry.message_id),
        ("from", entry.remote_address),
        ("user agent", entry.user_agent),
    ]
    if (evidence := entry.evidence) is not None:
        told += [
            ("queue id", evidence.queue_id),
            ("type", evidence.type),
            ("category", evidence.category),
            ("status", evidence.status),
            ("said", evidence.text),
            ("by", evidence.mta),
            ("report", evidence.message),
            ("in mailbox", evidence.reporter),
            ("reported", moment(evidence.reported_at)),
        ]
    yield from ((name, value) for name, value in told if value)
