"""What an id stands for: where on a pattern's page it is proved, or exhibited, or said to be out of reach.

Proofs are kept, so that each study is proved once however many pages speak of it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Kind
from acidtest.checker.proof import StudyProof, prove_theory
from acidtest.checker.theory import ASPECTS
from acidtest.patterns import PATTERNS
from generator.markdown import condition, slug

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from acidtest.checker.theory import Claim, Theory

#: Standings of an id: proved of a protocol, or true of a specification because that is what it says.
PROVED, SPECIFIED, WITNESS, OMITTED = "proved", "specified", "witness", "not shown"
#: What a link adds where a property is not one of every step.
_WHEN = {Kind.AT_REST: "at rest", Kind.EVENTUALLY: "in the end"}


class Evidence(NamedTuple):
    """Where an id is shown.

    Arguments:
        id: of a property or theorem.
        standing: PROVED, SPECIFIED, WITNESS or OMITTED.
        anchor: the place on the pattern's page.
        kind: of the property.
        condition: the switches that have to be turned for a witness; empty where it exists with all at their defaults.
        name: what is so, or what happens.
        turned: the names of those switches.
        size: of what is proved, the sizes that were checked.
    """

    id: str
    standing: str
    anchor: str
    kind: str = ""
    condition: str = ""
    name: str = ""
    turned: tuple[str, ...] = ()
    size: str = ""

    def link(self, page: str = "") -> str:
        """A link to it, from the page itself or from one for which the pattern's page is `page`."""
        where = f"[{self.id}]({page}#{self.anchor})"
        when = _WHEN.get(Kind(self.kind), "") if self.standing in (PROVED, SPECIFIED) else self.condition
        return f"{where} ({when})" if when else where


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

    The same id may be proved in one study and fall in another, where a switch is turned: a property counts first, that of a
    protocol before that of a specification, and the study to look at first.
    """
    theory = PATTERNS[stem].theory()
    found = {id_: Evidence(id_, OMITTED, omitted_anchor(id_)) for id_ in theory.omitted}
    for s, study in reversed(list(enumerate(theory.studies))):
        for t, theorem in reversed(list(enumerate(study.theorems))):
            id_ = theorem.property.id
            p, turned = theorem.property, tuple(theorem.exhibited)
            shown = Evidence(id_, WITNESS, theorem_anchor(s, t, id_), p.kind, condition(theorem.exhibited), p.name, turned)
            found |= dict.fromkeys((id_, *(f"{id_}/{name}" for name in turned)), shown)
    # What is proved of a protocol says more than what is so by specification.
    ordered = sorted(enumerate(theory.studies), key=lambda each: (not each[1].specification, -each[0]))
    for s, study in ordered:
        for p in reversed(study.properties):
            standing = SPECIFIED if study.specification else PROVED
            found[p.id] = Evidence(p.id, standing, property_anchor(s, p.id), p.kind, name=p.name, size="; ".join(size.name for size in study.sizes))
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


class Aspect(NamedTuple):
    """What is known of an aspect of a pattern: what is proved of a protocol, what is so by specification, what is against it."""

    proved: list[Evidence]
    specified: list[Evidence]
    against: list[Evidence]
    remark: str


def aspect(stem: str, name: str) -> Aspect:
    """What is known of an aspect of a pattern."""
    theory = PATTERNS[stem].theory()
    found = cited(stem, theory.aspects.get(name, ()))
    proved, specified, against = ([e for e in found if e.standing == each] for each in (PROVED, SPECIFIED, WITNESS))
    return Aspect(proved, specified, against, theory.remarks.get(name, ""))


def standings(stem: str, name: str, page: str = "") -> list[str]:
    """An aspect in words, with links: a part for each kind of evidence."""
    known = aspect(stem, name)
    parts = (("proved", known.proved), ("by specification", known.specified), ("witness against", known.against))
    said = [f"{word}: {links(found, page)}" for word, found in parts if found]
    return [*said, f"({known.remark})"] if known.remark and said else said


def standing(stem: str, name: str, page: str = "") -> str:
    """An aspect in one line."""
    return "; ".join(standings(stem, name, page)).replace("; (", " (") or "not claimed"


def supports(stem: str, claim: Claim, page: str = "") -> str:
    """What speaks for a claim and against it, with links."""
    words = (("for", claim.by), ("against", claim.against), ("see", claim.see))
    return "<br>".join(f"{word}: {links(cited(stem, ids), page)}" for word, ids in words if ids) or "–"


def links(found: Sequence[Evidence], page: str = "") -> str:
    """Links to the evidence."""
    return ", ".join(each.link(page) for each in found)


def aspects_of(theory: Theory) -> list[str]:
    """The aspects that a pattern says something about, in their order."""
    return [name for name in ASPECTS if theory.aspects.get(name)]
