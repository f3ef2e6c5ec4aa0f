"""What the overview tells of XA (its section 4), as far as it goes: `Start`, work, `End`, and one commit after the other.

The overview gives no code for XA, but says that it is two-phase commit behind an interface. Put together of its two-phase commit
(section 2, which never prepares), that is what often stands where XA is said to be: sequential commits. An error is returned after
"rollback all", so at the port it means rejected; there is no log, and recovery has nothing to go by.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from acidtest.environment import Outcome, XaError, Xid
from acidtest.impl.naive import Defect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Environment

RESOURCES = ("left", "right", "third")


class NaiveXa:
    """Sequential commits, called XA.

    Arguments:
        env: gives the resource managers.
    """

    def __init__(self, env: Environment) -> None:
        """Keep the environment."""
        self.env = env

    def install(self, opening: dict[str, dict[str, int]]) -> None:
        """Do nothing: there is no log."""

    def run(self, key: str, operations: Sequence[tuple[str, str, int]]) -> Outcome:
        """Execute the transaction; an error says that all was rolled back."""
        names = list(dict.fromkeys(name for name, _, _ in operations))
        if not operations or not set(names) <= set(RESOURCES):
            return Outcome.REJECTED
        err = self.execute_transaction(key, names, operations)
        return Outcome.OK if err is None else Outcome.REJECTED

    def execute_transaction(self, key: str, names: list[str], operations: Sequence[tuple[str, str, int]]) -> Exception | None:
        """Work in every resource manager, then commit one after the other."""
        for name in names:
            self.env.resource(name).start(Xid(1, key, name))
            for resource, account, change in operations:
                if resource == name:
                    self.work(name, account, change)
            self.env.resource(name).end(Xid(1, key, name))

        for name in names:
            err = self.commit(name, key)
            if err is not None:
                for other in names:
                    with suppress(XaError):
                        self.env.resource(other).rollback(Xid(1, key, other))
                return err
        return None

    def work(self, name: str, account: str, change: int) -> None:
        """Change an account; an error is ignored."""
        with suppress(XaError):
            self.env.resource(name).change(account, change)

    def commit(self, name: str, key: str) -> Exception | None:
        """Commit, in one phase: nothing was prepared."""
        try:
            self.env.resource(name).commit(Xid(1, key, name), one_phase=True)
        except XaError as error:
            return error
        return None

    def recover(self) -> None:
        """Do nothing: there is nothing to go by."""

    def heuristics(self) -> set[tuple[str, str]]:
        """Nothing: nobody looks for them."""
        return set()

    def balances(self, resource: str) -> dict[str, int]:
        """The balance of every account of `resource`."""
        return self.env.resource(resource).balances()


DEFECTS: tuple[Defect, ...] = (
    Defect("S4.1", "no prepare: every branch is told to commit in one phase", NaiveXa, ("XA4",), "lost replies"),
    Defect("S4.2", "a resource manager that fails after another has committed: a mixed outcome", NaiveXa, ("XA2", "AC3"), "lost replies"),
    Defect("S4.3", "partly committed and rolled back are told alike", NaiveXa, ("G4",), "lost replies"),
    Defect("S4.4", "a failed change is ignored: nobody can vote no", NaiveXa, ("AC3", "XA2"), "the last cannot pay"),
    Defect("S4.5", "no log, no recovery: a crash between commits is final", NaiveXa, ("G10",), "crash in recovery"),
    Defect("S4.6", "a transaction is named by its key alone: who asks again uses the name of the first attempt", NaiveXa, ("XA9",), "lost replies"),
)  # fmt: skip

NOT_EXHIBITED: dict[str, str] = {}
