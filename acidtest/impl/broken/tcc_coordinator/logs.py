"""Mutants of what is written down: branches and their names, transactions, and what clients are told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from acidtest.environment import Outcome
from acidtest.impl.tcc_coordinator import (
    CANCEL,
    CONFIRM,
    OPEN,
    UNANSWERED,
    Branch,
    Coordinator,
    Row,
    branches,
    branches_of,
    find,
    metadata,
    open_row,
    transactions,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Environment
    from acidtest.impl.tcc_coordinator import Answer

RETENTION = 30 * 86_400.0  #: seconds for which a transaction that is over is kept


# Branches.


class RegistersOneByOne(Coordinator):
    """Writes down each branch when its turn comes."""

    def _register(self, gid: str, payload: str, work: list[Branch]) -> Row | None:  # noqa: ARG002 - later
        with self.engine.begin() as connection:
            if connection.execute(open_row, {"gid": gid, "payload": payload, "due": self._until()}).rowcount == 1:
                return None
            return connection.execute(find, {"g": gid}).one()

    def _write_down(self, branch: Branch) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.insert(branches), branch._asdict())


class RegistersAfterTry(RegistersOneByOne):
    """Writes a branch down after its Try (T8, T11)."""

    def _try(self, branch: Branch) -> bool:
        held = super()._try(branch)
        self._write_down(branch)
        return held


class RegistersAfterDecision(RegistersOneByOne):
    """Half a fix: writes a branch down before its Try, also where the transaction was decided meanwhile (T8, T11)."""

    def _try(self, branch: Branch) -> bool:
        self._write_down(branch)
        return super()._try(branch)


class BranchIdPerAttempt(Coordinator):
    """Repeats a Try that was not answered under another name, so that the service cannot know it again (T3)."""

    def _try(self, branch: Branch) -> bool:
        names: dict[Branch, str] = self.__dict__.setdefault("names", {})
        for attempt in ("first", "second"):
            name = names[branch] = f"{branch.branch} {attempt}"
            try:
                return bool(self.call(branch.service, "try_", branch.gid, name, branch.account, branch.amount) == Outcome.OK)
            except UNANSWERED:
                continue
        return False

    def _tell(self, branch: Branch, decision: str) -> bool:
        return super()._tell(branch._replace(branch=self.__dict__.get("names", {}).get(branch, f"{branch.branch} first")), decision)


class BranchIdRandom(Coordinator):
    """Gives every call an identifier of its own, for the services to go by (T2, T8)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.new_id = env.new_id

    def _try(self, branch: Branch) -> bool:
        return super()._try(branch._replace(branch=self.new_id()))

    def _tell(self, branch: Branch, decision: str) -> bool:
        return super()._tell(branch._replace(branch=self.new_id()), decision)


class OneIdPerTransaction(Coordinator):
    """Has no names of branches: a service that is used twice takes the second for the first (G11)."""

    def _try(self, branch: Branch) -> bool:
        return super()._try(branch._replace(branch=branch.gid))

    def _tell(self, branch: Branch, decision: str) -> bool:
        return super()._tell(branch._replace(branch=branch.gid), decision)


class OneBranchPerService(Coordinator):
    """Keeps branches by service, and so forgets all but one at each (T7)."""

    def _branches(self, gid: str, parts: Sequence[tuple[str, str, int]]) -> list[Branch]:
        return super()._branches(gid, list({part[0]: part for part in parts}.values()))


class EqualBranchesMerged(Coordinator):
    """Takes two branches that look alike for one that was named twice (T7)."""

    def _branches(self, gid: str, parts: Sequence[tuple[str, str, int]]) -> list[Branch]:
        return super()._branches(gid, list(dict.fromkeys(parts)))


class NothingIsSkipped(Coordinator):
    """Skips a branch over nothing or less, instead of refusing the transaction (G12)."""

    def run(self, gid: str, parts: Sequence[tuple[str, str, int]]) -> Answer:
        return super().run(gid, [part for part in parts if part[2] > 0])


class AmountsInEuros(Coordinator):
    """Keeps amounts as floats in the major unit, and makes whole cents of them for the services (G12)."""

    def _branches(self, gid: str, parts: Sequence[tuple[str, str, int]]) -> list[Branch]:
        euros = [(service, account, amount / 100) for service, account, amount in parts]
        return super()._branches(gid, [(service, account, int(sum_ * 100)) for service, account, sum_ in euros])


# Transactions.


class PayloadNotCompared(Coordinator):
    """Answers an id that is known without a look at what is asked for under it (G7)."""

    def _answer(self, row: Row, payload: str) -> Answer:  # noqa: ARG002 - that is the bug
        return self._told(row.decision)


class RejectionForgotten(Coordinator):
    """Deletes what was cancelled: its id can be used for something else (G7)."""

    def _finish(self, gid: str) -> None:
        super()._finish(gid)
        with self.engine.begin() as connection:
            this = connection.execute(find, {"g": gid}).one()
            for table in (branches, transactions) if this.decision == CANCEL else ():
                connection.execute(sa.delete(table).where(table.c.gid == gid))


_with_ends = sa.MetaData()
for _table in metadata.sorted_tables:
    _table.to_metadata(_with_ends)
ends = sa.Table("ends", _with_ends, sa.Column("gid", sa.Text, primary_key=True), sa.Column("time", sa.Float, nullable=False))


class FinishedForgotten(Coordinator):
    """Deletes what has been over for thirty days: its id can be used for something else (G7)."""

    metadata = _with_ends

    def _finish(self, gid: str) -> None:
        super()._finish(gid)
        with self.engine.begin() as connection:
            connection.execute(sa.delete(ends).where(ends.c.gid == gid))
            connection.execute(sa.insert(ends), {"gid": gid, "time": self.clock.now()})

    def _register(self, gid: str, payload: str, work: list[Branch]) -> Row | None:
        old = sa.select(ends.c.gid).where(ends.c.time < self.clock.now() - RETENTION)
        with self.engine.begin() as connection:
            for table in (branches, transactions):
                connection.execute(sa.delete(table).where(table.c.gid.in_(old)))
        return super()._register(gid, payload, work)


class NamedAnewAfterRetention(FinishedForgotten):
    """Deletes what has been over for thirty days, and has new names for the branches when it is asked again (G3)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.new_id = env.new_id

    def _branches(self, gid: str, parts: Sequence[tuple[str, str, int]]) -> list[Branch]:
        return [branch._replace(branch=self.new_id()) for branch in super()._branches(gid, parts)]


# What clients are told.


class SwallowedError(Coordinator):
    """Logs an error of the database and answers ok (G4)."""

    def run(self, gid: str, parts: Sequence[tuple[str, str, int]]) -> Answer:
        try:
            return super().run(gid, parts)
        except SQLAlchemyError:
            return Outcome.OK


class AnswersWhatItWanted(Coordinator):
    """Answers by what the services said, not by the decision that stands (G4)."""

    def _execute(self, gid: str, work: list[Branch]) -> Answer:
        wanted = self._try_all(work)
        self._carry_out(gid, work, self._decide(gid, CONFIRM if wanted else CANCEL))
        return Outcome.OK if wanted else Outcome.REJECTED


class InProgressIsRejected(Coordinator):
    """Answers rejected to whoever asks while the transaction is still going on (G5)."""

    def _told(self, decision: str) -> Answer:
        return Outcome.REJECTED if decision == OPEN else super()._told(decision)


class InProgressIsOk(Coordinator):
    """Answers ok to whoever asks again for what has been begun (G4)."""

    def _told(self, decision: str) -> Answer:
        return Outcome.OK if decision == OPEN else super()._told(decision)


class SilenceIsRejected(Coordinator):
    """Answers rejected where the database did not answer: the transaction may be confirmed by then (G4, G5)."""

    def run(self, gid: str, parts: Sequence[tuple[str, str, int]]) -> Answer:
        try:
            return super().run(gid, parts)
        except SQLAlchemyError:
            return Outcome.REJECTED


class CallErrorRaised(Coordinator):
    """Lets the error of a Try go to the caller, and leaves all else to the client, who will ask again (T8, T11)."""

    def tick(self) -> None:
        """Nothing is looked after."""

    def _try(self, branch: Branch) -> bool:
        arguments = (branch.gid, branch.branch, branch.account, branch.amount)
        return bool(self.call(branch.service, "try_", *arguments) == Outcome.OK)

    def _register(self, gid: str, payload: str, work: list[Branch]) -> Row | None:
        known = super()._register(gid, payload, work)
        return None if known is not None and (known.payload, known.decision) == (payload, OPEN) else known


class LockAcrossCalls(Coordinator):
    """Takes over what is overdue, and does the work, in one transaction: its second connection waits for the first (G9)."""

    def tick(self) -> None:
        mine = sa.update(transactions).where(transactions.c.due <= self.clock.now()).values(due=self._until())
        with self.engine.begin() as connection:
            for gid in connection.execute(mine.returning(transactions.c.gid)).scalars().all():
                work = [Branch(*known) for known in connection.execute(branches_of, {"g": gid})]
                self._carry_out(gid, work, self._decide(gid, CANCEL))
