"""The chain beside running code: a transfer takes effect at the source, then at the middle, then at the sink, once each.

A client withdraws from an account at the source. The middle keeps half of it, rounded down, on the account of that name in its own books, and
passes the rest on to the sink, where it is paid in. How the services tell each other is internal: all that is promised is that a
transfer takes effect nowhere before it has at the service before, once everywhere, and everywhere in the end. How that is
done, `chain` says; running code is followed here.

Sources: Helland, "Life beyond distributed transactions", 2007; PATTERNS 12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Model, Transition
from acidtest.models.shared.ledger import EVENTS, Call, Ledger, LedgerState, Request

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

Balances = tuple[tuple[str, int], ...]

#: Of so much the middle keeps one.
PART = 2
#: What has become of a message: on the broker or with somebody, acknowledged, or rejected.
WAITING, ACKED, BURIED = "waiting", "acked", "buried"


def commission(amount: int) -> int:
    """What the middle keeps of an amount, in minor units."""
    return amount // PART


class Copy(NamedTuple):
    """A message on the broker.

    Arguments:
        hop: 0 from the source to the middle, 1 from the middle to the sink.
        about: the name of the transfer.
        status: what has become of it at the service that it is for.
        id: what identifies it.
        payload: what it carries, with its key.
    """

    hop: int
    about: str
    status: str = WAITING
    id: str = ""
    payload: str = ""


class TransfersView(NamedTuple):
    """What an outsider sees. Transfers go by the name of the first request for them.

    Arguments:
        opening: the balances of the source at the start.
        balances: its balances now.
        calls: what clients know.
        accepted: the transfers that the source has committed, in the order in which it did.
        others: the balances of the middle and of the sink.
        taken: the transfers that have taken effect at each of these two, in that order.
        owed: of the source and the middle, what each has committed to and not passed on, by (transfer, amount); None where it does not say.
        copies: the messages on the broker, in its order.
        total: what all three have together at the start.
        happened: what befell the run so far.
        stuck: whether a lock was waited for in vain.
        alarms: what each service has noticed that somebody has to look at; None where it does not say.
    """

    opening: Balances
    balances: Balances
    calls: tuple[Call, ...]
    accepted: tuple[str, ...]
    others: tuple[Balances, Balances]
    taken: tuple[tuple[str, ...], tuple[str, ...]]
    owed: tuple[Balances | None, Balances | None] = (None, None)
    copies: tuple[Copy, ...] = ()
    total: int = 0
    happened: frozenset[str] = frozenset()
    stuck: bool = False
    alarms: tuple[tuple[str, ...] | None, ...] = (None, None, None)


class TransfersState(NamedTuple):
    """The requests; and the numbers of the transfers that have taken effect at the middle and at the sink, in that order.

    `back` are the places of the services that were restored from a backup: 0 is the source.
    """

    ledger: LedgerState
    taken: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    back: frozenset[int] = frozenset()


class TransfersModel(Model[TransfersState]):
    """The chain over a fixed workload.

    Arguments:
        opening: (account, balance) pairs of the source.
        others: the same of the middle and of the sink.
        requests: the transfers; each takes an amount from one account.
        policies: as for `Ledger`.
    """

    name = "transfers through a chain"
    events = EVENTS

    def __init__(
        self, opening: Iterable[tuple[str, int]], others: Sequence[Balances], requests: Sequence[Request], policies: Collection[str] = ()
    ) -> None:
        """Number accounts and requests."""
        self.ledger = Ledger(opening, requests, policies)
        self.others = others
        self._accounts = [request.deltas[0][0] for request in requests]
        amounts = [-request.deltas[0][1] for request in requests]
        self._total = sum(n for has in (self.ledger.opening, *others) for _, n in has)
        self._moved = [(commission(amount), amount - commission(amount)) for amount in amounts]

    def initial_states(self) -> Iterable[TransfersState]:
        """Nothing has been asked for."""
        yield TransfersState(self.ledger.initial())

    def transitions(self) -> Sequence[Transition]:
        """Clients and the source first, then the services behind it."""
        distinct = [(i,) for i in self.ledger.distinct]
        return [*self.ledger.transitions(), Transition("pass", self.pass_on, distinct), Transition("arrive", self.arrive, distinct)]

    def pass_on(self, s: TransfersState, i: int) -> TransfersState | None:
        """The middle takes what the source has committed, keeps its part and owes the rest."""
        passed, arrived = s.taken
        return s._replace(taken=((*passed, i), arrived)) if i in s.ledger.accepted and i not in passed else None

    def arrive(self, s: TransfersState, i: int) -> TransfersState | None:
        """The sink takes what the middle has committed."""
        passed, arrived = s.taken
        return s._replace(taken=(passed, (*arrived, i))) if i in passed and i not in arrived else None

    def leads_to(self, state: TransfersState, view: TransfersView) -> bool:
        """What took effect stays, in its order."""
        mine = (self.ledger.accepted(state.ledger), *self._taken(state))
        return all(of == then[: len(of)] for of, then in zip(mine, (view.accepted, *view.taken), strict=True))

    def at_rest(self, state: TransfersState) -> bool:
        """No call is open, and whatever was withdrawn has arrived."""
        return "open" not in state.ledger.status and len(state.taken[1]) == len(state.ledger.accepted)

    def view(self, state: TransfersState) -> TransfersView:
        """Balances, answers, and which transfers have come how far."""
        return TransfersView(
            self.ledger.opening, self.ledger.balances(state.ledger), self.ledger.calls(state.ledger), self.ledger.accepted(state.ledger),
            (self._balances(state, 0), self._balances(state, 1)), self._taken(state), total=self._total,
        )  # fmt: skip

    def _taken(self, state: TransfersState) -> tuple[tuple[str, ...], tuple[str, ...]]:
        passed, arrived = [tuple([self.ledger.requests[i].name for i in taken]) for taken in state.taken]
        return passed, arrived

    def _balances(self, state: TransfersState, place: int) -> Balances:
        """What the middle (0) or the sink (1) has."""
        has = dict(self.others[place])
        for i in state.taken[place]:
            has[self._accounts[i]] += self._moved[i][place]
        return tuple(sorted(has.items()))
