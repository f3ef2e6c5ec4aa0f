"""Mutants of what the bank is told, and not told: silence, failure, callbacks and statements."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa

from acidtest.environment import ExternalRefused, ExternalTimeout, Outcome, Receipt, Status
from acidtest.impl.reserve_confirm import (
    HELD,
    Answer,
    Row,
    Withdrawals,
    of_order,
    settle,
    unresolved,
    withdrawals,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Environment

FOREVER = 1e12  #: seconds since the epoch
MOST = 500  #: times, which nobody tries in tests


# Silence and failure.


class TimeoutIsFailure(Withdrawals):
    """A call that is not answered counts as declined, and the hold is released (RC5, RC2)."""

    def _call(self, key: str, order_key: str, amount: int) -> Answer:
        answer = super()._call(key, order_key, amount)
        if answer == "pending":
            self._resolve(order_key, Outcome.REJECTED, 0)
            return Outcome.REJECTED
        return answer


class RefusedIsFinal(Withdrawals):
    """A call that is refused releases the hold, although an earlier one under the same key may be on its way (RC5, RC2)."""

    def _bring_to_an_end(self, row: Row) -> Receipt:
        try:
            return self.atm.perform(row.order_key, row.amount)
        except (ExternalRefused, ExternalTimeout):
            return Receipt(row.order_key, Status.DECLINED)


class NoAnswerMeansFailed(Withdrawals):
    """An inquiry that ends without a definite status is taken for failure (RC5, RC2)."""

    def _look_after(self, row: Row) -> None:
        receipt = self.atm.inquire(row.order_key)
        if receipt.status == Status.UNAVAILABLE:
            self._resolve(row.order_key, Outcome.REJECTED, 0)
        else:
            super()._look_after(row)


class OpenMeansCancelled(Withdrawals):
    """An inquiry sees that the order is in progress, and calls it cancelled (RC5, RC2)."""

    def _look_after(self, row: Row) -> None:
        receipt = self.atm.inquire(row.order_key)
        if receipt.status == Status.IN_PROGRESS:
            self._resolve(row.order_key, Outcome.REJECTED, 0)
        else:
            super()._look_after(row)


class AbsentIsFailure(Withdrawals):
    """A hold is released when an inquiry knows of no order, though that may be on its way (RC5, RC2)."""

    def _look_after(self, row: Row) -> None:
        receipt = self.atm.inquire(row.order_key)
        self._learn(receipt._replace(status=Status.DECLINED) if receipt.status == Status.ABSENT else receipt)


class ExpiresByTheClock(Withdrawals):
    """A hold is released after a time, without asking (RC5, RC2)."""

    def _look_after(self, row: Row) -> None:
        if row.due <= self.clock.now():
            self._resolve(row.order_key, Outcome.REJECTED, 0)
        else:
            super()._look_after(row)


class VoidNotConfirmed(Withdrawals):
    """A void that was not answered counts as done (RC5, RC2)."""

    def _bring_to_an_end(self, row: Row) -> Receipt:
        with suppress(ExternalRefused, ExternalTimeout):
            return self.atm.void(row.order_key)
        return Receipt(row.order_key, Status.VOIDED)


class VoidAnswerIgnored(Withdrawals):
    """After a void the hold is released, whatever the answer says (RC5, RC2)."""

    def _bring_to_an_end(self, row: Row) -> Receipt:
        receipt = super()._bring_to_an_end(row)
        ignored = self.atm.voidable and receipt.status != Status.UNAVAILABLE
        return receipt._replace(status=Status.VOIDED) if ignored else receipt


class NoTimer(Withdrawals):
    """Only a definite answer ends a hold; where the order never arrived nothing does (G6)."""

    def _bring_to_an_end(self, row: Row) -> Receipt:
        return Receipt(row.order_key, Status.UNAVAILABLE)


class LooksOnlyAtStart(Withdrawals):
    """Looks after what is pending whenever a process starts, and at no other time (RC1, RC9, G6)."""

    def tick(self) -> None:
        """Do nothing: there is recovery."""

    def recover(self) -> None:
        """Ask after whatever is held."""
        super().tick()


class PendingForgotten(Withdrawals):
    """Nobody looks after what was not answered, nor after what a crash left (RC9, RC1, G6)."""

    def tick(self) -> None:
        """Do nothing."""


# Callbacks and statements.


class CallbackCountsToo(Withdrawals):
    """What was paid is booked by the reply and once more by the callback (RC3)."""

    def on_callback(self, event: Receipt) -> None:
        """Book it, resolved or not."""
        self._learn(event)
        if event.status == Status.DONE:
            with self.engine.begin() as connection:
                row = connection.execute(of_order, {"k": event.key}).one()
                connection.execute(settle, {"user": row.user, "amount": 0, "cash": event.amount})


class CallbackRegresses(Withdrawals):
    """A late callback that the order is in progress makes it pending again (RC8)."""

    def on_callback(self, event: Receipt) -> None:
        """Take over what it says."""
        if event.status == Status.IN_PROGRESS:
            with self.engine.begin() as connection:
                statement = sa.update(withdrawals).where(withdrawals.c.order_key == event.key)
                connection.execute(statement.values(state=HELD))
        else:
            self._learn(event)


class StatementIgnored(Withdrawals):
    """The statement is not looked at (RC10)."""

    def reconcile(self, statement: Sequence[Receipt]) -> None:
        """Do nothing."""


class ReconcilesInFlight(Withdrawals):
    """What a statement does not show is released, though it may be under way (RC5, RC2)."""

    def reconcile(self, statement: Sequence[Receipt]) -> None:
        """Make the books equal to the statement."""
        super().reconcile(statement)
        shown = {receipt.key for receipt in statement}
        with self.engine.connect() as connection:
            rows = connection.execute(unresolved).all()
        for row in rows:
            if row.order_key not in shown:
                self._resolve(row.order_key, Outcome.REJECTED, 0)


class NoLongerAsked(Withdrawals):
    """Asks five hundred times after a withdrawal, and then waits for a restart (G6, RC1)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.asked: Counter[str] = Counter()

    def _look_after(self, row: Row) -> None:
        self.asked[row.order_key] += 1
        if self.asked[row.order_key] <= MOST:
            super()._look_after(row)


class WatchedInMemory(Withdrawals):
    """Leaves a withdrawal that was not answered to a timer in memory, which a crash takes along (RC9, G6)."""

    _watch = sa.update(withdrawals).where(withdrawals.c.order_key == sa.bindparam("k")).values(due=FOREVER)

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.watched: set[str] = set()

    def _call(self, key: str, order_key: str, amount: int) -> Answer:
        answer = super()._call(key, order_key, amount)
        if answer == "pending":
            self.watched.add(order_key)
            with self.engine.begin() as connection:
                connection.execute(self._watch, {"k": order_key})
        return answer

    def _look_after(self, row: Row) -> None:
        if row.due < FOREVER or row.order_key in self.watched:
            super()._look_after(row)
