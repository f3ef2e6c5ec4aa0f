"""Runs the programs through Frontrun; `python -m benchmarks.peers.by_frontrun BACKEND ADDRESS SECONDS`, under `frontrun`.

It needs no acidtest. Prints a line of JSON for each program.
"""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from typing import Any

import frontrun

from benchmarks.peers.programs import PROGRAMS, Program, Row, balances, connector, install, reset, run_worker

#: How often each is measured, unless it takes more than a second; the median counts, by seconds.
TIMES = 5


def explore(program: Program, backend: str, address: str, seconds: float, *, first: bool) -> tuple[float, int, Any]:
    """Explore a program: up to the first counterexample, or everything.

    Returns:
        seconds, runs, and Frontrun's result, or the error.
    """
    connect, runs = connector(backend, address), 0

    def setup() -> None:
        nonlocal runs
        runs += 1
        reset(connect)

    def work(number: int, _state: None) -> None:
        run_worker(program, number, backend, connect)

    began = time.perf_counter()
    try:
        found: Any = frontrun.explore(
            setup=setup, workers=[partial(work, number) for number in range(len(program.workers))],
            invariant=lambda _state: balances(connect) == program.expected, stop_on_first=first, preemption_bound=None,
            reproduce_on_failure=0, total_timeout=seconds,
        )  # fmt: skip
    except Exception as error:  # noqa: BLE001 - whatever it raises is its answer
        found = error
    return time.perf_counter() - began, runs, found


def measure(program: Program, backend: str, address: str, seconds: float) -> Row:
    """The row of a program."""
    time_to_first, runs_to_first, found = median(partial(explore, program, backend, address, seconds, first=True))
    whole, runs, everything = median(partial(explore, program, backend, address, seconds, first=False))
    row = Row("Frontrun", program.name, backend, None, 0, runs, whole)
    if isinstance(everything, Exception):
        return row._replace(note=f"{type(everything).__name__}: {str(everything).splitlines()[0]}")
    if getattr(found, "property_holds", None) is False:
        row = row._replace(first=time_to_first, first_runs=runs_to_first)
    if everything.property_holds is None:
        why = (everything.inconclusive_reason or "it does not say why").partition(". ")[0]
        return row._replace(note=f"inconclusive: {why}")
    return row._replace(complete=everything.property_holds or bool(everything.failures))


def median(exploration: Any) -> tuple[float, int, Any]:  # noqa: ANN401 - a partial
    """What takes neither longest nor shortest; the first where that waits for something, as the others would."""
    tries = [exploration()]
    while len(tries) < TIMES and tries[0][0] < 1:
        tries.append(exploration())
    return sorted(tries, key=lambda each: each[0])[len(tries) // 2]


def main(backend: str, address: str, seconds: str) -> None:
    """Measure all programs that run on a backend."""
    install(connector(backend, address), backend)
    for program in PROGRAMS:
        print(json.dumps(measure(program, backend, address, float(seconds))._asdict()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
