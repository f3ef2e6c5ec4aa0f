"""What a SQL statement does, as far as scheduling is concerned."""

from __future__ import annotations

import re
import sqlite3
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

READ, WRITE, BEGIN, LOCK, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, BACK, PRAGMA, OTHER = (
    "read", "write", "begin", "lock", "commit", "rollback", "savepoint", "release", "back", "pragma", "other",
)  # fmt: skip

_COMMENT = re.compile(r"\s*(?:--[^\n]*(?:\n|$)|/\*.*?\*/|;)\s*", re.DOTALL)
_WORD = re.compile(r"[A-Za-z]+")
_TABLE = re.compile(
    r"\b(?:INTO|UPDATE(?:\s+OR\s+\w+)?|FROM|TABLE(?:\s+IF\s+(?:NOT\s+)?EXISTS)?)\s+([\w.\"`\[\]]+)", re.IGNORECASE
)
_DEFINES = re.compile(
    r"(?:CREATE|DROP|ALTER)\s+(?:TEMP\s+|TEMPORARY\s+|UNIQUE\s+|VIRTUAL\s+)?(\w+)"
    r"(?:\s+IF\s+(?:NOT\s+)?EXISTS)?\s+([\w.\"`\[\]]+)",
    re.IGNORECASE,
)
_WRITES = re.compile(r"\b(?:INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)
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

_KINDS = {
    "SELECT": READ, "VALUES": READ, "EXPLAIN": READ,
    "INSERT": WRITE, "UPDATE": WRITE, "DELETE": WRITE, "REPLACE": WRITE,
    "CREATE": WRITE, "DROP": WRITE, "ALTER": WRITE, "REINDEX": WRITE, "ANALYZE": WRITE,
    "BEGIN": BEGIN, "COMMIT": COMMIT, "END": COMMIT, "ROLLBACK": ROLLBACK,
    "SAVEPOINT": SAVEPOINT, "RELEASE": RELEASE, "PRAGMA": PRAGMA,
}  # fmt: skip
#: Before these the driver begins a transaction by itself, unless it is told not to.
_BEGUN = ("INSERT", "UPDATE", "DELETE", "REPLACE")


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
    """Classify `sql` by its first words and its table."""
    text = _bare(sql)
    word = _WORD.match(text)
    verb = word[0].upper() if word else ""
    kind = _KINDS.get(verb, OTHER)
    if verb == "WITH":
        kind = WRITE if _WRITES.search(text) else READ
    if kind == PRAGMA:
        return _pragma(text)
    if _OPENS.match(text):
        return Statement(OTHER, verb, refusal=f"{verb} opens a file that is not driven")
    if kind in (BEGIN, ROLLBACK, SAVEPOINT, RELEASE):
        return _bracket(kind, text.rstrip("; \t\r\n").split())
    defines, table = _DEFINES.match(text), _TABLE.search(text)
    names = [*defines.groups()] if defines else [table[1]] if table else []
    what = " ".join([verb, *names]).replace('"', "")
    leaves_trace = verb in ("ATTACH", "DETACH") or bool(_TEMPORARY.match(text))
    inserts = kind == WRITE and verb in ("INSERT", "REPLACE", "WITH")
    return Statement(kind, what, leaves_trace, begun=verb in _BEGUN, inserts=inserts)


def _bare(sql: str) -> str:
    """The statement without what comes before it: blanks, comments, semicolons."""
    while match := _COMMENT.match(sql):
        sql = sql[match.end() :]
    return sql.lstrip()


def _bracket(kind: str, words: list[str]) -> Statement:
    """BEGIN, ROLLBACK, and what is done with savepoints."""
    second = words[1].upper() if len(words) > 1 else ""
    if kind == BEGIN:
        locks = second in ("IMMEDIATE", "EXCLUSIVE")
        return Statement(LOCK, f"BEGIN {second}") if locks else Statement(BEGIN, "BEGIN")
    if kind == ROLLBACK and not any(word.upper() == "TO" for word in words):
        return Statement(ROLLBACK, "ROLLBACK")
    name = words[-1].strip("\"'`[]").lower()
    return Statement(BACK if kind == ROLLBACK else kind, f"{words[0].upper()} {name}", name=name)


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
    """The statements of a script, one by one; comments between them are left out."""
    start = end = 0
    while (end := script.find(";", end)) >= 0:
        end += 1
        if sqlite3.complete_statement(script[start:end]):
            if _bare(script[start:end]):
                yield script[start:end]
            start = end
    if _bare(script[start:]):
        yield script[start:]
