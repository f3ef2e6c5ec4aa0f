"""A resource manager of XA over an ordinary database: what is promised is a row, and what is not is in memory.

The work of a branch is kept in the session that does it until it is prepared, so it dies with the session. To prepare is one
transaction that writes the branch and its changes down, if every account can pay beside all that others have promised; to commit is
one that applies them and drops them. A branch is committed, or rolled back, by whoever names it, and only once: the row is gone then.
An operator may decide a branch that is prepared; the row stays, and says so, until the transaction manager has it forgotten.

Source: X/Open, "Distributed Transaction Processing: The XA Specification" (C193, 1991), chapter 6.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from acidtest.environment import Xa, XaError, Xid
from acidtest.impl.dialects import Name

if TYPE_CHECKING:
    from acidtest.environment import Environment

ACTIVE, IDLE, PREPARED = "active", "idle", "prepared"

metadata = sa.MetaData()
accounts = sa.Table(
    "accounts", metadata,
    sa.Column("id", Name, primary_key=True),
    sa.Column("balance", sa.Integer, sa.CheckConstraint("balance >= 0"), nullable=False),
)  # fmt: skip
branches = sa.Table(
    "branches", metadata,
    sa.Column("xid", Name, primary_key=True),
    sa.Column("state", Name, nullable=False),
)  # fmt: skip
changes = sa.Table(
    "changes", metadata,
    sa.Column("xid", Name, primary_key=True),
    sa.Column("account", Name, primary_key=True),
    sa.Column("amount", sa.Integer, nullable=False),
)  # fmt: skip

promise = sa.text(
    "INSERT INTO changes (xid, account, amount) SELECT :xid, id, :change FROM accounts WHERE id = :account AND "
    "(:change > 0 OR balance + :change + "
    "(SELECT coalesce(sum(amount), 0) FROM changes WHERE account = :account AND amount < 0) >= 0)"
)
_branch = changes.c.xid == sa.bindparam("x")
apply = (
    sa.update(accounts)
    .where(accounts.c.id.in_(sa.select(changes.c.account).where(_branch)))
    .values(balance=accounts.c.balance + sa.select(changes.c.amount).where(_branch, changes.c.account == accounts.c.id).scalar_subquery())
)
state_of = sa.select(branches.c.state).where(branches.c.xid == sa.bindparam("x"))
drop_changes = sa.delete(changes).where(_branch)
_prepared = branches.c.xid == sa.bindparam("x"), branches.c.state == PREPARED
drop_prepared = sa.delete(branches).where(*_prepared)
drop_decided = sa.delete(branches).where(branches.c.xid == sa.bindparam("x"), branches.c.state != PREPARED)


@dataclass
class Work:
    """What a session does in a branch that is not prepared."""

    status: str = ACTIVE
    changes: dict[str, int] = field(default_factory=dict)


class ResourceManager:
    """Accounts that take part in distributed transactions; one object is one session.

    Arguments:
        env: gives the database "bank".
    """

    def __init__(self, env: Environment) -> None:
        """Keep the engine; nothing is at work."""
        self.engine = env.engine("bank")
        self.work: dict[Xid, Work] = {}

    def install(self, opening: dict[str, int]) -> None:
        """Create the schema and open the accounts."""
        metadata.create_all(self.engine)
        with self.engine.begin() as connection:
            for name, balance in opening.items():
                connection.execute(sa.insert(accounts), {"id": name, "balance": balance})

    def start(self, xid: Xid) -> None:
        """Begin a branch."""
        if xid in self.work or self._state(xid) is not None:
            raise XaError.of(Xa.DUPID, f"there is a branch {xid}")
        if self._at_work() is not None:
            raise XaError.of(Xa.PROTO, "another branch is at work")
        self.work[xid] = Work()

    def change(self, account: str, amount: int) -> None:
        """Change an account in the branch at work."""
        work = self._at_work()
        if work is None:
            raise XaError.of(Xa.PROTO, "no branch is at work")
        work.changes[account] = work.changes.get(account, 0) + amount

    def end(self, xid: Xid) -> None:
        """End the work of a branch."""
        work = self.work.get(xid)
        if work is None or work.status != ACTIVE:
            raise self._wrong(xid)
        work.status = IDLE

    def prepare(self, xid: Xid) -> Xa:
        """Promise, durably, to be able to commit; or be done with a branch that only read."""
        work = self._ended(xid)
        if work.changes:
            with self.engine.begin() as connection:
                self._promise(connection, xid, work)
        del self.work[xid]
        return Xa.OK if work.changes else Xa.RDONLY

    def _promise(self, connection: sa.Connection, xid: Xid, work: Work) -> None:
        try:
            connection.execute(sa.insert(branches), {"xid": text_of(xid), "state": PREPARED})
        except IntegrityError as error:
            raise XaError.of(Xa.DUPID, f"there is a branch {xid}") from error
        for account, change in sorted(work.changes.items()):
            if connection.execute(promise, {"xid": text_of(xid), "account": account, "change": change}).rowcount == 0:
                del self.work[xid]
                raise XaError.of(Xa.RBROLLBACK, f"{account} cannot pay {change}")

    def commit(self, xid: Xid, one_phase: bool = False) -> None:  # noqa: FBT001, FBT002 - as X/Open has it
        """Commit what is prepared; or, in one phase, what is not."""
        with self.engine.begin() as connection:
            if one_phase:
                self._promise(connection, xid, self._ended(xid))
            self._finish(connection, xid, commits=True)
        self.work.pop(xid, None)

    def rollback(self, xid: Xid) -> None:
        """Roll back, prepared or not."""
        work = self.work.get(xid)
        if work is not None and work.status == IDLE:
            del self.work[xid]
            return
        with self.engine.begin() as connection:
            self._finish(connection, xid, commits=False)

    def _finish(self, connection: sa.Connection, xid: Xid, *, commits: bool) -> None:
        """Decide a branch that is prepared, once."""
        if connection.execute(drop_prepared, {"x": text_of(xid)}).rowcount == 0:
            raise self._wrong(xid, connection)
        if commits:
            connection.execute(apply, {"x": text_of(xid)})
        connection.execute(drop_changes, {"x": text_of(xid)})

    def decide(self, xid: Xid, commits: bool) -> None:  # noqa: FBT001 - as an operator says it
        """Decide a branch that is prepared alone, and keep that."""
        kept = Xa.HEURCOM if commits else Xa.HEURRB
        with self.engine.begin() as connection:
            if connection.execute(sa.update(branches).where(*_prepared).values(state=kept.value), {"x": text_of(xid)}).rowcount == 0:
                raise self._not(xid, connection, "prepared")
            if commits:
                connection.execute(apply, {"x": text_of(xid)})
            connection.execute(drop_changes, {"x": text_of(xid)})

    def forget(self, xid: Xid) -> None:
        """Drop what is kept of a decision."""
        with self.engine.begin() as connection:
            if connection.execute(drop_decided, {"x": text_of(xid)}).rowcount == 0:
                raise self._not(xid, connection, "decided alone")

    def recover(self) -> tuple[Xid, ...]:
        """The branches that are prepared, or were decided alone."""
        with self.engine.connect() as connection:
            return tuple(xid_of(text) for text in connection.execute(sa.select(branches.c.xid).order_by(branches.c.xid)).scalars())

    def balances(self) -> dict[str, int]:
        """The balance of every account."""
        with self.engine.connect() as connection:
            return {row.id: row.balance for row in connection.execute(sa.select(accounts))}

    def _not(self, xid: Xid, connection: sa.Connection, what: str) -> XaError:
        """What is answered where a branch is not what it must be."""
        known = xid in self.work or self._state(xid, connection) is not None
        return XaError.of(Xa.PROTO if known else Xa.NOTA, f"{xid} is not {what}")

    def _at_work(self) -> Work | None:
        return next((work for work in self.work.values() if work.status == ACTIVE), None)

    def _ended(self, xid: Xid) -> Work:
        work = self.work.get(xid)
        if work is None or work.status != IDLE:
            raise self._wrong(xid)
        return work

    def _wrong(self, xid: Xid, connection: sa.Connection | None = None) -> XaError:
        """What a call is answered that does not fit how the branch stands; `connection` is where a transaction is open already."""
        if xid in self.work:
            return XaError.of(Xa.PROTO, f"{xid} is {self.work[xid].status}")
        state = self._state(xid, connection)
        if state in (Xa.HEURCOM.value, Xa.HEURRB.value):
            return XaError.of(Xa(state), f"{xid} was decided alone")
        return XaError.of(Xa.NOTA if state is None else Xa.PROTO, f"{xid} is {state or 'not known'}")

    def _state(self, xid: Xid, connection: sa.Connection | None = None) -> str | None:
        if connection is not None:
            return connection.execute(state_of, {"x": text_of(xid)}).scalar()
        with self.engine.connect() as fresh:
            return fresh.execute(state_of, {"x": text_of(xid)}).scalar()


def text_of(xid: Xid) -> str:
    """The name of a branch, as it stands in the tables."""
    return f"{xid.format_id}:{xid.gtrid}:{xid.bqual}"


def xid_of(text: str) -> Xid:
    """The name of a branch that stands in the tables."""
    format_id, gtrid, bqual = text.split(":")
    return Xid(int(format_id), gtrid, bqual)
