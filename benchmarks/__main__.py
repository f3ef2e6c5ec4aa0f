"""Measures and prints; asserts nothing. `python -m benchmarks [throughput] [models] [mutants]`, or one that has options:
`stateful …`, `peers …`, `libraries …`, `cost …`, `mutation …`, `servers …`.

Times differ between machines and between runs on one machine: compare ratios and counts.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from typing import TYPE_CHECKING

from acidtest.checker.check import check
from acidtest.checker.proof import prove_theory
from acidtest.impl.outbox import Outbox
from acidtest.models.shared.atomic_commitment import AC1
from acidtest.models.two_phase_commit.phases import TwoPhase
from acidtest.patterns import PATTERNS, coded
from acidtest.properties.outbox.contract import OutboxContract
from acidtest.search.check import beginning_with, check_exhaustively, check_scope, find_scope
from acidtest.search.harness import Harness
from benchmarks import cost, servers, stateful
from benchmarks.libraries import tried
from benchmarks.mutation import table as mutation
from benchmarks.peers import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable



def throughput() -> None:
    """Effects and schedules a second of the reference outbox, through SQLAlchemy; whole schedules are runs to rest."""
    contract = OutboxContract()
    harness = Harness(contract, Outbox)
    for name in ("two withdrawals", "one withdrawal"):
        result = check_scope(harness, find_scope(contract, name))
        print(
            f"outbox, {name}: {result.effects / result.seconds:.0f} effects/s, {result.runs / result.seconds:.0f} runs/s, "
            f"{result.schedules} schedules to rest, {result.runs} runs, {result.states} states, {result.seconds:.2f} s"
        )
    harness.close()


def models() -> None:
    """Distinct states a second and bytes a state of the checker, on TwoPhase with 7 resource managers; then all theories."""
    for label, properties in (("no property", ()), ("AC1", (AC1,))):
        began, before = time.perf_counter(), _peak()
        found = check(TwoPhase(7), properties)
        seconds = time.perf_counter() - began
        print(
            f"TwoPhase(7), {label}: {found.states} states, depth {found.depth}, {found.states / seconds:.0f} states/s, "
            f"{seconds:.1f} s, {(_peak() - before) / found.states:.0f} bytes/state more than before"
        )
    for entry in PATTERNS.values():
        began = time.perf_counter()
        proved = prove_theory(entry.theory())
        states = sum(proof.exploration.states for study in proved for proof in study.proofs)
        theorems = sum(len(study.theorems) for study in proved)
        print(f"{entry.stem:<18} {states:>6} states in all studies, {theorems:>3} theorems, {time.perf_counter() - began:.1f} s")


def _peak() -> int:
    """The largest size that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def mutants() -> None:
    """Seconds to the minimal counterexample of the exhaustive search, per mutant."""
    for entry in coded():
        times = []
        for mutant in [mutant for mutant in entry.mutants() if mutant.backend == "sqlite"]:
            began = time.perf_counter()
            contract = entry.contract_class()()
            results = [result for _, result in check_exhaustively(contract, mutant.factory, scopes=beginning_with(contract, mutant.scope))]
            times.append(time.perf_counter() - began)
            last = results[-1]
            found = last.violation.property if last.violation else "survives"
            print(f"{entry.stem:<17} {mutant.name:<34} {times[-1]:6.2f} s  {found:<9} {len(last.schedule):>3} steps, scope {last.scope.name}")
        print(f"{entry.stem:<17} median {statistics.median(times):.2f} s, slowest {max(times):.2f} s, {len(times)} mutants")


def main() -> None:
    """Run the benchmarks that were asked for; all but those with options by default."""
    with_options = {
        "stateful": stateful.main, "peers": side_by_side.main, "libraries": tried.main, "cost": cost.main, "mutation": mutation.main,
        "servers": servers.main,
    }  # fmt: skip
    if sys.argv[1:] and sys.argv[1] in with_options:
        with_options[sys.argv[1]](sys.argv[2:])
        return
    known: dict[str, Callable[[], None]] = {"throughput": throughput, "models": models, "mutants": mutants}
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("which", nargs="*", choices=[*known, []], help="which; all by default; or one that has options: stateful, peers, libraries, cost, mutation, servers")
    for name in parser.parse_args().which or list(known):
        known[name]()


main()
