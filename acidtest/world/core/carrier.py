"""What carries a task: three methods (start, resume, kill), and for the task itself, park and give_up.

Today a greenlet, the coroutine that SQLAlchemy itself uses. The scheduler, the searches and the reports know effects,
never carriers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from greenlet import getcurrent, greenlet

from acidtest.world.core.effects import Effect, ProcessCrash

if TYPE_CHECKING:
    from collections.abc import Callable

#: Greenlets whose code would not die. Dropping the last reference would run their code once more, so they are kept.
_undead: list[greenlet] = []


class Carrier(Protocol):
    """Carries one task."""

    def start(self, body: Callable[[], Any]) -> Effect | None:
        """Run `body` up to its first effect; None if it has finished."""

    def resume(self, fault: str) -> Effect | None:
        """Perform the effect at which the task is parked, with `fault`, and run to the next; None if it has finished."""

    def kill(self, how: type[BaseException]) -> None:
        """End the task wherever it is, by throwing `how` into it."""

    def park(self, effect: Effect) -> str:
        """Called by the task: wait to be resumed; returns the fault with which `effect` is to be performed."""

    def give_up(self) -> None:
        """Called from within the task: leave it where it is; it is neither resumed nor killed any more."""


class GreenletCarrier:
    """Carries a task in a greenlet of the one thread that everything runs in."""

    __slots__ = ("_given_up", "_greenlet", "_hub", "_parked")

    def __init__(self) -> None:
        """Nothing runs yet; what is killed now need not be."""
        self._given_up = True

    def start(self, body: Callable[[], Any]) -> Effect | None:
        """Run `body` up to its first effect; None if it has finished."""
        self._given_up = False
        self._hub = getcurrent()
        self._greenlet = self._parked = greenlet(body, parent=self._hub)
        return self._effect(self._greenlet.switch())

    def resume(self, fault: str) -> Effect | None:
        """Perform the pending effect with `fault` and run to the next one; None if the task has finished."""
        return self._effect(self._parked.switch(fault))

    @staticmethod
    def _effect(value: object) -> Effect | None:
        return value if type(value) is Effect else None

    def park(self, effect: Effect) -> str:
        """Give control back to the scheduler until it resumes this task; code may have greenlets of its own, and park in one."""
        self._parked = getcurrent()
        fault: str = self._hub.switch(effect)
        return fault

    def kill(self, how: type[BaseException]) -> None:
        """Throw `how` into the task; code that swallows it and goes on is left parked for ever."""
        for reason in (how, ProcessCrash):
            if not self._given_up and not self._greenlet.dead:
                (self._greenlet if self._parked.dead else self._parked).throw(reason())
        if not self._given_up and not self._greenlet.dead:
            _undead.append(self._greenlet)

    def give_up(self) -> None:
        """Leave the task for ever, at whatever it is doing; nothing is thrown into it that it could catch."""
        if getcurrent() is not self._hub:
            self._given_up = True
            _undead.extend((self._greenlet, getcurrent()))
            self._hub.switch()
