"""Compensating transactions: changes of accounts under a key, and what takes them back, each in one transaction.

The first statement claims the key, which takes the write lock. A change goes into the ledger in the transaction that
makes it; its compensation reads from there what was done, last first, makes the opposite, and appends that, too. Nothing
is ever removed. A compensation that finds no key leaves one, so that a change that it has overtaken is refused.

All guards stand in the statements that write. A change that fails half way is rolled back to a savepoint; so is a
compensation, which is then parked: it answers rejected, is visible, and is tried again when it is asked for again.

The ledger is in the order of commits. Where rows are locked rather than whole databases, numbers alone would not keep it
so: who was given an earlier one may commit later, and would be read as if it had been there before. So whoever appends
takes the one lock of the ledger first, and keeps it until COMMIT. After the key it is the first lock that is taken, so
nobody who has it waits for anybody, and changes of the same accounts in opposite orders cannot deadlock.

Source: Korth, Levy & Silberschatz, "A formal approach to recovery by compensating transactions", VLDB 1990.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import sqlalchemy as sa

from acidtest.environment import Outcome
from acidtest.impl.dialects import Name, Once, level_of_reports

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from acidtest.environment import Environment

#: What became of a key: done; refused; done and taken back; taken back before it came; done, and waiting for people.
DONE, REFUSED, UNDONE, BARRED, PARKED = "done", "refused", "undone", "barred", "parked"

metadata = sa.MetaData()
accounts = sa.Table(
    "accounts", metadata,
    sa.Column("id", Name, primary_key=True),
    sa.Column("balance", sa.BigInteger, sa.CheckConstraint("balance >= 0"), nullable=False),
)  # fmt: skip
keys = sa.Table(
    "keys", metadata,
    sa.Column("key", Name, primary_key=True),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("status", Name, nullable=False),
)  # fmt: skip
ledger = sa.Table(
    "ledger", metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("key", Name, nullable=False),
    sa.Column("account", Name, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
)  # fmt: skip
#: One row: whoever holds it may append to the ledger.
ledger_lock = sa.Table("ledger_lock", metadata, sa.Column("id", sa.Integer, primary_key=True))

claim_key = Once("INSERT INTO keys (key, payload, status) VALUES (:key, :payload, :status) ON CONFLICT (key) DO NOTHING")
_of_key = keys.c.key == sa.bindparam("k")
known = sa.select(keys).where(_of_key)
settle = sa.update(keys).where(_of_key).values(status=sa.bindparam("to"))
#: Of two compensations at once, one takes back: the other finds no such row when it may go on.
undoing = sa.update(keys).where(_of_key, keys.c.status.in_((DONE, PARKED))).values(status=UNDONE)
change = (
    sa.update(accounts)
    .where(accounts.c.id == sa.bindparam("account"), accounts.c.balance + sa.bindparam("amount") >= 0)
    .values(balance=accounts.c.balance + sa.bindparam("amount"))
)
#: Waits for whoever is appending to the ledger. On SQLite the write lock is held already, and rows have no locks.
take_turn = sa.select(ledger_lock.c.id).with_for_update()
recorded = sa.select(ledger.c.account, ledger.c.amount).where(ledger.c.key == sa.bindparam("k")).order_by(ledger.c.seq.desc())

Changes: TypeAlias = "Sequence[tuple[str, int]]"


class Ledger:
    """Changes of accounts that can be taken back.

    Arguments:
        env: gives the database "bank".
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"history"})
    #: The tables that `install` creates.
    metadata: ClassVar[sa.MetaData] = metadata
    #: The statement that claims a key, and takes the write lock.
    claim: ClassVar[sa.TextClause] = claim_key
    #: The statement that changes a balance, unless it would be overdrawn.
    change: ClassVar[sa.Executable] = change
    #: The statement that makes whoever appends to the ledger wait for who came first.
    take_turn: ClassVar[sa.Executable] = take_turn
    #: What was recorded under a key, in the order in which it is to be undone.
    recorded: ClassVar[sa.Executable] = recorded

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        self.engine = env.engine("bank")
        self.clock = env.clock

    def install(self, opening: dict[str, int]) -> None:
        """Create the schema and open the accounts."""
        self.metadata.create_all(self.engine)
        with self.engine.begin() as connection:
            connection.execute(sa.insert(accounts), [{"id": name, "balance": sum_} for name, sum_ in opening.items()])
            connection.execute(sa.insert(ledger_lock), {"id": 1})

    # Changes:

    def do(self, key: str, changes: Changes) -> Outcome:
        """Make `changes`, (account, signed amount in minor units) pairs, all or none, once per `key`."""
        if not self._valid(changes):
            return Outcome.REJECTED
        with self.engine.begin() as connection:
            return self._answered(connection, key, changes) or self._decide(connection, key, changes)

    def _valid(self, changes: Changes) -> bool:
        return bool(changes) and all(amount != 0 for _, amount in changes)

    def _answered(self, connection: sa.Connection, key: str, changes: Changes) -> Outcome | None:
        """Claim the key; the answer where it was claimed before."""
        payload = json.dumps(changes)
        if self._claims(connection, key, payload, DONE):
            return None
        row = connection.execute(known, {"k": key}).one()
        return Outcome.OK if row.payload == payload and row.status in (DONE, PARKED) else Outcome.REJECTED

    def _claims(self, connection: sa.Connection, key: str, payload: str, status: str) -> bool:
        return connection.execute(self.claim, {"key": key, "payload": payload, "status": status}).rowcount == 1

    def _decide(self, connection: sa.Connection, key: str, changes: Changes) -> Outcome:
        if self._make(connection, key, changes):
            return Outcome.OK
        connection.execute(settle, {"k": key, "to": REFUSED})
        return Outcome.REJECTED

    def _make(self, connection: sa.Connection, key: str, changes: Iterable[tuple[str, int]]) -> bool:
        """Make changes and record them; False, and nothing is changed, where one of them is impossible."""
        connection.execute(self.take_turn)
        savepoint = connection.begin_nested()
        for account, amount in changes:
            if not self._change(connection, account, amount):
                savepoint.rollback()
                return False
            self._record(connection, key, account, amount)
        savepoint.commit()
        return True

    def _change(self, connection: sa.Connection, account: str, amount: int) -> bool:
        return connection.execute(self.change, {"account": account, "amount": amount}).rowcount == 1

    def _record(self, connection: sa.Connection, key: str, account: str, amount: int) -> None:
        connection.execute(sa.insert(ledger), {"key": key, "account": account, "amount": amount})

    # Compensations:

    def undo(self, key: str) -> Outcome:
        """Take back what was done under `key`, or see to it that it will not be done."""
        with self.engine.begin() as connection:
            if self._bars(connection, key) or not self._undoing(connection, key):
                return Outcome.OK
            return self._take_back(connection, key)

    def _bars(self, connection: sa.Connection, key: str) -> bool:
        """Leave the key to say that it is compensated, if there is none."""
        return self._claims(connection, key, "", BARRED)

    def _undoing(self, connection: sa.Connection, key: str) -> bool:
        """Whether there is something to be taken back, now and by nobody else."""
        return connection.execute(undoing, {"k": key}).rowcount == 1

    def _take_back(self, connection: sa.Connection, key: str) -> Outcome:
        if self._make(connection, key, self._opposite(connection, key)):
            return Outcome.OK
        return self._park(connection, key)

    def _opposite(self, connection: sa.Connection, key: str) -> list[tuple[str, int]]:
        """What takes back what is recorded under the key."""
        return [(row.account, -row.amount) for row in connection.execute(self.recorded, {"k": key})]

    def _park(self, connection: sa.Connection, key: str) -> Outcome:
        connection.execute(settle, {"k": key, "to": PARKED})
        return Outcome.REJECTED

    # Looking:

    def state(self) -> dict[str, Any]:
        """The balances, the keys that are parked, and the ledger, as of one instant.

        That takes more than READ COMMITTED, where every statement sees another state.
        """
        with self.engine.connect().execution_options(isolation_level=level_of_reports(self.engine)) as connection:
            return {
                "balances": {row.id: row.balance for row in connection.execute(sa.select(accounts))},
                "parked": list(connection.execute(sa.select(keys.c.key).where(keys.c.status == PARKED)).scalars()),
                "history": [tuple(row) for row in connection.execute(history)],
            }


history = sa.select(ledger.c.key, ledger.c.account, ledger.c.amount).order_by(ledger.c.seq)
