"""Mutants of the relaying half of the outbox: claims, order, publishing, marking, and what messages carry."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from acidtest.environment import BrokerRefused, BrokerTimeout, Outcome
from acidtest.impl.outbox import (
    BATCH,
    Outbox,
    Row,
    accounts,
    claiming,
    due,
    first_of_key,
    mark,
    metadata,
    outbox,
    put_back,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Environment

_row = outbox.c.seq == sa.bindparam("row")
_columns = (outbox.c.seq, outbox.c.id, outbox.c.key, outbox.c.payload, outbox.c.attempts)
_rows = sa.select(*_columns).where(due, first_of_key).order_by(outbox.c.seq).limit(BATCH)


# The relay: claiming.


class NoClaim(Outbox):
    """Reads owed rows without claiming them: two relays publish the same row (OB5)."""

    claim = _rows

    def _mark(self, row: Row, token: str) -> None:  # noqa: ARG002
        with self.engine.begin() as connection:
            connection.execute(sa.update(outbox).where(_row).values(published=True), {"row": row[0]})


class ClaimInSecondTransaction(Outbox):
    """Selects rows in one transaction and claims them in the next, whoever has claimed them meanwhile (OB5)."""

    def _claim(self, token: str) -> Sequence[Row]:
        now = self.clock.now()
        with self.engine.begin() as connection:
            found = connection.execute(_rows, {"now": now}).all()
        with self.engine.begin() as connection:
            ours = sa.update(outbox).where(outbox.c.seq.in_([row[0] for row in found]))
            connection.execute(ours.values(owner=token, not_before=now + self.lease, attempts=outbox.c.attempts + 1))
        return found


class ClaimReleasedAtStart(Outbox):
    """Takes every claim that it finds at its first poll for one that a crash left behind (OB5)."""

    fresh = True

    def _claim(self, token: str) -> Sequence[Row]:
        if self.fresh:
            with self.engine.begin() as connection:
                connection.execute(sa.update(outbox).where(~outbox.c.published).values(owner=None, not_before=0.0))
            self.fresh = False
        return super()._claim(token)


class ClaimNotLocked(Outbox):
    """Chooses the rows to claim without locking them: where rows are locked, a second relay claims them after the first (OB5)."""

    claim = claiming(due, first_of_key, locked=False)


class ClaimNeverExpires(Outbox):
    """Takes only rows that nobody owns: what a relay had claimed when it crashed is never published (OB3)."""

    claim = claiming(due, first_of_key, outbox.c.owner.is_(None))


class LeaseOfNoLength(Outbox):
    """Reckons the lease in whole minutes, of which half a minute has none (OB5)."""

    lease = 60.0 * (30 // 60)


class StaleOwnerPutsBack(Outbox):
    """Puts a row back without asking who owns it by now, although another relay has published it (OB10)."""

    def _put_back(self, row: Row, token: str) -> None:  # noqa: ARG002
        with self.engine.begin() as connection:
            connection.execute(sa.update(outbox).where(_row).values(published=False, owner=None), {"row": row[0]})


# The relay: order.


class SkipLockedBreaksOrder(Outbox):
    """Skips rows that another relay has claimed, and so overtakes it within an account (OB4)."""

    claim = claiming(due)


_other = outbox.alias("other")


class ParallelBatchBreaksOrder(Outbox):
    """Lets one relay work at a time, but publishes its batch in no order (OB4)."""

    claim = claiming(due, ~sa.exists().where(_other.c.owner.is_not(None), _other.c.not_before > sa.bindparam("now")))

    def _claim(self, token: str) -> Sequence[Row]:
        return super()._claim(token)[::-1]


class _NumbersDrawn(Outbox):
    """Draws the number of a row from a counter before the transaction, as a sequence would."""

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        with self.engine.begin() as connection:
            self.number = connection.execute(_draw).scalar_one()
        return super().execute(key, account, amount)

    def _enqueue(self, connection: sa.Connection, key: str, account: str, amount: int) -> None:
        row = {**self._message(key, account, amount), "seq": self.number, "created": self.clock.now()}
        connection.execute(sa.insert(outbox), row)


_counter = sa.Table("counter", metadata, sa.Column("one", sa.Integer, primary_key=True), sa.Column("last", sa.Integer))
_draw = sa.text("INSERT INTO counter VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET last = last + 1 RETURNING last")
_done = outbox.alias("done")


class SequenceHole(_NumbersDrawn):
    """Expects consecutive numbers, and waits for ever for the one that a rejected request had drawn (OB3)."""

    claim = claiming(
        due, outbox.c.seq == sa.select(sa.func.coalesce(sa.func.max(_done.c.seq), 0) + 1).where(_done.c.published).scalar_subquery()
    )


class LateCommitPassedOver(_NumbersDrawn):
    """Goes on from the highest number published: one drawn earlier and committed later is passed over (OB11)."""

    claim = claiming(
        due, first_of_key, ~sa.exists().where(_done.c.published, _done.c.key == outbox.c.key, _done.c.seq > outbox.c.seq)
    )


# The relay: publishing and marking.


class MarkBeforePublish(Outbox):
    """Marks a row before its message is published (OB3, OB7)."""

    def _deliver(self, row: Row, token: str) -> None:
        self._mark(row, token)
        self._publish(row)


class DeleteBeforePublish(Outbox):
    """Takes a row out of the table before its message is published (OB3, OB7)."""

    def _deliver(self, row: Row, token: str) -> None:  # noqa: ARG002
        with self.engine.begin() as connection:
            connection.execute(sa.delete(outbox).where(_row), {"row": row[0]})
        self._publish(row)


class BatchInOneTransaction(Outbox):
    """Marks a batch when all of it is out: a crash sends the whole batch again (OB5)."""

    def relay(self) -> None:
        """Poll once."""
        token = self.new_id()
        claimed = self._claim(token)
        confirmed = []
        for row in claimed:
            try:
                self._publish(row)
            except (BrokerRefused, BrokerTimeout):
                self._put_back(row, token)
            else:
                confirmed.append(row)
        with self.engine.begin() as connection:
            for row in confirmed:
                connection.execute(mark, {"row": row[0], "token": token})


class TimeoutMeansPublished(Outbox):
    """Takes a message that was not confirmed in time for published (OB7)."""

    def _publish(self, row: Row) -> None:
        try:
            super()._publish(row)
        except BrokerTimeout:
            return


class RejectedRowsDeleted(Outbox):
    """Deletes the row of a message that was not confirmed (OB7)."""

    def _put_back(self, row: Row, token: str) -> None:  # noqa: ARG002
        with self.engine.begin() as connection:
            connection.execute(sa.delete(outbox).where(_row), {"row": row[0]})


class FailedIsTerminal(Outbox):
    """Gives a message up after five attempts (OB7)."""

    most = 5

    def _put_back(self, row: Row, token: str) -> None:
        super()._put_back(row, token)
        if row[4] >= self.most:
            with self.engine.begin() as connection:
                connection.execute(sa.update(outbox).where(_row).values(not_before=math.inf), {"row": row[0]})


class GivenUpInTheEnd(FailedIsTerminal):
    """Gives a message up after a thousand attempts, which no test of its authors makes (OB7)."""

    most = 1_000


class DelayOverflows(Outbox):
    """Works out the next delay before it publishes, in floating point: from the 1,025th attempt on that raises (OB7)."""

    def _deliver(self, row: Row, token: str) -> None:
        min(2.0 ** row[4], 3_600.0)
        super()._deliver(row, token)


class FirstPageOnly(Outbox):
    """Looks among the oldest two hundred rows for those that are due: as many that are refused hide all others (OB8)."""

    _page = sa.select(outbox.c.seq).where(~outbox.c.published).order_by(outbox.c.seq).limit(200).subquery()
    claim = claiming(due, first_of_key, outbox.c.seq.in_(sa.select(_page.c.seq)))


class RecoverableColumnsWrong(Outbox):
    """Writes the time of the next attempt in milliseconds, and no query ever finds it due (OB7)."""

    def _put_back(self, row: Row, token: str) -> None:
        super()._put_back(row, token)
        with self.engine.begin() as connection:
            connection.execute(sa.update(outbox).where(_row).values(not_before=outbox.c.not_before * 1000), {"row": row[0]})


class PoisonStarves(Outbox):
    """Tries refused messages again at once, and they fill every batch (OB8)."""

    capabilities = frozenset({"fenced"})
    claim = claiming(due)

    def _put_back(self, row: Row, token: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(put_back, {"row": row[0], "token": token, "later": 0.0})


class RetentionDeletesUnsent(Outbox):
    """Cleans rows away by age, published or not (OB9)."""

    def _purge(self, connection: sa.Connection, old: float) -> None:
        connection.execute(sa.delete(outbox).where(outbox.c.created < old))


class StaleIsNotSent(Outbox):
    """Sends nothing that is older than a week, and leaves the row where it lies (OB9, OB7)."""

    claim = claiming(due, first_of_key, outbox.c.created > sa.bindparam("now") - 7 * 86_400.0)


class WedgedByOneError(Outbox):
    """Keeps a poll from starting while another is under way, also after one that ended in an error (OB12)."""

    busy = False

    def relay(self) -> None:
        """Poll once, unless a poll is under way."""
        if self.busy:
            return
        self.busy = True
        super().relay()
        self.busy = False


class PositionInMemory(Outbox):
    """Goes on from the position that it remembers, also past a message that was refused (OB12)."""

    position = 0

    def _claim(self, token: str) -> Sequence[Row]:
        found = [row for row in super()._claim(token) if row[0] > self.position]
        self.position = max([self.position, *(row[0] for row in found)])
        return found


# Messages.


class EmptyPayloadDropped(Outbox):
    """Announces the balance that is left, and drops a body that counts as false: nothing left (OB3, OB11)."""

    def _enqueue(self, connection: sa.Connection, key: str, account: str, amount: int) -> None:
        left = connection.execute(sa.select(accounts.c.balance).where(accounts.c.id == account)).scalar_one()
        row = {"id": key, "key": account, "payload": json.dumps(left), "created": self.clock.now()}
        connection.execute(sa.insert(outbox), row)

    def _publish(self, row: Row) -> None:
        body = json.loads(row[3])
        if body:
            self.broker.publish(row[1], row[2], body)


class IdPerAttempt(Outbox):
    """Gives every copy of a message an id of its own, so that no consumer can drop one (OB6)."""

    def _publish(self, row: Row) -> None:
        self.broker.publish(self.new_id(), row[2], row[3])


class IdCountedPerProcess(Outbox):
    """Counts message ids from one in every process (OB6)."""

    def __init__(self, env: Environment) -> None:
        """Begin to count."""
        super().__init__(env)
        self.count = 0

    def _message(self, key: str, account: str, amount: int) -> dict[str, str]:
        self.count += 1
        return {**super()._message(key, account, amount), "id": f"{account}#{self.count}"}


class PayloadMadeAtPublish(Outbox):
    """Adds the number of the attempt to the payload, so that copies differ (OB6)."""

    def _publish(self, row: Row) -> None:
        body: dict[str, Any] = {**json.loads(row[3]), "attempt": row[4]}
        self.broker.publish(row[1], row[2], body)
