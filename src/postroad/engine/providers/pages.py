"""Pages of messages: which one is wanted, and the words that lead to its neighbours.

A cursor is ``imap_`` and base64url of ``{"page":N}``; clients hand it back as it came. Contract
B-026 to B-030.
"""

from __future__ import annotations

import base64
import binascii
import json

from postroad.domain.errors import Invalid
from postroad.engine.providers.results import FoundMessage, FoundPage, PageWish

_PREFIX = "imap_"
_MAX_PAGE = 2**32


def wanted_page(wish: PageWish) -> int:
    """The number of the wanted page. Raises :exc:`Invalid` for a cursor that is none of ours."""
    if wish.cursor is None:
        return wish.page
    if not wish.cursor.startswith(_PREFIX):
        raise Invalid("The cursor is of another kind of account", code="InvalidCursorType")
    text = wish.cursor.removeprefix(_PREFIX)
    try:
        value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        raise _bad_cursor() from None
    page = value.get("page") if isinstance(value, dict) else None
    if not isinstance(page, int) or isinstance(page, bool) or not 0 <= page <= _MAX_PAGE:
        raise _bad_cursor()
    return page


def cursor_of(page: int) -> str:
    octets = json.dumps({"page": page}, separators=(",", ":")).encode("ascii")
    return _PREFIX + base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def found_page(items: tuple[FoundMessage, ...], total: int, page: int, page_size: int) -> FoundPage:
    """The page with the words for its neighbours; a message list has at least one page. B-027."""
    pages = max(1, -(-total // page_size))
    return FoundPage(
        items=items,
        total=total,
        page=page,
        pages=pages,
        next_cursor=cursor_of(page + 1) if page + 1 < pages else None,
        prev_cursor=cursor_of(min(page, pages) - 1) if page > 0 else None,
    )


def _bad_cursor() -> Invalid:
    return Invalid("The cursor cannot be read", code="InvalidCursorValue")
