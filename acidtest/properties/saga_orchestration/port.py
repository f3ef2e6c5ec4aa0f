"""What an orchestrator of sagas offers."""

from __future__ import annotations

from typing import Literal, Protocol

from acidtest.environment import Outcome, Reply
from acidtest.port import background, installation, operation, read, recovery, reply


class SagaOrchestrationPort(Protocol):
    """What an orchestrator of sagas offers. It fills orders by `env.call`, one step after the other.

    | step | do | undo |
    | --- | --- | --- |
    | 0 | `env.call("payment", "do", operation, key, account, amount)` | `env.call("payment", "undo", operation, key)` |
    | 1 | `env.call("stock", "do", operation, key, item, quantity)` | `env.call("stock", "undo", operation, key)` |
    | 2, the pivot | `env.call("booking", "do", operation, key)` | `env.call("booking", "undo", operation, key)` |
    | 3 | `env.call("shipping", "do", operation, key)` | none |

    Every call answers `Outcome.OK` or `Outcome.REJECTED`. `operation` is any text by which a service knows what comes again,
    and what is to be undone; the order's key will do. To undo what was not done bars it, and is answered with OK. To do is
    refused where there is not enough, or where it was barred; shipping is never refused. To undo is refused of the pivot
    alone, if it is done: then there is no way back, and the order has to be completed.
    """

    @installation
    def install(self) -> None:
        """Create the schema; runs once, outside the schedule."""

    @operation
    def start(self, key: str, account: str, amount: int, item: str, quantity: int) -> Outcome:
        """Place an order, once per `key`.

        OK as soon as it is durable; it will then be filled by all four services or, where one refuses or does not answer
        in time, be taken back by all that have done their step. Rejected, without any effect: an amount or a quantity that is
        not positive, and a key that was used for another order.
        """

    @reply
    def on_reply(self, reply: Reply) -> None:
        """An answer comes late to a call that was not answered in time, or once more; it may be left unread."""

    @background
    def tick(self) -> None:
        """Look after the orders that are not at an end; called every now and then, by any process."""

    @recovery
    def recover(self) -> None:
        """What a process does first that starts again after a crash. One that goes on has `tick` alone."""

    @read
    def status(self, key: str) -> Literal["running", "completed", "compensated", "parked"] | None:
        """How an order stands, as committed; None for one that is not known.

        Parked: left to people, for all to see, when something went wrong and the pivot is ruled out, for example when a compensation is
        not answered. No command about it is sent any more; one that was under way may still take effect.
        """
