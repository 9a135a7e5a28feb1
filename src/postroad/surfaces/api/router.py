"""From method and path to an operation and its path members.

Paths are cut before percent-decoding, so that an account id may hold a slash. A trailing slash
is accepted everywhere. Looking one up costs one dictionary access per segment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import unquote_to_bytes

T = TypeVar("T")


@dataclass(slots=True)
class _Node(Generic[T]):
    children: dict[str, _Node[T]] = field(default_factory=dict)
    member: _Node[T] | None = None  # taken when no child has the segment's name
    targets: dict[str, T] = field(default_factory=dict)  # by method


class Router(Generic[T]):
    """``routes`` are ``(method, path, target)`` with ``{members}`` as whole segments."""

    def __init__(self, routes: Iterable[tuple[str, str, T]]) -> None:
        self._root: _Node[T] = _Node()
        for method, path, target in routes:
            node = self._root
            for segment in _cut(path):
                if segment.startswith("{"):
                    node.member = node.member or _Node()
                    node = node.member
                else:
                    node = node.children.setdefault(segment, _Node())
            if method in node.targets:
                raise ValueError(f"{method} {path} is routed twice")
            node.targets[method] = target

    def find(self, method: str, raw_path: bytes) -> tuple[T, Sequence[str]] | None:
        """The target and its path members in order; ``None`` when nothing is there.

        HEAD is answered as GET is. A member that is not UTF-8 matches nothing.
        """
        found: list[str] = []
        try:
            node = self._walk(_cut(raw_path.decode("ascii")), found)
        except UnicodeDecodeError:
            return None
        if node is None:
            return None
        target = node.targets.get("GET" if method == "HEAD" else method)
        return None if target is None else (target, found)

    def _walk(self, segments: list[str], found: list[str]) -> _Node[T] | None:
        node = self._root
        for segment in segments:
            child = node.children.get(segment)
            if child is None:
                if node.member is None or not segment:
                    return None
                child = node.member
                found.append(unquote_to_bytes(segment).decode() if "%" in segment else segment)
            node = child
        return node


def _cut(path: str) -> list[str]:
    return path.strip("/").split("/") if path != "/" else []
