"""A mutant that relies on reads of now, where MariaDB reads the snapshot of the transaction: on SQLite and PostgreSQL it is right.

Source: MariaDB Knowledge Base, "Consistent Nonlocking Reads".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from acidtest.environment import Outcome
from acidtest.impl.event_sourcing import Account, Accounts
from acidtest.impl.event_store import events, of_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.impl.event_store import Event

is_known = sa.select(events.c.version).where(events.c.stream == sa.bindparam("stream"), events.c.id == sa.bindparam("key"))
last_of = (
    sa.select(events.c.version).where(events.c.stream == sa.bindparam("stream")).order_by(events.c.version.desc()).limit(1).with_for_update()
)


class DecidesOnTheSnapshot(Accounts):
    """Looks whether a key is known, waits for its turn, loads the account, and appends, all in one transaction (ES10).

    At REPEATABLE READ the account is as it was at that first look; only the version, which is read with a lock, is the one of now.
    """

    def _handle(self, key: str, account: str, amount: int, event: Callable[[str, int, bool], Event]) -> Outcome:
        if amount == 0:
            return Outcome.REJECTED
        with self.engine.begin() as connection:
            if connection.execute(is_known, {"stream": account, "key": key}).first() is None:
                self._take_positions(connection, 0)
            loaded = self._loaded(connection, account)
            known = self._answer(loaded, key, amount)
            if known is None:
                possible = self._is_possible(loaded, amount)
                position = self._take_positions(connection, 1) - 1
                version = connection.execute(last_of, {"stream": account}).scalar_one()
                self._insert(connection, self._rows(account, position, version, [event(key, amount, possible)]))
                known = Outcome.OK if possible else Outcome.REJECTED
            return known

    def _loaded(self, connection: sa.Connection, account: str) -> Account:
        loaded = Account()
        for row in connection.execute(of_stream, {"stream": account, "after": 0}):
            loaded = self._with(loaded, row.version, (row.id, row.type, row.data))
        return loaded
