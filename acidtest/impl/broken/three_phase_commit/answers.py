"""Mutants of what clients are told when they begin something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.environment import Outcome
from acidtest.impl.three_phase_commit import Site

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.impl.three_phase_commit import Transaction


class OtherPayloadAccepted(Site):
    """A key that was given before is answered by ok, whatever was asked for under it (G7)."""

    def begin(self, key: str, operations: Sequence[tuple[str, str, int]]) -> Outcome:
        """Begin it; or say ok where something is begun under the key."""
        valid = bool(operations) and all(change != 0 for _, _, change in operations)
        return Outcome.OK if valid and self.state(key) is not None else super().begin(key, operations)


class ZeroAccepted(Site):
    """A change of zero is begun like any other (G12)."""

    def begin(self, key: str, operations: Sequence[tuple[str, str, int]]) -> Outcome:
        """Leave out what changes nothing."""
        return super().begin(key, [operation for operation in operations if operation[2] != 0])


class Picky(Site):
    """Looks, before it begins anything, whether it could pay its own part."""

    def cannot_pay(self, transaction: Transaction) -> bool:
        """Whether nothing is to be begun."""
        with self.engine.connect() as connection:
            return not self.can_pay(connection, transaction)

    def begin(self, key: str, operations: Sequence[tuple[str, str, int]]) -> Outcome:
        """Begin what can be paid here."""
        asked = self.asked(key, operations)
        if asked is not None and self.state(key) is None and self.cannot_pay(asked):
            return self.turn_down()
        return super().begin(key, operations)

    def turn_down(self) -> Outcome:
        """What the client is told."""
        raise NotImplementedError


class UnpayableForgotten(Picky):
    """What the coordinator itself cannot pay is answered by ok, and there is no record of it (G4)."""

    def turn_down(self) -> Outcome:
        """It is aborted, after all."""
        return Outcome.OK


class UnpayableRejected(Picky):
    """What the coordinator itself cannot pay is answered as if it were invalid (G4)."""

    def turn_down(self) -> Outcome:
        """It never will be."""
        return Outcome.REJECTED


class UnpayableRaises(Picky):
    """What the coordinator itself cannot pay is answered by an error (G11)."""

    def turn_down(self) -> Outcome:
        """Complain."""
        message = "not enough"
        raise ValueError(message)
