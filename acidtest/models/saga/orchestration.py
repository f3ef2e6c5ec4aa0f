"""The saga with an orchestrator: one process per saga commands the participants, by a durable cursor.

The executor of a saga moves its cursor in one write, and only from where it believes it to be (compare and set). What
the cursor stands at is commanded: a command that is logged and not yet sent cannot be told from one on its way, so the
two are one step here. Commands stay on the wire, so they may come late, out of order and again; one that never comes is
a lost one, for nobody may count on a participant to do its step. Replies are read off the participants' durable marks:
one that was lost is given again. Executors crash; another may take over from one that only seems dead.

A timeout says nothing about the step (PATTERNS 5, N5): the step is compensated as if it had been done. The pivot is
cancelled by its participant, which alone knows whether it was in time.

Sources: Garcia-Molina & Salem, "Sagas", SIGMOD 1987; Kleppmann, "How to do distributed locking", 2016; PATTERNS 5 and 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from acidtest.checker.machine import Action, Model, Transition
from acidtest.models.shared.steps import (
    COMPENSATED,
    COMPLETED,
    DONE,
    PARKED,
    REFUSED,
    RUNNING,
    SETTLED,
    SagaView,
    cancelled,
    in_words,
    marked,
    performed,
    seen,
    view_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

DO, UNDO = "do", "undo"
#: Where a saga stands: the step that is commanded, and in which direction; or how it has ended.
Cursor: TypeAlias = tuple[str, int]
#: The belief of an executor that does not run.
NOWHERE: Cursor = ("", 0)


class Rules(NamedTuple):
    """The rules of the protocol, and what the environment is like."""

    tombstones: bool = True
    idempotent: bool = True
    compare_and_set: bool = True
    durable_cursor: bool = True
    recovery: bool = True
    timeouts: bool = True
    failure_detector: bool = False
    semantic_lock: bool = False
    command_before_log: bool = False
    skip_ambiguous: bool = False
    undo_in_parallel: bool = False
    done_when_sent: bool = False
    late_timer: bool = False
    irreversible: bool = False
    spendable: bool = False
    overdraw: bool = False


class Instance(NamedTuple):
    """One saga."""

    log: Cursor  #: durable
    executors: tuple[Cursor | None, Cursor | None]  #: where each believes the cursor to be; None: it does not run
    wire: frozenset[Cursor]  #: the commands that are out
    marks: str  #: of the participants
    spent: bool = False  #: whether the payee has spent the credit
    stained: bool = False  #: whether step 0 read what another saga had not finished


class OrchestrationState(NamedTuple):
    """All sagas, and how many crashes and takeovers there were."""

    sagas: tuple[Instance, ...]
    faults: int = 0


class Orchestration(Model[OrchestrationState]):
    """Orchestrated sagas side by side.

    Arguments:
        sagas: how many.
        steps: of each.
        pivot: the last step that may be refused.
        faults: how many crashes and takeovers there may be in all.
        rules: those of `Rules` that are not at their default.
    """

    name = "SagaOrchestration"
    faults = frozenset({"T", "Refuse", "Crash", "TakeOver", "Spend"})

    def __init__(self, sagas: int, steps: int, pivot: int, faults: int = 1, **rules: bool) -> None:
        """Set the size, and which rules are off."""
        self.sagas, self.steps, self.pivot, self.max_faults = sagas, steps, pivot, faults
        self.rules = Rules(**rules)

    def initial_states(self) -> list[OrchestrationState]:
        """Start with the first step of each saga commanded."""
        start = (DO, 0)
        instance = Instance(start, (start, None), frozenset({start}), "-" * self.steps)
        return [OrchestrationState((instance,) * self.sagas)]

    def transitions(self) -> Sequence[Transition]:
        """Participants, executors, and what befalls them."""
        rules, faulty, sagas = self.rules, self.max_faults > 0, range(self.sagas)
        each = [(saga,) for saga in sagas]
        fallible = [(saga, step) for saga in sagas for step in range(self.pivot + 1)]
        retriable = [(saga, step) for saga in sagas for step in range(self.pivot + 1, self.steps)]
        executors = [(saga, executor) for saga in sagas for executor in range(2)]
        table = (
            (True, Transition("T", self.do, fallible)),
            (retriable, Transition("TRetriable", self.do, retriable)),
            (True, Transition("Refuse", self.refuse, fallible)),
            (True, Transition("C", self.undo, fallible)),
            (True, Transition("Advance", self.advance, executors)),
            (True, Transition("TurnBack", self.turn_back, executors)),
            (True, Transition("Retreat", self.retreat, executors)),
            (rules.timeouts, Transition("Timeout", self.timeout, executors)),
            (faulty, Transition("Crash", self.crash, executors)),
            (faulty, Transition("TakeOver", self.take_over, each)),
            (faulty and rules.recovery, Transition("Restart", self.restart, each)),
            (faulty and rules.compare_and_set, Transition("Reload", self.reload, executors)),
            (rules.command_before_log, Transition("Log", self.write_log, executors)),
            (rules.irreversible or rules.spendable, Transition("Park", self.park, executors)),
            (rules.spendable, Transition("Spend", self.spend, each)),
        )
        return [transition for exists, transition in table if exists]

    # Participants: each knows its own mark, what it was commanded, and the rows of its own database.

    def do(self, state: OrchestrationState, saga: int, step: int) -> OrchestrationState | None:
        """Do the step, if the command is there and nothing bars it."""
        one = state.sagas[saga]
        mark = performed(one.marks[step], idempotent=self.rules.idempotent) if (DO, step) in one.wire else None
        if mark is None:
            return None
        # The row of the payer says which sagas are not done with it: each clears its mark as it ends.
        pending = step == 0 and any(o.marks[0] == "T" and o.log[0] in {DO, UNDO} for o in state.sagas if o is not one)
        if pending and self.rules.semantic_lock:
            return None
        return self._with(state, saga, one._replace(marks=marked(one.marks, step, mark), stained=one.stained or pending))

    def refuse(self, state: OrchestrationState, saga: int, step: int) -> OrchestrationState | None:
        """Say no, for good, by a rule of the business."""
        one = state.sagas[saga]
        if (DO, step) not in one.wire or one.marks[step] != "-":
            return None
        return self._with(state, saga, one._replace(marks=marked(one.marks, step, "N")))

    def undo(self, state: OrchestrationState, saga: int, step: int) -> OrchestrationState | None:
        """Compensate the step, or bar it; a pivot that is done stays done."""
        one = state.sagas[saga]
        if (UNDO, step) not in one.wire or self._cannot_undo(one, step) or (step == self.pivot and one.marks[step] == "T"):
            return None
        mark = cancelled(one.marks[step], idempotent=self.rules.idempotent, tombstones=self.rules.tombstones)
        return mark and self._with(state, saga, one._replace(marks=marked(one.marks, step, mark)))  # type: ignore[return-value]

    def spend(self, state: OrchestrationState, saga: int) -> OrchestrationState | None:
        """The payee spends what step 1 has credited."""
        one = state.sagas[saga]
        return None if one.spent or one.marks[1] != "T" else self._with(state, saga, one._replace(spent=True))

    def _cannot_undo(self, one: Instance, step: int) -> bool:
        """Whether the participant of a step that is done answers that it cannot be compensated."""
        gone = (step == 0 and self.rules.irreversible) or (step == 1 and one.spent and not self.rules.overdraw)
        return gone and one.marks[step] == "T"

    # Executors: each knows where it believes the cursor to be, and the answers to its commands.

    def advance(self, state: OrchestrationState, saga: int, executor: int) -> OrchestrationState | None:
        """The step is done: command the next, or say that the saga is completed."""
        one, (direction, step) = self._belief(state, saga, executor)
        if direction != DO or one.marks[step] not in DONE:
            return None
        return self._move(state, saga, executor, (DO, step + 1) if step + 1 < self.steps else (COMPLETED, step))

    def turn_back(self, state: OrchestrationState, saga: int, executor: int) -> OrchestrationState | None:
        """The step is refused: compensate those before it."""
        one, (direction, step) = self._belief(state, saga, executor)
        if direction != DO or one.marks[step] not in REFUSED:
            return None
        return self._move(state, saga, executor, _back(step - 1))

    def timeout(self, state: OrchestrationState, saga: int, executor: int) -> OrchestrationState | None:
        """No answer came: compensate this step too, for it may have been done; cancel the pivot and see."""
        one, (direction, step) = self._belief(state, saga, executor)
        if self.rules.late_timer and direction == COMPLETED:
            return self._move(state, saga, executor, _back(self.pivot - 1))
        if direction != DO or step > self.pivot:
            return None
        if step == self.pivot:
            cancel = one.wire | {(UNDO, step)}
            return None if cancel == one.wire else self._with(state, saga, one._replace(wire=cancel))
        return self._move(state, saga, executor, _back(step - 1 if self.rules.skip_ambiguous else step))

    def retreat(self, state: OrchestrationState, saga: int, executor: int) -> OrchestrationState | None:
        """The step is compensated: go on with the one before, or say that the saga is compensated."""
        one, (direction, step) = self._belief(state, saga, executor)
        if direction != UNDO or not (one.marks[step] in SETTLED or self.rules.done_when_sent):
            return None
        return self._move(state, saga, executor, _back(step - 1))

    def park(self, state: OrchestrationState, saga: int, executor: int) -> OrchestrationState | None:
        """The participant answers that it cannot compensate: leave the saga to people."""
        one, (direction, step) = self._belief(state, saga, executor)
        if direction != UNDO or not self._cannot_undo(one, step):
            return None
        return self._move(state, saga, executor, (PARKED, step))

    def write_log(self, state: OrchestrationState, saga: int, executor: int) -> OrchestrationState | None:
        """Make durable what has been commanded already."""
        one, at = self._belief(state, saga, executor)
        return None if at in (one.log, NOWHERE) else self._with(state, saga, one._replace(log=at))

    def reload(self, state: OrchestrationState, saga: int, executor: int) -> OrchestrationState | None:
        """Its write was refused, so it reads where the cursor is."""
        one, at = self._belief(state, saga, executor)
        return None if at in (one.log, NOWHERE) else self._with(state, saga, _believing(one, executor, one.log))

    def crash(self, state: OrchestrationState, saga: int, executor: int) -> OrchestrationState | None:
        """Lose an executor's memory."""
        one = state.sagas[saga]
        if one.executors[executor] is None or state.faults == self.max_faults:
            return None
        return self._with(state, saga, _believing(one, executor, None), fault=1)

    def restart(self, state: OrchestrationState, saga: int) -> OrchestrationState | None:
        """The first executor comes back, and goes on from the cursor."""
        one = state.sagas[saga]
        if one.executors[0] is not None:
            return None
        log = one.log if self.rules.durable_cursor else (DO, 0)
        return self._with(state, saga, _believing(one._replace(log=log), 0, log))

    def take_over(self, state: OrchestrationState, saga: int) -> OrchestrationState | None:
        """A second executor starts, because the first seems dead: nobody can tell it from a slow one."""
        one = state.sagas[saga]
        known = one.executors[0] is not None and self.rules.failure_detector
        if one.executors[1] is not None or known or state.faults == self.max_faults:
            return None
        return self._with(state, saga, _believing(one, 1, one.log), fault=1)

    def _belief(self, state: OrchestrationState, saga: int, executor: int) -> tuple[Instance, Cursor]:
        one = state.sagas[saga]
        return one, one.executors[executor] or NOWHERE

    def _move(self, state: OrchestrationState, saga: int, executor: int, to: Cursor) -> OrchestrationState | None:
        """Write the cursor, which is refused where another executor has moved it, and send the command."""
        one = _believing(state.sagas[saga], executor, to)
        if not self.rules.command_before_log:
            if self.rules.compare_and_set and state.sagas[saga].executors[executor] != one.log:
                return None
            one = one._replace(log=to)
        out = [to] if to[0] in {DO, UNDO} else []
        if to[0] == UNDO and self.rules.undo_in_parallel:
            out = [(UNDO, step) for step in range(to[1] + 1)]
        return self._with(state, saga, one._replace(wire=one.wire.union(out)))

    def _with(self, state: OrchestrationState, saga: int, one: Instance, fault: int = 0) -> OrchestrationState:
        return OrchestrationState((*state.sagas[:saga], one, *state.sagas[saga + 1 :]), state.faults + fault)

    def view(self, state: OrchestrationState) -> SagaView:
        """Show what the participants have done, and what the orchestrator's log says."""
        spent = sum(one.spent for one in state.sagas)
        return view_of((seen(one.marks, self.pivot, outcome(one)) for one in state.sagas), spent)._replace(
            faults=state.faults,
            phantom=any(one.log[0] == DO and (DO, one.log[1] + 1) in one.wire for one in state.sagas),
            stained=tuple(one.stained for one in state.sagas),
            log=tuple(one.log for one in state.sagas),
            executors=tuple(sum(at is not None for at in one.executors) for one in state.sagas),
        )

    def shown(self, state: OrchestrationState) -> OrchestrationState:
        """The marks in words."""
        return state._replace(sagas=tuple(one._replace(marks=in_words(one.marks)) for one in state.sagas))  # type: ignore[arg-type]

    def actor(self, action: Action) -> str:
        """A participant, an executor or the payee."""
        if action.name in {"T", "TRetriable", "C", "Refuse"}:
            return f"participant {action.args[1]}"
        second = action.name == "TakeOver" or action.args[1:] == (1,)
        return "payee" if action.name == "Spend" else f"executor {int(second)}"


def outcome(one: Instance) -> str:
    """What the orchestrator says of a saga."""
    return RUNNING if one.log[0] in {DO, UNDO} else one.log[0]


def _back(step: int) -> Cursor:
    """Where the cursor goes to compensate everything up to a step."""
    return (UNDO, step) if step >= 0 else (COMPENSATED, 0)


def _believing(one: Instance, executor: int, at: Cursor | None) -> Instance:
    return one._replace(executors=(at, one.executors[1]) if executor == 0 else (one.executors[0], at))
