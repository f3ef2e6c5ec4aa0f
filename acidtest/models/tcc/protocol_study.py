"""Try-Confirm/Cancel: what it guarantees, what it cannot, and which rule each guarantee rests on.

The machine is in `protocol`; the ids are those of PATTERNS 13. Every rule of the protocol has a switch that leaves it out,
so that the checker shows why it is there.
"""

from __future__ import annotations  # noqa: I001 - the names of a model, one a line, would be a page

from dataclasses import replace

from acidtest.checker.machine import Kind, Property, implied
from acidtest.checker.theory import Diagram, Refines, Size, Study, Switch, Theorem
from acidtest.models.shared.atomic_commitment import ABORTED, COMMITTED, WORKING
from acidtest.models.tcc.protocol import (
    AS_COMMIT, CANCEL_CALL, CANCELLED, CONFIRM, CONFIRM_CALL, CONFIRMED, DUE, NONE, OK, OPEN, TOMBSTONE, TRIED, TRY,
    Row, Tcc, TccState, TccView, branches, tcc_to_commit,
)  # fmt: skip
from acidtest.models.tcc.several_commits import TransactionCommits

#: How a branch may end.
ENDS = frozenset({CONFIRMED, CANCELLED, TOMBSTONE})


def agree(view: TccView) -> bool:
    """No transaction is confirmed at one service and cancelled at another."""
    statuses = [{row.status for row in rows} for rows in view.rows]
    return not any(CONFIRMED in each and each & {CANCELLED, TOMBSTONE} for each in statuses)


def have_ended_alike(view: TccView) -> bool:
    """All branches of a transaction are confirmed, or all that were ever tried are cancelled."""
    ends = [{AS_COMMIT[row.status] for row in rows} for rows in view.rows]
    return all(each == {COMMITTED} or each <= {ABORTED, WORKING} for each in ends)


def nothing_is_held(view: TccView) -> bool:
    """No hold is left."""
    return not any(row.holds for _, _, row, _ in branches(view))


def is_conserved(view: TccView) -> bool:
    """No money was made or lost."""
    return sum(view.balances) == sum(view.opening)


def is_covered(view: TccView) -> bool:
    """Every service has what its holds would take."""
    amount = len(view.opening) - 1
    return view.balances[0] >= amount * sum(rows[0].holds for rows in view.rows)


def is_to_pay(view: TccView) -> bool:
    """The paying service has been told to confirm, and has not."""
    return any(i == 0 and sent & CONFIRM_CALL and row.status == TRIED for _, i, row, sent in branches(view))


def shows_holds(view: TccView) -> bool:
    """A hold is taken off what may be spent, and not off the balance."""
    amount = len(view.opening) - 1
    held, booked = (sum(row.status == status for _, i, row, _ in branches(view) if i == 0) for status in (TRIED, CONFIRMED))
    balance = view.opening[0] - amount * booked
    return (view.balances[0], view.available[0]) == (balance, balance - amount * held)


def moved_whole(view: TccView) -> bool:
    """Balances and the money in transit, of transactions that are confirmed in part, add up."""
    shares = (1 - len(view.opening), *[1] * (len(view.opening) - 1))
    transit = sum(-shares[i] for _, i, row, _ in branches(view) if row.status == CONFIRMED)
    return sum(view.balances) + transit == sum(view.opening)


def was_empty_cancel(before: TccView, after: TccView) -> bool:
    """A service answers a Cancel for which it had seen no Try."""
    return any(map(_fenced, branches(before), branches(after)))


def _fenced(was: tuple[int, int, Row, int], now: tuple[int, int, Row, int]) -> bool:
    return was[2].status == NONE and bool(was[3] & CANCEL_CALL and was[3] & DUE) and not now[3] & DUE


def leaves_tombstone(before: TccView, after: TccView) -> bool:
    """It changes nothing but the status row, which says so for ever."""
    pairs = zip(branches(before), branches(after), strict=True)
    return all(now[2] == Row(TOMBSTONE) for was, now in pairs if _fenced(was, now))


def is_cancelled_somewhere(view: TccView, _: TccView) -> bool:
    """A Cancel was answered."""
    return any(_cancel_answered(sent) for _, _, _, sent in branches(view))


def _cancel_answered(sent: int) -> bool:
    return bool(sent & CANCEL_CALL) and not sent & DUE


def stays_cancelled(before: TccView, after: TccView) -> bool:
    """What has answered a Cancel does not hold anything later."""
    pairs = zip(branches(before), branches(after), strict=True)
    return all(now[2].holds <= was[2].holds for was, now in pairs if _cancel_answered(was[3]))


def keeps_ends(before: TccView, after: TccView) -> bool:
    """A branch that has ended stays as it is."""
    pairs = zip(branches(before), branches(after), strict=True)
    return all(was[2].status == now[2].status for was, now in pairs if was[2].status in ENDS)


def is_not_both(before: TccView, after: TccView) -> bool:
    """No branch goes from one end to the other."""
    pairs = zip(branches(before), branches(after), strict=True)
    return all({was[2].status, now[2].status} - {TOMBSTONE} != {CONFIRMED, CANCELLED} for was, now in pairs)


def some_ended(before: TccView, _: TccView) -> bool:
    """A branch has ended."""
    return any(row.status in ENDS for _, _, row, _ in branches(before))


def keeps_decisions(before: TccView, after: TccView) -> bool:
    """What was decided stays so."""
    return all(was in {OPEN, now} for was, now in zip(before.decisions, after.decisions, strict=True))


def some_decided(before: TccView, _: TccView) -> bool:
    """A transaction is decided."""
    return any(decision != OPEN for decision in before.decisions)


def confirm_was_called(view: TccView) -> bool:
    """A Confirm was sent."""
    return any(sent & CONFIRM_CALL for _, _, _, sent in branches(view))


def confirm_is_logged(view: TccView) -> bool:
    """The decision is durable, and every branch had said Ok."""
    called = {g for g, _, _, sent in branches(view) if sent & CONFIRM_CALL}
    return all(view.decisions[g] == CONFIRM and all(sent & OK for sent in view.sent[g]) for g in called)


def rows_tell(view: TccView) -> bool:
    """Whatever was done for a branch, its status row says it."""
    expected = {TRIED: (1, 0), CONFIRMED: (0, 1)}
    return all((row.holds, row.bookings) == expected.get(row.status, (0, 0)) for _, _, row, _ in branches(view))


def are_registered(view: TccView) -> bool:
    """The coordinator knows of every branch that it has called."""
    return all(view.registered[g] >> i & 1 for g, i, _, sent in branches(view) if sent & TRY)


def all_answered(view: TccView) -> bool:
    """Every transaction is decided, and every branch that was called has answered its last call."""
    called = CONFIRM_CALL | CANCEL_CALL
    pending = any(view.registered[g] >> i & 1 and (not sent & called or sent & DUE) for g, i, _, sent in branches(view))
    return OPEN not in view.decisions and not pending


def all_confirm(view: TccView) -> bool:
    """A transaction is confirmed everywhere, and nobody crashed."""
    return not view.crashes and any({row.status for row in rows} == {CONFIRMED} for rows in view.rows)


def is_half_confirmed(view: TccView) -> bool:
    """One service shows the transaction, another not yet."""
    return any({CONFIRMED, TRIED} <= {row.status for row in rows} for rows in view.rows)


def cancel_meets_nothing(view: TccView) -> bool:
    """A service is to cancel what it has not been asked to try."""
    return any(row.status == NONE and sent & CANCEL_CALL and sent & DUE for _, _, row, sent in branches(view))


def is_left_holding(view: TccView) -> bool:
    """A service holds for a coordinator that is down and has told nobody how it ends."""
    return not view.up and any(row.holds and not sent & (CONFIRM_CALL | CANCEL_CALL) for _, _, row, sent in branches(view))


_SEATA = "Seata, TCC fence; DTM, sub-transaction barrier; PATTERNS 13"
_PARDON = "Pardon & Pautasso 2011; PATTERNS 13"
_SHARED = "PATTERNS, section 0"
ALWAYS, STEP, AT_REST, SOMETIMES = Kind.ALWAYS, Kind.STEP, Kind.AT_REST, Kind.SOMETIMES
T1 = Property("T1", "no branch is confirmed where another is cancelled", ALWAYS, agree, _PARDON)
T1_REST = Property("T1.rest", "in the end all branches have ended alike", AT_REST, have_ended_alike, _PARDON)
T2 = implied("T2", "who is told to confirm has what it takes", ALWAYS, is_to_pay, is_covered, _PARDON)
T3 = Property(
    "T3", "Try, Confirm and Cancel take effect at most once", ALWAYS,
    lambda view: all(row.holds + row.bookings <= 1 for _, _, row, _ in branches(view)), _SEATA,
)  # fmt: skip
T4 = implied("T4", "a Cancel without Try leaves a tombstone and nothing else", STEP, was_empty_cancel, leaves_tombstone, _SEATA)
T5 = implied("T5", "after its Cancel no Try takes effect", STEP, is_cancelled_somewhere, stays_cancelled, _SEATA)
T6 = implied("T6", "a branch ends once, confirmed or cancelled", STEP, some_ended, keeps_ends, _SEATA)
T6_BOTH = implied("T6.both", "no branch is confirmed and cancelled, even if told both", STEP, some_ended, is_not_both, _SEATA)
T7 = implied("T7", "no Confirm is called before all Oks are logged", ALWAYS, confirm_was_called, confirm_is_logged, _PARDON)
T8 = Property("T8", "in the end no hold is left", AT_REST, nothing_is_held, _PARDON)
T9 = Property("T9", "what is held nobody else can spend, and nobody sees as spent", ALWAYS, shows_holds, _PARDON)
T10 = Property("T10", "the status row tells what was done to the money", ALWAYS, rows_tell, _SEATA)
T11 = Property("T11", "a branch is registered before its Try is sent", ALWAYS, are_registered, "Seata PR#1825; PATTERNS 13")
T12 = Property("T12", "in the end no money was made or lost", AT_REST, is_conserved, _SHARED)
G1 = Property("G1", "balances and what is in transit add up", ALWAYS, moved_whole, _SHARED)
G2 = Property("G2", "no account is promised away twice", ALWAYS, is_covered, _SHARED)
G5 = implied("G5", "no decision is reversed", STEP, some_decided, keeps_decisions, _SHARED)
G9 = Property("G9", "every transaction ends, and the coordinator hears it", Kind.EVENTUALLY, all_answered, _SHARED)
G11 = Property("G11", "without faults a funded transaction can be confirmed", SOMETIMES, all_confirm, _SHARED)
N1 = Property("N1", "a reader sees a transaction confirmed here and held there", SOMETIMES, is_half_confirmed, _SHARED)
N2 = Property("N2.empty", "a Cancel comes to a service that has seen no Try", SOMETIMES, cancel_meets_nothing, _SEATA)
N2_FORGOTTEN = replace(T5, id="N2.T5", name="a Cancel that finds no Try may be forgotten")
N2_REFUSED = replace(G9, id="N2.T4", name="a Cancel that finds no Try may be refused")
N3 = replace(T1, id="N3", name="a service may let its hold expire")
N4 = Property("N4", "reservations stay while the coordinator is down", SOMETIMES, is_left_holding, _SHARED)
N4_LIVE = replace(G9, id="N4.live", name="every transaction ends, also without the coordinator")
N5 = replace(T8, id="N5", name="a Try that was not answered need not be cancelled")
N5_UNFENCED = replace(T8, id="N5.fence", name="a Try that was not answered need not be fenced")


def _label(s: TccState) -> str:
    return f"{s.entries[0].decision}\n" + " | ".join(sorted(row.status for row in s.rows[0]))


STUDY = Study(
    name="Try-Confirm/Cancel",
    make=Tcc,
    switches=(
        Switch("recovery", "a coordinator that crashed comes back", default=True),
        Switch("log_first", "a decision to confirm is durable before anybody is told", default=True),
        Switch("cas", "the timer and the last Ok decide by compare and set", default=True),
        Switch("retry", "Confirm and Cancel are called until they are answered", default=True),
        Switch("tombstones", "a Cancel that finds no Try is remembered", default=True),
        Switch("fence", "a branch looks at its status before it does anything", default=True),
        Switch("secured", "a hold is taken off what may be spent", default=True),
        Switch("refuse_empty", "a Cancel that finds no Try is an error"),
        Switch("cancel_only_ok", "only those are cancelled that said Ok"),
        Switch("register_late", "a branch is called first and registered later"),
        Switch("fence_apart", "the hold is committed before the status row"),
        Switch("expiry", "a service may drop a hold after a time"),
    ),
    sizes=(
        Size("1 transaction, 2 crashes", {"transactions": 1, "n": 2, "crashes": 2}, 401, 15),
        Size("1 transaction, 3 services, 1 crash", {"transactions": 1, "n": 3, "crashes": 1}, 1_346, 17),
        Size("2 transactions for the same money", {"transactions": 2, "n": 2, "crashes": 0}, 6_105, 19),
    ),
    properties=(T1, T1_REST, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, G1, G2, G5, G9, G11),
    theorems=(
        Theorem(N1),
        Theorem(N2),
        Theorem(N2_FORGOTTEN, {"tombstones": False}, {}),
        Theorem(N2_REFUSED, {"refuse_empty": True}, {}),
        Theorem(N3, {"expiry": True}, {}),
        Theorem(N4),
        Theorem(N4_LIVE, {"recovery": False}, {}),
        Theorem(N5, {"cancel_only_ok": True}, {}),
        Theorem(N5_UNFENCED, {"tombstones": False}, {}),
        Theorem(T1, {"log_first": False}, {}),
        Theorem(T1, {"cas": False}, {}),
        Theorem(T1_REST, {"retry": False}, {}),
        Theorem(T2, {"secured": False}, {}, size=2),
        Theorem(T3, {"fence": False}, {}),
        Theorem(T4, {"tombstones": False}, {}),
        Theorem(T5, {"fence": False}, {}),
        Theorem(T6, {"fence": False}, {}),
        Theorem(T6_BOTH, {"fence": False, "cas": False}, {"cas": False}),
        Theorem(T7, {"log_first": False}, {}),
        Theorem(T8, {"recovery": False}, {}),
        Theorem(T8, {"register_late": True}, {}),
        Theorem(T8, {"fence_apart": True}, {}),
        Theorem(T9, {"secured": False}, {}),
        Theorem(T10, {"fence_apart": True}, {}),
        Theorem(T11, {"register_late": True}, {}),
        Theorem(T12, {"expiry": True}, {}),
        Theorem(G1, {"fence": False}, {}),
        Theorem(G2, {"secured": False}, {}, size=2),
        Theorem(G5, {"cas": False}, {}),
        Theorem(G9, {"retry": False}, {}),
    ),
    refines=Refines("TCommit, for each transaction", TransactionCommits, tcc_to_commit),
    diagram=Diagram({"transactions": 1, "n": 2, "crashes": 0}, _label),
)
