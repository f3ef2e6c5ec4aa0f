"""What more work costs: `python -m benchmarks cost [PATTERN...] [--budget SECONDS] [--json FILE]`.

A table of runs, states and seconds for 1 to 4 requests, by 1 or 2 processes, with 0, 1 or 2 faults, per contract; and the exponent:
by what each further request multiplies the states, as far as the cells could be finished.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from acidtest.patterns import coded, pattern
from acidtest.port import Role
from acidtest.search.exhaustive import Explorer
from acidtest.search.harness import Harness
from acidtest.workload import ENVIRONMENT, Client, Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from acidtest.patterns import Pattern
    from acidtest.properties.shared.contract import Contract
    from acidtest.workload import Scope

REQUESTS, PROCESSES, FAULTS = (1, 2, 3, 4), (1, 2), (0, 1, 2)
#: The faults that may befall a cell, as far as its contract knows them.
KINDS = frozenset({"crash", "unacknowledged", "lost", "refused", "late"})
#: The least amount of each request: no two sets of them have the same sum.
AMOUNTS = (3, 5, 11, 23)


def _append(number: int) -> Operation:
    """An event at the end of one stream, wherever that is."""
    event = f"e{number}", f"type of e{number}", f'{{"n": "e{number}"}}'
    return Operation(f"r{number}", "append", ("a", None, (event,)))


#: The requests of contracts that are told apart by something else than a key that comes first.
OWN: dict[str, Callable[[int], Operation]] = {"event_store": _append}


class Cell(NamedTuple):
    """One place of the table.

    Arguments:
        pattern: whose contract.
        requests, processes, faults: how much work.
        runs, schedules, states, effects: what it took.
        seconds: of processor time.
        complete: whether that was all.
    """

    pattern: str
    requests: int
    processes: int
    faults: int
    runs: int
    schedules: int
    states: int
    effects: int
    seconds: float
    complete: bool


def request_of(contract: Contract) -> tuple[Scope, Operation]:
    """What a contract's clients ask for first of all, in a scope where nothing else comes before it, and that scope.

    Raises:
        LookupError: there is no such thing.
    """
    methods = contract.interface().names(Role.OPERATION)
    for scope in contract.scopes:
        for client in scope.clients:
            if client.process != ENVIRONMENT and client.name not in scope.opening and not scope.serial:
                for operation in client.operations:
                    if operation.method in methods and operation.arguments and not operation.source:
                        return scope, operation
    message = f"{contract.pattern}: not measured: its clients ask for nothing that could be asked for several times"
    raise LookupError(message)


def scope_of(contract: Contract, requests: int, processes: int, faults: int) -> Scope:
    """So many requests of one sort, each with a key and an amount of its own, spread over so many processes of one service."""
    if contract.scopes[0].messages:
        return _scope_of_messages(contract.scopes[0], requests, processes, faults)
    scope, first = request_of(contract)
    (asked,) = {client.process for client in scope.clients if first in client.operations}
    service = asked.rpartition("-")[0]
    made = OWN.get(contract.pattern, lambda n: _with_amount(first._replace(name=f"r{n}", retries=0), n))
    chosen = [made(n) for n in range(1, requests + 1)]
    clients = [Client(f"client-{p + 1}", f"{service}-{p + 1}", tuple(chosen[p::processes])) for p in range(processes)]
    others = [f"{member}-1" for member in contract.members if member != service]
    return replace(
        scope, name=f"{requests} by {processes}, {faults} faults", summary="", clients=tuple(c for c in clients if c.operations),
        faults=faults, kinds=KINDS if faults else frozenset(), recovery_crashes=0, opening=(), poison=(),
        idle=(*others, *(c.process for c in clients if not c.operations)),
    )  # fmt: skip


def _scope_of_messages(scope: Scope, requests: int, processes: int, faults: int) -> Scope:
    """The same where clients send messages: so many lie on the broker, and so many calls handle them."""
    first, client = scope.messages[0], scope.clients[0]
    asked = json.loads(first.payload)
    messages = tuple(
        first._replace(name=f"r{n}", id=f"k{n}", payload=json.dumps({**asked, "amount": AMOUNTS[n - 1], "sequence": n}))
        for n in range(1, requests + 1)
    )
    calls = [client.operations[0]._replace(name=f"call {n}") for n in range(1, requests + 1)]
    clients = [Client(f"client-{p + 1}", f"app-{p + 1}", tuple(calls[p::processes])) for p in range(processes)]
    return replace(
        scope, name=f"{requests} by {processes}, {faults} faults", summary="", clients=tuple(c for c in clients if c.operations),
        faults=faults, kinds=KINDS if faults else frozenset(), messages=messages, idle=tuple(c.process for c in clients if not c.operations),
    )  # fmt: skip


def _with_amount(operation: Operation, number: int) -> Operation:
    """A request with a key of its own, which is its first argument, and other amounts."""
    key, *rest = operation.arguments
    return operation._replace(arguments=(f"{str(key).rstrip('0123456789')}{number}", *(_scaled(value, number) for value in rest)))


def _scaled(value: Hashable, number: int) -> Hashable:
    """The amounts in an argument, made small, and different for every request."""
    if isinstance(value, tuple):
        return tuple(_scaled(each, number) for each in value)
    return int(math.copysign(AMOUNTS[number - 1], value)) if isinstance(value, int) and not isinstance(value, bool) else value


def measure(entry: Pattern, contract: Contract, requests: int, processes: int, faults: int, budget: float) -> Cell:
    """Explore one place of the table, as far as the budget goes, by the reference."""
    harness = Harness(contract, entry.reference_factory())
    began = time.process_time()
    try:
        found = Explorer(harness, scope_of(contract, requests, processes, faults), seconds=budget).explore()
    finally:
        harness.close()
    if found.violation is not None:
        message = f"{entry.stem}: its reference violates {found.violation.property} with {found.scope.name}, so nothing is measured"
        raise AssertionError(message)
    seconds = time.process_time() - began
    return Cell(entry.stem, requests, processes, faults, found.runs, found.schedules, len(found.states), found.effects, seconds, found.complete)


def exponents(cells: Sequence[Cell]) -> Iterator[str]:
    """By what each further request multiplies the states, per number of processes and faults."""
    for processes in PROCESSES:
        for faults in FAULTS:
            row = [cell for cell in cells if (cell.processes, cell.faults) == (processes, faults) and cell.complete and cell.requests >= processes]
            if len(row) > 1:
                factor = (row[-1].states / row[0].states) ** (1 / (row[-1].requests - row[0].requests))
                power = math.log(row[-1].states / row[0].states) / math.log(row[-1].requests / row[0].requests)
                yield (
                    f"    {processes} processes, {faults} faults: each request × {factor:.1f} states, or requests to the power of {power:.1f} "
                    f"({row[0].requests} to {row[-1].requests} requests)"
                )


def line(cell: Cell) -> str:
    """A row of the table."""
    return (
        f"{cell.pattern:<18} {cell.requests} requests, {cell.processes} processes, {cell.faults} faults: {cell.runs:>6} runs, {cell.schedules:>5} to rest, "
        f"{cell.states:>7} states, {cell.effects:>8} effects, {cell.seconds:7.2f} s{'' if cell.complete else ', NOT ALL'}"
    )


def main(arguments: Sequence[str]) -> None:
    """Measure what was asked for, print a table, and write it as JSON if that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks cost", description=__doc__)
    parser.add_argument("patterns", nargs="*", help="stems; all by default")
    parser.add_argument("--budget", type=float, default=20.0, metavar="SECONDS", help="for each place; what needs more is left there, and what needs yet more is not tried")
    parser.add_argument("--json", type=Path, help="where to write the table")
    options = parser.parse_args(arguments)
    kept: list[Cell] = []
    for entry in [pattern(stem) for stem in options.patterns] or coded():
        contract, cells = entry.contract_class()(), []
        try:
            request_of(contract)
        except LookupError as reason:
            print(reason, flush=True)
            continue
        for processes in PROCESSES:
            for faults in FAULTS:
                for requests in (n for n in REQUESTS if n >= processes):
                    cells.append(measure(entry, contract, requests, processes, faults, options.budget))
                    print(line(cells[-1]), flush=True)
                    if not cells[-1].complete:
                        break
        for text in exponents(cells):
            print(text, flush=True)
        kept += cells
        if options.json is not None:
            options.json.write_text(json.dumps([cell._asdict() for cell in kept], indent=1))
