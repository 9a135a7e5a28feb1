"""The reference and the code say the same: nothing undocumented, nothing made up."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import generate
from postroad.domain import errors
from postroad.domain.event import EventName
from postroad.domain.reply import FailureKind

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
REFERENCE = sorted((DOCS / "reference").glob("*.md"))

# Headings become anchors as the usual renderers make them.
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"[A-Z][A-Za-z0-9]+")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


@pytest.mark.parametrize("page", REFERENCE, ids=lambda path: path.stem)
def test_generated_parts_are_up_to_date(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert generate.render(text) == text, "run: make docs"


def test_every_generated_part_has_its_page() -> None:
    used = [part for page in REFERENCE for part in generate.parts_of(page.read_text("utf-8"))]

    assert sorted(used) == sorted(generate.PARTS)


def test_every_event_is_described_and_every_described_event_exists() -> None:
    text = (DOCS / "reference" / "events.md").read_text(encoding="utf-8")

    described = re.findall(r"^### `(\w+)`$", text, re.MULTILINE)

    assert sorted(described) == sorted(EventName)


def test_every_error_code_is_listed_and_every_listed_code_exists() -> None:
    text = (DOCS / "reference" / "errors.md").read_text(encoding="utf-8")

    listed = set(re.findall(r"^\| `([A-Z]\w+)` \|", text, re.MULTILINE))

    assert listed == set(_codes()) | _kinds() | set(FailureKind)


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    for link in _LINK.findall(text):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target.read_text(encoding="utf-8")), link


def test_every_page_is_reachable_from_the_index() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in _LINK.findall(index)}

    assert {page for page in DOCS.rglob("*.md") if page.name != "index.md"} <= linked


def test_every_module_that_the_standards_page_names_exists() -> None:
    text = (DOCS / "rfc.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if re.match(r"\| \d", line)]

    for row in rows:
        named = re.findall(r"`([\w/]+)`", row[4])
        assert bool(named) == (row[2].strip() != "no"), row[1]
        for module in named:
            path = ROOT / "src" / "postroad" / module
            assert path.is_dir() or path.with_suffix(".py").is_file(), module


def _codes() -> Iterator[str]:
    """Every code that the program itself puts into an error."""
    for module in (ROOT / "src" / "postroad").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                for keyword in node.keywords:
                    if keyword.arg == "code":
                        yield from _constants(keyword.value)


def _constants(value: ast.expr) -> Iterator[str]:
    for node in ast.walk(value):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if _CODE.fullmatch(node.value):
                yield node.value


def _kinds() -> set[str]:
    return {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type)
        and issubclass(kind, errors.PostroadError)
        and not issubclass(kind, errors.ProtocolError)
        and kind is not errors.PostroadError
    }


def _anchors(text: str) -> set[str]:
    headings = [heading.lower() for heading in _HEADING.findall(_FENCED.sub("", text))]
    return {
        re.sub(r"[^\w\- ]", "", heading.replace("`", "")).strip().replace(" ", "-")
        for heading in headings
    }
