"""Reserve/confirm with an external system: what it guarantees, what it cannot, and what each guarantee rests on.

The machine is in `protocol`; the ids are those of PATTERNS 14. What may be assumed of the provider and every rule of
the bank have switches, so that the checker shows why they are there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from acidtest.checker.machine import Kind, Property, implied
from acidtest.checker.theory import Diagram, Size, Study, Theorem, Twin
from acidtest.models.reserve_confirm.protocol import (
    LAPSED,
    NEW,
    OPENING,
    PENDING,
    POSTED,
    REFUNDED,
    REJECTED,
    RELEASED,
    UNRESOLVED,
    ReserveConfirm,
    ReserveState,
    ReserveView,
)
from acidtest.models.reserve_confirm.provider import (
    ABSENT,
    AMOUNT,
    DECLINED,
    DEFINITE,
    DONE,
    PART,
    VOIDED,
    WORKING,
    Order,
)
from acidtest.models.reserve_confirm.switches import SWITCHES

#: What the books say of a withdrawal: its status, and what was posted.
Books = tuple[str, int]
#: How a withdrawal may end in the books.
RESOLUTION = {POSTED: POSTED, REFUNDED: POSTED, RELEASED: RELEASED, LAPSED: RELEASED, REJECTED: REJECTED}


def every(check: Callable[[Books, Order], bool]) -> Callable[[ReserveView], bool]:
    """Say of a view that something holds of each withdrawal."""
    return lambda view: all(map(check, view.holds, view.orders))


def some(check: Callable[[Books, Order], bool]) -> Callable[[ReserveView], bool]:
    """Say of a view that something holds of a withdrawal."""
    return lambda view: any(map(check, view.holds, view.orders))


def never(
    check: Callable[[Books, Order, Books, Order], bool],
) -> Callable[[ReserveView, ReserveView], bool]:
    """Say of two views that no withdrawal changes in some way."""
    return lambda was, now: not any(map(check, was.holds, was.orders, now.holds, now.orders))


def before(check: Callable[[Books, Order], bool]) -> Callable[[ReserveView, ReserveView], bool]:
    """Say of the first of two views that something holds of a withdrawal there."""
    return lambda was, _: any(map(check, was.holds, was.orders))


def posted_is_done(hold: Books, order: Order) -> bool:
    """What was posted is what was paid, and what was not paid is released for good reason, or was never held."""
    if order.outcome == DONE:
        return hold[0] in {POSTED, REFUNDED} and hold[1] == order.dispensed
    return hold[0] in {NEW, REJECTED} if order.outcome == ABSENT else is_released(hold, order)


def is_released(hold: Books, _: Order) -> bool:
    """The hold is gone, and nothing was posted."""
    return RESOLUTION.get(hold[0]) == RELEASED


def is_refused(hold: Books, order: Order) -> bool:
    """What was released was refused by the provider, and will be."""
    return not is_released(hold, order) or order.outcome in {DECLINED, VOIDED}


def is_posted(hold: Books, _: Order) -> bool:
    """It was paid, say the books."""
    return hold[0] == POSTED


def posted_within(hold: Books, order: Order) -> bool:
    """No more was posted than was reserved, nor than was paid."""
    return hold[0] != POSTED or hold[1] <= min(AMOUNT, order.dispensed)


def is_unresolved(hold: Books, _: Order) -> bool:
    """It is held, or pending."""
    return hold[0] in UNRESOLVED


def is_resolved(hold: Books, _: Order) -> bool:
    """It has an end."""
    return hold[0] in RESOLUTION


def tells_both(hold: Books, order: Order) -> bool:
    """The books show each entry of the statement: what was paid, and what was taken back."""
    return order.outcome != DONE or hold == (REFUNDED if order.reversals else POSTED, order.dispensed)


def under_way(view: ReserveView, _: ReserveView) -> bool:
    """A withdrawal is pending whose order is at work, or may yet arrive."""
    return any(map(_is_under_way, view.holds, view.orders, view.in_flight))


def _is_under_way(hold: Books, order: Order, in_flight: bool) -> bool:  # noqa: FBT001 - one of three columns
    return hold[0] == PENDING and (order.outcome == WORKING or (order.outcome == ABSENT and in_flight))


def left_alone(was: ReserveView, now: ReserveView) -> bool:
    """Whatever is under way is not resolved meanwhile."""
    busy = map(_is_under_way, was.holds, was.orders, was.in_flight)
    return not any(each and status in RESOLUTION for each, (status, _) in zip(busy, now.holds, strict=True))


def balance_tells(view: ReserveView) -> bool:
    """The account lost what was posted, and nothing else."""
    posted = sum(captured for status, captured in view.holds if status == POSTED)
    return view.balance == OPENING - posted


def is_conserved(view: ReserveView) -> bool:
    """Money on the account, and cash paid out and not taken back, add up."""
    cash = sum(order.dispensed for order in view.orders if not order.reversals)
    return view.balance + cash == OPENING


def covered(view: ReserveView) -> bool:
    """The account has what is posted and what is held."""
    return view.balance >= AMOUNT * sum(status in UNRESOLVED for status, _ in view.holds)


def without_crash(outcome: Books) -> Callable[[ReserveView], bool]:
    """A withdrawal ends so, and nobody crashed."""
    return lambda view: not view.crashes and outcome in view.holds


def is_voided(hold: Books, order: Order) -> bool:
    """The provider agreed never to pay it, and it was released."""
    return hold[0] == RELEASED and order.outcome == VOIDED


def crashed_with(view: ReserveView, order: Order) -> bool:
    """After a crash a hold is pending, and its order is this."""
    return view.crashes > 0 and ((PENDING, 0), order) in zip(view.holds, view.orders, strict=True)


def of_bank(model: ReserveConfirm, s: ReserveState) -> tuple[object, ...]:
    """Its books and its memory; and, where the provider answers inquiries, what it would say for certain."""
    answers = tuple(order.outcome if order.outcome in DEFINITE else "" for order in s.orders)
    return s.holds, answers if "queryable" in model.on else ()


def is_undone_both_ways(view: ReserveView) -> bool:
    """Of two withdrawals that cost nothing, one left no entry at the provider and the other two."""
    undone = {(status, order.effects + order.reversals) for (status, _), order in zip(view.holds, view.orders, strict=True)}
    return {(RELEASED, 0), (REFUNDED, 2)} <= undone


def is_taken_back_once(order: Order) -> bool:
    """Of two payments under two authorisations one was taken back."""
    return (order.effects, order.reversals) == (2, 1)


_TB = "TigerBeetle, two-phase transfers; PATTERNS 14"
_PAY = "Stripe, idempotent requests; PATTERNS 14"
_OWN = "PATTERNS 14"
_SHARED = "PATTERNS, section 0"
ALWAYS, STEP, AT_REST, SOMETIMES = Kind.ALWAYS, Kind.STEP, Kind.AT_REST, Kind.SOMETIMES
RC1 = Property("RC1", "in the end the books say what the provider did", AT_REST, every(posted_is_done), _OWN)
RC2 = implied("RC2", "what is released the provider has refused for good", ALWAYS, some(is_released), every(is_refused), _OWN)
RC3 = implied("RC3", "no more is posted than was reserved and paid", ALWAYS, some(is_posted), every(posted_within), _OWN)
RC4 = Property("RC4", "no withdrawal is paid twice", ALWAYS, every(lambda _, order: order.effects <= 1), _PAY)
RC5 = implied(
    "RC5", "silence is not taken for failure", STEP, before(is_unresolved),
    never(lambda hold, _, now, __: hold[0] in UNRESOLVED and now[0] == LAPSED), _OWN,
)  # fmt: skip
RC6 = Property("RC6", "nothing is promised away twice, nor overdrawn", ALWAYS, covered, _SHARED)
RC7 = implied(
    "RC7", "each hold is resolved once", STEP, before(is_resolved),
    never(lambda hold, _, now, __: hold[0] in RESOLUTION and RESOLUTION.get(now[0]) != RESOLUTION[hold[0]]), _TB,
)  # fmt: skip
RC8 = implied(
    "RC8", "late or repeated notifications change nothing that was posted", STEP, before(is_posted),
    never(lambda hold, _, now, __: hold[0] == POSTED and (now[0] == PENDING or now[1] > hold[1])), "saleor#14648; PATTERNS 14",
)  # fmt: skip
RC9 = implied("RC9", "after a crash, too", AT_REST, lambda view: view.crashes > 0, every(posted_is_done), _OWN)
RC10 = implied("RC10", "what is under way is left alone", STEP, under_way, left_alone, _OWN)
RC10_REST = Property("RC10.rest", "in the end the books show every entry of the statement", AT_REST, every(tells_both), _OWN)
RC11 = implied(
    "RC11", "a customer who asks again hears the same and gets no more", STEP, before(is_resolved),
    never(lambda hold, order, _, now: hold[0] in RESOLUTION and now.effects > order.effects), _PAY,
)  # fmt: skip
RC12 = Property("RC12", "a release changes no balance", ALWAYS, balance_tells, _OWN)
G1 = Property("G1", "in the end balance and cash add up", AT_REST, is_conserved, _SHARED)
G6 = Property("G6", "in the end nothing is held", AT_REST, lambda view: not some(is_unresolved)(view), _SHARED)
G9 = Property("G9", "every withdrawal is resolved", Kind.EVENTUALLY, every(is_resolved), _SHARED)
G11 = Property("G11", "without faults a withdrawal can be paid and posted", SOMETIMES, without_crash((POSTED, AMOUNT)), _SHARED)
SOME_PART = Property("SOME-PART", "one is paid in part", SOMETIMES, without_crash((POSTED, PART)), _SHARED)
SOME_VOID = Property("SOME-VOID", "one is voided, and released", SOMETIMES, some(is_voided), _SHARED)
_GENERALS = "Akkoyunlu, Ekanadham & Huber 1975 (two generals)"
N1_UNSENT = Property(
    "N1", "after a crash the bank cannot tell whether its order was carried out or never sent", SOMETIMES,
    lambda view: crashed_with(view, Order()) and not any(view.in_flight), _GENERALS,
)  # fmt: skip
N1_SENT = replace(
    N1_UNSENT, name="it was carried out",
    predicate=lambda view: crashed_with(view, Order(DONE, 1, AMOUNT)),
)  # fmt: skip
N1_RETRY = replace(RC4, id="N1.retry", name="calling again pays nothing twice", source=_GENERALS)
N1_WAIT = replace(RC1, id="N1.wait", name="not calling again ends with true books", source=_GENERALS)
N1_GUESS = replace(RC2, id="N1.guess", name="giving up after a time releases nothing that may be paid", source=_GENERALS)
N1_ASK = replace(RC1, id="N1.ask", name="inquiries alone end with true books", source=_GENERALS)
N2 = replace(RC2, id="N2", name="a hold that expires by the clock releases nothing that may be paid", source="openlinker#2346")
N3 = replace(G9, id="N3", name="every withdrawal is resolved, whether the provider answers or not")
ALONE = replace(G9, id="G9.alone", name="every withdrawal is resolved, also where the bank does not come back")
N4 = Property("N4", "a void leaves no entry, a refund two", SOMETIMES, is_undone_both_ways, _OWN)
N5 = Property(
    "N5", "one reversal of an order that came twice leaves one payment", SOMETIMES,
    some(lambda hold, order: hold[0] == REFUNDED and order.effects - order.reversals == 1), "Galileo, scenario 12",
)  # fmt: skip

N4_BOOKS = replace(RC10_REST, id="N4.books", name="books with one way to undo show every entry in the end")
N5_BOOKS = implied(
    "N5.books", "of an order that came twice and was taken back once, one payment is booked in the end", AT_REST,
    some(lambda _, order: is_taken_back_once(order)),
    every(lambda hold, order: not is_taken_back_once(order) or hold == (POSTED, AMOUNT)), "Galileo, scenario 12",
)  # fmt: skip

#: A provider that carries out whatever it is told and says nothing of it afterwards.
MUTE = dict.fromkeys(("idempotent", "queryable", "voidable", "callbacks", "reconciliation"), False)


def _label(s: ReserveState) -> str | None:
    return f"{s.holds[0].status}\n{s.orders[0].outcome}"


STUDY = Study(
    name="reserve/confirm",
    make=ReserveConfirm,
    switches=SWITCHES,
    sizes=(
        Size("1 withdrawal, 2 crashes", {"withdrawals": 1, "crashes": 2}, 280, 12),
        Size("2 withdrawals from one account, 1 crash", {"withdrawals": 2, "crashes": 1}, 10_729, 23),
    ),
    properties=(
        RC1, RC2, RC3, RC4, RC5, RC6, RC7, RC8, RC9, RC10, RC10_REST, RC11, RC12, G1, G6, G9, G11, SOME_PART, SOME_VOID,
    ),
    theorems=(
        Theorem(N1_UNSENT, MUTE, MUTE | {"queryable": True}, twin=Twin(N1_SENT, "the bank", of_bank)),
        Theorem(N1_RETRY, {**MUTE, "blind_retry": True}, {"blind_retry": True}),
        Theorem(N1_WAIT, MUTE, MUTE | {"idempotent": True}),
        Theorem(N1_GUESS, {**MUTE, "timeout_is_failure": True}, MUTE),
        Theorem(N1_ASK, {"idempotent": False, "voidable": False}, {"idempotent": False}),
        Theorem(N2, {"expire_by_time": True}, {}),
        Theorem(N3, {"cooperative": False}, {}),
        Theorem(ALONE, {"recovery": False}, {}),
        Theorem(N4, size=1),
        Theorem(N4_BOOKS, {"refund_is_release": True}, {}),
        Theorem(N5, {"device_duplicates": True}, {}),
        Theorem(N5_BOOKS, {"device_duplicates": True, "by_amount": True}, {"device_duplicates": True}),
        Theorem(RC1, {"timeout_is_failure": True, "reconciliation": False}, {"timeout_is_failure": True}),
        Theorem(RC1, {"capture_first": True, "reconciliation": False}, {"capture_first": True}),
        Theorem(RC1, {"ignore_flag": True, "reconciliation": False}, {"ignore_flag": True}),
        Theorem(RC2, {"timeout_is_failure": True}, {}),
        Theorem(RC2, {"absent_is_failure": True}, {}),
        Theorem(RC3, {"full_capture": True}, {}),
        Theorem(RC4, {"keep_key": False}, {}),
        Theorem(RC4, {"client_key": False}, {}),
        Theorem(RC5, {"timeout_is_failure": True}, {}),
        Theorem(RC6, {"timeout_is_failure": True}, {}, size=1),
        Theorem(RC6, {"secured": False}, {}, size=1),
        Theorem(RC7, {"expire_by_time": True}, {}),
        Theorem(RC8, {"regress": True}, {}),
        Theorem(RC8, {"once": False}, {}),
        Theorem(RC9, {"recovery": False}, {}),
        Theorem(RC10, {"reconcile_in_flight": True}, {}),
        Theorem(RC10_REST, {"reconciliation": False}, {}),
        Theorem(RC11, {"client_key": False}, {}),
        Theorem(RC12, {"credit_release": True}, {}),
        Theorem(G1, {"keep_key": False}, {}),
        Theorem(G6, {"recovery": False}, {}),
        Theorem(G9, {"recovery": False}, {}),
    ),
    diagram=Diagram({"withdrawals": 1, "crashes": 0}, _label, frozenset({"AskAgain"})),
)
