"""What an outsider observes of a run, as it happens."""

from __future__ import annotations

from asyncio import CancelledError
from typing import Any, NamedTuple

from acidtest.errors import told

#: The kind of an event: something was done on the strength of what was true before time passed.
STALE = "stale"


class Event(NamedTuple):
    """Something that an outsider observes.

    Arguments:
        kind: what happened: invoke, reply (known), unknown, crash, restart, fault, error, raised (by a call of nobody's), environment
            (it changed), or stale (something was done on the strength of what was true before time passed).
        subject: the operation (invoke, reply, unknown), process (crash, restart, error), client or task (fault, stale), or
            what changed (environment).
        value: the answer, the fault kind, or the text of the error.
        error: what was raised, as plain values; only where somebody records the run.
    """

    kind: str
    subject: str
    value: Any = None
    error: Any = None


def describe(error: BaseException) -> str:
    """An error in one line: its type and the first line of its message."""
    if isinstance(error, CancelledError):
        return "it was cancelled"
    return told(error).split("\n", 1)[0]
