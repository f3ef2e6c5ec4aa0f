"""Mutants of orders and their keys: what is taken, what is one order, and by which name services know it."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from acidtest.environment import CallRefused, CallTimeout, Outcome
from acidtest.impl.saga_orchestration import (
    COMPENSATED,
    COMPLETED,
    DO,
    PATIENCE,
    UNDO,
    Cursor,
    Orchestrator,
    Row,
    find,
    orders,
    pending,
    place,
)

if TYPE_CHECKING:
    from acidtest.environment import Environment

_this = orders.c.key == sa.bindparam("k")
_insert = sa.insert(orders).values(direction=DO, step=0).returning(*orders.c)
_insert_if_gone = sa.text(
    "INSERT INTO orders (key, account, amount, item, quantity, direction, step, deadline, until) "
    "VALUES (:key, :account, :amount, :item, :quantity, :direction, :step, :deadline, :until) ON CONFLICT (key) DO NOTHING RETURNING *"
)
_forget = sa.delete(orders).where(_this)


# What is taken.


class QuantityUnchecked(Orchestrator):
    """Refuses an amount that is not positive, but takes any quantity (G12)."""

    def _is_valid(self, order: dict[str, Any]) -> bool:
        return bool(order["amount"] > 0)


class SwallowedError(Orchestrator):
    """Answers ok although the order could not be written (G4)."""

    def start(self, key: str, account: str, amount: int, item: str, quantity: int) -> Outcome:
        try:
            return super().start(key, account, amount, item, quantity)
        except SQLAlchemyError:
            return Outcome.OK


class RunBeforeRecorded(Orchestrator):
    """Sends the first command before it writes the order (S7)."""

    def _place(self, order: dict[str, Any]) -> Row | None:
        self._command(SimpleNamespace(direction=DO, step=0, **order))
        return super()._place(order)


class CallInTransaction(Orchestrator):
    """Sends the first command within the transaction that writes the order (S7)."""

    def _place(self, order: dict[str, Any]) -> Row | None:
        now = self.clock.now()
        with self.engine.begin() as connection:
            times = {"deadline": now + PATIENCE, "until": now + self.lease_lasts}
            row: Row = connection.execute(place, {**order, **times}).one_or_none()
            if row is not None:
                self._command(row)
            return row


class AccountLockedForGood(Orchestrator):
    """Locks an account while an order is under way, and never unlocks it (G11)."""

    def _place(self, order: dict[str, Any]) -> Row | None:
        locked = sa.exists().where(orders.c.account == order["account"], orders.c.key != order["key"])
        with self.engine.connect() as connection:
            if connection.execute(sa.select(locked)).scalar_one():
                return None
        return super()._place(order)

    def _answered(self, order: dict[str, Any]) -> Outcome:
        return super()._answered(order) if self._find(order["key"]) is not None else Outcome.REJECTED


class RejectionForgotten(Orchestrator):
    """Forgets orders that were taken back, so that they can be placed again (S7, G4)."""

    def _move(self, row: Row, to: Cursor) -> Row | None:
        if to.direction != COMPENSATED:
            return super()._move(row, to)
        with self.engine.begin() as connection:
            connection.execute(_forget, {"k": row.key})
        return None


# What is one order.


class PayloadNotCompared(Orchestrator):
    """Answers ok to another order under a key that was used (G7)."""

    def _answered(self, order: dict[str, Any]) -> Outcome:
        found = self._find(order["key"])
        return Outcome.OK if found is not None else Outcome.REJECTED


class OverdueIsDeleted(Orchestrator):
    """Deletes orders that are past their deadline, instead of taking them back (S7)."""

    def tick(self) -> None:
        """Clean up first."""
        with self.engine.begin() as connection:
            connection.execute(sa.delete(orders).where(pending, orders.c.deadline <= self.clock.now()))
        super().tick()


class ClearedBeforePlaced(Orchestrator):
    """Takes back what an earlier attempt may have left, before the order is written (S7)."""

    def start(self, key: str, account: str, amount: int, item: str, quantity: int) -> Outcome:
        if self._find(key) is None:
            with suppress(CallRefused, CallTimeout):
                self.call("payment", "undo", f"{key}, before", key)
        return super().start(key, account, amount, item, quantity)


class RowcountUnchecked(Orchestrator):
    """Takes every INSERT that raised no error for a new order (G7)."""

    def _place(self, order: dict[str, Any]) -> Row | None:
        super()._place(order)
        return self._find(order["key"])


class ResumedWithNewArguments(Orchestrator):
    """Goes on with an order that is placed again, with the arguments of now (S2, S8, G11)."""

    def _answered(self, order: dict[str, Any]) -> Outcome:
        outcome = super()._answered(order)
        found = self._find(order["key"])
        if found is not None:
            self._drive(SimpleNamespace(**{**found._asdict(), **order}))
        return outcome


class ConflictEscapes(Orchestrator):
    """Lets the error escape that tells it that the order was placed before (G9)."""

    place = _insert


class KeyReadBefore(Orchestrator):
    """Looks whether there is such an order, and runs a new one in any case once it has looked (O2)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.new_id = env.new_id
        self.runs: dict[str, str] = {}

    def _place(self, order: dict[str, Any]) -> Row | None:
        if self._find(order["key"]) is not None:
            return None
        self.runs[order["key"]] = self.new_id()
        super()._place(order)
        return self._find(order["key"])

    def _operation(self, row: Row) -> str:
        return self.runs.get(row.key, str(row.key))


class TwoInstances(Orchestrator):
    """Has an id of its own for every order, and looks for the key in another transaction than it inserts in (S3)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.new_id = env.new_id

    def _place(self, order: dict[str, Any]) -> Row | None:
        if self._find(order["key"]) is not None:
            return None
        return super()._place({**order, "key": f"{order['key']}/{self.new_id()}"})

    def _find(self, key: str) -> Row | None:
        query = sa.select(orders).where(orders.c.key.like(f"{_order_of(key)}/%")).order_by(orders.c.key)
        with self.engine.connect() as connection:
            return connection.execute(query).first()

    def _answered(self, order: dict[str, Any]) -> Outcome:
        found = self._find(order["key"])
        key = None if found is None else found.key
        return super()._answered({**order, "key": key})

    def _command(self, row: Row) -> Outcome:
        return super()._command(_Instance(row))

    def _operation(self, row: Row) -> str:
        return str(row.instance)


class _Instance:
    """A row whose key is that of the order, and not of the instance."""

    def __init__(self, row: Row) -> None:
        vars(self).update(row._asdict())
        self.instance = row.key
        self.key = _order_of(row.key)


def _order_of(instance: str) -> str:
    return instance.partition("/")[0]


class SnapshotReused(Orchestrator):
    """Keeps snapshots by account, and goes on with the one that another order has left (S1)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.snapshots: dict[str, Cursor] = {}

    def _place(self, order: dict[str, Any]) -> Row | None:
        row = super()._place(order)
        left = self.snapshots.get(order["account"])
        return row if row is None or left is None else self._move(row, left)

    def _move(self, row: Row, to: Cursor) -> Row | None:
        self.snapshots[row.account] = to
        return super()._move(row, to)


_history = sa.MetaData()
orders.to_metadata(_history)
_ended = orders.to_metadata(_history, name="ended")


class EndedSagaInserted(Orchestrator):
    """Moves ended orders to another table; who then finds no row to update inserts one: the order lives again (S6)."""

    metadata = _history

    def _place(self, order: dict[str, Any]) -> Row | None:
        return super()._place(order) if self._find(order["key"]) is None else None

    def _find(self, key: str) -> Row | None:
        with self.engine.connect() as connection:
            found = connection.execute(find, {"k": key}).one_or_none()
            return found or connection.execute(sa.select(_ended).where(_ended.c.key == key)).one_or_none()

    def _move(self, row: Row, to: Cursor) -> Row | None:
        moved = super()._move(row, to)
        values = {**row._asdict(), "direction": to.direction, "step": to.step}
        with self.engine.begin() as connection:
            if moved is None:
                return connection.execute(_insert_if_gone, values).one_or_none()
            if to.direction in (COMPLETED, COMPENSATED):
                connection.execute(_forget, {"k": row.key})
                connection.execute(sa.insert(_ended), values)
        return moved


# By which name services know it.


class OperationPerAccount(Orchestrator):
    """Names its commands after the account, as if that had one order in its life (G11, S8)."""

    def _operation(self, row: Row) -> str:
        return str(row.account)


class OperationPerAttempt(Orchestrator):
    """Names each attempt anew, so that a step that is repeated is done again (S4)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.new_id = env.new_id

    def _operation(self, row: Row) -> str:
        return self.new_id() if row.direction == DO else str(row.key)


class UndoUnderAnotherName(Orchestrator):
    """Names compensations otherwise than the steps that they undo: they find nothing to undo (S3)."""

    def _operation(self, row: Row) -> str:
        return f"{row.key} back" if row.direction == UNDO else str(row.key)
