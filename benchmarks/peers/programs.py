"""The programs that acidtest and its peers run: a few statements of two workers each, and what must hold in the end.

They are written as a reader of any of the tools would write them, on a connection of the driver's that commits every statement
outside of BEGIN and COMMIT. This module imports no acidtest, since it also runs where that is not installed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

#: A worker: it is given a connection, and the kind of the database.
Worker = Callable[[Any, str], None]

OPENING = (100, 100)  #: the balances of the two accounts
SCHEMA = "CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY, balance INTEGER)"
AGAIN = ("DELETE FROM account", f"INSERT INTO account VALUES (1, {OPENING[0]}), (2, {OPENING[1]})")
BALANCES = "SELECT balance FROM account ORDER BY id"

#: SQLite has no row locks: there it is the transaction that takes the lock.
BEGIN = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "BEGIN"}
LOCKING = {"sqlite": "", "postgresql": " FOR UPDATE"}


class Program(NamedTuple):
    """Two workers at once.

    Arguments:
        name: identifies it.
        what: it does, in one line.
        workers: what runs at once.
        expected: the balances, once both are done.
        holds: the kinds of databases on which that comes out on every schedule.
    """

    name: str
    what: str
    workers: tuple[Worker, ...]
    expected: tuple[int, int]
    holds: tuple[str, ...] = ()


def _reading(amount: int) -> Worker:
    def deposit(connection: Any, _backend: str) -> None:  # noqa: ANN401 - of either driver
        (balance,) = connection.execute("SELECT balance FROM account WHERE id = 1").fetchone()
        connection.execute(f"UPDATE account SET balance = {balance + amount} WHERE id = 1")

    return deposit


def _in_one_statement(amount: int) -> Worker:
    def deposit(connection: Any, _backend: str) -> None:  # noqa: ANN401
        connection.execute(f"UPDATE account SET balance = balance + {amount} WHERE id = 1")

    return deposit


def _under_lock(amount: int) -> Worker:
    def deposit(connection: Any, backend: str) -> None:  # noqa: ANN401
        connection.execute(BEGIN[backend])
        (balance,) = connection.execute(f"SELECT balance FROM account WHERE id = 1{LOCKING[backend]}").fetchone()
        connection.execute(f"UPDATE account SET balance = {balance + amount} WHERE id = 1")
        connection.execute("COMMIT")

    return deposit


def _transfer(source: int, target: int, amount: int, order: tuple[int, int]) -> Worker:
    def transfer(connection: Any, backend: str) -> None:  # noqa: ANN401
        connection.execute(BEGIN[backend])
        for account in order:
            connection.execute(f"SELECT balance FROM account WHERE id = {account}{LOCKING[backend]}").fetchone()
        connection.execute(f"UPDATE account SET balance = balance - {amount} WHERE id = {source}")
        connection.execute(f"UPDATE account SET balance = balance + {amount} WHERE id = {target}")
        connection.execute("COMMIT")

    return transfer


_BOTH = ("sqlite", "postgresql")
PROGRAMS = (
    Program("lost update", "both read a balance, and write it with theirs added", (_reading(10), _reading(3)), (113, 100)),
    Program("one statement", "both add to a balance in one UPDATE", (_in_one_statement(10), _in_one_statement(3)), (113, 100), _BOTH),
    Program(
        "select for update", "both lock the row (on SQLite: the database), read it, write it and commit",
        (_under_lock(10), _under_lock(3)), (113, 100), _BOTH,
    ),
    Program(
        "opposite transfers", "two transfers in opposite directions; each locks the account first that it takes from",
        (_transfer(1, 2, 61, (1, 2)), _transfer(2, 1, 13, (2, 1))), (52, 148), ("sqlite",),
    ),
    Program(
        "ordered transfers", "the same, and both lock the accounts in one order",
        (_transfer(1, 2, 61, (1, 2)), _transfer(2, 1, 13, (1, 2))), (52, 148), _BOTH,
    ),
)  # fmt: skip


class Row(NamedTuple):
    """What one tool did with one program on one backend.

    Arguments:
        tool: whose row it is.
        program, backend: what it ran.
        first: seconds to the first counterexample; None where it found none.
        first_runs: how many runs that took.
        runs: how many runs it took to explore everything.
        seconds: how long that took.
        complete: whether it says that everything was explored.
        note: what else is to be said.
    """

    tool: str
    program: str
    backend: str
    first: float | None = None
    first_runs: int = 0
    runs: int = 0
    seconds: float = 0.0
    complete: bool = False
    note: str = ""


def connector(backend: str, address: str) -> Callable[[], Any]:
    """Makes connections that commit every statement outside of BEGIN and COMMIT: a file for sqlite3, an address for psycopg."""
    if backend == "sqlite":
        import sqlite3

        return lambda: sqlite3.connect(address, isolation_level=None)
    import psycopg

    return lambda: psycopg.connect(address, autocommit=True)


def install(connect: Callable[[], Any], backend: str) -> None:
    """Create the table."""
    connection = connect()
    if backend == "sqlite":
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
    connection.execute(SCHEMA)
    connection.close()


def reset(connect: Callable[[], Any]) -> None:
    """Open the accounts anew."""
    connection = connect()
    for statement in AGAIN:
        connection.execute(statement)
    connection.close()


def balances(connect: Callable[[], Any]) -> tuple[int, ...]:
    """What is committed."""
    connection = connect()
    try:
        return tuple(balance for (balance,) in connection.execute(BALANCES).fetchall())
    finally:
        connection.close()


def run_worker(program: Program, number: int, backend: str, connect: Callable[[], Any]) -> None:
    """Run one worker of a program on a connection of its own."""
    connection = connect()
    try:
        program.workers[number](connection, backend)
    finally:
        connection.close()


def without_any_tool(program: Program, backend: str, address: str, seconds: float) -> float:
    """How often a second the statements of a program can be run at all: one worker after the other, on new connections.

    Arguments:
        program: what to run.
        backend: on what.
        address: where.
        seconds: for how long.
    """
    connect = connector(backend, address)
    install(connect, backend)
    began, runs = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        reset(connect)
        for number in range(len(program.workers)):
            run_worker(program, number, backend, connect)
        balances(connect)
        runs += 1
    return runs / (time.perf_counter() - began)
