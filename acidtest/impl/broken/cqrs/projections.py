"""Mutants of the projector: its checkpoint, its order, who works, and rebuilds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from acidtest.environment import Outcome
from acidtest.impl.cqrs import (
    BATCH,
    AccountViews,
    Event,
    checkpoint_of,
    generations,
    lock_live,
    rows,
    save,
)
from acidtest.impl.dialects import Once

if TYPE_CHECKING:
    from collections.abc import Sequence

_row = (rows.c.generation == sa.bindparam("g"), rows.c.account == sa.bindparam("a"))
#: Adds an event to a row, whichever event that shows by now.
_add = sa.update(rows).where(*_row).values(balance=rows.c.balance + sa.bindparam("amount"), version=sa.bindparam("v"), closed=sa.bindparam("closes"))
_live = sa.select(generations.c.number, generations.c.checkpoint).where(generations.c.live)
_owe_again = Once(
    "INSERT INTO owed (account, position, generation) VALUES (:account, :position, :generation) ON CONFLICT (account, position, generation) DO NOTHING"
)


class Unguarded(AccountViews):
    """Adds events to rows as they come, and relies on each coming once; what is done with the checkpoint, mutants say."""

    def _apply(self, connection: sa.Connection, generation: int, event: Event) -> None:
        if event.version == 1:
            super()._apply(connection, generation, event)
        else:
            connection.execute(_add, {"g": generation, "a": event.account, "v": event.version, "amount": event.amount, "closes": event.closes})

    def _position(self) -> tuple[int, int]:
        """The live generation and its checkpoint, without locking anything."""
        with self.view.connect() as connection:
            number, checkpoint = connection.execute(_live).one()
        return number, checkpoint

    def _apply_all(self, generation: int, new: Sequence[Event]) -> None:
        with self.view.begin() as connection:
            for event in new:
                self._apply(connection, generation, event)
            self._owe(connection, generation, [(event.account, event.position) for event in new])

    def _save(self, generation: int, new: Sequence[Event]) -> None:
        if new:
            with self.view.begin() as connection:
                connection.execute(save, {"g": generation, "position": new[-1].position})


class CheckpointAfterView(Unguarded):
    """Saves the checkpoint after the view, in a transaction of its own: a crash in between, and events are shown twice (CQ3)."""

    def _take_over(self) -> None:
        generation, checkpoint = self._position()
        new = self._events(checkpoint)
        if new:
            self._apply_all(generation, new)
            self._save(generation, new)


class CheckpointOfTheSnapshot(Unguarded):
    """Looks for new events, locks the checkpoint, and reads it again: at REPEATABLE READ it is the old one, and events are shown twice (CQ3)."""

    def _take_over(self) -> None:
        with self.view.begin() as connection:
            number, checkpoint = connection.execute(_live).one()
            if not self._events(checkpoint, 1):
                return
            connection.execute(_locked).one()
            number, checkpoint = connection.execute(_live).one()
            new = self._events(checkpoint)
            self._show(connection, number, new)
            for event in new:
                connection.execute(_owe_again, {"account": event.account, "position": event.position, "generation": number})


_locked = _live.with_for_update()


class CheckpointBeforeView(AccountViews):
    """Saves the checkpoint before the view: a crash in between, and events are never shown (CQ1)."""

    def _take_over(self) -> None:
        with self.view.begin() as connection:
            number, checkpoint = connection.execute(lock_live).one()
            new = self._events(checkpoint)
            if new:
                connection.execute(save, {"g": number, "position": new[-1].position})
        with self.view.begin() as connection:
            for event in new:
                self._apply(connection, number, event)
            self._owe(connection, number, [(event.account, event.position) for event in new])


class ParallelWorkers(Unguarded):
    """Lets every worker take what is new without locking the checkpoint: two of them show an event twice (CQ3)."""

    def _take_over(self) -> None:
        generation, checkpoint = self._position()
        new = self._events(checkpoint)
        with self.view.begin() as connection:
            for event in new:
                self._apply(connection, generation, event)
            if new:
                connection.execute(save, {"g": generation, "position": new[-1].position})

    def _pay(self) -> None:
        """Drop all that is cached."""
        self.cache.flushdb()


class OutOfOrderUpsert(Unguarded):
    """Writes the state after each event as it comes, whatever the row shows by now: a slow worker brings an old one back (CQ2)."""

    def _take_over(self) -> None:
        generation, checkpoint = self._position()
        for event in self._events(checkpoint):
            balance = self._balance_after(event)
            with self.view.begin() as connection:
                connection.execute(_overwrite, {"g": generation, "a": event.account, "b": balance, "v": event.version, "closes": event.closes})
                connection.execute(save, {"g": generation, "position": event.position})
                self._owe_anew(connection, generation, event)

    def _balance_after(self, event: Event) -> int:
        return sum([e.amount for e in self._events(0, None) if e.account == event.account and e.version <= event.version])

    def _owe_anew(self, connection: sa.Connection, generation: int, event: Event) -> None:
        connection.execute(_owe_again, {"account": event.account, "position": event.position, "generation": generation})


_overwrite = sa.update(rows).where(*_row).values(balance=sa.bindparam("b"), version=sa.bindparam("v"), closed=sa.bindparam("closes"))


class DeletedWithoutTombstone(OutOfOrderUpsert):
    """Deletes the row of a closed account, so that an event that comes late makes it anew (CQ10)."""

    def _take_over(self) -> None:
        generation, checkpoint = self._position()
        for event in self._events(checkpoint):
            balance = self._balance_after(event)
            with self.view.begin() as connection:
                connection.execute(sa.delete(rows).where(*_row), {"g": generation, "a": event.account})
                if not event.closes:
                    row = {"generation": generation, "account": event.account, "balance": balance, "version": event.version}
                    connection.execute(sa.insert(rows), row)
                connection.execute(save, {"g": generation, "position": event.position})
                self._owe_anew(connection, generation, event)


class ClosingNotHandled(AccountViews):
    """Has no handler for the event that closes an account, which is shown for ever (CQ1, CQ10)."""

    def _apply(self, connection: sa.Connection, generation: int, event: Event) -> None:
        if not event.closes:
            super()._apply(connection, generation, event)


class SkipOnError(AccountViews):
    """Logs the error of an event and goes on to the next, past it (CQ1)."""

    def _apply(self, connection: sa.Connection, generation: int, event: Event) -> None:
        try:
            super()._apply(connection, generation, event)
        except SQLAlchemyError:
            pass


class SiblingsAborted(AccountViews):
    """Ends the batch where an event has failed, and moves the checkpoint past the others as well (CQ1)."""

    def _show(self, connection: sa.Connection, generation: int, new: Sequence[Event]) -> None:
        try:
            for event in new:
                self._apply(connection, generation, event)
        except SQLAlchemyError:
            pass
        if new:
            connection.execute(save, {"g": generation, "position": new[-1].position})


class ActsOnReplay(AccountViews):
    """Charges a unit for a withdrawal when it shows it, and again when the view is built anew (CQ9)."""

    fee = 1

    def _apply(self, connection: sa.Connection, generation: int, event: Event) -> None:
        super()._apply(connection, generation, event)
        if event.amount < -self.fee:
            with self.bank.begin() as bank:
                version = self._change(bank, event.account, -self.fee)
                if version is not None:
                    self._append(bank, event.account, version, -self.fee)


class EarlyIsDropped(AccountViews):
    """Takes a batch in the order in which it happens to come, and drops what comes before its turn (CQ1)."""

    def _events(self, checkpoint: int, limit: int | None = BATCH) -> Sequence[Event]:
        found = super()._events(checkpoint, limit)
        return found if checkpoint == 0 else [*sorted(found, key=lambda event: -event.amount)[:-1], *found[-1:]]


class BatchCutShort(AccountViews):
    """Takes ten events at a time, and counts them from the first that there ever was (CQ1)."""

    def _events(self, checkpoint: int, limit: int | None = BATCH) -> Sequence[Event]:
        found = super()._events(0, None if limit is None else 10)
        return [event for event in found if event.position > checkpoint]


class PositionInMemory(AccountViews):
    """Keeps the checkpoint in memory, and moves it before the view has committed (CQ1, CQ5)."""

    position: int | None = None

    def _events(self, checkpoint: int, limit: int | None = BATCH) -> Sequence[Event]:
        if limit is None:
            return super()._events(checkpoint, limit)
        found = super()._events(max(checkpoint, self.position or 0), limit)
        if found:
            self.position = found[-1].position
        return found


class WedgedByOneError(AccountViews):
    """Stops for good after an error, until somebody restarts it (CQ5)."""

    failed = False

    def project(self) -> None:
        """Take over what is new, unless something went wrong before."""
        if self.failed:
            return
        try:
            super().project()
        except Exception:  # whatever it is: that is the mistake
            self.failed = True
            raise


# Rebuilds:


class RebuildOverLive(AccountViews):
    """Empties the live view and fills it again, in two transactions (CQ7)."""

    def rebuild(self) -> Outcome:
        """Begin at nothing."""
        with self.view.begin() as connection:
            number, _ = connection.execute(lock_live).one()
            connection.execute(sa.delete(rows).where(rows.c.generation == number))
            connection.execute(save, {"g": number, "position": 0})
        self.project()
        return Outcome.OK


class SwappedTooEarly(AccountViews):
    """Lets the new view take the place of the live one without catching up once more (CQ7)."""

    def _swap(self, generation: int) -> None:
        with self.view.begin() as connection:
            live, _ = connection.execute(lock_live).one()
            if live < generation:
                connection.execute(sa.update(generations).values(live=generations.c.number == generation))
                self._owe(connection, generation, [(name, 0) for name in self.balances()])


class EmptyWhileInitialising(AccountViews):
    """Lets the new view take the place of the live one first and fills it then: meanwhile there is nothing in it (CQ7)."""

    def rebuild(self) -> Outcome:
        """Swap, then catch up."""
        generation = self._begin_generation()
        with self.view.begin() as connection:
            connection.execute(lock_live)
            connection.execute(sa.update(generations).values(live=generations.c.number == generation))
        self.project()
        return Outcome.OK


class CheckpointTakenOver(AccountViews):
    """Gives the new view the checkpoint that the live one has by now, and not the one that it was built up to (CQ7)."""

    def _swap(self, generation: int) -> None:
        with self.view.begin() as connection:
            live = connection.execute(lock_live).one()
            built: Any = connection.execute(checkpoint_of, {"g": generation}).scalar()
            if built is None or live.number > generation:
                return
            connection.execute(save, {"g": generation, "position": max(live.checkpoint, built)})
            connection.execute(sa.update(generations).values(live=generations.c.number == generation))
            self._owe(connection, generation, [(name, live.checkpoint) for name in self.balances()])


class RebuildForgetsTheCache(AccountViews):
    """Does not tell the cache that the view is another one: what is cached stays (CQ8)."""

    owes = True

    def _swap(self, generation: int) -> None:
        self.owes = False
        try:
            super()._swap(generation)
        finally:
            self.owes = True

    def _owe(self, connection: sa.Connection, generation: int, changes: Any) -> None:
        if self.owes:
            super()._owe(connection, generation, changes)
