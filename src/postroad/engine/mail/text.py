"""Bodies of a message: which parts to read for them, and the text that comes of it. B-054 to B-058.

Reading a body takes two steps, whatever the provider: :func:`wanted_parts` chooses the parts from
the tree, the provider fetches them, :func:`assemble` makes text of the octets. Both are pure.
``assemble`` takes longer than a millisecond for what exceeds :data:`LARGE_BYTES`; that belongs in
a thread.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from postroad.domain.message import MessageText, TextWish
from postroad.engine.mail.layout import Layout, Placed, layout
from postroad.engine.providers.results import FoundBody, PartWish
from postroad.protocol.mime.html import text_from_html
from postroad.protocol.mime.parameters import content_id
from postroad.protocol.mime.part import BodyPart
from postroad.protocol.mime.reply import split_reply
from postroad.protocol.mime.text import decode_text, octets_needed
from postroad.protocol.mime.transfer import decode_transfer
from postroad.protocol.mime.web_safe import (
    MAX_IMAGE_BYTES,
    embed_images,
    is_image,
    web_safe,
    web_safe_text,
)

LARGE_BYTES = 64 * 1024  # of encoded octets
MAX_TEXT_BYTES = 32 * 1024 * 1024  # of one part, encoded; more is cut
_MAX_IMAGES = 50
_MAX_IMAGES_BYTES = 16 * 1024 * 1024  # of all embedded images together, encoded
_BASE64_IMAGE = MAX_IMAGE_BYTES * 4 // 3 * 78 // 76


def wanted_parts(
    root: BodyPart, wish: TextWish, *, only: Container[str] | None = None
) -> list[PartWish]:
    """The parts to fetch for ``wish``, each as far as it can be of use.

    ``only`` limits the texts to these part numbers, those of a text id.
    """
    parts = layout(root)
    chosen = _texts(parts, wish, only)
    wishes = [PartWish(part.part, _limit(part, wish.max_chars)) for part in chosen]
    if wish.embeds and any(part.subtype == "html" for part in chosen):
        wishes += [PartWish(part.part) for part in _images(parts.attachments)]
    return wishes


def assemble(
    root: BodyPart,
    bodies: Iterable[FoundBody],
    wish: TextWish,
    *,
    only: Container[str] | None = None,
    folds: bool = True,
) -> MessageText:
    """The text that ``wish`` asks for, out of the parts that :func:`wanted_parts` chose.

    A part that the server did not give counts as empty. ``folds`` hides quoted history in
    web-safe HTML (contract B-058). Never fails.
    """
    parts = layout(root)
    found = {body.part.part: body for body in bodies}
    chosen = _texts(parts, wish, only)
    plain = _join((p for p in chosen if p.subtype == "plain"), found, wish.max_chars)
    html = _join((p for p in chosen if p.subtype == "html"), found, wish.max_chars)
    has_more = (plain.has_more and wish.plain) or (html.has_more and wish.html)
    reply = split_reply(plain.text or text_from_html(html.text)) if wish.split_reply else None
    shown = html.text
    if wish.html and (wish.is_web_safe or wish.embeds):
        images = _image_contents(parts.attachments, found) if wish.embeds else {}
        if wish.is_web_safe:
            shown, cut = _web_safe(html, plain, images, folds=folds)
            has_more = has_more or cut
        else:
            shown = embed_images(shown, images)
    return MessageText(
        plain=plain.text if wish.plain else None,
        html=shown if wish.html else None,
        has_more=has_more,
        is_web_safe=wish.html and wish.is_web_safe,
        reply=reply.reply if reply is not None else None,
        quoted=reply.quoted if reply is not None else None,
    )


@dataclass(frozen=True, slots=True)
class _Joined:
    """All parts of one type as one text."""

    text: str = ""
    has_more: bool = False


def _texts(parts: Layout, wish: TextWish, only: Container[str] | None) -> list[BodyPart]:
    plain = [part for part in parts.plain if only is None or part.part in only]
    html = [part for part in parts.html if only is None or part.part in only]
    needs_plain = wish.plain or (wish.html and wish.is_web_safe and not html)
    needs_html = wish.html
    if wish.split_reply:
        needs_plain = needs_plain or bool(plain)
        needs_html = needs_html or not plain
    return [*(plain if needs_plain else ()), *(html if needs_html else ())]


def _limit(part: BodyPart, max_chars: int | None) -> int | None:
    needed = MAX_TEXT_BYTES
    if max_chars is not None:
        needed = min(octets_needed(max_chars, part), needed)
    return needed if part.size > needed else None


def _join(parts: Iterable[BodyPart], found: dict[str, FoundBody], max_chars: int | None) -> _Joined:
    """Texts joined with a newline and cut after ``max_chars`` characters. B-056."""
    texts: list[str] = []
    length = 0
    for part in parts:
        if texts:
            length += 1
        if max_chars is not None and length > max_chars:
            return _Joined("\n".join(texts)[:max_chars], True)
        body = found.get(part.part)
        text = decode_text(body.octets, part) if body is not None else ""
        texts.append(text)
        length += len(text)
        if body is not None and body.is_cut:
            # What is behind the cut is unknown, so nothing can be joined to it.
            return _Joined("\n".join(texts)[:max_chars], True)
    joined = "\n".join(texts)
    if max_chars is not None and len(joined) > max_chars:
        return _Joined(joined[:max_chars], True)
    return _Joined(joined)


def _web_safe(
    html: _Joined, plain: _Joined, images: dict[str, tuple[str, bytes]], *, folds: bool
) -> tuple[str, bool]:
    if html.text.strip() or not plain.text:
        return web_safe(html.text, images=images, folds=folds), html.has_more
    return web_safe_text(plain.text, folds=folds), plain.has_more


def _images(attachments: Sequence[Placed]) -> list[BodyPart]:
    """Parts that HTML may show by their content id, as far as they may be embedded."""
    chosen: list[BodyPart] = []
    total = 0
    for placed in attachments:
        part = placed.part
        limit = _BASE64_IMAGE if part.encoding == "base64" else MAX_IMAGE_BYTES
        if placed.is_in_message or part.content_id is None or part.size > limit:
            continue
        total += part.size
        if len(chosen) == _MAX_IMAGES or total > _MAX_IMAGES_BYTES:
            break
        if is_image(part.content_type):
            chosen.append(part)
    return chosen


def _image_contents(
    attachments: Sequence[Placed], found: dict[str, FoundBody]
) -> dict[str, tuple[str, bytes]]:
    images: dict[str, tuple[str, bytes]] = {}
    for part in _images(attachments):
        name = content_id(part)
        body = found.get(part.part)
        if name is not None and body is not None and not body.is_cut:
            octets = decode_transfer(body.octets, part.encoding)
            images.setdefault(name[1:-1], (part.content_type, octets))
    return images
