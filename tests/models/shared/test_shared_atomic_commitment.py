"""Atomic commitment: the published counts, that its properties can be cited, and how fast they find a bug."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.checker.check import check
from acidtest.checker.machine import Model, Transition
from acidtest.models.shared.atomic_commitment import (
    ABORTED,
    AC1,
    AC2,
    COMMITTED,
    PREPARED,
    WORKING,
    CommitView,
    Statuses,
    TransactionCommit,
    with_status,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

Coarse = tuple[Statuses, str]


class CoarseTwoPhase(Model[Coarse]):
    """Two participants without messages, who cannot refuse, but may abort after they voted yes: the bug."""

    def initial_states(self) -> list[Coarse]:
        """Start with both working."""
        return [((WORKING, WORKING), "init")]

    def transitions(self) -> Sequence[Transition]:
        """Vote, decide, obey, or do not."""
        each = [(0,), (1,)]
        return (
            Transition("vote_yes", self.vote_yes, each),
            Transition("decide", self.decide),
            Transition("obey", self.obey, each),
            Transition("abort_alone", self.abort_alone, each),
        )

    def vote_yes(self, state: Coarse, rm: int) -> Coarse | None:
        """Promise to commit."""
        rms, tm = state
        return (with_status(rms, rm, PREPARED), tm) if rms[rm] == WORKING else None

    def decide(self, state: Coarse) -> Coarse | None:
        """Commit once both have promised."""
        rms, tm = state
        return (rms, COMMITTED) if tm == "init" and set(rms) == {PREPARED} else None

    def obey(self, state: Coarse, rm: int) -> Coarse | None:
        """Commit as decided."""
        rms, tm = state
        return (with_status(rms, rm, tm), tm) if tm == COMMITTED and rms[rm] == PREPARED else None

    def abort_alone(self, state: Coarse, rm: int) -> Coarse | None:
        """Abort before having committed, promise or not."""
        rms, tm = state
        return (with_status(rms, rm, ABORTED), tm) if rms[rm] in {WORKING, PREPARED} else None

    def view(self, state: Coarse) -> CommitView:
        """Show the participants."""
        return CommitView(state[0], (True, True))


def test_transaction_commit_has_the_published_states() -> None:
    """TLC: 34 distinct states, 94 generated, depth 7."""
    exploration = check(TransactionCommit(3), [AC1, AC2])
    assert (exploration.states, exploration.generated, exploration.depth) == (34, 94, 7)
    assert [finding.verdict for finding in exploration.findings] == ["holds", "holds"]


def test_an_abort_after_yes_is_found_in_five_steps_within_18_states() -> None:
    """The bug that random testing misses in 16 of 20 runs."""
    finding = check(CoarseTwoPhase(), [AC1], max_states=18).findings[0]
    assert finding.verdict == "violated"
    assert finding.trace is not None
    assert len(finding.trace.actions) == 5
    assert set(finding.trace.last[0]) == {COMMITTED, ABORTED}
