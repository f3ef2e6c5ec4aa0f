"""Try-Confirm/Cancel, the service that takes part: holds that are confirmed or cancelled, once, whatever comes twice or late.

A branch of a transaction has one row, and each call is one local transaction that moves the row and the money together.
Every call begins by writing the row where its status allows it (a compare and set that also takes the write lock), and
the number of rows that changed decides: so Confirm and Cancel exclude one another, and a repetition finds what the first
has done. A Cancel that finds no row leaves one as a tombstone, and commits it: a Try that comes later is refused.

Holds do not expire. Only the coordinator knows how the transaction ended elsewhere.

Sources: Pardon & Pautasso, "Towards distributed atomic transactions over RESTful services", 2011; Seata, TCC fence; DTM,
sub-transaction barrier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

import sqlalchemy as sa

from acidtest.environment import Outcome
from acidtest.impl.dialects import Name, Once, returned

if TYPE_CHECKING:
    from acidtest.environment import Environment

metadata = sa.MetaData()
accounts = sa.Table(
    "accounts", metadata,
    sa.Column("id", Name, primary_key=True),
    sa.Column("balance", sa.BigInteger, nullable=False),
    sa.Column("held", sa.BigInteger, nullable=False, server_default="0"),
)  # fmt: skip
branches = sa.Table(
    "branches", metadata,
    sa.Column("gid", Name, primary_key=True),
    sa.Column("branch", Name, primary_key=True),
    sa.Column("account", Name),
    sa.Column("amount", sa.BigInteger),
    sa.Column("status", Name, nullable=False),
)  # fmt: skip

#: Opens the row of a branch; of one that is there already nothing changes.
open_row = Once(
    "INSERT INTO branches (gid, branch, account, amount, status) VALUES (:gid, :branch, :account, :amount, :status) "
    "ON CONFLICT (gid, branch) DO NOTHING"
)
_this = sa.and_(branches.c.gid == sa.bindparam("g"), branches.c.branch == sa.bindparam("b"))
find = sa.select(branches).where(_this)
refuse = sa.update(branches).where(_this).values(status="refused")
#: Ends a branch that holds something, and says what.
end = (
    sa.update(branches)
    .where(_this, branches.c.status == "tried")
    .values(status=sa.bindparam("now"))
    .returning(branches.c.account, branches.c.amount)
)
_account = accounts.c.id == sa.bindparam("account")
_amount: sa.BindParameter[int] = sa.bindparam("amount")
hold = (
    sa.update(accounts)
    .where(_account, accounts.c.balance - accounts.c.held >= _amount)
    .values(held=accounts.c.held + _amount)
)
book = sa.update(accounts).where(_account).values(balance=accounts.c.balance - _amount, held=accounts.c.held - _amount)
release = sa.update(accounts).where(_account).values(held=accounts.c.held - _amount)

#: (account, amount) of a hold. SQLAlchemy 2.0 and 2.1 spell the type of a row differently.
Row: TypeAlias = Any


class Branch(NamedTuple):
    """A branch of a transaction."""

    gid: str
    branch: str

    @property
    def key(self) -> dict[str, str]:
        """The parameters of the statements that look for its row."""
        return {"g": self.gid, "b": self.branch}


class AccountService:
    """Accounts whose money can be held.

    Arguments:
        env: gives the database "bank".
    """

    #: The tables that `install` creates.
    metadata: ClassVar[sa.MetaData] = metadata
    #: The statements of which a mistake is plausible.
    open_row: ClassVar[sa.Executable] = open_row
    end: ClassVar[sa.Executable] = end
    hold: ClassVar[sa.Executable] = hold
    book: ClassVar[sa.Executable] = book
    release: ClassVar[sa.Executable] = release

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        self.engine = env.engine("bank")

    def install(self, opening: dict[str, int]) -> None:
        """Create the schema and open the accounts."""
        self.metadata.create_all(self.engine)
        with self.engine.begin() as connection:
            connection.execute(sa.insert(accounts), [{"id": name, "balance": sum_} for name, sum_ in opening.items()])

    def try_(self, gid: str, branch: str, account: str, amount: int) -> Outcome:
        """Hold `amount` minor units of `account` for a branch."""
        if amount <= 0:
            return Outcome.REJECTED
        with self.engine.begin() as connection:
            return self._try(connection, Branch(gid, branch), account, amount)

    def _try(self, connection: sa.Connection, branch: Branch, account: str, amount: int) -> Outcome:
        if not self._open(connection, branch, "tried", account, amount):
            return self._answered(connection, branch, account, amount)
        if not self._hold(connection, account, amount):
            connection.execute(refuse, branch.key)
            return Outcome.REJECTED
        return Outcome.OK

    def _open(
        self, connection: sa.Connection, branch: Branch, status: str, account: str | None = None, amount: int | None = None
    ) -> bool:
        """Make the row of a branch; False where there is one."""
        row = {**branch._asdict(), "account": account, "amount": amount, "status": status}
        return connection.execute(self.open_row, row).rowcount == 1

    def _answered(self, connection: sa.Connection, branch: Branch, account: str, amount: int) -> Outcome:
        """What a Try is told of a branch that has a row."""
        row = connection.execute(find, branch.key).one()
        same = (row.account, row.amount) == (account, amount)
        return Outcome.OK if same and row.status in ("tried", "confirmed") else Outcome.REJECTED

    def _hold(self, connection: sa.Connection, account: str, amount: int) -> bool:
        return connection.execute(self.hold, {"account": account, "amount": amount}).rowcount == 1

    def confirm(self, gid: str, branch: str) -> Outcome:
        """Take what is held off the balance."""
        with self.engine.begin() as connection:
            return self._confirm(connection, Branch(gid, branch))

    def _confirm(self, connection: sa.Connection, branch: Branch) -> Outcome:
        held = self._end(connection, branch, "confirmed")
        if held is not None:
            self._book(connection, held)
            return Outcome.OK
        return Outcome.OK if self._status(connection, branch) == "confirmed" else Outcome.REJECTED

    def cancel(self, gid: str, branch: str) -> Outcome:
        """Give back what is held, and hold nothing for this branch any more."""
        with self.engine.begin() as connection:
            return self._cancel(connection, Branch(gid, branch))

    def _cancel(self, connection: sa.Connection, branch: Branch) -> Outcome:
        if self._open(connection, branch, "cancelled"):
            return Outcome.OK
        held = self._end(connection, branch, "cancelled")
        if held is not None:
            self._release(connection, held)
            return Outcome.OK
        return Outcome.REJECTED if self._status(connection, branch) == "confirmed" else Outcome.OK

    def _end(self, connection: sa.Connection, branch: Branch, now: str) -> Row | None:
        """Let a branch that holds something end; None where it holds nothing."""
        return returned(connection, self.end, {**branch.key, "now": now}).one_or_none()

    def _book(self, connection: sa.Connection, held: Row) -> None:
        connection.execute(self.book, {"account": held.account, "amount": held.amount})

    def _release(self, connection: sa.Connection, held: Row) -> None:
        connection.execute(self.release, {"account": held.account, "amount": held.amount})

    def _status(self, connection: sa.Connection, branch: Branch) -> str | None:
        row = connection.execute(find, branch.key).one_or_none()
        return None if row is None else row.status

    def balance(self) -> dict[str, int]:
        """The balance of every account, holds included."""
        with self.engine.connect() as connection:
            return {row.id: row.balance for row in connection.execute(sa.select(accounts.c.id, accounts.c.balance))}

    def available(self) -> dict[str, int]:
        """What may be spent of every account."""
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(accounts.c.id, accounts.c.balance, accounts.c.held))
            return {row.id: row.balance - row.held for row in rows}
