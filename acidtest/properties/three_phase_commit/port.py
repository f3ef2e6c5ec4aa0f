"""What the sites of three-phase commit offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from acidtest.port import handler, installation, operation, read, recovery, timeout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Outcome

#: The sites, in an order that all of them know.
SITES = ("north", "east", "south", "west")


class ThreePhaseCommitPort(Protocol):
    """What each of the sites "north", "east", "south" and "west" offers; all run the same code, and `env.service` says which one it is.

    A transaction changes accounts of several sites, all or none. The site where it is begun takes part in it, and so do those that
    its operations name; there may be three in all, or four. Each site has databases of its own, whatever it calls them, and runs in
    one process. Sites talk by `env.network.send(site, message)` alone; messages are up to them.

    A site is called by one at a time: `on_message` does not begin while `begin` is under way.
    """

    @installation
    def install(self, accounts: dict[str, int]) -> None:
        """Create the schema of this site and open its accounts (minor units); runs once, outside the schedule."""

    @operation
    def begin(self, key: str, operations: Sequence[tuple[str, str, int]]) -> Outcome:
        """Begin a transaction of (site, account, change) operations under `key`, as its coordinator.

        OK: it is on record here, and `state` tells how it goes on; also where the same was begun before. Rejected, with no effect:
        no operations, an unknown site, a change of zero, a key under which something else was begun. What this site or
        another one cannot pay, or an account that does not exist, makes the transaction abort. A key is given to one site only.
        """

    @handler
    def on_message(self, sender: str, message: Any) -> None:  # noqa: ANN401 - whatever sites tell each other
        """A message of another site has arrived. It does not come again where this raises, or the process dies."""

    @timeout
    def on_timeout(self, waiting_for: str) -> None:
        """Nothing has come from that site for longer than anything takes: it has crashed, and what it had sent has arrived.

        It may have started again since. It is told once per crash; and again, while that site stays down, if this one has taken in
        something meanwhile or has sent it something, and nothing else happens.
        """

    @recovery.anytime
    def recover(self) -> None:
        """This site has started again. Runs first at every start, before any message; and may run again at any time."""

    @read
    def state(self, key: str) -> str | None:
        """What this site has on record of a transaction: "waiting", "precommitted", "committed", "aborted"; None for nothing."""

    @read
    def balances(self) -> dict[str, int]:
        """The committed balance of every account of this site."""
