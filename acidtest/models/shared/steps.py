"""What a saga consists of: steps that are done, refused, undone or barred, and what an outsider sees of them.

A saga is T1..Tn with compensations C1..Cn (Garcia-Molina & Salem, "Sagas", SIGMOD 1987). The steps before the pivot can
be compensated; the pivot is the last that may be refused; those after it are retried until they are done. Step 0 debits
a payer, step 1 credits a payee, each by one unit; the others move no money.

A participant keeps one durable mark per step, `MARKS`, and answers from it; the marks of a saga are a string. What it
does with a command depends on two rules: it knows a command that comes again, and a compensation of what was never done
bars the step, which leaves a tombstone.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Kind, Property

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

RUNNING, COMPLETED, COMPENSATED, PARKED = "running", "completed", "compensated", "parked"

#: The marks: how often the step took effect, how often its compensation did, and what that means.
MARKS = {
    "-": (0, 0, "nothing has come"),
    "T": (1, 0, "done"),
    "C": (1, 1, "done and undone"),
    "N": (0, 0, "refused, by a business rule"),
    "X": (0, 0, "barred by a tombstone: it was cancelled before it came"),
    "A": (0, 0, "cancelled before it came, and nothing remembers (a bug)"),
    "H": (1, 0, "done after it was cancelled: it hangs (a bug)"),
    "2": (2, 0, "done twice (a bug)"),
    "D": (1, 2, "undone twice (a bug)"),
    "L": (2, 1, "done twice and undone once (a bug)"),
    "B": (0, 1, "undone without having been done (a bug)"),
}
#: The same in a word or two, where a run is shown.
WORDS = {
    "-": "nothing", "T": "done", "C": "undone", "N": "refused", "X": "barred", "A": "cancelled", "H": "done after cancelled",
    "2": "done twice", "D": "undone twice", "L": "done twice, undone once", "B": "undone, never done",
}  # fmt: skip
#: For who looks at a drawing.
LEGEND = "The marks: " + "; ".join(f"{mark} {meaning}" for mark, (_, _, meaning) in MARKS.items())
#: Done at some time, so that the answer to the command is yes.
DONE = frozenset("TC2DLH")
#: Refused for good, so that the answer to the command is no.
REFUSED = frozenset("NX")
#: Nothing to compensate any more, so that the answer to a compensation is yes.
SETTLED = frozenset("NXCADLHB")
#: Cancelled before it was done.
CANCELLED = frozenset("XAHB")


def performed(mark: str, *, idempotent: bool = True) -> str | None:
    """The mark after the command to do the step; None where that changes nothing."""
    if mark == "T" and not idempotent:
        return "2"
    return {"-": "T", "A": "H"}.get(mark)


def cancelled(mark: str, *, idempotent: bool = True, tombstones: bool = True) -> str | None:
    """The mark after the command to compensate the step; None where that changes nothing."""
    if mark == "C" and not idempotent:
        return "D"
    return {"T": "C", "2": "L", "-": "X" if tombstones else "A"}.get(mark)


def in_words(marks: str) -> tuple[str, ...]:
    """The marks as a run shows them."""
    return tuple(WORDS[mark] for mark in marks)


def marked(marks: str, step: int, mark: str) -> str:
    """Change the mark of one step."""
    return marks[:step] + mark + marks[step + 1 :]


class SagaSeen(NamedTuple):
    """What an outsider sees of one saga: how often each step took effect and was compensated."""

    pivot: int
    did: tuple[int, ...]
    undid: tuple[int, ...]
    cancelled: tuple[bool, ...]  #: whether the compensation came before the step
    outcome: str  #: as whoever answers for the saga says


class SagaView(NamedTuple):
    """What an outsider sees.

    Arguments:
        sagas: one by one.
        payer: the balance of the account that step 0 debits; `opening` at the start.
        payee: the balance of the account that step 1 credits; 0 at the start.
        opening: of the payer.
        spent: how much of what was credited the payee has spent.
        faults: crashes and takeovers so far.
        phantom: whether a command or event is out that nothing durable backs.
        stained: of each saga, whether its first step read what another had done and not finished.
        log: of each saga, the durable cursor of its orchestrator.
        executors: of each saga, how many executors believe that it is theirs.
    """

    sagas: tuple[SagaSeen, ...]
    payer: int
    payee: int
    opening: int
    spent: int = 0
    faults: int = 0
    phantom: bool = False
    stained: tuple[bool, ...] = ()
    log: tuple[tuple[str, int], ...] = ()
    executors: tuple[int, ...] = ()


@lru_cache(maxsize=4096)
def seen(marks: str, pivot: int, outcome: str) -> SagaSeen:
    """What an outsider sees of one saga."""
    did, undid, _ = zip(*(MARKS[mark] for mark in marks), strict=True)
    return SagaSeen(pivot, did, undid, tuple(mark in CANCELLED for mark in marks), outcome)


def view_of(sagas: Iterable[SagaSeen], spent: int = 0) -> SagaView:
    """The balances that follow from the steps: nobody keeps them elsewhere."""
    known = tuple(sagas)
    payer = len(known) - sum(saga.did[0] - saga.undid[0] for saga in known)
    payee = sum(saga.did[1] - saga.undid[1] for saga in known) - spent
    return SagaView(known, payer, payee, len(known), spent)


def of_sagas(  # noqa: PLR0913 - the fields of a property
    id: str, name: str, kind: Kind, when: Callable[..., bool], then: Callable[..., bool], source: str = ""  # noqa: A002
) -> Property:
    """Of every saga: when …, then … ; both take what is seen of one saga, twice for a step."""

    def each(views: tuple[SagaView, ...]) -> Iterator[tuple[SagaSeen, ...]]:
        return zip(*(view.sagas for view in views), strict=True)

    def holds(*views: SagaView) -> bool:
        return all(then(*saga) for saga in each(views) if when(*saga))

    return Property(id, name, kind, holds, source, when=lambda *views: any(when(*saga) for saga in each(views)))
