"""From a listing to mailboxes with their uses. Contract B-066, B-067."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from postroad.domain.account import ImapSettings
from postroad.domain.mailbox import Mailbox, SpecialUse
from postroad.protocol.imap import special_use
from postroad.protocol.imap.listing import ListEntry, Namespace
from postroad.transport.imap import Listing

MANY_MAILBOXES = 1000  # that are worth a thread: reading one takes some 15 us
_HIDDEN = ("\\Noselect", "\\NonExistent")
_SOURCES = ("user", "extension", "name")  # the first wins


@dataclass(frozen=True, slots=True)
class Folders:
    """What one listing told."""

    mailboxes: tuple[Mailbox, ...]
    wire_names: Mapping[str, bytes]  # by path, as the server spells them
    delimiter: str | None = None  # of the user's own mailboxes
    prefix: str = ""  # that the user's own mailboxes have in common

    def by_path(self, path: str) -> Mailbox | None:
        return next((one for one in self.mailboxes if one.path == path), None)

    def find(self, use: SpecialUse) -> Mailbox | None:
        """The mailbox of that use; the user's word before the server's, that before a guess."""
        candidates = [one for one in self.mailboxes if one.special_use is use]
        return min(candidates, key=_trust, default=None)


def read_listing(listing: Listing, namespace: Namespace, settings: ImapSettings) -> Folders:
    """Selectable mailboxes in the server's order, INBOX first, with special uses resolved.

    A path that the settings name decides for its use, if it exists: no other mailbox has that use
    then, whatever the server says, so that it means one place. Names are only guessed for uses
    that nothing else has settled, and only at the top level: ``Trash/Sent`` is refuse.
    """
    shown = [entry for entry in listing.entries if not any(map(entry.has, _HIDDEN))]
    mailboxes = [_mailbox(entry, listing) for entry in shown]
    chosen = _chosen_by_user(settings)
    taken = {use for path, use in chosen.items() if any(one.path == path for one in mailboxes)}
    for i, mailbox in enumerate(mailboxes):
        use = chosen.get(mailbox.path)
        if use is not None:
            mailboxes[i] = replace(mailbox, special_use=use, special_use_source="user")
        elif mailbox.special_use in taken:
            mailboxes[i] = replace(mailbox, special_use=None, special_use_source=None)
    settled = {one.special_use for one in mailboxes}
    for use, i in _guesses(mailboxes, namespace).items():
        if use not in settled:
            mailboxes[i] = replace(mailboxes[i], special_use=use, special_use_source="name")
    mailboxes.sort(key=lambda one: one.path != "INBOX")
    own = namespace.personal[0] if namespace.personal else None
    return Folders(
        tuple(mailboxes),
        {entry.path: entry.wire_name for entry in shown},
        delimiter=own.delimiter
        if own is not None
        else next((one.delimiter for one in mailboxes), None),
        prefix=own.prefix if own is not None else "",
    )


async def take_listing(listing: Listing, namespace: Namespace, settings: ImapSettings) -> Folders:
    """:func:`read_listing`, in a thread where there are many."""
    if len(listing.entries) > MANY_MAILBOXES:
        return await asyncio.to_thread(read_listing, listing, namespace, settings)
    return read_listing(listing, namespace, settings)


def _mailbox(entry: ListEntry, listing: Listing) -> Mailbox:
    use = SpecialUse.INBOX if entry.path == "INBOX" else special_use.by_attribute(entry)
    is_subscribed = listing.subscribed is None or entry.wire_name in listing.subscribed
    return Mailbox(
        path=entry.path,
        delimiter=entry.delimiter,
        special_use=use,
        special_use_source="extension" if use is not None else None,
        subscribed=is_subscribed,
        attributes=tuple(one for one in entry.attributes if one.lower() != "\\subscribed"),
    )


def _chosen_by_user(settings: ImapSettings) -> dict[str, SpecialUse]:
    chosen = {
        settings.sent_path: SpecialUse.SENT,
        settings.drafts_path: SpecialUse.DRAFTS,
        settings.junk_path: SpecialUse.JUNK,
        settings.trash_path: SpecialUse.TRASH,
        settings.archive_path: SpecialUse.ARCHIVE,
    }
    return {path: use for path, use in chosen.items() if path}


def _guesses(mailboxes: Sequence[Mailbox], namespace: Namespace) -> dict[SpecialUse, int]:
    """For each use the index of the mailbox whose name fits best."""
    best: dict[SpecialUse, tuple[int, int, int]] = {}
    for i, mailbox in enumerate(mailboxes):
        if mailbox.special_use is not None:
            continue
        depth, name = _place(mailbox, namespace)
        found = special_use.by_name(name)
        if found is None or depth > 1:
            continue
        use, rank = found
        best[use] = min(best.get(use, (99, 0, 0)), (depth, rank, i))
    return {use: i for use, (_, _, i) in best.items()}


def _place(mailbox: Mailbox, namespace: Namespace) -> tuple[int, str]:
    """How deep a mailbox lies below the user's own prefix, and its last name.

    Depth 1 is allowed for servers that keep everything below INBOX or ``[Gmail]`` without
    saying so by NAMESPACE.
    """
    path = mailbox.path
    prefixes = [part.prefix for part in namespace.personal if part.prefix]
    for prefix in prefixes:
        if path.startswith(prefix):
            path = path[len(prefix) :]
            break
    if not mailbox.delimiter:
        return 0, path
    levels = path.split(mailbox.delimiter)
    is_shelf = levels[0].upper() in ("INBOX", "[GMAIL]", "[GOOGLE MAIL]")
    depth = len(levels) - 1
    if depth == 1 and not is_shelf:
        depth = 2
    return depth, levels[-1]


def _trust(mailbox: Mailbox) -> int:
    return _SOURCES.index(mailbox.special_use_source or "name")
