"""Mutants of phase two: what becomes of a decision in each database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from acidtest.impl.two_phase_commit import (
    ABORT,
    COMMIT,
    Coordinator,
    Decision,
    Participant,
    accounts,
    apply,
    branches,
    forget,
)

if TYPE_CHECKING:
    from acidtest.impl.broken.two_phase_commit.voting import Work


class CommitErrorMeansAbort(Coordinator):
    """Tells the client that the run was aborted when phase two fails, although it is decided to commit (G4)."""

    def _execute(self, key: str, payload: str, work: Work) -> Decision:
        xid = self._new_xid(key)
        outcome = COMMIT if self._all_promise(xid, work) else ABORT
        decision = self.log.decide(key, Decision(xid, payload, outcome))
        try:
            for name in work:
                self._carry_out(self.participants[name], xid, decision)
        except SQLAlchemyError:
            return decision._replace(outcome=ABORT)
        return decision


class CommitErrorRolledBack(Coordinator):
    """Rolls the rest back when one database fails to commit, although others have committed (AC1, G4, PP)."""

    def _finish(self, xid: str, work: Work, decision: Decision) -> None:
        try:
            for name in work:
                self._carry_out(self.participants[name], xid, decision)
        except SQLAlchemyError:
            super()._finish(xid, work, decision._replace(outcome=ABORT))


class CommitErrorCompensated(Coordinator):
    """Takes back what was committed when another database fails to commit (AC2)."""

    def _finish(self, xid: str, work: Work, decision: Decision) -> None:
        done: list[str] = []
        try:
            for name in work:
                self._carry_out(self.participants[name], xid, decision)
                done.append(name)
        except SQLAlchemyError:
            for name in done:
                back = {account: -change for account, change in work[name].items()}
                self.participants[name].prepare(xid, back)
                self.participants[name].commit(xid)


class RowwiseParticipant(Participant):
    """A participant that commits one account at a time."""

    def commit(self, xid: str) -> None:
        """Apply and forget each account in a transaction of its own."""
        mine = branches.c.xid == xid
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(branches.c.account, branches.c.change).where(mine)).all()
        for account, change in rows:
            with self.engine.begin() as connection:
                forgotten = connection.execute(sa.delete(branches).where(mine, branches.c.account == account)).rowcount
                new = accounts.c.balance + change * forgotten
                connection.execute(sa.update(accounts).where(accounts.c.id == account).values(balance=new))


class BranchAppliedByRow(Coordinator):
    """Commits a branch account by account, so that a part of it can be seen, or be all that is left (G1)."""

    participant = RowwiseParticipant


class TwoStepParticipant(Participant):
    """A participant that applies in one transaction and forgets in another."""

    def commit(self, xid: str) -> None:
        """Apply, then forget."""
        with self.engine.begin() as connection:
            connection.execute(apply, {"xid": xid})
        with self.engine.begin() as connection:
            connection.execute(forget, {"xid": xid})


class CommitNotIdempotent(Coordinator):
    """Commits in two steps, so recovery applies again what a crash, or another process, left in between (G3, G10)."""

    participant = TwoStepParticipant
