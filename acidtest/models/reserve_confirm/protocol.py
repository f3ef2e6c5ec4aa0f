"""The machine of reserve/confirm: a bank that holds money while a provider, outside of any transaction, pays out cash.

The bank reserves and notes the key of its order durably, calls, and posts or releases by what it learns. A request may
arrive late or never; a reply may be lost; an order may be paid in full, in part, or declined. What the bank has not been
told it does not know: a session that times out, or that a crash ends, leaves the hold pending. It leaves that state by
a reply to a repeated call, an inquiry, a callback or the provider's statement. A void fences: what was absent then is
refused for ever. Callbacks come at any time, as often as they like, and old ones after new ones; an inquiry may lag, so
only what it says is done or refused counts.

Sources: TigerBeetle, two-phase transfers (post, void, expire); Stripe, idempotent requests; Helland, "Life beyond
Distributed Transactions", CIDR 2007; Akkoyunlu, Ekanadham & Huber, "Some Constraints and Tradeoffs in the Design of
Network Communications", SOSP 1975 (two generals). PATTERNS 14.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Action, Model, Transition
from acidtest.models.reserve_confirm import provider
from acidtest.models.reserve_confirm.provider import ABSENT, AMOUNT, DEFINITE, DONE, VOIDED, WORKING, Order
from acidtest.models.reserve_confirm.switches import SWITCHES
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What a withdrawal is in the bank's books; lapsed is released for no better reason than silence.
NEW, REJECTED, HELD, PENDING, POSTED, REFUNDED, RELEASED, LAPSED = (
    "new", "rejected", "held", "pending", "posted", "refunded", "released", "lapsed",
)  # fmt: skip
UNRESOLVED = frozenset({HELD, PENDING})
#: What the process that handles a withdrawal is about to do; a crash ends it.
IDLE, READY, WAITING = "", "ready", "waiting"
#: What the account has: enough for one withdrawal, and once that was paid in part, for another.
OPENING = 3


class Hold(NamedTuple):
    """The bank's side: status and what was posted, durably; what its process is at, in memory."""

    status: str = NEW
    captured: int = 0
    session: str = IDLE


class ReserveState(NamedTuple):
    """By withdrawal: hold, order, requests under way under the order's key, and such under another; crashes."""

    holds: tuple[Hold, ...]
    orders: tuple[Order, ...]
    requests: tuple[int, ...]
    strays: tuple[int, ...]
    crashes: int = 0


class ReserveView(NamedTuple):
    """The books without the memory, the orders, what is under way, and the account."""

    holds: tuple[tuple[str, int], ...]
    orders: tuple[Order, ...]
    in_flight: tuple[bool, ...]
    balance: int
    available: int
    crashes: int


class ReserveConfirm(Model[ReserveState]):
    """Withdrawals from one account through a provider. Arguments: withdrawals, crashes in all; then SWITCHES."""

    name = "ReserveConfirm"

    def __init__(self, withdrawals: int, crashes: int = 1, **switches: bool) -> None:
        self.n, self.max_crashes = withdrawals, crashes
        standing = {switch.name: switch.default for switch in SWITCHES}
        if unknown := switches.keys() - standing.keys():
            message = f"ReserveConfirm has no switch {min(unknown)!r}. Its switches: {', '.join(standing)}."
            raise TypeError(message)
        self.on = frozenset(name for name, on in (standing | switches).items() if on)
        self.retries = not self.on.isdisjoint({"idempotent", "blind_retry"})
        self.faults = frozenset({
            "Crash", "Refund", "AskAgain", "Reply", "Callback", "CallbackWorking", "Expire", "InquireAbsent",
            "DuplicateByDevice", "AcceptStray",
        })  # fmt: skip
        if not self.retries:  # a single request may be lost; one that is repeated until it arrives is not
            self.faults |= {"Accept"}
        if "cooperative" not in self.on:
            self.faults |= {"Accept", "Dispense", "Decline", "Inquire", "Void", "Reconcile"}

    def initial_states(self) -> list[ReserveState]:
        """Nothing was asked for."""
        n = self.n
        return [ReserveState((Hold(),) * n, (Order(),) * n, (0,) * n, (0,) * n)]

    def transitions(self) -> Sequence[Transition]:
        """The bank, the provider, the environment; what is switched off is left out."""
        each = [(h,) for h in range(self.n)]
        on = self.on
        rows = (
            (True, "Reserve", self.reserve, each),
            (True, "Call", self.call, each),
            (True, "Timeout", self.timeout, each),
            ("recovery" in on, "Recover", self.recover, each),
            (self.retries, "Retry", self.retry, each),
            (True, "Reply", self.reply, each),
            ("callbacks" in on, "Callback", self.callback, each),
            ("callbacks" in on, "CallbackWorking", self.callback_working, each),
            ("queryable" in on, "Inquire", self.inquire, each),
            ("voidable" in on, "Void", self.void, each),
            ("reconciliation" in on, "Reconcile", self.reconcile, each),
            (True, "Accept", self.accept, each),
            (True, "Dispense", self.dispense, [(h, paid) for h in range(self.n) for paid in (AMOUNT, provider.PART)]),
            (True, "Decline", self.decline, each),
            (True, "Refund", self.refund, each),
            (True, "AskAgain", self.ask_again, each),
            (True, "Crash", self.crash, [()]),
            ("expire_by_time" in on, "Expire", self.expire, each),
            ("absent_is_failure" in on, "InquireAbsent", self.inquire_absent, each),
            ("device_duplicates" in on, "DuplicateByDevice", self.duplicate_by_device, each),
            (not {"keep_key", "client_key"} <= on or "device_duplicates" in on, "AcceptStray", self.accept_stray, each),
        )
        return [Transition(name, effect, domain) for there, name, effect, domain in rows if there]

    def reserve(self, s: ReserveState, h: int) -> ReserveState | None:
        """Hold the amount and note the key of the order, or reject for want of money."""
        if s.holds[h].status != NEW:
            return None
        return self._hold(s, h, Hold(HELD, 0, READY) if self.available(s) >= AMOUNT else Hold(REJECTED))

    def call(self, s: ReserveState, h: int) -> ReserveState | None:
        """Send the order."""
        hold = s.holds[h]
        if hold.session != READY:
            return None
        early = "capture_first" in self.on
        hold = Hold(POSTED, AMOUNT, WAITING) if early else hold._replace(session=WAITING)
        return self._hold(s, h, hold)._replace(requests=put(s.requests, h, s.requests[h] + 1))

    def timeout(self, s: ReserveState, h: int) -> ReserveState | None:
        """Wait no longer: what became of the order is unknown."""
        hold = s.holds[h]
        if hold.session != WAITING:
            return None
        unknown = LAPSED if "timeout_is_failure" in self.on else PENDING
        return self._hold(s, h, Hold(unknown if hold.status == HELD else hold.status, hold.captured))

    def recover(self, s: ReserveState, h: int) -> ReserveState | None:
        """Find a hold that nobody handles: it may have been called for or not."""
        return self._hold(s, h, Hold(PENDING)) if s.holds[h] == Hold(HELD) else None

    def retry(self, s: ReserveState, h: int) -> ReserveState | None:
        """Call again; the network is bounded to two requests at a time."""
        if s.holds[h] != Hold(PENDING) or max(s.requests[h], s.strays[h]) >= provider.MOST:
            return None
        s = self._hold(s, h, Hold(PENDING, 0, WAITING))
        if "keep_key" not in self.on:
            return s._replace(strays=put(s.strays, h, s.strays[h] + 1))
        return s._replace(requests=put(s.requests, h, s.requests[h] + 1))

    def reply(self, s: ReserveState, h: int) -> ReserveState | None:
        """Have the call answered."""
        if s.holds[h].session != WAITING or s.orders[h].outcome not in DEFINITE:
            return None
        flagged = "ignore_flag" not in self.on
        return self._learned(s, h, IDLE) if flagged else self._resolved(s, h, Hold(POSTED, AMOUNT))

    def callback(self, s: ReserveState, h: int) -> ReserveState | None:
        """Be told the outcome, once more perhaps."""
        return self._learned(s, h, s.holds[h].session) if s.orders[h].outcome in DEFINITE else None

    def callback_working(self, s: ReserveState, h: int) -> ReserveState | None:
        """Be told that the order is under way, perhaps long after it was."""
        hold = s.holds[h]
        if s.orders[h].outcome in {ABSENT, VOIDED}:
            return None
        again = hold.status == POSTED and "regress" in self.on
        return self._hold(s, h, hold._replace(status=PENDING)) if hold.status == HELD or again else s

    def inquire(self, s: ReserveState, h: int) -> ReserveState | None:
        """Ask what became of the order, and be told."""
        hold = s.holds[h]
        return self._learned(s, h, hold.session) if hold.status == PENDING and s.orders[h].outcome in DEFINITE else None

    def void(self, s: ReserveState, h: int) -> ReserveState | None:
        """Have the provider refuse an order that it has not got yet; what it answers is learned by inquiry."""
        return self._order(s, h, provider.voided(s.orders[h])) if s.holds[h] == Hold(PENDING) else None

    def reconcile(self, s: ReserveState, h: int) -> ReserveState | None:
        """Set the books to what the statement says of an order that is settled and that nobody handles."""
        hold, order = s.holds[h], s.orders[h]
        if "reconcile_in_flight" in self.on and hold.status == PENDING and order.outcome not in DEFINITE:
            return self._hold(s, h, Hold(RELEASED))
        if order.outcome not in DEFINITE or hold.status in {NEW, HELD} or hold.session:
            return None
        agreed = self._stated(order) if order.outcome == DONE else hold if hold.status == LAPSED else Hold(RELEASED)
        return self._hold(s, h, agreed) if hold != agreed else None

    def _stated(self, order: Order) -> Hold:
        """What the entries of a paid order come to: a payment stands that no entry of its own authorisation takes back."""
        undone = order.reversals == order.effects or (order.reversals and "by_amount" in self.on)
        if undone and "refund_is_release" in self.on:
            return Hold(RELEASED)
        return Hold(REFUNDED if undone else POSTED, min(order.dispensed, AMOUNT))

    def accept(self, s: ReserveState, h: int) -> ReserveState | None:
        """The provider takes a request."""
        if not s.requests[h]:
            return None
        s = s._replace(requests=put(s.requests, h, s.requests[h] - 1))
        return self._order(s, h, provider.accepted(s.orders[h], idempotent="idempotent" in self.on))

    def dispense(self, s: ReserveState, h: int, paid: int) -> ReserveState | None:
        """The provider pays."""
        return self._order(s, h, provider.dispensed(s.orders[h], paid))

    def decline(self, s: ReserveState, h: int) -> ReserveState | None:
        """The provider refuses."""
        return self._order(s, h, provider.declined(s.orders[h]))

    def refund(self, s: ReserveState, h: int) -> ReserveState | None:
        """The provider takes a payment back."""
        return self._order(s, h, provider.refunded(s.orders[h]))

    def ask_again(self, s: ReserveState, h: int) -> ReserveState | None:
        """The customer, whose answer may have been lost, asks again."""
        if s.holds[h].status in {NEW, REJECTED, HELD}:
            return None
        return s if "client_key" in self.on else self._stray(s, h)

    def crash(self, s: ReserveState) -> ReserveState | None:
        """The bank forgets what it was about; it is up again at once."""
        if s.crashes == self.max_crashes or not any(hold.session for hold in s.holds):
            return None
        return s._replace(holds=tuple(hold._replace(session=IDLE) for hold in s.holds), crashes=s.crashes + 1)

    def expire(self, s: ReserveState, h: int) -> ReserveState | None:
        """A bug: release by the clock."""
        return self._hold(s, h, Hold(LAPSED)) if s.holds[h] == Hold(PENDING) else None

    def inquire_absent(self, s: ReserveState, h: int) -> ReserveState | None:
        """A bug: release because an inquiry, which may lag, does not know the order."""
        return self._hold(s, h, Hold(RELEASED)) if s.holds[h].status == PENDING else None

    def duplicate_by_device(self, s: ReserveState, h: int) -> ReserveState | None:
        """The device sends what it was given once more, as if it were another."""
        return self._stray(s, h) if s.holds[h].session == WAITING else None

    def accept_stray(self, s: ReserveState, h: int) -> ReserveState | None:
        """The provider takes a request for an order that it cannot know to be the same, and pays."""
        if not s.strays[h] or s.orders[h].outcome == WORKING:
            return None
        s = s._replace(strays=put(s.strays, h, s.strays[h] - 1))
        return self._order(s, h, provider.paid_again(s.orders[h]))

    def balance(self, s: ReserveState) -> int:
        """What is booked."""
        return OPENING - sum(hold.captured for hold in s.holds if hold.status != REFUNDED)

    def available(self, s: ReserveState) -> int:
        """What the bank lets spend."""
        held = sum(hold.status in UNRESOLVED for hold in s.holds) if "secured" in self.on else 0
        return self.balance(s) - AMOUNT * held

    def _learned(self, s: ReserveState, h: int, session: str) -> ReserveState:
        """Post or release as the provider says."""
        order = s.orders[h]
        if order.outcome != DONE:
            credit = -AMOUNT if "credit_release" in self.on else 0
            return self._resolved(s, h, Hold(RELEASED, credit, session))
        paid = AMOUNT if "full_capture" in self.on else min(order.dispensed, AMOUNT)
        return self._resolved(s, h, Hold(POSTED, paid, session))

    def _resolved(self, s: ReserveState, h: int, end: Hold) -> ReserveState:
        hold = s.holds[h]
        if hold.status in UNRESOLVED:
            return self._hold(s, h, end)
        if "once" not in self.on and hold.status == end.status == POSTED and hold.captured <= AMOUNT:
            return self._hold(s, h, end._replace(captured=hold.captured + end.captured))
        return self._hold(s, h, hold._replace(session=end.session))

    def _stray(self, s: ReserveState, h: int) -> ReserveState | None:
        most = s.strays[h] + s.orders[h].effects >= provider.MOST
        return None if most else s._replace(strays=put(s.strays, h, s.strays[h] + 1))

    def _hold(self, s: ReserveState, h: int, hold: Hold) -> ReserveState:
        return s._replace(holds=put(s.holds, h, hold))

    def _order(self, s: ReserveState, h: int, order: Order | None) -> ReserveState | None:
        return order and s._replace(orders=put(s.orders, h, order))

    def view(self, state: ReserveState) -> ReserveView:
        """Everything but the bank's memory."""
        return ReserveView(
            tuple((hold.status, hold.captured) for hold in state.holds), state.orders,
            tuple(bool(requests) for requests in state.requests),
            self.balance(state), self.available(state), state.crashes,
        )  # fmt: skip

    def actor(self, action: Action) -> str:
        """The customer, the bank or the provider."""
        if action.name in {"AskAgain", "DuplicateByDevice"}:
            return "customer"
        return "provider" if action.name in {"Accept", "AcceptStray", "Dispense", "Decline", "Refund"} else "bank"
