"""The answers that the ports of all patterns share, and errors that a port lets code raise."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """The definite answer to an operation. An exception that escapes means: unknown."""

    OK = "ok"  #: done, and it will stay done
    REJECTED = "rejected"  #: not done, and it never will be


class Conflict(Exception):  # noqa: N818 - the field's name for a refused append
    """An event store's definite refusal of an append: the stream has another version than expected. Nothing was stored."""


class UnknownEvent(Exception):  # noqa: N818 - the field's name for it
    """There is an event of a type that this release does not know: whatever depends on it cannot be told."""
