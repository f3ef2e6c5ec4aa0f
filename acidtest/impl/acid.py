"""Local ACID: a transfer is one transaction of one database, idempotent by the client's key.

The key is claimed first: of two equal requests the second waits for the first, and finds its answer. On SQLite that also
takes the write lock, so nothing that is read afterwards can be stale. The guards stand in the statements that write (the funds suffice, both
accounts exist), and the number of rows that they changed decides. A rejection is bound to the key like an acceptance.

What definitely had no effect (a lock not granted, a serialization failure, a deadlock) is tried again from the start, a
few times. An error of COMMIT that leaves the outcome open is never tried again here: it goes to the caller, who may ask
again under the same key.

Sources: Berenson et al., "A critique of ANSI SQL isolation levels", 1995 (P4); brandur.org/idempotency-keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from acidtest.environment import Outcome
from acidtest.impl.dialects import Name, Once, locks_what_it_reads

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.environment import Environment

Result = TypeVar("Result")

ATTEMPTS = 5  #: how often a transfer is tried before its error goes to the caller
#: SQLSTATEs of errors that definitely had no effect: serialization failure, deadlock, a lock not granted in time.
NO_EFFECT = frozenset({"40001", "40P01", "55P03"})
#: Likewise of MariaDB, by number: a lock not granted in time, a deadlock, a row that has changed since the snapshot.
NO_EFFECT_HERE = frozenset({1205, 1213, 1020})

metadata = sa.MetaData()
accounts = sa.Table(
    "accounts", metadata,
    sa.Column("id", Name, primary_key=True),
    sa.Column("balance", sa.BigInteger, sa.CheckConstraint("balance >= 0"), nullable=False),
)  # fmt: skip
requests = sa.Table(
    "requests", metadata,
    sa.Column("key", Name, primary_key=True),
    sa.Column("source", Name, nullable=False),
    sa.Column("target", Name, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("outcome", Name, nullable=False),
)  # fmt: skip

claim_key = Once(
    "INSERT INTO requests (key, source, target, amount, outcome) VALUES (:key, :source, :target, :amount, 'ok') "
    "ON CONFLICT (key) DO NOTHING"
)
answered = sa.select(requests).where(requests.c.key == sa.bindparam("k"))
refuse = sa.update(requests).where(requests.c.key == sa.bindparam("k")).values(outcome="rejected")
_payee = accounts.alias("payee")
debit = (
    sa.update(accounts)
    .where(
        accounts.c.id == sa.bindparam("source"),
        accounts.c.balance >= sa.bindparam("amount"),
        sa.exists().where(_payee.c.id == sa.bindparam("target")),
    )
    .values(balance=accounts.c.balance - sa.bindparam("amount"))
)
#: In one order, whoever pays whom.
lock_both = (
    sa.select(accounts.c.id)
    .where(accounts.c.id.in_([sa.bindparam("source"), sa.bindparam("target")]))
    .order_by(accounts.c.id)
    .with_for_update()
)
credit = (
    sa.update(accounts)
    .where(accounts.c.id == sa.bindparam("target"))
    .values(balance=accounts.c.balance + sa.bindparam("amount"))
)


class Transfer(NamedTuple):
    """What a client asks for."""

    key: str
    source: str
    target: str
    amount: int


class Transfers:
    """Transfers between the accounts of one database.

    Arguments:
        env: gives the database "bank".
    """

    #: The tables that `install` creates.
    metadata: ClassVar[sa.MetaData] = metadata
    #: The statement that claims a key, and takes the write lock.
    claim: ClassVar[sa.TextClause] = claim_key
    #: The isolation level of its transactions; empty for the database's own. It is right at every level from READ COMMITTED.
    level: ClassVar[str] = ""

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        engine = env.engine("bank")
        self.engine = engine.execution_options(isolation_level=self.level) if self.level else engine

    def install(self, opening: dict[str, int]) -> None:
        """Create the schema and open the accounts."""
        self.metadata.create_all(self.engine)
        with self.engine.begin() as connection:
            connection.execute(sa.insert(accounts), [{"id": name, "balance": sum_} for name, sum_ in opening.items()])

    def transfer(self, key: str, source: str, target: str, amount: int) -> Outcome:
        """Move `amount` minor units from `source` to `target`, once per `key`."""
        if amount <= 0 or source == target:
            return Outcome.REJECTED
        return self._insist(Transfer(key, source, target, amount))

    def _insist(self, request: Transfer) -> Outcome:
        """Try until the outcome is known, or cannot be known."""
        return self._repeat(lambda: self._attempt(request))

    def _repeat(self, attempt: Callable[[], Result]) -> Result:
        """Try again, from the first read on, what definitely had no effect."""
        for _ in range(ATTEMPTS - 1):
            try:
                return attempt()
            except DBAPIError as error:
                if not self._had_no_effect(error):
                    raise
        return attempt()

    def _had_no_effect(self, error: DBAPIError) -> bool:
        """Whether the transaction was definitely not committed, and trying again may help."""
        busy = str(getattr(error.orig, "sqlite_errorname", "")).startswith("SQLITE_BUSY")
        code = next(iter(getattr(error.orig, "args", ())), None)
        return busy or getattr(error.orig, "sqlstate", None) in NO_EFFECT or code in NO_EFFECT_HERE

    def _attempt(self, request: Transfer) -> Outcome:
        """Answer the request in one transaction."""
        with self.engine.begin() as connection:
            return self._answered(connection, request) or self._decide(connection, request)

    def _answered(self, connection: sa.Connection, request: Transfer) -> Outcome | None:
        """Claim the key; the answer where it was claimed before."""
        if connection.execute(self.claim, request._asdict()).rowcount == 1:
            return None
        known = connection.execute(answered, {"k": request.key}).one()
        same = (known.source, known.target, known.amount) == request[1:]
        return Outcome(known.outcome) if same else Outcome.REJECTED

    def _decide(self, connection: sa.Connection, request: Transfer) -> Outcome:
        if not self._move(connection, request):
            connection.execute(refuse, {"k": request.key})
            return Outcome.REJECTED
        return Outcome.OK

    def _move(self, connection: sa.Connection, request: Transfer) -> bool:
        """Debit and credit; False where the funds do not suffice, or an account does not exist."""
        if locks_what_it_reads(connection):
            connection.execute(lock_both, request._asdict())
        return self._debit(connection, request) and self._credit(connection, request)

    def _debit(self, connection: sa.Connection, request: Transfer) -> bool:
        return connection.execute(debit, request._asdict()).rowcount == 1

    def _credit(self, connection: sa.Connection, request: Transfer) -> bool:
        if connection.execute(credit, request._asdict()).rowcount != 1:
            message = f"the account {request.target!r} is gone: nothing of the transfer {request.key!r} may stay"
            raise LookupError(message)
        return True

    def balances(self) -> dict[str, int]:
        """The balance of every account, by one consistent read."""
        return self._repeat(self._read)

    def _read(self) -> dict[str, int]:
        with self.engine.connect() as connection:
            return {row.id: row.balance for row in connection.execute(sa.select(accounts.c.id, accounts.c.balance))}
