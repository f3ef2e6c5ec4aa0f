"""A payment provider outside of any transaction: what an order is there, which is the truth about the cash.

An order is paid in full, in part, or declined. A void fences: what was absent then is refused for ever. What was paid
may be taken back, later and as an entry of its own. Each function gives the order after a step, or None where the
provider does not take it.
"""

from __future__ import annotations

from typing import NamedTuple

#: What an order is; the last three are definite.
ABSENT, WORKING, DONE, DECLINED, VOIDED = "absent", "working", "done", "declined", "voided"
DEFINITE = frozenset({DONE, DECLINED, VOIDED})
#: What every order asks for, and the part of it that may be paid.
AMOUNT, PART = 2, 1
#: How often an order is paid at most: twice is enough to be wrong.
MOST = 2


class Order(NamedTuple):
    """How it stands, how often and how much was paid, and how often that was taken back."""

    outcome: str = ABSENT
    effects: int = 0
    dispensed: int = 0
    reversals: int = 0


def accepted(order: Order, *, idempotent: bool) -> Order:
    """Take a request: an order that it knows already is not new, if it looks at the key."""
    if order.outcome == ABSENT:
        return Order(WORKING)
    return order if idempotent or order.outcome != DONE else paid_again(order)


def paid_again(order: Order) -> Order:
    """Pay what it cannot know to be the same order."""
    if order.effects == MOST:
        return order
    return order._replace(outcome=DONE, effects=order.effects + 1, dispensed=order.dispensed + AMOUNT)


def dispensed(order: Order, paid: int) -> Order | None:
    """Pay, in full or in part."""
    return Order(DONE, 1, paid) if order.outcome == WORKING else None


def declined(order: Order) -> Order | None:
    """Refuse."""
    return Order(DECLINED) if order.outcome == WORKING else None


def voided(order: Order) -> Order | None:
    """Refuse from now on what it has not got."""
    return Order(VOIDED) if order.outcome == ABSENT else None


def refunded(order: Order) -> Order | None:
    """Take one payment back."""
    return order._replace(reversals=1) if order.effects and not order.reversals else None
