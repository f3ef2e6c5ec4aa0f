"""What a SQL statement does to MariaDB, as far as scheduling is concerned."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from acidtest.world.databases import statement as common
from acidtest.world.databases.statement import BEGIN, COMMIT, LOCK, OTHER, READ, ROLLBACK, SAVEPOINT, WRITE

PREPARE = "prepare"
#: XA COMMIT and XA ROLLBACK of what is prepared.
DECIDE = "decide"
SET = "set"
#: XA START and XA END: a transaction that is to be prepared begins, and has done its work.
BRANCH = "branch"

_LOCKS = re.compile(
    r"\bFOR\s+(UPDATE|SHARE)\b(?:\s+(SKIP\s+LOCKED|NOWAIT|WAIT\s+\d+))?|\bLOCK\s+IN\s+(SHARE)\s+MODE\b", re.IGNORECASE
)
_WRITES = re.compile(r"\b(?:nextval|setval|get_lock|release_lock|release_all_locks)\s*\(|\bNEXT\s+VALUE\s+FOR\b", re.IGNORECASE)
#: What is not read in the snapshot of the transaction.
_PRESENT = re.compile(r"\binformation_schema\b|\bmysql\.", re.IGNORECASE)
#: SQLAlchemy tells each session anew that it speaks utf8mb4, which it does.
_TRACES = re.compile(
    r"\b(?:get_lock|release_lock|last_insert_id)\s*\(\s*[^)\s]|@\w+\s*:=|"
    r"^\s*(?:SET\s+(?!NAMES\s+utf8mb4\s*;?\s*$|(?:SESSION\s+)?TRANSACTION\b|AUTOCOMMIT\b|(?:SESSION\s+|@@)?(?:innodb_)?lock_wait_timeout)|USE\b|PREPARE\b|DEALLOCATE\b|LOCK\s+TABLES|"
    r"HANDLER\b|CREATE\s+(?:OR\s+REPLACE\s+)?TEMPORARY)",
    re.IGNORECASE,
)
#: A SELECT of no table at all does not begin a transaction, and takes no snapshot.
_OF_A_TABLE = re.compile(r"\bFROM\b", re.IGNORECASE)
_SETTING = re.compile(r"\s*(?:SELECT\s+@@|SHOW\b|HELP\b|DO\s+\d|USE\b)", re.IGNORECASE)
_LEVEL = re.compile(r"\b(SERIALIZABLE|REPEATABLE[\s-]+READ|READ[\s-]+COMMITTED|READ[\s-]+UNCOMMITTED)\b", re.IGNORECASE)
_OF_LEVEL = re.compile(
    r"\s*SET\s+(?:(SESSION\s+|LOCAL\s+)?TRANSACTION\b|(?:SESSION\s+|LOCAL\s+|@@(?:session\.|local\.)?)?(tx_isolation|transaction_isolation)\b)", re.IGNORECASE
)
_LIMIT = re.compile(r"\s*SET\s+(?:SESSION\s+|LOCAL\s+|@@(?:session\.)?)?innodb_lock_wait_timeout\s*:?=\s*(\d+)", re.IGNORECASE)
_AUTOCOMMIT = re.compile(r"\s*SET\s+(?:SESSION\s+|@@(?:session\.)?)?autocommit\s*:?=\s*(\w+)", re.IGNORECASE)
_XA = re.compile(r"\s*XA\s+(START|BEGIN|END|PREPARE|COMMIT|ROLLBACK|RECOVER)\b\s*(.*?)\s*(ONE\s+PHASE|JOIN|RESUME|SUSPEND(?:\s+FOR\s+MIGRATE)?)?\s*;?\s*$", re.IGNORECASE | re.DOTALL)
_TEXT = re.compile(r"'((?:[^'\\]|''|\\.)*)'|[xX]'([0-9a-fA-F]*)'|0x([0-9a-fA-F]+)|(\d+)")
_TEMPORARY = re.compile(r"\s*(?:CREATE\s+(?:OR\s+REPLACE\s+)?|DROP\s+|ALTER\s+)TEMPORARY\b", re.IGNORECASE)
#: What may take a number from a counter of AUTO_INCREMENT, or a sequence.
_NUMBERS = re.compile(r"\b(?:INSERT|REPLACE|LOAD|CALL|nextval|setval|NEXT\s+VALUE)\b", re.IGNORECASE)
_SNAPSHOT = re.compile(r"\bWITH\s+CONSISTENT\s+SNAPSHOT\b", re.IGNORECASE)
_DEFINES = ("CREATE", "DROP", "ALTER", "TRUNCATE", "RENAME")
#: They commit what is open before they do anything.
_COMMITTING = (*_DEFINES, "ANALYZE", "OPTIMIZE", "REPAIR", "LOCK", "GRANT", "REVOKE", "FLUSH")
_KINDS = {
    "START": BEGIN, "SET": SET, "SHOW": READ, "DESCRIBE": READ, "DESC": READ, "TRUNCATE": WRITE, "RENAME": WRITE, "LOAD": WRITE,
    "CALL": WRITE, "LOCK": LOCK, "UNLOCK": OTHER, "DO": WRITE,
}  # fmt: skip


class Statement(NamedTuple):
    """What is known of a statement from its text.

    Arguments:
        kind: read, write, begin, lock, commit, rollback, savepoint, set, branch, prepare, decide or other.
        what: verb and table, for schedules.
        leaves_trace: it changes the session itself.
        name: of the transaction that it prepares or decides, as its parts joined by commas.
        level: the isolation level that it names, in capitals; empty for none.
        once: the level is that of the next transaction alone.
        defines: it changes the schema.
        numbers: it may take a number from a counter, which is never undone.
        commits: it commits whatever is open.
        present: it reads what is so now, whatever the transaction has a snapshot of.
        limit: after how many seconds statements after it give up a wait for a lock; None where it does not say.
    """

    kind: str
    what: str
    leaves_trace: bool = False
    name: str = ""
    level: str = ""
    once: bool = False
    defines: bool = False
    numbers: bool = False
    commits: bool = False
    present: bool = False
    limit: int | None = None


@lru_cache(maxsize=4096)
def classify(sql: str) -> Statement:
    """Classify `sql` by its first words and its table."""
    branch = _XA.match(common.bare(sql))
    if branch:
        return _of_branch(branch[1].upper(), branch[2], branch[3] or "")
    if _SETTING.match(common.bare(sql)):
        return Statement(SET, common.bare(sql)[:40].strip())
    known = common.classify(sql)
    verb = known.verb
    kind, what = _KINDS.get(verb, known.kind), known.what.replace("`", "")
    if kind == READ:
        kind, what = _reading(sql, what)
    if kind in (common.RELEASE, common.BACK):
        kind = SAVEPOINT
    if kind == SET:
        return _setting(sql, what)
    if kind == BEGIN and _SNAPSHOT.search(sql):
        kind, what = READ, "BEGIN, with a snapshot"
    commits = (verb in _COMMITTING and not _TEMPORARY.match(sql)) or known.kind == BEGIN or verb == "START"
    return Statement(
        kind, what, bool(_TRACES.search(sql)), defines=verb in _DEFINES and verb != "TRUNCATE", numbers=bool(_NUMBERS.search(sql)),
        commits=commits, present=verb in ("SHOW", "DESCRIBE", "DESC") or _is_present(sql),
    )  # fmt: skip


def _is_present(sql: str) -> bool:
    """Whether what is read has nothing to do with the snapshot of the transaction."""
    return bool(_PRESENT.search(sql)) or not (_OF_A_TABLE.search(sql) or _SNAPSHOT.search(sql))


def _setting(sql: str, what: str) -> Statement:
    """SET: of the level, of how long to wait, of whether each statement is a transaction; or of anything else."""
    of_level, limit, autocommit = _OF_LEVEL.match(sql), _LIMIT.match(sql), _AUTOCOMMIT.match(sql)
    level = _LEVEL.search(sql) if of_level else None
    return Statement(
        SET, what, bool(_TRACES.search(sql)) and not of_level, level=re.sub(r"[\s-]+", " ", level[1].upper()) if level else "",
        once=bool(of_level) and not of_level[1] and not of_level[2] if of_level else False,
        commits=autocommit is not None and autocommit[1].upper() in ("1", "ON", "TRUE"), limit=int(limit[1]) if limit else None,
    )  # fmt: skip


def _of_branch(verb: str, xid: str, more: str) -> Statement:
    """What belongs to two phases."""
    if verb == "RECOVER":
        return Statement(READ, "XA RECOVER", present=True)
    name = ",".join(parts_of(xid))
    if verb in ("START", "BEGIN", "END"):
        return Statement(BRANCH, f"XA {verb}", name=name)
    if verb == "COMMIT" and more.upper().startswith("ONE"):
        return Statement(COMMIT, "XA COMMIT ONE PHASE", name=name)
    return Statement(PREPARE if verb == "PREPARE" else DECIDE, f"XA {verb}", name=name)


def parts_of(xid: str) -> tuple[str, str, str]:
    """The parts of an xid as SQL has it: what names the transaction, what names the branch, the number of the format."""
    found = []
    for match in _TEXT.finditer(xid):
        text, *hexadecimal, number = match.groups()
        of_bytes = next((part for part in hexadecimal if part is not None), None)
        plain = text if text is not None else number if of_bytes is None else bytes.fromhex(of_bytes).decode("utf-8", "replace")
        found.append(plain.replace("''", "'"))
    first, second, third, *_ = [*found, "", "", ""]
    return first, second, third or "1"


def _reading(sql: str, what: str) -> tuple[str, str]:
    """A SELECT that locks what it reads, or calls a function that changes something, is more than a read."""
    locks = _LOCKS.search(sql)
    if locks:
        more = f" {' '.join(locks[2].upper().split())}" if locks[2] else ""
        return LOCK, f"{what} FOR {(locks[1] or locks[3]).upper()}{more}"
    return (WRITE if _WRITES.search(sql) else READ), what


def is_silent(statement: Statement) -> bool:
    """Whether it changes nothing that anybody else could see: it is no effect."""
    return statement.kind in (BEGIN, ROLLBACK, SAVEPOINT, SET, BRANCH)


__all__ = [
    "BRANCH", "COMMIT", "DECIDE", "LOCK", "OTHER", "PREPARE", "READ", "ROLLBACK", "SET", "WRITE", "Statement", "classify", "is_silent", "parts_of",
]  # fmt: skip
