"""The patterns, in one table: the only place that names them all. Everything else takes a pattern by its stem."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from acidtest.checker.theory import Theory
    from acidtest.impl.broken import Mutant
    from acidtest.impl.naive import Defect
    from acidtest.properties.shared.contract import Contract


#: What is imported of an extra.
_MODULES = {"redis": ("redis", "fakeredis")}


class Pattern(NamedTuple):
    """Where to find what belongs to a pattern, or to a part of one that has a contract of its own.

    Arguments:
        stem: its name in code and on the command line.
        title: its name in prose.
        contract: the name of its contract class in acidtest.properties; empty where there are models only, so far.
        reference: the name of its reference implementation in acidtest.impl.
        backends: the kinds of databases that the reference is right on. The contract itself asks for none.
        of: the stem of the pattern that it is a part of; empty for a whole pattern.
        needs: the extra of acidtest that its reference cannot be run without; empty for none.
    """

    stem: str
    title: str
    contract: str = ""
    reference: str = ""
    backends: tuple[str, ...] = ("sqlite",)
    of: str = ""
    needs: str = ""

    @property
    def is_own(self) -> bool:
        """Whether its contract is somebody's own, beside the patterns: its stem says how to import it."""
        return ":" in self.stem

    def theory(self) -> Theory:
        """What the models of the pattern prove.

        Raises:
            UsageError: it is somebody's own contract, of which nothing is proved.
        """
        if self.is_own:
            message = f"{self.stem} is a contract of your own: there is no theory of it. Show it by acidtest show, or check code by acidtest check."
            raise UsageError(message)
        whole = PATTERNS[self.of] if self.of else self
        found: Theory = import_module(f"acidtest.properties.{whole.stem}.theory").THEORY
        return found

    def contract_class(self) -> type[Contract]:
        """The contract.

        Raises:
            UsageError: there is none yet.
        """
        if self.is_own:
            return own_contract(self.stem)
        if not self.contract:
            checked = ", ".join(entry.stem for entry in parts(self) or coded())
            message = (
                f"{self.stem} has models (acidtest model {self.stem}), but no contract of its own that code could be checked "
                f"against. {'Its parts with a contract' if parts(self) else 'Patterns with a contract'}: {checked}."
            )
            raise UsageError(message)
        found: type[Contract] = getattr(import_module(f"acidtest.properties.{self.stem}.contract"), self.contract)
        return found

    def why_not(self, backend: str) -> str:
        """Why its reference cannot be run on a kind of databases; empty where it can."""
        if backend not in self.backends:
            return f"its reference is not made for {backend}"
        return self.lacks()

    def lacks(self) -> str:
        """What its reference needs that is not installed; empty for nothing."""
        missing = [name for name in _MODULES.get(self.needs, ()) if find_spec(name) is None]
        return f"its reference needs acidtest[{self.needs}], which is not installed" if missing else ""

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


_ALL = ("sqlite", "postgresql", "mariadb")

PATTERNS: dict[str, Pattern] = {
    pattern.stem: pattern
    for pattern in (
        Pattern("acid", "local ACID transactions", "AcidContract", "Transfers", _ALL),
        Pattern("two_phase_commit", "two-phase commit", "TwoPhaseCommitContract", "Coordinator", _ALL),
        Pattern("three_phase_commit", "three-phase commit", "ThreePhaseCommitContract", "Site", _ALL),
        Pattern("xa", "XA distributed transactions", "XaContract", "TransactionManager", _ALL),
        Pattern("saga", "saga (choreography, orchestration)"),
        Pattern("compensation", "compensating transactions", "CompensationContract", "Ledger", _ALL),
        Pattern("event_sourcing", "event sourcing", "EventSourcingContract", "Accounts", _ALL),
        Pattern("cqrs", "CQRS", "CqrsContract", "AccountViews", _ALL, needs="redis"),
        Pattern("outbox", "transactional outbox", "OutboxContract", "Outbox", _ALL),
        Pattern("inbox", "inbox (idempotent consumer)", "InboxContract", "Inbox", _ALL),
        Pattern("outbox_inbox", "outbox and inbox in a chain", "OutboxInboxContract", "Transfers", _ALL),
        Pattern("tcc", "try/confirm/cancel (TCC)", "TccContract", "AccountService", _ALL),
        Pattern("reserve_confirm", "reserve/confirm with an external system", "ReserveConfirmContract", "Withdrawals", _ALL),
    )
}


#: Parts of patterns that have a contract of their own: each can be somebody's code, beside parts that are not.
PARTS: dict[str, Pattern] = {
    part.stem: part
    for part in (
        Pattern("saga_orchestration", "saga, the orchestrator", "SagaOrchestrationContract", "Orchestrator", _ALL, of="saga"),
        Pattern("saga_choreography", "saga, choreographed services", "SagaChoreographyContract", "Participant", _ALL, of="saga"),
        Pattern("event_store", "event sourcing, the event store", "EventStoreContract", "EventStore", _ALL, of="event_sourcing"),
        Pattern("xa_resource", "XA, a resource manager", "XaResourceContract", "ResourceManager", _ALL, of="xa"),
        Pattern(
            "tcc_coordinator", "try/confirm/cancel (TCC): the coordinator", "TccCoordinatorContract", "Coordinator", _ALL, of="tcc",
        ),
    )
}  # fmt: skip


def parts(whole: Pattern) -> list[Pattern]:
    """The parts of a pattern that have contracts of their own, beside the pattern's."""
    return [part for part in PARTS.values() if part.of == whole.stem]


def entries() -> list[Pattern]:
    """Every pattern, each followed by its parts."""
    return [entry for whole in PATTERNS.values() for entry in (whole, *parts(whole))]


def coded() -> list[Pattern]:
    """The patterns and parts that have a contract, which code can be checked against."""
    return [entry for entry in entries() if entry.contract]


def own_contract(path: str) -> type[Contract]:
    """A contract of somebody's own; whoever has the path from a command line has it loaded before (`acidtest.loading`).

    Arguments:
        path: how to import it, "module:TestSeats".

    Raises:
        UsageError: there is none.
    """
    from acidtest.properties.own.contract import Contract as OwnContract

    module, _, name = path.partition(":")
    try:
        found: Any = import_module(module)
    except ImportError as error:
        message = f"{path!r} cannot be imported: {error}. It is looked for where Python looks."
        raise UsageError(message) from error
    for part in name.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type) or not issubclass(found, OwnContract):
        message = (
            f"{path!r} is no contract of your own: that is a class that inherits from acidtest.Contract. To check code by the contract "
            f"of a pattern, name the pattern first: acidtest check outbox {path}."
        )
        raise UsageError(message)
    return found


def pattern(stem: str) -> Pattern:
    """The pattern, or part of one, with that stem; dashes will do for underscores. Of "module:TestSeats", that contract.

    Raises:
        UsageError: there is none; lists those that there are.
    """
    if ":" in stem:
        return Pattern(stem, f"a contract of your own, {stem.rpartition(':')[2]}")
    name = stem.replace("-", "_")
    found = PATTERNS.get(name) or PARTS.get(name)
    if found is None:
        what = "pattern"
        raise UsageError.unknown(what, stem, [entry.stem for entry in entries()])
    return found
