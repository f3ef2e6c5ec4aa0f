"""Which names of a user's modules and classes code reaches that stand for something that can change.

A value is only asked for its type: proxies of libraries, and objects that are made when they are first looked at, answer all else by
what they stand for, which may not be there.
"""

from __future__ import annotations

import dis
import enum
import inspect
import random
import sys
import sysconfig
import types
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_OURS = Path(__file__).parents[2]
_STANDARD = Path(sysconfig.get_path("stdlib"))
#: Where libraries lie, whatever they are installed in.
_LIBRARIES = {"site-packages", "dist-packages"}
_REMEMBERING = type(cache(id))
_CONTAINERS = (dict, list, set, frozenset, tuple)
#: What goes on from where it was, and can be copied.
COPIED = (count, random.Random)
_STORES = ("STORE_GLOBAL", "DELETE_GLOBAL")
#: What refers to functions, by these attributes.
_REFERRING: dict[type, tuple[str, ...]] = {
    staticmethod: ("__func__",), classmethod: ("__func__",), types.MethodType: ("__func__",), partial: ("func",), property: ("fget", "fset", "fdel"),
}
NOTHING = object()


class Place(NamedTuple):
    """A name of a module, whose dictionary is the owner, or of a class."""

    owner: Any
    name: str

    def get(self) -> Any:
        """What it stands for; `NOTHING` for nothing."""
        return (self.owner if isinstance(self.owner, dict) else vars(self.owner)).get(self.name, NOTHING)

    def set(self, value: Any) -> None:
        """Let it stand for something; `NOTHING` takes the name away."""
        if value is self.get():
            return
        if isinstance(self.owner, dict):
            self.owner[self.name] = value
            if value is NOTHING:
                del self.owner[self.name]
        elif value is NOTHING:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, value)


def places_of(root: Any) -> list[Place]:
    """The places that code reaches from a class, or from what makes its objects."""
    search = _Search()
    search.look(root)
    while search.coming:
        search.follow(search.coming.pop())
    return search.found


def is_object_of_users(value: Any) -> bool:
    """Whether a value is an object of a class of the user's, with attributes that can be told."""
    kind = type(value)
    if issubclass(kind, (type, types.ModuleType, types.FunctionType, enum.Enum, BaseException)):
        return False
    return is_of_users(kind.__module__) and hasattr(value, "__dict__")


def remembers(value: Any) -> bool:
    """Whether a value is a function of `functools.lru_cache`."""
    return type(value) is _REMEMBERING


@cache
def is_of_users(module: str) -> bool:
    """Whether a module is of the user's own: neither of a library, nor of Python's, nor of ours."""
    if module in sys.builtin_module_names or module.partition(".")[0] in ("acidtest", *sys.stdlib_module_names):
        return False
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        return module in sys.modules and getattr(sys.modules[module], "__spec__", None) is None
    path = Path(file)
    return not (_LIBRARIES & set(path.parts) or path.is_relative_to(_OURS) or path.is_relative_to(_STANDARD))


class _Search:
    """What was found so far, and what is still to be looked at."""

    def __init__(self) -> None:
        self.found: list[Place] = []
        self.coming: list[Any] = []
        self._places: set[tuple[int, str]] = set()
        self._met: dict[int, Any] = {}

    def look(self, value: Any) -> None:
        """Note what a value is made of."""
        if type(value) in _REFERRING:
            for name in _REFERRING[type(value)]:
                self.look(getattr(value, name))
        elif callable(value) and (wrapped := inspect.getattr_static(value, "__wrapped__", None)) is not None and wrapped is not value:
            self.look(wrapped)
        elif issubclass(type(value), (types.FunctionType, type)):
            self._note(value)
        elif type(value) in _CONTAINERS:
            for item in list(value.values() if isinstance(value, dict) else value):
                if callable(item) or is_object_of_users(item):
                    self.look(item)
        elif is_object_of_users(value):
            self._note(type(value))

    def _note(self, code: Any) -> None:
        if id(code) not in self._met and is_of_users(getattr(code, "__module__", None) or ""):
            self._met[id(code)] = code
            self.coming.append(code)

    def follow(self, code: Any) -> None:
        """Look at the names that a class or a function of the user's reaches."""
        if isinstance(code, types.FunctionType):
            self._of_function(code)
        elif not issubclass(code, enum.Enum):
            for base in code.__mro__[1:]:
                self.look(base)
            for name, value in list(vars(code).items()):
                if not name.startswith("__"):
                    self._reached(code, name, value)

    def _of_function(self, function: types.FunctionType) -> None:
        names, stored = _names(function.__code__)
        where = function.__globals__
        for name in sorted(names):
            value = where.get(name, NOTHING)
            if issubclass(type(value), types.ModuleType):
                for inner in sorted(names & set(vars(value))) if is_of_users(value.__name__) else ():
                    self._reached(vars(value), inner, vars(value)[inner])
            elif name in where or name in stored:
                self._reached(where, name, value, stored=name in stored)

    def _reached(self, owner: Any, name: str, value: Any, *, stored: bool = False) -> None:
        """A name of a class may be bound anew by anybody, one of a module by whoever says `global`."""
        self.look(value)
        if not isinstance(owner, dict):
            stored = type(value) in (type(None), bool, int, float, str, bytes)
        changes = type(value) in (dict, list, set, *COPIED) or remembers(value) or is_object_of_users(value) or _is_container(value)
        if (stored or changes) and (id(owner), name) not in self._places:
            self._places.add((id(owner), name))
            self.found.append(Place(owner, name))


def _is_container(value: Any) -> bool:
    return type(value).__module__ == "collections" and hasattr(type(value), "clear")


def _names(code: types.CodeType) -> tuple[set[str], set[str]]:
    """The names that a function uses, with those that it defines; and those of its module that it binds."""
    found = set(code.co_names)
    stored = {str(step.argval) for step in dis.get_instructions(code) if step.opname in _STORES}
    for name_of_more in _inner(code):
        more, bound = _names(name_of_more)
        found |= more
        stored |= bound
    return found, stored


def _inner(code: types.CodeType) -> Iterator[types.CodeType]:
    return (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
