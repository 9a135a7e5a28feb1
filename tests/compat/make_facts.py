"""Cuts the operations that Postroad serves out of the published facts of the compatible API.

    python tests/compat/make_facts.py path/to/openapi-facts.json

Run it when operations are added; review the difference of ``data/openapi-facts.json``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from postroad.surfaces.api import routes
from postroad.surfaces.api.operation import OPERATIONS

TARGET = Path(__file__).parent / "data" / "openapi-facts.json"
PREFIX = "#/components/schemas/"


def main() -> None:
    assert routes
    facts = json.loads(Path(sys.argv[1]).read_text())
    paths: dict[str, dict[str, Any]] = {}
    for item in OPERATIONS:
        if item.is_documented:
            found = facts["paths"][item.path][item.method.lower()]
            paths.setdefault(item.path, {})[item.method.lower()] = {
                key: found[key]
                for key in ("operationId", "parameters", "requestBody", "x-ee-action", "x-ee-group")
                if key in found
            } | {"200": found["responses"]["200"], "statuses": sorted(found["responses"])}
    schemas: dict[str, Any] = {}
    collect(paths, facts["components"]["schemas"], schemas)
    subset = {"paths": paths, "schemas": dict(sorted(schemas.items()))}
    TARGET.write_text(json.dumps(subset, indent=1, ensure_ascii=False) + "\n")


def collect(node: Any, known: dict[str, Any], found: dict[str, Any]) -> None:
    """Follow every reference from ``node``."""
    if isinstance(node, dict):
        name = str(node.get("$ref", "")).removeprefix(PREFIX)
        if name and name not in found:
            found[name] = known[name]
            collect(known[name], known, found)
        for value in node.values():
            collect(value, known, found)
    elif isinstance(node, list):
        for value in node:
            collect(value, known, found)


if __name__ == "__main__":
    main()
