"""What an implementation of the transactional outbox offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from acidtest.environment import Outcome
from acidtest.port import background, installation, operation, read

if TYPE_CHECKING:
    from collections.abc import Collection


class OutboxPort(Protocol):
    """What an outbox offers."""

    @installation
    def install(self, accounts: dict[str, int]) -> None:
        """Create the schema and open the accounts (minor units); runs once, outside the schedule."""

    @operation
    def execute(self, key: str, account: str, amount: int) -> Outcome:
        """Withdraw `amount` from `account` and enqueue a message about it, once per `key` for ever, in one transaction.

        Rejected, without any effect and for good, where the funds do not suffice; and, as invalid, where there is no such account,
        `amount` is not positive, or `key` was used for something else. What else keeps it from being done, or leaves that open, is an
        exception: the client may ask again. Policies (see the capabilities) make this less.
        """

    @background
    def relay(self) -> None:
        """Poll once: publish what is owed on `env.broker`."""

    @operation.perhaps
    def send_again(self, key: str) -> None:
        """Owe the message about `key` again, which was given up; nothing where it was not. For those who declare `gives_up`."""

    @read.perhaps
    def parked(self) -> Collection[str]:
        """The keys, as given to `execute`, whose message was given up. For those who declare `gives_up`."""

    @read
    def balances(self) -> dict[str, int]:
        """The committed balance of every account."""
