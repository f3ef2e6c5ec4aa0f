"""Simulated processes, their incarnations, and the tasks that run in them.

A crash destroys an incarnation's memory and connections, never what was committed. A dead process does no I/O: whatever
its code tries while its stack unwinds, in `finally` or `except BaseException`, has no effect.
"""

from __future__ import annotations

import random
from asyncio import CancelledError
from contextlib import contextmanager
from hashlib import shake_128
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from greenlet import GreenletExit

from acidtest.world.core import interrupt
from acidtest.world.core.carrier import Carrier, GreenletCarrier
from acidtest.world.core.effects import CRASH, SLEEP, Aside, Effect, ProcessCrash
from acidtest.world.core.lanes import Fork, Lane, Lanes

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from threading import Thread

    from acidtest.errors import AcidtestError
    from acidtest.world.core.needs import Coroutine, Loop, Machine, Queued, Timekeeper

#: How often the code of a dead process may try I/O before it is left parked for ever.
_LAST_WORDS = 20
#: After so many things in a row that are not effects, such as BEGIN or reading the clock, a task is parked all the same.
_QUIET = 1_000

#: Whose exceptions are for whoever runs the tests, wherever they strike: a time-out, for example.
_RUNNERS = ("_pytest", "hypothesis")

#: Among the belongings of a process, what its code can reach by them: part of what it has in memory.
REACHED = "reached"

_current: Task | None = None
_kept: list[Process] = []


def current_task() -> Task | None:
    """The task that is running now; None outside of any (while an adapter is built, installed or observed)."""
    return _current


def current_process() -> Process | None:
    """The process whose code is running now: of a task, or outside of any schedule; None while no code under test runs."""
    return _current.process if _current is not None else _kept[-1] if _kept else None


def current_lane() -> Lane | None:
    """The thread of its process in which code under test is running now; None while none does."""
    return _current.lane if _current is not None else _kept[-1].lanes.main if _kept else None


@contextmanager
def running_as(process: Process) -> Iterator[None]:
    """While an adapter is built, installed or read, outside of any task, its code is that of `process`."""
    _kept.append(process)
    if process.statics is not None:
        process.statics.enter(process)
    try:
        yield
    finally:
        _kept.pop()


def is_of_code(error: BaseException) -> bool:
    """Whether an exception has to do with code under test alone: it ends no more than what it was raised in.

    Not so Ctrl-C, and what is for whoever runs the tests.
    """
    if interrupt.has_come() or isinstance(error, (GreenletExit, Aside)):
        return False
    return not any(kind.__module__.partition(".")[0] in _RUNNERS for kind in type(error).__mro__)


def complain(error: AcidtestError) -> NoReturn:
    """Raise `error`; where a task is running, also to whoever runs the world, whatever the task makes of it.

    Raises:
        AcidtestError: `error`.
    """
    if _current is not None:
        _current.complaint = error
    raise error


@contextmanager
def outside() -> Iterator[None]:
    """For things that the world does on its own account while a task is running: they are no business of the task."""
    global _current  # noqa: PLW0603 - one thread, one running task
    task, _current = _current, None
    try:
        yield
    finally:
        _current = task


class Scribe(Protocol):
    """What takes down what code under test does, so that it need not be run again; or `plays` it. See `acidtest.world.script`."""

    plays: bool

    def attend(self, world: Any) -> None:
        """Be told of the world, before any process has started."""

    def environment(self, env: Any, process: Process) -> Any:
        """The environment that a process is to be given in place of `env`."""

    def rested(self, process: Process) -> int:
        """What a process that is idle is known by."""

    def parks(self, task: Task) -> None:
        """A task is about to wait to be resumed."""

    def forks(self, process: Process) -> None:
        """The code of a process has started a thread."""

    def shares(self, process: Process) -> None:
        """The code of a process has a live object that outlives it."""

    def stops(self, task: Task, effect: Effect, database: str, query: Hashable, *, blocked: bool) -> None:
        """A task comes to a statement, which asks the database `query`; or has tried it, and would have to wait for a lock."""

    def goes_on(self, task: Task, effect: Effect, database: str, query: Hashable, fault: str) -> None:
        """A task is resumed, to run the statement."""

    def dies(self, task: Task) -> None:
        """The process of a task dies at the effect that it has just performed."""


class Statics(Protocol):
    """What modules and classes of the code under test keep, for each process: see `acidtest.world.python.statics`."""

    def enter(self, process: Process) -> None:
        """The code of a process goes on."""

    def leave(self) -> None:
        """A run is over."""


class Process:
    """One incarnation of a simulated process.

    `digest` is the number of everything that its tasks have seen, in order: equal for equal histories, and for no others. Which
    incarnation it is, they see only where they ask for an identifier or for something random.
    Tasks are deterministic functions of it, also where they share memory, so it stands for the incarnation's memory in the
    key of a state. `belongings` is what libraries keep for it; `reads` says that it is somebody's who looks and changes nothing; `lanes` are its threads, `forks` those that its code has started and
    that have not begun yet; `memory` returns what an idle implementation has in memory, or None; `statics` is what modules keep for each process; `scribe` takes down what its code does; None where nobody does.
    """

    __slots__ = (
        "__weakref__", "alive", "belongings", "clock", "digest", "disconnected", "disturbances", "draw", "draws", "end", "forks", "host", "ids",
        "implementation", "incarnation", "lanes", "loop", "memory", "name", "reads", "ready", "rng", "scribe", "service", "statics", "tasks",
    )  # fmt: skip

    def __init__(self, name: str, incarnation: int, host: Machine) -> None:
        """Make incarnation number `incarnation` (from 1) of the process `name`; it hosts no implementation yet.

        `ready` once it has started and recovered; `disconnected` once a reply of a database was lost, and with it the
        connection; `disturbances` counts the errors that a database raised on its own account.
        """
        self.name = name
        self.incarnation = incarnation
        self.host = host
        self.service = host.service
        self.clock: Timekeeper | None = None
        self.alive = True
        self.ready = False
        self.disconnected = False
        self.disturbances = 0
        self.memory: Callable[[Any], Hashable] | None = None
        self.statics: Statics | None = None
        self.scribe: Scribe | None = None
        self.digest = 0
        self.remember(name)
        self.implementation: Any = None
        self.tasks: list[Task] = []
        self.loop: Loop | None = None
        self.ids = self.draws = 0
        self.reads = False
        self.belongings: dict[Any, Any] = {}
        self.lanes = Lanes()
        self.forks: list[Fork] = []
        self.draw: Callable[[int], bytes] = self.drawn
        self.rng: random.Random | None = None
        self.end: type[BaseException] = ProcessCrash

    def remember(self, fact: Hashable) -> None:
        """Add to what this incarnation has seen."""
        known = self.host.histories
        try:
            self.digest = known.setdefault((self.digest, fact), len(known) + 1)
        except TypeError:
            self.digest = known.setdefault((self.digest, repr(fact)), len(known) + 1)

    def rest(self) -> None:
        """It is idle: from now on what it has in memory stands for all that it has seen."""
        if self.memory is not None and not self.tasks and self.alive and self.loop is None:
            self.digest = self.known_by_memory(self.implementation) if self.scribe is None else self.scribe.rested(self)

    def known_by_memory(self, implementation: Any) -> int:
        """The number of what it has in memory, or of all that it has seen where that cannot be told."""
        found = self._memory_of(implementation) if self.memory is not None and self.host.is_clean() else None
        if found is None:
            return self.digest
        identified = (self.incarnation, self.ids, self.draws) if self.ids or self.draws else None
        drawn = None if self.rng is None else self.rng.getstate()
        known, fact = self.host.histories, ("idle", self.name, found, self.host.settings(), identified, drawn)
        return known.setdefault(fact, len(known) + 1)

    def _memory_of(self, implementation: Any) -> Hashable:
        """What it has in memory, as its own code sees it."""
        assert self.memory is not None  # noqa: S101 - it was asked
        with running_as(self):
            kept = self.belongings.get(REACHED)
            return self.memory(implementation if kept is None else (implementation, kept))

    def next_id(self) -> str:
        """An identifier that no other incarnation returns, and that depends on nothing else."""
        self.ids += 1
        new = f"{self.name}.{self.incarnation}.{self.ids}"
        self.remember(new)
        return new

    def drawn(self, count: int) -> bytes:
        """So many random bytes, which no other incarnation is given, and that depend on nothing else."""
        self.draws += 1
        drawn = shake_128(f"{self.name}.{self.incarnation}.{self.draws}".encode()).digest(count)
        self.remember(drawn)
        return drawn

    def random(self) -> random.Random:
        """The incarnation's source of randomness: what it yields is a function of the order in which its tasks ask."""
        if self.rng is None:
            self.remember(("random", self.incarnation))
            self.rng = random.Random(f"{self.name}/{self.incarnation}")  # noqa: S311 - determinism is the point
        return self.rng

    def fork(self, body: Callable[[], object], thread: Thread | None = None) -> Fork:
        """Its code starts a thread, which runs `body`; it begins when the world lets it."""
        lane = self.lanes.start(thread)
        fork = Fork(f"{self.name}, thread {self.lanes.started}", lane, body, self.host)
        self.forks.append(fork)
        if self.scribe is not None:
            self.scribe.forks(self)
        return fork

    def die(self) -> None:
        """Lose memory and connections, at once: clean-up code that still runs finds nothing to act on."""
        self.alive = False
        self.ready = False
        self.host.hang_up()

    def bury(self) -> None:
        """End all tasks of a dead process, and forget the implementation."""
        for task in self.tasks:
            task.kill(self.end)
        if self.loop is not None and self.loop.left:
            Task(f"{self.name} ends", self).start(self.loop.end)
        self.loop = None
        self.tasks.clear()
        self.forks.clear()
        self.implementation = None


class Task:
    """One call of a port method inside a process.

    `pending` is the effect before which it is parked. `blocked` says that the effect was tried and would have had to
    wait for a lock; `waits` is what stood for the locks when it was tried. Where the statement itself waits, in a server,
    it *has* happened as far as the schedule goes, and `queued` is what it waits in. `read_clock` says that it has asked for the
    time since its last effect. `call` is the coroutine that it drives, if any; it is `answered` as soon as that has ended,
    although what it left running may have to go on. `lane` is the thread of its process in which it runs; `fork` the one that it *is*,
    where the code has started it. `free` says whether what it waits for, at most for some time, is there.
    """

    __slots__ = (
        "answered", "began", "blocked", "call", "carrier", "complaint", "effects", "error", "finished", "fork", "free", "lane", "name", "notes", "pending", "process",
        "queued", "quiet", "read_clock", "showed", "tries", "value", "waits",
    )  # fmt: skip

    def __init__(self, name: str, process: Process, fork: Fork | None = None) -> None:
        """Make a task of `process`; it does not run yet.

        `began` is the virtual time at which it was invoked, `effects` counts what it has done, `showed` says whether any of it lasts, `notes` is what devices have
        noted of it.
        """
        self.name = name
        self.process = process
        self.fork = fork
        self.lane = process.lanes.take() if fork is None else fork.lane
        self.free: Callable[[], Hashable] | None = None
        self.carrier: Carrier = GreenletCarrier()
        self.pending: Effect | None = None
        self.blocked = False
        self.finished = False
        self.value: object = None
        self.error: BaseException | None = None
        self.call: Coroutine | None = None
        self.answered = False
        self.tries = 0
        self.waits = -1
        self.queued: Queued | None = None
        self.began = 0.0 if process.clock is None else process.clock.time
        self.effects = 0
        self.showed = False
        self.notes: set[str] = set()
        self.complaint: AcidtestError | None = None
        self.quiet = 0
        self.read_clock = False
        process.tasks.append(self)

    def start(self, call: Callable[[], object]) -> None:
        """Run `call` up to its first effect."""

        def body() -> None:
            """Make the call, and keep what came of it."""
            try:
                self.value = call()
            except (Exception, CancelledError) as error:  # noqa: BLE001 - whatever escapes means "unknown"
                if self.process.alive:
                    self.error = error
            except ProcessCrash:
                pass
            except BaseException as error:
                if self.process.alive and not is_of_code(error):
                    raise
                self.exit(error)
            self.finished = True

        self.process.remember(self.name)
        self._run(lambda: self.carrier.start(body))

    def exit(self, error: BaseException) -> None:
        """The code has ended its process, there and then, by `error`: as in production, nothing of it goes on."""
        if self.process.alive:
            self.error = error
            self.process.die()

    def resume(self, fault: str = "") -> None:
        """Perform the pending effect, with `fault`, and run to the next one."""
        self.blocked = self.read_clock = False
        self.showed = self.showed or (self.pending is not None and self.pending.lasts)
        self._run(lambda: self.carrier.resume(fault))

    def _run(self, switch: Callable[[], Effect | None]) -> None:
        global _current  # noqa: PLW0603 - one thread, one running task
        if self.process.statics is not None:
            self.process.statics.enter(self.process)
        _current = self
        try:
            self.pending = switch()
        finally:
            _current = None
        if interrupt.has_come() and self.process.alive:
            raise KeyboardInterrupt
        if self.complaint is not None and self.process.alive:
            raise self.complaint
        if self.finished:
            self.lane.taken = False
            if self.process.alive:
                self.process.tasks.remove(self)
                self.process.rest()

    def kill(self, how: type[BaseException]) -> None:
        """End the task: its process has died, or the run is given up."""
        if not self.finished:
            self._run(lambda: self.carrier.kill(how))
            self.finished = True

    def give_up(self, error: AcidtestError) -> None:
        """Leave its code where it is, for ever; called while it runs, from within. `error` goes to whoever runs the world."""
        self.complaint = error
        self.process.host.abandoned = True
        if self.call is not None:
            self.call.leave()
        self.carrier.give_up()

    # What drivers call, from inside the task:

    def park(self, effect: Effect) -> str:
        """Wait before `effect` until the search lets it happen; returns the fault that befalls it.

        Raises:
            ProcessCrash: the process has died; also on every later try.
        """
        if not self.process.alive:
            self.refuse_the_dead(effect)
        self.quiet = 0
        if self.process.scribe is not None:
            self.process.scribe.parks(self)
        return self.carrier.park(effect) if self.call is None else self.call.park(effect)

    def quietly(self, kind: str, where: str, what: str) -> None:
        """Count what is not an effect: code that does nothing else for ever must not hang the search.

        Raises:
            ProcessCrash: the process has died.
        """
        self.quiet += 1
        if self.quiet > _QUIET or not self.process.alive:
            effect = Effect(kind, where, what)
            self.saw(effect, None, self.park(effect))

    def refuse_the_dead(self, effect: Effect) -> None:
        """Raise ProcessCrash; code that goes on trying is parked and never resumed."""
        self.tries += 1
        if self.tries > _LAST_WORDS:
            self.carrier.park(effect)
        raise self.process.end

    def block(self, effect: Effect, queued: Queued | None = None) -> str:
        """Say that `effect` would wait for a lock, and wait until it may be tried again; or that it waits, `queued`."""
        return self.stand(effect, queued) if self.call is None else self.call.block(effect, queued)

    def stand(self, effect: Effect, queued: Queued | None) -> str:
        """Park as one that has to wait."""
        self.blocked = True
        self.queued = queued
        try:
            return self.carrier.park(effect)
        finally:
            self.queued = None

    @property
    def sleeps(self) -> bool:
        """Whether it is at a sleep, or waits for some time for what is not there: if it goes on now, that time has passed."""
        return self.pending is not None and self.pending.kind == SLEEP and not (self.free is not None and self.free())

    def wake(self, version: int) -> None:
        """Look whether it may go on; `version` is what stands for the locks now."""
        if self.blocked:
            self.blocked = self.waits == version if self.queued is None else not self.queued.is_over()

    def saw(self, effect: Effect, result: Hashable, fault: str = "") -> None:
        """Remember what `effect` gave; where the decision was to crash after it, die now."""
        self.effects += 1
        self.process.remember((self.name, effect.fingerprint, result))
        if fault == CRASH:
            if self.process.scribe is not None:
                self.process.scribe.dies(self)
            self.process.die()
            raise ProcessCrash
        if self.call is not None:
            self.call.saw(fault)
