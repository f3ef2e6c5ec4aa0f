"""Mutants of the three phases: votes, promises, acknowledgements."""

from __future__ import annotations

import sqlalchemy as sa

from acidtest.impl.three_phase_commit import (
    ABORTED,
    COMMITTED,
    DECIDED,
    FOLLOWING,
    MOVING,
    NO,
    PRECOMMIT,
    PRECOMMITTED,
    VOTE_REQ,
    VOTING,
    WAITING,
    YES,
    Part,
    Site,
    Transaction,
    accounts,
    move,
    transactions,
)


class SkipsAcks(Site):
    """The coordinator commits without waiting for the acknowledgements of PRECOMMIT (PAIRS, AC1)."""

    def move_up(self, transaction: Transaction) -> None:
        """Precommit, tell all others to, and commit."""
        moved = self.record(transaction._replace(status=PRECOMMITTED))
        self.tell(self.left(moved), PRECOMMIT, moved)
        self.decide(moved, COMMITTED)


class MajorityIsEnough(Site):
    """PRECOMMIT is sent when most sites have voted yes (AC3)."""

    def go_on(self, transaction: Transaction) -> None:
        """Go on with a majority."""
        part = self.parts[transaction.key]
        if part.role == VOTING and 2 * (1 + len(part.heard)) > len(transaction.sites):
            self.move_up(transaction)
        else:
            super().go_on(transaction)


class OverdueVoteAccepted(Site):
    """The coordinator goes on to the second phase without the vote of a site that has failed (AC3)."""

    def count_votes(self, transaction: Transaction, *, complete: bool) -> None:  # noqa: ARG002 - that is the bug
        """All that are left have voted."""
        self.move_up(transaction)


class VotesBeforeRecord(Site):
    """A site votes yes before that is on record, and writes it with what comes next (AC3, AC2)."""

    def __init__(self, env: object) -> None:
        """Nothing is unwritten yet."""
        super().__init__(env)  # type: ignore[arg-type]
        self.unwritten: dict[str, Transaction] = {}

    def on_message(self, sender: str, message: tuple[str, ...]) -> None:
        """Vote out of memory; write what was left before anything else."""
        told = Transaction(*message[1:])
        if message[0] == VOTE_REQ and self.state(told.key) is None and told.key not in self.unwritten:
            with self.engine.begin() as connection:
                can = self.can_pay(connection, told)
            if can:
                self.unwritten[told.key] = told._replace(status=WAITING, failed="")
                self.parts[told.key] = Part(FOLLOWING)
                self.tell([sender], YES, self.unwritten[told.key])
                return
        if told.key in self.unwritten:
            with self.engine.begin() as connection:
                connection.execute(sa.insert(transactions), self.unwritten.pop(told.key)._asdict())
        super().on_message(sender, message)


class TellsBeforeRecord(Site):
    """A coordinator sends PRECOMMIT before that is on record, and aborts what it finds waiting when it is back (AC1, PAIRS)."""

    def move_up(self, transaction: Transaction) -> None:
        """Tell, and then write."""
        moved = transaction._replace(status=PRECOMMITTED)
        self.parts[moved.key].lead(MOVING)
        self.tell(self.left(moved), PRECOMMIT, moved)
        self.go_on(self.record(moved))


class MoneyMovesEarly(Site):
    """Accounts change when a site precommits, for it can only commit then (G1)."""

    def record(self, transaction: Transaction) -> Transaction:
        """Move the money along with the record."""
        recorded = super().record(transaction)
        if transaction.status == PRECOMMITTED:
            with self.engine.begin() as connection:
                for account, change in self.changes(transaction).items():
                    connection.execute(move, {"account": account, "change": change})
        return recorded

    def end(self, transaction: Transaction, outcome: str) -> tuple[Transaction, set[str]]:
        """Only write how it ended."""
        ended = Site.record(self, transaction._replace(status=outcome))
        part = self.parts.pop(transaction.key, None)
        return ended, set() if part is None else part.curious


class CommitMovesTwice(Site):
    """A second copy of the decision moves the money again (G1)."""

    def repeat(self, sender: str, kind: str, transaction: Transaction) -> None:
        """Do as told, again."""
        if kind == DECIDED and transaction.status == COMMITTED:
            self.end(transaction, COMMITTED)
        else:
            super().repeat(sender, kind, transaction)


class HoldsNotCounted(Site):
    """What is promised already is not held back from the next one who asks (G2)."""

    def can_pay(self, connection: sa.Connection, asked: Transaction) -> bool:
        """Look at balances alone."""
        left = {row.id: row.balance for row in connection.execute(sa.select(accounts))}
        return all(account in left and left[account] + change >= 0 for account, change in self.changes(asked).items())


class RefusesAll(Site):
    """The coordinator aborts once all votes are in (AC4)."""

    def count_votes(self, transaction: Transaction, *, complete: bool) -> None:  # noqa: ARG002 - that is the bug
        """Abort."""
        self.decide(transaction, ABORTED)


class RepetitionRefused(Site):
    """Takes it for a refusal that a request for its vote is on record already, and says no where it has said yes (AC4)."""

    def take_in(self, sender: str, kind: str, transaction: Transaction, status: str) -> None:
        """Say no to what is known."""
        if kind == VOTE_REQ:
            self.tell([sender], NO, transaction)
        else:
            super().take_in(sender, kind, transaction, status)
