"""BODYSTRUCTURE: the tree of parts without their contents. RFC 9051 §7.5.2."""

from __future__ import annotations

from collections.abc import Mapping

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap.cursor import MAX_NUMBER, Value
from postroad.protocol.mime.part import BodyPart

__all__ = ["BodyPart", "body"]

MAX_PARTS = 10_000


def body(value: Value) -> BodyPart:
    """Read a body structure from a parsed value and number its parts.

    ::

        body = "(" (body-type-1part / body-type-mpart) ")"

    A lone part is number 1. The parts of a message in part ``2`` are ``2.1``, ``2.2`` ...; a
    lone part in it is ``2.1`` as well. Fields missing at the end count as NIL; sizes that are
    not numbers count as 0. Boundaries are left out: they are of use only to who has the octets.
    Raises :exc:`RemoteProtocolError`. RFC 9051 §6.4.5.1.
    """
    return _Reader().node(value, "", is_root=True)


class _Reader:
    def __init__(self) -> None:
        self._count = 0

    def node(self, value: Value, prefix: str, *, is_root: bool) -> BodyPart:
        # Recursion is bounded: the value came from Cursor.value, which limits nesting.
        self._count += 1
        if self._count > MAX_PARTS:
            raise RemoteProtocolError(f"message has more than {MAX_PARTS} parts")
        if not isinstance(value, tuple):
            raise RemoteProtocolError("expected a list as body structure")
        if value and isinstance(value[0], tuple):
            return self._multipart(value, prefix)
        part = f"{prefix}.1".lstrip(".") if is_root else prefix
        return self._one_part(value, part)

    def _multipart(self, value: tuple[Value, ...], prefix: str) -> BodyPart:
        """``1*body SP media-subtype [SP body-ext-mpart]``."""
        children: list[BodyPart] = []
        for entry in value:
            if not isinstance(entry, tuple):
                break
            number = f"{prefix}.{len(children) + 1}".lstrip(".")
            children.append(self.node(entry, number, is_root=False))
        rest = value[len(children) :]
        disposition, disposition_parameters = body_fld_dsp(_at(rest, 2))
        return BodyPart(
            part=prefix,
            media_type="multipart",
            subtype=_word(_at(rest, 0)) or "mixed",
            parameters=body_fld_param(_at(rest, 1)),
            disposition=disposition,
            disposition_parameters=disposition_parameters,
            children=tuple(children),
        )

    def _one_part(self, value: tuple[Value, ...], part: str) -> BodyPart:
        """``media-type SP media-subtype SP body-fields [type fields] [SP body-ext-1part]``."""
        media_type = _word(_at(value, 0)) or "text"
        subtype = _word(_at(value, 1)) or "plain"
        children: tuple[BodyPart, ...] = ()
        extension = 7  # where body-fld-md5 stands
        if media_type == "text":
            extension = 8  # behind the line count
        elif media_type == "message" and all(isinstance(_at(value, n), tuple) for n in (7, 8)):
            # Envelope and body. Other kinds are basic parts, with a disposition in eighth place,
            # and so is message/rfc822 on some servers; then there is no inner body.
            extension = 10  # behind envelope, body and line count
            children = (self.node(_at(value, 8), part, is_root=True),)
        disposition, disposition_parameters = body_fld_dsp(_at(value, extension + 1))
        return BodyPart(
            part=part,
            media_type=media_type,
            subtype=subtype,
            parameters=body_fld_param(_at(value, 2)),
            content_id=_octets(_at(value, 3)),
            description=_octets(_at(value, 4)),
            encoding=_word(_at(value, 5)) or "7bit",
            size=_number(_at(value, 6)),
            disposition=disposition,
            disposition_parameters=disposition_parameters,
            children=children,
        )


def body_fld_param(value: Value) -> Mapping[str, bytes]:
    """``"(" string SP string *(SP string SP string) ")" / nil``; anything else counts as NIL.

    A boundary is left out.
    """
    if not isinstance(value, tuple):
        return {}
    parameters: dict[str, bytes] = {}
    for name, content in zip(value[::2], value[1::2], strict=False):
        if isinstance(name, bytes) and not isinstance(content, tuple):
            parameters.setdefault(name.decode("utf-8", "replace").lower(), content or b"")
    parameters.pop("boundary", None)
    return parameters


def body_fld_dsp(value: Value) -> tuple[str | None, Mapping[str, bytes]]:
    """``"(" string SP body-fld-param ")" / nil``; a bare string is taken for the type alone."""
    match value:
        case bytes():
            return _word(value), {}
        case (bytes(kind), *rest):
            return _word(kind), body_fld_param(rest[0] if rest else None)
        case _:
            return None, {}


def _at(values: tuple[Value, ...], index: int) -> Value:
    return values[index] if index < len(values) else None


def _word(value: Value) -> str | None:
    return value.decode("utf-8", "replace").strip().lower() if isinstance(value, bytes) else None


def _octets(value: Value) -> bytes | None:
    return value if isinstance(value, bytes) else None


def _number(value: Value) -> int:
    if isinstance(value, bytes) and value.isdigit() and len(value) <= 19:
        return min(int(value), MAX_NUMBER)
    return 0
