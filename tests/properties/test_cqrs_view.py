"""What is seen of CQRS is told by what it amounts to, and each property says what it is about."""

from __future__ import annotations

from typing import Any

import pytest

from acidtest.models.cqrs.service import PHANTOM, WRONG, CqrsView, Read, Row
from acidtest.models.shared.ledger import Call
from acidtest.properties.cqrs.contract import CqrsContract
from acidtest.properties.cqrs.properties import PROPERTIES
from acidtest.properties.cqrs.view import request_of, row_of, view_of
from acidtest.properties.shared.seen import Seen
from acidtest.workload import Client, Operation, Scope

KNOWN = frozenset({"A"})
W1, W2, C1 = (
    request_of(Operation("w1", "handle", ("k1", "A", -61)), KNOWN), request_of(Operation("w2", "handle", ("k2", "A", 13)), KNOWN),
    request_of(Operation("c1", "close", ("A",)), KNOWN),
)  # fmt: skip
CALLS = (Call(W1, "ok", alone=False), Call(W2, "ok", alone=False), Call(C1, "unknown", alone=False))


@pytest.mark.parametrize(
    ("balance", "accepted", "version"),
    [
        (100, ("w1", "w2"), 0), (39, ("w1", "w2"), 1), (52, ("w1", "w2"), 2), (None, ("w1", "w2", "c1"), 3), (39, ("w1", "c1"), 1),
        (113, ("w1", "w2"), WRONG), (-22, ("w1", "w2"), WRONG), (None, ("w1", "w2"), PHANTOM), (39, (), PHANTOM), (39.0, ("w1",), WRONG),
    ],
)  # fmt: skip
def test_a_row_is_known_by_the_events_that_it_amounts_to(balance: Any, accepted: tuple[str, ...], version: int) -> None:
    assert row_of("A", balance, {"A": 100}, CALLS, accepted).version == version


def view(version: int, balance: int | None = 0, accepted: tuple[str, ...] = ("w1", "w2"), **fields: Any) -> CqrsView:
    row = Row("A", balance, version)
    closed = ("A",) * ("c1" in accepted)
    return CqrsView((("A", 100),), (("A", 52),), closed, CALLS, accepted, (row,), fields.pop("served", (row,)))._replace(**fields)


def broken(now: CqrsView, before: CqrsView | None = None) -> str:
    """The first property that does not hold, at rest where there is no view before."""
    for p in PROPERTIES:
        arguments = (before, now) if p.kind == "step" else (now,)
        if (before is None) == (p.kind == "at_rest") and not p.predicate(*arguments):
            return p.id
    return ""


ALL = ("w1", "w2", "c1")


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        (view(1), view(2), ""), (view(1), view(WRONG), "CQ3"), (view(1), view(PHANTOM), "CQ4"), (view(2), view(1), "CQ2"),
        (view(2, rebuilt=True), view(1, rebuilt=True), "CQ7"), (view(2, rebuilt=True), view(WRONG, None, rebuilt=True), "CQ7"),
        (view(3, None, ALL), view(2, 52, ALL), "CQ10"), (None, view(2, 52, ALL), "CQ10"), (None, view(1), "CQ1"),
        (None, view(1, rebuilt=True), "CQ7"), (None, view(2, wedged=True), "CQ5"), (None, view(2, served=(Row("A", 39, 1),)), "CQ8"),
        (view(2), view(2, served=(Row("A", 39, 1),)), ""), (view(2), view(2, served=(Row("A", 39, 1),), calm=True), "CQ8"),
        (view(2), view(2, reads=(Read("q", 1, 2, after_query=False),)), "CQ6"),
        (view(2), view(2, reads=(Read("q", 1, 2, after_query=True),)), "CQ6.monotonic"), (view(2), view(2, 1.5), "G12"),
        (view(2, accepted=ALL), view(2, accepted=ALL, closed=()), "G5"),
        (view(2, calls=CALLS[:2]), view(2, calls=CALLS[:2], balances=(("A", 51),)), "CQ9"),
    ],
)  # fmt: skip
def test_each_property_speaks_of_what_it_is_named_after(before: CqrsView | None, now: CqrsView, found: str) -> None:
    assert broken(now, before) == found


def calm_after(*statuses: tuple[str, str], happened: frozenset[str] = frozenset()) -> list[bool]:
    """Whether all is calm, for the statuses of a reader and a projector one after the other; nothing changes meanwhile."""
    operations = Operation("q1", "query", ("A", None)), Operation("p1", "project")
    scope = Scope("s", "", (("A", 100),), tuple(Client(op.name, op.name, (op,)) for op in operations))
    seen = ((("A", 100),), (("A", 100),))
    found, before = [], None
    for status in (("new", "new"), *statuses):
        observed = Seen((seen, seen), {}, status, (False, False), 0, happened)
        before = view_of(scope, CqrsContract().calls(scope, observed), observed, before)
        found.append(before.calm)
    return found[1:]


def test_it_is_calm_once_a_projector_has_run_and_nobody_is_at_work() -> None:
    assert calm_after(("open", "new"), ("open", "open"), ("open", "done"), ("read", "done")) == [False, False, False, True]
    assert calm_after(("read", "new")) == [False]
    assert calm_after(("new", "done"), happened=frozenset({"evict"})) == [True]
    assert calm_after(("new", "done"), happened=frozenset({"lost commit"})) == [False]
