"""Mutants of the inbox: what is recorded, when, for how long, and under which name."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import sqlalchemy as sa

from acidtest.environment import Outcome
from acidtest.impl.inbox import Inbox, Invalid, Order, PullingInbox, accounts, inbox, recorded, this_record

if TYPE_CHECKING:
    from acidtest.environment import Delivery, Environment

DAY = 86_400.0
is_recorded = sa.select(inbox.c.id).where(this_record)
forget = sa.delete(inbox).where(this_record)


class CheckThenInsert(Inbox):
    """Looks for the record, and handles the message in the next transaction if there is none: two do so at once (IB8)."""

    def take(self, message: Delivery) -> Outcome:
        """Look first."""
        with self.engine.connect() as connection:
            known = connection.execute(recorded, {"of": message.topic, "it": message.id}).first()
        if known is not None:
            return super().take(message)
        order = self._read(message)
        with self.engine.begin() as connection:
            self._known(connection, message)
            return self._decide(connection, message, order)


class LockInTwoSteps(Inbox):
    """Claims a message by finding no owner and then writing one, whoever has written himself there meanwhile (IB8)."""

    def take(self, message: Delivery) -> Outcome:
        """Claim, then work."""
        order, mark = self._read(message), {"of": message.topic, "it": message.id}
        with self.engine.connect() as connection:
            known = connection.execute(recorded, mark).first()
        if known is not None and known.outcome != "claimed":
            return super().take(message)
        with self.engine.begin() as connection:
            connection.execute(forget, mark)
            connection.execute(sa.insert(inbox), self._row(message, "claimed"))
        with self.engine.begin() as connection:
            connection.execute(sa.update(inbox).where(this_record).values(outcome="ok"), mark)
            return self._decide(connection, message, order)

    def _row(self, message: Delivery, outcome: str) -> dict[str, object]:
        return {
            "topic": message.topic, "id": message.id, "payload": self._fingerprint(message), "outcome": outcome,
            "recorded": self.clock.now(),
        }  # fmt: skip


class RecordedBefore(Inbox):
    """Commits the record before the work: after a crash or an error in between the message passes for handled (IB2, IB6)."""

    def take(self, message: Delivery) -> Outcome:
        """Record, then work."""
        order = self._read(message)
        with self.engine.begin() as connection:
            known = self._known(connection, message)
        if known is not None:
            return known
        with self.engine.begin() as connection:
            return self._decide(connection, message, order)


class RecordedAfter(Inbox):
    """Commits the record after the work: after a crash in between the message is handled again (IB2, IB1)."""

    def take(self, message: Delivery) -> Outcome:
        """Work, then record."""
        with self.engine.connect() as connection:
            known = connection.execute(recorded, {"of": message.topic, "it": message.id}).first()
        if known is not None:
            return super().take(message)
        with self.engine.begin() as connection:
            outcome = self._decide(connection, message, self._read(message))
        with self.engine.begin() as connection:
            self._known(connection, message)
        return outcome


class DetectedAfterTheEffect(Inbox):
    """Notices a duplicate by the failing insert, when its effect is there already, and commits that (IB1, IB2, IB8)."""

    def take(self, message: Delivery) -> Outcome:
        """Work, then insert, in one transaction; an insert that does nothing is taken for done."""
        order = self._read(message)
        with self.engine.begin() as connection:
            outcome = self._decide(connection, message, order)
            self._known(connection, message)
            return outcome


class RememberedInMemory(Inbox):
    """Keeps the ids of what it has handled in memory, where no other process sees them and no crash spares them (IB1, IB2, IB8)."""

    def __init__(self, env: Environment) -> None:
        """Nothing has been handled yet."""
        super().__init__(env)
        self.handled: dict[tuple[str, str | None], Outcome] = {}

    def take(self, message: Delivery) -> Outcome:
        """Look in memory."""
        key = message.topic, message.id
        if key not in self.handled:
            with self.engine.begin() as connection:
                outcome = self._decide(connection, message, self._read(message))
            self.handled[key] = outcome
        return self.handled[key]


class OneScopeForAll(Inbox):
    """Goes by the id alone: a message of one subscription passes for a duplicate of one of the other (IB4)."""

    def _known(self, connection: sa.Connection, message: Delivery) -> Outcome | None:
        return super()._known(connection, message._replace(topic="all"))

    def _fingerprint(self, message: Delivery) -> str:  # noqa: ARG002
        return ""


class KnownByContent(Inbox):
    """Knows messages by what they ask for: two equal payments count as one (IB1)."""

    def _known(self, connection: sa.Connection, message: Delivery) -> Outcome | None:
        account, change, _ = self._read(message)
        return super()._known(connection, message._replace(id=f"{account} {change}", payload=""))


class PayloadNotKept(Inbox):
    """Does not keep what came under an id: another message that carries it passes for a copy (IB9)."""

    def _fingerprint(self, message: Delivery) -> str:  # noqa: ARG002
        return ""


class RetentionTooShort(Inbox):
    """Cleans away records after a day, and accepts messages that are thirty days old (IB5)."""

    def purge(self) -> None:
        """Clean away what is older than a day."""
        with self.engine.begin() as connection:
            connection.execute(sa.delete(inbox).where(inbox.c.recorded < self.clock.now() - DAY))


class OldAccepted(Inbox):
    """Does not look at how old a message is: what it has cleaned away is handled again (IB5)."""

    def _refuse_old(self, message: Delivery) -> None:
        """Accept whatever has no record."""


class AgeBeforeRecord(Inbox):
    """Looks at the age before it looks for the record: time may pass in between, and the record be cleaned away (IB5)."""

    def take(self, message: Delivery) -> Outcome:
        """Refuse what is old, then go on as if it stayed young."""
        super()._refuse_old(message)
        return super().take(message)

    def _refuse_old(self, message: Delivery) -> None:
        """That was looked at before."""


class OldDropped(Inbox):
    """Acknowledges what is too old without a word: what comes for the first time is lost (IB5)."""

    def handle(self, message: Delivery) -> None:
        """Drop what is old."""
        if self.clock.now() - message.sent <= self.window:
            super().handle(message)


class RejectionForgotten(Inbox):
    """Keeps no record of what it declines: when it comes again there may be enough (G4)."""

    def _decide(self, connection: sa.Connection, message: Delivery, order: Order) -> Outcome:
        outcome = super()._decide(connection, message, order)
        if outcome == Outcome.REJECTED:
            connection.execute(forget, {"of": message.topic, "it": message.id})
        return outcome


class ClaimNeverExpires(Inbox):
    """Commits a claim before the work, and waits for ever for whoever has claimed and died (IB11)."""

    def take(self, message: Delivery) -> Outcome:
        """Claim, work, complete."""
        order, mark = self._read(message), {"of": message.topic, "it": message.id}
        with self.engine.begin() as connection:
            known = self._known(connection, message)
            if known is None:
                connection.execute(sa.update(inbox).where(this_record).values(outcome="claimed"), mark)
        if known is not None:
            return known
        with self.engine.begin() as connection:
            connection.execute(sa.update(inbox).where(this_record).values(outcome="ok"), mark)
            return self._decide(connection, message, order)

    def _known(self, connection: sa.Connection, message: Delivery) -> Outcome | None:
        found = connection.execute(recorded, {"of": message.topic, "it": message.id}).first()
        if found is not None and found.outcome == "claimed":
            raise Invalid(message.id)
        return super()._known(connection, message)


class ClaimNotFenced(ClaimNeverExpires):
    """Lets a claim run out after an hour, and whoever had it complete it all the same (IB11)."""

    def _known(self, connection: sa.Connection, message: Delivery) -> Outcome | None:
        stale = sa.delete(inbox).where(this_record, inbox.c.outcome == "claimed", inbox.c.recorded < self.clock.now() - 3_600.0)
        connection.execute(stale, {"of": message.topic, "it": message.id})
        return super()._known(connection, message)


class ClaimedMeansHandled(ClaimNeverExpires):
    """Acknowledges what another one has claimed: if that one fails, the message is lost (IB2, IB6, IB8)."""

    def _known(self, connection: sa.Connection, message: Delivery) -> Outcome | None:
        found = connection.execute(recorded, {"of": message.topic, "it": message.id}).first()
        if found is not None and found.outcome == "claimed":
            return Outcome.OK
        return super()._known(connection, message)


class BalanceReadBefore(Inbox):
    """Reads the balance, adds in memory and writes the sum: of two at once one is overwritten (G1, G5, IB1)."""

    def take(self, message: Delivery) -> Outcome:
        """Read what is there before the transaction begins."""
        self.before = self.balances()
        return super().take(message)

    def _move(self, connection: sa.Connection, order: Order) -> bool:
        balance = self.before.get(order.account, 0) + order.change
        write = sa.update(accounts).where(accounts.c.id == order.account).values(balance=balance)
        return balance >= 0 and connection.execute(write).rowcount == 1


class PulledAndAcknowledgedFirst(PullingInbox):
    """Acknowledges a message as soon as it has received it: a crash, or an error, loses it (IB2, IB3, IB6)."""

    def _handle(self, message: Delivery) -> None:
        self.broker.ack(message)
        super()._handle(message)


class NullInUniqueKey(Inbox):
    """Puts NULL for the tenant into the unique key of the records, and NULLs are all different: nothing is a duplicate (IB1, IB2, IB8)."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"replies", "parks"})

    def install(self, opening: dict[str, int]) -> None:
        """Create the schema with a key that holds nothing off."""
        super().install(opening)
        with self.engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE seen (tenant TEXT, topic TEXT, id TEXT, UNIQUE (tenant, topic, id))"))

    def _known(self, connection: sa.Connection, message: Delivery) -> Outcome | None:
        insert = sa.text("INSERT INTO seen (tenant, topic, id) VALUES (NULL, :topic, :id) ON CONFLICT DO NOTHING")
        if connection.execute(insert, {"topic": message.topic, "id": message.id}).rowcount == 1:
            return None
        return Outcome.OK

