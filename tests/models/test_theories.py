"""What is claimed of a pattern's models is complete and in order.

That every claim is proved, and none is vacuous, is tested with the pages of the patterns (docs/test_generated.py), each of
which proves all that it says.
"""

from __future__ import annotations

import pytest

from acidtest.checker.theory import ASPECTS
from acidtest.patterns import PATTERNS

THEORIES = {stem: entry.theory() for stem, entry in PATTERNS.items()}
STUDIES = [(stem, study) for stem, theory in THEORIES.items() for study in theory.studies]


@pytest.mark.parametrize(("stem", "study"), STUDIES, ids=[f"{stem}: {study.name}" for stem, study in STUDIES])
def test_every_study_has_two_sizes(stem, study):
    assert len(study.sizes) >= 2
    assert not study.orbits or len(study.orbits) == len(study.sizes)


@pytest.mark.parametrize("stem", PATTERNS)
def test_what_a_page_says_of_a_pattern_names_what_was_checked(stem):
    theory = THEORIES[stem]
    known = {p.id for study in theory.studies for p in (*study.properties, *(t.property for t in study.theorems))}
    cited = {name.partition("/")[0] for names in (*theory.aspects.values(), *(claim.cited for claim in theory.claims)) for name in names}
    assert cited <= known
    assert set(theory.aspects) <= set(ASPECTS)
    assert set(theory.remarks) <= set(theory.aspects)
    assert theory.choices <= {switch.name for study in theory.studies for switch in study.switches}
    assert all(claim.why for claim in theory.claims)
    assert not known & set(theory.omitted)
    assert all(theory.omitted.values())


def numbered(prefix, count):
    return [f"{prefix}{i}" for i in range(1, count + 1)]


#: The ids of the catalogue's properties and negative theorems.
CATALOGUE = {
    "acid": ["ACID-A", "ACID-C", "ACID-D", "ACID-I", "ACID-I.RC", "ACID-I.SI", "ACID-I.SER", "P4", "ACID-Ack", "ACID-Retry", "N1'", *numbered("N", 5)],
    "two_phase_commit": [*numbered("AC", 5), "WAL-order", "PP", "PA", "G4", "G6", "G10", *numbered("N", 6)],
    "three_phase_commit": [*numbered("AC", 5), "NB", "PAIRS", *numbered("N", 5)],
    "xa": [*numbered("XA", 10), *numbered("N", 5)],
    "saga": [*numbered("S", 14), *numbered("O", 6), *numbered("N", 5)],
    "compensation": [*numbered("CT", 11), *numbered("N", 3)],
    "event_sourcing": [*numbered("ES", 12), *numbered("N", 4)],
    "cqrs": [*numbered("CQ", 10), *numbered("N", 5)],
    "outbox": [*numbered("OB", 12), *numbered("N", 6)],
    "inbox": [*numbered("IB", 11), *numbered("N", 4)],
    "outbox_inbox": [*numbered("EO", 8), *numbered("N", 5)],
    "tcc": [*numbered("T", 12), *numbered("N", 5)],
    "reserve_confirm": [*numbered("RC", 12), *numbered("N", 5)],
}


@pytest.mark.parametrize("stem", CATALOGUE)
def test_every_catalogued_id_is_shown_or_left_out_with_a_reason(stem):
    theory = THEORIES[stem]
    shown = {p.id for study in theory.studies for p in (*study.properties, *(t.property for t in study.theorems))}
    assert [name for name in CATALOGUE[stem] if name not in shown and name not in theory.omitted] == []
