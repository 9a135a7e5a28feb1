"""``postroad tokens``: access tokens, also beside a running server."""

from __future__ import annotations

from pathlib import Path

import click

from postroad.domain.token import TokenScope
from postroad.engine.access import Access, TokenDraft
from postroad.store import Store
from postroad.surfaces.cli.options import configured, store_options
from postroad.surfaces.cli.storeroom import with_store
from postroad.surfaces.cli.table import echo_table, moment

_SCOPES = tuple(str(scope) for scope in TokenScope)


@click.group()
def tokens() -> None:
    """Issue, list and revoke access tokens."""


@tokens.command()
@click.option("--description", required=True, help="What the token is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    default=("*",),
    show_default=True,
    type=click.Choice(_SCOPES),
    help="Surface that it opens; can be repeated.",
)
@click.option("--account", help="Bind it to this account; it then opens nothing else.")
@store_options
def issue(
    description: str,
    scopes: tuple[str, ...],
    account: str | None,
    data: str | None,
    database: str | None,
    config_file: Path | None,
) -> None:
    """Make a token and print it, alone on the last line.

    The value is shown this once; only a hash of it is kept. A running server knows it at once.
    """
    config = configured(config_file=config_file, data=data, database=database)
    draft = TokenDraft(description=description, scopes=scopes, account=account)

    async def work(store: Store) -> str:
        value, _ = await Access(store).issue(draft)
        return value

    click.echo(with_store(config, work))


@tokens.command("list")
@click.option("--account", help="Only tokens that are bound to this account.")
@store_options
def list_tokens(
    account: str | None, data: str | None, database: str | None, config_file: Path | None
) -> None:
    """Show all tokens: their ids and what they open, never their values."""
    config = configured(config_file=config_file, data=data, database=database)

    async def work(store: Store) -> None:
        access, page, rows = Access(store), 0, []
        while True:
            found = await access.list(page, 1000, account=account)
            rows += [
                (
                    token.token_id,
                    moment(token.created_at),
                    moment(token.access_time),
                    ",".join(token.scopes) or "*",
                    token.account or "-",
                    token.description,
                )
                for token in found.items
            ]
            page += 1
            if page >= found.pages:
                break
        echo_table(("id", "created", "last used", "scopes", "account", "description"), rows)

    with_store(config, work)


@tokens.command()
@click.argument("token")
@store_options
def revoke(token: str, data: str | None, database: str | None, config_file: Path | None) -> None:
    """Revoke TOKEN, given by its id or its value. It opens nothing from then on."""
    config = configured(config_file=config_file, data=data, database=database)
    if not with_store(config, lambda store: Access(store).revoke(token)):
        raise click.ClickException("There is no such token")
    click.echo("revoked")
