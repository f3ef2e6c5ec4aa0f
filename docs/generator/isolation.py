"""The page on levels of isolation: which phenomena the search finds on which server at which level, and how."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.impl.acid import Transfers
from acidtest.impl.broken.acid.levels import LostUpdateInside, ReadSkewInside, WriteSkewInside
from acidtest.patterns import pattern
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Result, Verdict
from generator.evidence import NotProvedError
from generator.markdown import block, document, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from acidtest.workload import Scope

LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")
SERVERS = {"postgresql": "PostgreSQL", "mariadb": "MariaDB"}
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
    Phenomenon("read skew (A5A)", "reads one account after the other", ReadSkewInside, "one process", "ACID-I.SI"),
    Phenomenon("write skew (A5B)", "checks a sum of rows, adds a row", WriteSkewInside, "competing transfers", "G2"),
    Phenomenon("none", "the reference: guards in the statements that write", Transfers, "competing transfers", ""),
)

#: At which levels the manuals, and Hermitage's tests, say that a phenomenon occurs, by server. A cell that comes out otherwise is an error.
DOCUMENTED: dict[str, dict[str, Sequence[str]]] = {
    "lost update (P4)": {"postgresql": LEVELS[:1], "mariadb": LEVELS[:2]},
    "read skew (A5A)": {"postgresql": LEVELS[:1], "mariadb": LEVELS[:1]},
    "write skew (A5B)": {"postgresql": LEVELS[:2], "mariadb": LEVELS[:2]},
    "none": {"postgresql": (), "mariadb": ()},
}

_HEAD = """\
# Levels of isolation on PostgreSQL and MariaDB

Each row is an implementation of local ACID transfers that does everything in one transaction, and tries again what the
server has refused. It is right if nothing comes between its statements. Each is run through every schedule of a small scope
without faults, at each level, on real servers. What the search finds is the phenomenon in its first column; where it finds
nothing, every schedule was run.
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

SQLite has one level. Its transactions are serializable, whatever is asked for, so none of the three occurs there.
"""


def isolation() -> str:
    """The page.

    Raises:
        NotProvedError: a level allows something else than is documented of it.
    """
    found = {(p, server, level): _explored(p, server, level) for p in PHENOMENA for server in SERVERS for level in LEVELS}
    return document([*_HEAD.splitlines(), "", *_summary(found), "", *_NOTES.splitlines(), "", *_schedules(found)])


def _explored(phenomenon: Phenomenon, server: str, level: str) -> Result:
    factory: Any = type(phenomenon.implementation.__name__, (phenomenon.implementation,), {"level": level})
    contract = pattern("acid").contract_class()()
    scope: Scope = replace(find_scope(contract, phenomenon.scope), faults=0, kinds=frozenset())
    harness = Harness(contract, factory, server)
    try:
        result = check_scope(harness, scope)
    finally:
        harness.close()
    violated = "" if result.violation is None else result.violation.property
    expected = phenomenon.property if level in DOCUMENTED[phenomenon.name][server] else ""
    if violated != expected or result.verdict == Verdict.INCONCLUSIVE:
        message = f"On {SERVERS[server]} at {level}, “{phenomenon.name}” came out as {violated or result.reasons or 'nothing'}, not {expected or 'nothing'}."
        raise NotProvedError(message)
    return result


def _summary(found: dict[Cell, Result]) -> Iterator[str]:
    def cell(p: Phenomenon, server: str, level: str) -> str:
        result = found[p, server, level]
        if result.violation is not None:
            return f"**occurs**, {len(result.schedule)} steps"
        return f"does not occur: {result.schedules} schedules"

    rows = [(p.name, SERVERS[server], p.code, p.scope, *(cell(p, server, level) for level in LEVELS)) for p in PHENOMENA for server in SERVERS]
    yield from table(("phenomenon", "on", "the code", "scope", *(level.title() for level in LEVELS)), rows)


def _schedules(found: dict[Cell, Result]) -> Iterator[str]:
    yield "The schedules below are minimal: none with fewer switches between processes shows the phenomenon at that level."
    for (p, server, level), result in found.items():
        if result.violation is not None:
            yield from ("", f"## {p.name[0].upper()}{p.name[1:]} on {SERVERS[server]} at {level}", "")
            yield from block([f"{d.target:<10} {d.fault or ''}{' ' * bool(d.fault)}{d.effect}" for d in result.schedule])
