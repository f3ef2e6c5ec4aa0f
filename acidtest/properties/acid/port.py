"""What an implementation of local ACID transfers offers."""

from __future__ import annotations

from typing import Protocol

from acidtest.environment import Outcome
from acidtest.port import installation, operation, read


class AcidPort(Protocol):
    """What local ACID transfers offer. Calls may overlap, also within one process, as in threads."""

    @installation
    def install(self, accounts: dict[str, int]) -> None:
        """Create the schema and open the accounts (minor units); runs once, outside the schedule."""

    @operation
    def transfer(self, key: str, source: str, target: str, amount: int) -> Outcome:
        """Move `amount` from `source` to `target`, once per `key` for ever, in one transaction.

        Rejected, without any effect and for good, where the funds of `source` do not suffice; and, as invalid, where an
        account is unknown, `source` is `target`, `amount` is not positive, or `key` was used for something else. What
        else keeps it from being done, or leaves that open, is an exception: the client may ask again. Policies (see the
        capabilities) make this less.
        """

    @read
    def balances(self) -> dict[str, int]:
        """The committed balance of every account, by one consistent read."""
