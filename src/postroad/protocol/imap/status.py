"""Status responses and the codes in their brackets. RFC 9051 §7.1, RFC 3501 §7.1."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap.cursor import Cursor
from postroad.protocol.imap.numset import NumSet


class Condition(StrEnum):
    """How a status response begins."""

    OK = "OK"
    NO = "NO"
    BAD = "BAD"
    BYE = "BYE"
    PREAUTH = "PREAUTH"


@dataclass(frozen=True, slots=True)
class CapabilityCode:
    capabilities: frozenset[str]
    name: str = "CAPABILITY"


@dataclass(frozen=True, slots=True)
class PermanentFlagsCode:
    flags: tuple[str, ...]  # "\\*" means that new keywords can be made
    name: str = "PERMANENTFLAGS"


@dataclass(frozen=True, slots=True)
class NumberCode:
    """UIDVALIDITY, UIDNEXT, UNSEEN, HIGHESTMODSEQ, APPENDLIMIT and their like."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class AppendUidCode:
    """Where APPEND put the message or messages. RFC 4315 §3."""

    uidvalidity: int
    uids: NumSet
    name: str = "APPENDUID"


@dataclass(frozen=True, slots=True)
class CopyUidCode:
    """Which UIDs became which, by position. RFC 4315 §3."""

    uidvalidity: int
    source: NumSet
    destination: NumSet
    name: str = "COPYUID"


@dataclass(frozen=True, slots=True)
class ModifiedCode:
    """Messages that a conditional STORE left alone. RFC 7162 §3.1.3."""

    uids: NumSet
    name: str = "MODIFIED"


@dataclass(frozen=True, slots=True)
class OtherCode:
    """A code that only its name explains (``ALERT``), or one that we do not know."""

    name: str
    argument: str | None = None


Code = (
    CapabilityCode
    | PermanentFlagsCode
    | NumberCode
    | AppendUidCode
    | CopyUidCode
    | ModifiedCode
    | OtherCode
)


@dataclass(frozen=True, slots=True)
class Status:
    """One status response; ``tag`` is ``None`` when it is untagged."""

    tag: str | None
    condition: Condition
    code: Code | None
    text: str

    @property
    def code_name(self) -> str | None:
        """The code's name in capitals, for errors that a user is shown."""
        return self.code.name if self.code else None

    @property
    def line(self) -> str:
        """Condition, code and text as they came, without the tag; on one line."""
        shown = ""
        match self.code:
            case OtherCode(name, argument):
                shown = f"[{name} {argument}] " if argument else f"[{name}] "
            case None:
                pass
            case code:
                shown = f"[{code.name}] "
        return f"{self.condition} {shown}{self.text}".rstrip()


_NUMBERS = frozenset(
    {"UIDVALIDITY", "UIDNEXT", "UNSEEN", "HIGHESTMODSEQ", "APPENDLIMIT", "MAXSIZE"}
)
# A code ends at the first "]" outside quotes, or at the first at all when quotes do not close; but
# a flag list may hold one: some servers let keywords contain it. Nothing here is tried twice: a
# pattern that backtracks over quotes takes for ever on forty of them.
_CODE = re.compile(
    rb"\[(?:"
    rb"(?P<flags>PERMANENTFLAGS) *+(?P<list>\(.*?\)) *+"
    rb'|(?P<name>[^\] \x00-\x1f]++)(?: ++(?P<args>(?:"(?:[^"\\]|\\.){0,1000}+"|[^\]"]++)*+))?+'
    rb"|(?P<loose_name>[^\] \x00-\x1f]++)(?: ++(?P<loose_args>[^\]]*+))?+"
    rb")\] ?",
    re.IGNORECASE,
)


def resp_text(c: Cursor, tag: str | None, condition: Condition) -> Status:
    """Read what follows the condition.

    ::

        resp-text = ["[" resp-text-code "]" SP] [text]

    A code whose arguments are not as its name demands becomes :class:`OtherCode`: the status
    itself matters more. Text is decoded as UTF-8, octets that are not are replaced.
    """
    c.spaces()
    code: Code | None = None
    match = _CODE.match(c.data, c.pos)
    if match is not None:
        c.pos = match.end()
        if match["flags"]:
            name, args = "PERMANENTFLAGS", match["list"]
        else:
            octets = match["name"] or match["loose_name"]
            name = octets.decode("utf-8", "replace").upper()
            args = match["args"] if match["name"] else match["loose_args"]
        code = _code(name, args)
    text = c.rest().decode("utf-8", "replace").strip()
    return Status(tag, condition, code, text)


def _code(name: str, args: bytes | None) -> Code:
    if args is not None:
        try:
            return _known_code(name, args)
        except RemoteProtocolError:
            pass
        return OtherCode(name, args.decode("utf-8", "replace").strip() or None)
    return OtherCode(name)


def _known_code(name: str, args: bytes) -> Code:
    c = Cursor(args.strip())
    if name in _NUMBERS:
        return NumberCode(name, c.number())
    if name == "PERMANENTFLAGS":
        return PermanentFlagsCode(c.flag_list())
    if name == "CAPABILITY":
        return CapabilityCode(capability_data(c))
    if name == "APPENDUID":
        uidvalidity = c.number()
        c.space()
        return AppendUidCode(uidvalidity, NumSet.parse(c.atom()))
    if name == "COPYUID":
        uidvalidity = c.number()
        c.space()
        source = NumSet.parse(c.atom())
        c.space()
        return CopyUidCode(uidvalidity, source, NumSet.parse(c.atom()))
    if name == "MODIFIED":
        return ModifiedCode(NumSet.parse(c.atom()))
    if name == "MAILBOXID":
        c.expect(b"(")
        return OtherCode(name, c.atom().decode("utf-8", "replace"))
    raise RemoteProtocolError(f"no rule for {name}")


def capability_data(c: Cursor) -> frozenset[str]:
    """Names of capabilities in capitals. RFC 9051 §7.2.2."""
    names = c.rest()
    # A thousand connections to the same kind of server share one set.
    return _shared_names(names) if len(names) <= _MAX_SHARED else _names(names)


_MAX_SHARED = 2048


def _names(octets: bytes) -> frozenset[str]:
    c = Cursor(octets)
    names: set[str] = set()
    c.spaces()
    while not c.at_end:
        names.add(c.atom().decode("utf-8", "replace").upper())
        c.spaces()
    return frozenset(names)


_shared_names = lru_cache(maxsize=256)(_names)
