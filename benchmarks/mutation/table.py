"""The table of mutated models: which mutant of which model is noticed by what. `python -m benchmarks mutation [PATTERN]... --write`.

It is kept in a file, since to judge every mutant takes a core the better part of an hour. A test judges a sample of them
anew, and compares the functions; the pages show the scores. After a change of a model the table of its pattern has to be
written again.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acidtest.checker.judgement import (
    NOT_JUDGED,
    PROPERTY,
    THEOREM,
    first_to_violate,
    judge_all,
    label,
    score,
    shown_to_fall,
)
from acidtest.patterns import PATTERNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.checker.theory import Study

FOLDER = Path(__file__).parent / "measured"
#: Where the functions of models are.
PACKAGE = "acidtest.models"


def path(stem: str) -> Path:
    """Where the table of a pattern is kept."""
    return FOLDER / f"{stem}.json"


def load(stem: str) -> dict[str, dict[str, Any]]:
    """What is kept of a pattern, by study: a letter for each mutant, by function; and how many fell by each property."""
    found: dict[str, dict[str, Any]] = json.loads(path(stem).read_text(encoding="utf-8"))
    return found


def judged(study: Study, every: int = 1) -> dict[str, Any]:
    """Judge the mutants of a study: all, or every so manieth; of the others a point stands in the table."""
    found = judge_all(study, PACKAGE, lambda number: number % every == 0)
    verdicts = [(mutant, verdict) for each in found.values() for mutant, verdict in each if verdict is not None]
    fallen = Counter(name for _, verdict in verdicts if verdict.how in (PROPERTY, THEOREM) for name in set(verdict.fallen))
    return {
        "mutants": {name: "".join(verdict.how if verdict else NOT_JUDGED for _, verdict in each) for name, each in found.items()},
        "properties": {label(p): fallen[label(p)] for p in study.properties},
        "survivors": [f"{verdict.how} {mutant.name}" for mutant, verdict in verdicts if verdict.how in "+-!"],
    }


def main(arguments: Sequence[str]) -> None:
    """Judge, print, and keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks mutation")
    parser.add_argument("patterns", nargs="*", choices=[*PATTERNS, []], help="whose models; all, if none is named")
    parser.add_argument("--study", type=int, help="only this study of the pattern, counted from 1")
    parser.add_argument("--every", type=int, default=1, help="judge only every so manieth mutant")
    parser.add_argument("--falls", type=float, metavar="SECONDS", help="only look for a mutant that violates each property, for so long per study")
    parser.add_argument("--write", action="store_true", help="keep what was found")
    options = parser.parse_args(arguments)
    for stem in options.patterns or PATTERNS:
        tables = load(stem) if path(stem).exists() else {}
        studies = PATTERNS[stem].theory().studies
        for study in studies[options.study - 1 : options.study] if options.study else studies:
            if options.falls:
                found = first_to_violate(study, PACKAGE, options.falls)
                left = [label(p) for p in study.properties if label(p) not in found and not shown_to_fall(study, p)]
                tables.setdefault(study.name, {})["violated"] = {name: list(place) for name, place in found.items()}
                print(f"{stem}: {study.name}: {len(found)} properties fall, {len(left)} were not seen to: {'; '.join(left)}", flush=True)
                continue
            began = time.perf_counter()
            violated = tables.get(study.name, {}).get("violated", {})
            tables[study.name] = judged(study, options.every) | {"violated": violated}
            killed, of = score("".join(tables[study.name]["mutants"].values()))
            print(f"{stem}: {study.name}: {killed} of {of} mutants noticed, {time.perf_counter() - began:.0f} s", flush=True)
        if options.write:
            FOLDER.mkdir(exist_ok=True)
            kept = {study.name: tables[study.name] for study in studies if study.name in tables}
            path(stem).write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
