"""Every schedule of a scope: best first by replay, with deduplication of states.

Schedules are taken in the order of their faults, then of their preemptions, so the first one that breaks something is
minimal in faults. A run goes on with the cheapest move until it meets a state that was seen before, or ends; every
other move becomes a prefix to be replayed later. Two prefixes are the same state if the committed contents of all
databases, the broker and the clock are equal, every process has seen the same, the same is consistent with the model,
and clients know the same: then every continuation gives the same.
"""

from __future__ import annotations

import gc
import heapq
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.errors import AcidtestError, NondeterminismError
from acidtest.search.budget import Budget, OutOfTime
from acidtest.search.differs import ReorderedError, complain, fingerprint
from acidtest.search.moves import Move, Position, follow, moves
from acidtest.search.run import TERMINATION, Run, Violation
from acidtest.search.settle import settle
from acidtest.world.core import journal
from acidtest.world.core.effects import CRASH
from acidtest.world.script.script import Misled, Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from acidtest.search.harness import Harness
    from acidtest.workload import Scope
    from acidtest.world.core.effects import Decision
    from acidtest.world.core.world import World

#: How many decisions one schedule may take before it is a failure of termination, and how many more per operation.
LONGEST_SCHEDULE, LONGEST_OPERATION = 5_000, 150
#: How often a prefix is replayed before code that takes the same in another order is called nondeterministic.
_TRIES = 12


class Prefix(NamedTuple):
    """The beginning of a schedule, as a linked list; `effect` is the fingerprint of what it performed."""

    before: Prefix | None
    decision: Decision
    fingerprint: Hashable

    def nodes(self) -> list[Prefix]:
        """From the first to this one."""
        found: list[Prefix] = []
        node: Prefix | None = self
        while node is not None:
            found.append(node)
            node = node.before
        return found[::-1]


class Pending(NamedTuple):
    """A move to be tried later: where, what it costs in all, and what had been seen up to there."""

    faults: int
    preemptions: int
    number: int
    prefix: Prefix | None
    at: Position
    move: Move
    memory: Any


@dataclass
class Search:
    """What an exhaustive search has done so far.

    `runs` are all, `executed` those that ran the code under test, at least from where the script ended; `reordered` those that
    came to the same in another order than before, and were run again; `effects` counts those of new steps. `complete` says that no
    schedule is left, `given_up` that the time was up before, `missing` why nothing could be run at all; `bound` how many faults were
    explored completely (-1 for not even none);
    `crash_points` are the effects that were performed, `crashed` those after which the process crashed; `violation`,
    `schedule` and `faults` are what was found.
    """

    scope: Scope
    schedules: int = 0
    runs: int = 0
    effects: int = 0
    executed: int = 0
    reordered: int = 0
    states: set[Hashable] = field(default_factory=set)
    finals: set[Any] = field(default_factory=set)
    complete: bool = False
    given_up: bool = False
    missing: str = ""
    bound: int = -1
    seconds: float = 0.0
    fired: dict[str, int] = field(default_factory=dict)
    outcomes: set[Any] = field(default_factory=set)
    crash_points: set[tuple[str, str]] = field(default_factory=set)
    crashed: set[tuple[str, str]] = field(default_factory=set)
    violation: Violation | None = None
    faults: int | None = None
    schedule: list[Decision] = field(default_factory=list)


@dataclass
class Course:
    """How far a run has come: what a played one leaves to a real one.

    `move` is what comes first, None where that is done; `key` the state that was counted as new, None where it was not yet;
    `rested` says that it was tried to play how it comes to rest.
    """

    prefix: Prefix | None
    at: Position
    memory: Any
    faults: int = 0
    preemptions: int = 0
    move: Move | None = None
    key: Hashable = None
    rested: bool = False


class Explorer:
    """Explores one scope of a harness, at once or in parts, between which the harness may explore other scopes.

    Arguments:
        harness: the implementation under its contract.
        scope: what to explore.
        only: look for violations of these properties alone; empty for all.
        seconds: give up so long from now, be it in the middle of a run; None for never.
        reduced: leave out schedules that are equal to others; a test shows that it loses nothing.
        merged: recognise states that were seen before; likewise.
        scripted: play what the code under test was seen to do before, instead of running it again; likewise.
        by_memory: know an idle process by what it has in memory, instead of by all that it has seen; likewise.
        by_answers: play what it does after a statement also on contents on which it was never seen, if the answer is; likewise.
        progress: called now and then with the search so far.
    """

    def __init__(
        self,
        harness: Harness,
        scope: Scope,
        *,
        only: frozenset[str] = frozenset(),
        seconds: float | None = None,
        reduced: bool = True,
        merged: bool = True,
        scripted: bool = True,
        by_memory: bool = True,
        by_answers: bool = True,
        progress: Callable[[Search], None] | None = None,
    ) -> None:
        """Prepare the harness for the scope."""
        self.harness = harness
        self.found = Search(scope, missing=harness.missing(scope))
        self._budget = Budget(seconds)
        self._reduced = reduced
        self._merged = merged
        self._only = only
        self._once = scope.has_one_schedule  # then there is nothing to merge
        self._scripted, self._by_memory, self._by_answers = scripted, by_memory and not self._once, by_answers
        self._progress = progress
        self._queue: list[Pending] = []
        self._faultless = False
        self._ended_well = False
        self.ending: tuple[Decision, ...] = ()
        self._number = 0
        self._offered: set[str] = set()
        if self.found.missing:
            return
        harness.prepare(scope, only)
        harness.looks_into_memory, harness.asks_again = self._by_memory, by_answers
        self._remembered = harness.remembered()

    def explore(self, faults: int | None = None, share: float | None = None) -> Search:
        """Run every schedule, until one breaks something or the time is up. Called again, it goes on where it was.

        Arguments:
            faults: leave schedules with more faults for later; None for all.
            share: leave for later what has not begun within so many seconds; None for no limit.
        """
        if self.found.missing:
            return self.found
        self.recall()
        journal.tell(journal.DOING, "exhaustive search")
        if self._progress is not None:
            self._progress(self.found)
        self.harness.budget = self._budget
        began = time.monotonic() - self.found.seconds
        try:
            with without_collector():
                self._run_all(began, faults, Budget(share))
        except OutOfTime:
            self.found.given_up = True
        finally:
            self.harness.budget = Budget()
            self.found.seconds = time.monotonic() - began
            self._remembered = self.harness.remembered()
        return self.found

    def recall(self) -> None:
        """Prepare the harness again for the scope, with all that it knew of it."""
        self.harness.recall(self._remembered)
        self.harness.looks_into_memory, self.harness.asks_again = self._by_memory, self._by_answers
        self.harness.offered = self._offered

    def _run_all(self, began: float, faults: int | None, share: Budget) -> None:
        """Run one schedule after the other, the cheapest first, as far as it is to go now.

        Raises:
            OutOfTime: the budget is spent.
        """
        found = self.found
        if not found.runs:
            self._run(None)
        while self._queue and found.violation is None:
            self.harness.budget.look()
            found.bound = max(found.bound, self._queue[0].faults - 1)
            if share.is_spent or (faults is not None and self._queue[0].faults > faults):
                return
            try:
                self._run(heapq.heappop(self._queue))
            except Misled:
                self._begin_anew()
            if found.runs % 256 == 0:
                self._pause(began)
        found.complete = found.violation is None and not found.given_up
        if found.complete:
            found.bound = found.scope.faults

    def can_end_well(self, schedule: Sequence[Decision], most: int, until: float = inf) -> bool | None:
        """Whether the world can still come to rest without a violation after `schedule`, without further faults.

        Arguments:
            schedule: the decisions so far.
            most: give up after so many runs.
            until: give up at this time, by the monotonic clock.

        Returns:
            None where it was given up. Where it can, `ending` is the whole schedule of a run that does.
        """
        self._faultless = True
        with without_collector():
            self._run(None, schedule)
            while self._queue and not self._ended_well:
                if self.found.runs >= most or time.monotonic() >= until:
                    return None
                try:
                    self._run(heapq.heappop(self._queue))
                except Misled:
                    return None
        return self._ended_well

    def _pause(self, began: float) -> None:
        gc.collect(1)
        self.found.seconds = time.monotonic() - began
        if self._progress is not None:
            self._progress(self.found)

    def _run(self, pending: Pending | None, schedule: Sequence[Decision] = ()) -> None:
        """Go on from a prefix with the cheapest move, as long as there is something new: as the script says, then for real.

        Raises:
            Misled: the script was wrong.
        """
        self.found.runs += 1
        if pending is None:
            self._go(Course(None, Position(), None), self._real_world(), schedule)
            return
        script, faults, preemptions = self.harness.script, pending.faults, pending.preemptions
        course = Course(pending.prefix, pending.at, pending.memory, faults, preemptions, pending.move)
        if self._plays:
            try:
                self._go(course, self.harness.played())
            except (Missing, AcidtestError):
                pass  # so far and no further
            else:
                if self.found.violation is not None:
                    self._confirm()
                return
        self._go_as_before(course)
        if script.wrong:
            raise Misled

    def _go_as_before(self, course: Course) -> None:
        """Go on from a prefix for real; where code comes to the same in another order, as it does by addresses, try again a few times.

        Raises:
            NondeterminismError: it does not come to what it came to before.
        """
        for left in reversed(range(_TRIES)):
            try:
                self._go(course, self._real_world())
            except ReorderedError as error:
                if not left:
                    raise NondeterminismError(str(error)) from None
                self.found.reordered += 1
            else:
                return

    def _real_world(self) -> World:
        self.found.executed += 1
        return self.harness.recorded() if self._plays else self.harness.world()

    @property
    def _plays(self) -> bool:
        """Whether what is known need not be run again."""
        return self._scripted and self.harness.plays

    def _go(self, course: Course, world: World, schedule: Sequence[Decision] = ()) -> None:
        """Replay what a course has behind it, and let it go on."""
        run = Run(self.harness, world)
        try:
            if course.memory is not None:
                self._replay(run, course)
            if course.key is not None and run.key() != course.key:
                self.harness.script.give_up("it has led to another state", wrong=True)
                return
            for decision in schedule:
                if not self._advance(run, course, Move(decision)):
                    return
            if course.move is None or self._advance(run, course, course.move):
                self._extend(run, course)
        finally:
            run.close()

    def _replay(self, run: Run, course: Course) -> None:
        for node in course.prefix.nodes() if course.prefix is not None else ():
            run.look_at_clock()
            if fingerprint(run, node.decision) != node.fingerprint or not run.world.perform(node.decision):
                complain(run, node.decision, node.fingerprint)
        run.recall(course.memory)

    def _advance(self, run: Run, course: Course, move: Move) -> bool:
        """Perform a move; False where it would have to wait for a lock."""
        step = self._step(run, course.prefix, move)
        if step is None:
            return False
        course.prefix, course.at = step
        course.move = course.key = None
        return True

    def _extend(self, run: Run, course: Course) -> None:
        longest = LONGEST_SCHEDULE + LONGEST_OPERATION * len(run.status)
        for _ in range(longest):
            if run.is_over or (course.key is None and not self._is_new(run, course)):
                break
            course.memory, prefix, at = run.memory(), course.prefix, course.at
            options = moves(run, at, reduced=self._reduced)
            while options and not options[0].faults and not self._advance(run, course, options[0]):
                options = moves(run, at, reduced=self._reduced)  # that one waits for a lock now
            ended = course.prefix is prefix
            if ended:
                self._end(run, course)  # nothing is left but a fault
                if self._ended_well and not self.ending and course.prefix is not None:
                    self.ending = tuple(node.decision for node in course.prefix.nodes())
            self._postpone(options if ended else options[1:], Course(prefix, at, course.memory, course.faults, course.preemptions))
            if ended:
                break
        else:
            if TERMINATION not in self.harness.without:
                run.violation = Violation(TERMINATION, f"a schedule ends within {longest} decisions", None, run.view)
        if run.violation is not None and not self._faultless:
            self.found.violation = run.violation
            self.found.faults = course.faults
            self.found.schedule = [] if course.prefix is None else [node.decision for node in course.prefix.nodes()]

    def _confirm(self) -> None:
        """Run the schedule of a violation that was played for real.

        Raises:
            Misled: nothing is violated there, or something else.
        """
        found, run = self.found, Run(self.harness, self._real_world())
        try:
            for decision in found.schedule:
                if run.violation is not None or not run.perform(decision):
                    break
            if run.violation is None:
                settle(run)
        finally:
            run.close()
        if run.violation is None or found.violation is None or run.violation.property != found.violation.property:
            raise Misled

    def _begin_anew(self) -> None:
        """Forget all that was found, and go by the code alone."""
        found, seconds = self.found, self.found.seconds
        vars(found).update(vars(Search(found.scope, seconds=seconds)))
        self.harness.stop_playing()
        self._queue.clear()
        self.harness.prepare(found.scope, self._only)
        self._offered.clear()
        self.harness.offered = self._offered
        self._run(None)

    def _postpone(self, others: Sequence[Move], where: Course) -> None:
        """Keep moves to be tried later."""
        for move in others:
            if not (move.faults and self._faultless):
                self._number += 1
                cost = where.faults + move.faults, where.preemptions + move.preemptions
                heapq.heappush(self._queue, Pending(*cost, self._number, where.prefix, where.at, move, where.memory))

    def _step(self, run: Run, prefix: Prefix | None, move: Move) -> tuple[Prefix, Position] | None:
        """Perform a move; None where it would have to wait for a lock."""
        decision = move.decision
        about = fingerprint(run, decision)
        if not run.perform(decision):
            return None
        self.found.effects += 1
        if about:
            point = decision.target, decision.effect
            self.found.crash_points.add(point)
            if decision.fault == CRASH:
                self.found.crashed.add(point)
        kind = CRASH if decision.kind == "crash" else decision.mishap or decision.fault
        if kind:
            self.found.fired[kind] = self.found.fired.get(kind, 0) + 1
        return Prefix(prefix, decision, about), follow(run, decision)

    def _is_new(self, run: Run, course: Course) -> bool:
        course.key = len(self.found.states) if self._once else run.key()
        if not self._merged:
            return True
        if course.key in self.found.states:
            return False
        self.found.states.add(course.key)
        return True

    def _end(self, run: Run, course: Course) -> None:
        """No client has anything left to do: come to rest."""
        if not self._settle_as_known(run, course):
            course.rested = True
            settle(run)
            self._ended(run)

    def _ended(self, run: Run) -> None:
        """A run has come to rest."""
        self.found.schedules += 1
        self._ended_well |= not run.is_over
        self.found.finals.add((run.view, run.world.cluster.contents()))
        self.found.outcomes.update(run.status)

    def _settle_as_known(self, run: Run, course: Course) -> bool:
        """Let a real run come to rest as the script says; False where it does not say how, or where something is violated."""
        if run.world.is_played or course.rested or not self._plays:
            return False
        try:
            beside = Run(self.harness, self.harness.played())
        except Missing:
            return False
        try:
            self._replay(beside, course)
            if beside.key() == course.key:
                settle(beside)
                if beside.violation is None:
                    self._ended(beside)
                    return True
        except (Missing, AcidtestError):
            pass
        finally:
            beside.close()
        return False


@contextmanager
def without_collector() -> Iterator[None]:
    """Collect garbage between runs only: a collection inside one could close a connection, and free its locks, at will."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
