"""What an implementation of compensating transactions offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from acidtest.environment import Outcome
from acidtest.port import installation, operation, read

if TYPE_CHECKING:
    from collections.abc import Sequence


class CompensationPort(Protocol):
    """What business transactions offer that can be taken back by others."""

    @installation
    def install(self, accounts: dict[str, int]) -> None:
        """Create the schema and open the accounts (minor units); runs once, outside the schedule."""

    @operation
    def do(self, key: str, changes: Sequence[tuple[str, int]]) -> Outcome:
        """Make `changes`, (account, signed amount) pairs, in their order; all of them or none, once per `key` for ever.

        Rejected, without any effect and for good, where an account would be overdrawn on the way, where a compensation
        of `key` came first, and, as invalid, where there is no change, an account is unknown, an amount is zero, or `key`
        was used for something else. What else keeps them from being made, or leaves that open, is an exception: the client may
        ask again. Of changes that were taken back meanwhile, either answer will do.
        """

    @operation
    def undo(self, key: str) -> Outcome:
        """Take back what was done under `key`, as it was recorded, the last change first; ok also if nothing was done.

        Ok: nothing of `key` is in effect, and nothing will be. Rejected: an account would be overdrawn by it, for others
        have spent what was given; it is parked for people to look at. Where that is over, asking again may be answered ok.
        """

    @read
    def state(self) -> dict[str, Any]:
        """What is committed, by one consistent read.

        "balances": a dict from account to minor units. "parked": the keys whose compensation is parked. "history", only
        for those that declare it: a list of (key, account, amount), each change and each compensation when it took effect.
        """
