"""`acidtest verify --quick`: a first answer in under half a minute, of a part of the checks, which is never called a pass alone.

What is chosen is a matter of rules, not of names: of each model the smallest size; of each reference the cheapest scope
without faults and the cheapest with some; the first mutants and the defects with the cheapest scopes. All patterns share
the time. What does not come to its end within its share has not been checked.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from acidtest.checker.proof import prove
from acidtest.report.verify import Verification, finish
from acidtest.search.budget import Budget
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.rounds import extent
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
#: How many times as much a scope costs for each fault that it may have, roughly.
_PER_FAULT = 4


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
    coded = [look for look in looks if look.has_code]
    for number, look in enumerate(coded):
        look.at_code(Budget((budget.left or 0.0) / (len(coded) - number)))
        echo(f"{look.found.pattern}: {look.found.told}")
    return finish([look.found for look in looks], echo)


class _Quick:
    """A part of the checks of one pattern."""

    def __init__(self, entry: Pattern, backend: str) -> None:
        self._entry = entry
        self._backend = backend
        self._budget = Budget()
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

    def at_code(self, budget: Budget) -> None:
        """Run the reference in its cheapest scopes, and look for some mutants and defects."""
        began, contract = time.monotonic(), self._entry.contract_class()()
        self._budget = budget
        self._reference(contract)
        self._mutants(contract)
        if self._backend == DEFAULT:
            self._defects(contract)
        self.found.seconds += time.monotonic() - began

    def _reference(self, contract: Contract) -> None:
        self.found.possible += len(contract.scopes)
        for scope in cheapest(contract.scopes):
            result = self._explore(contract, self._entry.reference_factory(), [scope])
            if result is not None:
                self.found.results.append(result)

    def _mutants(self, contract: Contract) -> None:
        mutants = [mutant for mutant in self._entry.mutants() if mutant.backend == self._backend]
        self.found.possible += len(mutants)
        for mutant in mutants[:FEW]:
            scopes = [find_scope(contract, mutant.scope)] if mutant.scope else sorted(contract.scopes, key=_cost)
            result = self._explore(contract, mutant.factory, scopes, frozenset(mutant.violates))
            if result is not None and result.violation is not None:
                self.found.killed[mutant.name] = {"property": result.violation.property, "scope": result.scope.name}
            elif result is not None:
                self.found.survivors.append(mutant.name)
        self.found.mutants = len(self.found.killed) + len(self.found.survivors)

    def _defects(self, contract: Contract) -> None:
        defects = self._entry.defects()
        self.found.possible += len(defects)
        for defect in sorted(defects, key=lambda defect: _cost(find_scope(contract, defect.scope)))[:FEW]:
            result = self._explore(contract, defect.factory, [find_scope(contract, defect.scope)], frozenset(defect.violates))
            if result is not None and result.violation is not None:
                self.found.shown[defect.id] = {"property": result.violation.property, "scope": defect.scope}
            elif result is not None:
                self.found.hidden.append(defect.id)
        self.found.defects = len(self.found.shown) + len(self.found.hidden)

    def _explore(
        self, contract: Contract, factory: Callable[[Any], Any], scopes: Iterable[Scope], only: frozenset[str] = frozenset()
    ) -> Result | None:
        """The first failure in some scopes, or the last result; None where the time was up before."""
        if self._budget.is_spent:
            return None
        result = None
        harness = Harness(contract, factory, self._backend)
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
    return [min(group, key=_cost) for group in groups if group]


def _cost(scope: Scope) -> int:
    """What it may cost to explore a scope, roughly."""
    return int(extent(scope) * _PER_FAULT**scope.faults)
