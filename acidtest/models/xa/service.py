"""XA as a service: keyed runs that take effect in all of their resource managers or in none, unless one of these decides alone.

As for any atomic commit (`acidtest.models.two_phase_commit.service`) the protocol is internal: what shows is that branches are
in doubt and that effects appear one resource after the other. New is that a resource manager may decide a branch that is in doubt
alone, against what will be decided or was; then the caller is told neither ok nor rejected, but that. A branch that only reads
promises nothing, and does not show. The only branch of a run may be told to commit in one phase, and where that is not
answered nobody will ever know: the caller is told that as well.

Sources: X/Open, "Distributed Transaction Processing: The XA Specification" (C193, 1991); JSR 907, "Java Transaction API", 2002.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Transition
from acidtest.models.shared.tuples import put
from acidtest.models.two_phase_commit.service import AtomicCommit, AtomicCommitState, Names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from acidtest.models.shared.ledger import Call, LedgerState

#: The definite answer that the outcome is mixed, or a hazard.
MIXED = "mixed"
#: What a resource manager may come to alone.
ALL, NOTHING, SOME = "committed", "rolled back", "in part"


class GlobalView(NamedTuple):
    """What an outsider sees. Accounts are called resource/account.

    Arguments:
        opening: the balances at the start.
        balances: the balances now.
        calls: what clients know.
        accepted: the requests that took effect somewhere, in the order in which they first did; equal ones go by the
            name of the first.
        took: per resource, the requests that took effect there, in order.
        in_doubt: per resource, the keys whose branch there is prepared.
        voted: per resource, the keys that were in doubt there, or took effect, at some time.
        alone: per resource, the keys whose branch was decided by the resource manager alone, each with what it came to.
        kept: per resource, the keys of which it still keeps such a decision.
        reported: (key, kind) pairs that the transaction manager tells of.
        foreign: how the branches of another transaction manager stand.
        notes: what the transaction manager did that no resource manager should be asked.
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
    alone: Names
    kept: Names = ()
    reported: tuple[tuple[str, str], ...] = ()
    foreign: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    happened: frozenset[str] = frozenset()
    stuck: bool = False
    wedged: bool = False


class GlobalState(NamedTuple):
    """Those of any atomic commit; and per resource, which requests were decided there alone, and how."""

    ledger: LedgerState
    took: tuple[tuple[int, ...], ...]
    doubt: tuple[frozenset[int], ...]
    voted: tuple[frozenset[str], ...]
    alone: tuple[frozenset[tuple[int, str]], ...]


class GlobalTransactions(AtomicCommit):
    """XA transactions over a fixed workload.

    Arguments:
        opening: (resource/account, balance) pairs.
        requests: the runs.
        heuristics: resource managers may decide alone.
    """

    name = "XA transactions"

    def __init__(self, opening: Iterable[tuple[str, int]], requests: Sequence[object], *, heuristics: bool = True) -> None:
        """Number resources, accounts and requests."""
        super().__init__(opening, requests)  # type: ignore[arg-type] # requests, as a study makes them
        self.heuristics = heuristics

    def initial_states(self) -> Iterable[GlobalState]:  # type: ignore[override] # it has one field more
        """Nothing has been asked for."""
        for state in super().initial_states():
            yield GlobalState(*state, (frozenset(),) * len(self.databases))

    def transitions(self) -> Sequence[Transition]:
        """Those of any atomic commit, an answer more, and decisions that are made alone."""
        requests = [(i, MIXED) for i in range(len(self.requests))]
        replies = [(i, outcome) for i in range(len(self.requests)) for outcome in ("ok", "rejected")]
        table = [t for t in super().transitions() if t.name != "reply"]
        table.append(Transition("reply", self.reply, [*replies, *requests]))
        if self.heuristics:
            branches = [(i, d, how) for i in self.ledger.distinct for d in self._changes[i] for how in (ALL, NOTHING, SOME)]
            table.append(Transition("decide_alone", self.decide_alone, branches))
        return table

    def reply(self, s: GlobalState, i: int, outcome: str) -> GlobalState | None:  # type: ignore[override]
        """The client learns the decision, or that the outcome is not one."""
        first = self.ledger.first[i]
        came = {how for some in s.alone for j, how in some if j == first}
        if outcome != MIXED:
            contrary = {NOTHING, SOME} if outcome == "ok" else {ALL, SOME}
            early = outcome == "ok" and any(first not in s.took[d] for d in self._changes[first])
            return None if early or came & contrary else super().reply(s, i, outcome)  # type: ignore[return-value, arg-type]
        in_the_dark = len(self._changes[first]) <= 1 and self._disturbed(s, first)  # type: ignore[arg-type]
        if s.ledger.status[i] != "open" or not (came or in_the_dark):
            return None
        return s._replace(ledger=s.ledger._replace(status=put(s.ledger.status, i, MIXED)))

    def decide_alone(self, s: GlobalState, i: int, d: int, how: str) -> GlobalState | None:
        """A resource manager decides a branch that is in doubt; `how` says what becomes of it."""
        if i not in s.doubt[d] or i in s.took[d]:
            return None
        told = s._replace(doubt=put(s.doubt, d, s.doubt[d] - {i}), alone=put(s.alone, d, s.alone[d] | {(i, how)}))
        return self._effect(told, i, d) if how == ALL else told  # type: ignore[return-value, arg-type]

    def _decided_to_commit(self, s: AtomicCommitState, i: int) -> AtomicCommitState | None:
        """Likewise, where a branch that was decided alone had promised."""
        if self._bound(s, i) == (i, "ok"):
            return s
        alone: tuple[frozenset[tuple[int, str]], ...] = s.alone  # type: ignore[attr-defined] # it is a GlobalState
        promised = all(i in s.doubt[d] or any(j == i for j, _ in alone[d]) for d in self._changes[i])
        return self._bind(s, i, "ok") if promised and self._undecided(s, i) else None

    def _asked(self, s: AtomicCommitState, i: int) -> bool:
        """Likewise after a client was told that the outcome is mixed: the rest still comes to its end."""
        return any(s.ledger.status[j] in ("open", "unknown", MIXED) for j in self._equal[i])

    def view(self, state: GlobalState) -> GlobalView:  # type: ignore[override]
        """Balances, answers, what is in doubt, and what was decided alone."""
        keys = [request.key for request in self.requests]
        alone = self._by_name([tuple(sorted(f"{keys[i]} {how}" for i, how in some)) for some in state.alone])
        seen = super().view(state)  # type: ignore[arg-type]
        return GlobalView(*seen[:7], alone)
