"""Return paths that name their submission: ``local+queueId@domain``.

Whatever comes back to such an address is about that submission, also a bounce that names nothing
of what was sent. The subaddress is what mailboxes know as a detail (RFC 5233 §1); the idea is
known as variable envelope return paths. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_MAX_LOCAL = 64  # octets. RFC 5321 §4.5.3.1.1
_MAX_PATH = 254  # octets, without the angle brackets. §4.5.3.1.3
_TAG = re.compile(r"\+([0-9a-f]{19})\Z")  # a queue id; some servers change the case on the way


def tagged(mail_from: str, queue_id: str) -> str:
    """``mail_from`` with the queue id; as it is where it cannot carry one.

    The null path, quoted local parts and those that would become too long stay as they are.
    """
    local, at, domain = mail_from.rpartition("@")
    detailed = f"{local}+{queue_id}"
    made = f"{detailed}{at}{domain}"
    if not local or local.startswith('"'):
        return mail_from
    if len(detailed.encode()) > _MAX_LOCAL or len(made.encode()) > _MAX_PATH:
        return mail_from
    return made


def queue_id_in(address: str) -> str | None:
    """The queue id that an address carries."""
    found = _TAG.search(address.rpartition("@")[0].lower())
    return None if found is None else found[1]


def queue_ids_in(addresses: Iterable[str]) -> tuple[str, ...]:
    """The queue ids that addresses carry, each once."""
    return tuple(dict.fromkeys(tag for one in addresses if (tag := queue_id_in(one)) is not None))
