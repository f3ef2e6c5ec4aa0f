"""Atomic commitment: what every commit protocol must implement, and what is claimed of it.

`TransactionCommit` is the TLA+ module TCommit of Gray & Lamport, "Consensus on Transaction Commit" (ACM TODS
31(1), 2006). The properties AC1-AC5 are those of Bernstein, Hadzilacos & Goodman, "Concurrency Control and
Recovery in Database Systems" (1987), chapter 7.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from acidtest.checker.machine import Action, Kind, Model, Property, Transition
from acidtest.checker.theory import Size, Study, Switch

if TYPE_CHECKING:
    from collections.abc import Sequence

WORKING, PREPARED, COMMITTED, ABORTED = "working", "prepared", "committed", "aborted"
DECIDED = frozenset({COMMITTED, ABORTED})

#: The status of every participant.
Statuses: TypeAlias = tuple[str, ...]


class CommitView(NamedTuple):
    """What an outsider sees of one distributed transaction."""

    participants: Statuses  #: what each participant would still know after a crash
    voted: tuple[bool, ...]  #: whose YES is out and durable
    decision: str = ""  #: what the coordinator has told: "committed", "aborted" or nothing yet
    logged: bool = False  #: whether the coordinator's decision to commit is durable
    coordinator_up: bool = True
    crashes: int = 0
    answers: tuple[str, ...] = ()  #: what a reader of each participant is given, where readers are looked at


#: What a reader is given: the rows as the transaction leaves them, or as they were before; nothing yet, for it waits.
NEW_ROWS, OLD_ROWS, NOTHING_YET = "new", "old", ""


@cache
def answers(participants: Statuses, *, readers_lock: bool) -> tuple[str, ...]:
    """What a reader is given that asks every participant at this instant, each by itself.

    A prepared branch shows the old rows to who reads a snapshot of the database; who takes a lock for reading waits for it, as
    under strict two-phase locking in every database (Bernstein, Hadzilacos & Goodman 1987, chapter 3; Raz 1992).
    """
    given = {COMMITTED: NEW_ROWS, ABORTED: OLD_ROWS, WORKING: OLD_ROWS, PREPARED: NOTHING_YET if readers_lock else OLD_ROWS}
    return tuple(given.get(status, NOTHING_YET) for status in participants)


def half_is_read(given: tuple[str, ...]) -> bool:
    """One participant shows the transaction, another not yet: who reads both sees half of it."""
    return NEW_ROWS in given and OLD_ROWS in given


def with_status(statuses: Statuses, rm: int, status: str) -> Statuses:
    """Change the status of participant `rm`."""
    if statuses[rm] == status:
        return statuses
    changed = [*statuses]  # cheaper than joining slices, and this is where the checker spends its time
    changed[rm] = status
    return tuple(changed)


class TransactionCommit(Model[Statuses]):
    """TCommit: what any atomic commitment protocol must implement. A state is `rmState`."""

    name = "TCommit"

    def __init__(self, n: int) -> None:
        """Take `n` participants."""
        self.n = n

    def initial_states(self) -> list[Statuses]:
        """Start with everybody working."""
        return [(WORKING,) * self.n]

    def transitions(self) -> Sequence[Transition]:
        """Prepare and Decide; the two disjuncts of Decide are told apart by an argument."""
        rms = range(self.n)
        return (
            Transition("Prepare", self.prepare, [(rm,) for rm in rms]),
            Transition("Decide", self.decide, [(rm, to) for rm in rms for to in (COMMITTED, ABORTED)]),
        )

    def prepare(self, rms: Statuses, rm: int) -> Statuses | None:
        """Become ready to commit."""
        return with_status(rms, rm, PREPARED) if rms[rm] == WORKING else None

    def decide(self, rms: Statuses, rm: int, decision: str) -> Statuses | None:
        """Commit once all are prepared, or abort while none has committed."""
        if decision == COMMITTED:
            enabled = rms[rm] == PREPARED and WORKING not in rms and ABORTED not in rms
        else:
            enabled = rms[rm] in {WORKING, PREPARED} and COMMITTED not in rms
        return with_status(rms, rm, decision) if enabled else None

    def actor(self, action: Action) -> str:
        """The participant."""
        return f"RM {action.args[0]}"

    def view(self, rms: Statuses) -> CommitView:
        """Show everything; being prepared is the vote."""
        return CommitView(rms, tuple(status in {PREPARED, COMMITTED} for status in rms))


def agree(view: CommitView) -> bool:
    """TCConsistent: no participant commits what another aborts."""
    return not (COMMITTED in view.participants and ABORTED in view.participants)


def keep_decisions(before: CommitView, after: CommitView) -> bool:
    """Once a participant has decided, its decision never changes."""
    pairs = zip(before.participants, after.participants, strict=True)
    return all(was == now for was, now in pairs if was in DECIDED)


def commit_only_if_all_voted_yes(view: CommitView) -> bool:
    """One commit means that every YES was said and is backed by a durable promise."""
    return COMMITTED not in view.participants or all(view.voted)


def commit_without_faults(view: CommitView) -> bool:
    """All commit, and nobody crashed."""
    return not view.crashes and all(status == COMMITTED for status in view.participants)


def have_all_decided(view: CommitView) -> bool:
    """Nobody is left without an outcome."""
    return all(status in DECIDED for status in view.participants)


def none_in_doubt(view: CommitView) -> bool:
    """No participant still holds locks for a decision that it does not know."""
    return PREPARED not in view.participants


_BHG = "Bernstein, Hadzilacos & Goodman 1987, section 7.3"
AC1 = Property("AC1", "no participant commits what another aborts", Kind.ALWAYS, agree, _BHG)
AC2 = Property("AC2", "no participant reverses its decision", Kind.STEP, keep_decisions, _BHG)
AC3 = Property("AC3", "a commit has every vote, durably", Kind.ALWAYS, commit_only_if_all_voted_yes, f"stronger than AC3 of {_BHG}")
AC4 = Property("AC4", "without faults all can commit", Kind.SOMETIMES, commit_without_faults, f"weaker than AC4 of {_BHG}")
AC5 = Property("AC5", "once faults are repaired all have decided", Kind.AT_REST, have_all_decided, _BHG)
G6 = Property("G6", "no branch is left prepared", Kind.AT_REST, none_in_doubt, "PATTERNS.md, section 0")


_HALF = "Raz, The principle of commitment ordering, VLDB 1992; MariaDB manual, XA transactions; first seen at citus#3780"
HALF = Property("N2", "a reader that takes no locks sees half of a commit", Kind.SOMETIMES, lambda view: half_is_read(view.answers), _HALF)
#: The assumption that it rests on.
READERS_LOCK = Switch("readers_lock", "readers take locks in every database, and wait for what is prepared there")


def properties() -> tuple[Property, ...]:
    """List what any atomic commitment protocol must satisfy."""
    return AC1, AC2, AC3, AC4, AC5, G6


STUDY = Study(
    name="TCommit",
    make=TransactionCommit,
    sizes=(Size("3 participants", {"n": 3}, 34, 7), Size("5 participants", {"n": 5}, 274, 11)),
    properties=properties(),
    specification=True,
)
