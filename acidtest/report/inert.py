"""Text that comes from the user's data: shown as it is, and never obeyed by a terminal or a log."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any


def inert(text: str) -> str:
    """The text with all escaped that would not be seen as itself: control characters, escape sequences, direction marks.

    A terminal obeys these, and what is read in a log is then not what was there.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def inert_value(value: Any) -> Any:  # noqa: ANN401 - a failure, or any part of one
    """A value with every text in it inert; lines of a text stay lines."""
    if isinstance(value, str):
        return "\n".join(map(inert, value.split("\n")))
    if isinstance(value, tuple):
        return tuple(map(inert_value, value))
    if isinstance(value, dict):
        return {key: inert_value(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: inert_value(getattr(value, field.name)) for field in fields(value)})
    return value
