"""How surely the stateful search kills: `python -m benchmarks stateful [PATTERN...] [--seeds N] [--mutants NAME...] [--alone]`.

Per mutant: in how many seeds it was killed, by how many runs of the world, and after how many seconds the first example
failed; and by which property. Of one bug another property may tell, as the workload happens to be: with `--alone` none but those that the
mutant is listed with are looked for. Seconds that shrinking is included in are measured too if that is asked for. A reference must pass with every seed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.impl.broken import Mutant
from acidtest.patterns import coded, pattern
from acidtest.search.run import REFINEMENT, TERMINATION
from acidtest.search.stateful import check_statefully
from acidtest.search.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from acidtest.patterns import Pattern
    from acidtest.properties.shared.contract import Contract

#: What the reference goes by in the table.
REFERENCE = "reference"


class Trial(NamedTuple):
    """One search with one seed.

    Arguments:
        seed: of the draws.
        verdict: what came of it.
        runs: of the world, until something was found or all examples had passed.
        seconds: how long that took.
        found: the property that was violated, and the workload; empty for none.
        listed: what was violated is a property that the mutant is listed with.
    """

    seed: int
    verdict: Verdict
    runs: int
    seconds: float
    found: str
    listed: bool


class Way(NamedTuple):
    """How to search.

    Arguments:
        examples: how many workloads are drawn.
        shrink: look for the smallest example, too.
        within: give up a seed after so many seconds; None for never.
        alone: look for nothing but the properties that a mutant is listed with.
    """

    examples: int = 200
    shrink: bool = False
    within: float | None = None
    alone: bool = False

    def leaves_out(self, contract: Contract, mutant: Mutant) -> frozenset[str]:
        """The ids of what is not looked for."""
        others = {p.id for p in contract.properties} | {REFINEMENT, TERMINATION}
        return frozenset(others.difference(mutant.violates)) if self.alone and mutant.violates else frozenset()


def trial(entry: Pattern, mutant: Mutant, seed: int, way: Way) -> Trial:
    """Search with one seed."""
    began = time.process_time()
    contract = entry.contract_class()()
    harness, result = check_statefully(
        contract, mutant.factory, examples=way.examples, seed=seed, shrink=way.shrink, seconds=way.within,
        without=way.leaves_out(contract, mutant),
    )  # fmt: skip
    seconds = time.process_time() - began
    harness.close()
    found = f"{result.violation.property} in {result.scope.name}" if result.violation is not None else ""
    listed = result.violation is not None and result.violation.property in mutant.violates
    return Trial(seed, result.verdict, result.runs, seconds, found, listed)


def candidates(entry: Pattern, names: Sequence[str]) -> list[Mutant]:
    """The mutants of a pattern on the embedded database, and the reference, which takes longest; only those named, if any are."""
    there = [*(m for m in entry.mutants() if m.backend == "sqlite"), Mutant(REFERENCE, entry.reference_factory(), ())]
    return [m for m in there if not names or any(m.name == name or m.name.startswith(f"{name} ") for name in names)]


def measure(entry: Pattern, mutant: Mutant, seeds: Iterable[int], way: Way) -> dict[str, Any]:
    """The row of a mutant: its trials, and what they come to."""
    trials = [trial(entry, mutant, seed, way) for seed in seeds]
    wanted = Verdict.PASS if mutant.name == REFERENCE else Verdict.FAIL
    return {
        "pattern": entry.stem, "mutant": mutant.name, "wanted": wanted.value, "seeds": len(trials),
        "as_wanted": sum(t.verdict == wanted for t in trials), "listed": sum(t.listed for t in trials), "median_runs": statistics.median(t.runs for t in trials),
        "most_runs": max(t.runs for t in trials), "median_seconds": statistics.median(t.seconds for t in trials),
        "trials": [t._asdict() for t in trials],
    }  # fmt: skip


def line(row: dict[str, Any]) -> str:
    """A row of the table."""
    what = "passed" if row["wanted"] == Verdict.PASS.value else "killed"
    otherwise = sorted({t["found"].partition(" in ")[0] for t in row["trials"] if t["found"] and not t["listed"]})
    missed = [str(t["seed"]) for t in row["trials"] if t["verdict"] != row["wanted"]]
    return (
        f"{row['pattern']:<17} {row['mutant']:<36} {what} {row['as_wanted']:>2}/{row['seeds']:<2} "
        f"runs: median {row['median_runs']:>6.0f}, most {row['most_runs']:>5}; median {row['median_seconds']:6.2f} s"
        + (f"; not with seed {', '.join(missed)}" if missed else "")
        + (f"; {row['listed']} by a property that it is listed with, others by {', '.join(otherwise)}" if otherwise else "")
    )


def main(arguments: Sequence[str]) -> None:
    """Measure what was asked for, print a table, and write it as JSON if that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks stateful", description=__doc__)
    parser.add_argument("patterns", nargs="*", help="stems; all by default")
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds, from 0 or --first")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--mutants", nargs="+", default=[], help=f"names, {REFERENCE} among them; all by default")
    parser.add_argument("--no-reference", action="store_true", help="mutants only")
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--shrink", action="store_true", help="find the smallest example, too")
    parser.add_argument("--within", type=float, help="give up a seed after so many seconds, which counts as not killed")
    parser.add_argument("--alone", action="store_true", help="look for nothing but the properties that a mutant is listed with")
    parser.add_argument("--json", type=Path, help="where to write the table, with every trial")
    options = parser.parse_args(arguments)
    way = Way(options.examples, options.shrink, options.within, options.alone)
    rows: list[dict[str, Any]] = []
    for entry in [pattern(stem) for stem in options.patterns] or coded():
        seeds = range(options.first, options.first + options.seeds)
        for mutant in candidates(entry, options.mutants):
            if options.no_reference and mutant.name == REFERENCE:
                continue
            rows.append(measure(entry, mutant, seeds, way))
            print(line(rows[-1]), flush=True)
            if options.json is not None:
                options.json.write_text(json.dumps(rows, indent=1))
    killed = [row for row in rows if row["wanted"] == Verdict.FAIL.value]
    if killed:
        times = [row["median_seconds"] for row in killed]
        surely = sum(row["as_wanted"] == row["seeds"] for row in killed)
        rightly = sum(row["listed"] == row["seeds"] for row in killed)
        print(f"{rightly} of {len(killed)} mutants with every seed by a property that they are listed with")
        print(f"{surely} of {len(killed)} mutants with every seed; median of medians {statistics.median(times):.2f} s")
