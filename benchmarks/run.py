#!/usr/bin/env python3
"""Measures, and prints one JSON object a line: ``make bench ARGS="deliver --repeat 5"``.

Each question is a module beside this one with a function ``measure`` that returns numbers by
name; here they are repeated and summed up.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
from collections import defaultdict
from collections.abc import Mapping

import uvloop

import postroad
import rig

QUESTIONS = ("submit", "deliver", "memory")


async def _repeat(question: str, times: int) -> Mapping[str, list[float]]:
    measure = importlib.import_module(question).measure
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(times):
        for name, value in (await measure()).items():
            found[name].append(value)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("questions", nargs="*", help=f"of {QUESTIONS}; default: all")
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    for question in given.questions or QUESTIONS:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = runner.run(_repeat(question, given.repeat))
        line = {
            "question": question,
            "version": postroad.__version__,
            "machine": rig.machine(),
            "repeat": given.repeat,
            **{name: rig.summary(values) for name, values in found.items()},
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
