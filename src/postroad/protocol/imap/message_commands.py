"""Commands about messages: fetch, store, copy, move, expunge, search, sort, append.

RFC 9051 §6.3.12, §6.4; MOVE RFC 6851; UIDPLUS RFC 4315; CONDSTORE and QRESYNC RFC 7162; SEARCHRES
RFC 5182; SORT RFC 5256; MULTIAPPEND RFC 3502; X-GM-EXT-1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from postroad.domain.errors import LocalProtocolError
from postroad.protocol.imap.command import (
    Command,
    Literal,
    LiteralStream,
    Part,
    astring,
    flag_list,
    joined,
    string,
)
from postroad.protocol.imap.dates import date_time
from postroad.protocol.imap.numset import MAX_NUMBER, MessageSet, NumSet

EXPUNGE = Command("EXPUNGE")

# A key of the grammar as str (HEADER, UNSEEN, "1:3"); an argument as bytes, quoted as needed.
SearchWord = str | bytes

_FETCH_ITEM = re.compile(
    r"[A-Z0-9.\-]{1,40}"
    r"(?:\[[A-Z0-9.\-]{0,255}(?: \([!#-'*-Z^-z|~ ]{1,4000}\))?\])?"
    r"(?:<[0-9]{1,19}\.[0-9]{1,19}>| \(LAZY\))?",
    re.IGNORECASE,
)
_SORT_KEY = re.compile(
    r"(?:REVERSE )?(?:ARRIVAL|CC|DATE|FROM|SIZE|SUBJECT|TO|DISPLAYFROM|DISPLAYTO)"
)
_RETURN_OPTIONS = frozenset({"ALL", "COUNT", "MIN", "MAX", "SAVE"})


def uid_fetch(
    uids: MessageSet,
    items: Sequence[str],
    *,
    changed_since: int | None = None,
    vanished: bool = False,
) -> Command:
    """Fetch ``items``, spelled as the RFC does: ``FLAGS``, ``BODY.PEEK[2.1]<0.1000>``.

    ``changed_since`` needs CONDSTORE, ``vanished`` needs it and that QRESYNC was enabled.
    """
    modifiers = ""
    if changed_since is not None:
        modifiers = f" (CHANGEDSINCE {changed_since}{' VANISHED' if vanished else ''})"
    elif vanished:
        raise LocalProtocolError("VANISHED needs CHANGEDSINCE")
    line = f" {_named(uids)} ({_joined_items(items)}){modifiers}"
    return Command("UID FETCH", (line.encode("ascii"),))


def fetch(low: int, high: int, items: Sequence[str]) -> Command:
    """Fetch ``items`` as :func:`uid_fetch` does, by message numbers, both ends included."""
    if not 1 <= low <= high <= MAX_NUMBER:
        raise LocalProtocolError(f"not a range of messages: {low}:{high}")
    return Command("FETCH", (f" {low}:{high} ({_joined_items(items)})".encode("ascii"),))


def uid_store(
    uids: MessageSet,
    how: str,
    flags: Sequence[str],
    *,
    unchanged_since: int | None = None,
) -> Command:
    """Change flags; ``how`` is ``FLAGS``, ``+FLAGS`` or ``-FLAGS``, each perhaps ``.SILENT``.

    ``X-GM-LABELS`` in place of ``FLAGS`` changes Gmail's labels, given as wire names or as
    system labels (``\\\\Important``).
    """
    kind = how.upper().removesuffix(".SILENT").lstrip("+-")
    if kind not in ("FLAGS", "X-GM-LABELS") or how[:2] in ("++", "--", "+-", "-+"):
        raise LocalProtocolError(f"not a way to store flags: {how[:40]!r}")
    modifier = b"" if unchanged_since is None else b" (UNCHANGEDSINCE %d)" % unchanged_since
    line = f" {_named(uids)}".encode("ascii") + modifier + b" " + how.encode("ascii") + b" "
    if kind == "FLAGS":
        return Command("UID STORE", (line + flag_list(tuple(flags)),))
    return Command("UID STORE", joined(line, *_label_list(flags)))


def uid_copy(uids: MessageSet, wire_name: bytes) -> Command:
    return Command("UID COPY", joined(f" {_named(uids)} ".encode("ascii"), astring(wire_name)))


def uid_move(uids: MessageSet, wire_name: bytes) -> Command:
    """Move; needs MOVE."""
    return Command("UID MOVE", joined(f" {_named(uids)} ".encode("ascii"), astring(wire_name)))


def uid_expunge(uids: MessageSet) -> Command:
    """Remove those of ``uids`` that are marked ``\\\\Deleted``; needs UIDPLUS."""
    return Command("UID EXPUNGE", (f" {_named(uids)}".encode("ascii"),))


def uid_search(
    criteria: Sequence[SearchWord], *, returning: Sequence[str] = (), names_charset: bool = True
) -> Command:
    """Search with keys that all must hold.

    Arguments above ASCII announce ``CHARSET UTF-8`` unless ``names_charset`` is off, as it must
    be once UTF8=ACCEPT is enabled (RFC 6855 §3). ``returning`` (ALL, COUNT, MIN, MAX, SAVE)
    needs ESEARCH, and SAVE needs SEARCHRES.
    """
    if not criteria:
        raise LocalProtocolError("nothing to search for")
    parts: list[Part] = []
    if returning:
        if not _RETURN_OPTIONS.issuperset(returning):
            raise LocalProtocolError(f"not what a search returns: {returning}")
        parts.append(f" RETURN ({' '.join(returning)})".encode("ascii"))
    if names_charset and _is_beyond_ascii(criteria):
        parts.append(b" CHARSET UTF-8")
    return Command("UID SEARCH", joined(*parts, *_search_keys(criteria)))


def uid_sort(criteria: Sequence[SearchWord], order: Sequence[str]) -> Command:
    """Search and sort by ``order`` (``REVERSE ARRIVAL``, ``SUBJECT``); needs SORT. RFC 5256 §3."""
    if not order or not criteria:
        raise LocalProtocolError("nothing to sort")
    for key in order:
        if not _SORT_KEY.fullmatch(key):
            raise LocalProtocolError(f"not a way to sort: {key[:40]!r}")
    # Every server with SORT takes UTF-8, and with UTF8=ACCEPT nothing else. RFC 5256 §3
    head = f" ({' '.join(order)}) UTF-8".encode("ascii")
    return Command("UID SORT", joined(head, *_search_keys(criteria)))


def append(
    wire_name: bytes,
    messages: Sequence[tuple[int | bytes, Sequence[str], int | None]],
) -> Command:
    """File one message, or several where the server has MULTIAPPEND (RFC 3502).

    Each message is its octets, or their number when they come later and piece by piece; its
    flags; and its date (epoch ms) or ``None``.
    """
    parts: list[Part] = [b" ", astring(wire_name)]
    if not messages:
        raise LocalProtocolError("nothing to append")
    for content, flags, date_ms in messages:
        if not content or (isinstance(content, int) and content < 0):
            raise LocalProtocolError("an empty message cannot be appended")
        if flags:
            parts += [b" ", flag_list(tuple(flags))]
        if date_ms is not None:
            parts.append(f' "{date_time(date_ms)}"'.encode("ascii"))
        parts.append(b" ")
        parts.append(Literal(content) if isinstance(content, bytes) else LiteralStream(content))
    return Command("APPEND", joined(*parts))


def _joined_items(items: Sequence[str]) -> str:
    for item in items:
        if not _FETCH_ITEM.fullmatch(item):
            raise LocalProtocolError(f"not an item to fetch: {item[:60]!r}")
    if not items:
        raise LocalProtocolError("nothing to fetch")
    return " ".join(items)


def _named(uids: MessageSet) -> str:
    if isinstance(uids, NumSet) and not uids.ranges:
        raise LocalProtocolError("no messages are named")
    return str(uids)


def _is_beyond_ascii(criteria: Sequence[SearchWord]) -> bool:
    return any(isinstance(word, bytes) and not word.isascii() for word in criteria)


def _search_keys(criteria: Sequence[SearchWord]) -> list[Part]:
    parts: list[Part] = []
    gap = b" "
    for word in criteria:
        if isinstance(word, bytes):
            # Always quoted: an argument that reads like a key stays an argument.
            parts += [gap, string(word)]
        elif word == ")":
            parts.append(b")")
        elif word == "(":
            parts.append(gap + b"(")
            gap = b""
            continue
        else:
            if not _SEARCH_KEY.fullmatch(word):
                raise LocalProtocolError(f"not a search key: {word[:60]!r}")
            parts.append(gap + word.encode("ascii"))
        gap = b" "
    return parts


_SEARCH_KEY = re.compile(r"[A-Za-z0-9:,*$.\-\\_+]{1,8192}")


def _label_list(labels: Sequence[str]) -> list[Part]:
    parts: list[Part] = [b"("]
    for number, label in enumerate(labels):
        if number:
            parts.append(b" ")
        octets = label.encode("utf-8")
        if _SYSTEM_LABEL.fullmatch(label):
            parts.append(octets)
        else:
            parts.append(string(octets))
    return [*parts, b")"]


_SYSTEM_LABEL = re.compile(r"\\[A-Za-z]{1,40}")
