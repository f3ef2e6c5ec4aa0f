"""The page on levels of isolation: which phenomena the search finds on which server at which level, and how."""

from __future__ import annotations

import re
import sqlite3
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.impl.acid import Transfers
from acidtest.impl.broken.acid.levels import LostUpdateInside, ReadSkewInside, WriteSkewInside
from acidtest.patterns import pattern
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Result, Verdict
from acidtest.world.databases.mariadb import programs as mariadb
from acidtest.world.databases.postgresql import programs as postgresql
from generator.evidence import NotProvedError
from generator.markdown import block, document, table
from generator.phenomena import ItemWriteSkewInside, PredicateReadSkewInside

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from acidtest.workload import Scope

LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")
SERVERS = {"postgresql": "PostgreSQL", "mariadb": "MariaDB", "sqlite": "SQLite"}
#: What a server gives to who asks for nothing.
DEFAULTS = {"postgresql": "READ COMMITTED", "mariadb": "REPEATABLE READ", "sqlite": "SERIALIZABLE"}
#: How the line begins that says which versions the page was written with: it is not compared.
WRITTEN_WITH = "Written with "
PATH = "reference/isolation.md"
Cell = tuple["Phenomenon", str, str]


class Phenomenon(NamedTuple):
    """What may happen to code that relies on more isolation than it has."""

    name: str
    code: str
    implementation: type[Transfers]
    scope: str
    property: str


PHENOMENA = (
    Phenomenon("lost update (P4)", "reads balances, writes new ones", LostUpdateInside, "competing transfers", "P4"),
    Phenomenon("read skew (A5A; G-single)", "reads one account after the other", ReadSkewInside, "one process", "ACID-I.SI"),
    Phenomenon(
        "read skew of predicates (PMP)", "sums the rows of one account after the other", PredicateReadSkewInside, "one process", "ACID-I.SI",
    ),
    Phenomenon("write skew (A5B; G2-item)", "checks the sum of two rows, updates one", ItemWriteSkewInside, "competing transfers", "G2"),
    Phenomenon("write skew of predicates (P3; G2)", "checks a sum of rows, adds a row", WriteSkewInside, "competing transfers", "G2"),
    Phenomenon("none", "the reference: guards in the statements that write", Transfers, "competing transfers", ""),
)

#: At which levels the manuals, and Hermitage's tests, say that a phenomenon occurs, by server. A cell that comes out otherwise is an error.
DOCUMENTED: dict[str, dict[str, Sequence[str]]] = {
    "lost update (P4)": {"postgresql": LEVELS[:1], "mariadb": LEVELS[:2]},
    "read skew (A5A; G-single)": {"postgresql": LEVELS[:1], "mariadb": LEVELS[:1]},
    "read skew of predicates (PMP)": {"postgresql": LEVELS[:1], "mariadb": LEVELS[:1]},
    "write skew (A5B; G2-item)": {"postgresql": LEVELS[:2], "mariadb": LEVELS[:2]},
    "write skew of predicates (P3; G2)": {"postgresql": LEVELS[:2], "mariadb": LEVELS[:2]},
    "none": {},
}

_HEAD = """\
# Levels of isolation on PostgreSQL, MariaDB and SQLite

Each row is an implementation of local ACID transfers that does everything in one transaction, and retries whatever the server
refuses. It is right if nothing comes between its statements. Each is run through every schedule of a small scope without
faults, at each level, on real servers. What the search finds is the phenomenon in its first column. Where it finds nothing, every
schedule of this program was run: that is no proof that the level excludes the phenomenon, but the manuals say so.
"""
_NOTES = """\
Every cell is as the manuals say ([PostgreSQL, Transaction Isolation](https://www.postgresql.org/docs/current/transaction-iso.html);
[MariaDB, SET TRANSACTION](https://mariadb.com/kb/en/set-transaction/)) and as
[Hermitage](https://github.com/ept/hermitage) has tested; the page is not written where one is not.

The level that is called REPEATABLE READ is MariaDB's default, and is another one there than on PostgreSQL. PostgreSQL refuses to
write a row that has changed since the snapshot; MariaDB writes it as it is now, and says nothing: a lost update. What only
reads is safe on both. From MariaDB 11.6 on, `innodb_snapshot_isolation` is on unless it is turned off, and refuses, too (error
1020). At SERIALIZABLE, PostgreSQL refuses what could not have happened one after the other; MariaDB locks what is read, so
there is a deadlock instead, and one of the two is told of it.

SQLite has one level. Its transactions are serializable, whatever is asked for, unless connections share a cache and read
uncommitted rows: who has read, and would write after another has committed, is refused (`SQLITE_BUSY_SNAPSHOT`).

Two phenomena are not run here. *Observed transaction vanishes* (OTV) takes a level below READ COMMITTED: PostgreSQL has none, as its
READ UNCOMMITTED is READ COMMITTED, and Hermitage finds it on MySQL at READ UNCOMMITTED only. The *read-only anomaly* takes three
transactions, and snapshots without more: PostgreSQL has it at REPEATABLE READ and not at SERIALIZABLE; [the model](../patterns/acid.md)
shows it as N1'. PostgreSQL up to 12.3 had a bug by which SERIALIZABLE allowed G2-item
([Jepsen, 2020](https://jepsen.io/analyses/postgresql-12.3)).
"""


def isolation() -> str:
    """The page.

    Raises:
        NotProvedError: a level allows something else than is documented of it.
    """
    found = {
        (p, server, level): _explored(p, server, level)
        for p in PHENOMENA for server in SERVERS for level in (LEVELS if server != "sqlite" else LEVELS[2:])
    }  # fmt: skip
    return document([*_HEAD.splitlines(), "", _versions(), "", *_summary(found), "", *_NOTES.splitlines(), "", *_schedules(found)])


def _versions() -> str:
    asked = {
        "PostgreSQL": str(postgresql.programs() / "postgres"), "MariaDB": mariadb.program(mariadb.SERVER),
    }  # fmt: skip
    said = {name: subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout for name, path in asked.items()}  # noqa: S603 - found by ourselves
    numbers = [f"{name} {match[0]}" for name, text in said.items() if (match := re.search(r"\d+\.\d+(\.\d+)?", text))]
    return f"{WRITTEN_WITH}{', '.join([*numbers, f'SQLite {sqlite3.sqlite_version}'])}. The default of each server is marked with a star."


def _explored(phenomenon: Phenomenon, server: str, level: str) -> Result:
    own = {"level": level} if server != "sqlite" else {}
    factory: Any = type(phenomenon.implementation.__name__, (phenomenon.implementation,), own)
    contract = pattern("acid").contract_class()()
    scope: Scope = replace(find_scope(contract, phenomenon.scope), faults=0, kinds=frozenset())
    harness = Harness(contract, factory, server)
    try:
        result = check_scope(harness, scope)
    finally:
        harness.close()
    violated = "" if result.violation is None else result.violation.property
    expected = phenomenon.property if level in DOCUMENTED[phenomenon.name].get(server, ()) else ""
    if violated != expected or result.verdict == Verdict.INCONCLUSIVE:
        message = f"On {SERVERS[server]} at {level}, “{phenomenon.name}” came out as {violated or result.reasons or 'nothing'}, not {expected or 'nothing'}."
        raise NotProvedError(message)
    return result


def _summary(found: dict[Cell, Result]) -> Iterator[str]:
    def cell(p: Phenomenon, server: str, level: str) -> str:
        result = found.get((p, server, level))
        if result is None:
            return "–"
        star = " \\*" * (DEFAULTS[server] == level)
        if result.violation is not None:
            return f"**occurs**, {len(result.schedule)} steps{star}"
        return f"not found: all {result.schedules} schedules{star}"

    rows = [(p.name, SERVERS[server], p.code, p.scope, *(cell(p, server, level) for level in LEVELS)) for p in PHENOMENA for server in SERVERS]
    yield from table(("phenomenon", "on", "the code", "scope", *(level.title() for level in LEVELS)), rows)


def _schedules(found: dict[Cell, Result]) -> Iterator[str]:
    yield "The schedules below are minimal: none with fewer switches between processes shows the phenomenon at that level."
    for (p, server, level), result in found.items():
        if result.violation is not None:
            yield from ("", f"## {p.name[0].upper()}{p.name[1:]} on {SERVERS[server]} at {level}", "")
            yield from block([f"{d.target:<10} {d.fault or ''}{' ' * bool(d.fault)}{d.effect}" for d in result.schedule])
