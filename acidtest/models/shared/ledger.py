"""Keyed requests on accounts: the part that the models of most patterns share.

A client invokes a request under a key; it is accepted (its deltas are applied, once) or declined, and the key is bound
to that outcome for ever; the client is told the outcome, or learns nothing and may ask again. The same key with another
payload is rejected and has no effect (PATTERNS 0: G3, G4, G5, G7). A key may be claimed for a payload before the outcome
is known; that shows only where another payload is asked for under it, so only then it is a step of its own.

Libraries promise less, some of them. What they may do otherwise are *policies*, each to be declared: FORGETS_REJECTIONS,
IGNORES_PAYLOAD and REJECTS_ON_ERROR.

`Ledger` works on a `LedgerState`; a pattern's model keeps one as the field `ledger` of its own state, lifts the
transitions, and adds what is its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.checker.machine import Transition
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Sequence

#: A key that was refused for want of funds is as if it had never come, and may be accepted when it comes again.
FORGETS_REJECTIONS = "forgets_rejections"
#: A key that comes again is answered as the first time, whatever is asked for under it then.
IGNORES_PAYLOAD = "ignores_payload"
#: What was disturbed, by an error or by others, may be refused for good, without any effect, although it could be paid.
REJECTS_ON_ERROR = "rejects_on_error"

#: What an outsider observes of requests. The other actions are inferred.
EVENTS = frozenset({"invoke", "reply", "unknown", "disturbed"})


class Request(NamedTuple):
    """One request of the workload.

    Arguments:
        name: identifies it within the workload.
        key: the client's idempotency key.
        payload: what is asked for; two requests are equal if key and payload are.
        deltas: (account, change) pairs that it applies when accepted, in minor units.
        valid: whether it may be accepted at all (known accounts, positive amount).
    """

    name: str
    key: str
    payload: tuple[Hashable, ...]
    deltas: tuple[tuple[str, int], ...]
    valid: bool = True

    @property
    def ask(self) -> tuple[str, tuple[Hashable, ...]]:
        """What makes two requests equal."""
        return self.key, self.payload


class Call(NamedTuple):
    """What a client knows of a request: new, open, ok, rejected or unknown; `alone` while nothing disturbed it."""

    request: Request
    status: str
    alone: bool


class LedgerState(NamedTuple):
    """Balances, what keys are bound to, what clients know, and what took effect in which order.

    Requests are numbered in the order of the workload; equal ones go by the number of the first. `refused` are those that
    were refused, so that their client can be told, by who forgets that.
    """

    balances: tuple[int, ...]
    bound: tuple[tuple[int, str] | None, ...]
    status: tuple[str, ...]
    alone: tuple[bool, ...]
    accepted: tuple[int, ...] = ()
    refused: frozenset[int] = frozenset()


class Ledger:
    """The transitions of keyed requests over a fixed workload.

    Arguments:
        opening: (account, balance) pairs.
        requests: the workload; several requests may share a key.
        policies: what is declared of FORGETS_REJECTIONS, IGNORES_PAYLOAD and REJECTS_ON_ERROR; other names say nothing here.
    """

    def __init__(self, opening: Iterable[tuple[str, int]], requests: Sequence[Request], policies: Collection[str] = ()) -> None:
        """Number accounts, requests and keys."""
        self.policies = frozenset(policies)
        self.opening = tuple(sorted(opening))
        self.accounts = tuple(name for name, _ in self.opening)
        self.requests = tuple(requests)
        self.first = [next(j for j, v in enumerate(self.requests) if v.ask == r.ask) for r in self.requests]
        self.distinct = sorted(set(self.first))
        keys = list(dict.fromkeys(r.key for r in self.requests))
        self._key = [keys.index(r.key) for r in self.requests]
        self._deltas = [
            tuple((self.accounts.index(a), change) for a, change in r.deltas if a in self.accounts) for r in self.requests
        ]
        self._contested = [
            (i,) for i, r in enumerate(self.requests) if any(v.key == r.key and v.ask != r.ask for v in self.requests)
        ]

    def initial(self) -> LedgerState:
        """Nothing has been asked for."""
        count = len(self.requests)
        balances = tuple(balance for _, balance in self.opening)
        return LedgerState(balances, (None,) * len(set(self._key)), ("new",) * count, (False,) * count)

    def transitions(self, *, accept: Callable[..., Any] | None = None) -> list[Transition]:
        """The transitions, lifted to states that have a field `ledger`; `accept` may be the pattern's own."""
        requests = [(i,) for i in range(len(self.requests))]
        replies = [(i, outcome) for (i,) in requests for outcome in ("ok", "rejected")]
        return [
            Transition("invoke", lifted(self.invoke), requests),
            *([Transition("claim", lifted(self.claim), self._contested)] if self._contested else []),
            Transition("accept", accept or lifted(self.accept), requests),
            Transition("decline", lifted(self.decline), requests),
            *self._forgetting(requests),
            Transition("reply", lifted(self.reply), replies),
            Transition("unknown", lifted(self.unknown), requests),
            Transition("disturbed", lifted(self.disturbed), requests),
        ]

    def _forgetting(self, requests: Sequence[tuple[int]]) -> list[Transition]:
        """What happens only where rejections are forgotten."""
        if FORGETS_REJECTIONS not in self.policies:
            return []
        return [
            Transition("refuse", lifted(self.refuse), requests),
            Transition("forget_rejection", lifted(self.forget_rejection), requests),
        ]

    def invoke(self, s: LedgerState, i: int) -> LedgerState | None:
        """A client asks, or asks again after an unknown outcome; calls that overlap disturb each other."""
        if s.status[i] not in ("new", "unknown"):
            return None
        beside = "open" in s.status
        alone = tuple([a and st != "open" for a, st in zip(s.alone, s.status, strict=True)]) if beside else s.alone
        first = s.status[i] == "new"
        return s._replace(status=put(s.status, i, "open"), alone=put(alone, i, first and not beside))

    def claim(self, s: LedgerState, i: int) -> LedgerState | None:
        """The key is bound to this payload, whatever its outcome will be."""
        if not self.undecided(s, i) or s.bound[self._key[i]] is not None:
            return None
        return s._replace(bound=put(s.bound, self._key[i], (self.first[i], "")))

    def accept(self, s: LedgerState, i: int) -> LedgerState | None:
        """The request takes effect, and its key is bound."""
        if not self.undecided(s, i) or not self.affordable(s, i):
            return None
        balances = list(s.balances)
        for account, change in self._deltas[i]:
            balances[account] += change
        bound = put(s.bound, self._key[i], (self.first[i], "ok"))
        return s._replace(balances=tuple(balances), bound=bound, accepted=(*s.accepted, self.first[i]))

    def decline(self, s: LedgerState, i: int) -> LedgerState | None:
        """The key is bound to a rejection: the funds do not suffice now, and asking again will not change that."""
        if not self._may_be_declined(s, i):
            return None
        return s._replace(bound=put(s.bound, self._key[i], (self.first[i], "rejected")))

    def refuse(self, s: LedgerState, i: int) -> LedgerState | None:
        """The same, and nobody remembers; the client is told that it is so now."""
        if i in s.refused or s.status[i] != "open" or not self._may_be_declined(s, i):
            return None
        return s._replace(refused=s.refused | {i})

    def _may_be_declined(self, s: LedgerState, i: int) -> bool:
        """Whether request `i` has to be declined now, or something keeps it from being decided that is told as a rejection."""
        hindered = REJECTS_ON_ERROR in self.policies and not s.alone[i]
        return self.undecided(s, i) and (hindered or not self.affordable(s, i))

    def forget(self, s: LedgerState, left: int) -> LedgerState | None:
        """All but the first so many of what took effect has never been: the books were set back. None where there is no more."""
        if left >= len(s.accepted):
            return None
        balances, bound = list(s.balances), s.bound
        for i in s.accepted[left:]:
            bound = put(bound, self._key[i], None)
            for account, change in self._deltas[i]:
                balances[account] -= change
        return s._replace(balances=tuple(balances), bound=bound, accepted=s.accepted[:left])

    def forget_rejection(self, s: LedgerState, i: int) -> LedgerState | None:
        """That a key is bound to a rejection, or claimed, has never been: likewise."""
        bound = s.bound[self._key[i]]
        return None if bound is None or bound[1] == "ok" else s._replace(bound=put(s.bound, self._key[i], None))

    def reply(self, s: LedgerState, i: int, outcome: str) -> LedgerState | None:
        """The client learns the outcome."""
        if s.status[i] != "open" or outcome not in self.answers(s, i):
            return None
        return s._replace(status=put(s.status, i, outcome), refused=s.refused - {i})

    def unknown(self, s: LedgerState, i: int) -> LedgerState | None:
        """The client learns nothing; only a disturbance can cause that."""
        if s.status[i] != "open" or s.alone[i]:
            return None
        return s._replace(status=put(s.status, i, "unknown"), refused=s.refused - {i})

    def disturbed(self, s: LedgerState, i: int) -> LedgerState | None:
        """Something else runs beside the call, or a fault has occurred; it may have been disturbed before."""
        if s.status[i] != "open":
            return None
        return s._replace(alone=put(s.alone, i, value=False))

    def undecided(self, s: LedgerState, i: int) -> bool:
        """Whether request `i` may be decided now: valid, asked for, its key unbound or claimed for it."""
        bound = s.bound[self._key[i]]
        free = bound is None or bound == (self.first[i], "")
        return free and s.status[i] in ("open", "unknown") and self.requests[i].valid

    def affordable(self, s: LedgerState, i: int) -> bool:
        """Whether no account would be overdrawn."""
        return all(s.balances[account] + change >= 0 for account, change in self._deltas[i])

    def answer(self, s: LedgerState, i: int) -> str | None:
        """The outcome that may be told for request `i` now; None while undecided."""
        if not self.requests[i].valid:
            return "rejected"
        bound = s.bound[self._key[i]]
        if bound is None:
            return None
        return bound[1] or None if bound[0] == self.first[i] else "rejected"

    def answers(self, s: LedgerState, i: int) -> tuple[str, ...]:
        """The outcomes that may be told for request `i` now: the one, and what policies add to it."""
        told, bound = self.answer(s, i), s.bound[self._key[i]]
        found = [] if told is None else [told]
        if i in s.refused:
            found.append("rejected")
        if IGNORES_PAYLOAD in self.policies and bound is not None and bound[1]:
            found.append(bound[1])
        return tuple(found)

    def calls(self, s: LedgerState) -> tuple[Call, ...]:
        """What clients know, for a view."""
        return tuple(map(Call, self.requests, s.status, s.alone))

    def balances(self, s: LedgerState) -> tuple[tuple[str, int], ...]:
        """The balance of every account, for a view."""
        return tuple(zip(self.accounts, s.balances, strict=True))

    def accepted(self, s: LedgerState) -> tuple[str, ...]:
        """The names of the requests that took effect, for a view."""
        return tuple([self.requests[i].name for i in s.accepted])


def lifted(effect: Callable[..., LedgerState | None]) -> Callable[..., Any]:
    """A transition of ledgers as a transition of states that have one as the field `ledger`."""

    def whole(state: Any, *args: Any) -> Any:  # noqa: ANN401 - any pattern's state
        ledger = effect(state.ledger, *args)
        return None if ledger is None else state._replace(ledger=ledger)

    return whole
