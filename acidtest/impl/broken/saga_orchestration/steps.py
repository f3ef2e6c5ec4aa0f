"""Mutants of the steps: what is commanded, in which order, and what an answer, or none, is taken for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from acidtest.environment import CallRefused, CallTimeout, Outcome
from acidtest.impl.saga_orchestration import (
    COMPENSATED,
    COMPLETED,
    DO,
    PIVOT,
    SERVICES,
    UNDO,
    Cursor,
    Orchestrator,
    Row,
    orders,
    overdue,
)

if TYPE_CHECKING:
    from acidtest.environment import Reply

# Which way it goes.


class StepSkippedOnTimeout(Orchestrator):
    """Turns back with the step before the one that was not answered, which may have been done (S10)."""

    def _turn(self, row: Row) -> Cursor:
        return self._back(row.step)


class PivotNotBarred(Orchestrator):
    """Turns back with the step before the pivot where that was not answered, for it cannot be undone (S5)."""

    def _turn(self, row: Row) -> Cursor:
        return self._back(row.step) if row.step == PIVOT else super()._turn(row)


class PivotPresumedDone(Orchestrator):
    """Takes a pivot for done that was not answered in time, and goes forward (S2)."""

    def _turn(self, row: Row) -> Cursor:
        return self._forward(row.step) if row.step == PIVOT else super()._turn(row)


class TailTurnedBack(Orchestrator):
    """Turns back what is past its deadline, also past the pivot, with the last step that can be undone (S5)."""

    def _is_late(self, row: Row, now: float) -> bool:
        return bool(row.direction == DO and row.deadline <= now)

    def _turn(self, row: Row) -> Cursor:
        return Cursor(UNDO, min(row.step, PIVOT - 1)) if row.step > PIVOT else super()._turn(row)


class TailNotRepeated(Orchestrator):
    """Does not repeat the last step where it is not answered: the service will have got it (S5.tail)."""

    overdue = overdue.where(sa.or_(orders.c.direction != DO, orders.c.step <= PIVOT))


class ForwardCompensation(Orchestrator):
    """Compensates from the first step to the last (S2)."""

    def _turn(self, row: Row) -> Cursor:  # noqa: ARG002 - wherever it stands
        return Cursor(UNDO, 0)

    def _next(self, row: Row, answer: Outcome) -> Cursor:
        if row.direction == DO and answer != Outcome.OK:
            return Cursor(UNDO, 0)
        if row.direction == UNDO and answer == Outcome.OK:
            return Cursor(UNDO, row.step + 1) if row.step < PIVOT else Cursor(COMPENSATED, 0)
        return super()._next(row, answer)


class OnlyLastStepUndone(Orchestrator):
    """Compensates the last step that was done, and no other (S10)."""

    def _next(self, row: Row, answer: Outcome) -> Cursor:
        if row.direction == UNDO and answer == Outcome.OK:
            return Cursor(COMPENSATED, 0)
        return super()._next(row, answer)


class TwoStepsAtOnce(Orchestrator):
    """Reserves the goods before the payment is answered, to save time (S2)."""

    def _command(self, row: Row) -> Outcome:
        if (row.direction, row.step) == (DO, 0):
            self.call("stock", DO, self._operation(row), row.key, row.item, row.quantity)
        return super()._command(row)


class LastStepForgotten(Orchestrator):
    """Stops one step short: the order counts as filled before it is shipped (S1)."""

    def _forward(self, step: int) -> Cursor:
        return super()._forward(step) if step < PIVOT else Cursor(COMPLETED, step)


class CompletedAtPivot(Orchestrator):
    """Says that an order is filled as soon as the pivot is done, and nothing can go wrong any more (S1)."""

    def status(self, key: str) -> str | None:
        row = self._find(key)
        return "completed" if row is not None and (row.direction, row.step) == (DO, PIVOT + 1) else super().status(key)


# What an answer is taken for.


class AnswerIsTruthy(Orchestrator):
    """Asks `if answer`, and every answer is a text: a refusal is taken for a yes (S2, S5)."""

    def _next(self, row: Row, answer: Outcome) -> Cursor:
        return super()._next(row, Outcome.OK if answer else Outcome.REJECTED)


class PivotRefusalIgnored(Orchestrator):
    """Goes on to compensate although the pivot has refused to be undone (S5)."""

    def _next(self, row: Row, answer: Outcome) -> Cursor:
        return self._back(row.step) if row.direction == UNDO else super()._next(row, answer)


class RefusalParks(Orchestrator):
    """Leaves an order that a service refuses to people, as if that were an error (S10)."""

    def _next(self, row: Row, answer: Outcome) -> Cursor:
        refused = row.direction == DO and answer != Outcome.OK
        return Cursor("parked", row.step) if refused else super()._next(row, answer)


class SilenceParks(Orchestrator):
    """Leaves every order to people that is not answered, also past the pivot, and with a command under way (S5, S8)."""

    def _command(self, row: Row) -> Outcome:
        try:
            return super()._command(row)
        except CallTimeout:
            self._move(row, Cursor("parked", row.step))
            raise


class TailParks(Orchestrator):
    """Leaves an order to people whose shipping is not answered, although it can only be completed (S5)."""

    def _command(self, row: Row) -> Outcome:
        try:
            return super()._command(row)
        except CallTimeout:
            if row.step > PIVOT:
                self._move(row, Cursor("parked", row.step))
            raise


class ParkedGoesOn(Orchestrator):
    """Leaves an order to people that is not answered before the pivot, and goes on with it when the answer comes (S8)."""

    def _command(self, row: Row) -> Outcome:
        try:
            return super()._command(row)
        except CallTimeout:
            if row.step < PIVOT:
                self._move(row, Cursor("parked", row.step))
            raise

    def on_reply(self, reply: Reply) -> None:
        """Take up the order again."""
        row = self._find(reply.arguments[1])
        if row is not None and row.direction == "parked" and SERVICES[row.step] == reply.service:
            self._drive(self._move(row, self._forward(row.step)))
        else:
            super().on_reply(reply)


class TimeoutIsFailure(Orchestrator):
    """Takes no answer for a refusal: there is nothing to compensate of that step (S10)."""

    def _command(self, row: Row) -> Outcome:
        try:
            return super()._command(row)
        except CallTimeout:
            if row.direction == DO:
                return Outcome.REJECTED
            raise


class TimeoutIsSuccess(Orchestrator):
    """Takes no answer for a yes: the service will have got it (S2)."""

    def _command(self, row: Row) -> Outcome:
        try:
            return super()._command(row)
        except CallTimeout:
            return Outcome.OK


class RefusalIsNoAnswer(Orchestrator):
    """Takes a refusal for an error that passes, and is patient as long as it is answered (G6)."""

    def _command(self, row: Row) -> Outcome:
        answer = super()._command(row)
        if row.direction == DO and answer != Outcome.OK:
            raise CallRefused(row.key)
        return answer

    def _is_late(self, row: Row, now: float) -> bool:  # noqa: ARG002 - however long it takes
        return False


class TailErrorTurnsBack(Orchestrator):
    """Turns back where the last step has failed, with the last step that can be undone (S5)."""

    def _command(self, row: Row) -> Outcome:
        try:
            return super()._command(row)
        except CallRefused:
            if row.step > PIVOT:
                self._drive(self._move(row, Cursor(UNDO, PIVOT - 1)))
            raise


class CompensationErrorSwallowed(Orchestrator):
    """Logs that a compensation has failed, and goes on (S2, S10)."""

    def _command(self, row: Row) -> Outcome:
        try:
            return super()._command(row)
        except (CallRefused, CallTimeout):
            if row.direction == UNDO:
                return Outcome.OK
            raise


# What is recorded when.


class CompensatedOnSend(Orchestrator):
    """Marks an order as compensated when it sends the last compensation (S10)."""

    def _command(self, row: Row) -> Outcome:
        if (row.direction, row.step) == (UNDO, 0):
            self._move(row, Cursor(COMPENSATED, 0))
        return super()._command(row)


class CursorAhead(Orchestrator):
    """Moves the cursor on before it sends the command: after a crash the step is skipped (S2, S10)."""

    def _drive(self, row: Row | None) -> None:
        while row is not None and row.direction in (DO, UNDO):
            last = row.direction == DO and row.step == len(SERVICES) - 1
            ahead = row if last else self._move(row, self._next(row, Outcome.OK))
            try:
                answer = self._command(row)
            except (CallRefused, CallTimeout):
                return
            sure = not last and answer == Outcome.OK
            row = ahead if sure or ahead is None else self._move(ahead, self._next(row, answer))


class CursorInMemory(Orchestrator):
    """Keeps the cursor in memory while it goes forward: after a crash it turns back where it began (S2, S10)."""

    def _drive(self, row: Row | None) -> None:
        if row is None or row.direction != DO:
            return super()._drive(row)
        here: Row = row
        cursor = Cursor(here.direction, here.step)
        while cursor.direction == DO:
            standing = _at(here, cursor)
            try:
                answer = self._command(standing)
            except (CallRefused, CallTimeout):
                return None
            cursor = self._next(standing, answer)
        return super()._drive(self._move(here, cursor))


def _at(row: Row, cursor: Cursor) -> Row:
    """The row of an order as if its cursor stood there."""
    return SimpleNamespace(**{**row._asdict(), **cursor._asdict()})
