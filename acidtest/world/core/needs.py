"""What a process and its tasks need of what is around them: a host, a clock, an event loop, a coroutine, a statement that waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from acidtest.world.core.backend import Hold
    from acidtest.world.core.effects import Effect


class Queued(Protocol):
    """A statement that waits in the server's own queue; `gives_up` after some time, or does not."""

    gives_up: bool

    def is_over(self) -> bool:
        """Whether it has got its answer."""

    def is_deadlocked(self) -> bool:
        """Whether it waits for itself, through others."""


class Machine(Protocol):
    """What a process needs of the host that it runs on, and a driver of the host of the code that connects.

    `releases` counts what may have freed a lock. `histories` numbers all that processes have seen, by what they had seen before.
    `endless` are the computations that were given up there, by the name of the task and all that its process had seen: the same
    leads there again. `abandoned` says that one was given up since the host last hung up: what it had taken of a pool never comes
    back.
    """

    name: str
    service: str
    releases: int
    histories: dict[Hashable, int]
    endless: set[tuple[str, int]]
    abandoned: bool

    def pins(self) -> Sequence[Hashable]:
        """What the open transactions of each connection have done and seen."""

    def holds(self) -> tuple[Hold, ...]:
        """The locks of its connections."""

    def settings(self) -> Hashable:
        """How those connections of its pools have been set that are not as the pools made them."""

    def is_reading(self) -> bool:
        """Whether a statement of one of its connections may have rows that nobody has seen yet."""

    def is_clean(self) -> bool:
        """Whether its connections are as new: no transaction is open, and nothing that was done in one is left in it."""

    @property
    def backend(self) -> str:
        """The kind of its databases."""

    def open(self, address: str, **options: Any) -> Any:
        """A new DB-API connection for code that opens a file, or connects to a server, itself."""

    def hang_up(self) -> None:
        """Drop every connection."""


class Timekeeper(Protocol):
    """What a process needs of virtual time; `time` is in seconds since the epoch."""

    time: float

    def now(self) -> float:
        """The time, as code under test asks for it."""

    def sleep(self, seconds: float) -> None:
        """Wait, as code under test does."""

    def arrive(self, until: float) -> None:
        """Let time pass until then."""


class Loop(Protocol):
    """What a process needs of its event loop; `left` are tasks of asyncio that its calls have left waiting."""

    left: list[Any]

    def end(self) -> None:
        """End them."""


class Coroutine(Protocol):
    """What a task needs of the coroutine that it drives."""

    def park(self, effect: Effect) -> str:
        """Wait before an effect; see `Task.park`."""

    def block(self, effect: Effect, queued: Queued | None) -> str:
        """Wait for a lock; see `Task.block`."""

    def saw(self, fault: str) -> None:
        """Take note that an effect was performed."""

    def leave(self) -> None:
        """It runs no more, for its task was given up."""

    def pending(self, parked: Effect | None) -> Effect | None:
        """The effect that comes next."""

    def with_cancellations(self, effect: Effect) -> Effect:
        """The effect, with the cancellations that can befall it."""
