"""The page on what acidtest and other testers of interleavings make of the same small programs, from what was measured last.

It cannot be measured anew wherever the documentation is made: `python -m benchmarks peers --write` keeps the figures.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generator.markdown import document, plain, table

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "reference/benchmarks.md"
MEASURED = Path(__file__).parents[2] / "benchmarks/peers/measured.json"
OURS = "acidtest"

_HEAD = """\
# Benchmarks beside others

acidtest and other testers of interleavings for Python run the same small programs of two workers, in one run on one machine.
Compare ratios, and counts: seconds differ between machines, and from run to run.

*Runs* are how often a program was run until the tool said that it had seen every interleaving that matters; *seconds* include
everything from the call to the answer. *First* is the time until a wrong result was seen, where the program has one; a tool that
looks for it stops there. *All* says whether the tool came to its end. *Without any tool* is how often a second the same
statements run one after the other, on new connections: no tool that runs them can be faster on one core, unless it remembers what
they do, as acidtest does.

The workers are two processes for acidtest, two threads for Frontrun, two coroutines for simloom. For simloom the programs were
written anew, with a point before each statement where others may go on, and with a loop around what is locked: it steers
coroutines, and no database driver.
"""

#: What others do that acidtest does not, as their own documentation has it.
_OTHERS = (
    (
        "Frontrun",
        "Races on objects in memory, of threads and of coroutines: at each access to an attribute or an item it can go on elsewhere.",
    ),
    (
        "Frontrun", "Locks in Python, and the deadlocks that they lead to.",
    ),
    ("Frontrun", "Redis, with conflicts told key by key; and sockets and files of libraries in C."),
    ("Frontrun", "Random schedules of single bytecodes, which find races whose cause no tool sees."),
    ("simloom", "A simulated network below unmodified asyncio libraries: TCP, UDP and TLS, with latency, loss and partitions; Redis and NATS that live in it."),
    ("simloom", "A disk that loses or tears what was not synced when a host crashes."),
    ("simloom", "Checks of histories: linearizability, serializability."),
    ("simloom", "Programs of any length: it draws schedules, from seeds that replay, and need not see all of them."),
)  # fmt: skip

_OURS = """\
What acidtest does that these do not: crashes and restarts of processes, replies that are lost, late or doubled, time that jumps, and
whatever waits for a lock of a database, in every combination within a budget; beside a model that says what each outcome is
allowed to be. The programs above have none of that, since not all could run them.
"""


def benchmarks() -> str:
    """The page."""
    return page(json.loads(MEASURED.read_text(encoding="utf-8")))


def page(measured: dict[str, Any]) -> str:
    """The page of what was measured.

    Arguments:
        measured: `about`, `programs`, `rows` and `bare`, as `benchmarks/peers/side_by_side.py` writes them.
    """
    return document([*_HEAD.splitlines(), "", *_where(measured["about"]), "", *_tables(measured), *_differences()])


def _where(about: dict[str, Any]) -> Iterator[str]:
    peers = ", ".join(requirement.replace("==", " ").replace("[sql]", "") for requirement in about["peers"])
    yield (
        f"Measured on {about['date']}: {about['machine']}, {about['cores']} cores, {about['system']}, Python {about['python']}, "
        f"acidtest {about['acidtest']}, {peers}."
    )
    yield ""
    yield "To measure again, where PyPI can be reached: `python -m benchmarks peers --write`, then `python docs/generate.py benchmarks`."


def _tables(measured: dict[str, Any]) -> Iterator[str]:
    for backend, bare in measured["bare"].items():
        yield f"## On {'SQLite' if backend == 'sqlite' else 'PostgreSQL'}"
        yield ""
        for name, what in measured["programs"].items():
            rows = [row for row in measured["rows"] if (row["program"], row["backend"]) == (name, backend)]
            yield f"### {name[:1].upper()}{name[1:]}"
            yield ""
            yield f"{what[:1].upper()}{what[1:]}. Without any tool: {bare[name]:.0f} runs/s."
            yield ""
            yield from table(("tool", "runs", "all", "seconds", "runs/s", "first, seconds", "to the end, beside acidtest"), _rows(rows))
            yield ""
            yield from _notes(rows)


def _rows(rows: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    ours = next(row for row in rows if row["tool"] == OURS)
    for row in rows:
        if not row["runs"]:
            yield row["tool"], "-", "-", "-", "-", "-", "-"
            continue
        first = "-" if row["first"] is None else f"{row['first']:.3f}"
        beside = f"× {row['seconds'] / ours['seconds']:.1f}" if row["complete"] else "-"
        all_ = "yes" if row["complete"] else "no"
        yield row["tool"], str(row["runs"]), all_, f"{row['seconds']:.3f}", f"{row['runs'] / row['seconds']:.0f}", first, beside


def _notes(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        if row["note"]:
            yield f"{row['tool']}: {'not measured: ' * (not row['runs'])}{plain(row['note'])}."
            yield ""


def _differences() -> Iterator[str]:
    yield "## What the others do that acidtest does not"
    yield ""
    yield from table(("tool", "what"), _OTHERS)
    yield ""
    yield from _OURS.splitlines()
