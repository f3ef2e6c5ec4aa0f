"""Transactional outbox: the business change and the owed message in one transaction, relays that publish what is owed.

Writers take the write lock with their first statement, so that no snapshot can be stale. Relays claim rows with a lease
and a fencing token, one row per key at a time and in the order of the rows, publish, and only then mark. A refused or
unconfirmed message stays owed and is tried again later and later, without ever being given up: a broker may be down for
longer than anyone planned. So a relay publishes at least once, and consumers drop duplicates by message id.

Source: Richardson, "Transactional outbox"; fencing after Kleppmann, "How to do distributed locking", 2016.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import sqlalchemy as sa

from acidtest.environment import BrokerRefused, BrokerTimeout, Outcome
from acidtest.impl.dialects import Name, Once, returned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Environment

LEASE = 30.0  #: seconds after which another relay may take over a claimed row
BACKOFF = 5.0  #: seconds before the first new attempt; doubled for every further one
LONGEST_BACKOFF = 3600.0  #: seconds between attempts, at most
BATCH = 10  #: rows claimed by one poll
RETENTION = 14 * 86_400.0  #: seconds for which a published row is kept

metadata = sa.MetaData()
accounts = sa.Table(
    "accounts", metadata,
    sa.Column("id", Name, primary_key=True),
    sa.Column("balance", sa.Integer, sa.CheckConstraint("balance >= 0"), nullable=False),
)  # fmt: skip
requests = sa.Table(
    "requests", metadata,
    sa.Column("key", Name, primary_key=True),
    sa.Column("account", Name, nullable=False),
    sa.Column("amount", sa.Integer, nullable=False),
    sa.Column("outcome", Name, nullable=False),
)  # fmt: skip
outbox = sa.Table(
    "outbox", metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("id", Name, nullable=False),
    sa.Column("key", Name, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("published", sa.Boolean, nullable=False, default=False),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("owner", Name),
    sa.Column("not_before", sa.Double, nullable=False, default=0.0),
)  # fmt: skip

claim_key = Once(
    "INSERT INTO requests (key, account, amount, outcome) VALUES (:key, :account, :amount, 'ok') "
    "ON CONFLICT (key) DO NOTHING"
)
answered = sa.select(requests).where(requests.c.key == sa.bindparam("k"))
withdraw = (
    sa.update(accounts)
    .where(accounts.c.id == sa.bindparam("account"), accounts.c.balance >= sa.bindparam("amount"))
    .values(balance=accounts.c.balance - sa.bindparam("amount"))
)
refuse = sa.update(requests).where(requests.c.key == sa.bindparam("k")).values(outcome="rejected")

_earlier = outbox.alias("earlier")
#: Whether a row is owed and due.
due = sa.and_(~outbox.c.published, outbox.c.not_before <= sa.bindparam("now"))
#: Whether nothing earlier of the same key is owed.
first_of_key = ~sa.exists().where(
    _earlier.c.key == outbox.c.key, _earlier.c.seq < outbox.c.seq, ~_earlier.c.published
)


def claiming(*conditions: sa.ColumnElement[bool], batch: int = BATCH, locked: bool = True) -> sa.UpdateBase:
    """The statement that claims the first `batch` rows for which `conditions` hold, and returns them.

    Rows that another relay is claiming are passed over. Without that lock, a server that does not lock the whole database
    would let the second relay wait, and then claim what the first has just claimed: the rows were chosen before.

    Arguments:
        conditions: what must hold of a row.
        batch: how many rows at most.
        locked: whether the rows are locked as they are chosen.
    """
    owed = sa.select(outbox.c.seq).where(*conditions).order_by(outbox.c.seq).limit(batch)
    if locked:
        owed = owed.with_for_update(skip_locked=True)
    return (
        sa.update(outbox)
        .where(outbox.c.seq.in_(owed))
        .values(owner=sa.bindparam("token"), not_before=sa.bindparam("until"), attempts=outbox.c.attempts + 1)
        .returning(outbox.c.seq, outbox.c.id, outbox.c.key, outbox.c.payload, outbox.c.attempts)
    )


purge = sa.delete(outbox).where(outbox.c.published, outbox.c.created < sa.bindparam("old"))
still_mine = sa.and_(outbox.c.seq == sa.bindparam("row"), outbox.c.owner == sa.bindparam("token"))
mark = sa.update(outbox).where(still_mine).values(published=True, owner=None)
put_back = sa.update(outbox).where(still_mine).values(owner=None, not_before=sa.bindparam("later"))

#: (seq, id, key, payload, attempts). SQLAlchemy 2.0 and 2.1 spell the type of a row differently.
Row: TypeAlias = Any


class Relay:
    """Publishes what its database owes.

    Arguments:
        env: gives the broker, the clock, and fencing tokens.
        database: the name of the database that has the table.
    """

    #: The statement that claims rows: those that are due, and the first of their key.
    claim: ClassVar[sa.Executable] = claiming(due, first_of_key)
    lease: ClassVar[float] = LEASE

    def __init__(self, env: Environment, database: str) -> None:
        """Keep what is needed; nothing is read or written yet."""
        self.engine = env.engine(database)
        self.broker = env.broker
        self.clock = env.clock
        self.new_id = env.new_id

    def relay(self) -> None:
        """Poll once: claim owed messages, publish each and mark it."""
        token = self.new_id()
        for row in self._claim(token):
            self._deliver(row, token)

    def _claim(self, token: str) -> Sequence[Row]:
        """Take over owed rows until the lease runs out; what was published long ago goes."""
        now = self.clock.now()
        with self.engine.begin() as connection:
            self._purge(connection, now - RETENTION)
            claimed = returned(connection, self.claim, {"now": now, "token": token, "until": now + self.lease}).all()
        return sorted(claimed)

    def _purge(self, connection: sa.Connection, old: float) -> None:
        connection.execute(purge, {"old": old})

    def _deliver(self, row: Row, token: str) -> None:
        try:
            self._publish(row)
        except (BrokerRefused, BrokerTimeout):
            self._put_back(row, token)
        else:
            self._mark(row, token)

    def _publish(self, row: Row) -> None:
        _, message_id, key, payload, _ = row
        self.broker.publish(message_id, key, payload)

    def _mark(self, row: Row, token: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(mark, {"row": row[0], "token": token})

    def _put_back(self, row: Row, token: str) -> None:
        """Let go of a row whose message was not confirmed; whoever owns it by now keeps it."""
        later = self.clock.now() + min(BACKOFF * 2 ** (row[4] - 1), LONGEST_BACKOFF)
        with self.engine.begin() as connection:
            connection.execute(put_back, {"row": row[0], "token": token, "later": later})


class Outbox(Relay):
    """Withdrawals from accounts, each with a message to the world.

    Arguments:
        env: gives the database "bank", the broker, the clock, and fencing tokens.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"fenced", "ordered"})

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        super().__init__(env, "bank")

    def install(self, opening: dict[str, int]) -> None:
        """Create the schema and open the accounts."""
        metadata.create_all(self.engine)
        with self.engine.begin() as connection:
            connection.execute(sa.insert(accounts), [{"id": name, "balance": sum_} for name, sum_ in opening.items()])

    # Requests:

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        """Withdraw `amount` minor units from `account` and owe a message about it, once per `key`."""
        if amount <= 0:
            return Outcome.REJECTED
        with self.engine.begin() as connection:
            known = self._answered(connection, key, account, amount)
            return known or self._decide(connection, key, account, amount)

    def _answered(self, connection: sa.Connection, key: str, account: str, amount: int) -> Outcome | None:
        """Claim the key; the answer where it was claimed before."""
        if connection.execute(claim_key, {"key": key, "account": account, "amount": amount}).rowcount == 1:
            return None
        known = connection.execute(answered, {"k": key}).one()
        same = (known.account, known.amount) == (account, amount)
        return Outcome(known.outcome) if same else Outcome.REJECTED

    def _decide(self, connection: sa.Connection, key: str, account: str, amount: int) -> Outcome:
        if not self._withdraw(connection, account, amount):
            connection.execute(refuse, {"k": key})
            return Outcome.REJECTED
        self._enqueue(connection, key, account, amount)
        return Outcome.OK

    def _withdraw(self, connection: sa.Connection, account: str, amount: int) -> bool:
        return connection.execute(withdraw, {"account": account, "amount": amount}).rowcount == 1

    def _enqueue(self, connection: sa.Connection, key: str, account: str, amount: int) -> None:
        message = self._message(key, account, amount)
        connection.execute(sa.insert(outbox), {**message, "created": self.clock.now()})

    def _message(self, key: str, account: str, amount: int) -> dict[str, str]:
        payload = json.dumps({"type": "MoneyWithdrawn", "account": account, "amount": amount})
        return {"id": key, "key": account, "payload": payload}

    # Looking:

    def balances(self) -> dict[str, int]:
        """The balance of every account, by one consistent read."""
        with self.engine.connect() as connection:
            return {row.id: row.balance for row in connection.execute(sa.select(accounts.c.id, accounts.c.balance))}
