"""What a statement leaves on contents on which the code was never seen, told by what it left on others.

What code does after a statement depends on what its process had seen and on the answer, and on the contents only through the answer.
So where the same was asked on other contents, and a copy of the database gives the same answer on both, the same was left; only
contents and what transactions see of them have other numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.world.core.backend import Answer
from acidtest.world.core.effects import CRASH, DEADLOCK, LOST, REFUSED, UNACKNOWLEDGED
from acidtest.world.script.script import BLOCKED, DIED, READ, Missing, Outcome, Performed, Statement

if TYPE_CHECKING:
    from collections.abc import Hashable

    from acidtest.world.core.backend import Pin
    from acidtest.world.core.cluster import Cluster
    from acidtest.world.script.script import Script

#: Where one of these befalls a statement, it has not run; its caller is told the same wherever the reply was lost.
_DID_NOT_RUN = REFUSED, LOST, DEADLOCK


class _Ambiguous(Exception):  # noqa: N818 - never leaves this module
    """Which contents are meant cannot be told."""


class Answers:
    """What statements answer on the contents of a cluster.

    Arguments:
        script: what is known of the code.
        cluster: its databases; as long as they stay, so do the numbers of their contents.
    """

    def __init__(self, script: Script, cluster: Cluster) -> None:
        """Ask nothing yet."""
        self._script = script
        self._cluster = cluster
        self._seen: dict[Hashable, dict[Hashable, Performed]] = {}
        self._read: dict[Hashable, int] = {}

    def known(self, key: Performed, statement: Statement) -> Outcome:
        """What a statement leaves: as it was seen, or as it must be; the script knows it from now on.

        Arguments:
            key: by what it is found.
            statement: what is performed.

        Raises:
            Missing: nobody knows.
        """
        outcome = self._script.outcome(key)
        if outcome is None:
            if statement.query is None:
                raise Missing
            outcome = self._find(key, statement)
            self._script.learn(key, outcome)
        return outcome

    def _find(self, key: Performed, statement: Statement) -> Outcome:
        """What it leaves.

        Raises:
            Missing: it is not known.
        """
        if key.fault not in _DID_NOT_RUN and key.holders:
            return self._blocked(key, statement)
        if key.fault == CRASH:
            return self._died(key, statement)
        try:
            return self._as_elsewhere(key, statement)
        except Missing:
            if key.fault != UNACKNOWLEDGED:
                raise
        lost = self.known(key._replace(fault=LOST), statement)
        return lost._replace(changes=self._committed(key, statement).changes)

    def _blocked(self, key: Performed, statement: Statement) -> Outcome:
        """It waits for those for whom others were seen to wait; nothing has happened then.

        Raises:
            Missing: nobody was, or they wait no more.
        """
        if not self._script.blocks(statement.database, key.holders):
            raise Missing
        return Outcome(BLOCKED, key.digest, key.pins, key.holds)

    def _died(self, key: Performed, statement: Statement) -> Outcome:
        """Its process has died: of the code nothing goes on.

        Raises:
            Missing: what it has committed is not known.
        """
        if statement.effect.kind == READ:
            self._answer(key, statement)  # it does not fail
            return Outcome(DIED, 0, (), (), effects=1)
        done = self._committed(key, statement)
        return Outcome(DIED, 0, (), (), done.changes, effects=1, touched=done.touched)

    def _committed(self, key: Performed, statement: Statement) -> Outcome:
        """What the statement leaves without any fault.

        Raises:
            Missing: it is not known; or it fails, or is not over as long as nobody reads its rows.
        """
        answer = self._answer(key, statement)
        done = self.known(key._replace(fault=""), statement)
        if answer.rows or done.disturbances or done.action is BLOCKED:
            raise Missing
        return done

    def _as_elsewhere(self, key: Performed, statement: Statement) -> Outcome:
        """What it has left where it was answered the same.

        Raises:
            Missing: nowhere, or it cannot be told.
        """
        answer = self._answer(key, statement)
        like = self._like(key, answer, statement)
        try:
            return _moved(self._script.after(like), _Moves(like, key, statement.database), answer, key.content)
        except _Ambiguous:
            raise Missing from None

    def _like(self, here: Performed, answer: Answer, statement: Statement) -> Performed:
        """Where the same was answered.

        Raises:
            Missing: nowhere.
        """
        alike = self._script.alike(here, statement)
        place = statement.database, statement.query, here.shape()
        seen, read = self._seen.setdefault(place, {}), self._read.get(place, 0)
        self._read[place] = len(alike)
        for key in alike[read:]:
            try:
                seen.setdefault(self._answer(key, statement).seen, key)
            except Missing:
                continue
        try:
            return seen[answer.seen]
        except KeyError:
            raise Missing from None

    def _answer(self, key: Performed, statement: Statement) -> Answer:
        """What the statement answers.

        Raises:
            Missing: nobody can say.
        """
        if key.fault in _DID_NOT_RUN:
            return Answer(b"", key.content)
        database = next(known for known in self._cluster.databases() if known.name == statement.database)
        answer = database.answer(statement.query, _base(key, statement.database))
        if answer is None:
            raise Missing
        return answer


def _base(key: Performed, database: str) -> int:
    """The contents that a statement sees: those that its transaction has begun with, or what is committed.

    Raises:
        Missing: several transactions of its process see contents of that database.
    """
    pinned = [pin.content for pins in key.pins for pin in pins if pin.database == database]
    if len(pinned) > 1 or (not pinned and key.content is None):
        raise Missing
    return pinned[0] if pinned else key.content  # type: ignore[return-value]  # one of both is there


class _Moves:
    """Which contents here are in the place of which there."""

    def __init__(self, there: Performed, here: Performed, database: str) -> None:
        """Compare what is seen there and here.

        Raises:
            _Ambiguous: one there is in the place of two here.
        """
        self._here: dict[tuple[str, int], int] = {}
        if there.content is not None and here.content is not None:
            self._note(database, there.content, here.content)
        for pins, others in zip(there.pins, here.pins, strict=True):
            for pin, other in zip(pins, others, strict=True):
                self._note(pin.database, pin.content, other.content)

    def _note(self, database: str, there: int, here: int) -> None:
        if self._here.setdefault((database, there), here) != here:
            raise _Ambiguous

    def pin(self, pin: Pin) -> Pin:
        """What a transaction sees here that saw that there.

        Raises:
            _Ambiguous: it is not known.
        """
        content = self._here.get((pin.database, pin.content))
        if content is None:
            raise _Ambiguous
        return pin._replace(content=content)


def _moved(outcome: Outcome, moves: _Moves, answer: Answer, content: int | None) -> Outcome:
    """What was left there, as it is left here.

    Raises:
        _Ambiguous: that cannot be told.
    """
    if outcome.late is not None or len(outcome.changes) > 1:
        raise _Ambiguous
    if not outcome.changes and outcome.action is not BLOCKED and answer.content not in (None, content):
        raise _Ambiguous
    pins: Any = tuple([tuple([moves.pin(pin) for pin in pins]) for pins in outcome.pins])
    changes = outcome.changes
    if changes:
        (change,) = changes
        if answer.content is None:
            raise _Ambiguous
        changes = (change._replace(content=answer.content),)
    return outcome._replace(pins=pins, changes=changes)
