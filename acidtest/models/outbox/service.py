"""Transactional outbox: a withdrawal and the message that it owes become true together; relays publish what is owed.

The relay and the broker are internal: all that is promised is that a message may appear once its withdrawal was
accepted, that it does appear in the end, and that a further copy needs a crash, a lost reply or a lost mark: publishing
and marking are two steps in two systems (PATTERNS 10, N1).

Sources: Richardson, "Transactional outbox"; Helland, "Life beyond distributed transactions", 2007.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Model, Transition
from acidtest.models.shared.ledger import EVENTS, Call, Ledger, LedgerState, Request

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence


class Copy(NamedTuple):
    """One copy of a message on the broker: the name of the request that it is about, and what it carries."""

    about: str
    id: str = ""
    payload: str = ""


class OutboxView(NamedTuple):
    """What an outsider sees.

    Arguments:
        opening: the balances at the start.
        balances: the balances now.
        calls: what clients know.
        accepted: the requests that took effect, in the order in which they did; equal ones go by the name of the first.
        copies: the messages on the broker, in its order.
        excused: how many further copies are excused so far.
        poison: accounts whose messages the broker never accepts.
        happened: what befell the run so far.
        wedged: whether coming to rest took restarting a process that had neither crashed nor lost a connection.
        parked: the requests whose message was given up, for all to see, and that nobody has asked to send again.
    """

    opening: tuple[tuple[str, int], ...]
    balances: tuple[tuple[str, int], ...]
    calls: tuple[Call, ...]
    accepted: tuple[str, ...]
    copies: tuple[Copy, ...]
    excused: int
    poison: frozenset[str] = frozenset()
    happened: frozenset[str] = frozenset()
    wedged: bool = False
    parked: tuple[str, ...] = ()


class OutboxState(NamedTuple):
    """The requests, and the broker's log: the numbers of the requests that its messages are about."""

    ledger: LedgerState
    log: tuple[int, ...] = ()
    excused: int = 0


class OutboxModel(Model[OutboxState]):
    """The outbox over a fixed workload.

    Arguments:
        opening: (account, balance) pairs.
        requests: the withdrawals; each changes one account.
        poison: accounts whose messages the broker never accepts.
        disturbances: how many further copies may be excused at most.
        parks: messages may be given up, so that they need not be out in the end.
        policies: as for `Ledger`.
    """

    name = "outbox"
    events = EVENTS | {"disturb"}

    def __init__(
        self,
        opening: Iterable[tuple[str, int]],
        requests: Sequence[Request],
        *,
        poison: Iterable[str] = (),
        disturbances: int = 1,
        parks: bool = False,
        policies: Collection[str] = (),
    ) -> None:
        """Number accounts and requests."""
        self.ledger = Ledger(opening, requests, policies)
        self.poison = frozenset(poison)
        self.disturbances = disturbances
        self.parks = parks
        self._accounts = [request.deltas[0][0] for request in requests]

    def initial_states(self) -> Iterable[OutboxState]:
        """Nothing has been asked for."""
        yield OutboxState(self.ledger.initial())

    def transitions(self) -> Sequence[Transition]:
        """Clients and the database first, then the relay."""
        distinct = [(i,) for i in self.ledger.distinct]
        return [
            *self.ledger.transitions(),
            Transition("disturb", self.disturb),
            Transition("publish", self.publish, distinct),
            Transition("republish", self.republish, distinct),
        ]

    def disturb(self, s: OutboxState) -> OutboxState | None:
        """A crash, a lost reply or a lost mark: one more copy is excused."""
        return s._replace(excused=min(s.excused + 1, self.disturbances))

    def publish(self, s: OutboxState, i: int) -> OutboxState | None:
        """The broker accepts an owed message."""
        if i not in s.ledger.accepted or i in s.log or self._accounts[i] in self.poison:
            return None
        return s._replace(log=(*s.log, i))

    def republish(self, s: OutboxState, i: int) -> OutboxState | None:
        """The broker accepts a further copy."""
        if i not in s.log or len(s.log) - len(set(s.log)) >= s.excused:
            return None
        return s._replace(log=(*s.log, i))

    def leads_to(self, state: OutboxState, view: OutboxView) -> bool:
        """What took effect stays, and so does what the broker has: both only grow."""
        accepted, copies = self.ledger.accepted(state.ledger), [self.ledger.requests[i].name for i in state.log]
        return accepted == view.accepted[: len(accepted)] and copies == [copy.about for copy in view.copies[: len(copies)]]

    def at_rest(self, state: OutboxState) -> bool:
        """No call is open and the relays have nothing left to publish, unless they give up."""
        published = self.parks or all(self.publish(state, i) is None for i in self.ledger.distinct)
        return published and "open" not in state.ledger.status

    def view(self, state: OutboxState) -> OutboxView:
        """Balances, answers and the broker's log."""
        return OutboxView(
            self.ledger.opening,
            self.ledger.balances(state.ledger),
            self.ledger.calls(state.ledger),
            self.ledger.accepted(state.ledger),
            tuple([Copy(self.ledger.requests[i].name) for i in state.log]),
            state.excused,
            self.poison,
        )
