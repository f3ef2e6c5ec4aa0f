"""`acidtest verify --quick`: a first answer in under half a minute, of a part of the checks, which is never called a pass alone.

What is chosen is a matter of rules, not of names: of each model the smallest size; of each reference the cheapest scope
without faults and the cheapest with some; the first mutants and the defects with the cheapest scopes. All patterns share
the time, and go round by round: the cheapest check of each comes first, and what it leaves is for the others and for more.
What does not come to its end within its share has not been checked.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from acidtest.checker.proof import prove
from acidtest.report.verify import Verification, finish
from acidtest.search.budget import Budget
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.rounds import cost
from acidtest.search.verdict import Result, Verdict, conclude
from acidtest.world.databases.table import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from acidtest.patterns import Pattern
    from acidtest.properties.shared.contract import Contract
    from acidtest.workload import Scope

#: The time for everything, in seconds.
SECONDS = 25.0
#: How many mutants and how many defects are looked for, of each pattern.
FEW = 2


def verify_quickly(
    entries: Sequence[Pattern], *, echo: Callable[[str], Any], backend: str = DEFAULT, seconds: float = SECONDS
) -> tuple[Verdict, dict[str, Any]]:
    """Verify a part of what there is of each pattern.

    Arguments:
        entries: which.
        echo: prints a line.
        backend: the kind of the databases; naive versions are exhibited on the default alone.
        seconds: the time for all of it.

    Returns:
        the verdict on that part, and what to write as JSON.
    """
    budget, looks = Budget(seconds), [_Quick(entry, backend) for entry in entries]
    for look in looks:
        look.at_models(budget)
    coded = sorted([look for look in looks if look.has_code], key=lambda look: look.cost)
    for part in _Quick.PARTS:
        for number, look in enumerate(coded):
            look.at_code(part, Budget((budget.left or 0.0) / (len(coded) - number)))
    for look in looks:
        if look.has_code:
            echo(f"{look.found.pattern}: {look.found.told}")
    return finish([look.found for look in looks], echo)


class _Quick:
    """A part of the checks of one pattern."""

    def __init__(self, entry: Pattern, backend: str) -> None:
        self._entry = entry
        self._backend = backend
        self._budget = Budget()
        self._contract: Contract = entry.contract_class()() if entry.contract else None  # type: ignore[assignment] # nobody asks then
        self.has_code = bool(entry.contract) and not entry.why_not(backend)
        self.found = Verification(entry.stem, quick=True, missing=entry.why_not(backend) if entry.contract else "")

    def at_models(self, budget: Budget) -> None:
        """Prove each model at its smallest size."""
        found, began, studies = self.found, time.monotonic(), () if self._entry.of else self._entry.theory().studies
        for study in studies:
            proof = prove(study, study.sizes[0], seconds=budget.left)
            found.faults += [f"{study.name}: {fault}" for fault in proof.faults()]
            found.proofs += proof.exploration.complete
            found.model_states += proof.exploration.states
        if studies:
            found.model, _ = conclude(violated=bool(found.faults), complete=True, findings=())
        found.possible += sum(len(study.sizes) + len(study.theorems) for study in studies)
        found.seconds += time.monotonic() - began

    @property
    def cost(self) -> float:
        """What its cheapest check may cost."""
        return min([cost(scope) for scope in self._contract.scopes])

    def at_code(self, part: Callable[[_Quick], None], budget: Budget) -> None:
        """Come to one of `PARTS`, within a budget."""
        began = time.monotonic()
        self._budget = budget
        part(self)
        self.found.seconds += time.monotonic() - began

    def _plain(self) -> None:
        """Run the reference in its cheapest scope without faults."""
        self.found.possible += len(self._contract.scopes)
        self._reference(0)

    def _faulty(self) -> None:
        """Run it in its cheapest scope with some."""
        self._reference(1)

    def _reference(self, number: int) -> None:
        for scope in cheapest(self._contract.scopes)[number : number + 1]:
            result = self._explore(self._entry.reference_factory(), [scope])
            if result is not None:
                self.found.results.append(result)

    def _mutants(self) -> None:
        """Look for some mutants."""
        contract = self._contract
        mutants = [mutant for mutant in self._entry.mutants() if mutant.backend == self._backend]
        self.found.possible += len(mutants)
        for mutant in mutants[:FEW]:
            scopes = [find_scope(contract, mutant.scope)] if mutant.scope else sorted(contract.scopes, key=cost)
            result = self._explore(mutant.factory, scopes, frozenset(mutant.violates))
            if result is not None and result.violation is not None:
                self.found.killed[mutant.name] = {"property": result.violation.property, "scope": result.scope.name}
            elif result is not None:
                self.found.survivors.append(mutant.name)
        self.found.mutants = len(self.found.killed) + len(self.found.survivors)

    def _defects(self) -> None:
        """Exhibit some defects of the naive version."""
        contract, defects = self._contract, self._entry.defects() if self._backend == DEFAULT else ()
        self.found.possible += len(defects)
        for defect in sorted(defects, key=lambda defect: cost(find_scope(contract, defect.scope)))[:FEW]:
            result = self._explore(defect.factory, [find_scope(contract, defect.scope)], frozenset(defect.violates))
            if result is not None and result.violation is not None:
                self.found.shown[defect.id] = {"property": result.violation.property, "scope": defect.scope}
            elif result is not None:
                self.found.hidden.append(defect.id)
        self.found.defects = len(self.found.shown) + len(self.found.hidden)

    #: What is looked at of the code, round by round.
    PARTS = (_plain, _mutants, _defects, _faulty)

    def _explore(
        self, factory: Callable[[Any], Any], scopes: Iterable[Scope], only: frozenset[str] = frozenset()
    ) -> Result | None:
        """The first failure in some scopes, or the last result; None where the time was up before."""
        if self._budget.is_spent:
            return None
        result = None
        harness = Harness(self._contract, factory, self._backend)
        try:
            for scope in scopes:
                result = check_scope(harness, scope, only=only, seconds=self._budget.left)
                if result.violation is not None or self._budget.is_spent:
                    break
        finally:
            harness.close()
        return None if result is None or (result.violation is None and self._budget.is_spent) else result


def cheapest(scopes: Sequence[Scope]) -> list[Scope]:
    """Of scopes without faults the cheapest, and of those with faults."""
    scopes = [scope for scope in scopes if not scope.enough] or list(scopes)  # a thousand attempts take seconds, though they run one way
    groups = [[scope for scope in scopes if bool(scope.faults) is faulty] for faulty in (False, True)]
    return [min(group, key=cost) for group in groups if group]

