"""What a SQL statement does to PostgreSQL, as far as scheduling is concerned."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from acidtest.world.databases import statement as common
from acidtest.world.databases.statement import BEGIN, COMMIT, LOCK, OTHER, READ, ROLLBACK, SAVEPOINT, WRITE

PREPARE = "prepare"
#: COMMIT PREPARED and ROLLBACK PREPARED: they belong to no session, and happen at once.
DECIDE = "decide"
SET = "set"

_LOCKS = re.compile(r"\bFOR\s+(?:NO\s+KEY\s+)?(?:KEY\s+)?(UPDATE|SHARE)\b(?:\s+(SKIP\s+LOCKED|NOWAIT))?", re.IGNORECASE)
_WRITES = re.compile(r"\b(?:nextval|setval|pg_(?:try_)?advisory\w*|pg_notify|lo_\w+)\s*\(", re.IGNORECASE)
_TRACES = re.compile(
    r"\b(?:pg_(?:try_)?advisory_(?:lock|unlock)\w*|currval|lastval|setseed|set_config)\s*\(|"
    r"^\s*(?:SET\s+(?!TRANSACTION|LOCAL|CONSTRAINTS)|RESET|LISTEN|UNLISTEN|DISCARD|DEALLOCATE|PREPARE\s+(?!TRANSACTION)|LOAD|"
    r"DECLARE|CREATE\s+(?:LOCAL\s+|GLOBAL\s+)?TEMP|SELECT\b.*\bINTO\s+(?:LOCAL\s+|GLOBAL\s+)?TEMP)",
    re.IGNORECASE | re.DOTALL,
)
_LEVEL = re.compile(r"\b(SERIALIZABLE|REPEATABLE\s+READ|READ\s+COMMITTED|READ\s+UNCOMMITTED)\b", re.IGNORECASE)
_LIMIT = re.compile(r"\bSET\s+(?:LOCAL\s+|SESSION\s+)?(?:lock|statement)_timeout\s*(?:=|TO)\s*'?\s*(\d+)", re.IGNORECASE)
_NAME = re.compile(r"(PREPARE\s+TRANSACTION|COMMIT\s+PREPARED|ROLLBACK\s+PREPARED)\s+(?:(E?)'((?:[^']|'')*)')?", re.IGNORECASE)
#: What may take a number from a sequence.
_NUMBERS = re.compile(r"\b(?:INSERT|MERGE|COPY|CALL|DO|nextval|setval)\b", re.IGNORECASE)
_DEFINES = ("CREATE", "DROP", "ALTER", "TRUNCATE")
_KINDS = {"START": BEGIN, "ABORT": ROLLBACK, "SET": SET, "RESET": SET, "SHOW": SET, "TRUNCATE": WRITE, "MERGE": WRITE, "LOCK": LOCK}


class Statement(NamedTuple):
    """What is known of a statement from its text.

    Arguments:
        kind: read, write, begin, lock, commit, rollback, savepoint, set, prepare, decide or other.
        what: verb and table, for schedules.
        leaves_trace: it changes the session itself.
        name: of the prepared transaction.
        level: the isolation level that it names, in capitals; empty for none.
        defines: it changes the schema.
        numbers: it may take a number from a sequence, which is never undone.
        limits: whether statements after it give up waiting for a lock some time; None where it does not say.
    """

    kind: str
    what: str
    leaves_trace: bool = False
    name: str = ""
    level: str = ""
    defines: bool = False
    numbers: bool = False
    limits: bool | None = None


@lru_cache(maxsize=4096)
def classify(sql: str) -> Statement:
    """Classify `sql` by its first words and its table."""
    known = common.classify(sql)
    two_phase = _NAME.match(sql.lstrip())
    if two_phase:
        what = " ".join(two_phase[1].upper().split())
        name = (two_phase[3] or "").replace("''", "'")
        name = name.replace("\\\\", "\\") if two_phase[2] else name
        return Statement(PREPARE if what.startswith("PREPARE") else DECIDE, what, name=name)
    verb = known.verb
    kind = _KINDS.get(verb, known.kind)
    what = known.what
    if kind == READ:
        kind, what = _reading(sql, what)
    if kind in (common.RELEASE, common.BACK):
        kind = SAVEPOINT
    if kind != OTHER and ";" in sql.strip().rstrip(";"):
        kind = WRITE  # several statements, of which only the first is known
    level = _LEVEL.search(sql) if kind in (BEGIN, SET) else None
    limit = _LIMIT.match(sql.lstrip())
    return Statement(
        kind, what, bool(_TRACES.search(sql)), level=" ".join(level[1].upper().split()) if level else "",
        defines=verb in _DEFINES and verb != "TRUNCATE", numbers=bool(_NUMBERS.search(sql)),
        limits=int(limit[1]) > 0 if limit else None,
    )  # fmt: skip


def _reading(sql: str, what: str) -> tuple[str, str]:
    """A SELECT that locks what it reads, or calls a function that changes something, is more than a read."""
    locks = _LOCKS.search(sql)
    if locks:
        more = f" {' '.join(locks[2].upper().split())}" if locks[2] else ""
        return LOCK, f"{what} FOR {locks[1].upper()}{more}"
    return (WRITE if _WRITES.search(sql) else READ), what


def is_silent(statement: Statement) -> bool:
    """Whether it changes nothing that anybody else could see: it is no effect."""
    return statement.kind in (BEGIN, ROLLBACK, SAVEPOINT, SET)


__all__ = ["COMMIT", "DECIDE", "LOCK", "OTHER", "PREPARE", "READ", "ROLLBACK", "WRITE", "Statement", "classify", "is_silent"]
