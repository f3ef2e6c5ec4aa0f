"""The tables of a database: how to read them all at once, and how to put rows back."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from acidtest.world.core.backend import Rows

    Execute = Callable[[str], Sequence[tuple[Any, ...]]]

#: What `SHOW CREATE TABLE` says of the contents.
_COUNTER = re.compile(r" AUTO_INCREMENT=\d+")
_COLUMNS = """
SELECT table_name, column_name, is_generated, extra, column_key FROM information_schema.columns
WHERE table_schema = '{schema}' ORDER BY table_name, ordinal_position"""
_TRIGGERS = "SELECT trigger_name, action_statement FROM information_schema.triggers WHERE trigger_schema = '{schema}' ORDER BY 1"


class Table(NamedTuple):
    """A table.

    Arguments:
        name: quoted, with its database.
        title: as reports name it.
        columns: what SELECT * shows.
        stored: the columns that INSERT takes.
        counts: whether it gives out numbers.
        keyed: whether it has a primary key, in whose order its rows lie.
    """

    name: str
    title: str
    columns: list[str]
    stored: list[str]
    counts: bool
    keyed: bool

    @property
    def reading(self) -> str:
        """The statement that reads its rows in the order in which they lie: code without ORDER BY mostly sees that."""
        return f"SELECT * FROM {self.name}{' FORCE INDEX (PRIMARY)' if self.keyed else ''}"


class Schema(NamedTuple):
    """The tables of a database, and what tells its schema from another.

    The statements of `quiet` remove the triggers, those of `loud` make them again: what is put back is no change of anyone's,
    and MariaDB cannot switch them off.
    """

    tables: list[Table]
    signature: tuple[Any, ...]
    quiet: list[str]
    loud: list[str]

    @property
    def counts(self) -> bool:
        """Whether numbers are given out, which is never undone."""
        return any(table.counts for table in self.tables)


def schema_of(name: str, execute: Execute) -> Schema:
    """Look up what there is in the database `name`."""
    titles = [title for title, kind in execute(f"SHOW FULL TABLES FROM {quoted(name)}") if kind == "BASE TABLE"]
    columns: dict[str, list[tuple[Any, ...]]] = {title: [] for title in titles}
    for title, *column in execute(_COLUMNS.format(schema=name)):
        columns.setdefault(title, []).append(tuple(column))
    tables = []
    for title in titles:
        own = columns[title]
        stored = [column for column, generated, _, _ in own if generated == "NEVER"]
        counts, keyed = any("auto_increment" in extra for _, _, extra, _ in own), any(key == "PRI" for *_, key in own)
        tables.append(Table(f"{quoted(name)}.{quoted(title)}", title, [column for column, *_ in own], stored, counts, keyed))
    made = [_COUNTER.sub("", execute(f"SHOW CREATE TABLE {table.name}")[0][1]) for table in tables]
    triggers = execute(_TRIGGERS.format(schema=name))
    remade = []
    for trigger, _ in triggers:
        _, mode, statement, *_ = execute(f"SHOW CREATE TRIGGER {quoted(name)}.{quoted(trigger)}")[0]
        remade += [f"SET SESSION sql_mode = {text(mode)}", statement]  # it runs in the mode in which it was made
    quiet = [f"DROP TRIGGER {quoted(name)}.{quoted(trigger)}" for trigger, _ in triggers]
    loud = [f"USE {quoted(name)}", *remade, "SET SESSION sql_mode = DEFAULT"] if remade else []
    return Schema(tables, (*made, *triggers), quiet, loud)


def counters(name: str, execute: Execute) -> tuple[tuple[str, int], ...]:
    """The number that each table that counts will give out next."""
    sql = f"SELECT table_name, auto_increment FROM information_schema.tables WHERE table_schema = '{name}' AND auto_increment IS NOT NULL"
    return tuple(sorted((str(title), int(number)) for title, number in execute(sql)))


def keeping(table: Table, kept: str, prefix: str = "") -> list[str]:
    """The statements that keep the present rows of a table in the database `kept`, under its name after the prefix."""
    name, columns = f"{quoted(kept)}.{quoted(prefix + table.title)}", ", ".join(map(quoted, table.stored))
    return [f"CREATE TABLE {name} LIKE {table.name}", f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {table.name}"]


def restoring(table: Table, kept: str, counter: int, prefix: str = "") -> list[str]:
    """The statements that go back to what was kept there, and to the next number. TRUNCATE leaves nothing of what was deleted, DELETE does."""
    columns = ", ".join(map(quoted, table.stored))
    source = f"{quoted(kept)}.{quoted(prefix + table.title)}{' FORCE INDEX (PRIMARY)' if table.keyed else ''}"
    script = [f"TRUNCATE TABLE {table.name}", f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {source}"]
    return [*script, f"ALTER TABLE {table.name} AUTO_INCREMENT = {counter}"] if counter > 1 else script


def shown(rows: Sequence[tuple[Any, ...]]) -> Rows:
    """Rows as plain values."""
    return tuple([tuple([_plain(cell) for cell in row]) for row in rows])


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def text(value: str) -> str:
    """A text as SQL wants it."""
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def quoted(name: str) -> str:
    """A name as SQL wants it."""
    escaped = name.replace("`", "``")
    return f"`{escaped}`"
