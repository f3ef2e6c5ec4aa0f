"""Everything that is claimed of a pattern's models is so, and nothing that is claimed is vacuous."""

from __future__ import annotations

import pytest

from acidtest.models.proof import prove_study
from acidtest.models.theory import ASPECTS
from acidtest.patterns import PATTERNS

THEORIES = {stem: entry.theory() for stem, entry in PATTERNS.items()}
STUDIES = [(stem, study) for stem, theory in THEORIES.items() for study in theory.studies]


@pytest.mark.parametrize(("stem", "study"), STUDIES, ids=[f"{stem}: {study.name}" for stem, study in STUDIES])
def test_every_claim_of_a_study_is_proved_and_was_put_to_the_test(stem, study):
    assert prove_study(study).faults() == []


@pytest.mark.parametrize(("stem", "study"), STUDIES, ids=[f"{stem}: {study.name}" for stem, study in STUDIES])
def test_every_study_has_two_sizes(stem, study):
    assert len(study.sizes) >= 2
    assert not study.orbits or len(study.orbits) == len(study.sizes)


@pytest.mark.parametrize("stem", PATTERNS)
def test_what_a_page_says_of_a_pattern_names_what_was_checked(stem):
    theory = THEORIES[stem]
    known = {p.id for study in theory.studies for p in (*study.properties, *(t.property for t in study.theorems))}
    cited = {name for names in (*theory.aspects.values(), *(claim.by for claim in theory.claims)) for name in names}
    assert cited <= known
    assert set(theory.aspects) <= set(ASPECTS)
    assert {claim.standing for claim in theory.claims} <= {"confirmed", "refined", "refuted"}
    assert not known & set(theory.omitted)
    assert all(theory.omitted.values())
