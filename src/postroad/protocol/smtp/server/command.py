"""MAIL, RCPT and BDAT with their parameters, as a client says them. RFC 5321 §4.1.

Lenient where clients are: blanks behind the colon, source routes (dropped, RFC 5321 §4.1.1.3).
Never lenient about what an address is: what passes here can be said to a relay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from postroad.domain.envelope import DsnNotify, DsnReturn
from postroad.domain.errors import LocalProtocolError
from postroad.protocol.smtp.paths import encode_path
from postroad.protocol.smtp.server.replies import (
    BAD_ADDRESS,
    BAD_SENDER,
    BAD_SYNTAX,
    NEEDS_SMTPUTF8,
    TOO_LARGE,
    UNKNOWN_PARAMETER,
    RefusedCommand,
    Reply,
)

_PATH = re.compile(r'[ \t]*<((?:"(?:[^"\\]|\\.)*"|[^"<>])*)>(?:[ \t]+(.*))?', re.DOTALL)
_ROUTE = re.compile(r"@[^:]*:")
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\x00-\x20=]+))?")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_HEX = re.compile(r"\+([0-9A-F]{2})")
_UNITEXT = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_RET = {"FULL": DsnReturn.FULL, "HDRS": DsnReturn.HEADERS}
_MAX_DIGITS = 20  # RFC 1870 §6.1


@dataclass(frozen=True, slots=True)
class MailFrom:
    """MAIL and what it asked for."""

    path: str  # empty for the null reverse-path
    size: int | None = None  # octets that the client announced
    smtputf8: bool = False
    ret: DsnReturn | None = None
    envid: str | None = None  # decoded


@dataclass(frozen=True, slots=True)
class RcptTo:
    """RCPT and what it asked for."""

    path: str
    notify: tuple[DsnNotify, ...] = ()
    orcpt: str | None = None  # decoded address; of a type that mail knows


def parse_mail(args: str, *, max_octets: int) -> MailFrom:
    """Read what stands behind ``MAIL``. Raises :exc:`RefusedCommand`."""
    path, parameters = _split(args, "FROM:", BAD_SENDER)
    size = ret = envid = None
    smtputf8 = False
    for name, value in parameters:
        if name == "SIZE" and value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS:
            size = int(value)
        elif name == "BODY" and value.upper() in ("7BIT", "8BITMIME"):
            pass  # what the content really is counts, and is looked at
        elif name == "SMTPUTF8" and not value:
            smtputf8 = True
        elif name == "RET" and ret is None and value.upper() in _RET:
            ret = _RET[value.upper()]
        elif name == "ENVID" and envid is None and value:
            envid = _xtext(value, 100)
        elif name == "AUTH" and value:
            pass  # RFC 4954 §5: taken; the account is who it authenticated as
        else:
            raise RefusedCommand(_bad_parameter(name))
    if path:
        path = _address(path, BAD_SENDER, smtputf8=smtputf8)
    if size is not None and size > max_octets:
        raise RefusedCommand(TOO_LARGE)
    return MailFrom(path, size, smtputf8, ret, envid)


def parse_rcpt(args: str, *, smtputf8: bool) -> RcptTo:
    """Read what stands behind ``RCPT``. Raises :exc:`RefusedCommand`."""
    path, parameters = _split(args, "TO:", BAD_ADDRESS)
    notify: tuple[DsnNotify, ...] = ()
    orcpt = None
    for name, value in parameters:
        if name == "NOTIFY" and not notify and value:
            notify = _notify(value)
        elif name == "ORCPT" and orcpt is None and ";" in value:
            kind, _, text = value.partition(";")
            orcpt = _original(kind.lower(), text)
        else:
            raise RefusedCommand(_bad_parameter(name))
    return RcptTo(_address(path, BAD_ADDRESS, smtputf8=smtputf8), notify, orcpt or None)


def parse_bdat(args: str) -> tuple[int, bool]:
    """Read size and LAST behind ``BDAT``. Raises :exc:`RefusedCommand`. RFC 3030 §2."""
    words = args.split()
    is_last = len(words) == 2 and words[1].upper() == "LAST"
    if not words or len(words) > 2 or (len(words) == 2 and not is_last):
        raise RefusedCommand(BAD_SYNTAX)
    if not (words[0].isascii() and words[0].isdigit() and len(words[0]) <= _MAX_DIGITS):
        raise RefusedCommand(BAD_SYNTAX)
    return int(words[0]), is_last


def _split(args: str, keyword: str, bad: Reply) -> tuple[str, Iterator[tuple[str, str]]]:
    if args[: len(keyword)].upper() != keyword:
        raise RefusedCommand(BAD_SYNTAX)
    match = _PATH.fullmatch(args, len(keyword))
    if match is None:
        raise RefusedCommand(bad)
    return _ROUTE.sub("", match[1], count=1) if match[1][:1] == "@" else match[1], _parameters(
        match[2] or ""
    )


def _parameters(text: str) -> Iterator[tuple[str, str]]:
    for word in text.split():
        match = _PARAMETER.fullmatch(word)
        if match is None:
            raise RefusedCommand(BAD_SYNTAX)
        yield match[1].upper(), match[2] or ""


def _address(path: str, bad: Reply, *, smtputf8: bool) -> str:
    try:
        encode_path(path)
    except LocalProtocolError as error:
        raise RefusedCommand(bad) from error
    if not smtputf8 and not path.isascii():
        raise RefusedCommand(NEEDS_SMTPUTF8)
    return path


def _notify(value: str) -> tuple[DsnNotify, ...]:
    try:
        wanted = tuple(DsnNotify(word.lower()) for word in value.split(","))
    except ValueError as error:
        raise RefusedCommand(BAD_SYNTAX) from error
    if DsnNotify.NEVER in wanted and len(wanted) > 1:
        raise RefusedCommand(BAD_SYNTAX)  # RFC 3461 §4.1
    return wanted


def _original(kind: str, text: str) -> str:
    """The original recipient; empty for address types that are not mail addresses."""
    address = _xtext(text, 500)
    if kind == "utf-8":
        try:
            address = _UNITEXT.sub(lambda match: chr(int(match[1], 16)), address)
        except (ValueError, OverflowError) as error:
            raise RefusedCommand(BAD_SYNTAX) from error
    elif kind != "rfc822":
        return ""
    try:
        encode_path(address)
    except LocalProtocolError:
        return ""  # only a note for reports; the message does not hang on it
    return address


def _xtext(value: str, max_length: int) -> str:
    """Decode xtext. RFC 3461 §4."""
    if len(value) > max_length or not _XTEXT.fullmatch(value):
        raise RefusedCommand(BAD_SYNTAX)
    text = _HEX.sub(lambda match: chr(int(match[1], 16)), value)
    if not all(" " <= character <= "~" for character in text):
        raise RefusedCommand(BAD_SYNTAX)
    return text


def _bad_parameter(name: str) -> Reply:
    known = ("SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH", "NOTIFY", "ORCPT")
    return BAD_SYNTAX if name in known else UNKNOWN_PARAMETER
