"""Access tokens."""

from __future__ import annotations

from msgspec import UNSET

from postroad.domain.errors import Forbidden
from postroad.domain.token import Action, Group
from postroad.surfaces.api.context import Context
from postroad.surfaces.api.operation import operation
from postroad.surfaces.api.schemas.tokens import (
    AccountTokensAnswer,
    CreateTokenAnswer,
    CreateTokenBody,
    DeleteTokenAnswer,
    ListTokensAnswer,
    ListTokensQuery,
    TokenAnswer,
)

TAG = "Access Tokens"
MAX_OF_ACCOUNT = 1000


@operation(
    "GET",
    "/v1/tokens",
    tag=TAG,
    action=Action.READ,
    group=Group.ADMIN,
    account_in="query",
)
async def list_tokens(ctx: Context, query: ListTokensQuery) -> ListTokensAnswer:
    """List tokens, never their values."""
    text = None if query.query is UNSET else query.query.strip() or None
    account = None if query.account is UNSET else query.account.strip() or None
    page = await ctx.engine.access.list(query.page, query.pageSize, query=text, account=account)
    return ListTokensAnswer(
        total=page.total,
        page=page.page,
        pages=page.pages,
        tokens=[TokenAnswer.of(token) for token in page.items],
        account=account or UNSET,
    )


@operation(
    "POST", "/v1/token", tag=TAG, action=Action.WRITE, group=Group.ADMIN, is_documented=False
)
@operation(
    "POST",
    "/v1/tokens",
    tag=TAG,
    action=Action.WRITE,
    group=Group.ADMIN,
    statuses=(400, 404),
)
async def create_token(ctx: Context, body: CreateTokenBody) -> CreateTokenAnswer:
    """Mint a token, bound to an account or narrowed by permissions; it is shown this once."""
    if ctx.actor.token is None:
        raise Forbidden("Tokens can not be minted without authentication")
    draft = body.to_draft(address=ctx.actor.address, now=ctx.engine.access.now())
    value, token_id = await ctx.engine.access.issue(draft)
    return CreateTokenAnswer(token=value, id=token_id)


@operation(
    "GET",
    "/v1/tokens/{token}",
    tag=TAG,
    action=Action.READ,
    group=Group.ADMIN,
    statuses=(400, 404),
)
async def get_token(ctx: Context, token: str) -> TokenAnswer:
    """Show one token by its id."""
    return TokenAnswer.of(await ctx.engine.access.get(token))


@operation(
    "DELETE",
    "/v1/token/{token}",
    tag=TAG,
    action=Action.DESTRUCTIVE,
    group=Group.ADMIN,
    is_documented=False,
)
@operation("DELETE", "/v1/tokens/{token}", tag=TAG, action=Action.DESTRUCTIVE, group=Group.ADMIN)
async def delete_token(ctx: Context, token: str) -> DeleteTokenAnswer:
    """Revoke a token by its id or its value."""
    return DeleteTokenAnswer(deleted=await ctx.engine.access.revoke(token))


@operation(
    "GET",
    "/v1/tokens/account/{account}",
    tag=TAG,
    action=Action.READ,
    group=Group.ADMIN,
    is_documented=False,
)
async def list_account_tokens(ctx: Context, account: str) -> AccountTokensAnswer:
    """List the tokens of one account, at most 1000."""
    page = await ctx.engine.access.list(0, MAX_OF_ACCOUNT, account=account)
    return AccountTokensAnswer(tokens=[TokenAnswer.of(token) for token in page.items])
