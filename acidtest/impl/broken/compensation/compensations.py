"""Mutants of compensations: what they take back, when they may, and what becomes of those that cannot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from acidtest.environment import Outcome
from acidtest.impl.broken.compensation.changes import add, tables_and, without_constraint
from acidtest.impl.compensation import (
    DONE,
    PARKED,
    REFUSED,
    UNDONE,
    Changes,
    Ledger,
    accounts,
    keys,
    known,
    ledger,
    settle,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Environment


# What is taken back.


class BeforeImageRestore(Ledger):
    """Puts back what the accounts held before the change, whatever others have done since (CT1)."""

    capabilities: ClassVar[frozenset[str]] = frozenset()
    metadata = tables_and(("images", ("key", "account", "before", "after")))

    def _record(self, connection: sa.Connection, key: str, account: str, amount: int) -> None:
        connection.execute(_remember, {"key": key, "account": account, "amount": amount})
        super()._record(connection, key, account, amount)

    def _take_back(self, connection: sa.Connection, key: str) -> Outcome:
        images = connection.execute(_images, {"key": key}).all()
        if not self._trusts(connection, images):
            return super()._take_back(connection, key)
        for image in images:
            connection.execute(_set_balance, {"account": image.account, "before": image.before})
        return Outcome.OK

    def _trusts(self, connection: sa.Connection, images: Sequence[Any]) -> bool:
        """Whether to put back these images."""
        return True


class SameRowTwice(BeforeImageRestore):
    """Half a fix: puts back only what nobody else has changed, but takes a row changed twice for its own (CT1)."""

    def _trusts(self, connection: sa.Connection, images: Sequence[Any]) -> bool:
        now = {row.id: row.balance for row in connection.execute(sa.select(accounts))}
        rows = [image.account for image in images]
        return all(rows.count(image.account) > 1 or now[image.account] == image.after for image in images)


_remember = sa.text(
    "INSERT INTO images (key, account, before, after) "
    "SELECT :key, id, balance - :amount, balance FROM accounts WHERE id = :account"
)
_images = sa.text("SELECT account, before, after FROM images WHERE key = :key ORDER BY rowid DESC")
_set_balance = sa.text("UPDATE accounts SET balance = :before WHERE id = :account")


class OrderedBySeconds(Ledger):
    """Orders the records of a change by a time in whole seconds: those of one second are undone first to last (CT11)."""

    metadata = tables_and(("times", ("seq", "at")))
    recorded = sa.text(
        "SELECT account, amount FROM ledger JOIN times USING (seq) WHERE key = :k ORDER BY at DESC"  # and then by rowid
    )

    def _record(self, connection: sa.Connection, key: str, account: str, amount: int) -> None:
        super()._record(connection, key, account, amount)
        connection.execute(_stamp, {"at": int(self.clock.now())})


_stamp = sa.text("INSERT INTO times (seq, at) SELECT max(seq), :at FROM ledger")


class CurrentPrice(Ledger):
    """Takes back what was last asked for under the key, not what was recorded (CT9)."""

    metadata = tables_and(("asked", ("key", "payload")))

    def _answered(self, connection: sa.Connection, key: str, changes: Changes) -> Outcome | None:
        answer = super()._answered(connection, key, changes)
        connection.execute(_ask, {"key": key, "payload": json.dumps(changes)})
        return answer

    def _opposite(self, connection: sa.Connection, key: str) -> list[tuple[str, int]]:
        payload = connection.execute(_asked, {"key": key}).scalars().first()
        return [(account, -amount) for account, amount in reversed(json.loads(payload or "[]"))]


_ask = sa.text("INSERT INTO asked (key, payload) VALUES (:key, :payload)")
_asked = sa.text("SELECT payload FROM asked WHERE key = :key ORDER BY rowid DESC")


class TakesBackWhatWasAsked(Ledger):
    """Takes back what was asked for, which is what was done, where it was. Not a bug by itself."""

    def _opposite(self, connection: sa.Connection, key: str) -> list[tuple[str, int]]:
        changes = json.loads(connection.execute(known, {"k": key}).one().payload or "[]")
        return [(account, -amount) for account, amount in reversed(changes)]


class RefusedIsTakenBack(TakesBackWhatWasAsked):
    """Takes back what was asked for, also where it was refused (CT4)."""

    def _undoing(self, connection: sa.Connection, key: str) -> bool:
        refused = connection.execute(known, {"k": key}).one().status == REFUSED
        return refused or super()._undoing(connection, key)


class DeletedInsteadOfReversed(Ledger):
    """Removes the record of what was done, rather than to append what takes it back (CT8)."""

    def _take_back(self, connection: sa.Connection, key: str) -> Outcome:
        outcome = super()._take_back(connection, key)
        if outcome == Outcome.OK:
            connection.execute(sa.delete(ledger).where(ledger.c.key == key))
        return outcome


class TakesBackWhatItCan(Ledger):
    """Takes back from those accounts that have the money, and leaves out the others (G1)."""

    def _take_back(self, connection: sa.Connection, key: str) -> Outcome:
        for account, amount in self._opposite(connection, key):
            if self._change(connection, account, amount):
                self._record(connection, key, account, amount)
        return Outcome.OK


class AccountByAccount(Ledger):
    """Takes back each change in a transaction of its own (CT6, G1)."""

    def undo(self, key: str) -> Outcome:
        with self.engine.begin() as connection:
            if self._bars(connection, key) or not self._undoing(connection, key):
                return Outcome.OK
            opposite = self._opposite(connection, key)
        for change in opposite:
            with self.engine.begin() as connection:
                if not self._make(connection, key, [change]):
                    return self._park(connection, key)
        return Outcome.OK


# When it may be taken back.


class NoTombstone(Ledger):
    """Leaves nothing behind where there is nothing to undo, so the change that comes later is made (CT5)."""

    def _bars(self, connection: sa.Connection, key: str) -> bool:
        return connection.execute(known, {"k": key}).one_or_none() is None


class UndoneIsForgotten(Ledger):
    """Frees the key once it is undone, so that the change is made again when it comes again (G3, CT5)."""

    def _take_back(self, connection: sa.Connection, key: str) -> Outcome:
        outcome = super()._take_back(connection, key)
        if outcome == Outcome.OK:
            connection.execute(sa.delete(keys).where(keys.c.key == key))
        return outcome


class NotIdempotent(TakesBackWhatWasAsked):
    """Takes back once more whenever it is asked for again (CT3)."""

    def _undoing(self, connection: sa.Connection, key: str) -> bool:
        again = connection.execute(known, {"k": key}).one().status == UNDONE
        return again or super()._undoing(connection, key)


class CheckedOutside(TakesBackWhatWasAsked):
    """Looks before the transaction whether the key is still to be undone: two at once both find that it is (CT3)."""

    def undo(self, key: str) -> Outcome:
        with self.engine.connect() as connection:
            row = connection.execute(known, {"k": key}).one_or_none()
        self.still_done = row is not None and row.status in (DONE, PARKED)
        return super().undo(key)

    def _undoing(self, connection: sa.Connection, key: str) -> bool:
        if self.still_done:
            connection.execute(settle, {"k": key, "to": UNDONE})
        return self.still_done or super()._undoing(connection, key)


class CheckedInside(TakesBackWhatWasAsked):
    """Looks, without locking the row, whether the key is still to be undone: two at once both find that it is (CT3)."""

    def _undoing(self, connection: sa.Connection, key: str) -> bool:
        done = connection.execute(known, {"k": key}).one().status in (DONE, PARKED)
        if done:
            connection.execute(settle, {"k": key, "to": UNDONE})
        return done


class UndoErrorSwallowed(Ledger):
    """Swallows the database's errors while it compensates, and says ok (G4)."""

    def undo(self, key: str) -> Outcome:
        try:
            return super().undo(key)
        except SQLAlchemyError:
            return Outcome.OK


# What cannot be taken back.


class OverdrawsThirdParty(Ledger):
    """Takes back from an account what is no longer there, and no constraint stands in the way (CT7)."""

    def install(self, opening: dict[str, int]) -> None:
        without_constraint(self)
        super().install(opening)

    def _take_back(self, connection: sa.Connection, key: str) -> Outcome:
        for account, amount in self._opposite(connection, key):
            connection.execute(add, {"account": account, "amount": amount})
            self._record(connection, key, account, amount)
        return Outcome.OK


class RetriedForEver(Ledger):
    """Never parks what cannot be taken back: it is an error, to be tried again for ever (CT6, G9)."""

    def _park(self, connection: sa.Connection, key: str) -> Outcome:
        message = f"{key!r} cannot be taken back now, try again"
        raise TimeoutError(message)


class NotParked(Ledger):
    """Refuses to take back, and leaves nothing behind that people could see (CT6)."""

    def _park(self, connection: sa.Connection, key: str) -> Outcome:
        connection.execute(settle, {"k": key, "to": DONE})
        return Outcome.REJECTED


class ParkedInMemory(NotParked):
    """Keeps a list of what is parked in memory, where nobody else sees it, and a crash takes it (CT6)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.parked: list[str] = []

    def _park(self, connection: sa.Connection, key: str) -> Outcome:
        self.parked.append(key)
        return super()._park(connection, key)

    def state(self) -> dict[str, Any]:
        return super().state() | {"parked": list(self.parked)}


class ParkedCountsAsUndone(Ledger):
    """Takes a key that is parked for one that is undone, and says ok when it is asked again (G4)."""

    def _undoing(self, connection: sa.Connection, key: str) -> bool:
        parked = connection.execute(known, {"k": key}).one().status == PARKED
        return not parked and super()._undoing(connection, key)


class UndoneFromStaleBalance(Ledger):
    """Computes what a compensation leaves from balances that it read before the transaction (CT2, CT1)."""

    def undo(self, key: str) -> Outcome:
        """Take back, from what was there a moment ago."""
        have: dict[str, int] = self.state()["balances"]
        with self.engine.begin() as connection:
            if self._bars(connection, key) or not self._undoing(connection, key):
                return Outcome.OK
            back = self._opposite(connection, key)
            for account, amount in back:
                have[account] += amount
            if min(have.values()) < 0:
                return self._park(connection, key)
            for account, amount in back:
                self._record(connection, key, account, amount)
                connection.execute(_write, {"account": account, "balance": have[account]})
            return Outcome.OK


_write = sa.text("UPDATE accounts SET balance = :balance WHERE id = :account")
