"""What an implementation of XA transactions offers: a transaction manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from acidtest.environment import Outcome
from acidtest.port import installation, operation, read, recovery

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

#: The resource managers that take part, always these.
RESOURCES = ("left", "right", "third")


class XaPort(Protocol):
    """What a transaction manager offers. The resource managers are `env.resource("left")`, "right" and "third"; databases are its own."""

    @installation
    def install(self, accounts: dict[str, dict[str, int]]) -> None:
        """Create its own schema; runs once, outside the schedule. The resource managers hold the accounts (minor units) already."""

    @operation
    def run(self, key: str, operations: Sequence[tuple[str, str, int]]) -> Outcome:
        """Carry out (resource, account, change) operations, all or none, once per `key`; a change of zero reads the account.

        Rejected, without any effect and for good: a resource manager that cannot pay, an unknown resource manager or account, no
        operations, a key that was used for other operations; and a run that was rolled back, for an error or because of others that
        run beside it. Who cannot say how it ended raises, and the client may ask again. OK is answered when every branch is known to be committed, not before: until then a
        resource manager may decide alone.

        Raises:
            HeuristicOutcome: resource managers decided alone, against the decision, or nobody will ever know how it ended. That is
                a definite answer.
        """

    @recovery.anytime
    def recover(self) -> None:
        """Resolve what is in doubt. Runs at every start, and at any time beside runs of this and other processes."""

    @read
    def heuristics(self) -> Collection[tuple[str, str]]:
        """The (key, kind) pairs of runs of which resource managers decided a branch alone, against the decision; kept for ever.

        The key as given to `run`; the kind is "XA_HEURCOM", "XA_HEURRB", "XA_HEURMIX" or "XA_HEURHAZ".
        """

    @read
    def balances(self, resource: str) -> dict[str, int]:
        """The committed balance of every account of a resource manager: `env.resource(resource).balances()` will do."""
