"""The tables of a SQLite database, and their rows as a value that can be compared and put back."""

from __future__ import annotations

import marshal
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from acidtest.world.core.backend import Rows

_TABLES = (
    "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\' "
    # Inserting rows into a table counts up its sequence, so that one is put back last.
    "ORDER BY name = 'sqlite_sequence', rowid"
)
_ORDINARY = 0
_HIDDEN = 1


class Table(NamedTuple):
    """How to read a table and how to put its rows back.

    Rows end with the rowid where it is not a column: it decides what the next row's will be, and code can ask for it.

    Arguments:
        name: the table.
        columns: what SELECT * shows.
        hidden: whether the rowid comes after them.
        inserted: the places of the values that INSERT takes (generated columns are left out).
        select: the statement that reads all rows.
        delete: the statement that removes them.
        insert: the statement that puts one row back.
    """

    name: str
    columns: list[str]
    hidden: bool
    inserted: tuple[int, ...]
    select: str
    delete: str
    insert: str

    def stored(self, rows: Rows) -> list[tuple[Any, ...]]:
        """The values that `insert` takes, for each row."""
        return [tuple([row[place] for place in self.inserted]) for row in rows]

    def visible(self, rows: Rows) -> Rows:
        """The rows as SELECT * shows them."""
        return tuple([row[: len(self.columns)] for row in rows]) if self.hidden else rows


def tables(connection: sqlite3.Connection) -> list[Table]:
    """The tables of a database, in the order in which their rows can be put back."""
    return [_table(connection, name, sql or "") for name, sql in connection.execute(_TABLES).fetchall()]


def _table(connection: sqlite3.Connection, name: str, sql: str) -> Table:
    shown = [c for c in connection.execute(f"PRAGMA table_xinfo({quoted(name)})").fetchall() if c[6] != _HIDDEN]
    columns = [column[1] for column in shown]
    keys = [column for column in shown if column[5]]
    is_column = len(keys) == 1 and keys[0][2].upper() == "INTEGER" and "DESC" not in sql.upper()
    rowid = "" if is_column or name == "sqlite_sequence" else _rowid(connection, name, columns)
    places = [place for place, column in enumerate(shown) if column[6] == _ORDINARY] + [len(columns)] * bool(rowid)
    names, table = [*map(quoted, columns), rowid], quoted(name)
    return Table(
        name, columns, bool(rowid), tuple(places),
        select=f"SELECT *{', ' if rowid else ''}{rowid} FROM {table}",
        delete=f"DELETE FROM {table}",
        insert=f"INSERT INTO {table} ({', '.join(names[p] for p in places)}) VALUES ({', '.join('?' * len(places))})",
    )  # fmt: skip


def _rowid(connection: sqlite3.Connection, name: str, columns: list[str]) -> str:
    """The name under which the rowid of a table can be read; empty for a table without."""
    taken = {column.lower() for column in columns}
    free = next((alias for alias in ("rowid", "_rowid_", "oid") if alias not in taken), "")
    try:
        connection.execute(f"SELECT {free or 'NULL'} FROM {quoted(name)} LIMIT 0")
    except sqlite3.OperationalError:
        return ""
    return free


def exact(value: Any) -> bytes:
    """Equal for values that are equal in type as well: 1 is not 1.0.

    Raises:
        ValueError: it is not made of what a database can hold.
    """
    return marshal.dumps(value, 2)  # version 2 depends on nothing but the value


def quoted(name: str) -> str:
    """A name as SQL wants it."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
