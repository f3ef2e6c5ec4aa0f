"""The page on levels of isolation: which phenomena the search finds on PostgreSQL at which level, and how."""

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
    from collections.abc import Iterator

    from acidtest.workload import Scope

LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")
PATH = "reference/isolation.md"


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

_HEAD = """\
# Levels of isolation on PostgreSQL

Each row is an implementation of local ACID transfers that does everything in one transaction, and tries again what the
server has refused. It is right if nothing comes between its statements. Each is run through every schedule of a small scope
without faults, at each level, on a real server. What the search finds is the phenomenon in its first column; where it finds
nothing, every schedule was run.
"""


def isolation() -> str:
    """The page.

    Raises:
        NotProvedError: a level allows something else than it is known to.
    """
    found = {(p, level): _explored(p, level) for p in PHENOMENA for level in LEVELS}
    return document([*_HEAD.splitlines(), "", *_summary(found), "", *_schedules(found)])


def _explored(phenomenon: Phenomenon, level: str) -> Result:
    factory: Any = type(phenomenon.implementation.__name__, (phenomenon.implementation,), {"level": level})
    contract = pattern("acid").contract_class()()
    scope: Scope = replace(find_scope(contract, phenomenon.scope), faults=0, kinds=frozenset())
    harness = Harness(contract, factory, "postgresql")
    try:
        result = check_scope(harness, scope)
    finally:
        harness.close()
    violated = "" if result.violation is None else result.violation.property
    if violated not in ("", phenomenon.property) or result.verdict == Verdict.INCONCLUSIVE:
        message = f"At {level}, “{phenomenon.name}” came out as {violated or result.reasons}."
        raise NotProvedError(message)
    return result


def _summary(found: dict[tuple[Phenomenon, str], Result]) -> Iterator[str]:
    def cell(p: Phenomenon, level: str) -> str:
        result = found[p, level]
        if result.violation is not None:
            return f"**occurs**, {len(result.schedule)} steps"
        return f"does not occur: {result.schedules} schedules"

    rows = [(p.name, p.code, p.scope, *(cell(p, level) for level in LEVELS)) for p in PHENOMENA]
    yield from table(("phenomenon", "the code", "scope", *(level.title() for level in LEVELS)), rows)


def _schedules(found: dict[tuple[Phenomenon, str], Result]) -> Iterator[str]:
    yield "The schedules below are minimal: none with fewer switches between processes shows the phenomenon at that level."
    for p in PHENOMENA:
        for level in LEVELS:
            result = found[p, level]
            if result.violation is not None:
                yield from ("", f"## {p.name[0].upper()}{p.name[1:]} at {level}", "")
                yield from block([f"{d.target:<10} {d.fault or ''}{' ' * bool(d.fault)}{d.effect}" for d in result.schedule])
