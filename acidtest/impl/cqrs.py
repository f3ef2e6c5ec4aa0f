"""CQRS: accounts whose commands are decided on one side, and whose queries read another that follows it event by event.

A command is one transaction on the deciding side: the key, the balance, and an event. Events are numbered by a row that every
writer locks until it commits, so that their order is that of the commits, on every kind of database. A projector takes events
from there into a view in another database, together with its checkpoint, and a row takes no event but the next of its account:
so nothing is shown twice, whoever repeats it.

Queries go through a cache. Who misses is given a lease, reads the view, and fills the cache only while the lease holds; a change
of the view voids leases and entries. What is owed to the cache is written down with the change, and stays owed until the cache
has answered. A cache that cannot be reached makes queries slower, and nothing else.

A rebuild makes a second generation of the view beside the live one, and takes its place in one transaction, as far as that is.

Sources: Young, "CQRS Documents", 2010; Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013 (leases).
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

import sqlalchemy as sa

from acidtest.environment import Outcome
from acidtest.impl.dialects import Name, Once, returned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from acidtest.environment import Environment

LEASE = 10.0  #: seconds for which who has missed may fill the cache
BATCH = 100  #: events taken over by one pump

deciding = sa.MetaData()
accounts = sa.Table(
    "accounts", deciding,
    sa.Column("id", Name, primary_key=True),
    sa.Column("balance", sa.BigInteger, sa.CheckConstraint("balance >= 0"), nullable=False),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("closed", sa.Boolean, nullable=False, default=False),
)  # fmt: skip
requests = sa.Table(
    "requests", deciding,
    sa.Column("key", Name, primary_key=True),
    sa.Column("account", Name, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("outcome", Name, nullable=False),
    sa.Column("version", sa.Integer, nullable=False, default=0),
)  # fmt: skip
#: One row: the number of the last event. Who has it locked is the only one to append.
log = sa.Table(
    "log", deciding, sa.Column("one", sa.Integer, primary_key=True, autoincrement=False), sa.Column("last", sa.Integer, nullable=False),
)  # fmt: skip
events = sa.Table(
    "events", deciding,
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("account", Name, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("closes", sa.Boolean, nullable=False, default=False),
)  # fmt: skip

viewing = sa.MetaData()
#: The generations of the view, each with its checkpoint; one of them is live.
generations = sa.Table(
    "generations", viewing,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("checkpoint", sa.Integer, nullable=False),
    sa.Column("live", sa.Boolean, nullable=False),
)  # fmt: skip
rows = sa.Table(
    "rows", viewing,
    sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("account", Name, primary_key=True),
    sa.Column("balance", sa.BigInteger, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("closed", sa.Boolean, nullable=False, default=False),
)  # fmt: skip
#: The changes that the cache has yet to be told of, each by where it came from: one that comes later is another one.
owed = sa.Table(
    "owed", viewing,
    sa.Column("account", Name, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
)  # fmt: skip

claim_key = Once(
    "INSERT INTO requests (key, account, amount, outcome, version) VALUES (:key, :account, :amount, 'ok', 0) "
    "ON CONFLICT (key) DO NOTHING"
)
answered = sa.select(requests).where(requests.c.key == sa.bindparam("k"))
refuse = sa.update(requests).where(requests.c.key == sa.bindparam("k")).values(outcome="rejected")
decided = sa.update(requests).where(requests.c.key == sa.bindparam("k")).values(version=sa.bindparam("v"))
_still_open = (accounts.c.id == sa.bindparam("account"), ~accounts.c.closed)
change = (
    sa.update(accounts)
    .where(*_still_open, accounts.c.balance + sa.bindparam("amount") >= 0)
    .values(balance=accounts.c.balance + sa.bindparam("amount"), version=accounts.c.version + 1)
    .returning(accounts.c.version)
)
shut = sa.update(accounts).where(*_still_open).values(closed=True, version=accounts.c.version + 1).returning(accounts.c.version)
next_position = sa.update(log).values(last=log.c.last + 1).returning(log.c.last)
after = sa.select(events).where(events.c.position > sa.bindparam("checkpoint")).order_by(events.c.position)

#: Locks the live generation, so that one projector at a time goes on from its checkpoint.
lock_live = (
    sa.update(generations).where(generations.c.live).values(checkpoint=generations.c.checkpoint).returning(generations.c.number, generations.c.checkpoint)
)
_row = (rows.c.generation == sa.bindparam("g"), rows.c.account == sa.bindparam("a"))
#: A row takes the event that comes next, and no other.
show = (
    sa.update(rows)
    .where(*_row, rows.c.version == sa.bindparam("v") - 1)
    .values(balance=rows.c.balance + sa.bindparam("amount"), version=sa.bindparam("v"), closed=sa.bindparam("closes"))
)
checkpoint_of = sa.select(generations.c.checkpoint).where(generations.c.number == sa.bindparam("g"))
save = sa.update(generations).where(generations.c.number == sa.bindparam("g")).values(checkpoint=sa.bindparam("position"))
debts = (
    sa.select(owed.c.account, sa.func.max(owed.c.position).label("position"), sa.func.max(owed.c.generation).label("generation"))
    .group_by(owed.c.account)
    .order_by(owed.c.account)
)
paid = sa.delete(owed).where(
    owed.c.account == sa.bindparam("a"), owed.c.position <= sa.bindparam("p"), owed.c.generation <= sa.bindparam("g")
)
shown = (
    sa.select(rows.c.balance, rows.c.version, rows.c.closed)
    .join(generations, generations.c.number == rows.c.generation)
    .where(generations.c.live, rows.c.account == sa.bindparam("a"))
)

#: Gives what is cached; or else a lease to the first who asks, who is told so by an answer of two.
GET_OR_LEASE = """
local found = redis.call('GET', KEYS[1])
if found then return {found} end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return {'', 'leased'} end
return {}
"""
#: Takes a value from the holder of the lease.
FILL = """
if redis.call('GET', KEYS[2]) == ARGV[1] then
    redis.call('SET', KEYS[1], ARGV[2])
    redis.call('DEL', KEYS[2])
end
return false
"""

#: An event of the deciding side. SQLAlchemy 2.0 and 2.1 spell the type of a row differently.
Event: TypeAlias = Any


class Shown(NamedTuple):
    """What the view shows of an account: the balance, None where it is closed, and the version that this is."""

    balance: int | None
    version: int


#: What is shown of an account that the view does not know.
NOBODY = Shown(None, 0)


class NotYet(Exception):  # noqa: N818 - not an error, a matter of time
    """The view does not show yet what the client has written or read."""


class Deciding:
    """The side that decides commands.

    Arguments:
        env: gives the database "bank".
    """

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        self.bank = env.engine("bank")

    def handle(self, key: str, account: str, amount: int) -> Outcome | tuple[Outcome, int]:
        """Put `amount` minor units into `account`, or take them out, once per `key`; with it goes the version that this makes."""
        if amount == 0:
            return Outcome.REJECTED
        with self.bank.begin() as connection:
            known = self._answered(connection, key, account, amount)
            return known or self._decide(connection, key, account, amount)

    def close(self, account: str) -> Outcome:
        """Close `account` for ever."""
        with self.bank.begin() as connection:
            version = returned(connection, shut, {"account": account}).scalar()
            if version is None:
                known = connection.execute(sa.select(accounts.c.id).where(accounts.c.id == account)).scalar()
                return Outcome.REJECTED if known is None else Outcome.OK
            self._append(connection, account, version, 0, closes=True)
        return Outcome.OK

    def balances(self) -> dict[str, int | None]:
        """The balance of every account, None where it is closed, by one consistent read."""
        with self.bank.connect() as connection:
            found = connection.execute(sa.select(accounts.c.id, accounts.c.balance, accounts.c.closed))
            return {row.id: None if row.closed else row.balance for row in found}

    def _answered(self, connection: sa.Connection, key: str, account: str, amount: int) -> Outcome | tuple[Outcome, int] | None:
        """Claim the key; the answer where it was claimed before."""
        if connection.execute(claim_key, {"key": key, "account": account, "amount": amount}).rowcount == 1:
            return None
        known = connection.execute(answered, {"k": key}).one()
        if (known.account, known.amount) != (account, amount) or known.outcome != Outcome.OK:
            return Outcome.REJECTED
        return Outcome.OK, known.version

    def _decide(self, connection: sa.Connection, key: str, account: str, amount: int) -> Outcome | tuple[Outcome, int]:
        version = self._change(connection, account, amount)
        if version is None:
            connection.execute(refuse, {"k": key})
            return Outcome.REJECTED
        self._append(connection, account, version, amount)
        connection.execute(decided, {"k": key, "v": version})
        return Outcome.OK, version

    def _change(self, connection: sa.Connection, account: str, amount: int) -> int | None:
        """Change a balance; the version that this makes, or None where it cannot be."""
        version: int | None = returned(connection, change, {"account": account, "amount": amount}).scalar()
        return version

    def _append(self, connection: sa.Connection, account: str, version: int, amount: int, *, closes: bool = False) -> None:
        position = returned(connection, next_position, {}).scalar_one()
        event = {"position": position, "account": account, "version": version, "amount": amount, "closes": closes}
        connection.execute(sa.insert(events), event)


class Projector:
    """Takes events over into the view, tells the cache of what it changed, and builds the view anew.

    Arguments:
        env: gives the databases "bank" and "view", and the cache "cache".
    """

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        self.bank = env.engine("bank")
        self.view = env.engine("view")
        self.cache = env.redis("cache")

    def project(self) -> None:
        """Take over what was decided since the checkpoint, and tell the cache what it is owed."""
        self._take_over()
        self._pay()

    def _take_over(self) -> None:
        with self.view.begin() as connection:
            live = returned(connection, lock_live, {}).one_or_none()
            if live is None:
                return  # another generation has just taken its place
            new = self._events(live.checkpoint)
            self._show(connection, live.number, new)
            self._owe(connection, live.number, [(event.account, event.position) for event in new])

    def _events(self, checkpoint: int, limit: int | None = BATCH) -> Sequence[Event]:
        """The events after a position, in order."""
        with self.bank.connect() as connection:
            return connection.execute(after.limit(limit), {"checkpoint": checkpoint}).all()

    def _show(self, connection: sa.Connection, generation: int, new: Sequence[Event]) -> None:
        """Apply events to a generation, and move its checkpoint with them."""
        for event in new:
            self._apply(connection, generation, event)
        if new:
            connection.execute(save, {"g": generation, "position": new[-1].position})

    def _apply(self, connection: sa.Connection, generation: int, event: Event) -> None:
        if event.version == 1:
            opened = {"generation": generation, "account": event.account, "balance": event.amount, "version": 1}
            connection.execute(sa.insert(rows), opened)
        else:
            connection.execute(
                show, {"g": generation, "a": event.account, "v": event.version, "amount": event.amount, "closes": event.closes}
            )

    def _owe(self, connection: sa.Connection, generation: int, changes: Iterable[tuple[str, int]]) -> None:
        """Write down of which changes the cache has to be told, as (account, position) pairs."""
        for account, position in dict(changes).items():
            connection.execute(sa.insert(owed), {"account": account, "position": position, "generation": generation})

    def _pay(self) -> None:
        """Tell the cache what it is owed; what it did not answer stays owed."""
        with self.view.connect() as connection:
            found = connection.execute(debts).all()
        for debt in found:
            self._invalidate(debt.account)
            self._settle(debt)

    def _settle(self, debt: Any) -> None:
        """Strike off what the cache was told, and nothing that has come since."""
        with self.view.begin() as connection:
            connection.execute(paid, {"a": debt.account, "p": debt.position, "g": debt.generation})

    def _invalidate(self, account: str) -> None:
        """Drop what is cached of an account, and void the lease of whoever is about to fill it."""
        self.cache.delete(entry_of(account), lease_of(account))

    # Rebuild:

    def rebuild(self) -> Outcome:
        """Build a generation beside the live one from the first event on, and let it take its place."""
        generation = self._begin_generation()
        self._catch_up(generation)
        self._swap(generation)
        self._pay()
        return Outcome.OK

    def _begin_generation(self) -> int:
        with self.view.begin() as connection:
            returned(connection, lock_live, {})
            number: int = connection.execute(sa.select(sa.func.max(generations.c.number))).scalar_one() + 1
            connection.execute(sa.insert(generations), {"number": number, "checkpoint": 0, "live": False})
        return number

    def _catch_up(self, generation: int) -> None:
        """Take over, beside live handling, what there is by now."""
        with self.view.begin() as connection:
            self._show(connection, generation, self._events(0, None))

    def _swap(self, generation: int) -> None:
        """Take the place of the live generation, unless a later one has; nobody goes on with that meanwhile."""
        with self.view.begin() as connection:
            live = returned(connection, lock_live, {}).one_or_none()
            checkpoint = connection.execute(checkpoint_of, {"g": generation}).scalar()
            if live is None or checkpoint is None or live.number > generation:
                return
            self._show(connection, generation, self._events(checkpoint, None))
            connection.execute(sa.update(generations).values(live=generations.c.number == generation))
            for table, number in ((rows, rows.c.generation), (generations, generations.c.number)):
                connection.execute(sa.delete(table).where(number < generation))
            names = connection.execute(sa.select(rows.c.account).where(rows.c.generation == generation)).scalars()
            self._owe(connection, generation, [(name, live.checkpoint) for name in names])


class Querying:
    """The side that answers queries.

    Arguments:
        env: gives the database "view", the cache "cache", and tokens for leases.
    """

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        self.view = env.engine("view")
        self.cache = env.redis("cache")
        self.new_id = env.new_id
        from redis import RedisError

        self.unreachable = RedisError

    def query(self, account: str, after: int | None) -> tuple[int | None, int]:
        """The balance that is shown, and the version that this is: at least `after`.

        Raises:
            NotYet: the view is not as far.
        """
        found = self._cached(account)
        if found is None or (after is not None and found.version < after):
            found = self._shown(account)
        if after is not None and found.version < after:
            raise NotYet(account)
        return found

    def _cached(self, account: str) -> Shown | None:
        """What is cached; or what the view shows, where this call may fill the cache; None where it may not, or there is no cache."""
        token = self.new_id()
        try:
            answer = self.cache.eval(GET_OR_LEASE, 2, entry_of(account), lease_of(account), token, int(LEASE * 1000))
        except self.unreachable:
            return None
        if len(answer) == 1:
            return Shown(*json.loads(answer[0]))
        return self._filled(account, token) if answer else None

    def _filled(self, account: str, token: str) -> Shown:
        """Read the view, and fill the cache with that."""
        found = self._shown(account)
        with suppress(self.unreachable):
            self.cache.eval(FILL, 2, entry_of(account), lease_of(account), token, json.dumps(found))
        return found

    def _shown(self, account: str) -> Shown:
        """What the view shows."""
        with self.view.connect() as connection:
            row = connection.execute(shown, {"a": account}).one_or_none()
        return NOBODY if row is None else Shown(None if row.closed else row.balance, row.version)


class AccountViews(Deciding, Projector, Querying):
    """Accounts, their view, and a cache before that, each of which could be a program of its own.

    Arguments:
        env: gives the databases "bank" and "view", the cache "cache", and tokens.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"read_your_writes", "monotonic_reads"})

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        Deciding.__init__(self, env)
        Projector.__init__(self, env)
        Querying.__init__(self, env)

    def install(self, opening: dict[str, int]) -> None:
        """Create both schemas; the accounts are opened by the first events, which the view has taken over."""
        deciding.create_all(self.bank)
        viewing.create_all(self.view)
        with self.bank.begin() as connection:
            connection.execute(sa.insert(log), {"one": 1, "last": 0})
            for name, balance in opening.items():
                connection.execute(sa.insert(accounts), {"id": name, "balance": balance})
                self._append(connection, name, 1, balance)
        with self.view.begin() as connection:
            connection.execute(sa.insert(generations), {"number": 1, "checkpoint": 0, "live": True})
            self._show(connection, 1, self._events(0, None))


def entry_of(account: str) -> str:
    """The key of what is cached of an account."""
    return f"account:{account}"


def lease_of(account: str) -> str:
    """The key of the lease of whoever may fill that."""
    return f"lease:{account}"
