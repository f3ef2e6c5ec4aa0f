"""Mutants of the writing half of the outbox: transactions, guards and keys."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from acidtest.environment import Outcome
from acidtest.impl.outbox import Outbox, accounts, answered, claim_key, metadata, outbox, requests

_of_id = outbox.c.id == sa.bindparam("i")


# The writer.


class PublishOutsideTransaction(Outbox):
    """Publishes after COMMIT and owes nothing: a crash in between loses the message (OB3)."""

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        """Withdraw, then publish."""
        if amount <= 0:
            return Outcome.REJECTED
        with self.engine.begin() as connection:
            known = self._answered(connection, key, account, amount)
            outcome = known or self._decide(connection, key, account, amount)
        if known is None and outcome == Outcome.OK:
            self.broker.publish(**self._message(key, account, amount))
        return outcome

    def _enqueue(self, connection: sa.Connection, key: str, account: str, amount: int) -> None:
        """Owe nothing."""


class PublishInsideTransaction(Outbox):
    """Publishes before COMMIT, so a message may be out whose withdrawal never happens (OB2)."""

    def _enqueue(self, connection: sa.Connection, key: str, account: str, amount: int) -> None:  # noqa: ARG002
        self.broker.publish(**self._message(key, account, amount))


class Bypass(Outbox):
    """Hands large withdrawals to the broker at once, past the outbox (OB1, OB2)."""

    def _enqueue(self, connection: sa.Connection, key: str, account: str, amount: int) -> None:
        if amount > 50:  # noqa: PLR2004
            self.broker.publish(**self._message(key, account, amount))
        else:
            super()._enqueue(connection, key, account, amount)


class InlinePublisher(Outbox):
    """Publishes right after COMMIT as well, without claiming the row: the relay publishes it too (OB4, OB5)."""

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        """Withdraw, and take the fast path."""
        outcome = super().execute(key, account, amount)
        if outcome == Outcome.OK:
            self.broker.publish(**self._message(key, account, amount))
            with self.engine.begin() as connection:
                connection.execute(sa.update(outbox).where(_of_id).values(published=True), {"i": key})
        return outcome


class EnqueueInOwnTransaction(Outbox):
    """Commits the message on its own, after the withdrawal (OB1, OB3)."""

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        """Withdraw, then enqueue."""
        if amount <= 0:
            return Outcome.REJECTED
        with self.engine.begin() as connection:
            known = self._answered(connection, key, account, amount)
            outcome = known or self._decide(connection, key, account, amount)
        if known is None and outcome == Outcome.OK:
            with self.engine.begin() as connection:
                super()._enqueue(connection, key, account, amount)
        return outcome

    def _enqueue(self, connection: sa.Connection, key: str, account: str, amount: int) -> None:
        """Leave it for later."""


class RetriedTooLate(Outbox):
    """Keeps a message that could not be enqueued for a second try, and commits the withdrawal without it (OB1, OB3)."""

    later: tuple[Any, ...] = ()

    def _enqueue(self, connection: sa.Connection, key: str, account: str, amount: int) -> None:
        again, self.later = self.later, ()
        for arguments in (*again, (key, account, amount)):
            try:
                super()._enqueue(connection, *arguments)
            except OperationalError:
                self.later = (*self.later, arguments)


class SwallowedError(Outbox):
    """Swallows the database's errors and says ok (G4)."""

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        """Withdraw."""
        try:
            return super().execute(key, account, amount)
        except SQLAlchemyError:
            return Outcome.OK


class ErrorIsRejection(Outbox):
    """Answers rejected where a statement has failed, although nothing was decided: the funds suffice (G4)."""

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        """Make a rejection of every error."""
        try:
            return super().execute(key, account, amount)
        except SQLAlchemyError:
            return Outcome.REJECTED


class RowcountUnchecked(Outbox):
    """Takes an UPDATE of no rows for a withdrawal, and announces it (G4, OB2)."""

    def _withdraw(self, connection: sa.Connection, account: str, amount: int) -> bool:
        super()._withdraw(connection, account, amount)
        return True


class FundsUnchecked(Outbox):
    """Withdraws what is not there, and no constraint stands in the way (G2)."""

    def install(self, opening: dict[str, int]) -> None:
        """Create the accounts without their constraint."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE accounts (id TEXT PRIMARY KEY, balance INTEGER NOT NULL)")
        super().install(opening)

    def _withdraw(self, connection: sa.Connection, account: str, amount: int) -> bool:
        less = sa.update(accounts).where(accounts.c.id == account).values(balance=accounts.c.balance - amount)
        return connection.execute(less).rowcount == 1


class LastUnitKept(Outbox):
    """Wants more to be there than is withdrawn: nobody can withdraw the last unit (G11)."""

    def _withdraw(self, connection: sa.Connection, account: str, amount: int) -> bool:
        there = accounts.c.balance > amount
        less = sa.update(accounts).where(accounts.c.id == account, there).values(balance=accounts.c.balance - amount)
        return connection.execute(less).rowcount == 1


class AnyAmount(Outbox):
    """Accepts amounts below zero: a withdrawal that pays in (G4, G12)."""

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        """Withdraw whatever is asked for."""
        with self.engine.begin() as connection:
            known = self._answered(connection, key, account, amount)
            return known or self._decide(connection, key, account, amount)


class BalanceReadBefore(Outbox):
    """Reads the balance before the transaction and writes it back changed (G1, G4, G5)."""

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        """Read, then withdraw."""
        self.balance = self.balances().get(account, 0)
        return super().execute(key, account, amount)

    def _withdraw(self, connection: sa.Connection, account: str, amount: int) -> bool:
        after = self.balance - amount
        return after >= 0 and connection.execute(_set_balance, {"a": account, "after": after}).rowcount == 1


_set_balance = sa.update(accounts).where(accounts.c.id == sa.bindparam("a")).values(balance=sa.bindparam("after"))


class WritesBackAll(Outbox):
    """Writes back every account that it has read before the transaction, also those that it does not change (G1, G4, G5)."""

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        """Read all, then withdraw."""
        self.seen = self.balances()
        return super().execute(key, account, amount)

    def _withdraw(self, connection: sa.Connection, account: str, amount: int) -> bool:
        paid = super()._withdraw(connection, account, amount)
        for name, balance in self.seen.items():
            if paid and name != account:
                connection.execute(_set_balance, {"a": name, "after": balance})
        return paid


# Keys.


class KeyCheckedBefore(Outbox):
    """Looks for the key before the transaction: two requests at once both find nothing (G3, G4)."""

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        """Look, then withdraw."""
        with self.engine.connect() as connection:
            self.known = connection.execute(answered, {"k": key}).one_or_none()
        return super().execute(key, account, amount)

    def _answered(self, connection: sa.Connection, key: str, account: str, amount: int) -> Outcome | None:
        if self.known is None:
            connection.execute(claim_key, {"key": key, "account": account, "amount": amount})
            return None
        return super()._answered(connection, key, account, amount)


class NullInUniqueKey(Outbox):
    """Keys are unique per tenant, and nobody has a tenant: NULLs are distinct (G3, G4)."""

    def _answered(self, connection: sa.Connection, key: str, account: str, amount: int) -> Outcome | None:
        if connection.execute(_claim_tenants_key, {"key": key}).rowcount == 0:
            return Outcome.OK
        return super()._answered(connection, f"{key}/{self.new_id()}", account, amount)


_tenants_keys = sa.Table(
    "tenants_keys", metadata,
    sa.Column("tenant", sa.Text),
    sa.Column("key", sa.Text, nullable=False),
    sa.UniqueConstraint("tenant", "key"),
)  # fmt: skip
_claim_tenants_key = sa.text("INSERT INTO tenants_keys (tenant, key) VALUES (NULL, :key) ON CONFLICT DO NOTHING")


class RejectionForgotten(Outbox):
    """Remembers only successes, so a key that was refused can be used again (G7)."""

    def _decide(self, connection: sa.Connection, key: str, account: str, amount: int) -> Outcome:
        outcome = super()._decide(connection, key, account, amount)
        if outcome == Outcome.REJECTED:
            connection.execute(sa.delete(requests).where(requests.c.key == key))
        return outcome


class PayloadNotCompared(Outbox):
    """Gives the first answer to every payload under a key (G4, G7)."""

    def _answered(self, connection: sa.Connection, key: str, account: str, amount: int) -> Outcome | None:
        if super()._answered(connection, key, account, amount) is None:
            return None
        return Outcome(connection.execute(answered, {"k": key}).one().outcome)


class KeyInProgress(Outbox):
    """Claims the key in a transaction of its own, with neither owner nor expiry: a crash wedges it (G9)."""

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        """Claim the key, then withdraw."""
        if amount <= 0:
            return Outcome.REJECTED
        with self.engine.begin() as connection:
            known = super()._answered(connection, key, account, amount)
            if known is None:
                connection.execute(_set_outcome, {"k": key, "to": "pending"})
        if known is not None:
            return known
        with self.engine.begin() as connection:
            connection.execute(_set_outcome, {"k": key, "to": "ok"})
            return self._decide(connection, key, account, amount)


_set_outcome = sa.update(requests).where(requests.c.key == sa.bindparam("k")).values(outcome=sa.bindparam("to"))
