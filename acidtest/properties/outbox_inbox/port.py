"""What the services of a chain of outboxes and inboxes offer."""

from __future__ import annotations

from typing import Protocol

from acidtest.environment import Delivery, Outcome
from acidtest.port import background, handler, installation, operation, read

#: The services, in the order in which a transfer passes them.
SERVICES = SOURCE, MIDDLE, SINK = ("source", "middle", "sink")
#: What is published by the source for the middle, and by the middle for the sink; and where dead letters lie.
TOPICS = TRANSFERS, DEPOSITS = ("transfers", "deposits")
#: On which services may tell each other what they have sent and taken.
STATEMENTS = "statements"
DEAD = "dead"


class OutboxInboxPort(Protocol):
    """What each of the services "source", "middle" and "sink" offers; `env.service` says which one it is.

    All three have accounts of the same names. A transfer takes an amount from an account at the source. The middle keeps half of
    it, rounded down, and adds that to the account of this name in its own books. What is left is added to the account of this name
    at the sink.

    Services talk by `env.broker` alone. The source publishes on the topic "transfers", the middle on "deposits", with ids, keys and
    payloads that are up to them; the client's key of a transfer has to stand somewhere in its messages, as a word. An attribute
    `topics` says of which topics a service is given messages; without it, of all. Each service has databases of its own, whatever it
    calls them; there may be several processes of each, which share its messages.

    The middle and the sink have `handle`, or `consume`, but not both. A message comes at least once: again where it was not
    acknowledged, also while the first copy is being handled, and after weeks; and out of order.

    Who declares `restorable` promises that a service may be restored from a backup: what it has forgotten is made good, or is noticed.
    Such services may tell each other what they like on the topic "statements": `handle` is given that too, if `topics` names it, and
    then the source has one as well.
    """

    @installation
    def install(self, accounts: dict[str, int]) -> None:
        """Create the schema of this service and open its accounts (minor units); runs once, outside the schedule."""

    @operation.of(SOURCE)
    def execute(self, key: str, account: str, amount: int) -> Outcome:
        """At the source alone: take `amount` from `account`, once per `key` for ever, and owe the middle a message about it.

        Rejected, without any effect and for good, where the funds do not suffice; and, as invalid, where there is no such account,
        `amount` is not positive, or `key` was used for something else. What else keeps it from being done, or leaves that open, is an
        exception: the client may ask again. Policies (see the capabilities) make this less.
        """

    @handler.perhaps
    def handle(self, message: Delivery) -> None:
        """A message has come, to the source a statement. Returning acknowledges it; it comes again where this raises or the process dies."""

    @background.of(MIDDLE, SINK).perhaps
    def consume(self) -> None:
        """Poll once, with `env.broker.receive`, and `ack` when it is time to."""

    @background.of(SOURCE, MIDDLE)
    def relay(self) -> None:
        """Poll once: publish what is owed on `env.broker`."""

    @background.perhaps
    def reconcile(self) -> None:
        """Compare with the neighbours what was sent and taken; called every now and then, in each process."""

    @background.perhaps
    def purge(self) -> None:
        """Clean away what need not be kept any longer; called every now and then."""

    @read
    def balances(self) -> dict[str, int]:
        """The committed balance of every account of this service."""

    @read.of(SOURCE, MIDDLE).perhaps
    def owed(self) -> dict[str, int]:
        """What this service has committed to pass on and does not know to be published: the amount, by the client's key of the transfer.

        It lets conservation and atomicity be checked at every step; without it, only by what has become of the messages.
        """

    @read.perhaps
    def alarms(self) -> list[str]:
        """What this service has noticed that somebody has to look at, above all that a backup was restored: a sentence each, for good."""
