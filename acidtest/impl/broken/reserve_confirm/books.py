"""Mutants of the money: what is held, and what is booked of what was paid."""

from __future__ import annotations

from contextlib import suppress

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from acidtest.environment import ExternalRefused, ExternalTimeout, Outcome
from acidtest.impl.broken.reserve_confirm.answers import AbsentIsFailure
from acidtest.impl.reserve_confirm import (
    HELD,
    Answer,
    Withdrawals,
    accounts,
    of_order,
    resolve,
    settle,
    withdrawals,
)

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


# Holds.


class StaleHoldsExcluded(Withdrawals):
    """Holds that have lasted too long no longer count, though their orders may still be paid: what is due cannot be booked (RC6)."""

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


class ErrorIsRejection(Withdrawals):
    """Answers rejected where a statement has failed, although nothing was decided, and nobody knows of it later (G4)."""

    def withdraw(self, client_key: str, user: str, amount: int) -> Answer:
        """Make a rejection of every error."""
        try:
            return super().withdraw(client_key, user, amount)
        except SQLAlchemyError:
            return Outcome.REJECTED


class ErrorIsPending(Withdrawals):
    """Answers pending where a statement has failed, although there is no withdrawal that could come to an end (G4)."""

    def withdraw(self, client_key: str, user: str, amount: int) -> Answer:
        """Put the customer off."""
        try:
            return super().withdraw(client_key, user, amount)
        except SQLAlchemyError:
            return "pending"


class HeldBeforeRow(Withdrawals):
    """Commits the hold before the withdrawal that it is for: who asks again after a crash holds it again (G1, G6)."""

    def withdraw(self, client_key: str, user: str, amount: int) -> Answer:
        """Hold first."""
        if amount <= 0:
            return Outcome.REJECTED
        self._is_held = False
        if self.status(client_key) is None:
            with self.engine.begin() as connection:
                self._is_held = super()._hold(connection, user, amount)
        return super().withdraw(client_key, user, amount)

    def _hold(self, connection: sa.Connection, user: str, amount: int) -> bool:  # noqa: ARG002 - it is done
        return self._is_held


# Where rows are locked, and not whole databases.


class HoldReadInside(Withdrawals):
    """Reads the account without locking it and writes the sum, in one transaction: another hold is overwritten (RC2)."""

    def _hold(self, connection: sa.Connection, user: str, amount: int) -> bool:
        row = connection.execute(sa.select(accounts).where(accounts.c.id == user)).one_or_none()
        if row is None or row.balance - row.held < amount:
            return False
        connection.execute(sa.update(accounts).where(accounts.c.id == user).values(held=row.held + amount))
        return True
