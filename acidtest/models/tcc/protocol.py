"""The machine of Try-Confirm/Cancel: services hold, and a coordinator has every hold confirmed or cancelled.

A transaction moves money from the first of `n` services to the others, one branch at each. Calls and their answers may
be lost, late and duplicated; the coordinator may crash. Each service keeps a status row per branch beside its holds and
balances, changed in the same local transaction: the fence. A refused Try is answered No, which tells the coordinator no
more than silence does: either may end in Cancel, and only an Ok counts.

Sources: Helland, "Life beyond Distributed Transactions", CIDR 2007 (tentative operations); Pardon & Pautasso,
"Towards Distributed Atomic Transactions over RESTful Services", 2011 (Try-Confirm/Cancel); Seata's fence and DTM's
sub-transaction barrier (null cancel, suspension). PATTERNS 13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Action, Model, Transition
from acidtest.models.shared.atomic_commitment import ABORTED, COMMITTED, PREPARED, WORKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from acidtest.models.tcc.several_commits import Commitments

#: The status of a branch; a tombstone is what a Cancel leaves that came before its Try.
NONE, TRIED, CONFIRMED, CANCELLED, TOMBSTONE = "none", "tried", "confirmed", "cancelled", "tombstone"
#: What each is to a commit protocol.
AS_COMMIT = {NONE: WORKING, TRIED: PREPARED, CONFIRMED: COMMITTED, CANCELLED: ABORTED, TOMBSTONE: ABORTED}
OPEN, CONFIRM, CANCEL = "open", "confirm", "cancel"
#: What was sent for a branch, ever: calls, the Ok to its Try; and whether its second call is not answered yet.
TRY, OK, CONFIRM_CALL, CANCEL_CALL, DUE = 1, 2, 4, 8, 16


_SENT = ((TRY, "Try"), (OK, "Ok"), (CONFIRM_CALL, "Confirm"), (CANCEL_CALL, "Cancel"), (DUE, "no answer yet"))


class Row(NamedTuple):
    """What a service knows of a branch, durably: its status, holds in place, and how often it booked the amount."""

    status: str = NONE
    holds: int = 0
    bookings: int = 0


class Entry(NamedTuple):
    """What the coordinator knows of a transaction: decision and branches durably; in memory who said Ok, until then."""

    decision: str = OPEN
    registered: int = 0
    votes: int = 0


class TccState(NamedTuple):
    """Rows and what was sent, by transaction and service; the coordinator's entries, by transaction."""

    rows: tuple[tuple[Row, ...], ...]
    sent: tuple[tuple[int, ...], ...]
    entries: tuple[Entry, ...]
    up: bool = True
    crashes: int = 0


class TccView(NamedTuple):
    """What is durable or on the wire, and what the services would show and let spend."""

    rows: tuple[tuple[Row, ...], ...]
    sent: tuple[tuple[int, ...], ...]
    decisions: tuple[str, ...]
    registered: tuple[int, ...]
    opening: tuple[int, ...]
    balances: tuple[int, ...]
    available: tuple[int, ...]
    up: bool
    crashes: int


def _members(mask: int) -> frozenset[int]:
    return frozenset(i for i in range(mask.bit_length()) if mask >> i & 1)


def _at(grid: tuple, g: int, i: int, value: object) -> tuple:  # type: ignore[type-arg]
    row = (*grid[g][:i], value, *grid[g][i + 1 :])
    return (*grid[:g], row, *grid[g + 1 :])


class Tcc(Model[TccState]):
    """Try-Confirm/Cancel. Arguments: transactions, services, crashes of the coordinator in all; then SWITCHES."""

    name = "TCC"

    def __init__(
        self, transactions: int, n: int = 2, crashes: int = 1, *, recovery: bool = True, log_first: bool = True,
        cas: bool = True, retry: bool = True, tombstones: bool = True, fence: bool = True, secured: bool = True,
        refuse_empty: bool = False, cancel_only_ok: bool = False, register_late: bool = False,
        fence_apart: bool = False, expiry: bool = False,
    ) -> None:  # fmt: skip
        self.transactions, self.n, self.max_crashes = transactions, n, crashes
        self.recovery, self.log_first, self.cas, self.tombstones = recovery, log_first, cas, tombstones
        self.fence, self.secured, self.refuse_empty = fence, secured, refuse_empty
        self.cancel_only_ok, self.register_late = cancel_only_ok, register_late
        self.fence_apart, self.expiry = fence_apart, expiry
        self.amounts = (1 - n, *[1] * (n - 1))
        self.opening = (n - 1, *[0] * (n - 1))  # enough for one transaction
        self.everyone = (1 << n) - 1
        self.faults = frozenset({"RcvTry", "TMRcvOk", "RcvConfirmAgain", "RcvCancelAgain", "TMCrash", "TryCutShort", "Expire"})
        if not retry:  # nobody repeats a call that was lost
            self.faults |= {"RcvConfirm", "RcvCancel"}

    def initial_states(self) -> list[TccState]:
        """Every transaction is open, and nothing sent."""
        each = range(self.transactions)
        nothing = tuple((0,) * self.n for _ in each)
        return [TccState(tuple((Row(),) * self.n for _ in each), nothing, tuple(Entry() for _ in each))]

    def transitions(self) -> Sequence[Transition]:
        """Coordinator and services in turn, then what breaks the rules."""
        each = [(g,) for g in range(self.transactions)]
        branches = [(g, i) for g in range(self.transactions) for i in range(self.n)]
        table = [
            Transition("TMTry", self.tm_try, branches),
            Transition("RcvTry", self.rcv_try, branches),
            Transition("TMRcvOk", self.tm_rcv_ok, branches),
            Transition("TMConfirm", self.tm_confirm, each),
            Transition("TMCancel", self.tm_cancel, each),
            Transition("TMCall", self.tm_call, each),
            Transition("RcvConfirm", self.rcv_confirm, branches),
            Transition("RcvCancel", self.rcv_cancel, branches),
            Transition("RcvConfirmAgain", self.rcv_confirm_again, branches),
            Transition("RcvCancelAgain", self.rcv_cancel_again, branches),
            Transition("TMCrash", self.tm_crash),
        ]
        if self.recovery:
            table.append(Transition("TMRestart", self.tm_restart))
        if self.register_late:
            table.append(Transition("TMRegister", self.tm_register, branches))
        if self.fence_apart:
            table.append(Transition("TryCutShort", self.try_cut_short, branches))
        if self.expiry:
            table.append(Transition("Expire", self.expire, branches))
        return table

    def tm_try(self, s: TccState, g: int, i: int) -> TccState | None:
        """Register the branch durably, then call its Try."""
        if not s.up or s.entries[g].decision != OPEN or s.sent[g][i] & TRY:
            return None
        s = s._replace(sent=_at(s.sent, g, i, TRY))
        return s if self.register_late else self.tm_register(s, g, i)

    def tm_register(self, s: TccState, g: int, i: int) -> TccState | None:
        """Note that there is such a branch, which may have been tried."""
        entry = s.entries[g]
        if not s.up or not s.sent[g][i] & TRY or entry.decision != OPEN or entry.registered >> i & 1:
            return None
        return self._entered(s, g, entry._replace(registered=entry.registered | 1 << i))

    def rcv_try(self, s: TccState, g: int, i: int) -> TccState | None:
        """Hold the amount and answer Ok, unless the branch is known already or there is too little."""
        row, sent = s.rows[g][i], s.sent[g][i]
        known = row.holds > 1 if not self.fence else row.status != NONE
        if not sent & TRY or known or not self._can_hold(s, i):
            return None
        s = s._replace(sent=_at(s.sent, g, i, sent | OK))
        return s._replace(rows=_at(s.rows, g, i, row._replace(status=TRIED, holds=row.holds + 1)))

    def tm_rcv_ok(self, s: TccState, g: int, i: int) -> TccState | None:
        """Count an Ok."""
        entry = s.entries[g]
        if not s.up or entry.decision != OPEN or not s.sent[g][i] & OK or entry.votes >> i & 1:
            return None
        return self._entered(s, g, entry._replace(votes=entry.votes | 1 << i))

    def tm_confirm(self, s: TccState, g: int) -> TccState | None:
        """Force the decision to confirm, all branches being Ok, unless the timer was first."""
        entry = s.entries[g]
        still_open = entry.decision == OPEN or (not self.cas and entry.decision == CANCEL)
        if not s.up or entry.votes != self.everyone or not still_open:
            return None
        return self._decided(s, g, CONFIRM)

    def tm_cancel(self, s: TccState, g: int) -> TccState | None:
        """Force the decision to cancel: a service said No, or time is up."""
        if not s.up or s.entries[g].decision != OPEN:
            return None
        return self._decided(s, g, CANCEL)

    def tm_call(self, s: TccState, g: int) -> TccState | None:
        """Call the branches as decided: Confirm in all, Cancel in all that may have been tried."""
        entry = s.entries[g]
        hasty = not self.log_first and entry.decision == OPEN and entry.votes == self.everyone
        if not s.up or (entry.decision == OPEN and not hasty):
            return None
        call = CANCEL_CALL if entry.decision == CANCEL else CONFIRM_CALL
        called = entry.votes if self.cancel_only_ok and call == CANCEL_CALL else entry.registered
        calls = tuple(
            was | call | DUE if called >> i & 1 and not was & call else was for i, was in enumerate(s.sent[g])
        )
        return s._replace(sent=(*s.sent[:g], calls, *s.sent[g + 1 :])) if calls != s.sent[g] else None

    def rcv_confirm(self, s: TccState, g: int, i: int) -> TccState | None:
        """Confirm, and have the answer arrive."""
        return self._answered(self.rcv_confirm_again(s, g, i), g, i) if s.sent[g][i] & DUE else None

    def rcv_cancel(self, s: TccState, g: int, i: int) -> TccState | None:
        """Cancel, and have the answer arrive."""
        return self._answered(self.rcv_cancel_again(s, g, i), g, i) if s.sent[g][i] & DUE else None

    def rcv_confirm_again(self, s: TccState, g: int, i: int) -> TccState | None:
        """Book the amount and drop the hold, once; the call was late or a duplicate, or its answer is lost."""
        row = s.rows[g][i]
        if not s.sent[g][i] & CONFIRM_CALL:
            return None
        if row.status == CONFIRMED and self.fence:
            return s  # a step that changes nothing, so that a call that is repeated can be answered, too
        refused = self.fence and row.status != TRIED
        if refused or row.bookings > 1 or self.balance(s, i) + self.amounts[i] < 0:
            return None
        return s._replace(rows=_at(s.rows, g, i, Row(CONFIRMED, max(row.holds - 1, 0), row.bookings + 1)))

    def rcv_cancel_again(self, s: TccState, g: int, i: int) -> TccState | None:
        """Drop the hold, or leave a tombstone where there is none."""
        row = s.rows[g][i]
        refused = (row.status == CONFIRMED and self.fence) or (row.status == NONE and self.refuse_empty)
        if not s.sent[g][i] & CANCEL_CALL or refused:
            return None
        if row.status == NONE:
            row = row._replace(status=TOMBSTONE) if self.tombstones else row
        elif row.status in {TRIED, CONFIRMED}:
            row = Row(CANCELLED, max(row.holds - 1, 0))
        return s._replace(rows=_at(s.rows, g, i, row))

    def tm_crash(self, s: TccState) -> TccState | None:
        """Forget who said Ok."""
        if not s.up or s.crashes == self.max_crashes:
            return None
        return s._replace(up=False, crashes=s.crashes + 1, entries=tuple(e._replace(votes=0) for e in s.entries))

    def tm_restart(self, s: TccState) -> TccState | None:
        """Go on from the log: what is open there will be cancelled when its time is up."""
        return None if s.up else s._replace(up=True)

    def try_cut_short(self, s: TccState, g: int, i: int) -> TccState | None:
        """A bug: hold the amount, and crash before the status row is written."""
        row = s.rows[g][i]
        if not s.sent[g][i] & TRY or row != Row() or not self._can_hold(s, i):
            return None
        return s._replace(rows=_at(s.rows, g, i, row._replace(holds=1)))

    def expire(self, s: TccState, g: int, i: int) -> TccState | None:
        """A bug: drop a hold without having been told to."""
        row = s.rows[g][i]
        return s._replace(rows=_at(s.rows, g, i, Row(CANCELLED))) if row.status == TRIED else None

    def balance(self, s: TccState, i: int) -> int:
        """What is booked at a service."""
        return self.opening[i] + self.amounts[i] * sum(rows[i].bookings for rows in s.rows)

    def available(self, s: TccState, i: int) -> int:
        """What a service lets spend: not what it owes, nor what it has not received yet."""
        held = sum(rows[i].holds for rows in s.rows) if self.secured else 0
        return self.balance(s, i) + min(self.amounts[i], 0) * held

    def _can_hold(self, s: TccState, i: int) -> bool:
        return self.available(s, i) + min(self.amounts[i], 0) >= 0

    def _decided(self, s: TccState, g: int, decision: str) -> TccState:
        # The compare-and-set tells who counts the Oks how it ended; without it the count goes on.
        entry = s.entries[g]
        votes = 0 if self.cas and not self.cancel_only_ok else entry.votes
        return self._entered(s, g, Entry(decision, entry.registered, votes))

    def _entered(self, s: TccState, g: int, entry: Entry) -> TccState:
        return s._replace(entries=(*s.entries[:g], entry, *s.entries[g + 1 :]))

    def _answered(self, s: TccState | None, g: int, i: int) -> TccState | None:
        return s and s._replace(sent=_at(s.sent, g, i, s.sent[g][i] & ~DUE))

    def view(self, state: TccState) -> TccView:
        """Everything but the coordinator's memory."""
        services = range(self.n)
        return TccView(
            state.rows, state.sent,
            tuple(e.decision for e in state.entries), tuple(e.registered for e in state.entries), self.opening,
            tuple(self.balance(state, i) for i in services), tuple(self.available(state, i) for i in services),
            state.up, state.crashes,
        )  # fmt: skip

    def shown(self, s: TccState) -> TccState:
        """What was sent, who is registered and who said Ok by their names."""
        sent = tuple(tuple(frozenset(name for bit, name in _SENT if mask & bit) for mask in row) for row in s.sent)
        entries = tuple(entry._replace(registered=_members(entry.registered), votes=_members(entry.votes)) for entry in s.entries)  # type: ignore[arg-type]
        return s._replace(sent=sent, entries=entries)  # type: ignore[arg-type]

    def actor(self, action: Action) -> str:
        """The coordinator, or a service."""
        return "coordinator" if action.name.startswith("TM") else f"service {action.args[1]}"


def branches(view: TccView) -> Iterator[tuple[int, int, Row, int]]:
    """Every branch: its transaction, its service, its row and what was sent for it."""
    for g, rows in enumerate(view.rows):
        for i, row in enumerate(rows):
            yield g, i, row, view.sent[g][i]


def tcc_to_commit(state: TccState) -> Commitments:
    """Map TCC to atomic commitment: a hold is a promise, and a tombstone an abort."""
    return tuple([tuple([AS_COMMIT[row.status] for row in rows]) for rows in state.rows])
