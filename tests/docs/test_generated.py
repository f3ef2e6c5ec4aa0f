"""Generated pages and drawings are what the generator writes now, which proves every claim anew."""

from pathlib import Path

import pytest

from acidtest.checker.theory import ASPECTS, REFUTED, UNDECIDED
from acidtest.checker.witness import replayed
from acidtest.patterns import PATTERNS
from generator.evidence import WITNESS, NotProvedError, cited, proofs
from generator.isolation import WRITTEN_WITH
from generator.matrix import MEANINGS
from generator.site import pages, pages_from_a_server

DOCS = Path(__file__).parents[2] / "docs"
GENERATED = pages()

#: Several pages speak of one proof, which a process keeps.
pytestmark = pytest.mark.xdist_group("proofs")


@pytest.mark.parametrize("path", GENERATED)
def test_a_generated_page_is_up_to_date(path):
    assert (DOCS / path).read_text(encoding="utf-8") == GENERATED[path](), "run: python docs/generate.py"


@pytest.mark.usefixtures("postgresql", "mariadb")
@pytest.mark.parametrize("path", pages_from_a_server())
def test_a_page_that_takes_a_server_is_up_to_date(path):
    kept, now = (DOCS / path).read_text(encoding="utf-8"), pages_from_a_server()[path]()
    assert without_versions(kept) == without_versions(now), "run: python docs/generate.py"


def without_versions(page):
    return [line for line in page.splitlines() if not line.startswith(WRITTEN_WITH)]


def test_nothing_is_left_of_pages_that_are_not_generated_any_more():
    made = [path for folder in ("patterns", "explanation/images") for path in (DOCS / folder).rglob("*.*")]
    assert sorted(str(path.relative_to(DOCS)) for path in made if str(path.relative_to(DOCS)) not in GENERATED) == []


@pytest.mark.parametrize("stem", PATTERNS)
def test_whatever_a_theory_cites_stands_somewhere(stem):
    theory = PATTERNS[stem].theory()
    assert set(theory.aspects) <= set(ASPECTS)
    cited(stem, [id_ for ids in theory.aspects.values() for id_ in ids])
    cited(stem, [id_ for claim in theory.claims for id_ in claim.cited])


@pytest.mark.parametrize("stem", PATTERNS)
def test_every_run_on_a_page_is_one_of_the_model_under_the_switches_that_the_page_names(stem):
    for proved in proofs(stem):
        for shown in proved.theorems:
            model = proved.study.model(shown.size, shown.theorem.exhibited)
            runs = (shown.witness.trace, shown.witness.cycle, shown.other)
            assert [run for run in runs[::2] if run is not None and not replayed(model, run)] == []
            assert runs[1] is None or follows(model, runs[0].last, runs[1])
            taken = [str(action) for action in runs[0].actions]
            assert set(shown.theorem.along) <= set(taken)


def follows(model, state, cycle):
    """Whether a cycle begins where a run has ended, comes back there, and each of its steps is one of the model."""
    for action, following in cycle.steps[1:]:
        if action is not None and following not in [after for each, after in model.successors(state) if each == action]:
            return False
        state = following
    return cycle.steps[0][1] == cycle.last


@pytest.mark.parametrize("stem", PATTERNS)
def test_who_cannot_tell_has_seen_the_same_after_both_runs_of_a_pair_and_outsiders_have_not(stem):
    for proved in proofs(stem):
        for shown in (each for each in proved.theorems if each.theorem.twin):
            model, twin = proved.study.model(shown.size, shown.theorem.exhibited), shown.theorem.twin
            one, other = shown.witness.trace.last, shown.other.last
            assert twin.sees(model, one) == twin.sees(model, other) == shown.alike
            assert model.view(one) != model.view(other)


@pytest.mark.parametrize("stem", PATTERNS)
def test_a_refutation_links_a_run_and_only_what_no_model_decides_goes_without_evidence(stem):
    for claim in PATTERNS[stem].theory().claims:
        standings = {each.standing for each in cited(stem, claim.against)}
        assert claim.standing != REFUTED or WITNESS in standings, claim.text
        assert not claim.see or claim.standing == UNDECIDED, claim.text


@pytest.mark.parametrize("stem", PATTERNS)
def test_only_what_the_environment_may_do_or_a_design_may_choose_counts_against_an_aspect(stem):
    theory = PATTERNS[stem].theory()
    turned = {name for names in theory.aspects.values() for each in cited(stem, names) for name in each.turned}
    assert turned <= theory.choices


@pytest.mark.parametrize("stem", PATTERNS)
def test_what_a_reader_sees_half_of_counts_against_isolation_and_against_nothing_else(stem):
    theory = PATTERNS[stem].theory()
    half = {t.property.id for study in theory.studies for t in study.theorems if "half of" in t.property.name}
    assert half <= set(theory.aspects.get("isolation", ()))
    assert not half & {name for aspect, names in theory.aspects.items() if aspect != "isolation" for name in names}
    assert not set(theory.aspects.get("atomicity", ())) & set(theory.aspects.get("isolation", ()))


@pytest.mark.parametrize("stem", PATTERNS)
def test_a_pattern_of_which_somebody_may_stay_away_for_ever_says_who_then_waits(stem):
    theory = PATTERNS[stem].theory()
    away = {"recovery", "tm_returns", "cooperative", "last_stays_down"}
    stays = {s.name for study in theory.studies for s in study.switches} & away
    waits = {name for each in cited(stem, theory.aspects.get("non-blocking", ())) for name in each.turned}
    assert stays <= waits


def test_citing_what_nobody_shows_is_refused():
    stem = next(iter(PATTERNS))
    with pytest.raises(NotProvedError, match="cites NO-SUCH-ID, which no study has"):
        cited(stem, ["NO-SUCH-ID"])


def test_every_aspect_is_explained():
    assert tuple(MEANINGS) == ASPECTS
