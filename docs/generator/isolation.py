"""The page on levels of isolation: which phenomena the search finds on which server at which level, and how."""

from __future__ import annotations

import re
import sqlite3
import subprocess
from typing import TYPE_CHECKING, Any

from acidtest.search.check import check_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Result, Verdict
from acidtest.world.databases.mariadb import programs as mariadb
from acidtest.world.databases.postgresql import programs as postgresql
from generator.evidence import NotProvedError
from generator.markdown import block, capital, document, plain, table
from generator.phenomena import (
    LEVELS,
    PROGRAMS,
    SERIALIZABLE,
    IsolationContract,
    Program,
    Transactions,
    scope_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVERS = {"postgresql": "PostgreSQL", "mariadb": "MariaDB", "sqlite": "SQLite"}
#: What a server gives to who asks for nothing.
DEFAULTS = {"postgresql": "READ COMMITTED", "mariadb": "REPEATABLE READ", "sqlite": SERIALIZABLE}
#: How the line begins that says which versions the page was written with: it is not compared.
WRITTEN_WITH = "Written with "
PATH = "reference/isolation.md"
#: A program, a server, and a level.
Cell = tuple[str, str, str]

_HEAD = """\
# Levels of isolation on PostgreSQL, MariaDB and SQLite

Each row is a program of two or three transactions on a table with the rows 1 and 2, in which a phenomenon may occur. Every schedule of it
is run on real servers, at each level, without faults. Where the phenomenon occurs, the shortest schedule that was found shows it. Where it
does not, every schedule *of this program* was run, but for those that come to a state in which another was already: that is no proof that
the level excludes the phenomenon, but the manuals say so.
"""
_NOTES = """\
Every cell is compared with what [Hermitage](https://github.com/ept/hermitage) has found by hand, on PostgreSQL 9.3 and MySQL 5.6, and with the manuals
([PostgreSQL, Transaction Isolation](https://www.postgresql.org/docs/current/transaction-iso.html);
[MariaDB, SET TRANSACTION](https://mariadb.com/kb/en/set-transaction/)); the page is not written where one differs. Where Hermitage says "R/O",
prevented for what only reads, there are two rows here: one with a transaction that only reads, and one that writes. The read-only anomaly
is no column of Hermitage's; it is a cycle of G2, and occurs where that does.

What may surprise:

- The level that is called REPEATABLE READ is MariaDB's default, and is another one there than on PostgreSQL. PostgreSQL refuses to write a row that
  has changed since the snapshot; MariaDB writes it as it is now, and says nothing: a lost update, and a DELETE that does not find
  what a SELECT before it has shown, or finds something else. What only reads is safe on both. From MariaDB 11.6 on,
  `innodb_snapshot_isolation` is on unless it is turned off, and refuses, too (error 1020).
- READ UNCOMMITTED is READ COMMITTED on PostgreSQL. On MariaDB it is what it says.
- At SERIALIZABLE, PostgreSQL refuses what could not have happened one after the other; MariaDB locks what is read, so there is a
  deadlock instead, and one of the two is told of it.
- The read-only anomaly: T1 and T2 alone are serializable, T1 before T2. It is the transaction that only reads that makes it wrong, for it
  sees T2 and not T1. Snapshots alone allow it; [the model](../patterns/acid.md) shows it as N1'.
- SQLite has one level. Its transactions are serializable, whatever is asked for, unless connections share a cache and read
  uncommitted rows: who has read, and would write after another has committed, is refused (`SQLITE_BUSY_SNAPSHOT`).
- PostgreSQL up to 12.3 had a bug by which SERIALIZABLE allowed G2-item ([Jepsen, 2020](https://jepsen.io/analyses/postgresql-12.3)).

Implementations that rely on a level that lacks what they need are [mutants](mutants.md) of local transactions: `lost-update-inside-tx`,
`read-skew-inside-tx`, `write-skew-inside-tx`, `lost-update-at-repeatable-read`, `locks-what-is-not-there`.
"""


def isolation() -> str:
    """The page.

    Raises:
        NotProvedError: a level allows something else than is documented of it.
    """
    found = {
        (program.name, server, level): _explored(program, server, level)
        for program in PROGRAMS for server in SERVERS for level in (LEVELS if server != "sqlite" else LEVELS[-1:])
    }  # fmt: skip
    return document(
        [*_HEAD.splitlines(), "", _versions(), "", *_summary(found), "", *_NOTES.splitlines(), "", *_programs(), "", *_schedules(found)]
    )


def _versions() -> str:
    asked = {
        "PostgreSQL": str(postgresql.programs() / "postgres"), "MariaDB": mariadb.program(mariadb.SERVER),
    }  # fmt: skip
    said = {name: subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout for name, path in asked.items()}  # noqa: S603 - found by ourselves
    numbers = [f"{name} {match[0]}" for name, text in said.items() if (match := re.search(r"\d+\.\d+(\.\d+)?", text))]
    return f"{WRITTEN_WITH}{', '.join([*numbers, f'SQLite {sqlite3.sqlite_version}'])}. The default of each server is marked with a star."


def _explored(program: Program, server: str, level: str) -> Result:
    own = {"program": program, "level": level if server != "sqlite" else ""}
    factory: Any = type("Transactions", (Transactions,), own)
    harness = Harness(IsolationContract(program), factory, server)
    try:
        result = check_scope(harness, scope_of(program))
    finally:
        harness.close()
    occurs, expected = result.violation is not None, level in program.occurs.get(server, ())
    if occurs != expected or result.verdict == Verdict.INCONCLUSIVE:
        said = "is documented" if expected else "is not documented"
        message = f"On {SERVERS[server]} at {level}, “{program.name}” {said}, and came out as {result.verdict}: {result.reasons or result.violation}."
        raise NotProvedError(message)
    return result


def _summary(found: dict[Cell, Result]) -> Iterator[str]:
    def cell(name: str, server: str, level: str) -> str:
        result = found.get((name, server, level))
        if result is None:
            return "–"
        star = " \\*" * (DEFAULTS[server] == level)
        if result.violation is not None:
            return f"**occurs**, {len(result.schedule)} steps{star}"
        several = "s" * (result.schedules != 1)
        return f"not found: all {result.schedules} schedule{several}{star}"

    rows = [(p.name, SERVERS[server], *(cell(p.name, server, level) for level in LEVELS)) for p in PROGRAMS for server in SERVERS]
    yield from table(("phenomenon", "on", *(level.title() for level in LEVELS)), rows)


def _programs() -> Iterator[str]:
    yield from ("## The programs", "", "Row 1 is 10 at first, row 2 is 20. Each transaction is committed, unless it rolls back or is refused.", "")
    rows = [(p.name, name, "; ".join(plain(sql) for sql in statements)) for p in PROGRAMS for name, statements in p.transactions.items()]
    yield from table(("phenomenon", "transaction", "statements"), rows)


def _schedules(found: dict[Cell, Result]) -> Iterator[str]:
    yield from ("## The schedules", "")
    yield "At the highest level of each server at which a phenomenon occurs. None with fewer switches between transactions shows it there."
    highest = {(name, server): level for (name, server, level), result in found.items() if result.violation is not None}
    for (name, server), level in highest.items():
        yield from ("", f"### {capital(name)} on {SERVERS[server]} at {level}", "")
        yield from block([f"{d.target:<3} {d.effect}" for d in found[name, server, level].schedule])
