"""Generated pages and drawings are what the generator writes now, which proves every claim anew."""

from pathlib import Path

import pytest

from acidtest.checker.theory import ASPECTS
from acidtest.patterns import PATTERNS
from generator.evidence import NotProvedError, cited
from generator.matrix import MEANINGS
from generator.site import pages, pages_from_a_server

DOCS = Path(__file__).parents[2] / "docs"
GENERATED = pages()


@pytest.mark.parametrize("path", GENERATED)
def test_a_generated_page_is_up_to_date(path):
    assert (DOCS / path).read_text(encoding="utf-8") == GENERATED[path](), "run: python docs/generate.py"


@pytest.mark.usefixtures("postgresql", "mariadb")
@pytest.mark.parametrize("path", pages_from_a_server())
def test_a_page_that_takes_a_server_is_up_to_date(path):
    assert (DOCS / path).read_text(encoding="utf-8") == pages_from_a_server()[path](), "run: python docs/generate.py"


def test_nothing_is_left_of_pages_that_are_not_generated_any_more():
    made = [path for folder in ("patterns", "explanation/images") for path in (DOCS / folder).rglob("*.*")]
    assert sorted(str(path.relative_to(DOCS)) for path in made if str(path.relative_to(DOCS)) not in GENERATED) == []


@pytest.mark.parametrize("stem", PATTERNS)
def test_whatever_a_theory_cites_stands_somewhere(stem):
    theory = PATTERNS[stem].theory()
    assert set(theory.aspects) <= set(ASPECTS)
    cited(stem, [id_ for ids in theory.aspects.values() for id_ in ids])
    cited(stem, [id_ for claim in theory.claims for id_ in claim.by])


def test_citing_what_nobody_shows_is_refused():
    stem = next(iter(PATTERNS))
    with pytest.raises(NotProvedError, match="cites NO-SUCH-ID, which no study has"):
        cited(stem, ["NO-SUCH-ID"])


def test_every_aspect_is_explained():
    assert tuple(MEANINGS) == ASPECTS
