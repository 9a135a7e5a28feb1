"""Addresses as reports write them: typed, escaped, in angles, in the middle of sentences."""

from __future__ import annotations

import re

MAX_ADDRESS = 320  # characters

_STOPS = r"\s<>()\[\]\"',:;|\\@（）：，。；、“”「」『』【】《》"  # end an address in any script
_LOCAL = rf"(?:\"[^\"\n]{{1,64}}\"|[^{_STOPS}]{{1,128}}(?:'[^{_STOPS}]{{1,64}})?)"
_DOMAIN = rf"(?:\[[\w.:]{{3,60}}\]|[^{_STOPS}/?!&=*]{{1,255}})"
ADDRESS = re.compile(rf"{_LOCAL}@{_DOMAIN}")
_XTEXT = re.compile(r"\+(2B|3D)")
_UNICODE = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
# East Asian sentences put no blanks around an address.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_ASCII_TAIL = re.compile(r"[!-~]+$")
_ASCII_HEAD = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
_TRAILING = ".,;:!?>)]}'\"*_"
_X400 = re.compile(r"^/?[A-Z]{1,5}=", re.I)


def addresses_in(text: str) -> list[str]:
    """Every address in a text, in order, with what punctuation stuck to it taken off."""
    return [clean for found in ADDRESS.findall(text) if (clean := tidy(found))]


def find_address(text: str) -> str | None:
    """The first address in a text."""
    for found in ADDRESS.finditer(text):
        if clean := tidy(found[0]):
            return clean
    return None


def tidy(address: str) -> str:
    """An address without the punctuation around it; empty when nothing is left of it."""
    for prefix in ("mailto:", "smtp:", "rfc822;", "utf-8;"):
        if address[:8].lower().startswith(prefix):
            address = address[len(prefix) :]
    clean = address.lstrip("<('`*").rstrip(_TRAILING)
    if "@[" in clean:
        clean += "]"  # the end of an address literal, RFC 5321 §4.1.3, and no bracket around it
    local, at, domain = clean.rpartition("@")
    if _UNSPACED.search(address):
        tail, head = _ASCII_TAIL.search(local), _ASCII_HEAD.match(domain)
        if tail and head and "." in head[0]:
            local, domain = tail[0], head[0].rstrip(".-")
            clean = f"{local}@{domain}"
    # A file; X.400 has "=" as well. Or a link with somebody's address in it.
    is_path = local.startswith(("/", "|")) and "=" not in local
    is_path = is_path or local.startswith("//") or "/?" in local
    if not (local and at and domain) or domain.startswith((".", "-")) or is_path:
        return ""
    return clean


def reported_address(value: str, *, is_utf8: bool = False) -> str:
    """The address in the value of a recipient field, its type taken off.

    Angles, display names and comments are removed, ``\\x{...}`` is undone for type utf-8
    (RFC 6533 §3), and of xtext (RFC 3461 §4) just the two characters that it must escape: servers
    also write addresses as they are, where ``+20`` is a tag. Empty when there is no address.
    """
    if is_utf8:
        value = _UNICODE.sub(_unescaped, value)
    angle = value.rfind("<")
    if angle >= 0 and "@" in value[angle:]:
        value = value[angle + 1 :].partition(">")[0]
    found = find_address(value)
    if found is None:
        return ""
    return _XTEXT.sub(lambda escape: "+" if escape[1] == "2B" else "=", found)[:MAX_ADDRESS]


def bare_mailbox(value: str) -> str:
    """A local part alone, as local deliveries are reported (``LOCAL; root``); else empty."""
    clean = value.strip().strip("<>")
    return clean if re.fullmatch(r"[\w.+=-]{1,64}", clean) and not _X400.match(clean) else ""


def _unescaped(escape: re.Match[str]) -> str:
    code = int(escape[1], 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"
