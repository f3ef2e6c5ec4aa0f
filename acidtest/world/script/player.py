"""An implementation that does what the script says, in a world whose devices are real."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from acidtest.errors import AcidtestError
from acidtest.world.core.effects import ProcessCrash
from acidtest.world.core.process import current_task
from acidtest.world.script.recorder import CLOCK, DRAW, NEW_ID, key_of
from acidtest.world.script.script import (
    ABSENT,
    BLOCKED,
    DIED,
    METHOD,
    Ask,
    Missing,
    Outcome,
    Raised,
    Returned,
    Script,
    Statement,
    answered,
    begins,
    performed,
    resting,
)

if TYPE_CHECKING:
    from collections.abc import Hashable

    from acidtest.world.core.effects import Effect
    from acidtest.world.core.process import Process, Task
    from acidtest.world.script.answers import Answers
    from acidtest.world.script.cluster import PlayedCluster


class Player:
    """Plays the code of every process of one run; also its scribe, which takes down nothing.

    Arguments:
        script: what is known.
        cluster: the databases.
        answers: what statements answer there on contents on which they were never seen; None where nobody is to ask.
    """

    plays = True

    def __init__(self, script: Script, cluster: PlayedCluster, answers: Answers | None) -> None:
        """Nothing has been played yet."""
        self._script = script
        self._answers = answers
        self._cluster = cluster
        self._world: Any = None
        self._made_for: Process | None = None

    # As a scribe:

    def attend(self, world: Any) -> None:  # noqa: ANN401 - a world
        """Be told of the world, before any process has started."""
        self._world = self._cluster.world = world

    def environment(self, env: Any, process: Process) -> Any:  # noqa: ANN401 - as the world makes it
        """Note whose it is."""
        self._made_for = process
        return env

    def rested(self, process: Process) -> int:
        """What a process that is idle is known by."""
        return self._script.rest(resting(process))

    def parks(self, task: Task) -> None:
        """Nothing."""

    def forks(self, process: Process) -> None:
        """What starts threads is not played."""

    def shares(self, process: Process) -> None:
        """Nor is what has a shared object."""

    def stops(self, task: Task, effect: Effect, database: str, query: Hashable, *, blocked: bool) -> None:
        """Nothing."""

    def goes_on(self, task: Task, effect: Effect, database: str, query: Hashable, fault: str) -> None:
        """Nothing."""

    def dies(self, task: Task) -> None:
        """Nothing."""

    # As a factory, and an implementation:

    def make(self, env: Any) -> Played:  # noqa: ANN401, ARG002 - what a factory is called with
        """An implementation for the process whose environment was made last."""
        process = self._made_for
        assert process is not None  # noqa: S101 - it is told before
        if current_task() is None:
            for ask in self._script.boot.get(process.name, ()):
                self._reach(process, ask.path)
        else:
            self.play(process, "made")
        return Played(self, process)

    def has(self, process: Process, name: str) -> Any:  # noqa: ANN401 - an attribute of anything
        """What the implementation in a process has.

        Raises:
            Missing: nobody has looked for it yet.
        """
        try:
            return self._script.attributes[process.service, name]
        except KeyError:
            raise Missing from None

    def play(self, process: Process, what: str) -> Any:  # noqa: ANN401 - whatever it returns
        """Do what a call does, from its beginning to its end.

        Raises:
            Missing: nobody knows.
        """
        task = current_task()
        if task is None:
            raise Missing
        outcome, asked = self._script.after(begins(process, task.name, what)), 0
        while True:
            self._apply(task, outcome)
            action = outcome.action
            if type(action) is Statement:
                outcome, asked = self._perform(task, action), 0
            elif type(action) is Ask:
                asked += 1
                outcome = self._ask(task, action, asked)
            elif type(action) is Returned:
                return action.value
            elif type(action) is Raised:
                raise error_of(action)

    def _apply(self, task: Task, outcome: Outcome) -> None:
        """Let a stretch take effect."""
        process = task.process
        process.digest = outcome.digest
        process.disturbances += outcome.disturbances
        process.disconnected |= outcome.disconnected
        task.effects += outcome.effects
        task.read_clock |= outcome.read_clock
        self._cluster.apply(process.name, outcome)
        if outcome.action is DIED:
            process.die()
            raise ProcessCrash

    def _perform(self, task: Task, statement: Statement) -> Outcome:
        """Come to a statement, and wait for locks."""
        process, (effect, database, _) = task.process, statement
        fault = task.park(effect)
        while True:
            if not process.alive:
                raise process.end
            key = performed(self._world, process, task.name, effect, database, fault)
            outcome = self._script.after(key) if self._answers is None else self._answers.known(key, statement)
            if outcome.action is not BLOCKED:
                return outcome
            self._apply(task, outcome)
            fault = task.block(effect)

    def _ask(self, task: Task, ask: Ask, number: int) -> Outcome:
        """Ask a device, as the code did."""
        process = task.process
        try:
            answer = key_of(self._reach(process, ask.path))
        except AcidtestError:
            raise
        except Exception as error:  # noqa: BLE001 - what the code makes of it, the script knows
            answer = type(error).__name__
        if not process.alive:
            raise process.end
        return self._script.after(answered(process, task.name, number, answer))

    def _reach(self, process: Process, path: tuple[Any, ...]) -> Any:
        """Follow a path from what the environment offers."""
        root, *rest = path
        own: dict[str, Any] = {CLOCK: process.clock, NEW_ID: process.next_id, DRAW: process.draw}
        reached: Any = own[root] if root in own else self._world.devices.offers[root]
        for step in rest:
            reached = getattr(reached, step) if isinstance(step, str) else reached(*step[0], **step[1])
        return reached


class Played:
    """An implementation that is played."""

    def __init__(self, player: Player, process: Process) -> None:
        """Be the one in `process`."""
        self._player, self._process = player, process

    def __getattr__(self, name: str) -> Any:
        """What the implementation has."""
        player, process = self._player, self._process
        value = player.has(process, name)
        if value is ABSENT:
            raise AttributeError(name)
        return (lambda *_, **__: player.play(process, name)) if value is METHOD else value


def error_of(raised: Raised) -> BaseException:
    """An error that reads like the one that was raised, and holds on to nothing of that."""
    return _error(raised.name, BaseException if raised.ends else Exception)(raised.text)


@cache
def _error(name: str, base: type[BaseException]) -> type[BaseException]:
    return type(name, (base,), {})
