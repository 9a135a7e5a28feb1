"""Mail addresses between text and wire: writing them exactly, reading them leniently.

An address goes out in the form that most servers take: an internationalised domain as A-labels
(IDNA 2008 with UTS 46) while the local part is ASCII, and UTF-8 with SMTPUTF8 only when the
local part leaves no choice. RFC 5322 §3.4, RFC 6531 §3.3, RFC 5891.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import idna

from postroad.domain.address import Address
from postroad.domain.errors import FieldProblem, Invalid
from postroad.protocol.mime.faults import Faults
from postroad.protocol.mime.fold import WIDTH, fold_list
from postroad.protocol.mime.words import MAX_WORD, decode_words, encode_words

# RFC 5321 §4.5.3.1.3 stops at 256 for a path; some systems make longer local parts.
MAX_ADDRESS = 512  # octets

_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~-"
_SIMPLE = re.compile(rf"[{_ATEXT}]+(?:\.[{_ATEXT}]+)*@[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_DOMAIN = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_LITERAL = re.compile(r"\[[!-Z^-~]{1,255}\]")  # RFC 5321 §4.1.3
_SPECIALS = frozenset('()<>[]:;@\\,." ')
_PHRASE = re.compile(rf"[{_ATEXT}]+(?: [{_ATEXT}]+)*")
_PRINTABLE = re.compile(r"[ -~]*")


class WireAddress(NamedTuple):
    """An address as servers are shown it."""

    text: str
    is_utf8: bool  # the local part is beyond ASCII, so SMTPUTF8 is needed. RFC 6531


def wire_address(address: str) -> WireAddress:
    """Spell an address for the envelope and for header fields alike.

    A local part whose dots break the syntax is quoted (``a..b@example.com``, which some providers
    gave out); a quoted one stays quoted only if it must. Raises :exc:`Invalid` with the key
    ``address`` for what cannot be an address, above all for what could be read as two.
    """
    if _SIMPLE.fullmatch(address) and len(address) <= MAX_ADDRESS and "=?" not in address:
        return WireAddress(address, False)
    return _spell(address)


def format_addresses(
    name: str, addresses: Sequence[Address], *, key: str, faults: Faults
) -> tuple[str, bool]:
    """Write one address field with CRLF, and tell whether it needs SMTPUTF8.

    ``key`` is the member that the caller gave the addresses in, for the words of a refusal.
    Linear in the number of addresses. RFC 5322 §3.6.3.
    """
    items: list[Sequence[str]] = []
    needs_utf8 = False
    for address in addresses:
        try:
            spelled = wire_address(address.address)
        except Invalid as refused:
            for problem in refused.fields:
                faults.add(problem.key, f"{key}: {problem.message}")
            continue
        needs_utf8 = needs_utf8 or spelled.is_utf8
        display = address.name.strip(" \t")
        if not display:
            items.append((spelled.text,))
        elif faults.is_line("name", display, f"{key}: the display name"):
            items.append((*_phrase(display, first_column=len(name)), f"<{spelled.text}>"))
    return fold_list(name, items), needs_utf8


def addresses(value: str) -> list[Address]:
    """Read an address list, groups flattened, display names decoded.

    ``value`` is unfolded and its encoded words are still encoded: decoding first would turn a
    comma inside a word into a separator. Entries without an ``@`` are left out. Never fails,
    linear in the length of ``value``. RFC 5322 §3.4, §4.4.
    """
    found: list[Address] = []
    entry = _Entry()
    for kind, token in _tokens(value):
        if entry.is_angle:
            if kind == ">":
                entry.is_angle, entry.is_closed = False, True
            elif kind not in ("comment", "space"):
                entry.angle.append(token)
        elif kind == "<" and not entry.is_closed:
            entry.is_angle = True
        elif kind in (",", ";"):
            entry.end(found)
            entry = _Entry()
        elif kind == ":":
            entry = _Entry()  # what stood before was a group's name
        elif kind == "comment":
            entry.comments.append(token)
        elif kind not in ("<", ">"):
            entry.words.append((kind, token))
    entry.end(found)
    return found


_BORDERS = frozenset("@.")


class _Entry:
    """One address being read."""

    __slots__ = ("angle", "comments", "is_angle", "is_closed", "words")

    def __init__(self) -> None:
        self.words: list[tuple[str, str]] = []  # before the angle, or the whole address
        self.angle: list[str] = []
        self.comments: list[str] = []
        self.is_angle = False
        self.is_closed = False

    def end(self, found: list[Address]) -> None:
        name = ""
        if self.angle:
            spec = "".join(self.angle)
            if spec.startswith("@") and ":" in spec:  # obs-route. RFC 5322 §4.4
                spec = spec.rpartition(":")[2]
            name = _joined(self.words)
        else:
            spec, name = self._bare()
        if not name and self.comments:
            name = " ".join(self.comments)
        local, at, domain = spec.rpartition("@")
        if at and local and domain:
            found.append(Address(spec, decode_words(name).strip()))

    def _bare(self) -> tuple[str, str]:
        """An address without angles; words that stand apart from it are taken as the name."""
        groups: list[list[str]] = []
        is_apart = True
        for kind, token in self.words:
            if kind == "space":
                is_apart = True
                continue
            # Blanks around @ and dot are obsolete syntax, not a border. RFC 5322 §4.4.
            if not is_apart or (
                groups and (token[:1] in _BORDERS or groups[-1][-1][-1:] in _BORDERS)
            ):
                groups[-1].append(_quote(token) if kind == "quoted" else token)
            else:
                groups.append([_quote(token) if kind == "quoted" else token])
            is_apart = False
        texts = ["".join(group) for group in groups]
        at = next((i for i in reversed(range(len(texts))) if "@" in texts[i]), None)
        if at is None:
            return "", ""
        return texts[at], " ".join(texts[:at] + texts[at + 1 :])


_TOKEN = re.compile(
    r'[ \t\r\n]+|[,;:<>"(]|\[[^\[\]\r\n]{0,300}\]|\\.|[^ \t\r\n"(,;:<>\[\\]+|.', re.S
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.S)
_COMMENT_PART = re.compile(r"[()]|\\.", re.S)
_PAIR = re.compile(r"\\(.)", re.S)


def _tokens(value: str) -> list[tuple[str, str]]:
    """Cut an address list into ``(kind, text)``: words, quoted, comments, space, and specials.

    An opening quote or parenthesis that is never closed is an ordinary character; it is looked
    for once, so that a row of them costs no more than reading it.
    """
    out: list[tuple[str, str]] = []
    at, size = 0, len(value)
    may_quote = may_comment = True
    in_angle = False
    while at < size:
        match = _TOKEN.match(value, at)
        assert match is not None  # the last alternative takes any character
        token = match[0]
        end = match.end()
        kind = "word"
        if token == '"' and may_quote:
            quoted = _QUOTED.match(value, at)
            if quoted is None:
                may_quote = False
            elif in_angle:
                token, end = quoted[0], quoted.end()
            else:
                kind, token, end = "quoted", _PAIR.sub(r"\1", quoted[1]), quoted.end()
        elif token == "(" and may_comment:
            close = _comment_end(value, at)
            if close is None:
                may_comment = False
            else:
                kind, token, end = "comment", _PAIR.sub(r"\1", value[at + 1 : close]), close + 1
        elif token[0] in " \t\r\n":
            kind, token = "space", " "
        elif token in ",;:<>":
            kind = token
            # Inside angles only the closing one counts; commas and colons belong to a route.
            if in_angle and kind != ">":
                kind = "word"
            elif token in "<>":
                in_angle = token == "<"
        out.append((kind, token))
        at = end
    return out


def _comment_end(value: str, at: int) -> int | None:
    depth = 0
    for part in _COMMENT_PART.finditer(value, at):
        if part[0] == "(":
            depth += 1
        elif part[0] == ")":
            depth -= 1
            if depth == 0:
                return part.start()
    return None


def _joined(words: Sequence[tuple[str, str]]) -> str:
    return "".join(text for _, text in words).strip()


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _phrase(display: str, *, first_column: int) -> list[str]:
    """A display name as tokens: atoms, one quoted string, or encoded words. RFC 5322 §3.2.5."""
    if "=?" not in display and len(display) < WIDTH - 10:
        if _PHRASE.fullmatch(display):
            return display.split(" ")
        if _PRINTABLE.fullmatch(display):
            return [_quote(display)]
    return encode_words(display, min(MAX_WORD, WIDTH - first_column - 2))


def _spell(address: str) -> WireAddress:
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise _refusal("an address is local@domain")
    # An encoded word has no place in an address, yet many readers would decode it there into
    # another one. RFC 2047 §5.
    if "=?" in address:
        raise _refusal("an address must not hold encoded words")
    if local[0] == '"' and local[-1] == '"' and len(local) > 1:
        local = _PAIR.sub(r"\1", local[1:-1])
        if not local:
            raise _refusal("the local part of an address must not be empty")
    elif not _SPECIALS.isdisjoint(local.replace(".", "")):
        raise _refusal("blanks and special characters in an address must be quoted")
    if not local.isprintable():  # of all blanks only the space is printable
        raise _refusal("an address must not hold control characters or line breaks")
    is_utf8 = not local.isascii()
    if not _SPECIALS.isdisjoint(local) and not _is_dot_atom(local):
        local = _quote(local)
    spelled = f"{local}@{_domain(domain, is_utf8)}"
    if len(spelled.encode()) > MAX_ADDRESS:
        raise _refusal(f"an address must not be longer than {MAX_ADDRESS} octets")
    return WireAddress(spelled, is_utf8)


def _is_dot_atom(local: str) -> bool:
    return all(atom and _SPECIALS.isdisjoint(atom) for atom in local.split("."))


@lru_cache(maxsize=4096)
def _domain(domain: str, as_unicode: bool) -> str:
    if domain.isascii():
        if _DOMAIN.fullmatch(domain) or _LITERAL.fullmatch(domain):
            return domain
        raise _refusal("the domain of an address is not valid")
    if len(domain) > 255:  # IDNA processing is slow on hostile lengths
        raise _refusal("the domain of an address is too long")
    try:
        spelled = idna.encode(domain, uts46=True).decode("ascii")
        return idna.decode(spelled) if as_unicode else spelled
    except (idna.IDNAError, UnicodeError):
        raise _refusal("the domain of an address is not valid") from None


def _refusal(message: str) -> Invalid:
    return Invalid(fields=[FieldProblem("address", message)])
