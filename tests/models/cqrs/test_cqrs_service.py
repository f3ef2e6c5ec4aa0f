"""The model that code is followed against keeps what it promises: a view is late, never wrong, and an account is closed for ever."""

from __future__ import annotations

import pytest

from acidtest.checker.check import check
from acidtest.checker.machine import Kind, Property
from acidtest.models.cqrs.service import CqrsModel, CqrsState, Row
from acidtest.properties.cqrs.properties import N1
from acidtest.properties.cqrs.theory import SERVICE


@pytest.mark.parametrize("size", SERVICE.sizes, ids=[size.name for size in SERVICE.sizes])
def test_the_model_keeps_its_promises_and_has_the_counts_that_it_is_said_to_have(size):
    explored = check(SERVICE.make(**size.arguments), SERVICE.properties)
    assert (explored.states, explored.depth) == (size.states, size.depth)
    assert {finding.verdict for finding in explored.findings} == {"holds"}


def test_a_command_that_was_answered_need_not_be_shown_yet():
    (finding,) = check(SERVICE.make(**SERVICE.sizes[0].arguments), (N1,)).findings
    assert finding.verdict == "reached"


class Skips(CqrsModel):
    """A view that shows the latest event, and passes over those before it."""

    def view(self, state):
        view = super().view(state)
        return view._replace(shown=tuple(Row(row.account, row.balance, row.version if row.version < 2 else -1) for row in view.shown))


class Forgets(CqrsModel):
    """A view that may go back."""

    def project(self, s: CqrsState, n: int) -> CqrsState | None:
        after = super().project(s, n)
        return after or (s._replace(shown=(0,)) if s.shown[n] else None)


@pytest.mark.parametrize(("broken", "found"), [(Skips, "CQ3"), (Forgets, "CQ2")])
def test_a_view_that_is_wrong_is_found(broken, found):
    model = SERVICE.make(asks=(("k1", -61), ("k2", 13)))
    wrong = broken(model.ledger.opening, model.ledger.requests)
    assert found in {f.property.id for f in check(wrong, SERVICE.properties).findings if f.verdict == "violated"}


def test_closing_and_a_command_exclude_one_another_only_in_one_order():
    outcomes = set()
    seen = Property("seen", "", Kind.ALWAYS, lambda v: outcomes.add((v.accepted, v.closed)) or True)
    check(SERVICE.make(asks=(("k1", 13), ("close A", 0))), (seen,))
    assert outcomes == {((), ()), (("w1",), ()), (("w2",), ("A",)), (("w1", "w2"), ("A",))}
