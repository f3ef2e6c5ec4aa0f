"""Mutants of the cache and of who reads: leases, invalidation, and sessions."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from acidtest.impl.cqrs import LEASE, NOBODY, AccountViews, Shown, entry_of, lease_of, lock_live, owed
from acidtest.impl.dialects import Once


class NoLease(AccountViews):
    """Fills the cache with what was read, whatever has happened to the view since (CQ8)."""

    #: How long what is cached is served; None for ever.
    seconds: int | None = None

    def _cached(self, account: str) -> Shown | None:
        try:
            found = self.cache.get(entry_of(account))
            if found is not None:
                return Shown(*json.loads(found))
            shown = self._shown(account)
            self.cache.set(entry_of(account), json.dumps(shown), ex=self.seconds)
        except self.unreachable:
            return None
        return shown


class StaleUntilItsTime(NoLease):
    """Relies on a time to live of an hour, and on nothing else: until then the cache may serve what the view shows no more (CQ8)."""

    seconds = 3_600


class LeaseOfAnybody(AccountViews):
    """Fills the cache while somebody has a lease, which may be another's by now (CQ8)."""

    def _filled(self, account: str, token: str) -> Shown:  # noqa: ARG002
        found = self._shown(account)
        try:
            self.cache.eval(_FILL_IF_LEASED, 2, entry_of(account), lease_of(account), json.dumps(found))
        except self.unreachable:
            pass
        return found


_FILL_IF_LEASED = """
if redis.call('EXISTS', KEYS[2]) == 1 then
    redis.call('SET', KEYS[1], ARGV[1])
    redis.call('DEL', KEYS[2])
end
return false
"""


class LeaseIsKept(AccountViews):
    """Drops what is cached but not the lease: who holds it fills the cache with what was read before (CQ8)."""

    def _invalidate(self, account: str) -> None:
        self.cache.delete(entry_of(account))


class LeaseCheckedBefore(AccountViews):
    """Looks whether it still has the lease, and fills the cache in a command of its own (CQ8)."""

    def _filled(self, account: str, token: str) -> Shown:
        found = self._shown(account)
        try:
            if self.cache.get(lease_of(account)) == token.encode():
                self.cache.set(entry_of(account), json.dumps(found))
        except self.unreachable:
            pass
        return found


class NeverInvalidated(AccountViews):
    """Fills the cache and never tells it of a change (CQ8)."""

    def _pay(self) -> None:
        """Tell nobody."""


class InvalidatedBeforeCommit(AccountViews):
    """Drops what is cached before the change is committed: a reader fills it again with what is old (CQ8)."""

    def _owe(self, connection: sa.Connection, generation: int, changes: Any) -> None:  # noqa: ARG002
        for account in dict(changes):
            self._invalidate(account)


class InvalidationInMemory(AccountViews):
    """Remembers only in memory what it owes the cache: a crash after the change, and nobody tells it (CQ8)."""

    debts: tuple[str, ...] = ()

    def _owe(self, connection: sa.Connection, generation: int, changes: Any) -> None:  # noqa: ARG002
        self.debts = tuple(dict(changes))

    def _pay(self) -> None:
        debts, self.debts = self.debts, ()
        for account in debts:
            self._invalidate(account)


class InvalidationErrorSwallowed(AccountViews):
    """Takes a cache that cannot be reached for one that was told (CQ8)."""

    def _invalidate(self, account: str) -> None:
        try:
            super()._invalidate(account)
        except self.unreachable:
            pass


class PaidBeforeTold(AccountViews):
    """Strikes off what it owes the cache before it has told it: a crash in between, and nobody does (CQ8)."""

    def _pay(self) -> None:
        with self.view.begin() as connection:
            connection.execute(lock_live)
            names = connection.execute(sa.select(owed.c.account).distinct()).scalars().all()
            if names:
                connection.execute(sa.delete(owed))
        for account in names:
            self._invalidate(account)


class GarbageIsAHit(AccountViews):
    """Takes the empty answer of who may fill the cache for what is cached: an account with nothing in it (CQ3)."""

    def _cached(self, account: str) -> Shown | None:
        token = self.new_id()
        answer: Any = self.cache.eval(_GET_OR_NOTHING, 2, entry_of(account), lease_of(account), token, int(LEASE * 1000))
        return Shown(int(answer[0] or 0), 1) if answer else self._filled(account, token)


_GET_OR_NOTHING = """
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return {} end
return {redis.call('GET', KEYS[1])}
"""


# Queries:


class OpenedByAQuery(AccountViews):
    """Opens the account that a query asks for where there is none, as a get-or-create does (CQ9)."""

    def _shown(self, account: str) -> Shown:
        found = super()._shown(account)
        if found == NOBODY:
            with self.bank.begin() as connection:
                connection.execute(_opened, {"id": account})
        return found


_opened = Once("INSERT INTO accounts (id, balance, version, closed) VALUES (:id, 0, 1, false) ON CONFLICT (id) DO NOTHING")


# Sessions:


class CachedFirst(AccountViews):
    """Answers by what is cached, however old that is to the client who asks (CQ6)."""

    def query(self, account: str, after: int | None) -> tuple[int | None, int]:
        """What is cached or shown."""
        found = self._cached(account)
        return super().query(account, after) if found is None else found


class LagNotWaitedFor(AccountViews):
    """Passes the cache by for a client who has written, but not a view that is behind (CQ6)."""

    def query(self, account: str, after: int | None) -> tuple[int | None, int]:
        """What is shown, for those who ask after a position."""
        return super().query(account, None) if after is None else self._shown(account)


class NoPositionOfReads(AccountViews):
    """Tells with an answer no position that a later query could be given (CQ6.monotonic)."""

    def query(self, account: str, after: int | None) -> tuple[int | None, int]:
        """The same, but for what comes with it."""
        balance, _ = super().query(account, after)
        return balance, 0
