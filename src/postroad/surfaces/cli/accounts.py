"""``postroad accounts``: who is registered and how they fare."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from postroad.domain.account import Account
from postroad.domain.errors import Invalid, Unavailable
from postroad.engine.accounts.directory import Directory
from postroad.engine.accounts.registry import Accounts, AccountView
from postroad.engine.accounts.verify import VerifyRequest, VerifyResult
from postroad.engine.providers.sandbox import SandboxProvider
from postroad.protocol.mime.headers import parse_headers
from postroad.store import Store
from postroad.surfaces.cli.options import configured, store_options
from postroad.surfaces.cli.storeroom import with_store
from postroad.surfaces.cli.table import echo_table, moment

_MAX_LISTED = 1000


@click.group()
def accounts() -> None:
    """List, show, add and delete mail accounts.

    Accounts with mail servers are registered over the API: POST /v1/account.
    """


@accounts.command("list")
@click.option("--query", help="Only accounts with this in id, name or address.")
@store_options
def list_accounts(
    query: str | None, data: str | None, database: str | None, config_file: Path | None
) -> None:
    """Show all accounts with their state."""
    config = configured(config_file=config_file, data=data, database=database)

    async def work(store: Store) -> None:
        service, page, rows = _service(store), 0, []
        while True:
            found = await service.list(page, _MAX_LISTED, None, query)
            rows += [
                (
                    view.account.account,
                    view.account.kind,
                    view.status.state,
                    view.account.email or "-",
                    view.account.name,
                )
                for view in found.items
            ]
            page += 1
            if page >= found.pages:
                break
        echo_table(("id", "type", "state", "address", "name"), rows)

    with_store(config, work)


@accounts.command()
@click.argument("account")
@store_options
def show(account: str, data: str | None, database: str | None, config_file: Path | None) -> None:
    """Show ACCOUNT: what it is and how it fares. Passwords are not shown."""
    config = configured(config_file=config_file, data=data, database=database)

    async def work(store: Store) -> None:
        view = await _service(store).get(account)
        for key, value in _described(view):
            click.echo(f"{key:<16}{value}")

    with_store(config, work)


@accounts.command("add-sandbox")
@click.argument("account")
@click.argument("email")
@click.option("--name", default="", help="Display name; the id when not given.")
@store_options
def add_sandbox(
    account: str,
    email: str,
    name: str,
    data: str | None,
    database: str | None,
    config_file: Path | None,
) -> None:
    """Register ACCOUNT with address EMAIL as a sandbox: a mailbox inside Postroad.

    It needs no mail server. An account of the same id is overwritten.
    """
    config = configured(config_file=config_file, data=data, database=database)
    if "@" not in email or not account.strip():
        raise Invalid("An account needs an id, and an address such as toy@sandbox.test")
    draft = Account(
        account=account.strip(), name=name or account, email=email, created_at=0, is_sandbox=True
    )
    _, is_new = with_store(config, lambda store: _service(store).create(draft))
    click.echo("added" if is_new else "overwritten")


@accounts.command()
@click.argument("account")
@click.confirmation_option(prompt="Delete the account, its queued mail and its tokens?")
@store_options
def delete(account: str, data: str | None, database: str | None, config_file: Path | None) -> None:
    """Forget ACCOUNT with everything of it here. The mailbox on its server is not touched."""
    config = configured(config_file=config_file, data=data, database=database)
    with_store(config, lambda store: _service(store).delete(account))
    click.echo("deleted")


@accounts.command()
@click.argument("account")
@click.argument("mailbox", default="INBOX")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, _MAX_LISTED))
@store_options
def mail(
    account: str,
    mailbox: str,
    limit: int,
    data: str | None,
    database: str | None,
    config_file: Path | None,
) -> None:
    """Show the newest messages in a MAILBOX of the sandbox ACCOUNT."""
    config = configured(config_file=config_file, data=data, database=database)

    async def work(store: Store) -> None:
        found = (await _service(store).get(account)).account
        if not found.is_sandbox:
            raise Invalid("Only the mailboxes of sandbox accounts lie here")
        rows = []
        for listed in await SandboxProvider(found, store=store).newest(mailbox, limit=limit):
            headers = parse_headers(listed.headers)
            rows.append(
                (
                    listed.message,
                    moment(listed.received_at),
                    headers.get("From") or "",
                    headers.get("Subject") or "",
                    " ".join(listed.flags),
                )
            )
        echo_table(("id", "received", "from", "subject", "flags"), rows)

    with_store(config, work)


class _NoTrial:
    """Stands where the server has what dials mail servers; nothing here asks for it."""

    async def verify(self, request: VerifyRequest) -> VerifyResult:
        raise Unavailable("Credentials are tried by the server: POST /v1/verifyAccount")


def _service(store: Store) -> Accounts:
    """The accounts service without sessions: a running server learns of changes by itself."""
    return Accounts(
        store,
        Directory(store),
        _NoTrial(),
        connections_of=lambda _: 0,
        reconnect=lambda _: None,
    )


def _described(view: AccountView) -> Iterator[tuple[str, str]]:
    account, status = view.account, view.status
    yield "id", account.account
    yield "type", account.kind
    yield "name", account.name
    yield "address", account.email or "-"
    yield "added", moment(account.created_at)
    yield "state", f"{status.state} since {moment(status.state_since)}"
    if status.last_error is not None:
        yield "last error", status.last_error.description or status.last_error.response
    if status.next_try_at is not None:
        yield "next try", moment(status.next_try_at)
    for name, server in (("imap", account.imap), ("smtp", account.smtp)):
        if server is not None:
            security = "TLS" if server.secure else "STARTTLS where offered"
            user = server.login.user if server.login else "nobody"
            yield name, f"{server.host}:{server.port}, {security}, as {user}"
    for event, count in sorted(view.counters.items()):
        yield "events", f"{event}: {count}"
