"""What an id stands for: where on a pattern's page it is proved, or exhibited, or said to be out of reach.

Proofs are kept, so that each study is proved once however many pages speak of it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.proof import StudyProof, prove_theory
from acidtest.checker.theory import ASPECTS
from acidtest.patterns import PATTERNS
from generator.markdown import condition, slug

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from acidtest.checker.theory import Theory

#: Standings of an id.
PROVED, WITNESS, OMITTED = "proved", "witness", "not shown"


class Evidence(NamedTuple):
    """Where an id is shown.

    Arguments:
        id: of a property or theorem.
        standing: PROVED, WITNESS or OMITTED.
        anchor: the place on the pattern's page.
        kind: of the property.
        condition: the switches that have to be turned for a witness; empty where it exists with all at their defaults.
    """

    id: str
    standing: str
    anchor: str
    kind: str = ""
    condition: str = ""

    def link(self, page: str = "") -> str:
        """A link to it, from the page itself or from one for which the pattern's page is `page`."""
        where = f"[{self.id}]({page}#{self.anchor})"
        return f"{where} ({self.condition})" if self.condition else where


class NotProvedError(Exception):
    """A theory claims what the checker does not confirm, or cites what nobody shows. Nothing is written of it."""


@cache
def proofs(stem: str) -> tuple[StudyProof, ...]:
    """The proofs of a pattern's studies.

    Raises:
        NotProvedError: some claim does not hold; the message lists them all.
    """
    found = prove_theory(PATTERNS[stem].theory())
    faults = [fault for proved in found for fault in proved.faults()]
    if faults:
        message = f"{stem}: " + "; ".join(faults)
        raise NotProvedError(message)
    return found


def property_anchor(study: int, id_: str) -> str:
    """Where a property stands on its pattern's page."""
    return f"model-{study + 1}-{slug(id_)}"


def theorem_anchor(study: int, number: int, id_: str) -> str:
    """Where a theorem stands; a study may have several of one id."""
    return f"theorem-{study + 1}-{number + 1}-{slug(id_)}"


def omitted_anchor(id_: str) -> str:
    """Where it says why an id is not shown."""
    return f"omitted-{slug(id_)}"


@cache
def evidence(stem: str) -> dict[str, Evidence]:
    """What every id of a pattern stands for.

    The same id may be proved in one study and fall in another, where a switch is turned: a property counts first, and
    the study to look at first.
    """
    theory = PATTERNS[stem].theory()
    found = {id_: Evidence(id_, OMITTED, omitted_anchor(id_)) for id_ in theory.omitted}
    for s, study in reversed(list(enumerate(theory.studies))):
        for t, theorem in reversed(list(enumerate(study.theorems))):
            id_ = theorem.property.id
            found[id_] = Evidence(id_, WITNESS, theorem_anchor(s, t, id_), theorem.property.kind, condition(theorem.exhibited))
    for s, study in reversed(list(enumerate(theory.studies))):
        for p in study.properties:
            found[p.id] = Evidence(p.id, PROVED, property_anchor(s, p.id), p.kind)
    return found


def cited(stem: str, ids: Iterable[str]) -> list[Evidence]:
    """The evidence behind ids.

    Raises:
        NotProvedError: one of them stands nowhere.
    """
    known = evidence(stem)
    ids = list(ids)
    missing = [id_ for id_ in ids if id_ not in known]
    if missing:
        message = f"{stem} cites {', '.join(missing)}, which no study has. There are: {', '.join(known)}."
        raise NotProvedError(message)
    return [known[id_] for id_ in ids]


def aspect(stem: str, name: str) -> tuple[list[Evidence], list[Evidence]]:
    """What proves an aspect of a pattern, and what is the witness against it."""
    found = cited(stem, PATTERNS[stem].theory().aspects.get(name, ()))
    return [e for e in found if e.standing == PROVED], [e for e in found if e.standing == WITNESS]


def standing(stem: str, name: str, page: str = "") -> str:
    """An aspect in words, with links."""
    proved, against = aspect(stem, name)
    if not proved and not against:
        return "not claimed"
    if not against:
        return f"proved: {links(proved, page)}"
    if not proved:
        return f"witness against: {links(against, page)}"
    return f"proved: {links(proved, page)}, with a witness against: {links(against, page)}"


def links(found: Sequence[Evidence], page: str = "") -> str:
    """Links to the evidence."""
    return ", ".join(each.link(page) for each in found)


def aspects_of(theory: Theory) -> list[str]:
    """The aspects that a pattern says something about, in their order."""
    return [name for name in ASPECTS if theory.aspects.get(name)]
