"""Atomic commit as a service: a run takes effect in all of its databases or in none, each database in its own time.

The coordinator, its log and its messages are internal. All that shows is that a database promises (the branch is in
doubt), that the effects appear one database after the other once it has been decided to commit, and that nothing is
left in doubt in the end. Before the decision anything may be aborted, unless nothing disturbed it; after the decision
to commit nothing may. The decision does not show by itself, so here it falls with its first consequence: an effect, or
an answer, which may be given while every branch is still in doubt.

The protocols that implement it are modelled elsewhere; running code of any of them is followed against this one.

Sources: Bernstein, Hadzilacos & Goodman, "Concurrency Control and Recovery in Database Systems", 1987, chapter 7;
Gray & Lamport, "Consensus on Transaction Commit", 2006; Mohan, Lindsay & Obermarck, "Transaction management in the R*
distributed database management system", 1986 (presumed abort).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Model, Transition
from acidtest.models.shared.ledger import EVENTS, Call, Ledger, LedgerState, Request
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Names, per database.
Names = tuple[tuple[str, tuple[str, ...]], ...]


class AtomicCommitView(NamedTuple):
    """What an outsider sees. Accounts are called database/account.

    Arguments:
        opening: the balances at the start.
        balances: the balances now.
        calls: what clients know.
        accepted: the requests that took effect somewhere, in the order in which they first did; equal ones go by the
            name of the first.
        took: per database, the requests that took effect there, in order.
        in_doubt: per database, the keys whose branch there is prepared.
        voted: per database, the keys that were in doubt there, or took effect, at some time.
        happened: what befell the run so far.
        stuck: whether a lock was waited for in vain.
        wedged: whether coming to rest took restarting a process that had neither crashed nor lost a connection.
    """

    opening: tuple[tuple[str, int], ...]
    balances: tuple[tuple[str, int], ...]
    calls: tuple[Call, ...]
    accepted: tuple[str, ...]
    took: Names
    in_doubt: Names
    voted: Names
    happened: frozenset[str] = frozenset()
    stuck: bool = False
    wedged: bool = False


class AtomicCommitState(NamedTuple):
    """The requests; and per database which of them took effect, which are in doubt, and which keys ever were."""

    ledger: LedgerState
    took: tuple[tuple[int, ...], ...]
    doubt: tuple[frozenset[int], ...]
    voted: tuple[frozenset[str], ...]


class AtomicCommit(Model[AtomicCommitState]):
    """Atomic commit over a fixed workload.

    Arguments:
        opening: (database/account, balance) pairs.
        requests: the runs.
    """

    name = "atomic commit"
    events = EVENTS

    def __init__(self, opening: Iterable[tuple[str, int]], requests: Sequence[Request]) -> None:
        """Number databases, accounts and requests."""
        self.ledger = Ledger(opening, requests)
        self.requests = self.ledger.requests
        self.databases = tuple(dict.fromkeys(map(database_of, self.ledger.accounts)))
        keys = list(dict.fromkeys(request.key for request in self.requests))
        self._key = [keys.index(request.key) for request in self.requests]
        numbers = range(len(self.requests))
        first = self.ledger.first
        self._equal = [[j for j in numbers if first[j] == first[i]] for i in numbers]
        self._rivals = [[j for j in numbers if self._key[j] == self._key[i] and first[j] != first[i]] for i in numbers]
        self._changes = [self._by_database(request) for request in self.requests]

    def _by_database(self, request: Request) -> dict[int, list[tuple[int, int]]]:
        """The changes that a request makes: per number of a database, (number of the account, change) pairs."""
        changes: dict[int, list[tuple[int, int]]] = {}
        for account, change in request.deltas:
            if database_of(account) in self.databases:
                branch = changes.setdefault(self.databases.index(database_of(account)), [])
                branch += [(i, change) for i, known in enumerate(self.ledger.accounts) if known == account]
        return changes

    def initial_states(self) -> Iterable[AtomicCommitState]:
        """Nothing has been asked for."""
        count = len(self.databases)
        yield AtomicCommitState(self.ledger.initial(), ((),) * count, (frozenset(),) * count, (frozenset(),) * count)

    def transitions(self) -> Sequence[Transition]:
        """Clients first, then the databases."""
        replies = [(i, outcome) for i in range(len(self.requests)) for outcome in ("ok", "rejected")]
        branches = [(i, d) for i in self.ledger.distinct for d in self._changes[i]]
        return [
            *[t for t in self.ledger.transitions() if t.name in EVENTS - {"reply"}],
            Transition("reply", self.reply, replies),
            Transition("prepare", self.prepare, branches),
            Transition("commit", self.commit, [(i, d, stale) for i, d in branches for stale in (False, True)]),
            Transition("commit_last", self.commit_last, branches),
            Transition("abort", self.abort, branches),
        ]

    def reply(self, s: AtomicCommitState, i: int, outcome: str) -> AtomicCommitState | None:
        """The client learns the decision; for a run without effect it falls now, at the latest."""
        if s.ledger.status[i] != "open":
            return None
        decided = self._decided_to_commit(s, self.ledger.first[i]) if outcome == "ok" else self._refused(s, i)
        if decided is None:
            return None
        return decided._replace(ledger=decided.ledger._replace(status=put(s.ledger.status, i, outcome)))

    def _decided_to_commit(self, s: AtomicCommitState, i: int) -> AtomicCommitState | None:
        """The key is bound to this request: every database has promised, and nobody was told that it is aborted."""
        if self._bound(s, i) == (i, "ok"):
            return s
        if not self._undecided(s, i) or not all(i in s.doubt[d] for d in self._changes[i]):
            return None
        return self._bind(s, i, "ok")

    def _refused(self, s: AtomicCommitState, i: int) -> AtomicCommitState | None:
        """The request is aborted: some database cannot pay, the key is another's, or something disturbed the run.

        The key is bound to it, unless another request may have been the first under the key.
        """
        first = self.ledger.first[i]
        rivals = any(s.ledger.status[j] != "new" for j in self._rivals[i])
        known = self._bound(s, i)
        if known == (first, "ok"):
            return None
        funded = known is None and all(self._funded(s, first, d) for d in self._changes[i])
        if self.requests[i].valid and not rivals and funded and s.ledger.alone[i]:
            return None
        return s if rivals or known is not None or not self.requests[i].valid else self._bind(s, first, "rejected")

    def prepare(self, s: AtomicCommitState, i: int, d: int) -> AtomicCommitState | None:
        """A database promises to commit or to abort, as it will be told; also for an attempt that comes too late."""
        if i in s.doubt[d] or not (self._disturbed(s, i) or (self._asked(s, i) and i not in s.took[d])):
            return None
        if i not in s.took[d] and not self._funded(s, i, d):
            return None
        voted = put(s.voted, d, s.voted[d] | {self.requests[i].key})
        return s._replace(doubt=put(s.doubt, d, s.doubt[d] | {i}), voted=voted)

    def commit(self, s: AtomicCommitState, i: int, d: int, stale: bool) -> AtomicCommitState | None:  # noqa: FBT001
        """A branch is committed; `stale` where it is cleaned away later, or is there for another attempt as well."""
        if i not in s.doubt[d] or i in s.took[d]:
            return None
        decided = self._decided_to_commit(s, i)
        if decided is None:
            return None
        return self._effect(decided if stale else decided._replace(doubt=put(s.doubt, d, s.doubt[d] - {i})), i, d)

    def commit_last(self, s: AtomicCommitState, i: int, d: int) -> AtomicCommitState | None:
        """All others have promised, and the commit of this last one is the decision (the last resource; one phase)."""
        others = all(i in s.doubt[other] for other in self._changes[i] if other != d)
        if not others or i in s.doubt[d] or not self._undecided(s, i) or not self._funded(s, i, d):
            return None
        return self._effect(self._bind(s, i, "ok"), i, d)

    def abort(self, s: AtomicCommitState, i: int, d: int) -> AtomicCommitState | None:
        """A branch is rolled back: there is no decision to commit, or it is one of a superfluous attempt."""
        if i not in s.doubt[d] or (self._bound(s, i) == (i, "ok") and i not in s.took[d]):
            return None
        return s._replace(doubt=put(s.doubt, d, s.doubt[d] - {i}))

    def _effect(self, s: AtomicCommitState, i: int, d: int) -> AtomicCommitState:
        """The changes of request `i` in database `d`."""
        balances = list(s.ledger.balances)
        for account, change in self._changes[i][d]:
            balances[account] += change
        accepted = s.ledger.accepted if i in s.ledger.accepted else (*s.ledger.accepted, i)
        ledger = s.ledger._replace(balances=tuple(balances), accepted=accepted)
        voted = put(s.voted, d, s.voted[d] | {self.requests[i].key})
        return s._replace(ledger=ledger, took=put(s.took, d, (*s.took[d], i)), voted=voted)

    def _undecided(self, s: AtomicCommitState, i: int) -> bool:
        """Whether request `i` may still be committed: it is valid and was asked for, and it and its key are free."""
        if not self.requests[i].valid:
            return False
        told_no = any(s.ledger.status[j] == "rejected" for j in self._equal[i])
        return self._bound(s, i) is None and not told_no and self._asked(s, i)

    def _asked(self, s: AtomicCommitState, i: int) -> bool:
        """Whether somebody may still be at work on request `i`."""
        return any(s.ledger.status[j] in ("open", "unknown") for j in self._equal[i])

    def _disturbed(self, s: AtomicCommitState, i: int) -> bool:
        """Whether there may be several attempts at request `i`."""
        return any(s.ledger.status[j] != "new" and not s.ledger.alone[j] for j in self._equal[i])

    def _funded(self, s: AtomicCommitState, i: int, d: int) -> bool:
        """Whether database `d` can promise request `i` beside all that it has promised."""
        held = [change for j in s.doubt[d] if j != i and j not in s.took[d] for change in self._changes[j][d]]
        return all(
            change > 0 or s.ledger.balances[account] + change + sum(c for a, c in held if a == account and c < 0) >= 0
            for account, change in self._changes[i][d]
        )

    def _bound(self, s: AtomicCommitState, i: int) -> tuple[int, str] | None:
        return s.ledger.bound[self._key[i]]

    def _bind(self, s: AtomicCommitState, i: int, outcome: str) -> AtomicCommitState:
        return s._replace(ledger=s.ledger._replace(bound=put(s.ledger.bound, self._key[i], (i, outcome))))

    def leads_to(self, state: AtomicCommitState, view: AtomicCommitView) -> bool:
        """What took effect stays, and what was promised was promised: both only grow."""
        if not all(some.issubset(keys) for some, (_, keys) in zip(state.voted, view.voted, strict=True)):
            return False
        return all(
            names[: len(some)] == tuple([self.requests[i].name for i in some])
            for some, (_, names) in zip(state.took, view.took, strict=True)
        )

    def at_rest(self, state: AtomicCommitState) -> bool:
        """No call is open and no branch is in doubt."""
        return "open" not in state.ledger.status and not any(state.doubt)

    def view(self, state: AtomicCommitState) -> AtomicCommitView:
        """Balances, answers, and what is in doubt."""
        names = [request.name for request in self.requests]
        keys = [request.key for request in self.requests]
        return AtomicCommitView(
            self.ledger.opening,
            self.ledger.balances(state.ledger),
            self.ledger.calls(state.ledger),
            self.ledger.accepted(state.ledger),
            self._by_name([tuple(names[i] for i in taken) for taken in state.took]),
            self._by_name([tuple(sorted({keys[i] for i in some})) for some in state.doubt]),
            self._by_name([tuple(sorted(some)) for some in state.voted]),
        )

    def _by_name(self, values: list[tuple[str, ...]]) -> Names:
        return tuple(zip(self.databases, values, strict=True))


def database_of(account: str) -> str:
    """The database of an account called database/account."""
    return account.partition("/")[0]
