"""Accounts whose state is what their events amount to, as clients see them: commands, balances, and what others are told.

The log is internal. What an outsider sees of it are balances, answers and messages, and of these the same is promised as of an
outbox, for a log that is read from a checkpoint is one: what a command has changed is told to others in the end, and nothing else.

Source: Young, "CQRS Documents", 2010.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.models.outbox.service import Copy, OutboxModel, OutboxState

if TYPE_CHECKING:
    from acidtest.models.shared.ledger import Call

Balances = tuple[tuple[str, int], ...]


class AccountsView(NamedTuple):
    """What an outsider sees.

    Arguments:
        opening: the balances at the start.
        balances: what a fresh process says that the balances are; what was said last where it says that it cannot know.
        calls: what clients know.
        accepted: the commands that took effect, in the order in which they did; equal ones go by the name of the first.
        copies: the messages on the broker, in its order.
        excused: how many further copies are excused so far.
        used: the other methods of the port that clients have called so far.
        unknown: a client was told that there is an event now of a type that this release does not know.
        unreadable: a fresh process says that it cannot know the balances, for there is an event that it does not know.
        read: what a process that has run before has just said; None where none was asked, empty where it says that it cannot know.
        window: what a fresh process would have said at some instant while it was asked.
        polls: whether others are told of events.
        happened: what befell the run so far.
        wedged: whether coming to rest took restarting a process that had neither crashed nor lost a connection.
    """

    opening: Balances
    balances: Balances
    calls: tuple[Call, ...]
    accepted: tuple[str, ...]
    copies: tuple[Copy, ...] = ()
    excused: int = 0
    used: frozenset[str] = frozenset()
    unknown: bool = False
    unreadable: bool = False
    read: Balances | None = None
    window: frozenset[Balances] = frozenset()
    polls: bool = False
    happened: frozenset[str] = frozenset()
    wedged: bool = False


class AccountsModel(OutboxModel):
    """Accounts over a fixed workload of deposits and withdrawals; arguments as for `OutboxModel`."""

    name = "event sourcing"

    def view(self, state: OutboxState) -> AccountsView:  # type: ignore[override] # it says the same, and has room for more
        """Balances, answers, and what others were told."""
        seen = super().view(state)
        return AccountsView(seen.opening, seen.balances, seen.calls, seen.accepted, seen.copies, seen.excused)
