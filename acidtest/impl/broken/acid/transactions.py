"""Mutants that mistake what a statement or a COMMIT did, or when a transaction ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

from acidtest.environment import Outcome
from acidtest.impl.acid import ATTEMPTS, Transfer, Transfers, answered, credit, debit, refuse
from acidtest.impl.broken.acid.isolation import debit_anyway

if TYPE_CHECKING:
    from acidtest.environment import Environment


# Statements and their errors.


class ZeroRowsOk(Transfers):
    """Does not notice that the payee does not exist (ACID-C)."""

    def _debit(self, connection: sa.Connection, request: Transfer) -> bool:
        funded = sa.text(f"{debit_anyway} AND balance >= :amount")
        return connection.execute(funded, request._asdict()).rowcount == 1

    def _credit(self, connection: sa.Connection, request: Transfer) -> bool:
        connection.execute(credit, request._asdict())
        return True


class RowcountUnchecked(Transfers):
    """Takes every UPDATE that raised no error for done (G4, ACID-A)."""

    def _move(self, connection: sa.Connection, request: Transfer) -> bool:
        connection.execute(debit, request._asdict())
        connection.execute(credit, request._asdict())
        return True


class StrictComparison(Transfers):
    """Asks for more than the amount in the account: the last unit cannot be moved (G11)."""

    def _debit(self, connection: sa.Connection, request: Transfer) -> bool:
        both = "EXISTS (SELECT * FROM accounts AS payee WHERE payee.id = :target)"
        funded = sa.text(f"{debit_anyway} AND balance > :amount AND {both}")
        return connection.execute(funded, request._asdict()).rowcount == 1


class ErrorLeavesTransactionOpen(Transfers):
    """Commits by hand and forgets to roll back after an error: the lock stays taken (G9)."""

    def _insist(self, request: Transfer) -> Outcome:
        connection = self.engine.connect()
        self.connections = [*getattr(self, "connections", ()), connection]
        outcome = self._answered(connection, request) or self._decide(connection, request)
        connection.commit()
        return outcome


class SwallowStmtError(Transfers):
    """Goes on after an error of the debit, and commits the credit alone (ACID-A)."""

    def _debit(self, connection: sa.Connection, request: Transfer) -> bool:
        try:
            return super()._debit(connection, request)
        except OperationalError:
            return True


class SwallowedError(Transfers):
    """Swallows the error of the transaction and answers ok (G4)."""

    def _insist(self, request: Transfer) -> Outcome:
        try:
            return self._attempt(request)
        except DBAPIError:
            return Outcome.OK


class ErrorIsRejection(Transfers):
    """Answers rejected where a statement has failed, although nothing was decided: the funds suffice (G4)."""

    def _insist(self, request: Transfer) -> Outcome:
        try:
            return self._attempt(request)
        except DBAPIError:
            return Outcome.REJECTED


# Transactions and when they end.


class CommitOfDoomedTransaction(Transfers):
    """Goes on after a statement has failed: COMMIT answers ROLLBACK, which is no error, and the client is told ok (G4).

    In SQLite the same code commits half a transfer.
    """

    def _credit(self, connection: sa.Connection, request: Transfer) -> bool:
        try:
            return super()._credit(connection, request)
        except DBAPIError:
            return True


class PartialBatch(Transfers):
    """Debits in one transaction and credits in the next (ACID-A)."""

    def _attempt(self, request: Transfer) -> Outcome:
        with self.engine.begin() as connection:
            known = self._answered(connection, request)
            if known is None and not self._debit(connection, request):
                connection.execute(refuse, {"k": request.key})
                return Outcome.REJECTED
        if known is None:
            with self.engine.begin() as connection:
                self._credit(connection, request)
        return known or Outcome.OK


class AckBeforeCommit(Transfers):
    """Answers first and commits with the next transfer, to save a sync (ACID-D, G4)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.uncommitted: list[sa.Connection] = []

    def _attempt(self, request: Transfer) -> Outcome:
        while self.uncommitted:
            connection = self.uncommitted.pop()
            connection.commit()
            connection.close()
        connection = self.engine.connect()
        outcome = self._answered(connection, request) or self._decide(connection, request)
        self.uncommitted.append(connection)
        return outcome


class BlindRetryOnUnknown(Transfers):
    """Runs the transfer again after any error, also an unanswered COMMIT, under a key of its own for each attempt (G3)."""

    def _insist(self, request: Transfer) -> Outcome:
        for attempt in range(ATTEMPTS - 1):
            try:
                return self._attempt(self._numbered(request, attempt))
            except DBAPIError:
                continue
        return self._attempt(self._numbered(request, ATTEMPTS))

    def _numbered(self, request: Transfer, attempt: int) -> Transfer:
        return request._replace(key=f"{request.key}#{attempt}" if attempt else request.key)


class InquiryTooEarly(BlindRetryOnUnknown):
    """Half a fix: looks for the transfer before running it again, and takes "not there yet" for "never" (G3)."""

    def _attempt(self, request: Transfer) -> Outcome:
        try:
            return super()._attempt(request)
        except DBAPIError:
            with self.engine.connect() as connection:
                found = connection.execute(answered, {"k": request.key}).one_or_none()
            if found is None:
                raise
            return Outcome(found.outcome)
