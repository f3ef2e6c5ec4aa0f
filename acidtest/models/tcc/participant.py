"""Try-Confirm/Cancel as one participating service shows it, whoever coordinates and however calls arrive.

A Try holds money: it is taken off what may be spent and stays in the balance. A Confirm takes what is held off the
balance; a Cancel gives it back, and fences: no Try of that branch holds anything afterwards, also where the Cancel came
first. A branch ends once, one way or the other. Nothing else releases a hold, however long it lasts: the service does
not know how the transaction ended elsewhere.

The coordinator is not modelled: its calls come late, twice and out of order, as clients' requests. The protocol that it
follows has a model of its own. What the Ledger keeps as balances is what may be spent; a branch has a key per method.

Sources: Pardon & Pautasso, "Towards distributed atomic transactions over RESTful services", 2011; Seata, TCC fence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.checker.machine import Model, Transition
from acidtest.models.shared.ledger import EVENTS, Call, Ledger, LedgerState, Request
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: The methods that act on a branch.
TRY, CONFIRM, CANCEL = "try", "confirm", "cancel"


class TccServiceView(NamedTuple):
    """What an outsider sees of one service.

    Arguments:
        opening: the balances at the start.
        balances: the balances now.
        available: what of them may be spent.
        calls: what the coordinator knows.
        held: the Try requests whose amount is held, sorted; equal ones go by the name of the first.
        booked: the Try requests whose amount was taken off the balance, likewise.
        happened: what befell the run so far.
        stuck: whether a lock was waited for in vain.
    """

    opening: tuple[tuple[str, int], ...]
    balances: tuple[tuple[str, int], ...]
    available: tuple[tuple[str, int], ...]
    calls: tuple[Call, ...]
    held: tuple[str, ...]
    booked: tuple[str, ...]
    happened: frozenset[str] = frozenset()
    stuck: bool = False


class TccServiceState(NamedTuple):
    """The requests; the Try requests that were confirmed; and the Confirm requests that came upon no Try."""

    ledger: LedgerState
    booked: frozenset[int] = frozenset()
    early: frozenset[int] = frozenset()


class TccService(Model[TccServiceState]):
    """One service over a fixed workload.

    Arguments:
        opening: (account, balance) pairs.
        requests: the calls, made by `request`.
        after: per request, the number of the one that the same client makes before it; None for the first.
    """

    name = "TCC service"
    events = EVENTS

    def __init__(
        self, opening: Iterable[tuple[str, int]], requests: Sequence[Request], after: Sequence[int | None] = ()
    ) -> None:
        """Number accounts, requests and keys."""
        self.ledger = Ledger(opening, requests)
        self.requests = self.ledger.requests
        self._after = tuple(after) or (None,) * len(self.requests)
        keys = list(dict.fromkeys(request.key for request in self.requests))
        self._key = {key: number for number, key in enumerate(keys)}
        self._names = [request.name for request in self.requests]

    def initial_states(self) -> Iterable[TccServiceState]:
        """Nothing has been asked for."""
        yield TccServiceState(self.ledger.initial())

    def transitions(self) -> Sequence[Transition]:
        """The coordinator and the database."""
        everyone = range(len(self.requests))
        own: dict[str, Any] = {"invoke": self.invoke, "accept": self.accept, "unknown": self.unknown, "reply": self.reply}
        confirms = [(i,) for i in everyone if method_of(self.requests[i]) == CONFIRM]
        return [
            *[t._replace(effect=own.get(t.name, t.effect)) for t in self.ledger.transitions()],
            *([Transition("miss", self.miss, confirms)] if confirms else []),
        ]

    def invoke(self, s: TccServiceState, i: int) -> TccServiceState | None:
        """A call, or the same again after an unknown outcome; a client makes one after the other."""
        before = self._after[i]
        if before is not None and s.ledger.status[before] in ("new", "open"):
            return None
        return self._with(s, self.ledger.invoke(s.ledger, i), i)

    def accept(self, s: TccServiceState, i: int) -> TccServiceState | None:
        """A call takes effect: the branch holds, or ends."""
        if not self.ledger.undecided(s.ledger, i):
            return None
        method, branch = method_of(self.requests[i]), branch_of(self.requests[i])
        confirmed, cancelled = self._ended(s, branch)
        held = self._tried(s, branch)
        if method == TRY:
            ledger = None if cancelled else self.ledger.accept(s.ledger, i)
            return None if ledger is None else s._replace(ledger=ledger)
        if method == CONFIRM:
            return None if cancelled or held is None else self._bind(s, i)._replace(booked=s.booked | {held})
        if confirmed:
            return None
        return self._release(self._bind(s, i), held)

    def miss(self, s: TccServiceState, i: int) -> TccServiceState | None:
        """A Confirm finds no Try. That binds nothing: the Try may be on its way."""
        branch = branch_of(self.requests[i])
        if s.ledger.status[i] != "open" or i in s.early or self._tried(s, branch) is not None:
            return None
        return s._replace(early=s.early | {i})

    def reply(self, s: TccServiceState, i: int, outcome: str) -> TccServiceState | None:
        """The coordinator is told how it is."""
        if s.ledger.status[i] != "open" or outcome not in self._answers(s, i):
            return None
        return self._with(s, s.ledger._replace(status=put(s.ledger.status, i, outcome)), i)

    def unknown(self, s: TccServiceState, i: int) -> TccServiceState | None:
        """The coordinator learns nothing."""
        return self._with(s, self.ledger.unknown(s.ledger, i), i)

    def _answers(self, s: TccServiceState, i: int) -> set[str | None]:
        """What may be told; of a Try that was held and cancelled since, either."""
        request = self.requests[i]
        if not request.valid:
            return {"rejected"}
        confirmed, cancelled = self._ended(s, branch_of(request))
        if method_of(request) == TRY:
            return {self.ledger.answer(s.ledger, i), "rejected" if cancelled else None}
        if method_of(request) == CANCEL:
            return {"ok" if cancelled else "rejected" if confirmed else None}
        refused = cancelled or i in s.early or self._bound(s, TRY, branch_of(request)) == "rejected"
        return {"ok" if confirmed else None, "rejected" if refused else None}

    def _ended(self, s: TccServiceState, branch: str) -> tuple[bool, bool]:
        """Whether a branch is confirmed, and whether it is cancelled."""
        return self._bound(s, CONFIRM, branch) == "ok", self._bound(s, CANCEL, branch) == "ok"

    def _bound(self, s: TccServiceState, method: str, branch: str) -> str | None:
        key = self._key.get(f"{method} {branch}")
        bound = None if key is None else s.ledger.bound[key]
        return None if bound is None else bound[1]

    def _tried(self, s: TccServiceState, branch: str) -> int | None:
        """The number of the Try that took effect for a branch."""
        return next((i for i in s.ledger.accepted if branch_of(self.requests[i]) == branch), None)

    def _bind(self, s: TccServiceState, i: int) -> TccServiceState:
        key = self._key[self.requests[i].key]
        return s._replace(ledger=s.ledger._replace(bound=put(s.ledger.bound, key, (self.ledger.first[i], "ok"))))

    def _release(self, s: TccServiceState, held: int | None) -> TccServiceState:
        """Give back what the Try numbered `held` had taken off what may be spent."""
        if held is None:
            return s
        changes = dict(self.requests[held].deltas)
        named = zip(self.ledger.accounts, s.ledger.balances, strict=True)
        balances = tuple([sum_ - changes.get(account, 0) for account, sum_ in named])
        return s._replace(ledger=s.ledger._replace(balances=balances))

    def _with(self, s: TccServiceState, ledger: LedgerState | None, i: int) -> TccServiceState | None:
        """The state with this ledger; what call `i` had come upon before is of no account any more."""
        return None if ledger is None else s._replace(ledger=ledger, early=s.early - {i})

    def at_rest(self, state: TccServiceState) -> bool:
        """No call is open."""
        return "open" not in state.ledger.status

    def view(self, state: TccServiceState) -> TccServiceView:
        """Balances, what may be spent, and answers."""
        held = [
            i for i in state.ledger.accepted
            if i not in state.booked and not self._ended(state, branch_of(self.requests[i]))[1]
        ]  # fmt: skip
        available = self.ledger.balances(state.ledger)
        balances = dict(available)
        for account, change in [delta for i in held for delta in self.requests[i].deltas]:
            balances[account] -= change
        return TccServiceView(
            self.ledger.opening,
            tuple(balances.items()),
            available,
            self.ledger.calls(state.ledger),
            tuple(sorted([self._names[i] for i in held])),
            tuple(sorted([self._names[i] for i in state.booked])),
        )


def request(name: str, method: str, branch: str, account: str = "", amount: int = 0, *, valid: bool = True) -> Request:
    """A call: Try with the account and the amount that it is to hold, Confirm, or Cancel.

    Arguments:
        name: identifies it within the workload.
        method: TRY, CONFIRM or CANCEL.
        branch: of which transaction, and which branch of it.
        account: whose money is to be held.
        amount: minor units.
        valid: whether it may be accepted at all.
    """
    if method != TRY:
        return Request(name, f"{method} {branch}", (), ())
    return Request(name, f"{TRY} {branch}", (account, amount), ((account, -amount),), valid)


def method_of(asked: Request) -> str:
    """TRY, CONFIRM or CANCEL."""
    return asked.key.partition(" ")[0]


def branch_of(asked: Request) -> str:
    """The branch that a call is about."""
    return asked.key.partition(" ")[2]
