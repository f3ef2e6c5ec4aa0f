"""Reserve/confirm as a service: money is held, a provider outside of all transactions is asked, the hold is resolved.

What the bank does to find out what became of an order is internal. All that is promised is that an order reaches the
provider only while the money for it is held, that a hold becomes a withdrawal once the provider has paid, of what it has
paid, and that it is given back only when the provider has not paid and nothing is on its way. Meanwhile a client may be
told that the withdrawal is pending. What is inside is in `protocol`; running code is followed here.

Sources: TigerBeetle, two-phase transfers (post, void); Helland, "Life beyond Distributed Transactions", CIDR 2007.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Model, Transition
from acidtest.models.shared.ledger import EVENTS, Call, Ledger, LedgerState, Request
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ABSENT, WORKING, DONE, DECLINED, VOIDED = "absent", "in progress", "done", "declined", "voided"
#: What a key is bound to: money is held for it, it was withdrawn, given back, or never held.
HELD, OK, RELEASED, REJECTED = "held", "ok", "released", "rejected"
PENDING = "pending"
#: How many orders a request may lead to, one after the other has failed, and how many requests for one are on their way.
MOST = 2


class Provider(NamedTuple):
    """What may be expected of the provider; see `acidtest.workload.System`."""

    idempotent: bool = True
    queryable: bool = True
    voidable: bool = True
    callbacks: bool = False
    statements: bool = False
    queues: bool = False
    declines: tuple[int, ...] = ()
    parts: tuple[tuple[int, int], ...] = ()

    @property
    def tells(self) -> bool:
        """Whether there is any way to learn that an order was paid."""
        return self.idempotent or self.queryable or self.voidable or self.callbacks or self.statements

    @property
    def settles(self) -> bool:
        """Whether there is any way to make an end of an order that may not have arrived."""
        return self.idempotent or self.voidable


class Deal(NamedTuple):
    """An order as it stands at the provider.

    Arguments:
        about: the request that it is for: its name in a view, its number in a state.
        status: absent, in progress, done, declined or voided.
        paid: what was paid, each time.
        coming: requests for it on their way; in a view 1 for any.
    """

    about: str | int
    status: str = ABSENT
    paid: tuple[int, ...] = ()
    coming: int = 0


class ReserveView(NamedTuple):
    """What an outsider sees.

    Arguments:
        opening: the balances at the start.
        balances: the balances now: what was not withdrawn.
        held: what is held, by account.
        available: what may be spent, by account.
        calls: what clients know.
        orders: the orders at the provider, in the order in which they came there.
        provider: what may be expected of it.
        statuses: how the withdrawals stand, by key; for keys that are known.
        happened: what befell the run so far.
    """

    opening: tuple[tuple[str, int], ...]
    balances: tuple[tuple[str, int], ...]
    held: tuple[tuple[str, int], ...]
    available: tuple[tuple[str, int], ...]
    calls: tuple[Call, ...]
    orders: tuple[Deal, ...]
    provider: Provider
    statuses: tuple[tuple[str, str], ...] = ()
    happened: frozenset[str] = frozenset()


class ReserveState(NamedTuple):
    """The requests, whose ledger has what is available; what is held for each; and the orders."""

    ledger: LedgerState
    holds: tuple[int, ...]
    orders: tuple[Deal, ...] = ()


class ReserveModel(Model[ReserveState]):
    """Withdrawals through a provider over a fixed workload.

    Arguments:
        opening: (account, balance) pairs.
        requests: the withdrawals; each changes one account.
        provider: what may be expected of the provider.
    """

    name = "reserve/confirm"
    events = EVENTS

    def __init__(self, opening: Iterable[tuple[str, int]], requests: Sequence[Request], provider: Provider) -> None:
        """Number accounts and requests."""
        self.ledger = Ledger(opening, requests)
        self.provider = provider
        self._user = [self.ledger.accounts.index(r.deltas[0][0]) if r.valid else -1 for r in requests]
        self._amount = [-r.deltas[0][1] for r in requests]
        keys = list(dict.fromkeys(r.key for r in requests))
        self._key = [keys.index(r.key) for r in requests]

    def initial_states(self) -> Iterable[ReserveState]:
        """Nothing has been asked for."""
        yield ReserveState(self.ledger.initial(), (0,) * len(self.ledger.requests))

    def transitions(self) -> Sequence[Transition]:
        """Clients, the bank, then the provider."""
        distinct = [(i,) for i in self.ledger.distinct if self.ledger.requests[i].valid]
        replies = [(i, told) for i in range(len(self.ledger.requests)) for told in (OK, REJECTED, PENDING)]
        rest = self._rests()
        return [
            *[t for t in self.ledger.transitions(accept=self.reserve) if t.name != "reply"],
            Transition("reply", self.reply, replies),
            Transition("capture", self.capture, [(i, kept) for (i,) in distinct for kept in {0, rest[i]}]),
            Transition("free_rest", self.free_rest, [(i,) for (i,) in distinct if rest[i]]),
            Transition("release", self.release, distinct),
            Transition("perform", self.perform, distinct),
            Transition("send", self.send, distinct),
            Transition("land", self.land, distinct),
            Transition("void", self.void, distinct),
        ]

    # The bank:

    def reserve(self, s: ReserveState, i: int) -> ReserveState | None:
        """The amount is held, and the key bound."""
        ledger = self.ledger.accept(s.ledger, i)
        if ledger is None:
            return None
        first = self.ledger.first[i]
        ledger = ledger._replace(bound=put(ledger.bound, self._key[i], (first, HELD)))
        return s._replace(ledger=ledger, holds=put(s.holds, first, self._amount[i]))

    def capture(self, s: ReserveState, i: int, kept: int) -> ReserveState | None:
        """What was paid is withdrawn; of what was held beyond that, `kept` stays held for now."""
        paid = sum(sum(deal.paid) for deal in s.orders if deal.about == i)
        if self._bound(s, i) != HELD or not paid or kept > s.holds[i] - paid:
            return None
        freed = self._give_back(s, i, max(s.holds[i] - paid - kept, 0), OK)
        return freed._replace(holds=put(freed.holds, i, kept))

    def free_rest(self, s: ReserveState, i: int) -> ReserveState | None:
        """What was held beyond what was paid is given back."""
        if self._bound(s, i) != OK or not s.holds[i]:
            return None
        return self._give_back(s, i, s.holds[i], OK)

    def release(self, s: ReserveState, i: int) -> ReserveState | None:
        """The hold is given back: the provider has not paid, and nothing is on its way that it might pay."""
        owed = any(deal.about == i and is_open(deal) for deal in s.orders)
        if self._bound(s, i) != HELD or owed or any(deal.about == i and deal.paid for deal in s.orders):
            return None
        return self._give_back(s, i, s.holds[i], RELEASED)

    def reply(self, s: ReserveState, i: int, told: str) -> ReserveState | None:
        """The client learns how the withdrawal stands."""
        if s.ledger.status[i] != "open" or not self._may_tell(s, i, told):
            return None
        return s._replace(ledger=s.ledger._replace(status=put(s.ledger.status, i, told)))

    def _may_tell(self, s: ReserveState, i: int, told: str) -> bool:
        """Pending may be told while something else is going on; a call that nothing disturbed is not given up."""
        request, bound = self.ledger.requests[i], s.ledger.bound[self._key[i]]
        if not request.valid or (bound is not None and bound[0] != self.ledger.first[i]):
            return told == REJECTED
        how, alone = (bound[1] if bound is not None else ""), s.ledger.alone[i]
        if told == PENDING:
            return how == HELD or (not alone and how in (OK, RELEASED))
        if told == OK:
            return how == OK
        refused = any(deal.about == self.ledger.first[i] and deal.status == DECLINED for deal in s.orders)
        return how == REJECTED or (how == RELEASED and (refused or not alone))

    def _give_back(self, s: ReserveState, i: int, amount: int, how: str) -> ReserveState:
        """Make an amount available again that is held for request `i`."""
        user = self._user[i]
        balances = put(s.ledger.balances, user, s.ledger.balances[user] + amount)
        ledger = s.ledger._replace(balances=balances, bound=put(s.ledger.bound, self._key[i], (i, how)))
        return s._replace(ledger=ledger, holds=put(s.holds, i, s.holds[i] - amount))

    # The provider:

    def perform(self, s: ReserveState, i: int) -> ReserveState | None:
        """A request arrives and is carried out."""
        at = self._place(s, i)
        if at is None or not s.holds[i] or (s.orders[at : at + 1] and s.orders[at].status != ABSENT):
            return None
        if not self.provider.idempotent and any(deal.coming for deal in s.orders[at : at + 1]):
            return None  # it would be paid twice
        return self._carry_out(s, i, at)

    def send(self, s: ReserveState, i: int) -> ReserveState | None:
        """A request is on its way; one for an order that is decided already will change nothing."""
        at = self._place(s, i, also_final=True)
        if at is None:
            return None
        deal = s.orders[at] if at < len(s.orders) else Deal(i)
        if deal.coming == MOST or (deal.status == ABSENT and not s.holds[i]):
            return None
        if not self.provider.idempotent and (deal.coming or deal.paid):
            return None  # it would be paid twice
        working = deal.status == ABSENT and self.provider.queues
        return self._set(s, at, deal._replace(coming=deal.coming + 1, status=WORKING if working else deal.status))

    def land(self, s: ReserveState, i: int) -> ReserveState | None:
        """What was on its way arrives."""
        at = next((n for n, deal in enumerate(s.orders) if deal.about == i and deal.coming), None)
        if at is None:
            return None
        deal = s.orders[at]
        arrived = self._set(s, at, deal._replace(coming=deal.coming - 1))
        if deal.status == VOIDED or (deal.status in (DONE, DECLINED) and self.provider.idempotent):
            return arrived
        return self._carry_out(arrived, i, at)

    def void(self, s: ReserveState, i: int) -> ReserveState | None:
        """The provider refuses the order from now on; where it has none yet, that shows when one comes."""
        at = self._place(s, i)
        if at is None or self._bound(s, i) is None or not self.provider.voidable:
            return None
        deal = s.orders[at] if at < len(s.orders) else Deal(i)
        return self._set(s, at, deal._replace(status=VOIDED)) if deal.status == ABSENT else None

    def _carry_out(self, s: ReserveState, i: int, at: int) -> ReserveState:
        deal = s.orders[at] if at < len(s.orders) else Deal(i)
        amount = self._amount[i]
        if amount in self.provider.declines:
            return self._set(s, at, deal._replace(status=DECLINED))
        part = dict(self.provider.parts).get(amount, amount)
        return self._set(s, at, deal._replace(status=DONE, paid=(*deal.paid, part)))

    def _place(self, s: ReserveState, i: int, *, also_final: bool = False) -> int | None:
        """Where the order of request `i` stands that is not decided yet, or where a new one would; None for nowhere."""
        mine = [n for n, deal in enumerate(s.orders) if deal.about == i]
        if mine and (also_final or s.orders[mine[-1]].status in (ABSENT, WORKING)):
            return mine[-1]
        if len(mine) == MOST or any(s.orders[n].status == DONE for n in mine):
            return None
        return len(s.orders)

    def _set(self, s: ReserveState, at: int, deal: Deal) -> ReserveState:
        return s._replace(orders=(*s.orders[:at], deal, *s.orders[at + 1 :]))

    def _bound(self, s: ReserveState, i: int) -> str | None:
        """What the key is bound to for this request."""
        bound = s.ledger.bound[self._key[i]]
        return bound[1] if bound is not None and bound[0] == i else None

    def _rests(self) -> list[int]:
        """What is left of each request when it is paid in part."""
        return [amount - dict(self.provider.parts).get(amount, amount) for amount in self._amount]

    # Looking:

    def leads_to(self, state: ReserveState, view: ReserveView) -> bool:
        """Orders only come, what is decided stays, and balances only fall."""
        if len(state.orders) > len(view.orders):
            return False
        for mine, seen in zip(state.orders, view.orders, strict=False):
            decided = mine.status in (DONE, DECLINED, VOIDED) and mine.status != seen.status
            if self._called(mine) != seen.about or decided or mine.paid != seen.paid[: len(mine.paid)]:
                return False
        posted = dict(self._balances(state))
        return all(posted[name] >= balance for name, balance in view.balances)

    def at_rest(self, state: ReserveState) -> bool:
        """No call is open, nothing is on its way, and what is still held nobody can learn more about."""
        if "open" in state.ledger.status or any(deal.coming for deal in state.orders):
            return False
        return not any(state.holds) or not (self.provider.settles and self.provider.tells)

    def view(self, state: ReserveState) -> ReserveView:
        """Accounts, answers, and what the provider did."""
        held = tuple(zip(self.ledger.accounts, self._held(state), strict=True))
        return ReserveView(
            self.ledger.opening, self._balances(state), held, self.ledger.balances(state.ledger),
            self.ledger.calls(state.ledger),
            tuple([d._replace(about=self._called(d), coming=min(d.coming, 1)) for d in state.orders]),
            self.provider,
        )  # fmt: skip

    def _called(self, deal: Deal) -> str:
        return self.ledger.requests[int(deal.about)].name

    def _held(self, s: ReserveState) -> list[int]:
        users = range(len(self.ledger.accounts))
        return [sum(h for h, u in zip(s.holds, self._user, strict=True) if u == user) for user in users]

    def _balances(self, s: ReserveState) -> tuple[tuple[str, int], ...]:
        held = self._held(s)
        return tuple((name, free + h) for (name, free), h in zip(self.ledger.balances(s.ledger), held, strict=True))


def is_open(deal: Deal) -> bool:
    """Whether an order may still be paid for the first time."""
    return deal.status == WORKING or (deal.status == ABSENT and deal.coming > 0)
