"""State that a user's modules and classes keep: in production every process has its own, and starts with it as it was imported.

Here all processes are one. So what their code can reach by names of modules and classes (tables that are filled, counters,
objects that are made once) is taken out when the code of another process goes on, and put back when it is that one's turn
again. A new process, and a new run, begin with what there was at first. Libraries keep theirs: nobody but they know what it is.

Several checks may be going on in turn. What one has left is taken out before another looks, and waits for it.
"""

from __future__ import annotations

import copy
import functools
from collections import OrderedDict, defaultdict, deque
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.world.python.reach import COPIED, NOTHING, Place, is_object_of_users, places_of, remembers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: A place that leads to more than that is taken for one that nobody changes.
_MOST = 2_000


class Node(NamedTuple):
    """What was in something that can be changed.

    Arguments:
        target: the thing itself.
        parts: (key, value) pairs, or values; those that can be changed are nodes.
    """

    target: Any
    parts: list[Any]


class Statics:
    """What the modules and classes of code under test keep, for each process.

    Arguments:
        root: what the code is reached from: a class, or what makes its objects.
    """

    def __init__(self, root: Any) -> None:
        """Look for it, before any of the code has run."""
        _make_way(self)
        self._places = [place for place in places_of(root) if _size(place) <= _MOST]
        self._first = self._save()
        self._owner: object = None
        self._kept: dict[object, list[Any]] = {}

    def enter(self, process: object) -> None:
        """The code of `process` goes on."""
        if process is self._owner or not self._places:
            return
        _make_way(self)
        if self._owner is not None:
            self._kept[self._owner] = self._save()
        self._load(self._kept.pop(process) if process in self._kept else self._first_again())
        self._owner = process

    def make_way(self) -> None:
        """Another check goes on: what there is waits, and everything is as it was at first."""
        if self._owner is not None:
            self._kept[self._owner] = self._save()
            self._load(self._first)
            self._owner = None

    def leave(self) -> None:
        """A run is over: everything is as it was at first, and no process has anything."""
        if self._owner is not None:
            self._load(self._first)
        self._owner = None
        self._kept.clear()

    def _save(self) -> list[Any]:
        met: dict[int, Node] = {}
        return [_kept(_own(place.get()), met) for place in self._places]

    def _load(self, state: list[Any]) -> None:
        done: set[int] = set()
        for place, kept in zip(self._places, state, strict=True):
            place.set(_own(_of(kept)))
            _put_back(kept, done)

    def _first_again(self) -> list[Any]:
        """What there was at first; what functions remember of their answers is nothing."""
        new: dict[int, Any] = {}
        return [_forgetful(kept, new) if remembers(kept) else kept for kept in self._first]


class _Present:
    """The check whose code ran last, if any did."""

    statics: Statics | None = None


def _make_way(statics: Statics) -> None:
    if _Present.statics is not None and _Present.statics is not statics:
        _Present.statics.make_way()
    _Present.statics = statics


def _forgetful(function: Any, new: dict[int, Any]) -> Any:
    """A function like that one of `functools.lru_cache`, which remembers nothing; the same one by whatever name it is called."""
    if id(function) not in new:
        made = functools.lru_cache(**function.cache_parameters())(function.__wrapped__)
        new[id(function)] = functools.update_wrapper(made, function.__wrapped__)
    return new[id(function)]


def _own(value: Any) -> Any:
    """A copy of what counts or draws, for there is no other way to let it go on from where it was; else the value."""
    return copy.copy(value) if type(value) in COPIED else value


def _of(kept: Any) -> Any:
    return kept.target if type(kept) is Node else kept


def _kept(value: Any, met: dict[int, Node]) -> Any:
    """What is in a value, if it can be changed; else the value."""
    known = met.get(id(value))
    if known is not None:
        return known
    kind = _kind(value)
    if kind is None:
        return value
    node = met[id(value)] = Node(value, [])
    node.parts.extend(kind.parts(value, lambda part: _kept(part, met)))
    return node


def _put_back(kept: Any, done: set[int]) -> None:
    """Let what can be changed hold again what it held."""
    if type(kept) is not Node or id(kept.target) in done:
        return
    done.add(id(kept.target))
    kind = _kind(kept.target)
    assert kind is not None  # noqa: S101 - it had one when it was kept
    kind.fill(kept.target, kept.parts)
    for part in kept.parts:
        _put_back(part[1] if kind.is_table else part, done)


class Kind(NamedTuple):
    """How something can be changed.

    Arguments:
        parts: what is in it, of (thing, how to keep a part).
        fill: puts back the parts.
        is_table: parts are pairs.
    """

    parts: Callable[[Any, Callable[[Any], Any]], Iterable[Any]]
    fill: Callable[[Any, list[Any]], None]
    is_table: bool


def _pairs(table: dict[Any, Any], keep: Callable[[Any], Any]) -> list[Any]:
    return [(key, keep(value)) for key, value in dict.items(table)]


def _fill_table(table: dict[Any, Any], parts: list[Any]) -> None:
    if len(table) == len(parts) and all(dict.get(table, key, NOTHING) is _of(value) for key, value in parts):
        return
    dict.clear(table)
    dict.update(table, {key: _of(value) for key, value in parts})


def _fill_rows(rows: Any, parts: list[Any]) -> None:
    rows.clear()
    rows.extend([_of(part) for part in parts])


def _fill_set(items: set[Any], parts: list[Any]) -> None:
    items.clear()
    items.update(parts)


_TABLE = Kind(_pairs, _fill_table, is_table=True)
_ROWS = Kind(lambda rows, keep: [keep(item) for item in rows], _fill_rows, is_table=False)
_SET = Kind(lambda items, _: list(items), _fill_set, is_table=False)
_OBJECT = Kind(lambda found, keep: _pairs(vars(found), keep), lambda found, parts: _fill_table(vars(found), parts), is_table=True)
_KINDS: dict[type, Kind] = {dict: _TABLE, OrderedDict: _TABLE, defaultdict: _TABLE, list: _ROWS, deque: _ROWS, set: _SET}


def _kind(value: Any) -> Kind | None:
    known = _KINDS.get(type(value))
    return known if known is not None else _OBJECT if is_object_of_users(value) else None


def _size(place: Place) -> int:
    """How many parts a place leads to."""
    met: dict[int, Node] = {}
    _kept(place.get(), met)
    return sum([len(node.parts) for node in met.values()])
