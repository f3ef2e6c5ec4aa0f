"""CQRS as an outsider sees it: commands on accounts are decided on one side, and a view of each account follows.

The projector, its checkpoint, and the cache are internal. What is promised of a view is that it always shows what some prefix of
the account's events amounts to, that it never goes back to a shorter one, and that it shows all of them in the end.

Sources: Young, "CQRS Documents", 2010; what is beyond one row, and why, is in `projection`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Model, Transition
from acidtest.models.shared.ledger import EVENTS, Call, Ledger, LedgerState, Request
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

#: The first word of what is asked for by a command that closes an account.
CLOSE = "close"
#: Versions of a row that shows what no prefix of the account's events amounts to; what was not committed, or not only.
WRONG, PHANTOM = -1, -2


class Row(NamedTuple):
    """What a view shows of an account: the balance, None where there is no such account, and how many of its events that amounts to."""

    account: str
    balance: int | None
    version: int


class Read(NamedTuple):
    """What a query of a client was answered: the version that it showed, and the least that its session asks for, or -1.

    `after_query` says that it is another query that it comes after, and not a command.
    """

    query: str
    version: int
    least: int
    after_query: bool


class CqrsView(NamedTuple):
    """What an outsider sees.

    Arguments:
        opening: the balances at the start.
        balances: the balances of the side that decides; of a closed account the last one.
        closed: the accounts that are closed there.
        calls: what clients know of their commands.
        accepted: the commands that took effect, in the order in which they did; equal ones go by the name of the first.
        shown: what the view shows of each account, whatever is cached.
        served: what a query would be answered now.
        reads: what clients were answered that matters later.
        rebuilt: whether a rebuild has begun.
        calm: whether nothing is going on, and a projector has begun and ended since the last change of either side.
        earlier: the projectors that had begun by that change.
        happened: what befell the run so far.
        wedged: whether coming to rest took restarting a process that had neither crashed nor lost a connection.
    """

    opening: tuple[tuple[str, int], ...]
    balances: tuple[tuple[str, int], ...]
    closed: tuple[str, ...]
    calls: tuple[Call, ...]
    accepted: tuple[str, ...]
    shown: tuple[Row, ...]
    served: tuple[Row, ...] = ()
    reads: tuple[Read, ...] = ()
    rebuilt: bool = False
    calm: bool = False
    earlier: frozenset[str] = frozenset()
    happened: frozenset[str] = frozenset()
    wedged: bool = False


class CqrsState(NamedTuple):
    """The commands, and how many events of each account the view shows."""

    ledger: LedgerState
    shown: tuple[int, ...]


class Commands(Ledger):
    """Keyed commands on accounts, one kind of which closes the account: from then on every other is declined."""

    def affordable(self, s: LedgerState, i: int) -> bool:
        """Whether the account is open and would not be overdrawn; closing is always possible, and closes once."""
        return closes(self.requests[i]) or (self.account(i) not in self.closed(s) and super().affordable(s, i))

    def account(self, i: int) -> str:
        """The account that a command is about."""
        return account_of(self.requests[i])

    def closed(self, s: LedgerState) -> tuple[str, ...]:
        """The accounts that are closed."""
        return tuple(sorted([self.account(i) for i in s.accepted if closes(self.requests[i])]))

    def events(self, s: LedgerState, account: str) -> list[Request]:
        """The commands on an account that took effect, in order."""
        return [self.requests[i] for i in s.accepted if self.account(i) == account]


class CqrsModel(Model[CqrsState]):
    """Commands and a view over a fixed workload.

    Arguments:
        opening: (account, balance) pairs.
        requests: the commands; each is about one account.
        policies: as for `Ledger`.
    """

    name = "cqrs"
    events = EVENTS

    def __init__(self, opening: Iterable[tuple[str, int]], requests: Sequence[Request], policies: Collection[str] = ()) -> None:
        """Number accounts and commands."""
        self.ledger = Commands(opening, requests, policies)

    def initial_states(self) -> Iterable[CqrsState]:
        """Nothing has been asked for, and the view shows the accounts as they were opened."""
        yield CqrsState(self.ledger.initial(), (0,) * len(self.ledger.accounts))

    def transitions(self) -> Sequence[Transition]:
        """Clients and the deciding side first, then the view."""
        rows = [(n,) for n in range(len(self.ledger.accounts))]
        return [*self.ledger.transitions(), Transition("project", self.project, rows)]

    def project(self, s: CqrsState, n: int) -> CqrsState | None:
        """The view shows the next event of an account."""
        if s.shown[n] == len(self.ledger.events(s.ledger, self.ledger.accounts[n])):
            return None
        return s._replace(shown=put(s.shown, n, s.shown[n] + 1))

    def leads_to(self, state: CqrsState, view: CqrsView) -> bool:
        """What took effect stays, and what is shown only grows."""
        accepted = self.ledger.accepted(state.ledger)
        shown = all(version <= row.version for version, row in zip(state.shown, view.shown, strict=True))
        return shown and accepted == view.accepted[: len(accepted)]

    def at_rest(self, state: CqrsState) -> bool:
        """No call is open and the view shows everything."""
        return "open" not in state.ledger.status and all(self.project(state, n) is None for n in range(len(state.shown)))

    def view(self, state: CqrsState) -> CqrsView:
        """Balances and answers, and what is shown of each account."""
        ledger, s = self.ledger, state.ledger
        rows = [
            Row(account, shown_after(balance, ledger.events(s, account)[:version]), version)
            for (account, balance), version in zip(ledger.opening, state.shown, strict=True)
        ]
        return CqrsView(ledger.opening, ledger.balances(s), ledger.closed(s), ledger.calls(s), ledger.accepted(s), tuple(rows))


def closes(request: Request) -> bool:
    """Whether a command closes its account."""
    return request.payload[0] == CLOSE


def account_of(request: Request) -> str:
    """The account that a command is about."""
    return str(request.payload[1])


def shown_after(opening: int, events: Sequence[Request]) -> int | None:
    """What a view shows of an account after these commands on it: the balance, or None once it is closed."""
    if any(closes(event) for event in events):
        return None
    return opening + sum([change for event in events for _, change in event.deltas])
