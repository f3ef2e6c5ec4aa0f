"""Mutants of termination: what the survivors conclude from a failure."""

from __future__ import annotations

from acidtest.impl.three_phase_commit import (
    ABORTED,
    COMMITTED,
    ENDED,
    MOVING,
    PRECOMMIT,
    PRECOMMITTED,
    VOTING,
    WAITING,
    Site,
    Transaction,
    in_doubt,
)


class NaiveTimeouts(Site):
    """Whoever times out on the coordinator aborts when waiting, and commits when precommitted, asking nobody (AC1, PAIRS)."""

    def give_up(self, site: str, transaction: Transaction) -> None:
        """Go by what is known here."""
        if transaction.coordinator == self.name:
            super().give_up(site, transaction)
        elif site == transaction.coordinator:
            self.end(transaction, COMMITTED if transaction.status == PRECOMMITTED else ABORTED)


class PrecommittedMeansAbort(Site):
    """A new leader aborts where all survivors are precommitted, for nobody seems to have committed (AC1, PAIRS)."""

    def terminate(self, transaction: Transaction, states: set[str], *, complete: bool) -> None:
        """Abort unless somebody has committed, or some only wait."""
        if states == {PRECOMMITTED}:
            self.decide(transaction, ABORTED)
        else:
            super().terminate(transaction, states, complete=complete)


class UnreachableMeansNotCommitted(Site):
    """A new leader aborts where somebody cannot be reached and nobody else has committed (AC1, PAIRS)."""

    def terminate(self, transaction: Transaction, states: set[str], *, complete: bool) -> None:
        """Abort where somebody is missing."""
        if COMMITTED not in states and not complete:
            self.decide(transaction, ABORTED)
        else:
            super().terminate(transaction, states, complete=complete)


class WaitingOutvotesPrecommitted(Site):
    """A new leader aborts as soon as one survivor only waits, although another has precommitted (AC1, PAIRS)."""

    def terminate(self, transaction: Transaction, states: set[str], *, complete: bool) -> None:
        """Abort where somebody waits."""
        if WAITING in states and COMMITTED not in states:
            self.decide(transaction, ABORTED)
        else:
            super().terminate(transaction, states, complete=complete)


class CommitsWithoutMoving(Site):
    """A new leader that finds somebody precommitted commits before all others have moved up (PAIRS, AC1)."""

    def terminate(self, transaction: Transaction, states: set[str], *, complete: bool) -> None:
        """Commit at once."""
        if ABORTED not in states and PRECOMMITTED in states:
            self.decide(transaction, COMMITTED)
        else:
            super().terminate(transaction, states, complete=complete)


class NoTermination(Site):
    """Nobody leads in place of a coordinator that has failed: the others wait for it (NB, AC5)."""

    def lead(self, transaction: Transaction) -> None:
        """Wait."""


class NoQuery(Site):
    """Whoever is to lead after a failure and has decided already says nothing, and nobody asks it (NB)."""

    def give_up(self, site: str, transaction: Transaction) -> None:
        """Lead, or wait for who does."""
        if site not in transaction.given_up:
            transaction = self.record(transaction._replace(failed=" ".join(sorted({*transaction.given_up, site}))))
        if self.part(transaction).role in (VOTING, MOVING):
            self.go_on(transaction)
        elif transaction.given_up.issuperset(transaction.before(self.name)):
            self.lead(transaction)


class LatePrecommitAccepted(Site):
    """A PRECOMMIT that arrives after the abort is taken for the newer state (AC2)."""

    def repeat(self, sender: str, kind: str, transaction: Transaction) -> None:
        """Precommit, whatever is on record."""
        if kind == PRECOMMIT and transaction.status in ENDED and transaction.status == ABORTED:
            self.record(transaction._replace(status=PRECOMMITTED))
        else:
            super().repeat(sender, kind, transaction)


class AnyDeathAborts(Site):
    """Gives up whatever it collects votes for when a site dies, also one that takes no part (AC4)."""

    def on_timeout(self, waiting_for: str) -> None:
        """Abort, whoever it was."""
        with self.engine.begin() as connection:
            found = [Transaction(*row) for row in connection.execute(in_doubt)]
        for transaction in found:
            if self.part(transaction).role == VOTING:
                self.decide(transaction, ABORTED)
        super().on_timeout(waiting_for)


class ToldLeaderStaysSilent(Site):
    """A leader that is told how it has ended ends alone: who waits for it waits for ever, for nobody has failed (NB)."""

    def led_by(self, transaction: Transaction) -> list[str]:  # noqa: ARG002 - nobody is told
        """Nobody is thought of."""
        return []
