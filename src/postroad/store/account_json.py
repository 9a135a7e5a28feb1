"""How an account's configuration is written into its row, secrets sealed.

Only what differs from the default is written, so that a field that comes later needs no
migration. Keys are the field names of :class:`~postroad.domain.account.Account`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from postroad.domain.account import Account, ImapSettings, Login, SmtpSettings, TlsOptions
from postroad.domain.secret import Secret
from postroad.store import jsontext
from postroad.store.sealed import Sealer

_COLUMNS = frozenset({"account", "name", "email", "created_at", "version"})
_SECRET = "secret"  # {"secret": text}: a Secret, sealed or plain
_LISTS = frozenset({"paths", "subconnections"})


@dataclass(frozen=True, slots=True)
class AccountJson:
    """Writes and reads the ``config`` column of one account."""

    account: str
    sealer: Sealer

    def write(self, account: Account) -> str:
        config = dict(self._written(account, ""))
        return jsontext.write(config)

    def read(
        self, name: str, email: str | None, created_at: int, version: int, text: str
    ) -> Account:
        """Raises :exc:`ConfigError` when a sealed member cannot be opened."""
        # What this process wrote comes back in its own shapes.
        stored: dict[str, Any] = jsontext.read(text)
        config = {key: self._read(value, key) for key, value in stored.items()}
        for key in _LISTS & config.keys():
            config[key] = tuple(config[key])
        if "imap" in config:
            config["imap"] = ImapSettings(**_server(config["imap"]))
        if "smtp" in config:
            config["smtp"] = SmtpSettings(**_server(config["smtp"]))
        if "webhook_headers" in config:
            config["webhook_headers"] = tuple(
                (key, value) for key, value in config["webhook_headers"]
            )
        return Account(
            account=self.account,
            name=name,
            email=email,
            created_at=created_at,
            version=version,
            **config,
        )

    def seal_again(self, text: str) -> str:
        """The same configuration under the present key."""
        return self.write(self.read("", None, 0, 0, text))

    def is_current(self, text: str) -> bool:
        """Whether every secret in it is sealed under the present key."""
        return all(self.sealer.is_current(stored) for stored in _secrets(jsontext.read(text)))

    def _written(self, value: Any, place: str) -> Iterator[tuple[str, object]]:
        for field in fields(value):
            if place == "" and field.name in _COLUMNS:
                continue
            member = getattr(value, field.name)
            if member != field.default and member != {}:
                yield field.name, self._write(member, f"{place}/{field.name}")

    def _write(self, value: object, place: str) -> object:
        match value:
            case Secret():
                return {_SECRET: self.sealer.seal(value, self._place(place))}
            case ImapSettings() | SmtpSettings() | Login() | TlsOptions():
                return dict(self._written(value, place))
            case Mapping():
                return {"open": dict(value)}
            case tuple():
                return [self._write(item, f"{place}/{n}") for n, item in enumerate(value)]
            case _:
                return value

    def _read(self, value: Any, place: str) -> Any:
        if isinstance(value, list):
            return [self._read(item, f"{place}/{n}") for n, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if value.keys() == {_SECRET}:
            return self.sealer.open(value[_SECRET], self._place(f"/{place}"))
        if value.keys() == {"open"}:
            return value["open"]
        return {key: self._read(member, f"{place}/{key}") for key, member in value.items()}

    def _place(self, place: str) -> str:
        return f"account/{self.account}{place}"


def _server(config: dict[str, Any]) -> dict[str, Any]:
    if "login" in config:
        config["login"] = Login(**config["login"])
    if "tls" in config:
        config["tls"] = TlsOptions(**config["tls"])
    return config


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _secrets(item)
    elif isinstance(value, dict):
        if value.keys() == {_SECRET}:
            yield value[_SECRET]
        else:
            for member in value.values():
                yield from _secrets(member)
