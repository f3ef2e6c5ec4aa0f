"""Simulated external systems: what was ordered of them, with every ambiguous reply, and the truth about what they did.

They are outside of any transaction and of any crash. What they can do differs: switches say whether a repeated order is
recognised, whether they answer inquiries, void, call back or send statements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.environment import ExternalRefused, ExternalTimeout, Receipt, Status
from acidtest.errors import ContractError
from acidtest.outside import Order
from acidtest.workload import System
from acidtest.world.core.effects import (
    DELAYED,
    INQUIRE_FAULTS,
    LATE,
    LOST,
    PERFORM_FAULTS,
    REFUSED,
    TWICE,
    UNACKNOWLEDGED,
    VOID_FAULTS,
    Effect,
)
from acidtest.world.core.process import current_task

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

#: No order changes after one of these.
FINAL = frozenset({Status.DONE, Status.DECLINED, Status.VOIDED})


class SimulatedExternal:
    """One external system; see `acidtest.environment.External`. `down` refuses everything (an outage)."""

    def __init__(self, system: System, postpone: Callable[[str, Callable[[], None], Hashable], None]) -> None:
        """Nothing has been ordered; `postpone(label, effect, fact)` is called with what must take effect later."""
        self.system = system
        self.down = False
        self.orders: dict[str, Order] = {}
        self.callbacks: list[Receipt] = []
        self.told: set[int] = set()
        self._postpone = postpone

    @property
    def name(self) -> str:
        """What it is called."""
        return self.system.name

    @property
    def idempotent(self) -> bool:
        """Whether it carries out an order once, however often it is told to."""
        return self.system.idempotent

    @property
    def queryable(self) -> bool:
        """Whether it answers inquiries."""
        return self.system.queryable

    @property
    def voidable(self) -> bool:
        """Whether it voids."""
        return self.system.voidable

    def key(self) -> Hashable:
        """What distinguishes two states of the system."""
        return self.down, tuple(self.orders.values()), tuple(self.callbacks), frozenset(self.told)

    # What code under test calls:

    def perform(self, key: str, amount: int) -> Receipt:
        """Carry out an order, and say what was done; see `acidtest.environment.External.perform`."""
        key, amount = _name(key), _amount(amount)
        fault = self._arrives("perform", key, amount, PERFORM_FAULTS)
        if fault != LOST:
            self._receive(key, amount, fault)
        return self._reply("perform", key, amount, fault, self._receipt(key))

    def void(self, key: str) -> Receipt:
        """Refuse an order from now on; see `acidtest.environment.External.void`."""
        key = _name(key)
        fault = self._arrives("void", key, 0, VOID_FAULTS)
        order = self.orders.get(key, Order(self.system.name, key, 0, Status.ABSENT))
        if fault != LOST and order.status == Status.ABSENT:
            self._become(order._replace(status=Status.VOIDED))
        return self._reply("void", key, 0, fault, self._receipt(key))

    def inquire(self, key: str) -> Receipt:
        """Say how an order stands, or stood; see `acidtest.environment.External.inquire`."""
        key = _name(key)
        task, effect = current_task(), self._effect("inquire", key, 0, INQUIRE_FAULTS)
        fault = "" if task is None else task.park(effect)
        answer = self._receipt(key)
        if fault == REFUSED or self.down or not self.system.queryable:
            answer = Receipt(key, Status.UNAVAILABLE)
        elif fault == DELAYED and answer.status != Status.ABSENT:
            answer = Receipt(key, Status.IN_PROGRESS if self.system.queues else Status.ABSENT)
        if task is not None:
            task.saw(effect, answer, fault)
        return answer

    # Inside:

    def _effect(self, kind: str, key: str, amount: int, faults: tuple[str, ...]) -> Effect:
        return Effect(kind, self.system.name, f"{kind} {key}", (key, amount), faults=faults)

    def _arrives(self, kind: str, key: str, amount: int, faults: tuple[str, ...]) -> str:
        """Wait until the search lets a request happen; what befalls it.

        Raises:
            ExternalRefused: it has no effect.
        """
        task = current_task()
        if task is None:
            return ""
        effect = self._effect(kind, key, amount, faults)
        fault = task.park(effect)
        unable = self.down or (kind == "void" and not self.system.voidable)
        if unable and fault in (LOST, UNACKNOWLEDGED, LATE):
            return LOST  # no answer, and nothing that it could have been an answer to
        if unable or fault == REFUSED:
            task.saw(effect, REFUSED, fault)
            error = f"{self.system.name} refused to {kind} {key!r}"
            raise ExternalRefused(error)
        return fault

    def _reply(self, kind: str, key: str, amount: int, fault: str, answer: Receipt) -> Receipt:
        """Let the answer arrive.

        Raises:
            ExternalTimeout: it does not.
        """
        task = current_task()
        if task is None:
            return answer
        effect = self._effect(kind, key, amount, ())
        if fault in (LOST, UNACKNOWLEDGED, LATE):
            task.saw(effect, "timeout")
            error = f"{self.system.name} did not answer in time when told to {kind} {key!r}"
            raise ExternalTimeout(error)
        task.saw(effect, answer, fault)
        return answer

    def _receive(self, key: str, amount: int, fault: str) -> None:
        """A request arrives, twice perhaps, or is on its way."""
        order = self.orders.setdefault(key, Order(self.system.name, key, amount, Status.ABSENT))
        if fault != LATE:
            for _ in range(1 + (fault == TWICE)):
                self._carry_out(key, amount)
            return
        self.orders[key] = order._replace(coming=order.coming + 1)
        if self.system.queues and order.status == Status.ABSENT:
            self._become(self.orders[key]._replace(status=Status.IN_PROGRESS))
        self._postpone(f"{self.system.name}: perform {key}", lambda: self._land(key, amount), (key, amount))

    def _land(self, key: str, amount: int) -> None:
        order = self.orders[key]
        self.orders[key] = order._replace(coming=order.coming - 1)
        self._carry_out(key, amount)

    def _carry_out(self, key: str, amount: int) -> None:
        """Do what a request asks for, unless it was voided, or is known to be a repetition."""
        order = self.orders[key]
        if order.status == Status.VOIDED or (order.status in FINAL and self.system.idempotent):
            return
        if order.status == Status.ABSENT:
            self._call_back(Receipt(key, Status.IN_PROGRESS))
        if amount in self.system.declines:
            self._become(order._replace(status=Status.DECLINED))
        else:
            part = dict(self.system.parts).get(amount, amount)
            self._become(order._replace(status=Status.DONE, paid=(*order.paid, part)))

    def _become(self, order: Order) -> None:
        self.orders[order.key] = order
        self._call_back(self._receipt(order.key))

    def _call_back(self, receipt: Receipt) -> None:
        if self.system.callbacks:
            self.callbacks.append(receipt)

    def _receipt(self, key: str) -> Receipt:
        order = self.orders.get(key)
        return Receipt(key, Status.ABSENT) if order is None else Receipt(key, Status(order.status), sum(order.paid))

    def statement(self) -> tuple[Receipt, ...]:
        """What it has paid so far, in the order in which it was asked to."""
        return tuple(self._receipt(order.key) for order in self.orders.values() if order.status == Status.DONE)


def _name(key: object) -> str:
    """Orders go by a key; without one nobody could ask after them."""
    if key is None or key == "":
        message = (
            f"An order was given with the key {key!r}. Without one an external system can neither recognise a repetition nor "
            "answer an inquiry. Give it a key."
        )
        raise ContractError(message)
    return key if type(key) is str else str(key)


def _amount(amount: object) -> int:
    """Money is whole minor units, also outside."""
    if type(amount) is not int:
        message = f"An external system was told to carry out {amount!r}; amounts are integer minor units."
        raise ContractError(message)
    return amount
