"""A financial system: a transfer between two banks is all or nothing, and what happened is on record, in order, for ever.

- *office* has the reference for a coordinator of TCC, and owes the customer a receipt in the transaction in which it decides: the rest
  of the workflow, which is carried out in the end, whatever happens (a saga whose pivot is the decision);
- *north* and *south* are banks: the reference for a service that takes part in TCC. What changes a balance is also an event, appended
  to the reference event store in the same transaction (event sourcing), so the books can be added up again from the first day;
- beside each bank's books is a statement, which follows the events (CQRS). It is late, and nothing is decided on it.

Source: what the overview recommends for financial systems; Young, "CQRS Documents", 2010.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from acidtest.environment import Outcome
from acidtest.impl import event_store
from acidtest.impl.architectures.letters import Letters
from acidtest.impl.dialects import Name, returned
from acidtest.impl.event_store import BATCH, EventStore
from acidtest.impl.outbox import outbox
from acidtest.impl.tcc import AccountService, accounts
from acidtest.impl.tcc_coordinator import CONFIRM, Branch, Coordinator, branches_of

if TYPE_CHECKING:
    from acidtest.environment import Environment
    from acidtest.impl.tcc import Row

OFFICE, NORTH, SOUTH = "office", "north", "south"
#: An account whose name begins so is paid into, and the rest of the name says which.
INTO = "+"

viewing = sa.MetaData()
statements = sa.Table(
    "statements", viewing,
    sa.Column("account", Name, primary_key=True),
    sa.Column("balance", sa.BigInteger, nullable=False),
)  # fmt: skip
#: One row: the position of the last event that the statements show.
progress = sa.Table(
    "progress", viewing,
    sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer, nullable=False),
)  # fmt: skip

pay_in = sa.update(accounts).where(accounts.c.id == sa.bindparam("a")).values(balance=accounts.c.balance + sa.bindparam("n"))
known = sa.select(accounts.c.id).where(accounts.c.id == sa.bindparam("a"))
#: Locks the statements, so that one projector at a time goes on from there.
lock = sa.update(progress).values(position=progress.c.position)
owed = sa.select(outbox.c.seq).where(outbox.c.id == sa.bindparam("it"))
add = sa.update(statements).where(statements.c.account == sa.bindparam("a")).values(balance=statements.c.balance + sa.bindparam("n"))


class Journal(EventStore):
    """The events of a bank, in the database of its books.

    Arguments:
        engine: of that database.
    """

    def __init__(self, engine: sa.Engine) -> None:
        """Keep what is needed; it hands events to nobody."""
        self.engine = engine

    def record(self, connection: sa.Connection, stream: str, type_: str, data: str) -> None:
        """Append an event, in a transaction that is open, and that has changed what it is about."""
        last, version = self._take_positions(connection, 1), self._version(connection, stream)
        event = (f"{stream} {version + 1}", type_, data)
        self._insert(connection, self._rows(stream, last - 1, version, [event]))


class Bank(AccountService):
    """Accounts that are held, paid from and paid into; every change of a balance is an event.

    Arguments:
        env: gives the databases "bank", of the books and the events, and "statements".
    """

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        super().__init__(env)
        self.store = Journal(self.engine)
        self.view = env.engine("statements")

    def install(self, opening: dict[str, int]) -> None:
        """Create the schema, open the accounts, and show them."""
        super().install(opening)
        self.store.install()
        viewing.create_all(self.view)
        with self.view.begin() as connection:
            connection.execute(sa.insert(statements), [{"account": name, "balance": n} for name, n in opening.items()])
            connection.execute(sa.insert(progress), {"one": 1, "position": 0})

    # The books, and the events about them:

    def _hold(self, connection: sa.Connection, account: str, amount: int) -> bool:
        """Hold what is to be paid; who is to be paid into must be there."""
        if account.startswith(INTO):
            return connection.execute(known, {"a": account.removeprefix(INTO)}).first() is not None
        return super()._hold(connection, account, amount)

    def _book(self, connection: sa.Connection, held: Row) -> None:
        account, amount = held.account.removeprefix(INTO), held.amount
        if held.account.startswith(INTO):
            connection.execute(pay_in, {"a": account, "n": amount})
        else:
            super()._book(connection, held)
            amount = -amount
        self._record(connection, account, amount)

    def _release(self, connection: sa.Connection, held: Row) -> None:
        if not held.account.startswith(INTO):
            super()._release(connection, held)

    def _record(self, connection: sa.Connection, account: str, amount: int) -> None:
        """Append an event, in the transaction that changes the balance."""
        self.store.record(connection, account, "moved", json.dumps({"amount": amount}))

    # The statements:

    def project(self) -> None:
        """Show what has happened since; the statements and how far they are change together."""
        with self.view.begin() as connection:
            connection.execute(lock)
            done = connection.execute(sa.select(progress.c.position)).scalar_one()
            found = self.store.read_all(done, BATCH)
            for _, account, _, event in found:
                connection.execute(add, {"a": account, "n": json.loads(event[2])["amount"]})
            if found:
                self._save(connection, found[-1][0])

    def _save(self, connection: sa.Connection, position: int) -> None:
        connection.execute(sa.update(progress).values(position=position))

    # Looking:

    def recorded(self) -> dict[str, int]:
        """What the events of each account add up to."""
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(event_store.events.c.stream, event_store.events.c.data)).all()
        found: dict[str, int] = {}
        for row in rows:
            found[row.stream] = found.get(row.stream, 0) + json.loads(row.data)["amount"]
        return found

    def statement(self) -> dict[str, int]:
        """What customers are shown of each account."""
        with self.view.connect() as connection:
            return {row.account: row.balance for row in connection.execute(sa.select(statements))}

    def tick(self) -> None:
        """Only the office looks after transfers."""

    def recover(self) -> None:
        """Nothing is left to recover."""


class Office(Coordinator):
    """Transfers between banks, and the receipts."""

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        super().__init__(env)
        self.letters = Letters(env, "coordinator")

    def install(self, opening: dict[str, int] | None = None) -> None:  # noqa: ARG002 - it has nothing
        """Create the schema."""
        super().install()
        self.letters.install()

    def transfer(self, key: str, source: str, target: str, amount: int) -> Outcome | str:
        """Move an amount from an account of the north to one of the south, once per `key`; "pending" where that is open."""
        return self.run(key, [(NORTH, source, amount), (SOUTH, f"{INTO}{target}", amount)])

    def _decide(self, gid: str, decision: str) -> str:
        """Write a decision unless there is one, and owe the receipt with it."""
        with self.engine.begin() as connection:
            values = {"g": gid, "now": decision, "until": self._until()}
            if connection.execute(self.decide_once, values).rowcount == 1:
                self._owe(connection, gid, decision)
                return decision
        return super()._decide(gid, decision)

    def _take_over(self, row: Any) -> Any:
        """What is open is cancelled when it is overdue; its receipt is owed with that, unless it is owed already."""
        with self.engine.begin() as connection:
            mine = {"g": row.gid, "seen": row.due, "until": self._until()}
            decision = returned(connection, self.take_over, mine).scalar_one_or_none()
            if decision is None:
                return None
            if connection.execute(owed, {"it": _receipt(row.gid)}).first() is None:
                self._owe(connection, row.gid, decision)
            return [Branch(*branch) for branch in connection.execute(branches_of, {"g": row.gid})], decision

    def _owe(self, connection: sa.Connection, gid: str, decision: str) -> None:
        self.letters.owe(connection, _receipt(gid), gid, {"moved": decision == CONFIRM})

    def relay(self) -> None:
        """Send receipts that are owed."""
        self.letters.relay()


def _receipt(gid: str) -> str:
    return f"receipt {gid}"


def finance(env: Environment) -> Office | Bank:
    """The service that `env.service` names."""
    return Office(env) if env.service == OFFICE else Bank(env)
