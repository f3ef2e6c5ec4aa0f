"""Mutants of the side that decides: transactions, guards and keys, and how events come to be."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from acidtest.environment import Outcome
from acidtest.impl.cqrs import (
    AccountViews,
    accounts,
    answered,
    claim_key,
    events,
    requests,
)

_Answer = Any


class EventInOwnTransaction(AccountViews):
    """Commits the change first and its event after that: a crash in between, and the view never learns (CQ1)."""

    later: tuple[Any, ...] = ()

    def handle(self, key: str, account: str, amount: int) -> _Answer:
        """Decide, then append."""
        self._forget()
        answer = super().handle(key, account, amount)
        if self.later:
            with self.bank.begin() as connection:
                super()._append(connection, *self.later)
        return answer

    def _forget(self) -> None:
        self.later = ()

    def _append(self, connection: sa.Connection, account: str, version: int, amount: int, *, closes: bool = False) -> None:
        if closes or version == 1:
            super()._append(connection, account, version, amount, closes=closes)
        else:
            self.later = account, version, amount


class EventBeforeCommit(AccountViews):
    """Appends the event in a transaction of its own before the change commits, which may never happen (CQ4)."""

    def handle(self, key: str, account: str, amount: int) -> _Answer:
        """Announce, then decide."""
        with self.bank.begin() as connection:
            known = connection.execute(answered, {"k": key}).one_or_none()
            found = connection.execute(_account, {"a": account}).one_or_none()
            if known is None and found is not None and amount and found.balance + amount >= 0 and not found.closed:
                super()._append(connection, account, found.version + 1, amount)
        return super().handle(key, account, amount)

    def _append(self, connection: sa.Connection, account: str, version: int, amount: int, *, closes: bool = False) -> None:
        if closes or version == 1:
            super()._append(connection, account, version, amount, closes=closes)


_account = sa.select(accounts).where(accounts.c.id == sa.bindparam("a"))


class LateCommitPassedOver(AccountViews):
    """Numbers events by a sequence: a number that is lower may become visible later, and is passed over then (CQ1, CQ3)."""

    def install(self, opening: dict[str, int]) -> None:
        """Create the sequence."""
        with self.bank.begin() as connection:
            connection.exec_driver_sql("CREATE SEQUENCE numbers")
        super().install(opening)

    def _append(self, connection: sa.Connection, account: str, version: int, amount: int, *, closes: bool = False) -> None:
        position = connection.execute(_number).scalar_one()
        event = {"position": position, "account": account, "version": version, "amount": amount, "closes": closes}
        connection.execute(sa.insert(events), event)


_number = sa.text("SELECT nextval('numbers')")


class DecidedOnTheView(AccountViews):
    """Decides commands on what the view shows: two of them on one stale view overdraw (G2)."""

    def install(self, opening: dict[str, int]) -> None:
        """Create the accounts without their constraint."""
        with self.bank.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TABLE accounts (id TEXT PRIMARY KEY, balance BIGINT NOT NULL, version INTEGER NOT NULL, closed BOOLEAN NOT NULL)"
            )
        super().install(opening)

    def _change(self, connection: sa.Connection, account: str, amount: int) -> int | None:
        balance = self._shown(account).balance
        if balance is None or balance + amount < 0:
            return None
        version: int | None = connection.execute(_unchecked, {"account": account, "amount": amount}).scalar()
        return version


_unchecked = (
    sa.update(accounts)
    .where(accounts.c.id == sa.bindparam("account"), ~accounts.c.closed)
    .values(balance=accounts.c.balance + sa.bindparam("amount"), version=accounts.c.version + 1)
    .returning(accounts.c.version)
)


class ClosedIsUsed(AccountViews):
    """Changes closed accounts as well, and says ok (G4)."""

    def _change(self, connection: sa.Connection, account: str, amount: int) -> int | None:
        enough = accounts.c.balance + amount >= 0
        changed = sa.update(accounts).where(accounts.c.id == account, enough)
        with_version = changed.values(balance=accounts.c.balance + amount, version=accounts.c.version + 1).returning(accounts.c.version)
        version: int | None = connection.execute(with_version).scalar()
        return version


class LastUnitKept(AccountViews):
    """Wants more to be there than is taken out: nobody can withdraw the last unit (G4, G11)."""

    def _change(self, connection: sa.Connection, account: str, amount: int) -> int | None:
        return super()._change(connection, account, amount) if self._leaves_something(connection, account, amount) else None

    def _leaves_something(self, connection: sa.Connection, account: str, amount: int) -> bool:
        found = connection.execute(_account, {"a": account}).one_or_none()
        return found is not None and found.balance + amount > 0


class AnyAmount(AccountViews):
    """Accepts amounts of nothing (G4, G12)."""

    def handle(self, key: str, account: str, amount: int) -> _Answer:
        """Decide whatever is asked for."""
        with self.bank.begin() as connection:
            return self._answered(connection, key, account, amount) or self._decide(connection, key, account, amount)


class BalanceReadBefore(AccountViews):
    """Reads the balance before the transaction and writes it back changed (G1, G4, G5)."""

    def handle(self, key: str, account: str, amount: int) -> _Answer:
        """Read, then decide."""
        self.balance = self.balances().get(account)
        return super().handle(key, account, amount)

    def _change(self, connection: sa.Connection, account: str, amount: int) -> int | None:
        if self.balance is None or self.balance + amount < 0:
            return None
        changed = sa.update(accounts).where(accounts.c.id == account, ~accounts.c.closed)
        with_version = changed.values(balance=self.balance + amount, version=accounts.c.version + 1).returning(accounts.c.version)
        version: int | None = connection.execute(with_version).scalar()
        return version


class SwallowedError(AccountViews):
    """Swallows the database's errors and says ok (G4)."""

    def handle(self, key: str, account: str, amount: int) -> _Answer:
        """Decide."""
        try:
            return super().handle(key, account, amount)
        except SQLAlchemyError:
            return Outcome.OK


class ErrorIsRejection(AccountViews):
    """Answers rejected where a statement has failed, although nothing was decided: the funds suffice (G4)."""

    def handle(self, key: str, account: str, amount: int) -> _Answer:
        """Make a rejection of every error."""
        try:
            return super().handle(key, account, amount)
        except SQLAlchemyError:
            return Outcome.REJECTED


class KeyCheckedBefore(AccountViews):
    """Looks for the key before the transaction: two commands at once both find nothing (G3, G4)."""

    def handle(self, key: str, account: str, amount: int) -> _Answer:
        """Look, then decide."""
        with self.bank.connect() as connection:
            self.known = connection.execute(answered, {"k": key}).one_or_none()
        return super().handle(key, account, amount)

    def _answered(self, connection: sa.Connection, key: str, account: str, amount: int) -> _Answer:
        if self.known is None:
            connection.execute(claim_key, {"key": key, "account": account, "amount": amount})
            return None
        return super()._answered(connection, key, account, amount)


class RejectionForgotten(AccountViews):
    """Remembers only successes, so a key that was refused can be used again (G7)."""

    def _decide(self, connection: sa.Connection, key: str, account: str, amount: int) -> _Answer:
        answer = super()._decide(connection, key, account, amount)
        if answer == Outcome.REJECTED:
            connection.execute(sa.delete(requests).where(requests.c.key == key))
        return answer


class PayloadNotCompared(AccountViews):
    """Gives the first answer to every payload under a key (G4, G7)."""

    def _answered(self, connection: sa.Connection, key: str, account: str, amount: int) -> _Answer:
        if super()._answered(connection, key, account, amount) is None:
            return None
        return Outcome(connection.execute(answered, {"k": key}).one().outcome)


class KeyInProgress(AccountViews):
    """Claims the key in a transaction of its own, with neither owner nor expiry: a crash wedges it (G9)."""

    def handle(self, key: str, account: str, amount: int) -> _Answer:
        """Claim the key, then decide."""
        if amount == 0:
            return Outcome.REJECTED
        with self.bank.begin() as connection:
            known = super()._answered(connection, key, account, amount)
            found = connection.execute(answered, {"k": key}).one()
            if known is None:
                connection.execute(_set_outcome, {"k": key, "to": "pending"})
        if known is not None:
            if found.outcome == "pending":
                raise InProgressError(key)
            return known
        with self.bank.begin() as connection:
            connection.execute(_set_outcome, {"k": key, "to": "ok"})
            return self._decide(connection, key, account, amount)


class InProgressError(Exception):
    """Somebody else is at it."""


_set_outcome = sa.update(requests).where(requests.c.key == sa.bindparam("k")).values(outcome=sa.bindparam("to"))


class Reopened(AccountViews):
    """Takes a deposit for a wish to have the account back, and opens it again (G4, G5)."""

    def _change(self, connection: sa.Connection, account: str, amount: int) -> int | None:
        if amount > 0:
            connection.execute(sa.update(accounts).where(accounts.c.id == account).values(closed=False))
        return super()._change(connection, account, amount)
