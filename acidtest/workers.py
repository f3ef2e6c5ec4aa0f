"""Several pieces of work at once, each in a process of its own, here or elsewhere.

What comes out is the same for any number of workers: pieces know nothing of one another, and their answers are taken in the order
of the pieces, whichever is ready first. A worker that dies takes nothing with it but its own piece, which is done again here.
"""

from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from acidtest import supervisor
from acidtest.supervised import longest_silence
from acidtest.world.core.patience import look_at_waiting
from acidtest.world.databases.folders import sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from acidtest.supervisor import Child

T = TypeVar("T")


class Team(Protocol):
    """Those who do pieces of work, which are known by their numbers."""

    def answer(self, number: int) -> tuple[Any] | None:
        """Wait for the answer to a piece, in a tuple; None where there is none, so that the piece has to be done here."""

    def end(self) -> None:
        """Whatever is still done is wanted no more."""


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(pieces: Sequence[Callable[[], T]], workers: int, costs: Sequence[float] = ()) -> Generator[T, None, None]:
    """Do pieces of work, several at once.

    Arguments:
        pieces: what to do. An answer that cannot be pickled, and an error, come from a second time, in this process.
        workers: how many at once; with one, each is done here when its answer is asked for.
        costs: what each may cost, where that is known: the dearest begin first.

    Yields:
        their answers, in the order of the pieces. Who asks for no more ends what is still done.
    """
    if workers < 2 or len(pieces) < 2 or not supervisor.can_supervise():  # noqa: PLR2004 - one alone
        for piece in pieces:
            yield piece()
        return
    yield from answers_of(_Children(pieces, workers, costs), pieces)


def answers_of(team: Team, pieces: Sequence[Callable[[], T]]) -> Generator[T, None, None]:
    """The answers of a team, in the order of the pieces.

    Arguments:
        team: does them.
        pieces: the same, to be done here where the team has no answer.
    """
    try:
        for number, piece in enumerate(pieces):
            answer: tuple[T] | None = team.answer(number)
            yield piece() if answer is None else answer[0]
    finally:
        team.end()


class _Children:
    """Child processes, so many at once."""

    def __init__(self, pieces: Sequence[Callable[[], Any]], workers: int, costs: Sequence[float]) -> None:
        self._pieces, self._workers = pieces, workers
        order = range(len(pieces))
        self._waiting = sorted(order, key=lambda number: -costs[number]) if costs else list(order)
        self._running: dict[int, Child[bytes | None]] = {}
        self._done: dict[int, bytes | None] = {}

    def answer(self, number: int) -> tuple[Any] | None:
        """The answer to a piece, in a tuple; None where there is none."""
        while number not in self._done:
            while self._waiting and len(self._running) < self._workers:
                self._start(self._waiting.pop(0))
            supervisor.wait(list(self._running.values()))
            self._collect()
        answer = self._done.pop(number)
        return unpacked(answer)

    def end(self) -> None:
        """Whatever is still done is wanted no more."""
        for child in self._running.values():
            child.kill()
            child.close()
        if self._running:
            sweep()

    def _start(self, number: int) -> None:
        child = supervisor.Child(lambda: answered(self._pieces[number]), longest_silence(), look_at_waiting)
        self._running[number] = child
        child.start()

    def _collect(self) -> None:
        for number, child in list(self._running.items()):
            if child.has_ended(0.0):
                self._done[number] = child.ended().answer
                child.close()
                del self._running[number]


def answered(piece: Callable[[], Any]) -> bytes | None:
    """The answer to a piece as it can be sent; None where it cannot, and where there is an error instead."""
    try:
        return pickle.dumps((piece(),))
    except Exception:  # noqa: BLE001 - it is told by who does the piece again
        return None


def unpacked(answer: bytes | None) -> tuple[Any] | None:
    """What `answered` has packed."""
    found: tuple[Any] | None = None if answer is None else pickle.loads(answer)  # noqa: S301 - our own
    return found
