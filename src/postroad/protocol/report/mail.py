"""One incoming mail as the report readers see it: signs, text, machine parts, the original."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from postroad.domain.bounce import OriginalMessage
from postroad.protocol.mime.headers import Headers
from postroad.protocol.mime.html import text_from_html
from postroad.protocol.report.fields import find_machine_text
from postroad.protocol.report.parts import Part, parts_of, split_message
from postroad.protocol.report.returned import (
    RETURNED_TYPES,
    pasted_headers,
    read_original,
    split_pasted,
    summarised_headers,
)
from postroad.protocol.report.signs import Signs, read_signs

MAX_FOOTER = 12  # lines
MAX_WORDS = 50_000  # characters of free text that are read; the contract's own limit (B-194)
_MAILTO = re.compile(r"[ \t]*[\[<(]mailto:([^\]>)\n]{1,400})[\]>)]", re.I)
_STATUS_TYPES = frozenset(
    {"message/delivery-status", "message/global-delivery-status", "text/delivery-status"}
)
# Longer runs mean nothing to a reader; to patterns with optional blanks they are quadratic work.
_BLANKS = re.compile(r"[ \t]{16,}")
_EMPTY_LINES = re.compile(r"(?:\n[ \t]*){5,}(?=\n)")


@dataclass(frozen=True)
class Mail:
    """Everything is read on demand and once; most mails are ordinary and need little of it."""

    octets: bytes
    headers: Headers
    signs: Signs
    parts: tuple[Part, ...]

    @classmethod
    def read(cls, octets: bytes) -> Mail:
        """Take a raw message apart; any line ends. Never fails."""
        headers, body = split_message(octets)
        signs = read_signs(headers)
        may_repair = signs.weight >= 3 and signs.is_of_machine
        parts = parts_of(octets, headers, body, may_repair=may_repair)
        return cls(octets, headers, signs, tuple(parts))

    def part(self, *content_types: str) -> Part | None:
        """The first leaf of one of these types."""
        return next((part for part in self.parts if part.content_type in content_types), None)

    @cached_property
    def status_text(self) -> str | None:
        """The machine part of a delivery report; ``None`` when there is none."""
        found = [part for part in self.parts if part.content_type in _STATUS_TYPES]
        if not found:
            return self._mislabelled_status() if self.is_report else None
        return "\n\n".join(part.text(self.octets, 1024 * 1024) for part in found[:8])

    def _mislabelled_status(self) -> str | None:
        """The machine part of a report under some other type, as gateways label attachments."""
        for part in self.parts[1:4]:
            if not part.content_type.startswith(("text/", "multipart/", "message/")):
                text = find_machine_text(part.text(self.octets))
                if text is not None:
                    return text
        return None

    @cached_property
    def is_report(self) -> bool:
        """Whether the mail is a ``multipart/report`` about a delivery. RFC 6522, RFC 3464 §2."""
        return any(
            part.report_type in ("delivery-status", "global-delivery-status") for part in self.parts
        )

    @cached_property
    def full_text(self) -> str:
        """The readable text, what was pasted behind it included, at most :data:`MAX_WORDS`."""
        # A multipart without any delimiter lost its MIME structure and is text.
        plain = [
            part
            for part in self.parts
            if part.content_type == "text/plain" or part.content_type.startswith("multipart/")
        ]
        pieces = [part.text(self.octets) for part in plain if not part.is_attachment][:4]
        text = "\n\n".join(piece for piece in pieces if piece.strip())
        if not text.strip():
            html = self.part("text/html")
            text = text_from_html(html.text(self.octets)) if html else ""
        return _MAILTO.sub(_link_text, _tidied(text[:MAX_WORDS]))

    @cached_property
    def _split(self) -> tuple[str, str]:
        return split_pasted(self.full_text)

    @cached_property
    def words(self) -> str:
        """What the server says, without the original behind it."""
        return _without_footer(self._split[0])

    @cached_property
    def _returned(self) -> tuple[OriginalMessage, Headers]:
        best: tuple[OriginalMessage, Headers] = (OriginalMessage(), Headers())
        for part in self.parts:
            if part.content_type in RETURNED_TYPES:
                found = read_original(part.octets(self.octets, 256 * 1024))
                if found[0].message_id:
                    return found
                if len(found[0].headers) > len(best[0].headers):
                    best = found
        pasted = pasted_headers(self._split[1])
        if not pasted.fields and (self.signs.is_daemon or self.signs.has_null_path):
            pasted = summarised_headers(self._split[1])
        if pasted.fields:
            original = read_original(b"".join(field.octets for field in pasted.fields))
            if original[0].message_id or not best[0].headers:
                return original
        return best if best[0].headers or self.signs.weight < 2 else self._mislabelled_original()

    def _mislabelled_original(self) -> tuple[OriginalMessage, Headers]:
        """The original under some other type, as gateways label attachments."""
        for part in self.parts[1:5]:
            if part.content_type.startswith(("text/plain", "application/octet-stream", "message/")):
                headers = pasted_headers(part.text(self.octets, 64 * 1024), is_whole=True)
                if headers.fields:
                    return read_original(b"".join(field.octets for field in headers.fields))
        return OriginalMessage(), Headers()

    @property
    def original(self) -> OriginalMessage:
        """The headers that came back of the original."""
        return self._returned[0]

    @property
    def returned_headers(self) -> Headers:
        return self._returned[1]


def _link_text(link: re.Match[str]) -> str:
    """Nothing behind the address itself; the address where the link had a name, or none."""
    address = link[1].partition("?")[0].strip()
    before = link.string[max(0, link.start() - 2 - len(address)) : link.start()]
    return "" if address.lower() in before.lower() else f" <{address}>"


def _without_footer(text: str) -> str:
    """The text without the lines that a mailing list, or a signature, puts below it."""
    at = max(text.rfind("\n" + "_" * 20), text.rfind("\n-- \n"))
    is_footer = at > 0 and text.count("\n", at) <= MAX_FOOTER and text[:at].strip()
    return text[:at] if is_footer else text


def _tidied(text: str) -> str:
    """Long runs of blanks and empty lines shortened, indentation kept."""
    shorter = _BLANKS.sub(" " * 15, text.replace("\u00a0", " "))
    return _EMPTY_LINES.sub("\n\n\n", shorter)
