"""Mutants of reserve/confirm: PATTERNS 14, the cross-cutting ones of section 0, and fixes that are half a fix."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from acidtest.environment import ExternalRefused, ExternalTimeout, Outcome, Receipt, Status
from acidtest.impl.broken import Mutant
from acidtest.impl.reserve_confirm import (
    HELD,
    Answer,
    Row,
    Withdrawals,
    accounts,
    answer_of,
    known,
    of_order,
    resolve,
    settle,
    unresolved,
    withdrawals,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Environment


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


class PendingForgotten(Withdrawals):
    """Nobody looks after what was not answered, nor after what a crash left (RC9, RC1, G6)."""

    def tick(self) -> None:
        """Do nothing."""


# What was paid, and what is booked.


class SuccessFlagIgnored(Withdrawals):
    """A reply is a success, whatever it says (RC3, G4)."""

    def _call(self, key: str, order_key: str, amount: int) -> Answer:
        try:
            self.atm.perform(order_key, amount)
        except (ExternalRefused, ExternalTimeout):
            return "pending"
        self._resolve(order_key, Outcome.OK, amount)
        return self.status(key) or "pending"


class ConfirmBeforeExternal(Withdrawals):
    """The withdrawal is booked before the cash machine is called (RC3, G4)."""

    def _call(self, key: str, order_key: str, amount: int) -> Answer:
        self._resolve(order_key, Outcome.OK, amount)
        return super()._call(key, order_key, amount)


class FullCapture(Withdrawals):
    """What was held is booked, though only a part was paid (RC3)."""

    def _resolve(self, order_key: str, outcome: Outcome, cash: int) -> None:
        with self.engine.begin() as connection:
            row = connection.execute(resolve, {"k": order_key, "outcome": outcome.value, "cash": cash}).one_or_none()
            if row is not None:
                cash = row.amount if cash else 0
                connection.execute(settle, {"user": row.user, "amount": row.amount, "cash": cash})


class RestStaysHeld(Withdrawals):
    """After a part was paid, the rest of the hold is never given back (G6)."""

    def _resolve(self, order_key: str, outcome: Outcome, cash: int) -> None:
        with self.engine.begin() as connection:
            row = connection.execute(resolve, {"k": order_key, "outcome": outcome.value, "cash": cash}).one_or_none()
            if row is not None:
                connection.execute(settle, {"user": row.user, "amount": cash or row.amount, "cash": cash})


class ErrorLosesHold(Withdrawals):
    """A reply of an unexpected amount raises when the hold is marked as resolved and nothing is booked yet (RC1, G6)."""

    def _call(self, key: str, order_key: str, amount: int) -> Answer:
        with suppress(ValueError):
            return super()._call(key, order_key, amount)
        return "pending"

    def _resolve(self, order_key: str, outcome: Outcome, cash: int) -> None:
        with self.engine.begin() as connection:
            row = connection.execute(resolve, {"k": order_key, "outcome": outcome.value, "cash": cash}).one_or_none()
            expected = row is None or cash in (0, row.amount)
            if row is not None and expected:
                connection.execute(settle, {"user": row.user, "amount": row.amount, "cash": cash})
        if not expected:
            error = f"{cash} was paid for {order_key}"
            raise ValueError(error)


class ReleaseNotOnFailed(Withdrawals):
    """What was declined is marked so, and its hold is never released (G6)."""

    def _resolve(self, order_key: str, outcome: Outcome, cash: int) -> None:
        if outcome == Outcome.OK:
            super()._resolve(order_key, outcome, cash)
        else:
            with self.engine.begin() as connection:
                connection.execute(resolve, {"k": order_key, "outcome": outcome.value, "cash": cash})


class ReleaseIsCredit(Withdrawals):
    """A release is booked as a refund: the balance rises by what was never taken (RC12, RC2, RC1)."""

    def _resolve(self, order_key: str, outcome: Outcome, cash: int) -> None:
        with self.engine.begin() as connection:
            row = connection.execute(resolve, {"k": order_key, "outcome": outcome.value, "cash": cash}).one_or_none()
            if row is not None:
                credit = cash or -row.amount
                connection.execute(settle, {"user": row.user, "amount": row.amount, "cash": credit})


class UnguardedRelease(AbsentIsFailure):
    """Whoever comes last resolves a hold: one that was posted is called failed by who found no order (RC5, RC7)."""

    def _resolve(self, order_key: str, outcome: Outcome, cash: int) -> None:
        with self.engine.begin() as connection:
            row = connection.execute(of_order, {"k": order_key}).one()
            statement = sa.update(withdrawals).where(withdrawals.c.order_key == order_key)
            connection.execute(statement.values(state=outcome.value))
            if row.state == HELD:
                connection.execute(settle, {"user": row.user, "amount": row.amount, "cash": cash})


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


# Keys.


class KeyIgnored(Withdrawals):
    """There is no client key: a customer who asks again gets another withdrawal (RC4, MODEL)."""

    def __init__(self, env: Environment) -> None:
        """Keep the source of keys."""
        super().__init__(env)
        self.new_id = env.new_id

    def withdraw(self, client_key: str, user: str, amount: int) -> Answer:  # noqa: ARG002 - that is the bug
        """Withdraw under a key of its own."""
        return super().withdraw(self.new_id(), user, amount)


class PendingHidden(Withdrawals):
    """What is pending is not seen as the same withdrawal: asked for again, it is ordered again (RC4, RC5)."""

    def _known(self, connection: sa.Connection, key: str, user: str, amount: int) -> Answer:
        answer = super()._known(connection, key, user, amount)
        return self._call(key, f"order of {key}, again", amount) if answer == "pending" else answer


class OrderKeyPerAttempt(Withdrawals):
    """The cash machine is told again under another key (RC4)."""

    def _bring_to_an_end(self, row: Row) -> Receipt:
        if self.atm.voidable or not self.atm.idempotent:
            return super()._bring_to_an_end(row)
        with suppress(ExternalRefused, ExternalTimeout):
            receipt = self.atm.perform(f"{row.order_key} at {self.clock.now():.0f}", row.amount)
            return receipt._replace(key=row.order_key)
        return Receipt(row.order_key, Status.UNAVAILABLE)


class RepeatsBlindly(Withdrawals):
    """A cash machine that does not recognise repetitions is told again (RC4)."""

    def _bring_to_an_end(self, row: Row) -> Receipt:
        with suppress(ExternalRefused, ExternalTimeout):
            return self.atm.perform(row.order_key, row.amount)
        return Receipt(row.order_key, Status.UNAVAILABLE)


class PayloadNotCompared(Withdrawals):
    """The same key with another amount gets the answer of the first (G7, G4)."""

    def _known(self, connection: sa.Connection, key: str, user: str, amount: int) -> Answer:  # noqa: ARG002
        return answer_of(connection.execute(known, {"k": key}).one().state)


class RejectionForgotten(Withdrawals):
    """A refusal for want of funds is not recorded under the key: asked again, it is paid (RC8, RC11, G7)."""

    def _reserve(self, connection: sa.Connection, key: str, user: str, amount: int, order_key: str) -> Answer | None:
        answer = super()._reserve(connection, key, user, amount, order_key)
        connection.execute(
            sa.delete(withdrawals).where(withdrawals.c.key == key, withdrawals.c.state == Outcome.REJECTED.value)
        )
        return answer


attempts = sa.Table(
    "attempts", sa.MetaData(),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("again", sa.Boolean, nullable=False),
    sa.UniqueConstraint("key", "again"),
)  # fmt: skip


class AuditedBeforeChecked(Withdrawals):
    """The attempt is recorded before the key is looked up, and the third one fails for ever (MODEL)."""

    def install(self, opening: dict[str, int]) -> None:
        """Create the table of attempts, too."""
        super().install(opening)
        attempts.create(self.engine)

    def _reserve(self, connection: sa.Connection, key: str, user: str, amount: int, order_key: str) -> Answer | None:
        again = connection.execute(known, {"k": key}).one_or_none() is not None
        connection.execute(sa.insert(attempts), {"key": key, "again": again})
        return super()._reserve(connection, key, user, amount, order_key)


# Holds.


class StaleHoldsExcluded(Withdrawals):
    """Holds that have lasted too long no longer count, though their orders may still be paid: what is due cannot be booked (G9)."""

    def _hold(self, connection: sa.Connection, user: str, amount: int) -> bool:
        recent = sa.and_(withdrawals.c.user == user, withdrawals.c.state == HELD, withdrawals.c.due > self.clock.now())
        total = sa.select(sa.func.coalesce(sa.func.sum(withdrawals.c.amount), 0) - amount).where(recent).scalar_subquery()
        connection.execute(sa.update(accounts).where(accounts.c.id == user).values(held=total))
        return super()._hold(connection, user, amount)


class HoldsNotTakenOff(Withdrawals):
    """What is held is still shown as available (RC6)."""

    def account(self, user: str) -> dict[str, int]:
        """The balance is available."""
        found = super().account(user)
        return found | {"available": found["balance"]}


class RowcountUnchecked(Withdrawals):
    """That no row was updated counts as a hold, and the order goes out (G12, RC2)."""

    def _hold(self, connection: sa.Connection, user: str, amount: int) -> bool:
        super()._hold(connection, user, amount)
        return True


class LastUnitKept(Withdrawals):
    """The last unit of an account can never be held (G11)."""

    def _hold(self, connection: sa.Connection, user: str, amount: int) -> bool:
        return super()._hold(connection, user, amount + 1) and self._free_one(connection, user)

    def _free_one(self, connection: sa.Connection, user: str) -> bool:
        connection.execute(settle, {"user": user, "amount": 1, "cash": 0})
        return True


class AnyAmount(Withdrawals):
    """Nobody looks at the amount: nothing is withdrawn, and less than that (G12, G9)."""

    def withdraw(self, client_key: str, user: str, amount: int) -> Answer:
        """Withdraw whatever is asked for."""
        order_key = self._order_key(client_key)
        with self.engine.begin() as connection:
            answer = self._reserve(connection, client_key, user, amount, order_key)
        return answer or self._call(client_key, order_key, amount)


class CallInsideTransaction(Withdrawals):
    """The cash machine is called before the hold is committed (RC2, RC9)."""

    def withdraw(self, client_key: str, user: str, amount: int) -> Answer:
        """Do it all at once."""
        if amount <= 0:
            return Outcome.REJECTED
        order_key = self._order_key(client_key)
        try:
            with self.engine.begin() as connection:
                answer = self._reserve(connection, client_key, user, amount, order_key)
                if answer is not None:
                    return answer
                receipt = self.atm.perform(order_key, amount)
        except (ExternalRefused, ExternalTimeout):
            return "pending"
        self._learn(receipt)
        return self.status(client_key) or "pending"


class SwallowedError(Withdrawals):
    """An error of the database is ignored, and the order goes out without a hold (RC2)."""

    def withdraw(self, client_key: str, user: str, amount: int) -> Answer:
        """Carry on."""
        if amount <= 0:
            return Outcome.REJECTED
        order_key, answer = self._order_key(client_key), None
        with suppress(SQLAlchemyError), self.engine.begin() as connection:
            answer = self._reserve(connection, client_key, user, amount, order_key)
        return answer or self._call(client_key, order_key, amount)


MUTANTS: tuple[Mutant, ...] = (
    Mutant("timeout-is-failure", TimeoutIsFailure, ("RC5", "RC2")),
    Mutant("refused-is-final", RefusedIsFinal, ("RC5", "RC2")),
    Mutant("stream-ended=failed", NoAnswerMeansFailed, ("RC5", "RC2")),
    Mutant("open-means-cancelled", OpenMeansCancelled, ("RC5", "RC2")),
    Mutant("absent-is-failure", AbsentIsFailure, ("RC5", "RC2")),
    Mutant("expire-by-time (N2)", ExpiresByTheClock, ("RC5", "RC2")),
    Mutant("void-not-confirmed", VoidNotConfirmed, ("RC5", "RC2")),
    Mutant("void-answer-ignored", VoidAnswerIgnored, ("RC5", "RC2")),
    Mutant("expire-timer-on-decline-only", NoTimer, ("G6",)),
    Mutant("pending-forgotten", PendingForgotten, ("RC9", "RC1", "G6")),
    Mutant("success-flag-ignored", SuccessFlagIgnored, ("RC3", "G4")),
    Mutant("confirm-before-external", ConfirmBeforeExternal, ("RC3", "G4")),
    Mutant("partial-dispense-full-capture", FullCapture, ("RC3",)),
    Mutant("rest-stays-held", RestStaysHeld, ("G6",)),
    Mutant("error-loses-hold", ErrorLosesHold, ("RC1", "G6")),
    Mutant("release-not-on-failed", ReleaseNotOnFailed, ("G6",)),
    Mutant("release-is-credit", ReleaseIsCredit, ("RC12", "RC2", "RC1")),
    Mutant("unguarded-release", UnguardedRelease, ("RC5", "RC7")),
    Mutant("webhook-vs-sync-double-count", CallbackCountsToo, ("RC3",)),
    Mutant("webhook-regresses-state", CallbackRegresses, ("RC8",)),
    Mutant("statement-ignored", StatementIgnored, ("RC10",)),
    Mutant("reconcile-in-flight", ReconcilesInFlight, ("RC5", "RC2")),
    Mutant("user-retry-new-txn", KeyIgnored, ("RC4", "MODEL")),
    Mutant("pending-hidden-from-user", PendingHidden, ("RC4", "RC5")),
    Mutant("order-key-per-attempt", OrderKeyPerAttempt, ("RC4",)),
    Mutant("repeats-blindly (N1)", RepeatsBlindly, ("RC4",)),
    Mutant("payload-not-compared (X13)", PayloadNotCompared, ("G7", "G4")),
    Mutant("rejection-forgotten (X3)", RejectionForgotten, ("RC8", "RC11", "G7")),
    Mutant("idempotency-check-after-audit-insert", AuditedBeforeChecked, ("MODEL",)),
    Mutant("stale-hold-excluded", StaleHoldsExcluded, ("G9",)),
    Mutant("holds-not-taken-off", HoldsNotTakenOff, ("RC6",)),
    Mutant("rowcount-unchecked (X8)", RowcountUnchecked, ("G12", "RC2")),
    Mutant("last-unit-kept", LastUnitKept, ("G11",)),
    Mutant("any-amount", AnyAmount, ("G12", "G9")),
    Mutant("foreign-call-inside-transaction (X15)", CallInsideTransaction, ("RC2", "RC9")),
    Mutant("swallowed-error (X6)", SwallowedError, ("RC2",)),
)
NOT_HERE: dict[str, str] = {
    "consume-locks-by-rows": "a hold is one row with an amount, so there are no rows of units to count; rest-stays-held is its like",
    "dedup-cleaned-in-two-steps (X4)": "a key is bound for ever: nothing at the port cleans keys, or asks again after retention",
    "cancelled-error-skipped (X5)": "the reference is not asynchronous; adapters that are get cancelled in every scope where processes may crash",
    "null-in-unique-key (X7)": "the client's key is the primary key, which is never NULL here",
    "naive-and-aware-datetimes (X9)": "the clock of the port counts seconds, so there are no datetimes to compare",
    "key-crosses-tenants (X11)": "the port has one tenant and one cash machine",
    "claimed-without-expiry (X14)": "a hold is no claim: any process may look after it, so none can be wedged with an owner",
    "refund-instead-of-void (N4)": "the cash machine does not take back what it has paid, so only a release can be confused",
    "device-duplicates (N5)": "of a device that sends an order twice under two keys the bank learns by a statement after the fact alone",
}
