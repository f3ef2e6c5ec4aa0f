"""What an implementation of the inbox offers."""

from __future__ import annotations

from typing import Protocol

from acidtest.environment import Delivery
from acidtest.port import background, handler, installation, read


class InboxPort(Protocol):
    """What a consumer offers that keeps an inbox. It has `handle`, or `consume`, but not both.

    Messages come on two topics, "deposits" and "withdrawals". Each is a subscription of its own: senders number their messages
    by themselves, so one of each may carry the same id, and they are two messages. The key is the account. The payload is JSON:
    {"type": "deposit" or "withdrawal", "account": "A", "amount": 61, "sequence": 1}, in minor units; the sequence counts the
    messages of one account from 1, whatever topic they are on.

    What may come: the same message again, also while the first copy is being handled, and after weeks; messages out of order; the
    id of one message with the payload of another; no id; amounts that are not positive, unknown accounts, and what is no JSON;
    a payload that kills whoever looks into it. A withdrawal that the account cannot pay is declined, for good.
    What cannot be handled must not be dropped: it is rejected by `env.broker.nack(message, requeue=False)`, which puts it on the
    topic "dead", or published there; or it keeps failing.

    All processes together are one consumer. An attribute `topics` says which topics it is given messages of.
    """

    @installation
    def install(self, accounts: dict[str, int]) -> None:
        """Create the schema and open the accounts (minor units); runs once, outside the schedule."""

    @handler.perhaps
    def handle(self, message: Delivery) -> None:
        """A message has come. Returning acknowledges it; it comes again where this raises or the process dies."""

    @background.perhaps
    def consume(self) -> None:
        """Poll once, with `env.broker.receive`, on each topic; `ack` and `nack` when it is time to."""

    @background.perhaps
    def purge(self) -> None:
        """Clean away what need not be kept any longer; called every now and then."""

    @read
    def balances(self) -> dict[str, int]:
        """The committed balance of every account."""
