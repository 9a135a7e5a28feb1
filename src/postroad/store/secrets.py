"""Every row that holds something sealed, for rotation and for the check at start."""

from __future__ import annotations

from enum import StrEnum

from postroad.domain.secret import Secret
from postroad.domain.setting import BY_KEY
from postroad.store.account_json import AccountJson
from postroad.store.backend import Session
from postroad.store.settings import setting_place
from postroad.store.submission_row import proxy_place


class Holder(StrEnum):
    """What kind of row it is."""

    ACCOUNT = "account"
    SETTING = "setting"
    SUBMISSION = "submission"


Place = tuple[Holder, str]  # kind of row and its key


class Secrets:
    """Sealed values across tables."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def places(self) -> list[Place]:
        """Every row that may hold a secret."""
        accounts = await self._session.many("account_versions")
        settings = await self._session.many("all_settings")
        submissions = await self._session.many("submissions_with_proxy")
        return [
            *((Holder.ACCOUNT, row[0]) for row in accounts),
            *((Holder.SETTING, row[0]) for row in settings if _is_sealed(row[0])),
            *((Holder.SUBMISSION, row[0]) for row in submissions),
        ]

    async def check(self, place: Place) -> None:
        """Open what is there and forget it. Raises :exc:`ConfigError` when that fails."""
        stored = await self.stored(place)
        if stored is not None:
            self._sealed_again(place, stored)

    async def reseal(self, place: Place) -> bool:
        """Seal one row under the present key; false when there is nothing to change."""
        stored = await self.stored(place)
        if stored is None or self._is_current(place, stored):
            return False
        holder, key = place
        changed = await self._session.run(
            f"reseal_{holder.value}",
            key=key,
            old=stored,
            new=self._sealed_again(place, stored),
        )
        return changed == 1

    async def stored(self, place: Place) -> str | None:
        """The text as it lies in the row."""
        holder, key = place
        row = await self._session.maybe(f"sealed_{holder.value}", key=key)
        return row[0] if row is not None else None

    def _is_current(self, place: Place, stored: str) -> bool:
        if place[0] is Holder.ACCOUNT:
            return AccountJson(place[1], self._session.sealer).is_current(stored)
        return self._session.sealer.is_current(stored)

    def _sealed_again(self, place: Place, stored: str) -> str:
        holder, key = place
        sealer = self._session.sealer
        match holder:
            case Holder.ACCOUNT:
                return AccountJson(key, sealer).seal_again(stored)
            case Holder.SETTING:
                value: Secret[str] = sealer.open(stored, setting_place(key))
                return sealer.seal(value, setting_place(key))
            case Holder.SUBMISSION:
                return sealer.seal(sealer.open(stored, proxy_place(key)), proxy_place(key))


def _is_sealed(setting: str) -> bool:
    return setting in BY_KEY and BY_KEY[setting].is_sealed
