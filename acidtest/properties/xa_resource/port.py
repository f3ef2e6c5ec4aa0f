"""What an implementation of a resource manager offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from acidtest.environment import Xa, Xid
from acidtest.port import background, installation, operation
from acidtest.port import read as reading  # there is a method of that name

if TYPE_CHECKING:
    from collections.abc import Collection


class XaResourcePort(Protocol):
    """What a resource manager offers: `acidtest.environment.Resource`. A process is a session: what it has started is its own.

    Whatever X/Open's state table does not allow is refused by an `XaError`, and has no effect on any branch. A branch of another
    session may be refused as not known for as long as that session is there.
    """

    @installation
    def install(self, accounts: dict[str, int]) -> None:
        """Create the schema and open the accounts (minor units); runs once, outside the schedule."""

    @operation
    def start(self, xid: Xid) -> None:
        """Begin a branch; what follows is done in it. Errors: DUPID where there is one of that name, PROTO where one is at work."""

    @operation
    def change(self, account: str, amount: int) -> None:
        """Change an account in the branch at work. Errors: PROTO where there is none."""

    @operation
    def end(self, xid: Xid) -> None:
        """End the work of a branch. Errors: NOTA, PROTO."""

    @operation
    def prepare(self, xid: Xid) -> Xa:
        """Vote: `Xa.OK`, and it can be committed after any crash; or `Xa.RDONLY`, and it is done. Errors: NOTA, PROTO."""

    @operation
    def commit(self, xid: Xid, one_phase: bool = False) -> None:  # noqa: FBT001, FBT002 - by its name or by its place
        """Commit what is prepared; or, in one phase, what is ended and not prepared. Errors: NOTA, PROTO, and what was decided alone."""

    @operation
    def rollback(self, xid: Xid) -> None:
        """Roll back what is ended or prepared. Errors: NOTA, PROTO, and what was decided alone."""

    @operation
    def forget(self, xid: Xid) -> None:
        """Drop what is kept of a decision that was made alone. Errors: NOTA, PROTO."""

    @reading
    def recover(self) -> Collection[Xid]:
        """The branches that are prepared, or were decided alone and are not forgotten."""

    @reading
    def balances(self) -> dict[str, int]:
        """The committed balance of every account."""

    @operation.perhaps
    def decide(self, xid: Xid, commits: bool) -> None:  # noqa: FBT001 - as an operator says it
        """Have an operator decide a prepared branch alone: a heuristic decision. Errors: NOTA, PROTO."""

    @background.perhaps
    def tick(self) -> None:
        """Look after what nobody asks about; called every now and then, by any process."""
