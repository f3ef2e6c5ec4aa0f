"""A mutant that relies on reads of now, where MariaDB reads the snapshot of the transaction: on SQLite and PostgreSQL it is right."""

from __future__ import annotations

from acidtest.impl.broken.inbox.innodb import LooksAgain
from acidtest.impl.outbox_inbox import Middle, Transfers


class _LooksAgain(LooksAgain, Middle):
    """A middle."""


class RecordOfTheSnapshot(Transfers):
    """The middle looks for a record, waits for its turn, and looks again: at REPEATABLE READ it sees the same (EO1)."""

    middle = _LooksAgain
