"""Refusals in the caller's language, and whether every sentence has its translations."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from postroad.domain.errors import FieldProblem, Invalid
from postroad.domain.setting import BY_KEY
from postroad.surfaces.api.translation import LANGUAGES, choose_language, translated
from support.api_engine import MemoryEngine
from support.asgi import Caller

SOURCE = Path(__file__).parents[4] / "src" / "postroad"
FILES = sorted((SOURCE / "surfaces" / "api" / "languages").glob("*.toml"))
SPEAKING = [
    *sorted((SOURCE / "surfaces" / "api").rglob("*.py")),
    SOURCE / "domain" / "search.py",
    SOURCE / "domain" / "setting_kinds.py",
    SOURCE / "domain" / "url.py",
    SOURCE / "engine" / "settings.py",
]
# Said to programmers, or put together from sentences that are all there.
NOT_TOLD = {"{} {} is routed twice", "two wire structures are named {}", "must be {}", "{}"}

SUBMIT = "/v1/account/example/submit"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        (b"", "en"),
        (b"de", "de"),
        (b"de-AT, en;q=0.9", "de"),
        (b"sv, fr;q=0.4, NL;q=0.8", "nl"),
        (b"fr;q=0, ja;q=0.1", "ja"),
        (b"en-GB, de;q=0.9", "en"),
        (b"et,pl", "et"),
        (b"*", "en"),
        (b"de;q=nan, fr;q=inf, pl;q=2", "en"),
        (b"\xff\xfe;;;===,,,", "en"),
        (b"sv," * 100_000 + b"de", "en"),
    ],
)
def test_language_follows_the_header(header: bytes | None, language: str) -> None:
    assert choose_language(header, "en") == language


def test_language_without_a_known_wish_is_the_setting() -> None:
    assert choose_language(b"sv, fi;q=0.9", "pl") == "pl"
    assert choose_language(b"en", "pl") == "en"


def test_setting_offers_the_languages_that_there_are() -> None:
    assert BY_KEY["locale"].choices == LANGUAGES
    assert {file.stem for file in FILES} == set(LANGUAGES) - {"en"}


async def test_refusal_is_told_in_the_language_of_the_caller(call: Caller) -> None:
    body = {"to": [{"address": "nowhere"}], "subject": 5, "dsn": {"return": "all"}, "odd": 1}
    reply = await call("POST", SUBMIT, body, headers={"accept-language": "de-DE,en;q=0.5"})
    assert reply.status == 400
    answer = reply.json()
    assert (answer["error"], answer["message"]) == ("Bad Request", "Ungültige Eingabe")
    assert {field["key"]: field["message"] for field in answer["fields"]} == {
        "address": '"to[0].address" muss eine gültige E-Mail-Adresse sein',
        "subject": '"subject" muss eine Zeichenkette sein',
        "return": '"dsn.return" muss einer dieser Werte sein: [full, headers]',
        "odd": '"odd" ist nicht erlaubt',
    }


async def test_refusal_follows_the_setting_unless_the_caller_wishes_otherwise(
    engine: MemoryEngine, call: Caller
) -> None:
    await engine.settings.update({"locale": "et"})
    estonian = await call("POST", SUBMIT, raw=b"{")
    assert estonian.json()["message"] == "Päringu sisu ei ole korrektne JSON"
    english = await call("POST", SUBMIT, raw=b"{", headers={"accept-language": "en"})
    assert english.json()["message"] == "Invalid request payload JSON format"


async def test_refusal_without_a_wish_is_english(call: Caller) -> None:
    reply = await call("POST", SUBMIT, {"odd": 1})
    assert reply.json()["message"] == "Invalid input"
    assert reply.json()["fields"] == [{"message": '"odd" is not allowed', "key": "odd"}]


def test_names_that_came_from_outside_stay_as_they_are() -> None:
    name = 'x" is required" is not allowed\n{}'
    told = translated(Invalid(fields=[FieldProblem(name, f'"{name}" is not allowed')]), "fr")
    assert told.fields == (FieldProblem(name, f'"{name}" n\'est pas autorisé'),)


def test_sentence_without_a_translation_stays() -> None:
    error = Invalid("The cursor cannot be read", code="InvalidCursorValue", info={"a": 1})
    told = translated(error, "ja")
    assert (told.message, told.code, told.info) == (error.message, error.code, {"a": 1})


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_sentence_of_the_checks_has_a_translation_and_the_reverse(file: Path) -> None:
    known = tomllib.loads(file.read_text("utf-8"))
    told = {sentence for module in SPEAKING for sentence in _told(module)}
    assert set(known) == told | {Invalid().message}
    for said, words in known.items():
        assert words.strip()
        assert said.count("{}") == words.count("{}") <= 1, said


def _told(module: Path) -> Iterator[str]:
    """What a module says of a member, with ``{}`` for what is filled in."""
    tree = ast.parse(module.read_text("utf-8"))
    named = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        for spoken in _spoken(node):
            if isinstance(spoken, ast.Name):
                spoken = named.get(spoken.id, spoken)
            sentence = _text(spoken)
            if sentence is not None and _bare(sentence) not in NOT_TOLD:
                yield _bare(sentence)


def _spoken(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == "pattern":
                yield value
    if not isinstance(node, ast.Call):
        return
    name = node.func.attr if isinstance(node.func, ast.Attribute) else _text_of_name(node.func)
    arguments = list(node.args)
    if name in ("ValueError", "Invalid"):
        yield from arguments[:1]
    elif name in ("add", "FieldProblem"):
        yield from arguments[1:2]
    elif name == "get" and len(arguments) == 2 and _text(arguments[0]) == "pattern":
        yield arguments[1]


def _text_of_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(piece.value) if isinstance(piece, ast.Constant) else "{}" for piece in node.values
        )
    return None


def _bare(sentence: str) -> str:
    """The words behind the quoted place, where a sentence brings the place with it."""
    if sentence.startswith('"') and sentence.count('"') == 2:
        return sentence.rpartition('" ')[2]
    return sentence
