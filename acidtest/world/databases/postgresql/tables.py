"""The tables and sequences of a schema: one statement that reads them all, and one that puts rows back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import pq

    from acidtest.world.core.backend import Rows

    Execute = Callable[[str], pq.abc.PGresult]

_RELATIONS = """
SELECT c.relname, c.relkind, coalesce(a.names, ''), coalesce(a.stored, ''), coalesce(a.types, '')
FROM pg_class c CROSS JOIN LATERAL (
    SELECT string_agg(attname, E'\\n' ORDER BY attnum) names,
           string_agg(attname, E'\\n' ORDER BY attnum) FILTER (WHERE attgenerated = '') stored,
           string_agg(format('%s %s %s %s', attname, atttypid, attnotnull, atthasdef), ', ' ORDER BY attnum) types
    FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
) a
WHERE c.relnamespace = '{schema}'::regnamespace AND c.relkind IN ('r', 'S') ORDER BY c.oid"""
_RULES = """
SELECT coalesce(string_agg(what, ';' ORDER BY what), '') FROM (
    SELECT pg_get_indexdef(indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = '{schema}'::regnamespace
    UNION ALL SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = '{schema}'::regnamespace
    UNION ALL SELECT tgname || tgenabled::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = '{schema}'::regnamespace AND NOT tgisinternal
) found(what)"""
_TRIGGERS = """
SELECT c.relname, tgname, tgenabled FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = '{schema}'::regnamespace AND NOT tgisinternal AND tgenabled <> 'D' ORDER BY 1, 2"""
#: How a trigger is switched on again that was enabled like that.
_ENABLING = {"O": "ENABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


class Relation(NamedTuple):
    """A table, or a sequence.

    Arguments:
        name: quoted, with its schema.
        title: as reports name it.
        columns: what SELECT * shows.
        stored: the columns that INSERT takes; none for a sequence.
    """

    name: str
    title: str
    columns: list[str]
    stored: list[str]
    is_sequence: bool


class Schema(NamedTuple):
    """What there is in a schema, how to read it, and what tells it from another (`signature`).

    The statements of `quiet` switch the triggers off that users have made, those of `loud` on again: what is put back is no
    change of anyone's.
    """

    relations: list[Relation]
    read: str
    signature: tuple[Any, ...]
    quiet: str = ""
    loud: str = ""

    @property
    def tables(self) -> list[Relation]:
        """The tables, in the order in which they were created."""
        return [relation for relation in self.relations if not relation.is_sequence]

    @property
    def has_sequences(self) -> bool:
        """Whether numbers are given out, which is never undone."""
        return any(relation.is_sequence for relation in self.relations)


def schema_of(name: str, execute: Execute) -> Schema:
    """Look up what there is in the schema `name`."""
    found = [[_text(cell) for cell in row] for row in rows_of(execute(_RELATIONS.format(schema=name)))]
    rules = _text(rows_of(execute(_RULES.format(schema=name)))[0][0])
    relations = [
        Relation(f"{name}.{quoted(title)}", title, names.split("\n") if kind == "r" else ["last_value", "is_called"],
                 stored.split("\n") if kind == "r" else [], kind == "S")
        for title, kind, names, stored, _ in found
    ]  # fmt: skip
    parts = [_reading(relation) for relation in relations]
    triggers = [[_text(cell) for cell in row] for row in rows_of(execute(_TRIGGERS.format(schema=name)))]
    named = [(f"ALTER TABLE {name}.{quoted(table)}", f"TRIGGER {quoted(trigger)}", how) for table, trigger, how in triggers]
    return Schema(
        relations, f"SELECT {', '.join(parts)}" if parts else "SELECT", (tuple(map(tuple, found)), rules),
        quiet="; ".join([f"{table} DISABLE {trigger}" for table, trigger, _ in named]),
        loud="; ".join([f"{table} {_ENABLING[how]} {trigger}" for table, trigger, how in named]),
    )  # fmt: skip


def _reading(relation: Relation) -> str:
    """All rows as one JSON value, in the order in which they lie in the table: code without ORDER BY sees that order."""
    if relation.is_sequence:
        return f"(SELECT json_build_array(json_build_object('last_value', last_value, 'is_called', is_called)) FROM {relation.name})::text"
    # No column has that name: one that had would be taken for the row.
    return f"(SELECT json_agg(acidtest_row) FROM {relation.name} acidtest_row)::text"


def restoring(schema: Schema, execute: Execute) -> str:
    """The statements that put the present rows and numbers into emptied tables."""
    script = []
    for relation in schema.relations:
        if relation.is_sequence:
            ((last, called),) = rows_of(execute(f"SELECT last_value, is_called FROM {relation.name}"))
            script.append(f"SELECT setval('{relation.name}', {_text(last)}, '{_text(called)}')")
            continue
        cells = ", ".join(f"quote_nullable({quoted(column)}::text)" for column in relation.stored)
        rows = [", ".join(map(_text, row)) for row in rows_of(execute(f"SELECT {cells} FROM {relation.name}"))] if cells else []
        if rows:
            columns = ", ".join(map(quoted, relation.stored))
            values = ", ".join(f"({row})" for row in rows)
            script.append(f"INSERT INTO {relation.name} ({columns}) OVERRIDING SYSTEM VALUE VALUES {values}")
    return "; ".join(script)


def shown(relation: Relation, text: bytes | None) -> Rows:
    """The rows of a JSON value."""
    return tuple([tuple([_plain(row[column]) for column in relation.columns]) for row in json.loads(text)]) if text else ()


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (str, int, float, bool)) else json.dumps(value)


def rows_of(result: pq.abc.PGresult) -> list[list[bytes | None]]:
    """The cells of a result."""
    return [[result.get_value(row, column) for column in range(result.nfields)] for row in range(result.ntuples)]


def _text(cell: bytes | None) -> str:
    return "" if cell is None else bytes(cell).decode()


def quoted(name: str) -> str:
    """A name as SQL wants it."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
