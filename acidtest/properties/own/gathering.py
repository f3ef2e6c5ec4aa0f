"""What the class of a contract of one's own declares, and what it inherits; and that nothing of it hides something else unseen."""

from __future__ import annotations

from abc import ABCMeta
from copy import copy
from typing import TYPE_CHECKING, Any

from acidtest.errors import ContractError
from acidtest.properties.own.declared import Called, Declared
from acidtest.properties.own.invariants import Invariant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from acidtest.properties.own.scopes import Scope


class Once(dict[str, Any]):
    """What a class says, while it is being said: under each name one declaration, or one invariant."""

    def __init__(self, owner: str) -> None:
        super().__init__()
        self._owner = owner

    def __setitem__(self, name: str, value: Any) -> None:
        before = self.get(name)
        if isinstance(before, (Declared, Invariant)) and before is not value:
            what = "invariant" if isinstance(before, Invariant) else "declaration"
            message = (
                f"{self._owner}.{name} is there twice: the {what} that stands first would never be heard of, for Python keeps the last. "
                "Give one of them another name."
            )
            raise ContractError(message)
        super().__setitem__(name, value)


class Declaring(ABCMeta):
    """The class of contracts: it sees what Python would forget, two of one name in one class."""

    @classmethod
    def __prepare__(cls, name: str, bases: tuple[type, ...], /, **more: Any) -> Once:  # noqa: ARG003 - as `type` has it
        """Where the class is written down."""
        return Once(name)


def gathered(cls: type, kind: type, top: type) -> dict[str, Any]:
    """What a class declares, and what it inherits, by name; what it sets to None is left out.

    A declaration may be named as something that every contract has, `install` for example; then it must not take its place.

    Arguments:
        cls: the class.
        kind: of what: Declared or Invariant.
        top: the class that every contract inherits from.

    Raises:
        ContractError: an invariant is hidden by something else.
    """
    found: dict[str, Any] = {}
    for base in reversed(cls.__bases__):
        for name, value in _of_base(base, kind).items():
            _refuse_hidden(cls, name, found.get(name), value)
            found[name] = value
    for name, value in list(vars(cls).items()):
        if value is not None:
            _refuse_hidden(cls, name, found.get(name), value)
        if isinstance(value, kind):
            found[name] = _under(name, cls, value)
            setattr(cls, name, found[name])
            if any(name in vars(base) for base in top.__mro__):
                delattr(cls, name)
        else:
            found.pop(name, None)
    cls.gathered = {**vars(cls).get("gathered", {}), kind: found}  # type: ignore[attr-defined]
    return found


def _under(name: str, cls: type, value: Any) -> Any:
    """A declaration, or an invariant, under the name that it has in a class; a copy, where it has another one elsewhere."""
    if (value.name, value.owner) == (name, cls.__name__):
        return value
    made = copy(value)
    made.name, made.owner = name, cls.__name__
    return made


def _of_base(base: type, kind: type) -> dict[str, Any]:
    """What a base class has: a contract what it has gathered, any other class what stands in it."""
    known: dict[type, dict[str, Any]] | None = getattr(base, "gathered", None)
    if known is not None:
        return known.get(kind, {})
    return {name: value for each in reversed(base.__mro__) for name, value in vars(each).items() if isinstance(value, kind)}


def _refuse_hidden(cls: type, name: str, before: Any, value: Any) -> None:
    if isinstance(before, Invariant) and before is not value:
        message = (
            f"{cls.__name__}.{name} hides an invariant of that name that it inherits, “{before.says}”, which nobody would ask for any more. "
            f"Give it another name, so that both are asked; write {name} = None where the other is to be left out."
        )
        raise ContractError(message)


def refuse_strangers(cls: type, scope: Scope) -> None:
    """Whether the calls of a scope are of what its contract declares, or inherits.

    Raises:
        ContractError: one is of another contract's.
    """
    known = [one for base in cls.__mro__ for one in vars(base).get("gathered", {}).get(Declared, {}).values()]
    for operation in (operation for client in scope.clients for operation in client.operations):
        if isinstance(operation, Called) and not any(operation.by.origin is one.origin for one in known):
            whose = f"{operation.by.owner}.{operation.by.name}" if operation.by.owner else repr(operation.by)
            message = (
                f"The scope {scope.name!r} of {cls.__name__} calls {whose}, which is declared in another class. Call what is declared in "
                f"this one: {_listed(known)}."
            )
            raise ContractError(message)


def _listed(known: Iterable[Declared]) -> str:
    return ", ".join(dict.fromkeys(one.name for one in known)) or "none"
