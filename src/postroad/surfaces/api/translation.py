"""What is wrong with a request, in the caller's language. Contract B-007, B-011.

The checks speak English; their sentences are the keys of ``languages/*.toml``, where ``{}``
stands for what a sentence speaks of. A language is read when first asked for, and all of this
runs for refused requests alone. A sentence without a translation stays as it is.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from postroad.domain.errors import FieldProblem, Invalid

ENGLISH: Final = "en"
LANGUAGES: Final = (ENGLISH, "et", "fr", "de", "pl", "ja", "nl")

_MAX_HEADER_CHARS = 1000
_QUALITY = re.compile(r"q=([01](?:\.\d{0,3})?)")
_GAP = "{}"


def choose_language(header: bytes | None, default: str) -> str:
    """The language of :data:`LANGUAGES` that an Accept-Language prefers; else ``default``.

    Regions are passed over (``de-AT`` is German), and so is what cannot be read.
    RFC 9110 §12.5.4.
    """
    best, best_quality = default, 0.0
    for item in (header or b"")[:_MAX_HEADER_CHARS].decode("latin-1").lower().split(","):
        tag, _, weight = item.partition(";")
        language = tag.strip().partition("-")[0]
        given = _QUALITY.fullmatch(weight.strip())
        quality = float(given[1]) if given is not None else 0.0 if weight.strip() else 1.0
        if language in LANGUAGES and quality > best_quality:
            best, best_quality = language, quality
    return best


def translated(error: Invalid, language: str) -> Invalid:
    """The same refusal in ``language``, one of :data:`LANGUAGES`."""
    if language == ENGLISH:
        return error
    catalogue = _catalogue(language)
    return Invalid(
        catalogue.sentence(error.message),
        fields=[FieldProblem(item.key, catalogue.problem(item.message)) for item in error.fields],
        code=error.code,
        info=error.info,
    )


@dataclass(frozen=True, slots=True)
class _Catalogue:
    """The sentences of one language."""

    whole: dict[str, str]  # without gaps
    gapped: tuple[tuple[re.Pattern[str], str], ...]

    def sentence(self, text: str) -> str:
        known = self.whole.get(text)
        if known is not None:
            return known
        for pattern, words in self.gapped:
            if (found := pattern.fullmatch(text)) is not None:
                return words.replace(_GAP, found[1])
        return text

    def problem(self, text: str) -> str:
        """A sentence about a member, whose quoted place stays in front."""
        if text in self.whole:
            return self.whole[text]
        place, mark, words = text.rpartition('" ')
        return f"{place}{mark}{self.sentence(words)}"


@cache
def _catalogue(language: str) -> _Catalogue:
    file = resources.files(__package__).joinpath("languages", f"{language}.toml")
    sentences: dict[str, str] = tomllib.loads(file.read_text("utf-8"))
    return _Catalogue(
        {said: words for said, words in sentences.items() if _GAP not in said},
        tuple(
            (re.compile(re.escape(said).replace(re.escape(_GAP), "(.*)"), re.DOTALL), words)
            for said, words in sentences.items()
            if _GAP in said
        ),
    )
