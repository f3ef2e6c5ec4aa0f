"""What an implementation of two-phase commit offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from acidtest.environment import Outcome
from acidtest.port import installation, operation, read, recovery

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

#: The databases that take part, always these.
DATABASES = ("left", "right", "third")


class TwoPhaseCommitPort(Protocol):
    """What two-phase commit offers. The databases are "left", "right" and "third"; any others are its own."""

    @installation
    def install(self, accounts: dict[str, dict[str, int]]) -> None:
        """Create the schemas and open the accounts of each database (minor units); runs once, outside the schedule."""

    @operation
    def run(self, key: str, operations: Sequence[tuple[str, str, int]]) -> Outcome:
        """Carry out (database, account, change) operations, all or none, once per `key`.

        Rejected, without any effect and for good: a database that cannot pay, an unknown database or account, no operations, a change
        of zero, a key that was used for other operations; and a run that was aborted, for an error or because of others that run
        beside it, since any database may vote no. Who cannot say how it ended raises, and the client may ask again. OK may be answered as soon as the decision to commit is
        durable.
        """

    @recovery.anytime
    def recover(self) -> None:
        """Resolve what is in doubt. Runs at every start, and now and then, beside runs of this and other processes."""

    @read
    def balances(self, database: str) -> dict[str, int]:
        """The committed balance of every account of `database`."""

    @read
    def in_doubt(self, database: str) -> Collection[str]:
        """The keys, as given to `run`, whose branch in `database` is prepared, not yet committed or rolled back there.

        It does not matter whether it has been decided elsewhere what will become of it.
        """
