"""What a SQL statement does to SQLite, as far as scheduling is concerned."""

from __future__ import annotations

import re
import sqlite3
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from acidtest.world.databases import statement as common
from acidtest.world.databases.statement import (
    BACK,
    BEGIN,
    COMMIT,
    LOCK,
    OTHER,
    PRAGMA,
    READ,
    RELEASE,
    ROLLBACK,
    SAVEPOINT,
    WRITE,
    bare,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEMPORARY = re.compile(r"CREATE\s+(?:TEMP|TEMPORARY)\b", re.IGNORECASE)
_PRAGMA = re.compile(r"PRAGMA\s+(?:\w+\.)?(\w+)\s*(\(|=)?", re.IGNORECASE)
_OPENS = re.compile(r"ATTACH\b(?!.*(?::memory:|''))|VACUUM\b.*\bINTO\b", re.IGNORECASE | re.DOTALL)

#: Settings that belong to the world: how long to wait for a lock, how to write. Code may read them, not change them.
_OWNED = frozenset(
    {"busy_timeout", "journal_mode", "locking_mode", "synchronous", "wal_autocheckpoint", "read_uncommitted"}
)
#: Numbers in the file's header: reading and writing them is like reading and writing a row.
_HEADER = frozenset({"user_version", "application_id"})
_LISTS = ("_info", "_xinfo", "_list", "_check")
#: Before these the driver begins a transaction by itself, unless it is told not to.
_BEGUN = ("INSERT", "UPDATE", "DELETE", "REPLACE")
#: Where it updates instead, it leaves the last rowid as it was, be that from a run before.
_UPDATES = re.compile(r"\bDO\s+UPDATE\b", re.IGNORECASE)
_INSERTS = ("INSERT", "REPLACE", "WITH")


class Statement(NamedTuple):
    """What is known of a statement from its text.

    Arguments:
        kind: read, write, begin, lock (BEGIN IMMEDIATE), commit, rollback, savepoint, release, back (to a savepoint),
            pragma or other.
        what: verb and table, for schedules.
        leaves_trace: running it changes the connection itself, so that it must not be used again.
        replacement: run this instead: the setting belongs to the world (timeouts, journal mode).
        begun: the driver begins a transaction before it, unless it is told not to.
        inserts: it may insert a row, and so set the last rowid of its connection.
        name: the savepoint, in lower case.
        refusal: why it cannot be driven at all; empty if it can.
    """

    kind: str
    what: str
    leaves_trace: bool = False
    replacement: str = ""
    begun: bool = False
    inserts: bool = False
    name: str = ""
    refusal: str = ""


@lru_cache(maxsize=4096)
def classify(sql: str) -> Statement:
    """Classify a statement by its first words and its table.

    Arguments:
        sql: one statement.

    Returns:
        What is known of it.
    """
    text = bare(sql)
    known = common.classify(text)
    verb = known.verb
    if known.kind == PRAGMA:
        return _pragma(text)
    if _OPENS.match(text):
        return Statement(OTHER, verb, refusal=f"{verb} opens a file that is not driven")
    leaves_trace = verb in ("ATTACH", "DETACH") or bool(_TEMPORARY.match(text))
    inserts = known.kind == WRITE and verb in _INSERTS and not _UPDATES.search(text)
    return Statement(known.kind, known.what, leaves_trace, begun=verb in _BEGUN, inserts=inserts, name=known.name)


def _pragma(text: str) -> Statement:
    match = _PRAGMA.match(text)
    name = match[1].lower() if match else ""
    sets = bool(match and match[2])
    if name in _OWNED:
        return Statement(PRAGMA, "PRAGMA", replacement=f"PRAGMA {name}")
    if name in _HEADER:
        return Statement(WRITE if sets else READ, f"PRAGMA {name}", leaves_trace=sets)
    return Statement(PRAGMA, "PRAGMA", leaves_trace=sets and not name.endswith(_LISTS))


def statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one; comments between them are left out.

    Arguments:
        script: any number of statements, separated by semicolons.
    """
    start = end = 0
    while (end := script.find(";", end)) >= 0:
        end += 1
        if sqlite3.complete_statement(script[start:end]):
            if bare(script[start:end]):
                yield script[start:end]
            start = end
    if bare(script[start:]):
        yield script[start:]


__all__ = [
    "BACK", "BEGIN", "COMMIT", "LOCK", "OTHER", "PRAGMA", "READ", "RELEASE", "ROLLBACK", "SAVEPOINT", "WRITE", "Statement", "classify",
    "statements",
]  # fmt: skip
