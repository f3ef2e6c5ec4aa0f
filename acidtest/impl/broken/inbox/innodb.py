"""Mutants that rely on reads of now, where MariaDB reads the snapshot of the transaction: on SQLite and PostgreSQL they are right.

Source: MariaDB Knowledge Base, "Consistent Nonlocking Reads".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from acidtest.impl.dialects import Newest
from acidtest.impl.inbox import Consumer, Inbox, accounts, inbox, recorded, this_record

if TYPE_CHECKING:
    from acidtest.environment import Delivery, Outcome

is_recorded = sa.select(inbox.c.id).where(this_record)
turn = sa.select(accounts.c.id).where(accounts.c.id == sa.bindparam("account")).with_for_update()
record = Newest(
    "INSERT INTO inbox (topic, id, payload, outcome, recorded) VALUES (:topic, :id, :payload, 'ok', :now) "
    "ON CONFLICT (topic, id) DO UPDATE SET recorded = excluded.recorded WHERE inbox.recorded < excluded.recorded"
)


class LooksAgain(Consumer):
    """Looks for the record, waits for its turn at the account, and looks again, by plain reads in one transaction."""

    def take(self, message: Delivery) -> Outcome:
        """Look, wait, look, and work. A record that is there after all does no harm: it is written by an upsert."""
        order, mark = self._read(message), {"of": message.topic, "it": message.id}
        with self.engine.begin() as connection:
            if connection.execute(is_recorded, mark).first() is None:
                connection.execute(turn, {"account": order.account})
            if connection.execute(recorded, mark).first() is None:
                made = {"topic": message.topic, "id": message.id, "payload": self._fingerprint(message), "now": self.clock.now()}
                connection.execute(record, made)
                self._refuse_old(message)
                return self._decide(connection, message, order)
            known = self._known(connection, message)
            return known or self._decide(connection, message, order)


class RecordOfTheSnapshot(LooksAgain, Inbox):
    """Looks for the record again when it is its turn: at REPEATABLE READ it sees what it saw the first time (IB8)."""
