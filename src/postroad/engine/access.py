"""Who may do what: access tokens checked from memory, minted, listed, revoked. Contract §12.

A token that was seen within the last seconds is checked without touching the store. Revoking
takes effect at once in this process, with the hint in others, and within
:data:`FRESH_S` seconds if every hint is lost. The last use of each token is noted in memory and
written in batches, so that no request waits for it.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from postroad.domain.errors import Forbidden, Limited, NotFound, Unauthenticated, Unavailable
from postroad.domain.page import Page, pages_of
from postroad.domain.secret import Secret
from postroad.domain.token import (
    Permissions,
    RateLimit,
    Restrictions,
    Token,
    TokenScope,
    token_id_of,
)
from postroad.engine.wakeup import Hint, Wakeup
from postroad.observe import get_logger
from postroad.store import Store, Tx

log = get_logger(__name__)

FRESH_S: Final = 5.0  # how long a cached token is believed without asking the store
FLUSH_S: Final = 10.0  # how often last uses are written
MAX_CACHED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. ``token`` is ``None`` only where requests without a token are trusted."""

    token: Token | None
    address: str  # the client's IP address

    @property
    def is_restricted(self) -> bool:
        """Whether the token is narrowed to some actions or groups."""
        return self.token is not None and self.token.permissions is not None

    def require(
        self,
        *,
        scope: str,
        account: str | None = None,
        action: str | None = None,
        group: str | None = None,
    ) -> None:
        """Raise :exc:`Forbidden` unless the token opens this. B-237..B-239.

        ``account`` is the one concerned; ``None`` means more than one account, which an
        account-bound token never opens.
        """
        token = self.token
        if token is None:
            return
        if not token.has_scope(scope):
            raise Forbidden("Unauthorized scope", info={"requestedScope": scope})
        if token.account is not None and token.account != account:
            raise Forbidden("Unauthorized account")
        if token.permissions is not None and action is not None and group is not None:
            self.require_permission(action, group)

    def require_permission(self, action: str, group: str) -> None:
        """Raise :exc:`Forbidden` unless the token's permissions, if any, grant this."""
        if self.token is None or self.token.permissions is None:
            return
        if not self.token.permissions.allow(action, group):
            raise Forbidden(
                "Unauthorized permission",
                info={"requiredPermission": {"action": action, "group": group}},
            )


@dataclass(frozen=True, slots=True)
class Turn:
    """A rate-limited token's place in the present window."""

    limit: int
    remaining: int
    reset_s: int  # seconds until the window ends


@dataclass(frozen=True, slots=True)
class TokenDraft:
    """What a new token shall be. Already checked by whoever asks for it."""

    description: str
    scopes: tuple[str, ...] = ()
    account: str | None = None
    metadata: str | None = None
    restrictions: Restrictions | None = None
    permissions: Permissions | None = None
    ip: str | None = None
    expires_at: int | None = None  # epoch ms
    remote: bool = False


class Access:
    """The token service.

    ``require_auth=False`` trusts requests without a token (B-005). ``monotonic`` gives seconds.
    """

    def __init__(
        self,
        store: Store,
        *,
        require_auth: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._require_auth = require_auth
        self._monotonic = monotonic
        self._known: dict[str, _Known] = {}
        self._generation = 0  # grows with every revocation; what was read before is not cached
        self._uses: dict[str, tuple[int, str]] = {}
        self._windows: dict[str, _Window] = {}

    async def authenticate(
        self, value: str | None, *, address: str, referrer: str | None = None
    ) -> Actor:
        """Tell who asks. ``address`` is the client's IP, ``referrer`` the Referer header.

        Raises :exc:`Unauthenticated` without a usable token, :exc:`Forbidden` when the token
        may not be used from there. B-001..B-005, B-241.
        """
        if not value:
            if self._require_auth:
                raise Unauthenticated("Missing authentication")
            return Actor(None, address)
        token_id = token_id_of(value)
        if token_id is None:
            raise Unauthenticated("Bad token")
        known = self._known.get(token_id)
        if known is None or known.fresh_until < self._monotonic():
            known = await self._look_up(token_id)
        now_ms = self._store.now()
        if known.token.expires_at is not None and known.token.expires_at <= now_ms:
            await self.revoke(token_id)
            raise Unauthenticated("Bad token")
        known.check_origin(address, referrer)
        self._uses[token_id] = (now_ms, address)
        return Actor(known.token, address)

    def now(self) -> int:
        """Epoch ms by the clock that tokens expire by."""
        return self._store.now()

    def take_turn(self, actor: Actor) -> Turn | None:
        """Count a request of a rate-limited token; ``None`` when it has no limit.

        Windows are fixed and counted per process. Raises :exc:`Limited`. B-241.
        """
        token = actor.token
        if token is None or token.restrictions is None or token.restrictions.rate_limit is None:
            return None
        rate, now = token.restrictions.rate_limit, self._monotonic()
        window = self._windows.get(token.token_id)
        if window is None or window.ends_at <= now:
            if len(self._windows) >= MAX_CACHED:
                self._windows = {k: w for k, w in self._windows.items() if w.ends_at > now}
            window = self._windows[token.token_id] = _Window(now + rate.window_s)
        return window.count(rate, now)

    async def issue(self, draft: TokenDraft) -> tuple[str, str]:
        """Mint a token and return its value, which is shown this once, and its id.

        Raises :exc:`NotFound` when the account that it shall be bound to does not exist.
        """
        value = secrets.token_hex(32)
        return value, await self.adopt(value, draft)

    async def adopt(self, value: str, draft: TokenDraft) -> str:
        """Store a token whose value was chosen elsewhere, once, and return its id.

        Raises :exc:`ValueError` when ``value`` cannot be a token.
        """
        token_id = token_id_of(value)
        if token_id is None:
            raise ValueError("a token is 64 hexadecimal digits")

        async def unit(tx: Tx) -> None:
            if draft.account is not None and await tx.accounts.find(draft.account) is None:
                raise NotFound("Account record was not found for requested ID")
            if await tx.tokens.find(token_id) is None:
                await tx.tokens.insert(_record(token_id, draft, tx.now))
                tx.notify("tokens")

        await self._store.write(unit)
        return token_id

    async def prepare(self, value: Secret[str]) -> str:
        """See that the token chosen by the operator exists, open to everything. B-245."""
        return await self.adopt(
            value.reveal(), TokenDraft("Prepared token", scopes=(TokenScope.ALL.value,))
        )

    async def list(
        self, page: int, page_size: int, *, query: str | None = None, account: str | None = None
    ) -> Page[Token]:
        """Tokens by descending id; ``query`` is a part of id, description or metadata."""

        async def unit(tx: Tx) -> tuple[list[Token], int]:
            found, total = await tx.tokens.list(page, page_size, query=query, account=account)
            return list(found), total

        found, total = await self._store.read(unit)
        tokens = [self._with_last_use(token) for token in found]
        return Page(tokens, total, page, pages_of(total, page_size))

    async def get(self, token_id: str) -> Token:
        """One token's record. Raises :exc:`NotFound`."""
        found = await self._find(token_id.lower())
        if found is None:
            raise NotFound("Requested token was not found")
        return self._with_last_use(found)

    async def revoke(self, id_or_value: str) -> bool:
        """Forget a token; false when there is none. It opens nothing from here on. B-242."""
        candidates = [id_or_value.lower()]
        if (by_value := token_id_of(id_or_value)) is not None:
            candidates.append(by_value)

        async def unit(tx: Tx) -> bool:
            for token_id in candidates:
                if await tx.tokens.delete(token_id):
                    tx.notify("tokens")
                    return True
            return False

        is_deleted = await self._store.write(unit)
        self.forget()
        return is_deleted

    def forget(self) -> None:
        """Ask the store again about every token. Needed after tokens vanish with an account."""
        self._generation += 1
        self._known.clear()

    def _forget_bound(self) -> None:
        """Ask the store again about tokens that may have gone with their account."""
        self._generation += 1
        self._known = {i: known for i, known in self._known.items() if not known.token.account}

    async def run(self, stop: Hint | None = None) -> None:
        """Hear of revocations elsewhere and write last uses, until cancelled or stopped."""
        try:
            with (
                self._store.wake.listen("tokens", lambda _: self.forget()),
                self._store.wake.listen("accounts", lambda _: self._forget_bound()),
                Wakeup(poll_s=FLUSH_S, stop=stop) as wakeup,
            ):
                while not wakeup.is_stopping:
                    await wakeup.wait()
                    await self._flush_or_leave()
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await self._flush_or_leave()

    async def _flush_or_leave(self) -> None:
        try:
            await self.flush()
        except Unavailable as error:
            log.warning("last uses of tokens were not written", error=error.message)

    async def flush(self) -> None:
        """Write the last uses noted so far. Raises :exc:`Unavailable`."""
        uses, self._uses = self._uses, {}
        if not uses:
            return

        async def unit(tx: Tx) -> None:
            for token_id, (used_at, address) in uses.items():
                await tx.tokens.touch(token_id, used_at, address)

        await self._store.write(unit)

    async def _look_up(self, token_id: str) -> _Known:
        generation = self._generation
        token = await self._find(token_id)
        if token is None:
            raise Unauthenticated("Bad token")
        known = _Known.of(token, self._monotonic() + FRESH_S)
        # A token read before a revocation may be the one revoked: good for this request only.
        if generation == self._generation:
            if len(self._known) >= MAX_CACHED:
                self._known.clear()
            self._known[token_id] = known
        return known

    async def _find(self, token_id: str) -> Token | None:
        return await self._store.read(lambda tx: tx.tokens.find(token_id), quick=True)

    def _with_last_use(self, token: Token) -> Token:
        use = self._uses.get(token.token_id)
        return token if use is None else replace(token, access_time=use[0], access_ip=use[1])


def _record(token_id: str, draft: TokenDraft, now: int) -> Token:
    return Token(
        token_id=token_id,
        description=draft.description,
        created_at=now,
        scopes=draft.scopes,
        account=draft.account,
        metadata=draft.metadata,
        restrictions=draft.restrictions,
        permissions=draft.permissions,
        ip=draft.ip,
        expires_at=draft.expires_at,
        remote=draft.remote,
    )


@dataclass(slots=True)
class _Window:
    ends_at: float  # monotonic seconds
    used: int = 0

    def count(self, rate: RateLimit, now: float) -> Turn:
        reset_s = max(1, round(self.ends_at - now))
        if self.used >= rate.max_requests:
            raise Limited(
                "Rate limit exceeded",
                retry_after_s=reset_s,
                info={"ttl": reset_s},
                limit=rate.max_requests,
            )
        self.used += 1
        return Turn(rate.max_requests, rate.max_requests - self.used, reset_s)


@dataclass(frozen=True, slots=True)
class _Known:
    """A token with its restrictions ready to check."""

    token: Token
    fresh_until: float  # monotonic seconds
    networks: tuple[IPv6Network, ...] | None  # None lets every address in
    referrers: re.Pattern[str] | None

    @classmethod
    def of(cls, token: Token, fresh_until: float) -> _Known:
        restrictions = token.restrictions or Restrictions()
        networks, referrers = None, None
        if restrictions.addresses:
            networks = tuple(
                network for text in restrictions.addresses if (network := _network(text))
            )
        if restrictions.referrers:
            patterns = (re.escape(text).replace(r"\*", ".*") for text in restrictions.referrers)
            referrers = re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.DOTALL)
        return cls(token, fresh_until, networks, referrers)

    def check_origin(self, address: str, referrer: str | None) -> None:
        if self.networks is not None:
            place = _address(address)
            if place is None or not any(place in network for network in self.networks):
                raise Forbidden("Unauthorized address", info={"remoteAddress": address})
        if self.referrers is not None and not self.referrers.fullmatch(referrer or ""):
            raise Forbidden("Unauthorized referrer")


def _address(text: str) -> IPv6Address | None:
    """An address as IPv6, so that a mapped and a plain IPv4 address are the same."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return IPv6Address(f"::ffff:{address}") if isinstance(address, IPv4Address) else address


def _network(text: str) -> IPv6Network | None:
    """A network as IPv6. ``None`` for what cannot be read: it then lets nobody in."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    if isinstance(network, IPv6Network):
        return network
    return IPv6Network((f"::ffff:{network.network_address}", 96 + network.prefixlen))
