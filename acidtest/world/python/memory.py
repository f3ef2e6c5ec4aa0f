"""What an idle implementation has in memory, as a value: two that have the same go on in the same way.

A process that has done its work and kept nothing is like a new one, whatever it has seen. To tell, everything is looked at
that its code can reach: the attributes of the implementation, and from there objects, classes, functions, what functions
enclose, and the globals that they name. Libraries that keep nothing for their callers (the standard library's functions,
SQLAlchemy's statements and tables) are taken as they are. Where something is found of which nobody can say what is in it (a
cache of functools, a session, a generator, a thread's own storage), there is no value, and the process is known by all that it
has seen, as before.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import logging
import pathlib
import random
import re
import sys
import types
import uuid
import warnings
from collections import OrderedDict, defaultdict, deque
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from acidtest.world.python.storage import Local

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping

_ATOMS = frozenset({
    type(None), bool, int, float, complex, str, bytes, decimal.Decimal, fractions.Fraction, dt.date, dt.datetime,
    dt.time, dt.timedelta, dt.timezone, uuid.UUID, range, type(...), type(NotImplemented), pathlib.PosixPath,
    pathlib.PurePosixPath, count,
})  # fmt: skip
_TABLES = (dict, OrderedDict, defaultdict)
_ROWS = (tuple, list, deque)
_SETS = (set, frozenset)
_CONTAINERS = frozenset({*_TABLES, *_ROWS, *_SETS})
#: What refers to others, by these attributes.
_REFERRING: dict[type, tuple[str, ...]] = {
    types.MethodType: ("__func__", "__self__"), partial: ("func", "args", "keywords"), types.CellType: ("cell_contents",),
}
#: What is code, or says how to reach something, and holds nothing of anyone's.
_INERT: tuple[type, ...] = (
    types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType, types.GetSetDescriptorType,
    types.MemberDescriptorType, types.ClassMethodDescriptorType, types.MethodWrapperType, types.CodeType, types.GenericAlias,
    types.UnionType, logging.Logger, re.Pattern, enum.Enum, type(dataclasses.MISSING),
)  # fmt: skip
#: Classes and functions of these keep nothing for those who call them.
_TRUSTED = (
    frozenset({
        "acidtest", "asyncpg", "greenlet", "httpcore", "httpx", "psycopg", "psycopg2", "pymysql", "redis", "requests", "sqlalchemy",
        "typing_extensions", "urllib3",
    }) | sys.stdlib_module_names
)
#: What others are derived from, without anything in it.
_ABSTRACT = frozenset({"abc", "collections.abc", "typing"})
#: Of these even the objects hold nothing of their users'.
_OPAQUE = (
    "sqlalchemy.sql.", "sqlalchemy.dialects.", "sqlalchemy.types", "sqlalchemy.orm.attributes", "sqlalchemy.orm.mapper",
    "sqlalchemy.orm.decl_api", "sqlalchemy.orm.instrumentation", "sqlalchemy.orm.relationships", "sqlalchemy.orm.properties",
    "sqlalchemy.orm.base", "sqlalchemy.orm.clsregistry", "sqlalchemy.event.", "acidtest.world.", "acidtest.environment", "typing", "_abc",
)  # fmt: skip
#: Statements, which may carry values.
_STATEMENTS = ("sqlalchemy.sql.dml", "sqlalchemy.sql.selectable", "sqlalchemy.sql.elements", "sqlalchemy.dialects.")
#: Written as code under test is, and looked at like it.
_ADAPTERS = "acidtest.impl"
#: What these share, which keeps nothing.
_DIALECTS = "acidtest.impl.dialects"
#: Whoever uses these can reach what nobody sees.
_REACHING = frozenset({"globals", "eval", "exec", "__import__", "import_module"})
_BORING = frozenset({"__module__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__qualname__", "__firstlineno__"})


class Unknown(Exception):  # noqa: N818 - not an error of anyone
    """There is something of which nobody can say what is in it."""


def memory_of(implementation: Any) -> Hashable:  # noqa: ANN401 - anybody's
    """All that an idle implementation has in memory; None where that cannot be told."""
    try:
        look = _Look()
        found = look.at(implementation), look.statics()
        hash(found)
    except Exception:  # noqa: BLE001 - objects of the user's may raise anything when they are looked at: then it cannot be told
        return None
    return found


class _Look:
    """One look: objects are numbered as they are met, so that one which is met twice is told from two that are equal."""

    def __init__(self) -> None:
        self._met: dict[int, int] = {}
        self._kept: list[Any] = []
        self._code: dict[int, Any] = {}

    def statics(self) -> Hashable:
        """What is reached by the classes and functions that were met."""
        found, done = [], 0
        while done < len(self._code):
            met = list(self._code.values())[done:]
            done = len(self._code)
            for code in met:
                reached = _reached_by(code)
                found += [self.at(value) for value in reached.values()]
        return tuple(found)

    def at(self, value: Any) -> Hashable:
        """What a value is."""
        kind = type(value)
        if kind in _ATOMS:
            return (kind, repr(value)) if kind is count else (kind, value)
        if hasattr(kind, "acidtest_target"):
            return self.at(value.acidtest_target)
        number = self._met.get(id(value))
        if number is not None:
            return "again", number
        self._met[id(value)] = len(self._met)
        self._kept.append(value)
        return self._inside(kind, value)

    def _inside(self, kind: type, value: Any) -> Hashable:
        if issubclass(kind, Local):
            raise Unknown(kind)  # each thread has something else in it
        if kind in _CONTAINERS:
            return kind, self._contents(kind, value)
        if isinstance(value, (type, types.FunctionType)):
            return self._code_of(value)
        if isinstance(value, random.Random):
            return "random", value.getstate()
        if hasattr(kind, "locked"):
            return kind.__qualname__, value.locked()
        if kind in _REFERRING:
            return kind, tuple([self.at(getattr(value, name)) for name in _REFERRING[kind]])
        return _named(kind, value) if _is_inert(kind, value) else self._object(kind, value)

    def _contents(self, kind: Any, value: Any) -> Hashable:
        """What is in a container, whose class is `kind` or derived from it."""
        if kind in _ROWS:
            return tuple([self.at(item) for item in kind.__iter__(value)])
        if kind in _TABLES:
            return tuple([(self.at(key), self.at(item)) for key, item in dict.items(value)])
        return frozenset([_atom(item) for item in kind.__iter__(value)])

    def _code_of(self, value: Any) -> Hashable:
        """A class or a function: what it reaches is looked at later."""
        self._code.setdefault(id(value), value)
        what = value.__code__ if isinstance(value, types.FunctionType) else value.__qualname__
        return "code", value.__module__, what

    def _object(self, kind: type, value: Any) -> Hashable:
        """An object of a class that is written in Python."""
        base = next(cls for cls in kind.__mro__ if not _is_written_in_python(cls))
        if base not in (object, types.SimpleNamespace) and base not in _CONTAINERS:
            raise Unknown(kind)
        contents = self._contents(base, value) if base in _CONTAINERS else None
        return self._code_of(kind), contents, tuple([(name, self.at(item)) for name, item in _attributes(kind, value)])


def _is_written_in_python(cls: type) -> bool:
    """Whether a class was made by a class statement, so that its objects hold nothing beside their attributes."""
    if cls.__module__ in _ABSTRACT:
        return True
    if _is_trusted(cls.__module__):
        return any(isinstance(member, types.FunctionType) for member in vars(cls).values())
    origin = getattr(getattr(sys.modules.get(cls.__module__), "__spec__", None), "origin", None)
    return origin is None or origin.endswith(".py")


def _attributes(kind: type, value: Any) -> Iterator[tuple[str, Any]]:
    yield from list(getattr(value, "__dict__", {}).items())
    for cls in kind.__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                yield name, getattr(value, name)


def _named(kind: type, value: Any) -> Hashable:
    """What is not looked into."""
    if hasattr(kind, "pins"):
        return _name(value), value.settings()  # a connection; no transaction is open in it
    return _statement(value) if _is_statement(kind) else _name(value)


def _is_statement(kind: type) -> bool:
    """Whether objects of a class are statements, or parts of one, be it one that somebody has derived from SQLAlchemy's."""
    return hasattr(kind, "compile") and any(cls.__module__.startswith(_STATEMENTS) for cls in kind.__mro__)


def _statement(value: Any) -> Hashable:
    """A statement, which nobody changes: its text and its values; where the text needs a dialect, that it is the same one."""
    known = _statements.get(id(value))
    if known is None:
        if len(_statements) > _MANY:
            _statements.clear()
        try:
            with warnings.catch_warnings(action="ignore"):
                compiled = value.compile()
            found: Hashable = str(compiled), repr(compiled.params)
        except Exception:  # noqa: BLE001 - there are many reasons
            found = id(value)
        known = _statements[id(value)] = value, found  # with the value, so that nothing else comes to its place
    return type(value).__qualname__, known[1]


def _atom(value: Any) -> Hashable:
    """A member of a set, which has no order that objects could be numbered in."""
    if type(value) in _ATOMS:
        return type(value), value
    if type(value) is tuple:
        return tuple, tuple([_atom(item) for item in value])
    if isinstance(value, enum.Enum):
        return _name(value)
    raise Unknown(type(value))


def _is_inert(kind: type, value: Any) -> bool:
    """Whether an object holds nothing of its users'."""
    if isinstance(value, types.ModuleType):
        return True  # what of it is named by functions is looked at where they are
    if hasattr(value, "cache_info") and _is_trusted(getattr(value, "__module__", None)):
        return True  # what it remembers follows from its arguments
    where = kind.__module__ or ""
    opaque = (where.startswith(_OPAQUE) and not where.startswith(_ADAPTERS)) or _is_statement(kind)
    return opaque or isinstance(value, _INERT) or f"{where}.{kind.__qualname__}" in ("sqlalchemy.engine.base.Engine", "_collections._tuplegetter")


def _name(value: Any) -> Hashable:
    """Which of its kind an object is that is not looked into."""
    kind = type(value)
    name = getattr(value, "acidtest_name", None) or getattr(value, "__qualname__", None) or getattr(value, "name", None)
    return kind.__module__, kind.__qualname__, name if isinstance(name, str) else None


def _is_trusted(module: str | None) -> bool:
    module = module or ""
    return module.partition(".")[0] in _TRUSTED and (not module.startswith(_ADAPTERS) or module == _DIALECTS)


class Reached:
    """What a class or a function reaches beside its arguments: found once, and again when something is another object."""

    def __init__(self, code: Any) -> None:
        """Look at a class or a function."""
        self.code = code
        self._named: list[tuple[Mapping[str, Any], str, Any]] = []
        self._values: list[Any] = []
        if not _is_trusted(getattr(code, "__module__", "")):
            (self._of_class if isinstance(code, type) else self._of_function)(code)

    def is_as_it_was(self) -> bool:
        """Whether every name stands for the same object."""
        return all(names.get(name, _NOTHING) is value for names, name, value in self._named)

    def values(self) -> list[Any]:
        """The objects: they may have changed."""
        return self._values

    def _of_class(self, cls: type) -> None:
        if issubclass(cls, enum.Enum):
            return
        for name, value in vars(cls).items():
            if name not in _BORING:
                self._named.append((vars(cls), name, value))
                self._values += _parts(value)
        self._values += [base for base in (*cls.__bases__, type(cls)) if not _is_trusted(base.__module__)]

    def _of_function(self, function: types.FunctionType) -> None:
        names = _names(function.__code__)
        if names & _REACHING:
            raise Unknown(function)
        self._values += function.__closure__ or ()
        self._values += [value for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()) if type(value) not in _ATOMS]
        for name in sorted(names):
            self._of_name(function.__globals__, name, names)

    def _of_name(self, where: Mapping[str, Any], name: str, names: Iterable[str]) -> None:
        value = where.get(name, _NOTHING)
        self._named.append((where, name, value))
        if isinstance(value, types.ModuleType):
            if not _is_trusted(value.__name__):
                for inner in sorted(names):
                    if inner in vars(value) and not isinstance(vars(value)[inner], types.ModuleType):
                        self._of_name(vars(value), inner, ())
        elif value is not _NOTHING:
            self._values += _parts(value)


_NOTHING = object()
_known: dict[int, Reached] = {}
_statements: dict[int, tuple[Any, Hashable]] = {}
#: Of so many classes and functions it is known what they reach; factories may make new ones each time.
_MANY = 5_000


def _reached_by(code: Any) -> Reached:
    reached = _known.get(id(code))
    if reached is None or not reached.is_as_it_was():
        if len(_known) > _MANY:
            _known.clear()
        reached = _known[id(code)] = Reached(code)
    return reached


def _parts(value: Any) -> list[Any]:
    """What is to be looked at of a value that something names."""
    if isinstance(value, property):
        return [part for part in (value.fget, value.fset, value.fdel) if part is not None]
    if isinstance(value, (staticmethod, classmethod)):
        return [value.__func__]
    if hasattr(value, "func") and type(value).__module__ == "functools" and type(value).__qualname__ == "cached_property":
        return [value.func]
    return [value]


def _names(code: types.CodeType) -> set[str]:
    """The names that a function uses, and the functions that it defines."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _names(constant)
    return found
