"""How many mutants of models the claims notice, as it was measured last: `python -m benchmarks mutation --write`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acidtest.checker.judgement import NOT_JUDGED, label, score, shown_to_fall
from generator.markdown import counted

if TYPE_CHECKING:
    from acidtest.checker.theory import Study

_MEASURED = Path(__file__).parents[2] / "benchmarks/mutation/measured"


def tables(stem: str) -> dict[str, dict[str, Any]]:
    """What was measured of a pattern, by the names of its studies; empty where nothing was."""
    path = _MEASURED / f"{stem}.json"
    found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def _letters(table: dict[str, Any]) -> str:
    return "".join(table["mutants"].values())


def unviolated(stem: str, study: Study) -> frozenset[str]:
    """The properties of a specification that no mutant was seen to violate, nor any switch: they are how it is written."""
    table = tables(stem).get(study.name)
    if table is None or not study.specification:
        return frozenset()
    return frozenset(label(p) for p in study.properties if label(p) not in table["violated"] and not shown_to_fall(study, p))


def noticed_of(stem: str) -> str:
    """The score of a pattern: noticed / judged, without those that are no other model."""
    killed, of = score("".join(map(_letters, tables(stem).values())))
    return f"{killed} / {of}" if of else "–"


def noticed(stem: str, study: Study) -> str:
    """What a reader is told of the mutants of a study; empty where none was judged."""
    table = tables(stem).get(study.name)
    if table is None:
        return ""
    letters = _letters(table)
    killed, of = score(letters)
    judged = len(letters) - letters.count(NOT_JUDGED)
    sample = f"a sample of {judged} of its" if judged < len(letters) else "its"
    return (
        f"Of {sample} {counted(len(letters), 'mutant')}, {of} are another model at the sizes looked at, and some claim notices {killed} of "
        "these ([what that is](../explanation/models.md#mutated-models))."
    )
