"""What the script of a page shows of each step, as JSON: texts and tables that come again are there once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from acidtest.report.columns import meaning

if TYPE_CHECKING:
    from acidtest.report.page.scene import Beat, Scene
    from acidtest.search.film import Film, Shot, Table

#: What a script element must not hold, and what lines of a script must not.
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


class _Pool:
    """Values by number: each is there once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Any, int] = {}

    def number(self, key: Any, value: Any) -> int:
        """The number of a value; `key` is equal for equal ones."""
        found = self._numbers.setdefault(key, len(self.values))
        if found == len(self.values):
            self.values.append(value)
        return found


class _Pools(NamedTuple):
    """What comes again: whole texts, rows, and tables, whose rows are numbers."""

    texts: _Pool
    rows: _Pool
    tables: _Pool


def steps_json(film: Film, scene: Scene, violated: tuple[str, str], *, at_rest: bool) -> dict[str, Any]:
    """What there is to see at each step.

    Arguments:
        film: the film.
        scene: the same as a diagram.
        violated: (id, what it says) of the property that is violated at the last step.
        at_rest: whether that showed when all had come to rest.
    """
    pools, dull = _Pools(_Pool(), _Pool(), _Pool()), _dull(film)
    first = {"title": "Before the first step", **_seen(film.start, pools, dull)}
    steps = [{**_told(beat, pools.texts), **_seen(beat.frame.shot, pools, dull)} for beat in scene.beats]
    last = steps[-1] if steps else first  # it may be violated right after install
    last["broken"] = sorted({*last["broken"], violated})
    return {
        "steps": [first, *steps], "texts": pools.texts.values, "rows": pools.rows.values, "tables": pools.tables.values,
        "properties": film.properties, "atRest": at_rest,
    }  # fmt: skip


def script_data(value: Any) -> Markup:
    """JSON that nothing in it can end the element of."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    for letter, escape in _ESCAPES.items():
        text = text.replace(letter, escape)
    return Markup(text)  # noqa: S704 - all that could end it is escaped


def clock(seconds: float) -> str:
    """A virtual time."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _told(beat: Beat, texts: _Pool) -> dict[str, Any]:
    row, shot = beat.frame.row, beat.frame.shot
    who = row.process if row.client == row.process else f"{row.process}, {row.client.removeprefix(f'{row.process}, ')}"
    number = dict(shot.incarnations).get(row.process, 0)
    return {
        "title": f"{who}: {row.action}", "fault": meaning(row), "statement": texts.number(shot.text, shot.text),
        "parameters": texts.number(shot.parameters, shot.parameters), "changes": row.changes, "events": row.events,
        "incarnation": number if number > 1 else 0,
    }  # fmt: skip


def _seen(shot: Shot, pools: _Pools, dull: set[tuple[str, str]]) -> dict[str, Any]:
    shown = [table for table in shot.tables if (table.place, table.name) not in dull]
    return {
        "time": clock(shot.time), "states": shot.states, "shown": [pools.texts.number(text, text) for text in shot.shown],
        "knows": [pools.rows.number(pair, pair) for pair in shot.knows], "broken": shot.broken, "waiting": shot.waiting,
        "tables": [pools.tables.number(table, _table(table, pools.rows)) for table in shown],
    }  # fmt: skip


def _table(table: Table, rows: _Pool) -> dict[str, Any]:
    name = f"{table.place}.{table.name}" if table.name else table.place
    return {
        "name": name, "columns": table.columns if any(table.columns) else (), "rows": [rows.number(row, row) for row in table.rows],
        "changed": table.changed, "gone": [rows.number(row, row) for row in table.gone], "more": table.left_out, "cells": table.cells,
    }  # fmt: skip


def _dull(film: Film) -> set[tuple[str, str]]:
    """What devices show that says nothing, as it is the same from the beginning to the end, and nought."""
    shots = [film.start, *(frame.shot for frame in film.frames)]
    seen: dict[tuple[str, str], set[Any]] = {}
    for shot in shots:
        for table in shot.tables:
            if table.place not in film.databases:
                seen.setdefault((table.place, table.name), set()).add(table.rows)
    return {place for place, rows in seen.items() if rows <= {(), (("0",),), (("False",),), (("",),)}}
