"""Proofs of studies: what the checker says of a model at each size, and of its theorems under their switches.

A claim that nothing put to the test is not proved: a property that constrained no state or step, a `sometimes` that was
not reached, an action that never fired and a count that differs from the pinned one are all faults of the model, and
are listed as such.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.checker.check import Exploration, Finding, check
from acidtest.checker.refinement import Refinement, refines
from acidtest.checker.witness import seek

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping

    from acidtest.checker.breadth_first import Progress, Trace
    from acidtest.checker.theory import Size, Study, Theorem, Theory

#: The id of the property, of kind `sometimes`, that says that the pattern can do what it is for.
WORKS = "G11"
#: Verdicts of a finding that come with a trace.
SHOWN = frozenset({"violated", "reached"})


@dataclass(frozen=True)
class Proof:
    """One size of a study under given switches.

    Arguments:
        study: what was checked.
        size: at which size.
        turned: the switches that were not at their default.
        exploration: what the checker found.
        refinement: whether it refines its specification; None where there is none, or switches were turned.
        orbits: the number of states under symmetry; None where it was not counted.
    """

    study: Study
    size: Size
    turned: Mapping[str, bool]
    exploration: Exploration
    refinement: Refinement | None = None
    orbits: int | None = None

    def faults(self) -> Iterator[str]:
        """What is wrong, in words; nothing where all is as claimed."""
        found = self.exploration
        for finding in found.findings:
            p = finding.property
            if finding.verdict in ("violated", "unreached"):
                yield f"{p.id} ({p.name}) is {finding.verdict}"
            elif not finding.constrained and finding.verdict != "unknown":
                yield f"{p.id} ({p.name}) constrained nothing"
        if self.refinement is not None and self.refinement.holds is False:
            yield f"it does not refine {self.study.refines.name if self.study.refines else ''}"
        if not found.complete or self.turned:
            return
        if (found.states, found.depth) != (self.size.states, self.size.depth):
            yield f"{found.states} states at depth {found.depth}, not {self.size.states} at depth {self.size.depth}"
        pinned = self.study.orbits[self.study.sizes.index(self.size)] if self.orbits is not None else None
        if self.orbits != pinned:
            yield f"{self.orbits} orbits, not {pinned}"


class Shown(NamedTuple):
    """A theorem, checked.

    Arguments:
        theorem: what is claimed.
        size: at which size.
        witness: the finding under the switches that exhibit it.
        states: of the model there.
        fired: actions by name with their counts there.
        absent: the finding under the switches that exclude it; None where nothing does.
        other: the second run, where the theorem says that two cannot be told apart.
        alike: what whoever cannot tell has seen in both.
        idle: what the model does no more where the witness is excluded.
    """

    theorem: Theorem
    size: Size
    witness: Finding
    states: int
    fired: Mapping[str, int]
    absent: Finding | None
    other: Trace | None = None
    alike: Hashable = None
    idle: tuple[str, ...] = ()

    def faults(self) -> Iterator[str]:
        """What is wrong, in words."""
        p = self.theorem.property
        if self.witness.verdict not in SHOWN:
            yield f"{p.id} ({p.name}) has no witness with {_switches(self.theorem.exhibited)}"
        if self.absent is not None and self.absent.verdict not in ("holds", "unreached"):
            yield f"{p.id} ({p.name}) has a witness with {_switches(self.theorem.excluded or {})}, which should exclude it"
        if self.idle:
            yield f"{p.id} ({p.name}) is excluded with {_switches(self.theorem.excluded or {})}, but so is {', '.join(self.idle)}"


def prove(  # noqa: PLR0913 - budgets and progress as in check()
    study: Study,
    size: Size,
    turned: Mapping[str, bool] | None = None,
    *,
    max_states: int | None = None,
    seconds: float | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Proof:
    """Check one size of a study.

    Arguments:
        study: what.
        size: which size.
        turned: switches that are not at their default, by name.
        max_states: give up rather than keep more states.
        seconds: give up after this time.
        progress: called now and then.

    Raises:
        KeyError: there is no such switch.
    """
    model = study.model(size, turned)
    found = check(model, study.properties, max_states=max_states, seconds=seconds, progress=progress)
    refinement = orbits = None
    if study.refines is not None and not turned and found.complete:
        specification = study.refines.specification(**size.arguments)
        refinement = refines(study.model(size), specification, study.refines.mapping)
    if study.symmetry is not None and not turned and found.complete:
        orbits = check(study.model(size), symmetry=study.symmetry(**size.arguments)).states
    return Proof(study, size, dict(turned or {}), found, refinement, orbits)


def show(study: Study, theorem: Theorem) -> Shown:
    """Check a theorem: its witness, and that it is gone where it is said to be."""
    size = study.size_of(theorem)
    found = seek(study.model(size, theorem.exhibited), theorem)
    absent = None
    idle: tuple[str, ...] = ()
    if theorem.excluded is not None:
        absent = seek(study.model(size, theorem.excluded), theorem).finding
        idle = _idle(study, size, theorem.excluded)
    return Shown(theorem, size, found.finding, found.states, found.fired, absent, found.other, found.alike, idle)


def _idle(study: Study, size: Size, turned: Mapping[str, bool]) -> tuple[str, ...]:
    """What works no more where a witness is excluded: a model that does nothing excludes everything."""
    works = [p for p in study.properties if p.id == WORKS]
    if not turned or not works:
        return ()  # with all switches at their defaults it is among what is proved
    return tuple(f.property.id for f in check(study.model(size, turned), works).findings if f.verdict == "unreached")


class StudyProof(NamedTuple):
    """A study at all of its sizes, with its theorems."""

    study: Study
    proofs: tuple[Proof, ...]
    theorems: tuple[Shown, ...]

    def faults(self) -> list[str]:
        """What is wrong, in words."""
        own = [f"{self.study.name}, {proof.size.name}: {fault}" for proof in self.proofs for fault in proof.faults()]
        own += [f"{self.study.name}: {fault}" for shown in self.theorems for fault in shown.faults()]
        fired: dict[str, int] = {}
        for counts in [*(p.exploration.fired for p in self.proofs), *(t.fired for t in self.theorems)]:
            for name, count in counts.items():
                fired[name] = fired.get(name, 0) + count
        return own + [f"{self.study.name}: {name} never fired" for name, count in fired.items() if not count]

    @property
    def complete(self) -> bool:
        """Whether no budget ran out."""
        return all(proof.exploration.complete for proof in self.proofs)


def prove_study(study: Study, progress: Callable[[Progress], None] | None = None) -> StudyProof:
    """Check a study at all of its sizes, and its theorems."""
    proofs = tuple(prove(study, size, progress=progress) for size in study.sizes)
    return StudyProof(study, proofs, tuple(show(study, theorem) for theorem in study.theorems))


def prove_theory(theory: Theory, progress: Callable[[Progress], None] | None = None) -> tuple[StudyProof, ...]:
    """Check everything that is claimed of a pattern's models."""
    return tuple(prove_study(study, progress) for study in theory.studies)


def _switches(turned: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {'on' if on else 'off'}" for name, on in turned.items()) or "the default switches"
