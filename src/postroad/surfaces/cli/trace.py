"""``postroad trace``: what became of a message; also beside a running server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from postroad.engine.returns.trace import Trace
from postroad.engine.returns.trace import trace as find_traces
from postroad.store import Store
from postroad.surfaces.cli.options import configured, store_options
from postroad.surfaces.cli.storeroom import with_store
from postroad.surfaces.cli.table import echo_table, moment

_MAX_SHOWN = 5  # recipients in one line


@click.command()
@click.argument("name", metavar="QUEUE_ID|MESSAGE_ID")
@store_options
def trace(name: str, data: str | None, database: str | None, config_file: Path | None) -> None:
    """Say what became of a message, and what came back of it.

    By its queue id, or by the Message-ID of one that a relay took. Events are shown for
    eventRetention days, bounces and complaints for sentRetention days.
    """
    config = configured(config_file=config_file, data=data, database=database)

    async def work(store: Store) -> None:
        found = await find_traces(store, name)
        if not found:
            raise click.ClickException("Nothing is known of such a message")
        for number, one in enumerate(found):
            if number:
                click.echo()
            echo_table(("queue id", one.queue_id), list(_described(one)))
            if one.steps:
                click.echo()
                rows = [(moment(s.at), s.what, s.who, s.said) for s in one.steps]
                echo_table(("when", "what", "who", "said"), rows)

    with_store(config, work)


def _described(one: Trace) -> Iterator[tuple[str, str]]:
    yield "account", one.account
    yield "message id", one.message_id
    if one.remote_message_id is not None:
        yield "relay gave", one.remote_message_id
    more = len(one.recipients) + one.further - _MAX_SHOWN
    yield "to", ", ".join(one.recipients[:_MAX_SHOWN]) + (f" and {more} more" if more > 0 else "")
    if one.tags:
        yield "tags", ", ".join(one.tags)
    yield "submitted", moment(one.submitted_at)
    yield "relay took it", moment(one.accepted_at)
    yield "state", one.state or "no longer in the queue"
