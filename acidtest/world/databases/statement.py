"""What a SQL statement does, as far as scheduling is concerned, and as far as all databases agree."""

from __future__ import annotations

import re
from typing import NamedTuple

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

_KINDS = {
    "SELECT": READ, "VALUES": READ, "EXPLAIN": READ,
    "INSERT": WRITE, "UPDATE": WRITE, "DELETE": WRITE, "REPLACE": WRITE,
    "CREATE": WRITE, "DROP": WRITE, "ALTER": WRITE, "REINDEX": WRITE, "ANALYZE": WRITE,
    "BEGIN": BEGIN, "COMMIT": COMMIT, "END": COMMIT, "ROLLBACK": ROLLBACK,
    "SAVEPOINT": SAVEPOINT, "RELEASE": RELEASE, "PRAGMA": PRAGMA,
}  # fmt: skip


class Known(NamedTuple):
    """What every database knows of a statement from its text.

    Arguments:
        kind: read, write, begin, lock (BEGIN IMMEDIATE), commit, rollback, savepoint, release, back (to a savepoint),
            pragma or other.
        what: verb and table, for schedules.
        name: the savepoint, in lower case.
    """

    kind: str
    what: str
    name: str = ""

    @property
    def verb(self) -> str:
        """Its first word, in capitals."""
        return self.what.split(" ", 1)[0]


def classify(sql: str) -> Known:
    """Classify a statement by its first words and its table.

    Arguments:
        sql: one statement. What is found out is not kept: each database keeps what it makes of it.

    Returns:
        What is known of it.
    """
    text = bare(sql)
    word = _WORD.match(text)
    verb = word[0].upper() if word else ""
    kind = _KINDS.get(verb, OTHER)
    if verb == "WITH":
        kind = WRITE if _WRITES.search(text) else READ
    if kind in (BEGIN, ROLLBACK, SAVEPOINT, RELEASE):
        return _bracket(kind, text.rstrip("; \t\r\n").split())
    defines, table = _DEFINES.match(text), _TABLE.search(text)
    names = [*defines.groups()] if defines else [table[1]] if table else []
    return Known(kind, " ".join([verb, *names]).replace('"', ""))


def bare(sql: str) -> str:
    """The statement without what comes before it: blanks, comments, semicolons."""
    while match := _COMMENT.match(sql):
        sql = sql[match.end() :]
    return sql.lstrip()


def _bracket(kind: str, words: list[str]) -> Known:
    """BEGIN, ROLLBACK, and what is done with savepoints."""
    second = words[1].upper() if len(words) > 1 else ""
    if kind == BEGIN:
        locks = second in ("IMMEDIATE", "EXCLUSIVE")
        return Known(LOCK, f"BEGIN {second}") if locks else Known(BEGIN, "BEGIN")
    if kind == ROLLBACK and not any(word.upper() == "TO" for word in words):
        return Known(ROLLBACK, "ROLLBACK")
    name = words[-1].strip("\"'`[]").lower()
    return Known(BACK if kind == ROLLBACK else kind, f"{words[0].upper()} {name}", name)
