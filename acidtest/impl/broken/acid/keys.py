"""Mutants that do not remember, under the key, what became of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from acidtest.environment import Outcome
from acidtest.impl.acid import Transfer, Transfers, accounts, answered, claim_key, requests
from acidtest.impl.broken.acid.isolation import tables_with

if TYPE_CHECKING:
    from acidtest.environment import Environment

LEASE = 30.0  #: seconds after which a claimed key may be taken over
RETENTION = 86_400.0  #: seconds for which a key is kept

_finish = sa.update(requests).where(requests.c.key == sa.bindparam("k")).values(outcome=sa.bindparam("told"))
_take_over = sa.text("UPDATE requests SET claimed = :now WHERE key = :k AND outcome = 'working' AND claimed < :old")
_stamp = sa.text("UPDATE requests SET claimed = :now WHERE key = :k AND outcome = 'working'")


class RejectionNotRemembered(Transfers):
    """Records only successes under the key, so that a rejected transfer is tried anew (G4, G7)."""

    def _decide(self, connection: sa.Connection, request: Transfer) -> Outcome:
        if not self._move(connection, request):
            connection.rollback()
            return Outcome.REJECTED
        return Outcome.OK


_keyed_by_client = sa.MetaData()
accounts.to_metadata(_keyed_by_client)
sa.Table(
    "requests", _keyed_by_client,
    sa.Column("client", sa.Text),
    *(sa.Column(column.name, column.type, nullable=False) for column in requests.columns),
    sa.UniqueConstraint("client", "key"),
)  # fmt: skip


class NullInUniqueKey(Transfers):
    """Makes keys unique per client and leaves the client NULL: NULLs are distinct, so nothing is a duplicate (G3)."""

    metadata = _keyed_by_client
    claim = sa.text(str(claim_key).replace("(key) DO", "(client, key) DO"))


class ReadsInDoomedTransaction(Transfers):
    """Catches the duplicate key and reads the answer in the same transaction, which PostgreSQL has doomed by then (G9).

    In SQLite a failed statement leaves its transaction as it was, and this is right.
    """

    claim = sa.text(str(claim_key).replace(" ON CONFLICT (key) DO NOTHING", ""))

    def _answered(self, connection: sa.Connection, request: Transfer) -> Outcome | None:
        try:
            connection.execute(self.claim, request._asdict())
        except IntegrityError:
            known = connection.execute(answered, {"k": request.key}).one()
            same = (known.source, known.target, known.amount) == request[1:]
            return Outcome(known.outcome) if same else Outcome.REJECTED
        return None


class NoRequestHash(Transfers):
    """Answers a key with its first outcome, whatever is asked for under it now (G7)."""

    def _answered(self, connection: sa.Connection, request: Transfer) -> Outcome | None:
        if connection.execute(self.claim, request._asdict()).rowcount == 1:
            return None
        return Outcome(connection.execute(answered, {"k": request.key}).one().outcome)


class InProgressForEver(Transfers):
    """Marks the key as in progress in a transaction of its own, which a crash leaves behind for ever (G9)."""

    claim = sa.text(str(claim_key).replace("'ok'", "'working'"))

    def _attempt(self, request: Transfer) -> Outcome:
        with self.engine.begin() as connection:
            known = self._answered(connection, request)
        if known is not None:
            return known
        with self.engine.begin() as connection:
            outcome = self._decide(connection, request)
            connection.execute(_finish, {"k": request.key, "told": outcome})
        return outcome

    def _answered(self, connection: sa.Connection, request: Transfer) -> Outcome | None:
        if connection.execute(self.claim, request._asdict()).rowcount == 1:
            return None
        known = connection.execute(answered, {"k": request.key}).one()
        if known.outcome == "working":
            message = f"the transfer {request.key!r} is in progress"
            raise TimeoutError(message)
        return Outcome(known.outcome) if (known.source, known.target, known.amount) == request[1:] else Outcome.REJECTED




class LeaseWithoutFencing(InProgressForEver):
    """Half a fix: takes over a key that was in progress for long, although its owner may only have been slow (G3)."""

    metadata = tables_with("requests", sa.Column("claimed", sa.Float))

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.clock = env.clock

    def _answered(self, connection: sa.Connection, request: Transfer) -> Outcome | None:
        now = self.clock.now()
        if connection.execute(_take_over, {"k": request.key, "now": now, "old": now - LEASE}).rowcount == 1:
            return None
        known = super()._answered(connection, request)
        connection.execute(_stamp, {"k": request.key, "now": now})
        return known


class SweeperUndoesCommitted(InProgressForEver):
    """Half a fix: takes back, before each transfer, what is not marked as done, although it was committed (ACID-D)."""

    def _attempt(self, request: Transfer) -> Outcome:
        self._sweep()
        with self.engine.begin() as connection:
            known = self._answered(connection, request)
            outcome = known or self._decide(connection, request)
        if known is None:
            with self.engine.begin() as connection:
                connection.execute(_finish, {"k": request.key, "told": outcome})
        return outcome

    def _sweep(self) -> None:
        with self.engine.begin() as connection:
            for row in connection.execute(sa.select(requests).where(requests.c.outcome == "working")).all():
                self._move(connection, Transfer(row.key, row.target, row.source, row.amount))
                connection.execute(sa.delete(requests).where(requests.c.key == row.key))


class KeptForADay(Transfers):
    """Keeps keys for a day: a client that asks again later moves the money again (G3, G4, G7)."""

    metadata = tables_with("requests", sa.Column("claimed", sa.Float))
    _expire = sa.text("DELETE FROM requests WHERE claimed < :old")
    _stamped = sa.text("UPDATE requests SET claimed = :now WHERE key = :k AND claimed IS NULL")

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.clock = env.clock

    def _answered(self, connection: sa.Connection, request: Transfer) -> Outcome | None:
        now = self.clock.now()
        connection.execute(self._expire, {"old": now - RETENTION})
        known = super()._answered(connection, request)
        connection.execute(self._stamped, {"k": request.key, "now": now})
        return known


class FundsCheckedAgain(Transfers):
    """Looks at the funds before it answers a key that is known: whoever has spent all is told rejected (G7, G4)."""

    _funds = sa.select(accounts.c.balance).where(accounts.c.id == sa.bindparam("name"))

    def _answered(self, connection: sa.Connection, request: Transfer) -> Outcome | None:
        known = super()._answered(connection, request)
        funds = connection.execute(self._funds, {"name": request.source}).scalar() or 0
        return Outcome.REJECTED if known == Outcome.OK and funds < request.amount else known
