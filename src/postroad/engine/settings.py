"""Settings: read from memory, written through the store, refreshed by a hint.

:attr:`Settings.snapshot` never touches the store, so the hot path may ask it for every message.
A change made in this process holds when :meth:`Settings.update` returns; one made elsewhere
(another node, the command line) when its hint arrives, or with the next poll.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from postroad.domain.account import Account
from postroad.domain.errors import MAX_PROBLEMS, FieldProblem, Invalid, Unavailable, shorten
from postroad.domain.event import EventName
from postroad.domain.secret import Secret
from postroad.domain.setting import BY_KEY, SettingValues
from postroad.domain.setting_kinds import MemberProblem, Setting, SettingKind
from postroad.domain.url import MASK
from postroad.engine.wakeup import Hint, Wakeup
from postroad.observe import get_logger
from postroad.store import Store, Tx

log = get_logger(__name__)

EVENT_TYPES: Final = "eventTypes"  # read-only pseudo setting: the names of all events

_POLL_S: Final = 30.0


class Settings:
    """The settings service."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stored: dict[str, object] = {}
        self._watchers: list[Hint] = []
        self.snapshot = SettingValues()

    def computes_threads(self, account: Account) -> bool:
        """Whether an account gets threads of our own: its own word, or else the setting."""
        return self.snapshot.threading if account.threading is None else account.threading

    async def load(self) -> None:
        """Read everything from the store. Call it once before serving."""

        async def unit(tx: Tx) -> dict[str, object]:
            return dict(await tx.settings.get_all())

        self._take(await self._store.read(unit))

    async def run(self, stop: Hint | None = None) -> None:
        """Follow changes made elsewhere until cancelled or stopped."""
        hint = Hint()
        with (
            self._store.wake.subscribe("settings", hint),
            Wakeup(hint, poll_s=_POLL_S, stop=stop) as wakeup,
        ):
            while not wakeup.is_stopping:
                await wakeup.wait()
                try:
                    await self.load()
                except Unavailable as error:
                    log.warning("settings wait for the store", error=error.message)

    async def read(self, keys: Collection[str]) -> dict[str, object]:
        """The named settings as the API shows them; never set is ``None``, secrets are booleans.

        Raises :exc:`Invalid` for keys that are not settings. Contract B-246.
        """
        unknown = [key for key in keys if key not in BY_KEY and key != EVENT_TYPES]
        if unknown:
            raise Invalid(fields=[FieldProblem(key, f'"{key}" is not allowed') for key in unknown])
        return {key: self._show(key) for key in keys}

    async def update(self, values: Mapping[str, object]) -> list[str]:
        """Check and store all ``values`` or none, and return the keys that were written.

        A masked value that equals what is shown is skipped; an empty ``serviceSecret`` too.
        Raises :exc:`Invalid` with a problem for each value that is wrong, at most
        :data:`MAX_PROBLEMS`. Contract B-247..B-249.
        """
        accepted: dict[str, object] = {}
        problems: list[FieldProblem] = []
        for key, value in values.items():
            setting = BY_KEY.get(key)
            try:
                if setting is None:
                    raise ValueError("is not allowed")
                if not self._is_written_back(setting, value):
                    accepted[key] = setting.parse(value)
            except ValueError as error:
                name = shorten(key)
                if isinstance(error, MemberProblem):
                    name += f".{error.member}"
                problems.append(FieldProblem(name, f'"{name}" {error}'))
            if len(problems) == MAX_PROBLEMS:
                break
        if problems:
            raise Invalid(fields=problems)
        if accepted:
            await self._write(accepted)
        return list(accepted)

    async def apply_at_start(
        self, values: Mapping[str, object], *, first: Mapping[str, object] = MappingProxyType({})
    ) -> list[str]:
        """Store what the environment asks for, and of ``first`` what was never set.

        Raises :exc:`Invalid` as :meth:`update` does.
        """
        fresh = {key: value for key, value in first.items() if key not in self._stored}
        wanted = {**fresh, **values}
        return await self.update(wanted) if wanted else []

    @contextmanager
    def watching(self, hint: Hint) -> Iterator[None]:
        """Set ``hint`` whenever :attr:`snapshot` has been renewed."""
        self._watchers.append(hint)
        try:
            yield
        finally:
            self._watchers.remove(hint)

    async def service_secret(self) -> Secret[str]:
        """The key that signs what we send out; made at first need, the same for all processes."""
        known = self.snapshot.service_secret
        if known is not None:
            return known
        fresh = secrets.token_hex(16)

        async def unit(tx: Tx) -> dict[str, object]:
            stored = dict(await tx.settings.get_all())
            if not stored.get("serviceSecret"):  # another process may have been quicker
                stored["serviceSecret"] = fresh
                await tx.settings.set({"serviceSecret": fresh})
            return stored

        stored = await self._store.write(unit)
        self._take(stored)
        return Secret(str(stored["serviceSecret"]))

    async def _write(self, accepted: Mapping[str, object]) -> None:
        async def unit(tx: Tx) -> dict[str, object]:
            await tx.settings.set({k: v for k, v in accepted.items() if v is not None})
            await tx.settings.delete([k for k, v in accepted.items() if v is None])
            return dict(await tx.settings.get_all())

        self._take(await self._store.write(unit))

    def _take(self, stored: dict[str, object]) -> None:
        self._stored = stored
        self.snapshot = SettingValues.of(stored)
        for hint in self._watchers:
            hint.set()

    def _show(self, key: str) -> object:
        if key == EVENT_TYPES:
            return [str(name) for name in EventName]
        setting, value = BY_KEY[key], self._stored.get(key)
        if value is None and not setting.is_secret and not setting.members:
            return None
        return setting.show(value)

    def _is_written_back(self, setting: Setting, value: object) -> bool:
        """Whether ``value`` is our own answer coming back, so that there is nothing to write."""
        if setting.is_secret:
            return value in ("", MASK)
        if not _has_mask(setting, value):
            return False
        stored = self._stored.get(setting.key)
        if stored is not None and setting.show(stored) == value:
            return True
        raise ValueError("holds a masked value that differs from the stored one")


def _has_mask(setting: Setting, value: object) -> bool:
    match setting.kind, value:
        case SettingKind.URL, str():
            return MASK in value
        case SettingKind.HEADERS, list():
            return any(isinstance(item, dict) and item.get("value") == MASK for item in value)
        case _:
            return False
