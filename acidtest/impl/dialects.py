"""What the references write otherwise on MariaDB, where SQL has no word for it or means something else by the same word.

- A key of type TEXT needs a length there, and texts are equal that differ in case or in blanks at their end, unless a column
  says otherwise: `Name`.
- FLOAT keeps seven digits, too few for a time: the references use `sa.Double`.
- `ON CONFLICT … DO NOTHING` is `INSERT IGNORE`: `Once`.
- `ON CONFLICT … DO UPDATE … WHERE` is `ON DUPLICATE KEY UPDATE`, which has no WHERE: `Newest`.
- `UPDATE … RETURNING` is three statements, of which the first locks the rows: `returned`.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.ext.compiler import compiles

if TYPE_CHECKING:
    from collections.abc import Mapping

_INSERT = re.compile(r"INSERT INTO (\w+) \(([^)]*)\) (.*?)\s*ON CONFLICT(?: \([^)]*\))? DO NOTHING(.*)", re.DOTALL)
_NEWEST = re.compile(
    r"(INSERT INTO .*?)\s*ON CONFLICT(?: \([^)]*\))? DO UPDATE SET (.*) WHERE \w+\.(\w+) < excluded\.\w+", re.DOTALL
)
_EXCLUDED = re.compile(r"(\w+) = excluded\.\w+")

#: SQLAlchemy's names of the family.
FAMILY = ("mysql", "mariadb")

#: The type of what is compared, or is part of a key.
Name = sa.Text().with_variant(mysql.VARCHAR(190, collation="utf8mb4_nopad_bin"), *FAMILY)


class Once(sa.TextClause):
    """INSERT INTO table (columns) … ON CONFLICT (key) DO NOTHING: a row that is there already stays as it is.

    Arguments:
        text: the statement, with parameters as `sqlalchemy.text` has them.
    """

    inherit_cache = True


@compiles(Once, *FAMILY)
def _ignoring(element: Once, compiler: Any, **options: Any) -> str:
    """INSERT IGNORE also takes what does not fit for a warning: nothing that is inserted so may fail to fit."""
    written = compiler.visit_textclause(element, **options)
    match = _INSERT.fullmatch(written)
    if match is None:
        message = f"{written!r} is not INSERT INTO table (columns) … ON CONFLICT … DO NOTHING."
        raise ValueError(message)
    table, columns, what, returning = match.groups()
    quoted = ", ".join(compiler.preparer.quote(column.strip().strip('"')) for column in columns.split(","))
    return f"INSERT IGNORE INTO {compiler.preparer.quote(table)} ({quoted}) {what}{returning}"


class Newest(sa.TextClause):
    """INSERT INTO … ON CONFLICT (key) DO UPDATE SET a = excluded.a, … WHERE table.n < excluded.n: a row only grows newer.

    Arguments:
        text: the statement, with parameters as `sqlalchemy.text` has them.
    """

    inherit_cache = True


@compiles(Newest, *FAMILY)
def _replacing(element: Newest, compiler: Any, **options: Any) -> str:
    """Columns are set from left to right there, so the one that is compared goes last."""
    written = compiler.visit_textclause(element, **options)
    match = _NEWEST.fullmatch(written)
    if match is None:
        message = f"{written!r} is not INSERT INTO … ON CONFLICT … DO UPDATE SET … WHERE table.column < excluded.column."
        raise ValueError(message)
    insert, changes, newer = match.groups()
    names = sorted(_EXCLUDED.findall(changes), key=lambda name: name == newer)
    quote = compiler.preparer.quote
    changed = ", ".join(f"{quote(n)} = IF({quote(newer)} < VALUES({quote(newer)}), VALUES({quote(n)}), {quote(n)})" for n in names)
    return f"{insert} ON DUPLICATE KEY UPDATE {changed}"


def locks_what_it_reads(connection: sa.Connection) -> bool:
    """Whether a statement that writes locks also what it only reads, as in WHERE EXISTS, before or after what it writes.

    Then transactions that write rows in one order may wait for each other in a ring all the same, again and again.
    """
    return connection.dialect.name in FAMILY


def level_of_reports(engine: sa.Engine) -> str:
    """The level of isolation at which several reads are of one state, and wait for nobody.

    On MariaDB a SERIALIZABLE transaction locks what it reads, and waits for whoever writes.
    """
    return "REPEATABLE READ" if engine.dialect.name in FAMILY else "SERIALIZABLE"


def returned(connection: sa.Connection, statement: Any, parameters: Mapping[str, Any]) -> sa.Result[Any]:
    """Run an UPDATE … RETURNING, in one statement or in three.

    Arguments:
        connection: where.
        statement: an `sqlalchemy.update` with `returning`.
        parameters: those of the statement.

    Returns:
        The rows as they are then.
    """
    if connection.dialect.update_returning or not isinstance(statement, sa.Update):
        return connection.execute(statement, dict(parameters))
    choose, change, show = _in_three(statement)
    chosen = [tuple(row) for row in connection.execute(choose, dict(parameters))]
    if not chosen:
        return IteratorResult(SimpleResultMetaData([column.name for column in statement.exported_columns]), iter(()))
    connection.execute(change, {**parameters, "chosen": chosen})
    return connection.execute(show, {"chosen": chosen})


@cache
def _in_three(statement: Any) -> tuple[Any, Any, Any]:
    """Lock the rows, change them, and read them. What a subquery chooses, it chooses first: it may not have a LIMIT inside."""
    key = list(statement.table.primary_key.columns)
    inner = getattr(getattr(statement.whereclause, "right", None), "element", None)
    choose = inner if isinstance(inner, sa.Select) else sa.select(*key).where(*statement._where_criteria).with_for_update()  # noqa: SLF001 - as below
    chosen = sa.tuple_(*key).in_(sa.bindparam("chosen", expanding=True))
    change = statement._generate()  # noqa: SLF001 - SQLAlchemy has no word for taking RETURNING back
    change._returning, change._where_criteria = (), (chosen,)  # noqa: SLF001 - nor for other rows
    return choose, change, sa.select(*statement.exported_columns).where(chosen)
