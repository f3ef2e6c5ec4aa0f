"""Atomic commitment of several transactions at once: what a protocol for transactions that compete must implement."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from acidtest.checker.machine import Model, Transition
from acidtest.models.shared.atomic_commitment import Statuses, TransactionCommit

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The status of every participant, by transaction.
Commitments: TypeAlias = tuple[Statuses, ...]


class TransactionCommits(Model[Commitments]):
    """Several transactions, each of which commits as TCommit says, whatever becomes of the others."""

    name = "several TCommit"

    def __init__(self, transactions: int, n: int = 2, crashes: int = 0) -> None:  # noqa: ARG002 - nothing crashes here
        self.transactions, self.one = transactions, TransactionCommit(n)

    def initial_states(self) -> list[Commitments]:
        """Each starts as one alone would."""
        return [(start,) * self.transactions for start in self.one.initial_states()]

    def transitions(self) -> Sequence[Transition]:
        """Prepare and Decide, in any of the transactions."""
        return [self._lifted(each) for each in self.one.transitions()]

    def _lifted(self, each: Transition) -> Transition:
        def effect(s: Commitments, g: int, *args: object) -> Commitments | None:
            following = each.effect(s[g], *args)
            return None if following is None else (*s[:g], following, *s[g + 1 :])

        return Transition(each.name, effect, [(g, *args) for g in range(self.transactions) for args in each.domain])

    def view(self, state: Commitments) -> Commitments:
        """Show everything."""
        return state
