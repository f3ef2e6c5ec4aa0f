"""Two-phase commit with a backup coordinator: what it takes not to block.

`BackupCoordinator` is the TLA+ module 2PCwithBTM of Demirbas (tlaplus/Examples, 2017), action by action. When the
coordinator has gone, a backup decides instead of it. It may, because it is told so much: it reads the state of every
participant directly and at once, knows who has failed, and knows that the coordinator will not come back. The switch
`reads_committed` takes the last piece away: to look whether anybody has committed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Action, Kind, Model, Property, Transition
from acidtest.checker.theory import Size, Study, Switch, Theorem
from acidtest.models.shared.atomic_commitment import (
    ABORTED,
    AC1,
    AC2,
    COMMITTED,
    PREPARED,
    WORKING,
    CommitView,
    Statuses,
    with_status,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILED = "failed"
#: What the coordinator shows: nothing yet, its decision, or nothing any more.
INIT, COMMIT, ABORT, HIDDEN = "init", "commit", "abort", "hidden"
#: Where a coordinator is in its program: it looks, writes down what it saw fit, may fail, and is done.
LOOK, TO_COMMIT, TO_ABORT, MAY_FAIL, DONE = "look", "to commit", "to abort", "may fail", "done"


class BackupState(NamedTuple):
    """The participants and which of them have ended; what the coordinators show, and where each of the two is."""

    rms: Statuses
    ended: tuple[bool, ...]
    tm: str
    tm_at: str
    backup_at: str


class BackupCoordinator(Model[BackupState]):
    """2PCwithBTM with RMMAYFAIL and TMMAYFAIL: one participant may fail, and the coordinator does.

    Arguments:
        n: how many participants.
        reads_committed: whether a coordinator looks for participants that have committed before it decides.
    """

    name = "2PCwithBTM"
    faults = frozenset({"Fail"})

    def __init__(self, n: int, *, reads_committed: bool = True) -> None:
        """Set the size, and what coordinators may read."""
        self.n, self.reads_committed = n, reads_committed

    def initial_states(self) -> list[BackupState]:
        """Start with everybody working."""
        return [BackupState((WORKING,) * self.n, (False,) * self.n, INIT, LOOK, LOOK)]

    def transitions(self) -> Sequence[Transition]:
        """The participants, the coordinator, the backup."""
        each = [(rm,) for rm in range(self.n)]
        both = [("TM",), ("backup",)]
        return (
            Transition("Prepare", self.prepare, each),
            Transition("Commit", self.commit, each),
            Transition("Abort", self.abort, each),
            Transition("Fail", self.fail, each),
            Transition("End", self.end, each),
            Transition("SeeCommit", self.see_commit, both),
            Transition("SeeAbort", self.see_abort, both),
            Transition("Show", self.show, both),
            Transition("Hide", self.hide),
        )

    def prepare(self, s: BackupState, rm: int) -> BackupState | None:
        """Become ready to commit."""
        return self._to(s, rm, PREPARED) if s.rms[rm] == WORKING else None

    def commit(self, s: BackupState, rm: int) -> BackupState | None:
        """Commit as shown."""
        return self._to(s, rm, COMMITTED) if self._active(s, rm) and s.tm == COMMIT else None

    def abort(self, s: BackupState, rm: int) -> BackupState | None:
        """Abort alone before being prepared, or as shown."""
        return self._to(s, rm, ABORTED) if s.rms[rm] == WORKING or (self._active(s, rm) and s.tm == ABORT) else None

    def fail(self, s: BackupState, rm: int) -> BackupState | None:
        """Fail for good; one participant may."""
        return self._to(s, rm, FAILED) if self._active(s, rm) and FAILED not in s.rms else None

    def end(self, s: BackupState, rm: int) -> BackupState | None:
        """Leave the program."""
        if self._active(s, rm) or s.ended[rm]:
            return None
        return s._replace(ended=tuple(over or i == rm for i, over in enumerate(s.ended)))

    def see_commit(self, s: BackupState, who: str) -> BackupState | None:
        """All are prepared, or somebody has committed."""
        seen = all(status == PREPARED for status in s.rms) or (self.reads_committed and COMMITTED in s.rms)
        return self._move(s, who, TO_COMMIT) if self._looks(s, who) and seen else None

    def see_abort(self, s: BackupState, who: str) -> BackupState | None:
        """Somebody has aborted or failed, and nobody has committed."""
        seen = (ABORTED in s.rms or FAILED in s.rms) and not (self.reads_committed and COMMITTED in s.rms)
        return self._move(s, who, TO_ABORT) if self._looks(s, who) and seen else None

    def show(self, s: BackupState, who: str) -> BackupState | None:
        """Make the decision known."""
        at = s.tm_at if who == "TM" else s.backup_at
        if at not in (TO_COMMIT, TO_ABORT):
            return None
        shown = s._replace(tm=COMMIT if at == TO_COMMIT else ABORT)
        return self._move(shown, who, MAY_FAIL if who == "TM" else DONE)

    def hide(self, s: BackupState) -> BackupState | None:
        """The coordinator fails, and what it has shown with it."""
        return s._replace(tm=HIDDEN, tm_at=DONE) if s.tm_at == MAY_FAIL else None

    def _active(self, s: BackupState, rm: int) -> bool:
        return s.rms[rm] in (WORKING, PREPARED)

    def _looks(self, s: BackupState, who: str) -> bool:
        return s.tm_at == LOOK if who == "TM" else s.backup_at == LOOK and s.tm == HIDDEN

    def _move(self, s: BackupState, who: str, to: str) -> BackupState:
        return s._replace(tm_at=to) if who == "TM" else s._replace(backup_at=to)

    def _to(self, s: BackupState, rm: int, status: str) -> BackupState:
        return s._replace(rms=with_status(s.rms, rm, status))

    def actor(self, action: Action) -> str:
        """A coordinator or a participant."""
        return "TM" if action.name == "Hide" else str(action.args[0]) if isinstance(action.args[0], str) else f"RM {action.args[0]}"

    def view(self, s: BackupState) -> CommitView:
        """What participants have decided, and what is shown."""
        decision = {COMMIT: COMMITTED, ABORT: ABORTED}.get(s.tm, "")
        return CommitView(s.rms, tuple(status == PREPARED for status in s.rms), decision, crashes=s.rms.count(FAILED))


def nobody_waits(view: CommitView) -> bool:
    """Whoever has not failed has decided."""
    return not {WORKING, PREPARED} & set(view.participants)


def all_commit(view: CommitView) -> bool:
    """Everybody has committed."""
    return set(view.participants) == {COMMITTED}


_DEMIRBAS = "Demirbas, 2PCwithBTM (tlaplus/Examples), 2017"
NON_BLOCKING = Property("NB", "whoever has not failed decides, though the coordinator is gone", Kind.EVENTUALLY, nobody_waits, _DEMIRBAS)
AC4 = Property("AC4", "all can commit", Kind.SOMETIMES, all_commit, _DEMIRBAS)

STUDY = Study(
    name="two-phase commit with a backup coordinator",
    make=BackupCoordinator,
    switches=(Switch("reads_committed", "coordinators look whether anybody has committed", default=True),),
    sizes=(Size("2 participants", {"n": 2}, 257, 12), Size("3 participants", {"n": 3}, 1_245, 15)),
    properties=(AC1, AC2, AC4, NON_BLOCKING),
    theorems=(Theorem(AC1, {"reads_committed": False}, {}, size=1), Theorem(NON_BLOCKING, {"reads_committed": False}, {})),
)
