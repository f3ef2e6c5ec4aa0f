"""Measures and prints; asserts nothing. `python -m benchmarks [throughput] [models] [mutants] [servers]`, or one that has options:
`stateful …`, `peers …`, `libraries …`, `cost …`, `mutation …`.

Times differ between machines and between runs on one machine: compare ratios and counts.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

from acidtest.checker.check import check
from acidtest.checker.proof import prove_theory
from acidtest.impl.outbox import Outbox
from acidtest.models.shared.atomic_commitment import AC1
from acidtest.models.two_phase_commit.phases import TwoPhase
from acidtest.patterns import PATTERNS, coded
from acidtest.properties.outbox.contract import OutboxContract
from acidtest.search.check import beginning_with, check_exhaustively, check_scope, find_scope
from acidtest.search.exhaustive import Explorer
from acidtest.search.harness import Harness
from acidtest.world.databases.mariadb.server import PrivateServer as Mariadb
from acidtest.world.databases.postgresql.server import PrivateServer as Postgresql
from acidtest.world.databases.table import BACKENDS
from benchmarks import cost, stateful
from benchmarks.libraries import tried
from benchmarks.mutation import table as mutation
from benchmarks.peers import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable


#: What is run on all backends.
SCOPES = {
    "acid": ("opposite transfers", "one process", "read and read again", "competing transfers", "one transfer", "same key"),
    "outbox": ("one withdrawal", "one process"),
    "two_phase_commit": ("lost replies", "the last cannot pay", "crash in recovery"),
}
BUDGET = 60.0  #: seconds for each


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


def servers() -> None:
    """Each server's start, death and return; and the same scopes on all backends, with the views that schedules end in."""
    for kind in (Postgresql, Mariadb) * 3:
        made: Any = kind().start()
        began = time.perf_counter()
        made.kill()
        made.restart()
        back = time.perf_counter() - began
        print(f"{kind.__module__.split('.')[-2]}: {made.seconds:.2f} s from nothing to the first connection; killed and back in {back:.3f} s")
        made.stop()
    for stem, names in SCOPES.items():
        entry = PATTERNS[stem]
        contract = entry.contract_class()()
        benches = [Harness(contract, entry.reference_factory(), backend) for backend in BACKENDS]
        for name in names:
            scope, views = find_scope(contract, name), []
            for harness in benches:
                found = Explorer(harness, scope, seconds=BUDGET).explore()
                views.append({contract.abstract(view) for view, _ in found.finals})
                print(
                    f"{stem}, {name}, {harness.cluster.backend.name}: {found.schedules} schedules, {found.runs} runs, {len(found.states)} states, "
                    f"{found.effects} effects, {found.effects / found.seconds:.0f} effects/s, {found.runs / found.seconds:.0f} runs/s"
                    f"{'' if found.complete else ', NOT COMPLETE'}"
                )
            everywhere = set.intersection(*views)
            alone = ", ".join(f"{len(found - everywhere)} more on {backend}" for backend, found in zip(BACKENDS, views, strict=True))
            print(f"    final views: {len(everywhere)} on all, {alone}", flush=True)
        for harness in benches:
            harness.close()


def main() -> None:
    """Run the benchmarks that were asked for; all but those with options and the one that takes a server by default."""
    with_options = {
        "stateful": stateful.main, "peers": side_by_side.main, "libraries": tried.main, "cost": cost.main, "mutation": mutation.main,
    }  # fmt: skip
    if sys.argv[1:] and sys.argv[1] in with_options:
        with_options[sys.argv[1]](sys.argv[2:])
        return
    known: dict[str, Callable[[], None]] = {"throughput": throughput, "models": models, "mutants": mutants, "servers": servers}
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("which", nargs="*", choices=[*known, []], help="which; all but the last by default; or one that has options: stateful, peers, libraries, cost, mutation")
    for name in parser.parse_args().which or list(known)[:-1]:
        known[name]()


main()
