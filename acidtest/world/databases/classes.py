"""Classes of C that connect when they are called: whoever calls them, or a class made of them, can be noticed.

Such a class cannot be changed. A class of the same name takes its place, and passes for it: what is an instance of the one is one of the
other. Classes that were made of it before are given its way in.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from acidtest.world.python import names

if TYPE_CHECKING:
    from collections.abc import Callable

    #: Is given the class that was called, and with what; returns what it comes to, or None for what it would have come to.
    Instead = Callable[..., Any]


class _Passing(type):
    """The type of classes that pass for others."""

    genuine: type

    def __instancecheck__(cls, instance: object) -> bool:
        """An instance of the genuine class is one of what takes its place."""
        return type.__instancecheck__(cls.genuine if "genuine" in vars(cls) else cls, instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        """Likewise."""
        return type.__subclasscheck__(cls.genuine if "genuine" in vars(cls) else cls, subclass)


def take_the_place(genuine: Any, instead: Instead) -> Any:
    """A class in place of a genuine one, for all who have a name for it.

    Arguments:
        genuine: the class.
        instead: is asked whenever it, or a class made of it, is called.
    """
    new = _asking(genuine, instead)
    for made_of_it in genuine.__subclasses__():
        with suppress(TypeError):  # those of C cannot be changed
            made_of_it.__new__ = new
    space = {"genuine": genuine, "__new__": new, "__doc__": genuine.__doc__, "__module__": genuine.__module__}
    made = _Passing(genuine.__name__, (genuine,), space)
    names.replace({genuine: made})
    return made


def _asking(genuine: Any, instead: Instead) -> Any:
    def new(cls: Any, *args: Any, **options: Any) -> Any:
        found = instead(genuine if "genuine" in vars(cls) else cls, *args, **options)
        return genuine.__new__(cls, *args, **options) if found is None else found

    return new
