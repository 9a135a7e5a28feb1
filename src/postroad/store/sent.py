"""The registry of what was sent, so that what comes back can be led to it.

Written in the transaction that records a relay's acceptance; read when a report arrives.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from postroad.domain.sent import SentMessage, address_key, bare_id, id_key
from postroad.domain.suppression import address_key as spelling
from postroad.store import jsontext
from postroad.store.backend import Row, Session

FIRST = 100  # recipients of a message that are kept with it; further ones have rows apart
_AT_ONCE = 500  # further recipients that one statement adds
_MAX_FOUND = 1_000
_MAX_LIKE = 5  # messages to one address of which the newest is looked for
_CLAIM_MS = 15 * 60_000  # no claim is longer


class Sent:
    """The ``sent`` table, and ``sent_to`` for messages to many."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def record(self, sent: SentMessage) -> None:
        """Remember a message and all its recipients. Once for each submission."""
        keys: list[int | None] = []
        keys += dict.fromkeys(address_key(one) for one in sent.recipients[:FIRST])
        remote = sent.remote_message_id
        names = [] if sent.envelope_id is None else [id_key(sent.envelope_id)]
        if sent.has_own_return_path:
            names.append(id_key(sent.queue_id))
            keys += [None] * (len(names) - len(keys))  # each name has a row
        self._session.defer(
            "record_sent",
            accepted_at=sent.accepted_at,
            queue_id=sent.queue_id,
            n=0,
            account=sent.account,
            recipient_key=keys[0] if keys else None,
            message_key=id_key(sent.message_id),
            remote_key=None if remote is None else id_key(remote),
            envelope_key=names[0] if names else None,
            data=_write(sent),
        )
        for n, key in enumerate(keys[1:], 1):
            self._session.defer(
                "record_sent",
                accepted_at=sent.accepted_at,
                queue_id=sent.queue_id,
                n=n,
                account=sent.account,
                recipient_key=key,
                message_key=None,
                remote_key=None,
                envelope_key=names[n] if n < len(names) else None,
                data=None,
            )
        # Each statement lets others have the event loop: many keys take many milliseconds.
        for first in range(FIRST, len(sent.recipients), _AT_ONCE):
            batch = sent.recipients[first : first + _AT_ONCE]
            await self._session.run(
                "record_sent_to",
                accepted_at=sent.accepted_at,
                queue_id=sent.queue_id,
                account=sent.account,
                first=first,
                pairs=jsontext.write([(address_key(one), one) for one in batch]),
            )

    async def by_message_ids(self, message_ids: Collection[str]) -> list[SentMessage]:
        """What was sent under one of these ids, by any account; the newest first.

        Also under the id that a relay gave instead. Give at most some hundreds.
        """
        if not message_ids:
            return []
        wanted = {bare_id(one) for one in message_ids}
        rows = await self._session.many(
            "sent_by_message", keys=jsontext.write(_keys(wanted)), limit=_MAX_FOUND
        )
        found = (_read(row) for row in rows)
        return [
            one
            for one in found
            if bare_id(one.message_id) in wanted or bare_id(one.remote_message_id or "") in wanted
        ]

    async def by_envelope_id(self, account: str, envelope_id: str) -> SentMessage | None:
        """The newest message of the account that was sent with this ENVID."""
        rows = await self._session.many(
            "sent_by_envelope", key=id_key(envelope_id), account=account, limit=_MAX_FOUND
        )
        return next((one for one in map(_read, rows) if one.envelope_id == envelope_id), None)

    async def find(self, queue_id: str) -> SentMessage | None:
        """What was sent under this queue id. Reads through the table."""
        row = await self._session.maybe("find_sent", queue_id=queue_id)
        return None if row is None else _read(row)

    async def by_return_path(self, queue_id: str) -> SentMessage | None:
        """What was sent with this queue id in its return path, by any account."""
        rows = await self._session.many(
            "sent_by_return_path", key=id_key(queue_id), limit=_MAX_FOUND
        )
        return next((one for one in map(_read, rows) if one.queue_id == queue_id), None)

    async def by_recipient(self, account: str, address: str, *, since: int) -> SentMessage | None:
        """The newest message of the account to ``address`` that a relay took after ``since``."""
        key, wanted = address_key(address), spelling(address)
        first = await self._session.many(
            "sent_by_recipient", key=key, account=account, since=since, limit=_MAX_LIKE
        )
        further = await self._session.many(
            "sent_by_further_recipient", key=key, account=account, since=since, limit=_MAX_LIKE
        )
        found = [one for one in map(_read, first) if wanted in map(spelling, one.recipients)]
        found += [_read(row[:-1]) for row in further if spelling(row[-1]) == wanted]
        return max(found, key=lambda one: (one.accepted_at, one.queue_id), default=None)

    async def further(
        self, messages: Iterable[SentMessage], addresses: Iterable[str]
    ) -> dict[str, list[str]]:
        """Those of ``addresses`` that are further recipients of ``messages``, by queue id.

        They are spelled as they were written to. Those that lie with a message are not looked
        for. Give at most some thousands of pairs of both.
        """
        asked = {one.queue_id: one for one in messages if one.further}
        keys = {address_key(one) for one in addresses} if asked else set()
        found: dict[str, list[str]] = {}
        if keys:
            rows = await self._session.many(
                "sent_to_any",
                messages=jsontext.write(
                    [*{(one.accepted_at, one.account) for one in asked.values()}]
                ),
                keys=jsontext.write(sorted(keys)),
            )
            for queue_id, recipient in rows:
                if queue_id in asked:  # of several in one millisecond
                    found.setdefault(queue_id, []).append(recipient)
        return found

    async def being_sent(self, account: str, message_id: str) -> SentMessage | None:
        """A message of the account whose attempt is running, or is not written down yet."""
        now = self._session.now
        row = await self._session.maybe(
            "sending_now",
            account=account,
            now=now,
            until=now + _CLAIM_MS,
            message_id=message_id,
        )
        if row is None:
            return None
        queue_id, owner, created_at, rcpt_to, written, tags = row
        return SentMessage(
            queue_id,
            owner,
            written,
            tuple(jsontext.read(rcpt_to)),
            created_at,
            now,
            tags=tuple(jsontext.read(tags)) if tags else (),
        )

    async def purge(self, *, before: int, limit: int = 500) -> int:
        """Forget up to ``limit`` rows of each table from before ``before`` (epoch ms).

        Returns how many they were; repeat until it is 0.
        """
        further = await self._session.run("purge_sent_to", before=before, limit=limit)
        return further + await self._session.run("purge_sent", before=before, limit=limit)


def _keys(bare_ids: Iterable[str]) -> list[int]:
    return sorted({id_key(one) for one in bare_ids})


def _write(sent: SentMessage) -> str:
    details: list[object] = [
        sent.message_id,
        sent.recipients[:FIRST],
        sent.submitted_at,
        sent.remote_message_id,
        sent.envelope_id,
    ]
    further = max(0, len(sent.recipients) - FIRST)
    if sent.tags or further:  # most have neither
        details += [sent.tags, further]
    return jsontext.write(details)


def _read(row: Row) -> SentMessage:
    queue_id, account, accepted_at, data = row
    message_id, recipients, submitted_at, remote_id, envelope_id, *more = jsontext.read(data)
    tags, further = more or ((), 0)
    return SentMessage(
        queue_id=queue_id,
        account=account,
        message_id=message_id,
        recipients=tuple(recipients),
        submitted_at=submitted_at,
        accepted_at=accepted_at,
        remote_message_id=remote_id,
        envelope_id=envelope_id,
        tags=tuple(tags),
        further=further,
    )
