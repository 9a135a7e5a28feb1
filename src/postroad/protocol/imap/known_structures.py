"""Body structures of which only the numbers are new, read in a fraction of the time.

Most mail comes in a few shapes; what differs from one message to the next are the sizes of the
parts, and the boundary. The structure without them is the key under which its tree is kept, and a
known tree is copied with the new sizes. Nothing is guessed: two structures have the same key only
if they differ in nothing else, and :func:`~postroad.protocol.imap.structure.body` has read it.

At most 256 trees are kept in the whole process, none of a key above 768 octets: 2 MiB at worst.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap.cursor import Cursor
from postroad.protocol.imap.structure import BodyPart, body

_MAX_KEY_BYTES = 768
# Behind an encoding the size, and the lines where it is a text.
_SIZES = re.compile(rb'" ([0-9]{1,17}+(?: [0-9]{1,17}+)?+)(?=[ )])')
_BOUNDARIES = (b'"boundary" "', b'"BOUNDARY" "')
# What stands in a key's places while its tree is made, so that they are found again.
_FIRST = 10**17  # the first size; none that is read here is as large
_SOME = b"=_of some message_="  # a boundary


def read_structure(octets: bytes) -> BodyPart:
    """Read a BODYSTRUCTURE that holds no literals. Raises :exc:`RemoteProtocolError`."""
    pieces = _SIZES.split(octets)
    sizes: list[int] = []
    for at in range(1, len(pieces), 2):
        size, has_lines, _ = pieces[at].partition(b" ")
        sizes.append(int(size))
        pieces[at] = b'" 0 0' if has_lines else b'" 0'
    key = b"".join(pieces)
    for name in _BOUNDARIES:
        if name in key:
            first, *rest = key.split(name)
            key = name.join([first, *[piece[piece.find(b'"') :] for piece in rest]])
    if len(key) <= _MAX_KEY_BYTES:
        form = _form(key)
        if form is not None:
            return _filled(form, sizes)
    return body(Cursor(octets).value())


@dataclass(frozen=True, slots=True)
class _Form:
    """One node of a kept tree."""

    like: BodyPart
    at: int | None  # which of the sizes is its own; None where the key tells it
    children: tuple[_Form, ...]


@lru_cache(maxsize=256)
def _form(key: bytes) -> _Form | None:
    """The tree of a key; ``None`` for one that cannot be told from others by its key."""
    if b"\\" in key:
        return None  # a quote may be part of a string then
    pieces = _SIZES.split(key)
    for at in range(1, len(pieces), 2):
        if b"".join(pieces[:at]).count(b'"') % 2 == 0:
            return None  # the quote in front of it begins a string instead of ending one
        pieces[at] = b'" %d%b' % (_FIRST + at // 2, pieces[at][1:])
    octets = b"".join(pieces)
    for name in _BOUNDARIES:
        octets = octets.replace(name, name + _SOME)
    count = len(pieces) // 2
    try:
        root = body(Cursor(octets).value())
    except RemoteProtocolError:
        return None
    found = sorted(node.size for node in root.walk() if node.size >= _FIRST)
    if found != [*range(_FIRST, _FIRST + count)] or _SOME.decode() in repr(root):
        return None  # one of them is something else
    return _form_of(root)


def _form_of(node: BodyPart) -> _Form:
    at = node.size - _FIRST if node.size >= _FIRST else None
    return _Form(node, at, tuple(_form_of(one) for one in node.children))


def _filled(form: _Form, sizes: Sequence[int]) -> BodyPart:
    like = form.like
    if form.at is None and not form.children:
        return like
    # By position: this is most of the time that a list of mail takes to read.
    return BodyPart(
        like.part,
        like.media_type,
        like.subtype,
        like.parameters,
        like.content_id,
        like.description,
        like.encoding,
        like.size if form.at is None else sizes[form.at],
        like.disposition,
        like.disposition_parameters,
        tuple([_filled(one, sizes) for one in form.children]) if form.children else (),
    )
