"""Mutants of keys: those of clients, and those under which the cash machine is called."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa

from acidtest.environment import ExternalRefused, ExternalTimeout, Outcome, Receipt, Status
from acidtest.impl.reserve_confirm import Answer, Row, Withdrawals, answer_of, known, withdrawals

if TYPE_CHECKING:
    from acidtest.environment import Environment


# Keys.


class KeyIgnored(Withdrawals):
    """There is no client key: a customer who asks again gets another withdrawal (RC4, G1)."""

    def __init__(self, env: Environment) -> None:
        """Keep the source of keys."""
        super().__init__(env)
        self.new_id = env.new_id

    def withdraw(self, client_key: str, user: str, amount: int) -> Answer:  # noqa: ARG002 - that is the bug
        """Withdraw under a key of its own."""
        return super().withdraw(self.new_id(), user, amount)


class PendingHidden(Withdrawals):
    """What is pending is not seen as the same withdrawal: asked for again, it is ordered again (RC4, RC5)."""

    def _known(self, connection: sa.Connection, key: str, user: str, amount: int) -> Answer:
        answer = super()._known(connection, key, user, amount)
        return self._call(key, f"order of {key}, again", amount) if answer == "pending" else answer


class OrderKeyPerAttempt(Withdrawals):
    """The cash machine is told again under another key (RC4)."""

    def _bring_to_an_end(self, row: Row) -> Receipt:
        if self.atm.voidable or not self.atm.idempotent:
            return super()._bring_to_an_end(row)
        with suppress(ExternalRefused, ExternalTimeout):
            receipt = self.atm.perform(f"{row.order_key} at {self.clock.now():.0f}", row.amount)
            return receipt._replace(key=row.order_key)
        return Receipt(row.order_key, Status.UNAVAILABLE)


class RepeatsBlindly(Withdrawals):
    """A cash machine that does not recognise repetitions is told again (RC4)."""

    def _bring_to_an_end(self, row: Row) -> Receipt:
        with suppress(ExternalRefused, ExternalTimeout):
            return self.atm.perform(row.order_key, row.amount)
        return Receipt(row.order_key, Status.UNAVAILABLE)


class PayloadNotCompared(Withdrawals):
    """The same key with another amount gets the answer of the first (G7, G4)."""

    def _known(self, connection: sa.Connection, key: str, user: str, amount: int) -> Answer:  # noqa: ARG002
        return answer_of(connection.execute(known, {"k": key}).one().state)


class RejectionForgotten(Withdrawals):
    """A refusal for want of funds is not recorded under the key: asked again, it is paid (RC8, RC11, G7)."""

    def _reserve(self, connection: sa.Connection, key: str, user: str, amount: int, order_key: str) -> Answer | None:
        answer = super()._reserve(connection, key, user, amount, order_key)
        connection.execute(
            sa.delete(withdrawals).where(withdrawals.c.key == key, withdrawals.c.state == Outcome.REJECTED.value)
        )
        return answer


attempts = sa.Table(
    "attempts", sa.MetaData(),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("again", sa.Boolean, nullable=False),
    sa.UniqueConstraint("key", "again"),
)  # fmt: skip


class AuditedBeforeChecked(Withdrawals):
    """The attempt is recorded before the key is looked up, and the third one fails for ever (G7)."""

    def install(self, opening: dict[str, int]) -> None:
        """Create the table of attempts, too."""
        super().install(opening)
        attempts.create(self.engine)

    def _reserve(self, connection: sa.Connection, key: str, user: str, amount: int, order_key: str) -> Answer | None:
        again = connection.execute(known, {"k": key}).one_or_none() is not None
        connection.execute(sa.insert(attempts), {"key": key, "again": again})
        return super()._reserve(connection, key, user, amount, order_key)
