"""The coordinator of Try-Confirm/Cancel: a log says which branches there are and how it ends, and everybody is told.

A transaction and all its branches are written down before the first Try is called, so that no branch can be held of which
nobody knows. Only if every Try was answered ok is it to be confirmed: a Try that was refused or not answered is
cancelled like all others, for the service may hold the money, or may yet. The decision is one row that changes once (a
compare and set), and it is durable before any service is told. They are told again and again until all have answered.

Whoever is at work on a transaction has until it is due, and sets a new time when it takes it over. What is overdue is
looked after by any process: what is open is cancelled then. Whether its first owner has died or is slow makes no
difference, for the decision falls once, and whoever comes second obeys it.

Sources: Pardon & Pautasso, "Towards distributed atomic transactions over RESTful services", 2011; Seata, TCC mode; Mohan,
Lindsay & Obermarck 1986 (presumed abort).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeAlias

import sqlalchemy as sa

from acidtest.environment import CallRefused, CallTimeout, Outcome
from acidtest.impl.dialects import Name, Once, returned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Environment

LEASE = 60.0  #: seconds after which others look after a transaction
OPEN, CONFIRM, CANCEL = "open", "confirm", "cancel"
PENDING: Literal["pending"] = "pending"
UNANSWERED = (CallRefused, CallTimeout)  #: a call that was not answered, or not by the service itself

metadata = sa.MetaData()
transactions = sa.Table(
    "transactions", metadata,
    sa.Column("gid", Name, primary_key=True),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("decision", Name, nullable=False, server_default=OPEN),
    sa.Column("due", sa.Double),
)  # fmt: skip
branches = sa.Table(
    "branches", metadata,
    sa.Column("gid", Name, primary_key=True),
    sa.Column("branch", Name, primary_key=True),
    sa.Column("service", Name, nullable=False),
    sa.Column("account", Name, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
)  # fmt: skip

#: Opens the row of a transaction; of one that is there already nothing changes.
open_row = Once("INSERT INTO transactions (gid, payload, due) VALUES (:gid, :payload, :due) ON CONFLICT (gid) DO NOTHING")
_this = transactions.c.gid == sa.bindparam("g")
find = sa.select(transactions).where(_this)
branches_of = sa.select(branches).where(branches.c.gid == sa.bindparam("g")).order_by(branches.c.branch)
decide = sa.update(transactions).where(_this, transactions.c.decision == OPEN).values(decision=sa.bindparam("now"), due=sa.bindparam("until"))
#: A transaction that is over is never due.
finish = sa.update(transactions).where(_this).values(due=None)
overdue = (
    sa.select(transactions.c.gid, transactions.c.due)
    .where(transactions.c.due <= sa.bindparam("time"))
    .order_by(transactions.c.due, transactions.c.gid)
)
#: Takes over what is overdue, unless somebody else has; what is open is cancelled thereby.
take_over = (
    sa.update(transactions)
    .where(_this, transactions.c.due == sa.bindparam("seen"))
    .values(decision=sa.case((transactions.c.decision == OPEN, CANCEL), else_=transactions.c.decision), due=sa.bindparam("until"))
    .returning(transactions.c.decision)
)

Answer: TypeAlias = Outcome | Literal["pending"]
#: A row of `transactions`. SQLAlchemy 2.0 and 2.1 spell the type of a row differently.
Row: TypeAlias = Any


class Branch(NamedTuple):
    """A branch of a transaction: what to hold, where, and under which name."""

    gid: str
    branch: str
    service: str
    account: str
    amount: int


class Coordinator:
    """Transactions over services, all or none.

    Arguments:
        env: gives the database "coordinator", the clock, and the way to the services.
    """

    #: The tables that `install` creates.
    metadata: ClassVar[sa.MetaData] = metadata
    #: The statements of which a mistake is plausible.
    decide_once: ClassVar[sa.Executable] = decide
    overdue: ClassVar[sa.Executable] = overdue
    take_over: ClassVar[sa.Executable] = take_over

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        self.engine = env.engine("coordinator")
        self.clock = env.clock
        self.call = env.call

    def install(self) -> None:
        """Create the schema."""
        self.metadata.create_all(self.engine)

    def run(self, gid: str, parts: Sequence[tuple[str, str, int]]) -> Answer:
        """Carry out (service, account, amount in minor units) branches, all or none, once per `gid`."""
        if not self._valid(parts):
            return Outcome.REJECTED
        payload, work = json.dumps(parts), self._branches(gid, parts)
        known = self._register(gid, payload, work)
        if known is not None:
            return self._answer(known, payload)
        return self._execute(gid, work)

    def _valid(self, parts: Sequence[tuple[str, str, int]]) -> bool:
        return bool(parts) and all(amount > 0 for _, _, amount in parts)

    def _branches(self, gid: str, parts: Sequence[tuple[str, str, int]]) -> list[Branch]:
        """Branches get the names 1, 2, …, which no other branch of the transaction has, and never change."""
        return [Branch(gid, str(number), *part) for number, part in enumerate(parts, 1)]

    def _until(self) -> float:
        """Until when others leave a transaction alone that is taken up now."""
        return self.clock.now() + LEASE

    def _register(self, gid: str, payload: str, work: list[Branch]) -> Row | None:
        """Write down a transaction with all its branches; the row that is there already, if any."""
        with self.engine.begin() as connection:
            row = {"gid": gid, "payload": payload, "due": self._until()}
            if connection.execute(open_row, row).rowcount == 0:
                return connection.execute(find, {"g": gid}).one()
            connection.execute(sa.insert(branches), [branch._asdict() for branch in work])
            return None

    def _answer(self, row: Row, payload: str) -> Answer:
        """The answer to a request for `payload` under an id that is known."""
        if row.payload != payload:
            return Outcome.REJECTED
        return self._told(row.decision)

    def _told(self, decision: str) -> Answer:
        if decision == OPEN:
            return PENDING
        return Outcome.OK if decision == CONFIRM else Outcome.REJECTED

    def _execute(self, gid: str, work: list[Branch]) -> Answer:
        """Both phases."""
        decision = self._decide(gid, CONFIRM if self._try_all(work) else CANCEL)
        self._carry_out(gid, work, decision)
        return self._told(decision)

    def _try_all(self, work: list[Branch]) -> bool:
        """Phase one: whether every Try was answered ok. No answer is no ok."""
        return all(self._try(branch) for branch in work)

    def _try(self, branch: Branch) -> bool:
        try:
            answer = self.call(branch.service, "try_", branch.gid, branch.branch, branch.account, branch.amount)
        except UNANSWERED:
            return False
        return bool(answer == Outcome.OK)

    def _decide(self, gid: str, decision: str) -> str:
        """Write a decision unless there is one; the one that stands."""
        with self.engine.begin() as connection:
            if connection.execute(self.decide_once, {"g": gid, "now": decision, "until": self._until()}).rowcount == 1:
                return decision
            return str(connection.execute(find, {"g": gid}).one().decision)

    def _carry_out(self, gid: str, work: list[Branch], decision: str) -> None:
        """Phase two: tell all, and be done with it once all have answered. What is left is overdue some day."""
        if self._tell_all(work, decision):
            self._finish(gid)

    def _tell_all(self, work: list[Branch], decision: str) -> bool:
        """Tell every branch, also after one that did not answer; whether all have answered."""
        answered = [self._tell(branch, decision) for branch in work]
        return all(answered)

    def _tell(self, branch: Branch, decision: str) -> bool:
        try:
            return bool(self.call(branch.service, decision, branch.gid, branch.branch) == Outcome.OK)
        except UNANSWERED:
            return False

    def _finish(self, gid: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(finish, {"g": gid})

    def tick(self) -> None:
        """Bring to an end what is overdue: cancel what is open, tell again what is decided."""
        with self.engine.connect() as connection:
            found = connection.execute(self.overdue, {"time": self.clock.now()}).all()
        for row in found:
            taken = self._take_over(row)
            if taken is not None:
                self._carry_out(row.gid, *taken)

    def recover(self) -> None:
        """The same: what this process was at work on when it died is overdue soon, and others may have taken it over."""
        self.tick()

    def _take_over(self, row: Row) -> tuple[list[Branch], str] | None:
        """The branches of a transaction that is overdue, and its decision; None where somebody else has taken it over."""
        with self.engine.begin() as connection:
            mine = {"g": row.gid, "seen": row.due, "until": self._until()}
            decision = returned(connection, self.take_over, mine).scalar_one_or_none()
            if decision is None:
                return None
            return [Branch(*known) for known in connection.execute(branches_of, {"g": row.gid})], decision
