"""Access tokens, under the hash that is their id; their values are never kept."""

from __future__ import annotations

from postroad.domain.token import Permissions, Restrictions, Token
from postroad.store import jsontext
from postroad.store.backend import Row, Session
from postroad.store.like import contains


class Tokens:
    """The ``token`` table."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def insert(self, token: Token) -> None:
        """Raises :exc:`Conflict` when the id exists or the account does not. Wakes ``tokens``."""
        search = f"{token.token_id}\n{token.description}\n{token.metadata or ''}".casefold()
        await self._session.run(
            "insert_token",
            token_id=token.token_id,
            account=token.account,
            description=token.description,
            search=search,
            scopes=jsontext.write(token.scopes),
            metadata=token.metadata,
            restrictions=_json(token.restrictions),
            permissions=_json(token.permissions),
            ip=token.ip,
            created_at=token.created_at,
            expires_at=token.expires_at,
            access_time=token.access_time,
            access_ip=token.access_ip,
            remote=int(token.remote),
        )
        self._session.notify("tokens")

    async def find(self, token_id: str) -> Token | None:
        row = await self._session.maybe("find_token", token_id=token_id)
        return _token(row) if row is not None else None

    async def list(
        self, page: int, page_size: int, *, query: str | None = None, account: str | None = None
    ) -> tuple[list[Token], int]:
        """One page, from 0, by descending id, and how many there are in all.

        ``query`` is a part of id, description or metadata in any case; ``account`` leaves only
        the tokens bound to it.
        """
        pattern = contains(query) if query else None
        total = await self._session.one("count_tokens", pattern=pattern, account=account)
        rows = await self._session.many(
            "list_tokens",
            pattern=pattern,
            account=account,
            limit=page_size,
            offset=page * page_size,
        )
        return [_token(row) for row in rows], total[0]

    async def delete(self, token_id: str) -> bool:
        """Wakes ``tokens``; false when there was none."""
        deleted = await self._session.run("delete_token", token_id=token_id)
        self._session.notify("tokens")
        return deleted == 1

    async def touch(self, token_id: str, time: int, ip: str) -> bool:
        """Remember the last use (epoch ms); an older one than known changes nothing."""
        changed = await self._session.run("touch_token", token_id=token_id, time=time, ip=ip)
        return changed == 1


def _token(row: Row) -> Token:
    return Token(
        token_id=row[0],
        description=row[1],
        created_at=row[2],
        scopes=tuple(jsontext.read(row[3])),
        account=row[4],
        metadata=row[5],
        restrictions=Restrictions.from_json(jsontext.read(row[6])) if row[6] else None,
        permissions=Permissions.from_json(jsontext.read(row[7])) if row[7] else None,
        ip=row[8],
        expires_at=row[9],
        access_time=row[10],
        access_ip=row[11],
        remote=bool(row[12]),
    )


def _json(value: Restrictions | Permissions | None) -> str | None:
    return None if value is None else jsontext.write(value.to_json())
