"""What an implementation of reserve/confirm offers."""

from __future__ import annotations

from typing import Literal, Protocol

from acidtest.environment import Outcome, Receipt
from acidtest.port import background, callback, installation, operation, read, recovery, statement

Answer = Outcome | Literal["pending"]


class ReserveConfirmPort(Protocol):
    """What a bank offers that pays out through the external system "atm"."""

    @installation
    def install(self, accounts: dict[str, int]) -> None:
        """Create the schema and open the accounts (minor units); runs once, outside the schedule."""

    @operation
    def withdraw(self, client_key: str, user: str, amount: int) -> Answer:
        """Hold `amount` of `user`, have `env.external("atm")` pay it, and book what was paid, once per `client_key`.

        "pending" says that nobody knows yet; a later call with the same key tells how it ended.
        """

    @callback
    def on_callback(self, event: Receipt) -> None:
        """The external system calls back. It may do so late, again, and out of order."""

    @background
    def tick(self) -> None:
        """Look after what is pending; called every now and then, by any process."""

    @recovery
    def recover(self) -> None:
        """What a process does first that starts again after a crash. One that goes on has `tick` alone."""

    @statement
    def reconcile(self, statement: tuple[Receipt, ...]) -> None:
        """Set the books right by a statement of what was paid so far; what it does not show may be under way."""

    @read
    def account(self, user: str) -> dict[str, int]:
        """`balance` (what was not withdrawn), `held` of it, and what is `available`, as committed."""

    @read
    def status(self, client_key: str) -> Answer | None:
        """How a withdrawal stands, as committed; None for one that is not known."""
