"""Text that comes from the user's data: shown as it is, and never obeyed by a terminal or a log."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from acidtest.errors import inert

__all__ = ["inert", "inert_value"]


def inert_value(value: Any) -> Any:  # noqa: ANN401 - a failure, or any part of one
    """A value with every text in it inert; lines of a text stay lines."""
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, tuple):
        values = map(inert_value, value)
        return type(value)(*values) if hasattr(value, "_fields") else tuple(values)
    if isinstance(value, dict):
        return {key: inert_value(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: inert_value(getattr(value, field.name)) for field in fields(value)})
    return value
