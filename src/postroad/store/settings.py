"""What operators change while Postroad runs: typed by the engine, kept here as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from postroad.domain.secret import Secret
from postroad.domain.setting import BY_KEY
from postroad.store import jsontext
from postroad.store.backend import Session
from postroad.store.sealed import is_sealed


class Settings:
    """The ``setting`` table."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get_all(self) -> dict[str, object]:
        """Every stored value under its key, as JSON types. Sealed ones are opened."""
        rows = await self._session.many("all_settings")
        return {row[0]: self._read(row[0], row[1]) for row in rows}

    async def set(self, values: Mapping[str, object]) -> None:
        """Store values of JSON types; those that may hold credentials are sealed.

        Wakes ``settings``.
        """
        for key, value in values.items():
            text = jsontext.write(value)
            if key in BY_KEY and BY_KEY[key].is_sealed:
                text = self._session.sealer.seal(Secret(text), setting_place(key))
            self._session.defer("set_setting", key=key, value=text, now=self._session.now)
        self._session.notify("settings")

    async def delete(self, keys: Iterable[str]) -> int:
        """Back to never set; returns how many were. Wakes ``settings``."""
        deleted = 0
        for key in keys:
            deleted += await self._session.run("delete_setting", key=key)
        self._session.notify("settings")
        return deleted

    def _read(self, key: str, stored: str) -> object:
        if is_sealed(stored):
            stored = self._session.sealer.open(stored, setting_place(key)).reveal()
        value: object = jsontext.read(stored)
        return value


def setting_place(key: str) -> str:
    """Where a sealed setting belongs; see ``sealed``."""
    return f"setting/{key}"
