"""Runs the programs through simloom; `python -m benchmarks.peers.by_simloom BACKEND ADDRESS SECONDS`.

simloom steers coroutines, and a database driver does not wait in its loop: so before each statement the worker lets others
go on, and where the database is locked it tries again. It needs no acidtest. Prints a line of JSON for each program.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import time
from functools import partial
from typing import Any

import simloom

from benchmarks.peers.programs import PROGRAMS, Program, Row, balances, connector, install, reset

#: How often each is measured; the median counts, by seconds.
TIMES = 5
#: simloom's own bounds: how often a schedule may leave the order of the queue, and how many schedules it tries at most.
DELAYS, MOST = 2, 2_000


class Steered:
    """A connection whose statements are awaited.

    Arguments:
        connection: to a SQLite database, with a time-out of 0.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Nothing was sent yet."""
        self.connection = connection

    async def execute(self, statement: str) -> Any:  # noqa: ANN401 - a row
        """Let others go on, and send a statement; again where the database is locked. Returns its first row."""
        while True:
            await asyncio.sleep(0)
            try:
                return self.connection.execute(statement).fetchone()
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise


async def _reading(db: Steered, amount: int) -> None:
    (balance,) = await db.execute("SELECT balance FROM account WHERE id = 1")
    await db.execute(f"UPDATE account SET balance = {balance + amount} WHERE id = 1")


async def _in_one_statement(db: Steered, amount: int) -> None:
    await db.execute(f"UPDATE account SET balance = balance + {amount} WHERE id = 1")


async def _under_lock(db: Steered, amount: int) -> None:
    await db.execute("BEGIN IMMEDIATE")
    (balance,) = await db.execute("SELECT balance FROM account WHERE id = 1")
    await db.execute(f"UPDATE account SET balance = {balance + amount} WHERE id = 1")
    await db.execute("COMMIT")


async def _transfer(db: Steered, source: int, target: int, amount: int, order: tuple[int, int]) -> None:
    await db.execute("BEGIN IMMEDIATE")
    for account in order:
        await db.execute(f"SELECT balance FROM account WHERE id = {account}")
    await db.execute(f"UPDATE account SET balance = balance - {amount} WHERE id = {source}")
    await db.execute(f"UPDATE account SET balance = balance + {amount} WHERE id = {target}")
    await db.execute("COMMIT")


#: The programs as coroutines, statement for statement.
COROUTINES: dict[str, tuple[Any, Any]] = {
    "lost update": (partial(_reading, amount=10), partial(_reading, amount=3)),
    "one statement": (partial(_in_one_statement, amount=10), partial(_in_one_statement, amount=3)),
    "select for update": (partial(_under_lock, amount=10), partial(_under_lock, amount=3)),
    "opposite transfers": (
        partial(_transfer, source=1, target=2, amount=61, order=(1, 2)), partial(_transfer, source=2, target=1, amount=13, order=(2, 1)),
    ),
    "ordered transfers": (
        partial(_transfer, source=1, target=2, amount=61, order=(1, 2)), partial(_transfer, source=2, target=1, amount=13, order=(1, 2)),
    ),
}  # fmt: skip


def explore(program: Program, address: str, *, first: bool) -> tuple[float, Any]:
    """Explore a program: up to the first counterexample, or everything within the bounds; seconds, and simloom's result."""
    connect = connector("sqlite", address)

    async def main() -> None:
        reset(connect)
        connections = [sqlite3.connect(address, isolation_level=None, timeout=0) for _ in program.workers]
        try:
            workers = zip(COROUTINES[program.name], connections, strict=True)
            await asyncio.gather(*(worker(Steered(connection)) for worker, connection in workers))
        finally:
            for each in connections:
                each.close()
        if balances(connect) != program.expected:
            message = f"{balances(connect)} instead of {program.expected}"
            raise AssertionError(message)

    began = time.perf_counter()
    found = simloom.explore_systematic(main, max_delays=DELAYS, max_schedules=MOST, stop_on_failure=first)
    return time.perf_counter() - began, found


def measure(program: Program, address: str) -> Row:
    """The row of a program."""
    firsts = sorted((explore(program, address, first=True) for _ in range(TIMES)), key=lambda each: each[0])
    wholes = sorted((explore(program, address, first=False) for _ in range(TIMES)), key=lambda each: each[0])
    (time_to_first, found), (whole, everything) = firsts[TIMES // 2], wholes[TIMES // 2]
    note = f"at most {DELAYS} departures from the order of the queue"
    row = Row("simloom", program.name, "sqlite", None, 0, everything.schedules, whole, everything.exhaustive, note)
    return row._replace(first=time_to_first, first_runs=found.first_failure_at) if found.failed else row


def main(backend: str, address: str, _seconds: str) -> None:
    """Measure all programs; on SQLite alone."""
    if backend == "sqlite":
        install(connector(backend, address), backend)
        for program in PROGRAMS:
            print(json.dumps(measure(program, address)._asdict()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
