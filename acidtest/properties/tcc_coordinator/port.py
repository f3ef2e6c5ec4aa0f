"""What a coordinator of Try-Confirm/Cancel offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from acidtest.environment import Outcome
from acidtest.port import background, installation, operation, recovery

Answer = Outcome | Literal["pending"]


class TccCoordinatorPort(Protocol):
    """What a coordinator of TCC offers. It calls services by `env.call(service, method, *arguments)`.

    Each service has `try_(gid, branch, account, amount)`, `confirm(gid, branch)` and `cancel(gid, branch)`, which answer
    `Outcome.OK` or `Outcome.REJECTED` and mean what they mean in the port of `tcc`; a call may raise `CallRefused` (it had no
    effect) or `CallTimeout` (it may have had, or may yet have). `gid` is the one that `run` was given; `branch` is any name
    of the coordinator's, the same in every call about a branch, and another for every other branch of the transaction.
    """

    @installation
    def install(self) -> None:
        """Create the schema of the coordinator's own database; runs once, outside the schedule."""

    @operation
    def run(self, gid: str, branches: Sequence[tuple[str, str, int]]) -> Answer:
        """Carry out (service, account, amount in minor units) branches, all or none, once per `gid`.

        Rejected, without effect in the end: a service that refuses or cannot be reached, no branches, an amount that
        is not positive, a `gid` that was used for other branches. OK may be answered as soon as the decision is durable;
        "pending" says that there will be one, and that a later call with the same `gid` will be told it.
        """

    @background
    def tick(self) -> None:
        """Look after what is overdue; called every now and then, by any process."""

    @recovery
    def recover(self) -> None:
        """What a process does first that starts again, beside runs of other processes. One that goes on has `tick` alone."""
