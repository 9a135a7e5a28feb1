"""Mail as text: headers, encoded words, messages composed or taken over. RFC 5322, RFC 2045."""

from postroad.protocol.mime.addresses import (
    WireAddress,
    addresses,
    format_addresses,
    wire_address,
)
from postroad.protocol.mime.composer import Attachment, Composed, Draft, compose, tidy_attachment
from postroad.protocol.mime.controls import Controls
from postroad.protocol.mime.dates import format_date, parse_date, parse_instant
from postroad.protocol.mime.headers import Headers, message_ids, parse_headers
from postroad.protocol.mime.html import text_from_html
from postroad.protocol.mime.ids import is_message_id, make_message_id, normalise_message_id
from postroad.protocol.mime.images import extract_images
from postroad.protocol.mime.raw import (
    AdoptedHead,
    AdoptedRaw,
    RawOverrides,
    adopt_head,
    adopt_raw,
    peek_controls,
)
from postroad.protocol.mime.reference import OwnFields, Referred, refer
from postroad.protocol.mime.words import decode_words, encode_words

__all__ = [
    "AdoptedHead",
    "AdoptedRaw",
    "Attachment",
    "Composed",
    "Controls",
    "Draft",
    "Headers",
    "OwnFields",
    "RawOverrides",
    "Referred",
    "WireAddress",
    "addresses",
    "adopt_head",
    "adopt_raw",
    "compose",
    "decode_words",
    "encode_words",
    "extract_images",
    "format_addresses",
    "format_date",
    "is_message_id",
    "make_message_id",
    "message_ids",
    "normalise_message_id",
    "parse_date",
    "parse_headers",
    "parse_instant",
    "peek_controls",
    "refer",
    "text_from_html",
    "tidy_attachment",
    "wire_address",
]
