"""Compensation: business transactions of keyed changes, each of which can be taken back by another business transaction.

A client asks for the changes of a key, or for their compensation. Changes are keyed requests as everywhere. Their
compensation takes back what they did, once; where they have not come yet it bars the key, so that they are refused when
they do. It is parked, for all to see, where an account would be overdrawn, because others have spent what was given;
and after a disturbance it may be parked, too. What is parked may be taken back later, as soon as that is possible.

Asking for a compensation is a request of its own here, under a key of its own. So a state is that of a ledger: the
outcome to which a compensation's key is bound says whether it is done, parked, or done after it had been parked.

Sources: Korth, Levy & Silberschatz, "A formal approach to recovery by compensating transactions", VLDB 1990; what
happens inside, with an undo log, is in `undo_log`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from acidtest.checker.machine import Model, Transition
from acidtest.models.shared.ledger import EVENTS, Call, Ledger, LedgerState, Request, lifted
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

#: What a request for a compensation asks for, and what its names begin with.
UNDO = "undo"
#: What the key of a compensation is bound to: taken back or barred; parked; taken back after it had been parked.
OK, PARKED, LATE = "ok", "parked", "late"

Account = TypeVar("Account")


class Entry(NamedTuple):
    """One line of the history: a change of an account that was done, or taken back, under a key."""

    key: str
    account: str
    amount: int


class CompensationView(NamedTuple):
    """What an outsider sees.

    Arguments:
        opening: the balances at the start.
        balances: the balances now.
        calls: what clients know of the changes that they asked for.
        undos: what they know of the compensations that they asked for.
        accepted: what took effect, in that order: the name of a request, or "undo" and the name of what was taken back.
        parked: the keys whose compensation waits for people.
        history: the changes and compensations on record, where that is shown.
    """

    opening: tuple[tuple[str, int], ...]
    balances: tuple[tuple[str, int], ...]
    calls: tuple[Call, ...]
    undos: tuple[Call, ...]
    accepted: tuple[str, ...]
    parked: tuple[str, ...] = ()
    history: tuple[Entry, ...] = ()


class CompensationState(NamedTuple):
    """The requests; compensations are among them."""

    ledger: LedgerState


def undo_request(name: str, key: str) -> Request:
    """A request for the compensation of `key`."""
    return Request(name, f"{UNDO} {key}", (UNDO, key), ())


def is_undo(request: Request) -> bool:
    """Whether a request is for a compensation."""
    return request.payload[0] == UNDO


def backwards(deltas: Sequence[tuple[Account, int]]) -> tuple[tuple[Account, int], ...]:
    """What takes changes back: the last first."""
    return tuple((account, -change) for account, change in reversed(deltas))


def payable(balances: Iterable[tuple[Hashable, int]], deltas: Iterable[tuple[Hashable, int]]) -> bool:
    """Whether changes can be made one after the other without overdrawing an account."""
    after = dict(balances)
    for account, change in deltas:
        after[account] = after.get(account, 0) + change
        if after[account] < 0:
            return False
    return True


class Compensations(Ledger):
    """The transitions of changes and compensations over a fixed workload.

    Arguments:
        opening: (account, balance) pairs.
        requests: the workload, those for compensations among them.
    """

    def __init__(self, opening: Iterable[tuple[str, int]], requests: Sequence[Request]) -> None:
        """Say of every request which slot of the state its key has, and which the other side's."""
        super().__init__(opening, requests)
        slots = {r.key: slot for r, slot in zip(self.requests, self._key, strict=True)}
        self.undos = [i for i, r in enumerate(self.requests) if is_undo(r)]
        other = [str(r.payload[1]) if is_undo(r) else f"{UNDO} {r.key}" for r in self.requests]
        self._other = [slots.get(key) for key in other]

    def own(self, s: LedgerState, i: int) -> tuple[int, str] | None:
        """What the key of request `i` is bound to."""
        return s.bound[self._key[i]]

    def other(self, s: LedgerState, i: int) -> tuple[int, str] | None:
        """What is bound under the key of the other side: of the compensation for changes, of the changes for it."""
        slot = self._other[i]
        return None if slot is None else s.bound[slot]

    # Changes:

    def claim(self, s: LedgerState, i: int) -> LedgerState | None:
        """The key is bound to this payload, unless it is barred."""
        return None if self.other(s, i) else super().claim(s, i)

    def accept(self, s: LedgerState, i: int) -> LedgerState | None:
        """The changes are made, unless the key is barred."""
        return None if i in self.undos or self.other(s, i) else super().accept(s, i)

    def decline(self, s: LedgerState, i: int) -> LedgerState | None:
        """The key is bound to a rejection, unless it is barred."""
        return None if self.other(s, i) else super().decline(s, i)

    def affordable(self, s: LedgerState, i: int) -> bool:
        """Whether no account would be overdrawn on the way."""
        return payable(enumerate(s.balances), self._deltas[i])

    # Compensations:

    def done(self, s: LedgerState, i: int) -> int | None:
        """The number of the request that a compensation would take back, or has taken back; None where there is none."""
        bound = self.other(s, i)
        return bound[0] if bound is not None and bound[1] == OK else None

    def take_back(self, s: LedgerState, i: int) -> LedgerState | None:
        """What was done is taken back, as soon as no account is overdrawn by the whole of it."""
        own, done = self.own(s, i), self.done(s, i)
        parked = own is not None and own[1] == PARKED
        if done is None or not (parked or self._asked(s, i)):
            return None
        balances = list(s.balances)
        for account, change in self._deltas[done]:
            balances[account] -= change
        if min(balances) < 0:
            return None
        return self._bind(s, i, LATE if parked else OK)._replace(
            balances=tuple(balances), accepted=(*s.accepted, self.first[i])
        )

    def bar(self, s: LedgerState, i: int) -> LedgerState | None:
        """There is nothing to take back, and will not be."""
        return self._bind(s, i, OK) if self._asked(s, i) and self.done(s, i) is None else None

    def park(self, s: LedgerState, i: int) -> LedgerState | None:
        """The compensation is left to people: it would overdraw an account, or something disturbed it."""
        done = self.done(s, i)
        if done is None or not self._asked(s, i):
            return None
        possible = payable(enumerate(s.balances), backwards(self._deltas[done]))
        return None if possible and s.alone[i] else self._bind(s, i, PARKED)

    def _asked(self, s: LedgerState, i: int) -> bool:
        """Whether compensation `i` is asked for, and nothing came of it yet."""
        return s.status[i] in ("open", "unknown") and self.own(s, i) is None

    def _bind(self, s: LedgerState, i: int, outcome: str) -> LedgerState:
        return s._replace(bound=put(s.bound, self._key[i], (self.first[i], outcome)))

    # Answers:

    def reply(self, s: LedgerState, i: int, outcome: str) -> LedgerState | None:
        """The client learns the outcome."""
        if s.status[i] != "open" or outcome not in self.answers(s, i):
            return None
        return s._replace(status=put(s.status, i, outcome))

    def answers(self, s: LedgerState, i: int) -> tuple[str, ...]:
        """What may be told now.

        Of changes that were taken back meanwhile: that they were done, as before, or a refusal. Of a compensation that
        was parked and is done by now: either, unless nothing disturbed the call.
        """
        own, other = self.own(s, i), self.other(s, i)
        if i in self.undos:
            late = ("ok",) if s.alone[i] else ("ok", "rejected")
            return {OK: ("ok",), PARKED: ("rejected",), LATE: late}.get(own[1] if own else "", ())
        if not self.requests[i].valid:
            return ("rejected",)
        if other is not None and other[1] != PARKED:
            return ("ok", "rejected") if own == (self.first[i], "ok") else ("rejected",)
        told = self.answer(s, i)
        return () if told is None else (told,)


class CompensationModel(Model[CompensationState]):
    """Changes and their compensations over a fixed workload.

    Arguments:
        opening: (account, balance) pairs.
        requests: the workload.
    """

    name = "compensation"
    events = EVENTS

    def __init__(self, opening: Iterable[tuple[str, int]], requests: Sequence[Request]) -> None:
        """Number accounts and requests."""
        self.ledger = Compensations(opening, requests)

    def initial_states(self) -> Iterable[CompensationState]:
        """Nothing has been asked for."""
        yield CompensationState(self.ledger.initial())

    def transitions(self) -> Sequence[Transition]:
        """Changes, then compensations."""
        undos = [(i,) for i in self.ledger.undos]
        return [
            *self.ledger.transitions(),
            Transition("take_back", lifted(self.ledger.take_back), undos),
            Transition("bar", lifted(self.ledger.bar), undos),
            Transition("park", lifted(self.ledger.park), undos),
        ]

    def at_rest(self, state: CompensationState) -> bool:
        """No call is open."""
        return "open" not in state.ledger.status

    def view(self, state: CompensationState) -> CompensationView:
        """Balances, answers, and what is parked."""
        s, ledger = state.ledger, self.ledger
        calls = ledger.calls(s)
        keys = {str(ledger.requests[i].payload[1]) for i in ledger.undos if (own := ledger.own(s, i)) and own[1] == PARKED}
        return CompensationView(
            ledger.opening,
            ledger.balances(s),
            tuple([call for call in calls if not is_undo(call.request)]),
            tuple([call for call in calls if is_undo(call.request)]),
            tuple([self._effect(s, i)[0] for i in s.accepted]),
            tuple(sorted(keys)),
            tuple([entry for i in s.accepted for entry in self._effect(s, i)[1]]),
        )

    def _effect(self, s: LedgerState, i: int) -> tuple[str, tuple[Entry, ...]]:
        """The name of what took effect, and what the history says of it."""
        done = self.ledger.done(s, i) if i in self.ledger.undos else None
        request = self.ledger.requests[i if done is None else done]
        deltas = request.deltas if done is None else backwards(request.deltas)
        name = request.name if done is None else f"{UNDO} {request.name}"
        return name, tuple([Entry(request.key, *delta) for delta in deltas])
