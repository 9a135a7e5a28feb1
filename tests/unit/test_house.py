"""The house rules that a machine can hold: docs/architecture.md and CONTRIBUTING.md."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "postroad"
MODULES = sorted(SOURCE.rglob("*.py"))
MAX_LINES = 400

each_module = pytest.mark.parametrize(
    "module", MODULES, ids=lambda path: str(path.relative_to(SOURCE))
)


def test_every_directory_with_modules_is_a_package() -> None:
    bare = {module.parent for module in MODULES if not (module.parent / "__init__.py").exists()}

    assert not bare


def test_no_module_is_a_drawer() -> None:
    drawers = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "managers"}

    assert not [module for module in MODULES if module.stem in drawers]


@each_module
def test_a_module_is_short_and_says_what_it_is(module: Path) -> None:
    text = module.read_text(encoding="utf-8")

    assert text.count("\n") <= MAX_LINES
    assert ast.get_docstring(ast.parse(text))
