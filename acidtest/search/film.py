"""A film of a schedule: after each step all that an outsider sees, what clients know, what the model allows, and what holds.

It is what a failure is looked at by, step for step; a failure file does not hold it, for a replay makes it anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.checker.machine import Kind
from acidtest.workload import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from acidtest.search.failure import Row
    from acidtest.search.harness import Harness
    from acidtest.search.run import Run
    from acidtest.workload import Scope
    from acidtest.world.core.effects import Effect

#: Of longer texts the beginning is kept, with the number of what is left out: in a cell of a table, and elsewhere.
LONGEST_CELL, LONGEST_TEXT = 160, 2_000
#: Of longer tables so many rows are kept, beside those that change.
MOST_ROWS = 40
#: So many of the states of a model are shown.
MOST_STATES = 3


@dataclass(frozen=True)
class Table:
    """What an outsider sees of one table, topic or the like, beside what was there before the step.

    Arguments:
        place: the database or device.
        name: the table; for a device what it shows.
        columns: their names.
        rows: a text per column.
        changed: which of the rows are new, or other than before.
        gone: the rows that were there before and are not now, nor have become another.
        left_out: how many rows more there are, none of which has changed.
        cells: (row, column) of what is another in rows that were there before, by their first column.
    """

    place: str
    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    changed: tuple[int, ...] = ()
    gone: tuple[tuple[str, ...], ...] = ()
    left_out: int = 0
    cells: tuple[tuple[int, int], ...] = ()


class Seat(NamedTuple):
    """A client of a scope.

    Arguments:
        client: its name.
        process: which it calls.
        operations: the names of what it asks.
        asks: whether it asks for anything, and does not only let run what runs in the background.
    """

    client: str
    process: str
    operations: tuple[str, ...]
    asks: bool


@dataclass(frozen=True)
class Shot:
    """What there is to see after one step.

    Arguments:
        kind: of the effect that was performed; empty where it was none.
        where: the database, topic or other place that the effect acted on.
        text: the whole statement or message.
        parameters: what it was given.
        incarnations: (process, number) of those that are alive.
        time: virtual time, in seconds since the epoch.
        tables: what an outsider sees.
        knows: (operation, what its client knows of it).
        states: how many states of the model are consistent with all that was observed.
        shown: some of them, as text.
        broken: (id, what it says) of the properties that are violated by now.
        waiting: the clients and calls that wait for a lock.
        outage: whether all that is outside, but databases, is out of reach.
    """

    kind: str
    where: str
    text: str
    parameters: str
    incarnations: tuple[tuple[str, int], ...]
    time: float
    tables: tuple[Table, ...]
    knows: tuple[tuple[str, str], ...]
    states: int
    shown: tuple[str, ...]
    broken: tuple[tuple[str, str], ...]
    waiting: tuple[str, ...]
    outage: bool = False


@dataclass(frozen=True)
class Frame:
    """One step of the schedule, or of coming to rest, with what there is to see after it."""

    row: Row
    shot: Shot
    resting: bool = False


@dataclass(frozen=True)
class Film:
    """A whole schedule.

    Arguments:
        start: what there is to see before the first step.
        frames: the steps.
        clients: those of the scope.
        databases: the names of the databases.
        properties: (id, what it says, where it comes from, its kind) of all that were checked.
        beside: the nearest run that goes well, where one was found.
    """

    start: Shot
    frames: tuple[Frame, ...]
    clients: tuple[Seat, ...]
    databases: tuple[str, ...]
    properties: tuple[tuple[str, str, str, str], ...]
    beside: Film | None = None


class Camera:
    """Takes a shot after each step of a run that is replayed.

    Arguments:
        harness: whose run it is.
    """

    def __init__(self, harness: Harness) -> None:
        self._harness = harness
        self._effect: Effect | None = None
        self._before: Any = None
        self._tables: dict[tuple[str, str], list[tuple[str, ...]]] = {}
        self._broken: set[tuple[str, str]] = set()
        self.start: Shot | None = None
        self.steps: list[Shot] = []
        self.resting: list[Shot] = []

    def aim(self, effect: Effect | None) -> None:
        """An effect is about to be performed; None for something that is none."""
        self._effect = effect

    def begin(self, run: Run) -> None:
        """Take what is there before the first step."""
        self.start = self._shot(run)

    def take(self, run: Run, *, resting: bool = False, again: bool = False) -> None:
        """Take what is there after a step; `again` where something was noticed of the last one since."""
        shots, shot = self.resting if resting else self.steps, self._shot(run)
        if again and shots:
            last = shots.pop()
            old = {(t.place, t.name): t for t in last.tables}
            tables = tuple(_marked_as_well(table, old.get((table.place, table.name))) for table in shot.tables)
            shot = Shot(*_identity(last), *_rest_of(shot, tables))
        shots.append(shot)
        self._effect = None

    def _shot(self, run: Run) -> Shot:
        effect, world = self._effect, run.world
        text, parameters = _spoken(effect)
        self._look(run)
        states, shown = self._states(run)
        return Shot(
            effect.kind if effect is not None else "", effect.where if effect is not None else "", text, parameters,
            tuple((name, process.incarnation) for name, process in world.processes.items() if process.alive),
            world.time.time, tuple(self._seen(run)), tuple(_known(run)), states, shown, tuple(sorted(self._broken)),
            tuple(world.actors.waiting()), all(device.down for device in world.devices.values()),
        )  # fmt: skip

    def _look(self, run: Run) -> None:
        """Evaluate every property that can be evaluated now."""
        view, before = run.view, self._before
        for p in self._harness.properties:
            always = p.kind == Kind.ALWAYS and not p.predicate(view)
            step = p.kind == Kind.STEP and before is not None and view != before and not p.predicate(before, view)
            if always or step:
                self._broken.add((p.id, p.name))
        if run.violation is not None:
            self._broken.add((run.violation.property, run.violation.name))
        self._before = view

    def _states(self, run: Run) -> tuple[int, tuple[str, ...]]:
        found = run.harness.follower.consistent(run.candidates)
        texts = sorted(_cut(_state(run.harness.follower.model, state), LONGEST_TEXT) for state in found)
        return len(found), tuple(texts[:MOST_STATES])

    def _seen(self, run: Run) -> Iterator[Table]:
        for database, contents in run.world.cluster.values().items():
            for name, rows in contents:
                columns = run.world.cluster.database(database).columns(name)
                yield self._table(database, name, columns, rows)
        for name, seen in run.world.devices.seen().items():
            for part, heads, values in _parts(seen):
                if values or (name, part) in self._tables:
                    yield self._table(name, part, heads, values)

    def _table(self, place: str, name: str, columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> Table:
        now = [tuple(_cut(_text(value), LONGEST_CELL) for value in row) for row in rows]
        old = self._tables.get((place, name))
        self._tables[place, name] = now
        before = [] if old is None else old
        changed = [] if self.start is None else [i for i, row in enumerate(now) if row not in before]
        keys = {now[i][:1] for i in changed}
        gone = tuple(row for row in before if row not in now and row[:1] not in keys)
        kept = sorted({*changed, *range(max(len(now) - MOST_ROWS, 0), len(now))})
        places = {old_place: new_place for new_place, old_place in enumerate(kept)}
        marked = tuple(places[i] for i in changed)
        cells = tuple((places[i], column) for i in changed for column in _others(now[i], before))
        return Table(place, name, tuple(columns), tuple(now[i] for i in kept), marked, gone, len(now) - len(kept), cells)


def _others(row: tuple[str, ...], before: Sequence[tuple[str, ...]]) -> Iterator[int]:
    """The columns in which a row differs from the one with the same first column; none where that was not there."""
    old = next((other for other in before if other[:1] == row[:1]), None)
    if old is not None:
        yield from (column for column, (was, now) in enumerate(zip(old, row, strict=False)) if was != now)


def _identity(shot: Shot) -> tuple[str, str, str, str]:
    return shot.kind, shot.where, shot.text, shot.parameters


def _rest_of(shot: Shot, tables: tuple[Table, ...]) -> tuple[Any, ...]:
    return shot.incarnations, shot.time, tables, shot.knows, shot.states, shot.shown, shot.broken, shot.waiting, shot.outage


def _marked_as_well(table: Table, old: Table | None) -> Table:
    """A table with what was marked before, too: it belongs to the same step."""
    if old is None:
        return table
    rows = {old.rows[i] for i in old.changed}
    changed = {*table.changed, *(i for i, row in enumerate(table.rows) if row in rows)}
    gone = dict.fromkeys((*old.gone, *table.gone))
    cells = {*table.cells, *(place for place in old.cells if place[0] < len(table.rows) and old.rows[place[0]] == table.rows[place[0]])}
    return Table(
        table.place, table.name, table.columns, table.rows, tuple(sorted(changed)), tuple(gone), table.left_out, tuple(sorted(cells))
    )


def _spoken(effect: Effect | None) -> tuple[str, str]:
    """What an effect says in full, and what it was given."""
    if effect is None:
        return "", ""
    detail = effect.detail
    if isinstance(detail, tuple) and len(detail) == 2 and isinstance(detail[0], str) and not hasattr(detail, "_fields"):  # noqa: PLR2004
        first, second = detail
        return _cut(" ".join(first.split()), LONGEST_TEXT), _cut(_text(second), LONGEST_TEXT) if second not in ((), None) else ""
    return effect.what, _cut(_text(detail), LONGEST_TEXT) if detail not in ((), None, effect.what) else ""


def _known(run: Run) -> list[tuple[str, str]]:
    """What each client knows of its operations; of many, what is open or unknown, and what was answered last."""
    known = [(operation.name, _cut(_text(status), LONGEST_CELL)) for operation, status in zip(run.scope.operations(), run.status, strict=True)]
    if len(known) <= MOST_ROWS:
        return known
    pressing = [pair for pair in known if pair[1] in ("open", "unknown")][-MOST_ROWS:]
    answered = [pair for pair in known if pair[1] not in ("open", "unknown", "new")]
    shown = {*pressing, *answered[-max(MOST_ROWS - len(pressing), 1) :]}
    return [*(pair for pair in known if pair in shown), (f"{len(known) - len(shown)} more", "…")]


def _state(model: Any, state: Any) -> str:
    """A state of a model: what is neither nothing nor empty of it, by name."""
    shown = model.shown(state)
    names = getattr(shown, "_fields", model.fields)
    if not isinstance(shown, tuple) or len(names) != len(shown):
        return _text(shown)
    return "; ".join(f"{name}: {_text(part)}" for name, part in zip(names, shown, strict=True) if part not in ("", (), frozenset(), None))


def _parts(seen: Any) -> Iterator[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]]:
    """What a device shows, as tables: (name, columns, rows)."""
    if not seen and seen != 0:
        yield "", ("",), []
    elif isinstance(seen, tuple) and hasattr(seen, "_fields"):
        for field, value in zip(seen._fields, seen, strict=True):
            yield field, *_rows(value)
    else:
        yield "", *_rows(seen)


def _rows(value: Any) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    if isinstance(value, tuple) and value and all(hasattr(row, "_fields") for row in value) and len({row._fields for row in value}) == 1:
        return value[0]._fields, [tuple(row) for row in value]
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return ("",), [(row,) for row in value]
    return ("",), [(value,)]


def _text(value: Any) -> str:
    """A value without Python's clutter."""
    if value is None:
        return "null"
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return ", ".join(f"{name} {_text(part)}" for name, part in zip(value._fields, value, strict=True) if part not in ("", (), None))
    if isinstance(value, (tuple, list)):
        return ", ".join(map(_text, value))
    if isinstance(value, (frozenset, set)):
        return ", ".join(sorted(map(_text, value)))
    return str(value)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most} characters more)"


def clients_of(scope: Scope, background: Collection[str]) -> tuple[Seat, ...]:
    """The clients of a scope: those ask for something that call more than what runs in the `background`."""
    calling = [client for client in scope.clients if client.process != ENVIRONMENT]
    return tuple(
        Seat(c.name, c.process, tuple(op.name for op in c.operations), any(op.method not in background for op in c.operations)) for c in calling
    )
