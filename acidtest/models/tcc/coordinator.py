"""The coordinator of Try-Confirm/Cancel as its clients and the services see it, however it works inside.

Each transaction has branches at services; each branch is held, and then confirmed or cancelled. The coordinator may
confirm one only while all branches of the transaction are held or confirmed, and only a disturbance, or a branch that
cannot be held, lets it cancel. The decision is one for all branches; it does not show by itself, so here it falls with
its first consequence: a branch that is confirmed or cancelled, or an answer. A client may be told that the transaction is
pending, and then knows as much as before.

Services do what they are told, once, and never forget. What the Ledger keeps as balances is what may be spent there.
The protocol that a coordinator follows has a model of its own; running code of any is followed against this one.

Sources: Pardon & Pautasso, "Towards distributed atomic transactions over RESTful services", 2011; Helland, "Life beyond
Distributed Transactions", CIDR 2007 (tentative operations).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.checker.machine import Model, Transition
from acidtest.models.shared.ledger import EVENTS, Call, Ledger, LedgerState, Request
from acidtest.models.shared.tuples import put
from acidtest.models.tcc.protocol import CANCEL, CANCELLED, CONFIRM, CONFIRMED, NONE, TRIED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: A branch that its service could not hold.
REFUSED = "refused"
PENDING = "pending"
#: How far a branch has come.
_STAGES = {NONE: 0, TRIED: 1, CONFIRMED: 2, CANCELLED: 2}


class Branch(NamedTuple):
    """A branch as its service keeps it.

    Arguments:
        gid: the transaction.
        id: which branch of it, as the coordinator says.
        account: service/account; empty where no Try has come.
        amount: minor units; 0 where no Try has come.
        status: none, tried, confirmed, cancelled, refused, or the tombstone of a Cancel that came first.
        told: what the service was told of confirm and cancel, whatever it answered, or will be told by calls on their way.
    """

    gid: str
    id: str
    account: str
    amount: int
    status: str
    told: tuple[str, ...] = ()


class CoordinationView(NamedTuple):
    """What an outsider sees.

    Arguments:
        opening: the balances at the start. Accounts are called service/account.
        balances: the balances now, holds included.
        available: what of them may be spent.
        calls: what clients know.
        accepted: the requests of which some branch is confirmed; equal ones go by the name of the first.
        branches: every branch that some service has heard of.
        happened: what befell the run so far.
        stuck: whether a lock was waited for in vain.
        wedged: whether coming to rest took restarting a process that had neither crashed nor lost a connection.
    """

    opening: tuple[tuple[str, int], ...]
    balances: tuple[tuple[str, int], ...]
    available: tuple[tuple[str, int], ...]
    calls: tuple[Call, ...]
    accepted: tuple[str, ...]
    branches: tuple[Branch, ...]
    happened: frozenset[str] = frozenset()
    stuck: bool = False
    wedged: bool = False


class CoordinationState(NamedTuple):
    """The requests, and per request the statuses of its branches; equal requests go by the first."""

    ledger: LedgerState
    branches: tuple[tuple[str, ...], ...]


class Coordination(Model[CoordinationState]):
    """A coordinator over a fixed workload.

    Arguments:
        opening: (service/account, balance) pairs.
        requests: the transactions, made by `request`.
    """

    name = "TCC coordinator"
    events = EVENTS

    def __init__(self, opening: Iterable[tuple[str, int]], requests: Sequence[Request]) -> None:
        """Number accounts, requests and keys."""
        self.ledger = Ledger(opening, requests)
        self.requests = self.ledger.requests
        numbers = range(len(self.requests))
        first = self.ledger.first
        keys = list(dict.fromkeys(request.key for request in self.requests))
        self._key = [keys.index(request.key) for request in self.requests]
        self._equal = [[j for j in numbers if first[j] == first[i]] for i in numbers]
        accounts = {name: number for number, name in enumerate(self.ledger.accounts)}
        self._parts = [
            [(accounts.get(name, -1), -change) for name, change in request.deltas] if first[i] == i else []
            for i, request in enumerate(self.requests)
        ]

    def initial_states(self) -> Iterable[CoordinationState]:
        """Nothing has been asked for."""
        yield CoordinationState(self.ledger.initial(), tuple((NONE,) * len(parts) for parts in self._parts))

    def transitions(self) -> Sequence[Transition]:
        """Clients first, then the coordinator."""
        replies = [(i, told) for i in range(len(self.requests)) for told in ("ok", "rejected", PENDING)]
        held = [(i, b) for i, parts in enumerate(self._parts) for b, (account, sum_) in enumerate(parts) if account >= 0 < sum_]
        binding = [(i, b) for i, b in held if self.requests[i].valid]
        table = {t.name: t for t in self.ledger.transitions()}
        return [
            table["invoke"]._replace(effect=self.invoke),
            *[table[name] for name in ("claim", "unknown", "disturbed") if name in table],
            Transition("reply", self.reply, replies),
            Transition("try", self.try_, held),
            Transition("confirm", self.confirm, binding),
            Transition("cancel", self.cancel, held),
        ]

    def invoke(self, s: CoordinationState, i: int) -> CoordinationState | None:
        """A client asks, or asks again, also after it was told that the transaction is pending."""
        status = s.ledger.status
        ledger = s.ledger._replace(status=put(status, i, "unknown")) if status[i] == PENDING else s.ledger
        invoked = self.ledger.invoke(ledger, i)
        return None if invoked is None else s._replace(ledger=invoked)

    def reply(self, s: CoordinationState, i: int, told: str) -> CoordinationState | None:
        """The client learns the decision, which falls now at the latest; or that it will fall."""
        if s.ledger.status[i] != "open":
            return None
        decide = {"ok": self._confirmed, "rejected": self._cancelled, PENDING: self._pending}[told]
        decided = decide(s, self.ledger.first[i], i)
        if decided is None:
            return None
        return decided._replace(ledger=decided.ledger._replace(status=put(s.ledger.status, i, told)))

    def _confirmed(self, s: CoordinationState, first: int, i: int) -> CoordinationState | None:
        """All branches are held, or confirmed already, and nothing else was decided."""
        bound = s.ledger.bound[self._key[i]]
        ready = self.requests[i].valid and all(status in (TRIED, CONFIRMED) for status in s.branches[first])
        return self._bind(s, first, "ok") if ready and bound in (None, (first, ""), (first, "ok")) else None

    def _cancelled(self, s: CoordinationState, first: int, i: int) -> CoordinationState | None:
        """The transaction cannot be confirmed, was disturbed, or its id is another's."""
        bound = s.ledger.bound[self._key[i]]
        if bound is not None and bound[0] != first:
            return s
        if bound is not None and bound[1] == "ok":
            return None
        if not self.requests[i].valid:
            return s
        return self._bind(s, first, "rejected") if bound == (first, "rejected") or self._has_reason(s, first) else None

    def _pending(self, s: CoordinationState, first: int, i: int) -> CoordinationState | None:
        bound = s.ledger.bound[self._key[i]]
        return s if bound is None or bound[0] == first else None

    def _has_reason(self, s: CoordinationState, first: int) -> bool:
        """Whether the transaction may be given up: it was disturbed, is left to itself, or a branch cannot be held."""
        asked = [j for j in self._equal[first] if s.ledger.status[j] != "new"]
        if any(not s.ledger.alone[j] or s.ledger.status[j] == PENDING for j in asked) or not self.requests[first].valid:
            return True
        parts = zip(self._parts[first], s.branches[first], strict=True)
        return any(status == NONE and s.ledger.balances[account] < sum_ for (account, sum_), status in parts)

    def try_(self, s: CoordinationState, i: int, b: int) -> CoordinationState | None:
        """A service holds what a branch asks for; the call may have been late. The id is claimed before that."""
        account, sum_ = self._parts[i][b]
        bound = s.ledger.bound[self._key[i]]
        asked = any(s.ledger.status[j] != "new" for j in self._equal[i])
        if not asked or s.branches[i][b] != NONE or s.ledger.balances[account] < sum_ or (bound is not None and bound[0] != i):
            return None
        claimed = self._bind(s, i, "") if bound is None else s
        return self._moved(claimed, i, b, TRIED, -sum_)

    def confirm(self, s: CoordinationState, i: int, b: int) -> CoordinationState | None:
        """A branch is confirmed."""
        if s.branches[i][b] != TRIED:
            return None
        decided = self._confirmed(s, i, i)
        if decided is None:
            return None
        accepted = s.ledger.accepted if i in s.ledger.accepted else (*s.ledger.accepted, i)
        return self._moved(decided._replace(ledger=decided.ledger._replace(accepted=accepted)), i, b, CONFIRMED, 0)

    def cancel(self, s: CoordinationState, i: int, b: int) -> CoordinationState | None:
        """A branch gives back what it holds."""
        bound = s.ledger.bound[self._key[i]]
        if s.branches[i][b] != TRIED or bound not in (None, (i, ""), (i, "rejected")):
            return None
        if bound != (i, "rejected") and not self._has_reason(s, i):
            return None
        return self._moved(self._bind(s, i, "rejected"), i, b, CANCELLED, self._parts[i][b][1])

    def _moved(self, s: CoordinationState, i: int, b: int, status: str, change: int) -> CoordinationState:
        """A branch in a new status, and the change that this makes to what may be spent."""
        account = self._parts[i][b][0]
        balances = put(s.ledger.balances, account, s.ledger.balances[account] + change)
        branches = put(s.branches, i, put(s.branches[i], b, status))
        return CoordinationState(s.ledger._replace(balances=balances), branches)

    def _bind(self, s: CoordinationState, i: int, outcome: str) -> CoordinationState:
        return s._replace(ledger=s.ledger._replace(bound=put(s.ledger.bound, self._key[i], (i, outcome))))

    def leads_to(self, state: CoordinationState, view: CoordinationView) -> bool:
        """Whether no branch has come farther than it looks."""
        seen: dict[tuple[str, str, int], list[str]] = {}
        for branch in view.branches:
            seen.setdefault((branch.gid, branch.account, branch.amount), []).append(branch.status)
        for i, statuses in enumerate(state.branches):
            for (name, change), status in zip(self.requests[i].deltas if statuses else (), statuses, strict=True):
                there = seen.get((self.requests[i].key, name, -change), [NONE])
                if not any(status == one or _STAGES[status] < _STAGES[one] for one in there):
                    return False
        return True

    def at_rest(self, state: CoordinationState) -> bool:
        """No call is open, and nothing is held."""
        return "open" not in state.ledger.status and not any(TRIED in statuses for statuses in state.branches)

    def view(self, state: CoordinationState) -> CoordinationView:
        """Balances, answers and branches."""
        branches = [branch for i in self.ledger.distinct for branch in self._branches(state, i)]
        balances = dict(available := self.ledger.balances(state.ledger))
        for branch in branches:
            if branch.status == TRIED:
                balances[branch.account] += branch.amount
        return CoordinationView(
            self.ledger.opening, tuple(balances.items()), available, self.ledger.calls(state.ledger),
            tuple(sorted(self.ledger.accepted(state.ledger))), tuple(sorted(branches)),
        )  # fmt: skip

    def _branches(self, s: CoordinationState, i: int) -> list[Branch]:
        request, told = self.requests[i], {CONFIRMED: (CONFIRM,), CANCELLED: (CANCEL,)}
        return [
            Branch(request.key, f"{i}.{b}", name, -change, status, told.get(status, ()))
            for b, ((name, change), status) in enumerate(zip(request.deltas, s.branches[i], strict=True))
            if status != NONE
        ]


def request(name: str, gid: str, *branches: tuple[str, str, Any], valid: bool = True) -> Request:
    """A transaction of (service, account, amount) branches, all or none.

    Arguments:
        name: identifies the request within the workload.
        gid: the transaction's id.
        branches: amounts in minor units.
        valid: whether it may be confirmed at all.
    """
    deltas = tuple((f"{service}/{account}", -amount) for service, account, amount in branches)
    return Request(name, gid, branches, deltas, valid)
