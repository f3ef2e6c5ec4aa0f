"""Models are mutated: what is claimed of them notices, and nothing is claimed that would hold of any model.

The whole takes too long for every day. What was found is kept in benchmarks/mutation/measured; here it is compared with the
models as they are now, and a sample of it is done again. After a change of a model: `python -m benchmarks mutation PATTERN --write`.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from acidtest.checker.judgement import NOT_JUDGED, Judge, label, shown_to_fall
from acidtest.checker.mutation import mutants_of
from acidtest.patterns import PATTERNS

MEASURED = Path(__file__).parents[2] / "benchmarks/mutation/measured"
PACKAGE = "acidtest.models"
STUDIES = [(stem, study) for stem, entry in PATTERNS.items() for study in entry.theory().studies]
NAMES = [f"{stem}: {study.name}" for stem, study in STUDIES]
AGAIN = "run: python -m benchmarks mutation"


@cache
def judge_of(stem, name):
    return Judge(next(study for study in PATTERNS[stem].theory().studies if study.name == name), PACKAGE)


def tables(stem):
    return json.loads((MEASURED / f"{stem}.json").read_text(encoding="utf-8"))


#: A process keeps what it has learned of a model's functions.
pytestmark = pytest.mark.xdist_group("mutated models")


@pytest.mark.parametrize(("stem", "study"), STUDIES, ids=NAMES)
def test_the_table_is_of_the_functions_that_the_model_has_now(stem, study):
    mutants = {name: len(mutants_of(function)) for name, function in judge_of(stem, study.name).functions.items()}
    kept = {name: len(letters) for name, letters in tables(stem)[study.name]["mutants"].items()}
    assert kept == {name: count for name, count in mutants.items() if count}, AGAIN


@pytest.mark.parametrize(("stem", "study"), STUDIES, ids=NAMES)
def test_whatever_is_proved_of_a_protocol_falls_by_a_switch_or_by_a_mutant(stem, study):
    """Of a specification it is said on the page where no mutant violates a line: that is how it is written."""
    violated = tables(stem)[study.name]["violated"]
    left = [label(p) for p in study.properties if not shown_to_fall(study, p) and label(p) not in violated]
    assert study.specification or left == []


@pytest.mark.parametrize(("stem", "study"), STUDIES[1::4], ids=NAMES[1::4])
def test_a_property_that_is_said_to_fall_by_a_mutant_does(stem, study):
    """Of every fourth model, the first of them."""
    known = {label(p): p for p in study.properties}
    for name, (function, number, size) in [each for each in tables(stem)[study.name]["violated"].items() if each[0] in known][:1]:
        judge = judge_of(stem, study.name)
        mutant = mutants_of(judge.functions[function])[number]
        assert judge.falls(judge.functions[function], mutant, (known[name],), study.sizes[size]) == [known[name]]


@pytest.mark.parametrize(("stem", "study"), STUDIES[::6], ids=NAMES[::6])
def test_a_mutant_is_noticed_by_what_the_table_says(stem, study):
    """Of every sixth model, the first that was judged."""
    judge = judge_of(stem, study.name)
    function, letters = next((name, letters) for name, letters in tables(stem)[study.name]["mutants"].items() if letters.strip(NOT_JUDGED))
    number = next(n for n, letter in enumerate(letters) if letter != NOT_JUDGED)
    assert judge.judge(judge.functions[function], mutants_of(judge.functions[function])[number]).how == letters[number], AGAIN
