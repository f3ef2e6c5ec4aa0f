"""Calls that are coroutines: driven to the same effects, in the greenlet of their task.

What a coroutine awaits comes to an effect in a greenlet of SQLAlchemy's (`greenlet_spawn`), through env.async_engine() or
env.aio. There the effect is a future that the coroutine awaits; when nothing is ready to run any more, the call parks at
the first of them. So tasks of asyncio within a call go on side by side, in the order in which they come to their effects,
and cancellation is asyncio's own: shields, time-outs and task groups do what they do in production.

An effect that a coroutine comes to without awaiting anything, by a plain connection, parks on the spot. It blocks the event
loop in production, so nothing can cancel it.

When nothing is ready and no effect is awaited, the call sleeps until its first timer; without one it waits for another call
of its process. Time-outs that are due go before the effect that is awaited.
"""

from __future__ import annotations

import functools
import heapq
import inspect
from collections import deque
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, NamedTuple

from greenlet import getcurrent

from acidtest.errors import ContractError
from acidtest.world.core.effects import CANCELLED, CANCELLED_AFTER, CRASH, DEADLOCK, LOST, Effect
from acidtest.world.core.process import Task, current_task
from acidtest.world.python.event_loop import CALL, EventLoop, Running, Timer, abandon, interrupt, loop_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Coroutine, Iterable

    from acidtest.world.core.needs import Queued


#: How often the code of a dead process may go on awaiting before it is left alone for ever.
_LAST_WORDS = 20


class Awaited(NamedTuple):
    """An effect that a coroutine awaits.

    Arguments:
        effect: the effect.
        future: gets the fault with which it is to be performed.
        blocked: it was tried and would have had to wait for a lock.
        queued: what it waits in, in a server; None where it has to be tried again.
        tried: how many effects the call had performed by then.
    """

    effect: Effect
    future: asyncio.Future[str]
    blocked: bool
    queued: Queued | None
    tried: int


class Call:
    """One coroutine, with all that it starts, driven in a task; or outside of any, where `task` is None.

    `ready` is what can run now, `timers` what will, `awaited` the effects that are waited for, `tasks` the tasks of asyncio
    that it has started, `main` its own. `awaiting` says that it is parked where something is awaited.
    """

    gives_up = False

    def __init__(self, loop: EventLoop, task: Task | None, *, answers: bool = True) -> None:
        """Nothing runs yet; `answers` says that a client waits for what it returns."""
        self.loop = loop
        self.task = task
        self.ready: deque[asyncio.Handle] = deque()
        self.timers: list[Timer] = []
        self.awaited: list[Awaited] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.over = False
        self.awaiting = False
        self._answers = answers
        self._performed = 0
        self._taken_over = -1
        self._in_vain = False
        self._running = Running(loop)
        self._name = loop.process.name

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Drive `coroutine` to its end, and what it leaves running as long as that has effects; returns its value."""
        context = copy_context()
        context.run(CALL.set, self)
        self._begin(self.task)
        try:
            self.main = self.loop.create_task(coroutine, context=context)
            self._turn()
            while not (self.main.done() and not self._still_awaited()):
                self._answer()
                self._wait()
                self._turn()
        except BaseException:  # the process has died, or the run is given up
            self.end()
            raise
        self._leave_behind()
        if self.task is None and self._answers:
            self.end()  # an observer is gone after one call
        return self.main.result()

    def _begin(self, task: Task | None) -> None:
        self.greenlet = getcurrent()
        self.loop.last = self
        if task is not None:
            task.call = self

    def _turn(self) -> None:
        """Run whatever is ready, and what that makes ready."""
        self._running.enter(self)
        try:
            while self._is_ready():
                if self.task is not None:
                    self.task.quietly("wait", self._name, "await")
                handle = self.ready.popleft()
                if not handle.cancelled():
                    handle._run()  # noqa: SLF001 - as every event loop does
                if self.task is not None and not self.loop.process.alive:
                    raise self.loop.process.end
        finally:
            self._running.leave()

    def _is_ready(self) -> bool:
        """Whether something can run now, also because its time has come."""
        self._take_over()
        while (timer := self._timer()) is not None and timer.when <= self._now():
            heapq.heappop(self.timers)
            self.loop.process.remember((self._name, "timer", timer.when))
            self.ready.append(timer.handle)
        return bool(self.ready)

    def _now(self) -> float:
        clock = self.loop.process.clock
        return 0.0 if clock is None else clock.time

    def _timer(self) -> Timer | None:
        """The first timer that was not cancelled."""
        while self.timers and self.timers[0].handle.cancelled():
            heapq.heappop(self.timers)
        return self.timers[0] if self.timers else None

    def _take_over(self) -> None:
        """Let what ended calls have left go on here; not upon an effect that was tried in vain, where nothing has happened."""
        if self._taken_over == self._performed:
            return
        self._taken_over, loop = self._performed, self.loop
        self.ready.extend(loop.unclaimed)
        loop.unclaimed.clear()
        while loop.dormant and loop.dormant[0].when <= self._now():
            heapq.heappush(self.timers, heapq.heappop(loop.dormant))

    def _leave_behind(self) -> None:
        """Whatever waits still, waits for another call of the process."""
        self.over = True
        for timer in self.timers:
            heapq.heappush(self.loop.dormant, timer)
        self.loop.left = self._unfinished()

    def _answer(self) -> None:
        """Tell the client, although something that was left running goes on."""
        if self._answers and self.task is not None and not self.task.answered and self.main.done():
            self.task.answered = True
            try:
                self.task.value = self.main.result()
            except BaseException as error:  # noqa: BLE001 - raised once more in the end
                self.task.error = error

    def end(self) -> None:
        """End all tasks, and what ended calls have left: the process has died, or the run is given up.

        Their clean-up runs, as that of any code does in a dead process; it finds nothing to act on.
        """
        self._begin(current_task())
        self._running.enter(self)
        self.over = self.awaiting = False
        try:
            self._say_last_words()
        finally:
            self.over = True
            self._running.leave()

    def _say_last_words(self) -> None:
        for _ in range(_LAST_WORDS):
            for task in self._unfinished():
                interrupt(task, self.loop.process.end)
            if not self.ready:
                break
            for _ in range(len(self.ready)):
                self.ready.popleft()._run()  # noqa: SLF001 - as every event loop does
        for task in self._unfinished():
            abandon(task)

    def _unfinished(self) -> list[asyncio.Task[Any]]:
        return [task for task in [*self.tasks, *self.loop.left] if not task.done()]

    # Waiting:

    def _wait(self) -> None:
        """Park until something can go on, and let it."""
        if self.task is None:
            self._wait_outside()
            return
        task, (effect, chosen) = self.task, self._next()
        task.quiet, self.awaiting = 0, True
        blocked = chosen is None or (isinstance(chosen, Awaited) and not self._is_free(chosen))
        lock = isinstance(chosen, Awaited) and chosen.queued is None
        if self._in_vain and not blocked:  # it did not wait, so something has happened after all: another's turn has come
            self.loop.process.remember((task.name, "turns to", effect.fingerprint))
        self._in_vain = False
        fault = task.stand(effect, None if lock else self) if blocked else task.carrier.park(effect)
        self.awaiting, self.loop.running = False, self
        effect, chosen = self._next()
        if fault == CANCELLED or (fault == DEADLOCK and chosen is None):
            self.loop.process.remember((task.name, effect.fingerprint, CANCELLED))
            self._performed += 1
            self.main.cancel()
        elif isinstance(chosen, Awaited) and not (fault == DEADLOCK and self._timer() is not None and not self.is_deadlocked()):
            self.awaited.remove(chosen)
            chosen.future.set_result(fault)
        else:
            self._let_time_pass(effect, fault)

    def _let_time_pass(self, effect: Effect, fault: str) -> None:
        """Go on because the time of a timer has come, or because another call has made something ready."""
        timer, clock = self._timer(), self.loop.process.clock
        if not self.ready and timer is not None and clock is not None:
            clock.arrive(timer.when)
        if self.task is not None:
            self.task.saw(effect, None, fault if fault == CRASH else "")

    def _wait_outside(self) -> None:
        """Where nothing is scheduled, time passes at once."""
        timer, clock = self._timer(), self.loop.process.clock
        if timer is None or clock is None:
            message = (
                "A coroutine awaits something that nobody will ever set, while the implementation is made, installed or "
                "observed. No other call runs then. Let it await nothing but effects and time."
            )
            raise ContractError(message)
        clock.arrive(timer.when)

    def _still_awaited(self) -> list[Awaited]:
        self.awaited = [awaited for awaited in self.awaited if not awaited.future.done()]
        return self.awaited

    def _next(self) -> tuple[Effect, Awaited | Timer | deque[asyncio.Handle] | None]:
        """How the call goes on when it is let: the effect, and what it is of; None where it waits for another call."""
        awaited, timer = self._still_awaited(), self._timer()
        if self.ready:
            return self._waiting(), self.ready
        free = [a for a in awaited if self._is_free(a)]
        if timer is not None and (timer.when <= self._now() or not awaited):
            return Effect("sleep", "clock", f"sleep {timer.delay:g} s", timer.when), timer
        if awaited:
            chosen = (free or [a for a in awaited if a.queued is not None and a.queued.is_deadlocked()] or awaited)[0]
            return chosen.effect, chosen
        return self._waiting(), None

    def _waiting(self) -> Effect:
        return Effect("wait", self._name, "wait for another call")

    def _is_free(self, awaited: Awaited) -> bool:
        """Whether an effect may be performed, or tried again: not before something has happened."""
        if not awaited.blocked:
            return True
        return self._performed > awaited.tried if awaited.queued is None else awaited.queued.is_over()

    # What a task asks for:

    def park(self, effect: Effect) -> str:
        """Wait before `effect`, awaiting it where that is possible; returns the fault that befalls it."""
        if _can_await():
            return self._await(effect, blocked=False, queued=None)
        self._running.leave()
        try:
            assert self.task is not None  # noqa: S101 - only tasks have effects
            return self.task.carrier.park(effect)
        finally:
            self._running.enter(self)

    def block(self, effect: Effect, queued: Queued | None) -> str:
        """Wait until `effect` may be tried again, or has its answer; other tasks of asyncio may go on meanwhile."""
        if _can_await():
            self._in_vain = queued is None
            return self._await(effect, blocked=True, queued=queued)
        self._running.leave()
        try:
            assert self.task is not None  # noqa: S101 - only tasks have effects
            return self.task.stand(effect, queued)
        finally:
            self._running.enter(self)

    def _await(self, effect: Effect, *, blocked: bool, queued: Queued | None) -> str:
        future: asyncio.Future[str] = self.loop.create_future()
        self.awaited.append(Awaited(effect, future, blocked, queued, self._performed))
        fault: str = _await(future)
        return fault

    def saw(self, fault: str) -> None:
        """An effect was performed; where the decision was to cancel the call before it hears of that, it is now."""
        self._performed += 1
        if fault == CANCELLED_AFTER and _can_await():
            answer = self.loop.create_future()
            self.loop.call_soon(self._cut_off, answer)
            _await(answer)

    def _cut_off(self, answer: asyncio.Future[None]) -> None:
        self.loop.process.remember((self._name, CANCELLED_AFTER))
        self.main.cancel()
        if not answer.done():  # it is shielded
            answer.set_result(None)

    # What the world asks for:

    def leave(self) -> None:
        """Its loop runs no more."""
        self._running.leave()

    def pending(self, parked: Effect | None) -> Effect | None:
        """The effect that comes next, at which the call may not have parked: time may have passed since."""
        return self._next()[0] if self.awaiting and parked is not None else parked

    def with_cancellations(self, effect: Effect) -> Effect:
        """The effect, with the cancellations that can befall it: only what is awaited can be cancelled, and only once begun."""
        if not self.awaiting or self.main.done():
            return effect
        kinds = (CANCELLED, CANCELLED_AFTER) if LOST in effect.faults else (CANCELLED,)
        return effect._replace(faults=(*effect.faults, *kinds))

    def is_over(self) -> bool:
        """Whether the call need not wait any more."""
        return bool(self.ready) or any(a.queued is not None and a.queued.is_over() for a in self.awaited)

    def is_deadlocked(self) -> bool:
        """Whether a statement of the call waits for itself."""
        return any(a.queued is not None and a.queued.is_deadlocked() for a in self.awaited)


def _can_await() -> bool:
    """Whether this code runs in a greenlet in which SQLAlchemy lets code that is not asynchronous await something."""
    return getattr(getcurrent(), "__sqlalchemy_greenlet_provider__", False)


def _await(awaitable: Awaitable[Any]) -> Any:
    """Await something in such a greenlet: its parent does."""
    nested = getcurrent()
    assert nested.parent is not None  # noqa: S101 - it was made by another
    try:
        return nested.parent.switch(awaitable)
    finally:
        task = current_task()
        if task is not None and isinstance(task.call, Call) and nested.parent is not task.call.greenlet:
            nested.parent = task.call.greenlet  # another call goes on with it


def coroutine_methods(implementation: object, names: Iterable[str]) -> frozenset[str]:
    """Those of the methods that are coroutines, also below a decorator that says what it decorates."""
    methods = {name: getattr(implementation, name, None) for name in names}
    return frozenset(name for name, method in methods.items() if _is_coroutine(method))


def _is_coroutine(method: Any) -> bool:
    return method is not None and (inspect.iscoroutinefunction(method) or inspect.iscoroutinefunction(inspect.unwrap(method)))


class Driven:
    """A factory whose implementations have coroutines among their methods, or that is one itself.

    Arguments:
        factory: makes an implementation from an environment.
    """

    def __init__(self, factory: Callable[[Any], Any]) -> None:
        """Keep it."""
        self.__wrapped__ = factory

    def __call__(self, env: Any) -> Facade:
        """Make an implementation whose methods return when their coroutines have ended."""
        loop = loop_of(env._process)  # noqa: SLF001 - no business of the code under test
        made = self.__wrapped__(env)
        return Facade(_driven(loop, made, answers=False) if inspect.isawaitable(made) else made, loop)


class Facade:
    """An implementation whose coroutines are driven; everything else is as it is."""

    def __init__(self, implementation: Any, loop: EventLoop) -> None:
        """Stand before `implementation`."""
        self.__wrapped__ = implementation
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        """A method that returns when its coroutine has ended; or what there is."""
        value, loop = getattr(self.__wrapped__, name), self._loop
        if not callable(value):
            return value

        @functools.wraps(value)
        def method(*args: Any, **options: Any) -> Any:
            result = value(*args, **options)
            return _driven(loop, result) if inspect.isawaitable(result) else result

        return method


def _driven(loop: EventLoop, awaitable: Awaitable[Any], *, answers: bool = True) -> Any:
    coroutine = awaitable if inspect.iscoroutine(awaitable) else _awaiting(awaitable)
    return Call(loop, current_task(), answers=answers).run(coroutine)


async def _awaiting(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
