"""Accounts."""

from __future__ import annotations

from msgspec import UNSET

from postroad.domain.account import AccountState
from postroad.domain.token import Action, Group
from postroad.surfaces.api.context import Context
from postroad.surfaces.api.operation import operation
from postroad.surfaces.api.schemas.account_sync import (
    FlushAnswer,
    FlushBody,
    SyncAnswer,
    SyncBody,
)
from postroad.surfaces.api.schemas.accounts import (
    AccountAnswer,
    AccountEntry,
    AccountQuery,
    CreateAccountAnswer,
    CreateAccountBody,
    DeleteAccountAnswer,
    DeleteAccountQuery,
    ListAccountsAnswer,
    ListAccountsQuery,
    ReconnectAnswer,
    ReconnectBody,
    UpdateAccountAnswer,
    UpdateAccountBody,
)
from postroad.surfaces.api.schemas.verify import VerifyAccountAnswer, VerifyAccountBody

TAG = "Account"


@operation(
    "POST",
    "/v1/account",
    tag=TAG,
    action=Action.WRITE,
    group=Group.ADMIN,
    statuses=(400, 404),
)
async def create_account(ctx: Context, body: CreateAccountBody) -> CreateAccountAnswer:
    """Register an account, or overwrite the one of the same id. Credentials are not tried."""
    account, is_new = await ctx.engine.accounts.create(body.to_domain())
    return CreateAccountAnswer(account=account, state="new" if is_new else "existing")


@operation(
    "GET",
    "/v1/account/{account}",
    tag=TAG,
    action=Action.READ,
    group=Group.ACCOUNT,
    statuses=(400, 404, 503, 504),
    is_bounded=True,
)
async def get_account(ctx: Context, account: str, query: AccountQuery) -> AccountAnswer:
    """Show how an account is configured, secrets masked, and how it fares."""
    answer = AccountAnswer.of(await ctx.engine.accounts.get(account))
    return answer.with_quota(await ctx.engine.mail.quota(account)) if query.quota else answer


@operation(
    "PUT",
    "/v1/account/{account}",
    tag=TAG,
    action=Action.WRITE,
    group=Group.ADMIN,
    statuses=(400, 404),
)
async def update_account(
    ctx: Context, account: str, body: UpdateAccountBody
) -> UpdateAccountAnswer:
    """Change parts of an account; ``partial`` inside imap or smtp merges instead of replacing."""
    await ctx.engine.accounts.update(account, body.apply)
    return UpdateAccountAnswer(account=account)


@operation(
    "DELETE",
    "/v1/account/{account}",
    tag=TAG,
    action=Action.DESTRUCTIVE,
    group=Group.ACCOUNT,
    statuses=(400, 404),
)
async def delete_account(
    ctx: Context, account: str, query: DeleteAccountQuery
) -> DeleteAccountAnswer:
    """Forget an account together with its queue and its tokens."""
    await ctx.engine.accounts.delete(account)
    ctx.engine.access.forget()
    return DeleteAccountAnswer(account=account, deleted=True)


@operation(
    "PUT",
    "/v1/account/{account}/reconnect",
    tag=TAG,
    action=Action.WRITE,
    group=Group.ACCOUNT,
    statuses=(400, 404),
)
async def reconnect_account(ctx: Context, account: str, body: ReconnectBody) -> ReconnectAnswer:
    """Ask for a fresh connection; answers at once."""
    if body.reconnect:
        await ctx.engine.accounts.reconnect(account)
    else:
        await ctx.engine.accounts.get(account)  # an unknown account is told either way
    return ReconnectAnswer(reconnect=body.reconnect)


@operation(
    "PUT",
    "/v1/account/{account}/sync",
    tag=TAG,
    action=Action.WRITE,
    group=Group.ACCOUNT,
    statuses=(400, 404, 503),
)
async def sync_account(ctx: Context, account: str, body: SyncBody) -> SyncAnswer:
    """Have all mailboxes looked at soon; answers at once. The account has to be connected."""
    if body.sync:
        await ctx.engine.accounts.sync(account)
    else:
        await ctx.engine.accounts.get(account)  # an unknown account is told either way
    return SyncAnswer(sync=body.sync)


@operation(
    "PUT",
    "/v1/account/{account}/flush",
    tag=TAG,
    action=Action.DESTRUCTIVE,
    group=Group.ACCOUNT,
    statuses=(400, 404),
)
async def flush_account(ctx: Context, account: str, body: FlushBody) -> FlushAnswer:
    """Forget what is known of the mailboxes and begin anew; ``flush`` has to be true."""
    body.check()
    await ctx.engine.accounts.flush(account, notify_from=body.notify_from, indexer=body.indexer)
    return FlushAnswer(flush=True)


@operation("GET", "/v1/accounts", tag=TAG, action=Action.READ, group=Group.ACCOUNT)
async def list_accounts(ctx: Context, query: ListAccountsQuery) -> ListAccountsAnswer:
    """List accounts, filtered by state or by a part of id, name or address."""
    state = None if query.state is UNSET else AccountState(query.state)
    text = None if query.query is UNSET else query.query.strip() or None
    page = await ctx.engine.accounts.list(query.page, query.pageSize, state, text)
    return ListAccountsAnswer(
        total=page.total,
        page=page.page,
        pages=page.pages,
        query=text or False,
        state="*" if state is None else state.value,
        accounts=[AccountEntry.of(view) for view in page.items],
    )


@operation("POST", "/v1/verifyAccount", tag=TAG, action=Action.READ, group=Group.ADMIN)
async def verify_account(ctx: Context, body: VerifyAccountBody) -> VerifyAccountAnswer:
    """Try IMAP and SMTP settings without storing them; failures are part of the answer."""
    return VerifyAccountAnswer.of(await ctx.engine.accounts.verify(body.to_request()))
