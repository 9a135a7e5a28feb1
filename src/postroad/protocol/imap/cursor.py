"""A place in one response, and the tokens that every response is made of."""

from __future__ import annotations

import re
from sys import intern
from typing import TypeAlias

from postroad.domain.errors import RemoteProtocolError

MAX_LISTS = 150_000
_MAX_STROKE_BYTES = 256 * 1024
MAX_DEPTH = 100  # nested lists; real mail stays below 30
_OPEN, _CLOSE, _QUOTE = b'()"'
_NILS = frozenset({b"NIL", b"nil", b"Nil", b"nIl", b"niL", b"NIl", b"NiL", b"nIL"})
MAX_NUMBER = 0x7FFF_FFFF_FFFF_FFFF  # number64 is 63 bits. RFC 9051 §4

# A value of no particular rule: NIL is None, a list is a tuple, all else is octets.
Value: TypeAlias = "bytes | tuple[Value, ...] | None"

# atom-specials by RFC 9051 §9 less "]" (servers put it in keywords) and "%" and "*" (seen in
# list answers), plus octets above 127 (UTF8=ACCEPT, and servers that do it unasked).
_ATOM = re.compile(rb'[^\x00-\x20\x7f(){"\\]+')
_FLAG = re.compile(rb'\\?[^\x00-\x20\x7f(){"\\]+|\\\*')
_NUMBER = re.compile(rb"[0-9]{1,20}")
_QUOTED = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_LITERAL = re.compile(rb"~?\{([0-9]{1,20})[+-]?\}\r\n")
# The tokens that nearly all of every list is made of: "(", ")", plain quoted, NIL, atom.
_TOKEN = re.compile(
    rb' *(?:(\()|(\))|"([^"\\]*)"'
    rb'|([Nn][Ii][Ll])(?![^\x00-\x20\x7f(){"\\])|(?!~\{)([^\x00-\x20\x7f(){"\\]+))'
)
# All tokens of a list that holds neither literals nor escapes, at one stroke.
_PLAIN = re.compile(rb'[()]|"[^"\\]*+"|\\?[^\x00-\x20\x7f(){"\\]++|\\\*')
# Any token, or what stands in the place of one.
_PASSED = re.compile(
    rb' *+(?:[()]|"[^"\\]*+(?:\\.[^"\\]*+)*+"|~?\{([0-9]{1,10})[+-]?\}\r\n|[^ ()"]++)', re.DOTALL
)


class Cursor:
    """Walks over one frame. Every method raises :exc:`RemoteProtocolError` where it cannot go on.

    The frame is complete, so a literal that runs over its end is a lie of the peer.
    """

    __slots__ = ("data", "pos")

    def __init__(self, data: bytes, pos: int = 0) -> None:
        self.data = data
        self.pos = pos

    @property
    def at_end(self) -> bool:
        return self.pos >= len(self.data)

    def fail(self, expected: str) -> RemoteProtocolError:
        """The error that says what was expected here and what came."""
        got = self.data[self.pos : self.pos + 40]
        return RemoteProtocolError(f"expected {expected} at octet {self.pos}, got {got!r}")

    def looking_at(self, octets: bytes) -> bool:
        return self.data.startswith(octets, self.pos)

    def take(self, octets: bytes) -> bool:
        """Step over ``octets`` if they are next; tell whether they were."""
        if self.data.startswith(octets, self.pos):
            self.pos += len(octets)
            return True
        return False

    def expect(self, octets: bytes) -> None:
        if not self.take(octets):
            raise self.fail(repr(octets))

    def space(self) -> None:
        """Step over one space or more; some servers send two."""
        self.expect(b" ")
        self.spaces()

    def spaces(self) -> None:
        """Step over any number of spaces."""
        while self.take(b" "):
            pass

    def rest(self) -> bytes:
        """All that is left."""
        rest, self.pos = self.data[self.pos :], len(self.data)
        return rest

    def atom(self) -> bytes:
        return self._match(_ATOM, "an atom")[0]

    def number(self) -> int:
        """A number of at most 63 bits."""
        number = int(self._match(_NUMBER, "a number")[0])
        if number > MAX_NUMBER:
            raise RemoteProtocolError("number is larger than 63 bits")
        return number

    def string(self) -> bytes:
        """``string = quoted / literal``, and literal8."""
        if self.looking_at(b'"'):
            inner: bytes = self._match(_QUOTED, "the end of a quoted string")[1]
            return _ESCAPED.sub(rb"\1", inner) if b"\\" in inner else inner
        match = self._match(_LITERAL, "a string")
        end = self.pos + int(match[1])
        if end > len(self.data):
            raise RemoteProtocolError("literal runs over the end of the response")
        octets, self.pos = self.data[self.pos : end], end
        return octets

    def nstring(self) -> bytes | None:
        """``nstring = string / nil``. An atom that is not NIL is taken for a string."""
        if self._is_string():
            return self.string()
        atom = self.atom()
        return None if atom.upper() == b"NIL" else atom

    def astring(self) -> bytes:
        """``astring = 1*ASTRING-CHAR / string``. ``NIL`` is a name here, not nothing."""
        return self.string() if self._is_string() else self.atom()

    def flag(self) -> str:
        """One flag or keyword, as sent. ``\\*`` too, which only PERMANENTFLAGS has."""
        return intern(self._match(_FLAG, "a flag")[0].decode("utf-8", "replace"))

    def flag_list(self) -> tuple[str, ...]:
        """``"(" [flag *(SP flag)] ")"``; stray spaces are forgiven."""
        self.expect(b"(")
        flags: list[str] = []
        self.spaces()
        while not self.take(b")"):
            flags.append(self.flag())
            self.spaces()
        return tuple(flags)

    def value(self) -> Value:
        """Any value: NIL, atom, number, string or list of values to :data:`MAX_DEPTH` levels.

        Holds :data:`MAX_LISTS` lists at most: 150 000 recipients are nobody's mail.

        Walks with a stack of its own, so hostile nesting meets the limit and not the
        interpreter's.
        """
        stack: list[list[Value]] = []
        lists = 0
        data, token = self.data, _TOKEN.match
        while True:
            match = token(data, self.pos)
            kind = 0 if match is None else match.lastindex
            if match is None or (kind == 2 and not stack):
                value: Value = self._rare_value()
            else:
                self.pos = match.end()
                if kind == 1:
                    if len(stack) == MAX_DEPTH:
                        raise RemoteProtocolError(f"lists are nested deeper than {MAX_DEPTH}")
                    lists += 1
                    if lists > MAX_LISTS:
                        raise RemoteProtocolError(f"more than {MAX_LISTS} lists in one value")
                    stack.append([])
                    continue
                if kind == 2:
                    value = tuple(stack.pop())
                else:
                    value = None if kind == 4 else match[kind or 0]
            if not stack:
                return value
            stack[-1].append(value)

    def pass_over(self) -> None:
        """Go behind a value without reading it, however deep or long it is.

        Raises :exc:`RemoteProtocolError` when it has no end.
        """
        depth = 0
        while True:
            match = self._match(_PASSED, "the end of a value")
            if match[1] is not None:
                self.pos += int(match[1])
                if self.pos > len(self.data):
                    raise self.fail("a whole literal")
            depth += {b"(": 1, b")": -1}.get(match[0].lstrip(b" "), 0)
            if depth < 0:
                raise self.fail("a value")
            if depth == 0:
                return

    def plain_list(self) -> list[Value] | None:
        """The list that is all the rest of the frame; ``None`` when it is not as plain as most.

        Reads the same as :meth:`value` does, several times as fast, and leaves everything with
        literals or escapes to it, and everything malformed.
        """
        data, start = self.data, self.pos
        # All at one stroke is for what is short: no other thread runs meanwhile.
        if len(data) - start > _MAX_STROKE_BYTES or data.find(b"{", start) >= 0:
            return None
        tokens = _PLAIN.findall(data, start)
        together = b"".join(tokens)
        # What is between the tokens must be spaces and nothing else.
        spaces = data.count(b" ", start) - together.count(b" ")
        if len(tokens) < 2 or len(data) - start != len(together) + spaces:
            return None
        top: list[Value] = []
        inner = top
        stack: list[list[Value]] = []
        for token in tokens:
            first = token[0]
            if first == _OPEN:
                if len(stack) > MAX_DEPTH:
                    return None
                stack.append(inner)
                inner = []
            elif first == _CLOSE:
                if not stack:
                    return None
                outer = stack.pop()
                outer.append(tuple(inner))
                inner = outer
            elif first == _QUOTE:
                inner.append(token[1:-1])
            elif token in _NILS:
                inner.append(None)
            else:
                inner.append(token)
        if stack or len(top) != 1 or not isinstance(top[0], tuple) or tokens[0] != b"(":
            return None
        self.pos = len(data)
        return list(top[0])

    def _rare_value(self) -> Value:
        """A flag, a literal, a string with escapes; or nothing that could be a value."""
        self.spaces()
        return self._match(_FLAG, "a flag")[0] if self.looking_at(b"\\") else self.nstring()

    def _is_string(self) -> bool:
        return self.data[self.pos : self.pos + 1] in (b'"', b"{") or self.looking_at(b"~{")

    def _match(self, pattern: re.Pattern[bytes], expected: str) -> re.Match[bytes]:
        match = pattern.match(self.data, self.pos)
        if match is None:
            raise self.fail(expected)
        self.pos = match.end()
        return match
