"""Runs the programs through acidtest: two processes, each with one client, under a contract that knows what must come out."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from acidtest.checker.machine import Action, Kind, Model, Property, Transition
from acidtest.environment import Environment, Outcome
from acidtest.port import installation, operation, read
from acidtest.properties.shared.contract import Contract
from acidtest.search.exhaustive import Explorer, Search
from acidtest.search.harness import Harness
from acidtest.workload import Client, Operation, Scope
from benchmarks.peers.programs import OPENING, Program, Row, balances, install, reset, run_worker

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from acidtest.properties.shared.seen import Seen

#: How often each is measured; the median counts, by seconds.
TIMES = 5
#: What is looked for.
EXPECTED = "P1"


class Port(Protocol):
    """What a program offers."""

    @installation
    def install(self, accounts: dict[str, int]) -> None:
        """Create the table and open the accounts."""

    @operation
    def work(self, number: int) -> Outcome:
        """Run one of the workers."""

    @read
    def balances(self) -> tuple[int, ...]:
        """What is committed."""


class View(NamedTuple):
    """What is committed, what must be in the end, and whether all is at rest."""

    balances: tuple[int, ...]
    expected: tuple[int, ...]
    at_rest: bool


class Anything(Model[int]):
    """A model that allows everything: the one property judges."""

    def initial_states(self) -> Iterable[int]:
        """One."""
        yield 0

    def transitions(self) -> Sequence[Transition]:
        """None."""
        return ()

    def view(self, state: int) -> Hashable:  # noqa: ARG002 - it has nothing to show
        """Nothing."""
        return ()


class ProgramContract(Contract):
    """Both workers have done their work in the end.

    Arguments:
        program: what runs.
    """

    pattern: ClassVar[str] = "program"
    port = Port
    properties: ClassVar[tuple[Property, ...]] = (
        Property(EXPECTED, "both workers have done their work", Kind.AT_REST, lambda v: v.balances == v.expected),
    )

    def __init__(self, program: Program) -> None:
        """Remember the program."""
        self.program = program

    def model(self, scope: Scope) -> Model[Any]:  # noqa: ARG002 - all scopes are alike
        """Anything may happen."""
        return Anything()

    def observe(self, implementation: Any) -> Hashable:
        """The balances."""
        return tuple(implementation.balances())

    def view(self, scope: Scope, seen: Seen, before: Any) -> View:  # noqa: ARG002 - nothing has to be remembered
        """The balances, beside those that must come out."""
        return View(seen.durable, self.program.expected, seen.at_rest)  # type: ignore[arg-type]

    def abstract(self, view: Any) -> Hashable:  # noqa: ARG002 - the model speaks of nothing
        """Nothing."""
        return ()

    def actions(self, scope: Scope, kind: str, subject: str, value: object) -> Sequence[Action]:  # noqa: ARG002 - likewise
        """None."""
        return ()

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """None."""
        return ()


class Adapter:
    """A program under the port.

    Arguments:
        program: what runs.
        env: where.
    """

    def __init__(self, program: Program, env: Environment) -> None:
        """Remember both."""
        self.program, self.env = program, env

    def connect(self) -> Any:
        """A connection that commits every statement outside of BEGIN and COMMIT."""
        options: dict[str, Any] = {"isolation_level": None} if self.env.backend == "sqlite" else {"autocommit": True}
        return self.env.connect("bank", **options)

    def install(self, accounts: dict[str, int]) -> None:  # noqa: ARG002 - every program has the same
        """Create the table and open the accounts."""
        install(self.connect, self.env.backend)
        reset(self.connect)

    def work(self, number: int) -> Outcome:
        """Run one of the workers."""
        run_worker(self.program, number, self.env.backend, self.connect)
        return Outcome.OK

    def balances(self) -> tuple[int, ...]:
        """What is committed."""
        return balances(self.connect)


def scope_of(program: Program) -> Scope:
    """Each worker in a process of its own."""
    clients = [Client(f"worker-{n}", f"process-{n}", (Operation(f"w{n}", "work", (n,)),)) for n in range(len(program.workers))]
    return Scope(program.name, program.what, tuple(zip(("1", "2"), OPENING, strict=True)), tuple(clients))


def explore(program: Program, backend: str, seconds: float, *, first: bool) -> tuple[float, Search]:
    """Explore a program: up to the first counterexample, or everything; seconds, all that is made for it included."""
    began = time.perf_counter()
    harness = Harness(ProgramContract(program), partial(Adapter, program), backend, frozenset() if first else frozenset({EXPECTED}))
    try:
        found = Explorer(harness, scope_of(program), seconds=seconds).explore()
    finally:
        harness.close()
    return time.perf_counter() - began, found


def measure(program: Program, backend: str, seconds: float) -> Row:
    """The row of a program."""
    firsts = sorted((explore(program, backend, seconds, first=True) for _ in range(TIMES)), key=lambda each: each[0])
    wholes = sorted((explore(program, backend, seconds, first=False) for _ in range(TIMES)), key=lambda each: each[0])
    (time_to_first, found), (whole, everything) = firsts[TIMES // 2], wholes[TIMES // 2]
    row = Row("acidtest", program.name, backend, None, 0, everything.runs, whole, everything.complete)
    return row._replace(first=time_to_first, first_runs=found.runs) if found.violation is not None else row
