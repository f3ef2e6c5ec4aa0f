"""Mutants of two-phase commit: PATTERNS 2, the cross-cutting ones of section 0, and fixes that are half a fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from acidtest.environment import Outcome
from acidtest.impl.broken import Mutant
from acidtest.impl.two_phase_commit import (
    ABORT,
    COMMIT,
    Coordinator,
    Decision,
    DecisionLog,
    Participant,
    accounts,
    apply,
    branches,
    decision_of,
    decisions,
    forget,
    key_of,
    promise,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Environment

#: The changes of one run: per database, per account.
Work = dict[str, dict[str, int]]

TIMEOUT = 3600.0  #: seconds after which a participant loses patience


# Phase one.


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


# The decision.


class DecideBeforeLog(Coordinator):
    """Tells the databases to commit before the decision is durable (AC1)."""

    def _execute(self, key: str, payload: str, work: Work) -> Decision:
        xid = self._new_xid(key)
        decision = Decision(xid, payload, COMMIT if self._all_promise(xid, work) else ABORT)
        self._finish(xid, work, decision)
        return self.log.decide(key, decision)


class LoserGoesOn(Coordinator):
    """Writes its decision only where there is none, but does not look whether it was written (AC1, G3, PA)."""

    def _execute(self, key: str, payload: str, work: Work) -> Decision:
        xid = self._new_xid(key)
        decision = Decision(xid, payload, COMMIT if self._all_promise(xid, work) else ABORT)
        self.log.decide(key, decision)
        self._finish(xid, work, decision)
        return decision


class LookThenWriteLog(DecisionLog):
    """A log that looks in one transaction and writes in another."""

    def decide(self, key: str, decision: Decision) -> Decision:
        """Write a decision if there was none a moment ago."""
        known = self.find(key)
        if known is None:
            with self.engine.begin() as connection:
                connection.execute(sa.delete(decisions).where(decisions.c.key == key))
                connection.execute(sa.insert(decisions), {"key": key, **decision._asdict()})
        return known or decision


class DecisionLookedUpThenWritten(Coordinator):
    """Looks whether there is a decision before it writes one: between the two another is written (AC1, G4, PA)."""

    decision_log = LookThenWriteLog


class KeyWithoutAttempt(Coordinator):
    """All attempts at a key share one branch, so a late one is applied beside the one that won (G3)."""

    def _new_xid(self, key: str) -> str:
        return f"{key}#"


class AttemptNotCompared(Coordinator):
    """Commits every attempt at a key that was decided to commit, not the one that won (G3)."""

    def _carry_out(self, participant: Participant, xid: str, decision: Decision) -> None:
        super()._carry_out(participant, xid, decision._replace(xid=xid))


# Phase two.


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


# Recovery.


class PrepareErrorSkipsRollback(Coordinator):
    """The handler of a failed prepare fails as well, and recovery leaves alone what is not in the log (G6)."""

    def _all_promise(self, xid: str, work: Work) -> bool:
        try:
            return all(self.participants[name].prepare(xid, changes) for name, changes in work.items())
        except SQLAlchemyError:
            for name in work:
                self.participants[name].rollback(xid)
            return False

    def _resolve(self, participant: Participant, xid: str) -> None:
        decision = self.log.find(key_of(xid))
        if decision is not None:
            self._carry_out(participant, xid, decision)


class RollbackOvertakesPrepare(Coordinator):
    """Takes a run that was aborted for rolled back everywhere, and misses a branch that was prepared later (G6)."""

    def _resolve(self, participant: Participant, xid: str) -> None:
        decision = self.log.find(key_of(xid))
        if decision is None or decision.outcome == COMMIT:
            super()._resolve(participant, xid)


class CommitNotRetried(Coordinator):
    """Recovery aborts what is undecided and leaves what is decided to its coordinator, which is dead (AC5, G6, G10)."""

    def _resolve(self, participant: Participant, xid: str) -> None:
        if self.log.find(key_of(xid)) is None:
            super()._resolve(participant, xid)


class TimeoutAbortsAfterYes(Coordinator):
    """A participant that has voted yes gives up after a timeout, without asking for the decision (AC1, PP)."""

    def __init__(self, env: Environment) -> None:
        """Take a clock as well."""
        super().__init__(env)
        self.clock = env.clock

    def _new_xid(self, key: str) -> str:
        return f"{key}#{self.clock.now()}-{self.new_id()}"

    def _resolve(self, participant: Participant, xid: str) -> None:
        began = float(xid.rpartition("#")[2].partition("-")[0])
        if self.clock.now() - began > TIMEOUT:
            participant.rollback(xid)
        else:
            super()._resolve(participant, xid)


class ForeignBranchStopsRecovery(Coordinator):
    """Recovery ends at the first branch that it has no decision for (G9)."""

    def _resolve(self, participant: Participant, xid: str) -> None:
        with self.log.engine.connect() as connection:
            decision = Decision(*connection.execute(decision_of, {"k": key_of(xid)}).one())
        self._carry_out(participant, xid, decision)


class PresumedAbortNotRecorded(Coordinator):
    """Recovery presumes abort without writing it down, and a coordinator that is alive then commits (AC1, PA)."""

    def _resolve(self, participant: Participant, xid: str) -> None:
        decision = self.log.find(key_of(xid)) or Decision(xid, "", ABORT)
        self._carry_out(participant, xid, decision)


class AbortForgotten(Coordinator):
    """Recovery deletes its record of an abort once it is carried out, as if nobody could come later (AC1, PA)."""

    def _resolve(self, participant: Participant, xid: str) -> None:
        super()._resolve(participant, xid)
        done = sa.delete(decisions).where(decisions.c.xid == xid, decisions.c.outcome == ABORT)
        with self.log.engine.begin() as connection:
            connection.execute(done)


class ResolvedOnce(Coordinator):
    """Recovery remembers what it has seen and does not look at it again, though resolving it failed (G9)."""

    def __init__(self, env: Environment) -> None:
        """Nothing was seen yet."""
        super().__init__(env)
        self.seen: set[str] = set()

    def recover(self) -> None:
        """Resolve what was not seen before."""
        for name, participant in self.participants.items():
            for xid in participant.in_doubt():
                if f"{name}:{xid}" not in self.seen:
                    self.seen.add(f"{name}:{xid}")
                    self._resolve(participant, xid)


# Keys and answers.


class RejectionForgotten(Coordinator):
    """Only commits are logged, so a rejected key is executed when it comes again (G4, G7)."""

    def _execute(self, key: str, payload: str, work: Work) -> Decision:
        xid = self._new_xid(key)
        decision = Decision(xid, payload, ABORT)
        if self._all_promise(xid, work):
            decision = self.log.decide(key, decision._replace(outcome=COMMIT))
        self._finish(xid, work, decision)
        return decision


class SwallowedError(Coordinator):
    """Answers ok after any error (G4)."""

    def run(self, key: str, operations: Sequence[tuple[str, str, int]]) -> Outcome:
        """Run, whatever happens."""
        try:
            return super().run(key, operations)
        except SQLAlchemyError:
            return Outcome.OK


class PayloadNotCompared(Coordinator):
    """A key with another payload gets the first answer (G4, G7)."""

    def _answer(self, decision: Decision, payload: str) -> Outcome:  # noqa: ARG002 - that is the bug
        return super()._answer(decision, decision.payload)


MUTANTS: tuple[Mutant, ...] = (
    Mutant("no-prepare", NoPrepare, ("AC1", "AC3")),
    Mutant("vote-before-log", VoteBeforeLog, ("AC1", "AC3")),
    Mutant("prepared-not-durable", PreparedNotDurable, ("AC1", "AC3")),
    Mutant("silent-prepare-failure", SilentPrepareFailure, ("AC1", "AC3", "G12")),
    Mutant("holds-not-counted", HoldsNotCounted, ("G2",)),
    Mutant("dup-vote-counted", DuplicateVoteCounted, ("AC3",)),
    Mutant("waits-for-bystanders", EveryDatabaseAsked, ("G11",)),
    Mutant("unanimous-aborted", UnanimousAborted, ("AC4", "G11")),
    Mutant("decide-before-log", DecideBeforeLog, ("AC1",)),
    Mutant("loser-goes-on", LoserGoesOn, ("AC1", "G3", "PA")),
    Mutant("decision-looked-up-then-written", DecisionLookedUpThenWritten, ("AC1", "G4", "PA")),
    Mutant("key-without-attempt", KeyWithoutAttempt, ("G3",)),
    Mutant("attempt-not-compared", AttemptNotCompared, ("G3",)),
    Mutant("commit-error-reported-as-abort", CommitErrorMeansAbort, ("G4",)),
    Mutant("commit-error-rolled-back", CommitErrorRolledBack, ("AC1", "G4", "PP")),
    Mutant("commit-error-compensated", CommitErrorCompensated, ("AC2",)),
    Mutant("branch-applied-by-row", BranchAppliedByRow, ("G1",)),
    Mutant("commit-not-idempotent", CommitNotIdempotent, ("G3", "G10")),
    Mutant("prepare-exception-skips-rollback", PrepareErrorSkipsRollback, ("G6",)),
    Mutant("rollback-overtakes-prepare", RollbackOvertakesPrepare, ("G6",)),
    Mutant("commit-not-retried", CommitNotRetried, ("AC5", "G6", "G10")),
    Mutant("timeout-abort-after-yes", TimeoutAbortsAfterYes, ("AC1", "PP")),
    Mutant("foreign-db-recovery", ForeignBranchStopsRecovery, ("G9",)),
    Mutant("presumed-abort-not-recorded", PresumedAbortNotRecorded, ("AC1", "PA")),
    Mutant("abort-forgotten", AbortForgotten, ("AC1", "PA")),
    Mutant("resolved-once", ResolvedOnce, ("G9",)),
    Mutant("rejection-forgotten (X3)", RejectionForgotten, ("G4", "G7")),
    Mutant("swallowed-error (X6)", SwallowedError, ("G4",)),
    Mutant("payload-not-compared (X13)", PayloadNotCompared, ("G4", "G7")),
)

NOT_HERE: dict[str, str] = {
    "cancel-leaves-prepared": "the port is not asynchronous: nobody cancels a run while its connection is busy",
}
