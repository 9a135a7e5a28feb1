"""Where the secrets come from with which a server is told who we are.

Today they are stored with the account. Everything that logs in asks here and awaits the answer,
because other sources (OAuth2 renewal, an authentication server) talk to the network, may renew
and may fail with a reason.
"""

from __future__ import annotations

from typing import Literal, Protocol

from postroad.domain.account import Account, Login

Proto = Literal["imap", "smtp"]


class Credentials(Protocol):
    """A source of logins."""

    async def login_for(self, account: Account, proto: Proto) -> Login | None:
        """The login to use now; ``None`` when the server wants none.

        Raises :exc:`~postroad.domain.errors.Unavailable` when the source cannot be reached and
        :exc:`~postroad.domain.errors.RemoteFailure` when it refuses.
        """
        ...


class StoredCredentials:
    """Logins as they were configured."""

    async def login_for(self, account: Account, proto: Proto) -> Login | None:
        settings = account.imap if proto == "imap" else account.smtp
        return settings.login if settings is not None else None
