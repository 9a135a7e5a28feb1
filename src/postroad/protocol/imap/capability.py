"""What follows from the capabilities that a server names. RFC 9051 §7.2.2 and Appendix E."""

from __future__ import annotations

from functools import lru_cache

# What a server of RFC 9051 alone need not announce.
_REV2_IMPLIES = frozenset(
    {"NAMESPACE", "UNSELECT", "UIDPLUS", "ESEARCH", "SEARCHRES", "ENABLE", "IDLE", "SASL-IR"}
    | {"LIST-EXTENDED", "LIST-STATUS", "MOVE", "LITERAL-", "BINARY", "SPECIAL-USE", "STATUS=SIZE"}
)
_BRING_UTF8 = frozenset({"UTF8=ACCEPT", "IMAP4REV2"})
_APPENDLIMIT = "APPENDLIMIT="


@lru_cache(maxsize=256)
def understood(capabilities: frozenset[str], *, allows_rev2: bool) -> frozenset[str]:
    """All that a server has: without what we do not want, with what goes without saying."""
    if not allows_rev2 and "IMAP4REV1" in capabilities:
        capabilities -= {"IMAP4REV2"}
    if _is_rev2_alone(capabilities):
        capabilities |= _REV2_IMPLIES
    if "QRESYNC" in capabilities:  # RFC 7162 §3.2.3
        capabilities |= {"CONDSTORE", "ENABLE"}
    return capabilities


def append_limit(capabilities: frozenset[str]) -> int | None:
    """The largest message that the server takes, in octets, if it says so. RFC 7889."""
    for name in capabilities:
        digits = name.removeprefix(_APPENDLIMIT)
        if digits != name and digits.isdigit():
            return int(digits)
    return None


def names_are_utf8(enabled: frozenset[str], capabilities: frozenset[str] | None) -> bool:
    """Whether mailbox names are plain UTF-8, not UTF-7. RFC 6855 §3, RFC 9051 §5.1."""
    return not enabled.isdisjoint(_BRING_UTF8) or _is_rev2_alone(capabilities or frozenset())


def _is_rev2_alone(capabilities: frozenset[str]) -> bool:
    return "IMAP4REV2" in capabilities and "IMAP4REV1" not in capabilities
