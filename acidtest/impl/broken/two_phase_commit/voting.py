"""Mutants of phase one: what a database promises, and which votes are counted."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from acidtest.impl.two_phase_commit import Coordinator, Participant, apply, forget, promise

#: The changes of one run: per database, per account.
Work = dict[str, dict[str, int]]


class NoPrepare(Coordinator):
    """Commits one database after the other, without a prepare phase (AC1, AC3)."""

    def _all_promise(self, xid: str, work: Work) -> bool:
        for name, changes in work.items():
            if not self.participants[name].prepare(xid, changes):
                return False
            self.participants[name].commit(xid)
        return True


class LazyParticipant(Participant):
    """A participant that writes its record along with what comes next."""

    def __init__(self, engine: sa.Engine) -> None:
        """Nothing is unwritten yet."""
        super().__init__(engine)
        self.unwritten: dict[str, dict[str, int]] = {}

    def prepare(self, xid: str, changes: dict[str, int]) -> bool:
        """Look whether the promise can be kept, and give it."""
        self.unwritten[xid] = changes
        with self.engine.connect() as connection:
            return all(connection.execute(promise, branch).rowcount for branch in self._branches(xid, changes))

    def commit(self, xid: str) -> None:
        """Write the record now, and commit."""
        if xid in self.unwritten:
            super().prepare(xid, self.unwritten.pop(xid))
        super().commit(xid)


class VoteBeforeLog(Coordinator):
    """A participant votes yes before its record is durable (AC1, AC3)."""

    participant = LazyParticipant


class SessionParticipant(Participant):
    """A participant that keeps its promise in an open transaction."""

    def __init__(self, engine: sa.Engine) -> None:
        """No session is open yet."""
        super().__init__(engine)
        self.sessions: dict[str, sa.Connection] = {}

    def prepare(self, xid: str, changes: dict[str, int]) -> bool:
        """Do the work and leave the transaction open."""
        connection = self.engine.connect()
        for branch in self._branches(xid, changes):
            if connection.execute(promise, branch).rowcount == 0:
                connection.close()
                return False
        self.sessions[xid] = connection
        return True

    def commit(self, xid: str) -> None:
        """Commit the open transaction, if it is still there."""
        if xid in self.sessions:
            with self.sessions.pop(xid) as connection:
                connection.execute(apply, {"xid": xid})
                connection.execute(forget, {"xid": xid})
                connection.commit()

    def rollback(self, xid: str) -> None:
        """Roll the open transaction back, if it is still there."""
        if xid in self.sessions:
            self.sessions.pop(xid).close()


class PreparedNotDurable(Coordinator):
    """What is prepared is lost with the connection, as in MySQL before 5.7.7 (AC1, AC3)."""

    participant = SessionParticipant


class CarelessParticipant(Participant):
    """A participant that does not look at what its statements did."""

    def prepare(self, xid: str, changes: dict[str, int]) -> bool:
        """Promise, whether anything was written or not."""
        with self.engine.begin() as connection:
            for branch in self._branches(xid, changes):
                connection.execute(promise, branch)
        return True


class SilentPrepareFailure(Coordinator):
    """Prepare says yes although nothing was prepared, and the others commit (AC1, AC3, G12)."""

    participant = CarelessParticipant


class GenerousParticipant(Participant):
    """A participant that knows balances only."""

    def prepare(self, xid: str, changes: dict[str, int]) -> bool:
        """Promise what the balance can pay, whatever was promised before."""
        held = "(SELECT coalesce(sum(change), 0) FROM branches WHERE account = :account AND change < 0)"
        statement = sa.text(str(promise).replace(held, "0"))
        with self.engine.connect() as connection:
            for branch in self._branches(xid, changes):
                if connection.execute(statement, branch).rowcount == 0:
                    return False
            connection.commit()
        return True


class HoldsNotCounted(Coordinator):
    """What was promised to one run is promised to the next as well: committing both would overdraw (G2)."""

    participant = GenerousParticipant


class DuplicateVoteCounted(Coordinator):
    """Counts votes, not voters: when a database is asked again, its second yes stands for another's (AC3)."""

    def _all_promise(self, xid: str, work: Work) -> bool:
        votes = 0
        for name, changes in [*work.items(), *work.items()]:
            votes += self._vote(name, xid, changes)
            if votes == len(work):
                return True
        return False

    def _vote(self, name: str, xid: str, changes: dict[str, int]) -> bool:
        """Ask one database; it says yes again to what it has promised already."""
        participant = self.participants[name]
        try:
            return xid in participant.in_doubt() or participant.prepare(xid, changes)
        except SQLAlchemyError:
            return False


class EveryDatabaseAsked(Coordinator):
    """Waits for as many votes as there are databases, also for a run that concerns fewer (G11)."""

    def _all_promise(self, xid: str, work: Work) -> bool:
        return super()._all_promise(xid, work) and len(work) == len(self.participants)


class UnanimousAborted(Coordinator):
    """Takes a vote of yes with nothing to pay for a read-only one, and aborts for want of a writer (AC4, G11)."""

    def _all_promise(self, xid: str, work: Work) -> bool:
        writers = [name for name, changes in work.items() if min(changes.values()) < 0]
        return super()._all_promise(xid, work) and len(writers) == len(work)
