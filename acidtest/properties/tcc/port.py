"""What a service offers that takes part in Try-Confirm/Cancel."""

from __future__ import annotations

from typing import Protocol

from acidtest.environment import Outcome
from acidtest.port import installation, operation, read


class TccPort(Protocol):
    """What a service that takes part in TCC offers. Calls may overlap, also within one process, as in threads."""

    @installation
    def install(self, accounts: dict[str, int]) -> None:
        """Create the schema and open the accounts (minor units); runs once, outside the schedule."""

    @operation
    def try_(self, gid: str, branch: str, account: str, amount: int) -> Outcome:
        """Hold `amount` of `account` for `branch` of the transaction `gid`, once.

        Rejected, without any effect and for good, where what may be spent does not suffice, where the branch was
        cancelled, also if the Cancel came before any Try, and, as invalid, where the account is unknown, `amount` is not
        positive, or the branch holds something else. A Try that is repeated is answered as before; if the branch was
        cancelled in between, rejected will do as well.
        """

    @operation
    def confirm(self, gid: str, branch: str) -> Outcome:
        """Take what is held off the balance, once; ok, too, if that was done before.

        Rejected, without any effect, where nothing is held: the branch was cancelled, or no Try has come yet.
        """

    @operation
    def cancel(self, gid: str, branch: str) -> Outcome:
        """Give back what is held, if anything is, and hold nothing for the branch ever after.

        Rejected, without any effect, only where the branch is confirmed.
        """

    @read
    def balance(self) -> dict[str, int]:
        """The committed balance of every account, holds included."""

    @read
    def available(self) -> dict[str, int]:
        """What may be spent of every account: the balance without what is held."""
