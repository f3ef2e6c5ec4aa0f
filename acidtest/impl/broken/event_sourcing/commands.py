"""Mutants of commands on event-sourced accounts: decisions, keys, and what clients are told."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from acidtest.environment import Conflict, Outcome
from acidtest.impl.event_sourcing import DECLINED, SCHEMA, WITHDRAWN, Account, Accounts
from acidtest.impl.event_store import events

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from acidtest.environment import Environment
    from acidtest.impl.event_store import Event


class NoOcc(Accounts):
    """Appends what was decided whatever the version is by then (ES10)."""

    def _append(self, account: str, loaded: Account, event: Event) -> None:  # noqa: ARG002
        self.append(account, None, [event])


class RetriedAsIs(Accounts):
    """Appends the same event again after a conflict, at the version that there is now, and decides nothing anew (ES10)."""

    def _append(self, account: str, loaded: Account, event: Event) -> None:
        try:
            super()._append(account, loaded, event)
        except Conflict:
            self.append(account, None, [event])


class FundsUnchecked(Accounts):
    """Withdraws whatever is asked for: the command side has no rule (ES10)."""

    def _event(self, key: str, amount: int, possible: bool) -> Event:  # noqa: ARG002, FBT001
        return super()._event(key, amount, possible=True)


class ZeroAccepted(Accounts):
    """Takes an amount of zero for a deposit (G4, G12)."""

    def _handle(self, key: str, account: str, amount: int, event: Callable[[str, int, bool], Event]) -> Outcome:
        return super()._handle(key, account, amount, event) if amount else Outcome.OK


class MissingIsEmpty(Accounts):
    """Takes an account that does not exist for one without events, and opens it by a deposit (G1, G4)."""

    def _answer(self, loaded: Account, key: str, amount: int) -> Outcome | None:
        return super()._answer(replace(loaded, version=loaded.version or 1), key, amount)


class LastUnitKept(Accounts):
    """Declines a withdrawal that would leave nothing (G11)."""

    def _is_possible(self, loaded: Account, amount: int) -> bool:
        return loaded.balance + amount > 0


class RejectionForgotten(Accounts):
    """Stores nothing of what was declined, so that it is decided anew when it is asked for again (G7)."""

    def _append(self, account: str, loaded: Account, event: Event) -> None:
        if event[1] != DECLINED:
            super()._append(account, loaded, event)


class PayloadNotCompared(Accounts):
    """Answers whoever uses a key again, whatever the amount is, with the first answer (G4, G7)."""

    def _answer(self, loaded: Account, key: str, amount: int) -> Outcome | None:
        if loaded.version and key in loaded.keys:
            return Outcome(loaded.keys[key][1])
        return super()._answer(loaded, key, amount)


class IdPerAttempt(Accounts):
    """Gives every event an id of its own, and looks for keys among those (G3, G4, G7)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.new_id = env.new_id

    def _event(self, key: str, amount: int, possible: bool) -> Event:  # noqa: FBT001
        return self.new_id(), *super()._event(key, amount, possible)[1:]


class ConflictIsRejection(Accounts):
    """Rejects a command whose append was refused, although it was not decided (G4)."""

    def handle(self, key: str, account: str, amount: int) -> Outcome:
        try:
            return super().handle(key, account, amount)
        except InterruptedError:
            return Outcome.REJECTED

    def _append(self, account: str, loaded: Account, event: Event) -> None:
        try:
            super()._append(account, loaded, event)
        except Conflict as error:
            raise InterruptedError from error


class ErrorIsRejection(Accounts):
    """Rejects a command after an error of the database, also where COMMIT was not answered (G4)."""

    def handle(self, key: str, account: str, amount: int) -> Outcome:
        try:
            return super().handle(key, account, amount)
        except sa.exc.DBAPIError:
            return Outcome.REJECTED


class SwallowedError(Accounts):
    """Logs an error of the database and says ok (G4, ES7)."""

    def append(self, stream: str, expected_version: int | None, new: Sequence[Event]) -> int:
        try:
            return super().append(stream, expected_version, new)
        except sa.exc.DBAPIError:
            return (expected_version or 0) + len(new)


class UndoneAfterCommit(Accounts):
    """Takes an event back when its append ends in an error, also where COMMIT succeeded and only its answer was lost (G5)."""

    def append(self, stream: str, expected_version: int | None, new: Sequence[Event]) -> int:
        try:
            return super().append(stream, expected_version, new)
        except sa.exc.DBAPIError:
            with self.engine.begin() as connection:
                connection.execute(sa.delete(events).where(events.c.stream == stream, events.c.id == new[0][0]))
            raise


class FloatAmounts(Accounts):
    """Stores amounts in major units, as numbers with a fraction (G12)."""

    def _event(self, key: str, amount: int, possible: bool) -> Event:  # noqa: FBT001
        id_, type_, data = super()._event(key, amount, possible)
        return (id_, type_, json.dumps({"amount": -amount / 1.0, "schema": SCHEMA})) if type_ == WITHDRAWN else (id_, type_, data)
