"""What the services of a saga without an orchestrator offer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from acidtest.environment import Delivery, Outcome
from acidtest.port import background, handler, installation, operation, read
from acidtest.properties.saga.services import PAYMENT


class SagaChoreographyPort(Protocol):
    """What each of the services "payment", "stock", "booking" and "shipping" offers; `env.service` says which one it is.

    Payment debits an account by an amount, stock reserves a quantity of an item, booking takes one "place" and is the
    pivot, shipping sends one "parcel", of which there is no end. The first three refuse what they do not have. Before the
    pivot all that was done can be taken back, last first; after it there is no way back.

    Services talk by `env.broker` alone. Each has databases of its own, whatever it calls them. An attribute `topics` says
    which topics' messages a service is given; without it, it is given all.
    """

    @installation
    def install(self, opening: dict[str, int]) -> None:
        """Create the schema of this service, and put there what it has of every resource; runs once, outside the schedule."""

    @handler
    def handle(self, message: Delivery) -> None:
        """A message has come. It comes again where this raises or the process dies, and may come again or out of order anyway."""

    @background
    def relay(self) -> None:
        """Publish what is owed; called again and again. Nothing to do where `handle` and `start` publish themselves."""

    @background
    def tick(self) -> None:
        """Look after what takes too long; called every now and then."""

    @read
    def ledger(self) -> Sequence[tuple[str, Literal["do", "undo"], str, int]]:
        """What this service has done and undone, as committed: (order, do or undo, resource, amount)."""

    @read
    def balances(self) -> dict[str, int]:
        """What this service has of every resource, as committed; empty for shipping."""

    @operation.of(PAYMENT)
    def start(self, key: str, account: str, amount: int, item: str, quantity: int) -> Outcome:
        """At payment alone: place an order, once per `key`.

        OK as soon as it is durable; it will then be filled by all four services or, where one refuses, be taken back by all
        that have done their step. Rejected, without any effect: an amount or a quantity that is not positive, and a key that
        was used for another order.
        """

    @read.of(PAYMENT)
    def status(self, key: str) -> Literal["running", "completed", "compensated", "parked"] | None:
        """At payment alone: how an order stands, as committed; None for one that is not known."""
