"""What an implementation of event-sourced accounts offers."""

from __future__ import annotations

from typing import Protocol

from acidtest.environment import Outcome
from acidtest.port import background, installation, operation, read


class EventSourcingPort(Protocol):
    """What event-sourced accounts offer. `handle` and `balances` are enough; the other methods may be left out.

    Each account is an aggregate with a stream of its own, and a key belongs to one account.
    """

    @installation
    def install(self, accounts: dict[str, int]) -> None:
        """Create the schema and open the accounts (minor units); runs once, outside the schedule."""

    @operation
    def handle(self, key: str, account: str, amount: int) -> Outcome:
        """Deposit `amount`, or withdraw it where it is negative, once per `key` and account, and store that as events.

        Rejected, without any effect and for good, where the funds do not suffice; and, as invalid, where there is no such account,
        `amount` is 0, or `key` was used for another amount. What else keeps it from being done, or leaves that open, is an exception: the
        client may ask again. Policies (see the capabilities) make this less.
        """

    @read
    def balances(self) -> dict[str, int]:
        """The balance of every account: what its events amount to.

        Raises:
            UnknownEvent: there is an event of a type that this release does not know, so nobody can say.
        """

    @operation.perhaps
    def legacy(self, key: str, account: str, amount: int) -> Outcome:
        """Do what `handle` does, and store it as the previous release would have: the same events in their old form, old snapshots too."""

    @operation.perhaps
    def newer(self, account: str) -> None:
        """Store an event of a type that this release does not know, as a newer one would; then `handle` of the account raises `UnknownEvent`."""

    @operation.perhaps
    def snapshot(self, account: str) -> None:
        """Store what the account's events amount to, so that they need not all be read again."""

    @operation.perhaps
    def rebuild(self) -> None:
        """Make anew whatever is derived from events: snapshots, projections. Nobody outside is told anything again."""

    @background.perhaps
    def poll(self) -> None:
        """Tell others of what has changed, from where it stopped: a message about every deposit and withdrawal, by `env.broker`.

        One process at a time does that. A further copy needs a crash or a lost reply, and carries the same id and payload.
        """
