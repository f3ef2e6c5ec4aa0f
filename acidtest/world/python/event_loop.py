"""The event loop of a simulated process: asyncio without sockets and real time, its threads under control.

One loop for each incarnation, so that locks, queues and futures of asyncio may be shared by its calls. But each call has
a queue of its own of what is ready to run: what a call does runs in the task of that call, when the search lets it go on.
asyncio knows by the context of a callback which call it belongs to. Time is the virtual clock.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import sys
from collections import deque
from contextlib import nullcontext
from contextvars import Context, ContextVar, copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol

from acidtest.errors import NondeterminismError
from acidtest.world.core.locks import TaskLock
from acidtest.world.core.process import complain

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from acidtest.world.core.process import Process

#: Tasks whose coroutines would not end. Dropping the last reference would run their code once more, so they are kept.
_undead: list[asyncio.Task[Any]] = []


class Timer(NamedTuple):
    """Something to be run at a time: when, its number among those of the same time, what, and the delay, in seconds."""

    when: float
    number: int
    handle: asyncio.TimerHandle
    delay: float


class AsyncCall(Protocol):
    """What the loop needs of a call: where it may put what belongs to the call.

    `ready` is what can run now, `timers` what will, `tasks` what was started; `over` says that nothing of it runs any more,
    `awaiting` that it waits where something is awaited.
    """

    ready: deque[asyncio.Handle]
    timers: list[Timer]
    tasks: list[asyncio.Task[Any]]
    over: bool
    awaiting: bool

    def end(self) -> None:
        """End all tasks, and what ended calls have left."""


#: The call that a callback belongs to; tasks and callbacks inherit it from who makes them.
CALL: ContextVar[AsyncCall] = ContextVar("acidtest_call")


class EventLoop(asyncio.AbstractEventLoop):
    """What asyncio runs in while a call of `process` goes on.

    `running` is the call that goes on now, `last` the one that was begun last; `left` are the tasks that calls left waiting when they ended, `unclaimed` and
    `dormant` what such tasks have ready and their timers: they go on with whatever call comes next.
    """

    def __init__(self, process: Process) -> None:
        """Nothing runs yet."""
        self.process = process
        self.running: AsyncCall | None = None
        self.last: AsyncCall | None = None
        self.left: list[asyncio.Task[Any]] = []
        self.unclaimed: deque[asyncio.Handle] = deque()
        self.dormant: list[Timer] = []
        self._timers = itertools.count()
        self._tasks = itertools.count(1)
        self._factory: Any = None
        self._ended = False

    # What asyncio calls:

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:  # type: ignore[override]
        """Run `callback` as soon as the call that it belongs to goes on."""
        context = copy_context() if context is None else context
        handle = asyncio.Handle(callback, args, self, context)
        home = self._home(context)
        (self.unclaimed if home is None else home.ready).append(handle)
        if home is not None and home.awaiting:
            self.process.host.releases += 1  # it waits, and may go on
        return handle

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:  # type: ignore[override]
        """The same, from a thread: where the callback is of no call that goes on, it is run by the last that does."""
        context = copy_context() if context is None else context
        home, last = self._home(context), self.last
        if home is not None or last is None or last.over:
            return self.call_soon(callback, *args, context=context)
        handle = asyncio.Handle(callback, args, self, context)
        last.ready.append(handle)
        self.process.host.releases += 1
        return handle

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Run a function in a thread of its own; one after the other where the executor has a single thread."""
        future = self.create_future()
        serial = nullcontext() if getattr(executor, "_max_workers", 0) != 1 else self.process.belongings.setdefault(("serial", id(executor)), TaskLock())
        self.process.fork(partial(self._run_in_thread, future, partial(func, *args), serial))
        return future

    def _run_in_thread(self, future: asyncio.Future[Any], call: Callable[[], Any], serial: AbstractContextManager[Any]) -> None:
        try:
            with serial:
                value = call()
        except Exception as error:  # noqa: BLE001 - whoever awaits it is told
            self.call_soon_threadsafe(_settle, future, None, error)
        else:
            self.call_soon_threadsafe(_settle, future, value, None)

    def set_default_executor(self, executor: Any) -> None:
        """Nothing: every function has a thread of its own."""

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.TimerHandle:  # type: ignore[override]
        """Run `callback` after `delay` seconds of virtual time."""
        return self._at(self.time() + delay, delay, callback, args, context)

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.TimerHandle:  # type: ignore[override]
        """Run `callback` when the virtual clock shows `when`."""
        return self._at(when, when - self.time(), callback, args, context)

    def _at(
        self, when: float, delay: float, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None
    ) -> asyncio.TimerHandle:
        context = copy_context() if context is None else context
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        home = self._home(context)
        heapq.heappush(self.dormant if home is None else home.timers, Timer(when, next(self._timers), handle, max(delay, 0.0)))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Nothing: it is passed over when its time has come."""

    def _home(self, context: Context) -> AsyncCall | None:
        """The call in whose task a callback is to run: its own, or for what an ended call has left, the one that goes on."""
        call = context.get(CALL)
        return self.running if call is None or call.over else call

    def time(self) -> float:
        """Seconds, as the virtual clock has them."""
        clock = self.process.clock
        return 0.0 if clock is None else clock.now()

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None, **options: Any) -> asyncio.Task[Any]:
        """Run a coroutine beside the others; tasks without a name are numbered, alike on every replay."""
        if self._factory is not None:
            made: asyncio.Task[Any] = self._factory(self, coro, context=context, **options)
        else:
            name = name or f"Task-{next(self._tasks)}"
            made = asyncio.Task(coro, loop=self, name=name, context=context, **options)
        home = self._home(copy_context() if context is None else context)
        (self.left if home is None else home.tasks).append(made)
        return made

    def set_task_factory(self, factory: Any) -> None:
        """Let `factory` make tasks."""
        self._factory = factory

    def get_task_factory(self) -> Any:
        """What makes tasks; None for the usual."""
        return self._factory

    def get_debug(self) -> bool:
        """Never."""
        return False

    def set_debug(self, enabled: bool) -> None:  # noqa: FBT001 - as in asyncio
        """Nothing: what is looked for here is found otherwise."""

    def is_running(self) -> bool:
        """Whether a call goes on."""
        return self.running is not None

    def is_closed(self) -> bool:
        """Whether the process has ended."""
        return self._ended

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Nothing: production writes it to a log and goes on."""

    default_exception_handler = call_exception_handler

    def set_exception_handler(self, handler: Any) -> None:
        """Nothing; see `call_exception_handler`."""

    def get_exception_handler(self) -> None:
        """None; see `call_exception_handler`."""

    async def shutdown_asyncgens(self) -> None:
        """Nothing: they end with their process."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as in asyncio
        """Nothing: there is none."""

    def finalize(self, generator: Any) -> None:
        """Close an asynchronous generator that nobody wants any more, as asyncio does."""
        if not self._ended:
            self.call_soon(self.create_task, generator.aclose())

    # The world's side:

    def end(self) -> None:
        """End what calls have left: the process has died, or the run is given up."""
        if self.last is not None:
            self.last.end()
        self._ended = True


def _settle(future: asyncio.Future[Any], value: Any, error: Exception | None) -> None:
    """Tell whoever awaits what was run in a thread; he may have been cancelled."""
    if future.done():
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)


def interrupt(task: asyncio.Task[Any], how: type[BaseException]) -> None:
    """Raise `how` where `task` awaits something; where that is another task, it comes from there."""
    waiter = getattr(task, "_fut_waiter", None)
    if waiter is not None and not isinstance(waiter, asyncio.Task) and not waiter.done():
        waiter.set_exception(how())


def abandon(task: asyncio.Task[Any]) -> None:
    """Leave alone for ever a task that would not end."""
    quiet: Any = task
    quiet._log_destroy_pending = False  # noqa: SLF001 - there is nobody to be told
    _undead.append(task)


def _refusing(name: str, what: str, remedy: str) -> Any:
    def method(self: EventLoop, *args: Any, **options: Any) -> NoReturn:
        del args, options
        message = (
            f"{self.process.name} {what} (asyncio's {name}). That is not part of any schedule, so nothing can be said about it. "
            f"{remedy}"
        )
        complain(NondeterminismError(message))

    method.__name__, method.__doc__ = name, "Not part of any schedule, and therefore reported."
    return method


_NETWORK = "opens a network connection", "Use env.aio, a database of env, or httpx with env.route()."
_PROCESS = "starts another process", "Take it out of what is tested, or call it through env.aio."
_FOREIGN = {
    "subprocess_exec": _PROCESS, "subprocess_shell": _PROCESS, "getaddrinfo": _NETWORK,
    **dict.fromkeys(
        (
            "create_connection", "create_server", "create_unix_connection", "create_unix_server", "create_datagram_endpoint",
            "connect_accepted_socket", "connect_read_pipe", "connect_write_pipe", "start_tls", "sendfile", "getnameinfo",
            "add_reader", "remove_reader", "add_writer", "remove_writer", "sock_recv", "sock_recv_into", "sock_recvfrom",
            "sock_recvfrom_into", "sock_sendall", "sock_sendto", "sock_connect", "sock_accept", "sock_sendfile",
        ),
        _NETWORK,
    ),
}  # fmt: skip
for _name, _words in _FOREIGN.items():
    setattr(EventLoop, _name, _refusing(_name, *_words))


def loop_of(process: Process) -> EventLoop:
    """The event loop of a process; made when first asked for."""
    if not isinstance(process.loop, EventLoop):
        make: Any = EventLoop  # asyncio declares far more than anybody calls here
        process.loop = make(process)
    loop: EventLoop = process.loop  # type: ignore[assignment]
    return loop


class Running:
    """What asyncio takes to be running in this thread, kept apart for every call: greenlets share the thread."""

    __slots__ = ("_hooks", "_loop", "_outer", "_outer_task", "_task")

    def __init__(self, loop: EventLoop) -> None:
        """Nothing of `loop` runs now."""
        self._loop = loop
        self._task: asyncio.Task[Any] | None = None

    def enter(self, call: AsyncCall) -> None:
        """Let it be this loop, with the task that was running in it when it was left."""
        loop = self._loop
        self._outer, self._outer_task = _swap(loop, self._task)
        self._hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(None, loop.finalize)
        loop.running = call

    def leave(self) -> None:
        """Let it be what it was."""
        _, self._task = _swap(self._outer, self._outer_task)
        sys.set_asyncgen_hooks(*self._hooks)
        self._loop.running = None


def _swap(
    loop: asyncio.AbstractEventLoop | None, task: asyncio.Task[Any] | None
) -> tuple[asyncio.AbstractEventLoop | None, asyncio.Task[Any] | None]:
    """Make `loop` and `task` what runs; returns what did."""
    was = asyncio._get_running_loop()  # noqa: SLF001 - documented for those who write loops, as are the others
    was_task = None if was is None else asyncio.current_task(was)
    if was is not None and was_task is not None:
        asyncio.tasks._leave_task(was, was_task)  # noqa: SLF001
    asyncio._set_running_loop(loop)  # noqa: SLF001
    if loop is not None and task is not None:
        asyncio.tasks._enter_task(loop, task)  # noqa: SLF001
    return was, was_task
