"""A client at work: which operation it is at, and what it knows of those before."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from acidtest.workload import Client, Operation
    from acidtest.world.core.process import Task


class Session:
    """The running state of one lane.

    `position` is the operation that it is at, `attempt` how often it has been tried (from 0), `task` the call in
    progress, `given` what it was given beside the operation's own arguments. `digest` stands for everything that the client knows in the key of a state.
    """

    __slots__ = ("attempt", "digest", "given", "name", "operations", "position", "process", "task")

    def __init__(self, lane: Client) -> None:
        """Start before the first operation of `lane`."""
        self.name = lane.name
        self.process = lane.process
        self.operations = lane.operations
        self.position = 0
        self.attempt = 0
        self.task: Task | None = None
        self.given: tuple[Hashable, ...] = ()
        self.digest = 1

    @property
    def done(self) -> bool:
        """Whether every operation has ended."""
        return self.position >= len(self.operations)

    @property
    def operation(self) -> Operation:
        """The operation that it is at."""
        return self.operations[self.position]

    def ended(self, *, known: bool) -> None:
        """Go on after an answer; after an unknown outcome try the same again, while it may."""
        self.task = None
        if not known and self.attempt < self.operation.retries:
            self.attempt += 1
        else:
            self.position += 1
            self.attempt = 0
        self.digest = self.digest << 1 | known  # the operations and their retries are fixed: this says it all
