"""Tuples as states are made of: changed by making another."""

from __future__ import annotations

from typing import Any


def put(values: tuple[Any, ...], index: int, value: object) -> tuple[Any, ...]:
    """The tuple with one element replaced."""
    return (*values[:index], value, *values[index + 1 :])
