"""Values that invariants see: whatever an implementation returned, as plain values that never change and can be compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from acidtest.errors import ContractError
from acidtest.properties.shared.reading import shown


class Frozen(Mapping[Any, Any]):
    """A mapping that never changes.

    Arguments:
        items: what it holds.
    """

    __slots__ = ("_hash", "_items")

    def __init__(self, items: Mapping[Any, Any]) -> None:
        self._items = dict(items)
        self._hash = hash(frozenset(self._items.items()))

    def __getitem__(self, key: Any) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self._items == (other._items if isinstance(other, Frozen) else other)

    def __repr__(self) -> str:
        return repr(self._items)

    def __reduce__(self) -> Any:
        return Frozen, (self._items,)  # texts hash otherwise in another process


class Told(NamedTuple):
    """An answer that a client was given; so that none can be taken for a word of acidtest's own, like "unknown"."""

    answer: Any

    def __str__(self) -> str:
        return str(self.answer)


def frozen(value: Any, what: str) -> Any:
    """A value that never changes: mappings as `Frozen`, lists as tuples, sets as frozensets, all else as it is.

    Arguments:
        value: what an implementation returned.
        what: by which method, for a message.

    Raises:
        ContractError: it is an object that cannot be compared by what it is.
    """
    if isinstance(value, Mapping):
        return Frozen({frozen(key, what): frozen(part, what) for key, part in value.items()})
    if isinstance(value, tuple) and hasattr(value, "_make"):
        return value._make([frozen(part, what) for part in value])
    if isinstance(value, (tuple, list)) or _is_row(value):
        return tuple([frozen(part, what) for part in value])
    if isinstance(value, (set, frozenset)):
        return frozenset([frozen(part, what) for part in value])
    if _compares(value):
        return value
    message = (
        f"{what} returned {shown(value)}, of type {type(value).__name__}, which is another value each time that it is made. What is "
        "seen is compared, so return plain values: numbers, texts, lists, dicts, dates, named tuples or frozen dataclasses."
    )
    raise ContractError(message)


def _is_row(value: Any) -> bool:
    """Whether it is a row of SQLAlchemy's."""
    return hasattr(value, "_mapping") and hasattr(value, "_fields")


def _compares(value: Any) -> bool:
    """Whether it can be compared, and kept."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return type(value).__hash__ is not None
    if isinstance(value, type):
        return False
    if value is None:
        return True
    kind: Any = type(value)
    return kind.__hash__ not in (None, object.__hash__) and kind.__eq__ is not object.__eq__
