"""Takes down what real code does, along a run."""

from __future__ import annotations

import copy
from asyncio import CancelledError
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.errors import AcidtestError, text_of
from acidtest.world.core.process import current_task, is_of_code
from acidtest.world.script.script import (
    ABSENT,
    BLOCKED,
    DIED,
    METHOD,
    Ask,
    Change,
    Landed,
    Missing,
    Outcome,
    Raised,
    Returned,
    Script,
    Statement,
    answered,
    begins,
    landing,
    performed,
    pins_of,
    resting,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from acidtest.world.core.backend import Landing
    from acidtest.world.core.effects import Effect
    from acidtest.world.core.process import Process, Task

#: The root of asks for the time of the process itself, as `time.time` and `time.sleep` make them; for its identifiers; and for chance.
CLOCK, NEW_ID, DRAW = "process clock", "process new_id", "process draw"
_PLAIN = (type(None), bool, int, float, complex, str, bytes, Decimal, Enum)


class Stretch(NamedTuple):
    """What a task does from one stop to the next: by what it will be found, and what there was when it began.

    `asked` are the database and the query of a statement with which it begins; None where there is none of which that can be said.
    """

    key: Hashable
    version: int
    contents: tuple[tuple[int, int], ...]
    effects: int
    disturbances: int
    disconnected: bool
    asked: tuple[str, Hashable] | None


class Recorder:
    """The scribe of one run of real code."""

    plays = False

    def __init__(self, script: Script) -> None:
        """Take down into `script`."""
        self.script = script
        self._world: Any = None
        self._made_for: Process | None = None
        self._stretches: dict[Task, Stretch] = {}
        self._asking: set[Task] = set()
        self._stopping: Task | None = None
        self._asked: dict[Task, int] = {}
        self._late: tuple[str, Hashable] | None = None
        self._booting: dict[str, list[Ask]] = {}
        self._known: tuple[int, tuple[tuple[int, int], ...]] = -1, ()

    # What the world tells:

    def attend(self, world: Any) -> None:  # noqa: ANN401 - a world
        """Be told of the world, before any process has started."""
        self._world = world
        names = [database.name for database in world.cluster.databases()]
        self.script.start = self.script.start or tuple(zip(names, world.cluster.contents(), strict=False))
        postpone = world.cluster.late
        world.cluster.late = lambda late, fact: postpone(self._postponed(late, fact), fact)

    def environment(self, env: Any, process: Process) -> Any:  # noqa: ANN401 - as the world makes it
        """The environment, of which every ask is taken down."""
        self._made_for = process
        attributes = vars(env)
        for name in self._world.devices.offers:
            attributes[name] = Asked(self, process, (name,), attributes[name])
        attributes["new_id"] = Asked(self, process, (NEW_ID,), process.next_id)
        drawing: Any = Asked(self, process, (DRAW,), process.draw)
        process.draw = drawing
        clock: Any = AskedClock(self, process, (CLOCK,), process.clock)
        process.clock = clock
        return env

    def factory(self, factory: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """A factory whose implementations are taken down."""

        def make(env: Any) -> Recorded:
            """Make an implementation, whose calls are taken down from then on."""
            process = self._made_for
            assert process is not None  # noqa: S101 - it is told before
            if current_task() is None:
                self._booting[process.name] = []
                implementation = factory(env)
                self._booted(process)
            else:
                implementation = None

                def build() -> None:
                    nonlocal implementation
                    implementation = factory(env)

                self.run(process, "made", build)
            return Recorded(self, process, implementation)

        return make

    def rested(self, process: Process) -> int:
        """What a process that is idle is known by, as it is told by what it has in memory; that is looked at once."""
        key = resting(process)
        try:
            return self.script.rest(key)
        except Missing:
            rested = process.known_by_memory(getattr(process.implementation, "__wrapped__", None))
            self.script.learn_rest(key, rested)
            return rested

    def parks(self, task: Task) -> None:
        """Nobody knows what a task waits for that is neither a statement nor asks a device."""
        if task in self._stretches and task is not self._stopping:
            self.script.give_up(f"{task.name} waits for something in its own process")

    def forks(self, process: Process) -> None:
        """What a thread does is not taken down."""
        self.script.give_up(f"{process.name} starts a thread")

    def shares(self, process: Process) -> None:
        """What a live object does is not taken down."""
        self.script.give_up(f"{process.name} has a shared object")

    def stops(self, task: Task, effect: Effect, database: str, query: Hashable, *, blocked: bool) -> None:
        """A task comes to a statement, which asks the database `query`; or has tried it, and would have to wait for a lock."""
        self._stopping = task
        if query is not None and task.process.host.is_reading():
            query = None  # rows that nobody has read yet are not part of what the process has seen
        self._close(task, BLOCKED if blocked else Statement(effect, database, query))

    def goes_on(self, task: Task, effect: Effect, database: str, query: Hashable, fault: str) -> None:
        """A task is resumed, to run the statement."""
        if task.process.alive:
            self._asked[task] = 0
            asked = None if query is None or task.process.host.is_reading() else (database, query)
            self._open(task, performed(self._world, task.process, task.name, effect, database, fault), asked)

    def dies(self, task: Task) -> None:
        """The process dies at a statement; where it dies at what a device does, that is played as it is."""
        if task not in self._asking:
            self._close(task, DIED)

    # What the code under test does:

    def run(self, process: Process, what: str, call: Callable[[], Any]) -> Any:
        """Run code of a task, from its beginning to its end."""
        task = current_task()
        if task is None or not process.alive:
            return call()
        self._asked[task] = 0
        self._open(task, begins(process, task.name, what))
        try:
            value = call()
        except BaseException as error:
            self._failed(task, error)
            raise
        if process.alive:
            self._close(task, Returned(value))
        return value

    def _failed(self, task: Task, error: BaseException) -> None:
        ends = not isinstance(error, (Exception, CancelledError))
        if not task.process.alive or isinstance(error, AcidtestError) or (ends and not is_of_code(error)):
            self._drop(task)
        else:
            self._close(task, Raised(type(error).__name__, text_of(error), ends))

    def ask(self, process: Process, path: tuple[Any, ...], call: Callable[[], Any]) -> Any:
        """Let a task ask a device."""
        task = current_task()
        if task is None:
            self._booting.get(process.name, []).append(self._kept(Ask(path)))
            return call()
        if task in self._asking or not process.alive or task not in self._stretches:
            return call()
        self._close(task, Ask(path))
        self._asking.add(task)
        self._asked[task] += 1
        number = self._asked[task]
        try:
            result = call()
        except Exception as error:
            self._asking.discard(task)
            if process.alive and not isinstance(error, AcidtestError):
                self._open(task, answered(process, task.name, number, type(error).__name__))
            raise
        except BaseException:
            self._asking.discard(task)
            raise
        self._asking.discard(task)
        if process.alive:
            self._open(task, answered(process, task.name, number, key_of(result)))
        return result

    # Stretches:

    def _open(self, task: Task, key: Hashable, asked: tuple[str, Hashable] | None = None) -> None:
        process = task.process
        version, contents = self._state()
        self._stretches[task] = Stretch(key, version, contents, task.effects, process.disturbances, process.disconnected, asked)
        self._late, process.disconnected = None, False

    def _drop(self, task: Task) -> Stretch | None:
        """A stretch has ended."""
        stretch = self._stretches.pop(task, None)
        task.process.disconnected |= stretch is not None and stretch.disconnected
        return stretch

    def _close(self, task: Task, action: Any) -> None:
        cluster, process = self._world.cluster, task.process
        lost = process.disconnected
        stretch = self._drop(task)
        if stretch is None or self.script.reason:
            return
        databases = cluster.databases()
        if len(databases) != len(self.script.start):
            self.script.give_up("databases are made during a run")
            return
        version, now = self._state()
        changes = tuple([
            Change(database.name, after[0], after[1] != before[1])
            for database, before, after in zip(databases, stretch.contents, now, strict=True) if before != after
        ])  # fmt: skip
        outcome = Outcome(
            action, process.digest, pins_of(process), process.host.holds(), changes, task.effects - stretch.effects,
            process.disturbances - stretch.disturbances, lost, self._late, version != stretch.version, task.read_clock,
        )  # fmt: skip
        if action is DIED:
            outcome = outcome._replace(digest=0, pins=(), holds=(), read_clock=False)
        self.script.learn(stretch.key, outcome, self._kept, stretch.asked)

    def _state(self) -> tuple[int, tuple[tuple[int, int], ...]]:
        """The numbers of the contents of every database, and what changes with every commit; found anew when something has ended."""
        cluster = self._world.cluster
        version = cluster.version()
        if version != self._known[0]:
            self._known = version, tuple([(database.content(), database.commits()) for database in cluster.databases()])
        return self._known

    def _kept(self, action: Any) -> Any:
        """An action that can be kept: nobody changes what is in it, and it holds on to nothing."""
        if not isinstance(action, (Ask, Returned)):
            return action
        if not is_plain(action[0]):
            self.script.give_up(f"{action} is of no plain value")
            return Returned(None)
        return copy.deepcopy(action)

    def _booted(self, process: Process) -> None:
        asks = self._booting.pop(process.name)
        if self.script.boot.setdefault(process.name, asks) != asks:
            self.script.give_up("an implementation is made in different ways", wrong=True)
        if pins_of(process) or process.host.holds() or self._world.cluster.contents() != tuple([n for _, n in self.script.start]):
            self.script.give_up("an implementation uses its databases while it is made")

    def _postponed(self, late: Landing, fact: Hashable) -> Landing:
        task = current_task()
        if task is not None:
            self._late = late.database.name, fact
            return RecordedLanding(self.script, self._world, late, task.process.name, fact)
        return late


def is_plain(value: Any) -> bool:
    """Whether a value is nothing but itself: numbers, texts, and what is made of them."""
    if isinstance(value, _PLAIN):
        return True
    if isinstance(value, (tuple, list, set, frozenset)):
        return all(is_plain(item) for item in value)
    return type(value) is dict and all(is_plain(item) for pair in value.items() for item in pair)


def key_of(value: Any) -> Hashable:
    """What stands for an answer of a device; one that is no plain value is something to be asked further."""
    if not is_plain(value):
        return "handle"
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return type(value).__name__, value


class Asked:
    """What a device offers, taken down when it is used."""

    __slots__ = ("_path", "_process", "_recorder", "_target")

    def __init__(self, recorder: Recorder, process: Process, path: tuple[Any, ...], target: Any) -> None:
        """Stand before `target`, to which `path` leads."""
        self._recorder, self._process, self._path, self._target = recorder, process, path, target

    @property
    def acidtest_target(self) -> Any:
        """What it stands before, for whoever looks at what is in memory."""
        return self._target

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call it."""
        path = (*self._path, (args, options))
        result = self._recorder.ask(self._process, path, lambda: self._target(*args, **options))
        return result if is_plain(result) else Asked(self._recorder, self._process, path, result)

    def __getattr__(self, name: str) -> Any:
        """An attribute: a method, to be called, or a value, which is an answer like any other."""
        value = getattr(self._target, name)
        path = (*self._path, name)
        if callable(value):
            return Asked(self._recorder, self._process, path, value)
        return self._recorder.ask(self._process, path, lambda: value) if is_plain(value) else value


class AskedClock(Asked):
    """The time of a process, taken down when its code asks for it; the world may look at it."""

    __slots__ = ()

    @property
    def time(self) -> float:
        """Seconds since the epoch."""
        found: float = self._target.time
        return found


class Recorded:
    """An implementation whose methods are taken down."""

    def __init__(self, recorder: Recorder, process: Process, implementation: Any) -> None:
        """Stand before `implementation`."""
        self.__wrapped__ = implementation
        self._recorder, self._process = recorder, process

    def __getattr__(self, name: str) -> Any:
        """What it has."""
        learn, service = self._recorder.script.learn_attribute, self._process.service
        try:
            value = getattr(self.__wrapped__, name)
        except AttributeError:
            learn(service, name, ABSENT)
            raise
        if not callable(value):
            learn(service, name, value)
            return value
        learn(service, name, METHOD)
        return lambda *args, **options: self._recorder.run(self._process, name, lambda: value(*args, **options))


class RecordedLanding:
    """A COMMIT that comes late."""

    def __init__(self, script: Script, world: Any, late: Landing, process: str, fact: Hashable) -> None:
        """Stand before `late`, which is of the process of that name."""
        self._script, self._world, self._late, self._process, self._fact = script, world, late, process, fact

    @property
    def database(self) -> Any:
        """Where it is."""
        return self._late.database

    def land(self) -> None:
        """Let it come."""
        cluster, name = self._world.cluster, self.database.name
        key, host = landing(self._world, self._process, name, self._fact), cluster.host(self._process)
        self._late.land()
        change = Change(name, cluster.content_of(name), committed=True)
        self._script.learn_landing(key, Landed(change, tuple(host.pins()), host.holds()))

    def hang_up(self) -> None:
        """Roll it back."""
        self._late.hang_up()
