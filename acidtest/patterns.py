"""The patterns, in one table: the only place that names them all. Everything else takes a pattern by its stem."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from acidtest.impl.broken import Mutant
    from acidtest.impl.naive import Defect
    from acidtest.models.theory import Theory
    from acidtest.properties.contract import Contract


class Pattern(NamedTuple):
    """Where to find what belongs to a pattern.

    Arguments:
        stem: its name in code and on the command line.
        title: its name in prose.
        contract: the name of its contract class in acidtest.properties; empty where there are models only, so far.
        reference: the name of its reference implementation in acidtest.impl.
        backends: the kinds of databases that the reference is right on. The contract itself asks for none.
    """

    stem: str
    title: str
    contract: str = ""
    reference: str = ""
    backends: tuple[str, ...] = ("sqlite",)

    def theory(self) -> Theory:
        """What its models prove. It stands beside the contract where the two share their properties."""
        layer = "properties" if self.contract else "models"
        found: Theory = import_module(f"acidtest.{layer}.{self.stem}").THEORY
        return found

    def contract_class(self) -> type[Contract]:
        """The contract.

        Raises:
            UsageError: there is none yet.
        """
        if not self.contract:
            checked = ", ".join(entry.stem for entry in coded())
            message = (
                f"{self.stem} has models (acidtest model {self.stem}), but no contract that code could be checked against "
                f"yet. Patterns with a contract: {checked}."
            )
            raise UsageError(message)
        found: type[Contract] = getattr(import_module(f"acidtest.properties.{self.stem}"), self.contract)
        return found

    def reference_factory(self) -> Callable[[Any], Any]:
        """The reference implementation."""
        found: Callable[[Any], Any] = getattr(import_module(f"acidtest.impl.{self.stem}"), self.reference)
        return found

    def mutants(self) -> Sequence[Mutant]:
        """The broken implementations that must be found."""
        found: Sequence[Mutant] = import_module(f"acidtest.impl.broken.{self.stem}").MUTANTS
        return found

    def impossible_mutants(self) -> Mapping[str, str]:
        """Catalogued bugs that cannot exist here, with the reason."""
        found: Mapping[str, str] = import_module(f"acidtest.impl.broken.{self.stem}").NOT_HERE
        return found

    def defects(self) -> Sequence[Defect]:
        """The defects of the naive version that can be exhibited."""
        found: Sequence[Defect] = import_module(f"acidtest.impl.naive.{self.stem}").DEFECTS
        return found

    def hidden_defects(self) -> Mapping[str, str]:
        """The defects of the naive version that cannot be exhibited, with the reason."""
        found: Mapping[str, str] = import_module(f"acidtest.impl.naive.{self.stem}").NOT_EXHIBITED
        return found


_BOTH = ("sqlite", "postgresql")

PATTERNS: dict[str, Pattern] = {
    pattern.stem: pattern
    for pattern in (
        Pattern("acid", "local ACID transactions", "AcidContract", "Transfers", _BOTH),
        Pattern("two_phase_commit", "two-phase commit", "TwoPhaseCommitContract", "Coordinator", _BOTH),
        Pattern("three_phase_commit", "three-phase commit"),
        Pattern("xa", "XA distributed transactions"),
        Pattern("saga", "saga (choreography, orchestration)"),
        Pattern("compensation", "compensating transactions", "CompensationContract", "Ledger", _BOTH),
        Pattern("event_sourcing", "event sourcing"),
        Pattern("cqrs", "CQRS"),
        Pattern("outbox", "transactional outbox", "OutboxContract", "Outbox", _BOTH),
        Pattern("inbox", "inbox (idempotent consumer)"),
        Pattern("outbox_inbox", "outbox and inbox in a chain"),
        Pattern("tcc", "try/confirm/cancel (TCC)", "TccContract", "AccountService", _BOTH),
        Pattern("reserve_confirm", "reserve/confirm with an external system", "ReserveConfirmContract", "Withdrawals", _BOTH),
    )
}


def coded() -> list[Pattern]:
    """The patterns that have a contract, which code can be checked against."""
    return [entry for entry in PATTERNS.values() if entry.contract]


def pattern(stem: str) -> Pattern:
    """The pattern with that stem; dashes will do for underscores.

    Raises:
        UsageError: there is none; lists those that there are.
    """
    found = PATTERNS.get(stem.replace("-", "_"))
    if found is None:
        what = "pattern"
        raise UsageError.unknown(what, stem, PATTERNS)
    return found
