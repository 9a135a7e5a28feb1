"""Who may send, and for which account. Contract B-175, B-176.

The user name is the account's id; the password is the one shared by all accounts, or an access
token. A login is checked when it is made, and again for every message, so that a token that was
revoked and a password that was changed open nothing any more, however old the session is.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import Counter, OrderedDict
from dataclasses import dataclass

from postroad.domain.errors import Forbidden, PostroadError, Unauthenticated
from postroad.domain.secret import Secret
from postroad.domain.token import Action, Group, TokenScope, token_id_of
from postroad.engine.engine import Engine
from postroad.observe import get_logger, metrics
from postroad.protocol.smtp.server import Login, Reply
from postroad.surfaces.smtp.throttle import Throttle

log = get_logger(__name__)

MAX_KNOWN = 10_000

_ACCEPTED = Reply(235, "Authentication successful")
_REFUSED = "Authentication failed"
_LATER = Reply(454, "Temporary authentication failure", "4.7.0")
_TOO_MANY_FAILURES = Reply(454, "Too many failed logins from your address", "4.7.0")
_TOO_MANY_SESSIONS = Reply(454, "Too many sessions of this account", "4.7.0")


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who has logged in."""

    account: str
    proof: Secret[str]
    address: str


class Gate:
    """Checks logins. One for all sessions."""

    def __init__(self, engine: Engine, throttle: Throttle, *, max_per_account: int) -> None:
        self._engine = engine
        self._throttle = throttle
        self._max_per_account = max_per_account
        self._sessions: Counter[str] = Counter()
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, None] = OrderedDict()  # logins that were right once

    async def enter(self, login: Login, address: str) -> tuple[Reply, Identity | None]:
        """Check a login; a session that gets in must :meth:`leave`."""
        identity = Identity(login.user, login.password, address)
        digest = self._digest(identity)
        if digest not in self._known:
            wait_s = self._throttle.wait_s(address)
            if wait_s is None:
                metrics.smtp_login("put off")
                return _TOO_MANY_FAILURES, None
            await asyncio.sleep(wait_s)
        try:
            await self._check(identity)
        except (Unauthenticated, Forbidden) as error:
            self._known.pop(digest, None)
            metrics.smtp_login("refused")
            log.warning(
                "smtp login refused", account=login.user, address=address, reason=error.message
            )
            if isinstance(error, Forbidden):  # a real token at the wrong door is no guess
                return Reply(535, error.message, "5.7.8"), None
            await asyncio.sleep(self._throttle.fail(address, login.user))
            return Reply(535, _REFUSED, "5.7.8"), None
        except PostroadError as error:
            metrics.smtp_login("put off")
            log.error("smtp login cannot be checked", account=login.user, reason=error.message)
            return _LATER, None
        if self._sessions[login.user] >= self._max_per_account:
            metrics.smtp_login("put off")
            return _TOO_MANY_SESSIONS, None
        self._sessions[login.user] += 1
        self._throttle.succeed(login.user)
        self._remember(digest)
        metrics.smtp_login("accepted")
        return _ACCEPTED, identity

    def leave(self, identity: Identity) -> None:
        """The session of ``identity`` is over."""
        self._sessions[identity.account] -= 1
        if not self._sessions[identity.account]:
            del self._sessions[identity.account]

    async def confirm(self, identity: Identity) -> None:
        """Check once more, before a message is taken, and count it.

        Raises :exc:`Unauthenticated`, :exc:`Forbidden` and :exc:`Limited`.
        """
        await self._check(identity, is_message=True)

    async def _check(self, identity: Identity, *, is_message: bool = False) -> None:
        value = identity.proof.reveal()
        shared = self._engine.settings.snapshot.smtp_server.password
        if shared is not None and hmac.compare_digest(value.encode(), shared.reveal().encode()):
            if not await self._engine.submit.knows(identity.account):
                raise Unauthenticated(_REFUSED)
            return
        if token_id_of(value) is None:
            raise Unauthenticated(_REFUSED)
        actor = await self._engine.access.authenticate(value, address=identity.address)
        actor.require(
            scope=TokenScope.SMTP,
            account=identity.account,
            action=Action.SEND,
            group=Group.SUBMIT,
        )
        if not await self._engine.submit.knows(identity.account):
            raise Unauthenticated(_REFUSED)
        if is_message:
            self._engine.access.take_turn(actor)

    def _digest(self, identity: Identity) -> bytes:
        login = f"{identity.account}\0{identity.proof.reveal()}".encode()
        return hashlib.blake2b(login, key=self._key, digest_size=16).digest()

    def _remember(self, digest: bytes) -> None:
        self._known[digest] = None
        self._known.move_to_end(digest)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
