"""Mutants of recovery: what a site does about what is in doubt when it is back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.impl.three_phase_commit import (
    ABORTED,
    COMMITTED,
    PRECOMMITTED,
    WAITING,
    Site,
    Transaction,
)

if TYPE_CHECKING:
    import sqlalchemy as sa


class AbortsWhenBack(Site):
    """A site that is back and waiting aborts on its own (AC1, PAIRS)."""

    def resume(self, transaction: Transaction) -> None:
        """Abort what waits."""
        if transaction.status == WAITING:
            self.end(transaction, ABORTED)
        else:
            super().resume(transaction)


class CommitsWhenBack(Site):
    """A site that is back and precommitted commits on its own (AC1, PAIRS)."""

    def resume(self, transaction: Transaction) -> None:
        """Commit what is precommitted."""
        if transaction.status == PRECOMMITTED:
            self.end(transaction, COMMITTED)
        else:
            super().resume(transaction)


class DoesNotAsk(Site):
    """A site that is back waits to be told how it ended (AC5)."""

    def resume(self, transaction: Transaction) -> None:
        """Wait."""


class PrecommitInMemory(Site):
    """That a transaction is precommitted is kept in memory only: a site that is back waits (PAIRS, AC1)."""

    def write(self, connection: sa.Connection, transaction: Transaction) -> None:
        """Write everything else."""
        known = transaction._replace(status=WAITING) if transaction.status == PRECOMMITTED else transaction
        super().write(connection, known)

    def take_in(self, sender: str, kind: str, transaction: Transaction, status: str) -> None:
        """Remember it."""
        if kind == "PRECOMMIT":
            self.part(transaction).moved = True  # type: ignore[attr-defined]
        moved = getattr(self.part(transaction), "moved", False)
        super().take_in(sender, kind, transaction._replace(status=PRECOMMITTED) if moved else transaction, status)


class FirstBackDecides(Site):
    """After a total failure whoever is back first decides by what it knows, without those who are not (AC1)."""

    def resume(self, transaction: Transaction) -> None:
        """Ask, and go on without those who do not answer."""
        super().resume(transaction)
        if transaction.key in self.parts:
            self.lead(self.join(transaction)._replace(failed=" ".join(self.others(transaction))))
