"""The model of orders that services fill: what is promised of it holds, and nothing more is forbidden."""

from __future__ import annotations

import pytest
from runs import enabled, run, violated

from acidtest.checker.check import check, reachable
from acidtest.checker.machine import Action, Kind
from acidtest.models.saga.service import Orders, OrdersState
from acidtest.models.shared.ledger import Request
from acidtest.models.shared.steps import COMPENSATED, COMPLETED, RUNNING, SagaSeen
from acidtest.properties.saga.predicates import goes_back_in_vain
from acidtest.properties.saga.properties import N2, PROPERTIES
from acidtest.properties.saga.services import PIVOT, SERVICES, Work
from acidtest.properties.saga.theory import SERVICE, of_model
from acidtest.properties.saga.view import certain_of, saga_of, strangers
from acidtest.properties.saga_orchestration.contract import SCOPES, SagaOrchestrationContract

ONE = Request("o1", "k1", ("A", 61, "book", 2), ())
OTHER = Request("o2", "k2", ("A", 13, "book", 4), ())
OTHER_AMOUNT = Request("o2", "k1", ("A", 13, "book", 2), ())
INVALID = Request("o1", "k1", ("A", 0, "book", 2), (), valid=False)
PLACED = (("invoke", 0), ("accept", 0))


def orders(*requests: Request, kind: type[Orders] = Orders, certain: bool = False) -> Orders:
    """The model of these orders, of three steps."""
    return kind(requests, 3, 1, certain=certain)


def open_to(model: Orders, state: OrdersState) -> set[str]:
    """What may happen next to orders; clients apart."""
    return enabled(model, state, "T", "C", "Bar", "End", "Park")


@pytest.mark.parametrize(
    ("requests", "states", "generated"),
    [([ONE], 134, 358), ([ONE, ONE._replace(name="o2")], 845, 3_053), ([ONE, OTHER_AMOUNT], 1_339, 4_859)],
    ids=["one order", "placed twice", "another under its key"],
)
def test_everything_that_the_contract_demands_holds(requests, states, generated):
    exploration = check(orders(*requests), of_model(PROPERTIES))
    assert [f.property.id for f in exploration.findings if f.verdict == "violated"] == []
    assert (exploration.states, exploration.generated) == (states, generated)


def test_every_action_can_happen():
    fired = check(orders(ONE, OTHER_AMOUNT)).fired
    assert all(fired.values())


def test_nothing_is_done_of_an_order_that_was_not_taken():
    model = orders(ONE)
    assert open_to(model, run(model, ("invoke", 0))) == set()


def test_steps_are_done_in_their_order_and_once():
    model = orders(ONE)
    begun = run(model, *PLACED, ("T", 0, 0))
    assert open_to(model, begun) == {"T(0, 1)", "C(0, 0)", "Bar(0, 1)", "Park(0)"}


def test_there_is_no_way_back_once_the_pivot_is_done():
    model = orders(ONE)
    assert open_to(model, run(model, *PLACED, ("T", 0, 0), ("T", 0, 1))) == {"T(0, 2)"}


def test_an_order_is_filled_when_every_step_is_done_and_not_before():
    model = orders(ONE)
    done = run(model, *PLACED, ("T", 0, 0), ("T", 0, 1), ("T", 0, 2))
    assert open_to(model, done) == {"End(0)"}
    assert model.view(model.step(done, Action("End", (0,)))).sagas[0].outcome == COMPLETED


def test_an_order_is_taken_back_when_everything_is_undone_and_not_before():
    model = orders(ONE)
    begun = [*PLACED, ("T", 0, 0), ("Bar", 0, 1)]
    assert "End(0)" not in open_to(model, run(model, *begun))
    undone = run(model, *begun, ("C", 0, 0), ("End", 0))
    assert model.view(undone).sagas == (SagaSeen(1, (1, 0, 0), (1, 0, 0), (False, True, False), COMPENSATED),)


def test_a_step_that_is_barred_is_never_done():
    model = orders(ONE)
    assert "T(0, 0)" not in open_to(model, run(model, *PLACED, ("Bar", 0, 0)))


def test_a_command_may_be_barred_when_the_order_has_been_taken_back():
    model = orders(ONE)
    assert "Bar(0, 0)" in open_to(model, run(model, *PLACED, ("End", 0)))


def test_an_order_that_can_be_filled_is_not_refused_or_taken_back_where_nothing_can_go_wrong():
    model = orders(ONE, certain=True)
    found = reachable(model)
    assert {outcome for state in found.states for outcome in state.outcomes} == {"", RUNNING, COMPLETED}
    assert not any(action.name == "decline" for state in found.states for action in model.actions(state))


def test_an_invalid_order_is_never_known():
    states = reachable(orders(INVALID)).states
    assert {state.outcomes for state in states} == {("",)}


def test_n2_a_reader_sees_half_of_an_order():
    finding = check(orders(ONE), [N2]).finding("N2")
    assert [str(action) for action in finding.trace.actions] == ["invoke(0)", "accept(0)", "T(0, 0)"]


class SkipsAhead(Orders):
    """Does a step without those before it."""

    def do(self, s: OrdersState, order: int, step: int) -> OrdersState | None:
        return self._marked(s, order, step, "T") if s.outcomes[order] == RUNNING and s.marks[order][step] == "-" else None


class UndoesFirstFirst(Orders):
    """Undoes a step although one behind it is in effect, also past the pivot."""

    def undo(self, s: OrdersState, order: int, step: int) -> OrdersState | None:
        return self._marked(s, order, step, "C") if s.marks[order][step] == "T" else None


class EndsAtOnce(Orders):
    """Says that an order is taken back as soon as it likes."""

    def end(self, s: OrdersState, order: int) -> OrdersState | None:
        return s._replace(outcomes=(*s.outcomes[:order], COMPENSATED, *s.outcomes[order + 1 :])) if s.outcomes[order] == RUNNING else None


class Resurrects(Orders):
    """Lets an order that has ended run again."""

    def park(self, s: OrdersState, order: int) -> OrdersState | None:
        ended = s.outcomes[order] == COMPENSATED
        return s._replace(outcomes=(*s.outcomes[:order], RUNNING, *s.outcomes[order + 1 :])) if ended else super().park(s, order)


@pytest.mark.parametrize(
    ("kind", "broken"),
    [(SkipsAhead, {"S2"}), (UndoesFirstFirst, {"S2", "S5", "S8"}), (EndsAtOnce, {"S1", "S10"}), (Resurrects, {"S6"})],
    ids=["skips ahead", "undoes first first", "ends at once", "resurrects"],
)
def test_a_model_with_a_bug_violates_what_the_bug_is_about(kind, broken):
    assert broken <= violated(orders(ONE, kind=kind), of_model(PROPERTIES))


def test_what_is_not_proved_of_the_model_is_what_it_knows_nothing_of():
    left_out = {(p.id, p.kind) for p in PROPERTIES} - {(p.id, p.kind) for p in SERVICE.properties}
    assert left_out == {("S10", Kind.AT_REST), ("G9", Kind.ALWAYS), ("G11", Kind.ALWAYS), ("G11", Kind.STEP)}


# What an outsider makes of what services say.


def done(order: str, operation: str = "", resource: str = "A", amount: int = 61, status: str = "done") -> Work:
    return Work(operation or order, order, resource, amount, status)


def test_what_services_did_under_two_names_counts_twice():
    ledgers = ((done("k1", "a"), done("k1", "b")), (), (), ())
    assert saga_of("k1", ledgers, RUNNING) == SagaSeen(PIVOT, (2, 0, 0, 0), (0, 0, 0, 0), (False,) * 4, RUNNING)


def test_what_was_refused_was_not_done_and_what_was_barred_shows():
    ledgers = ((done("k1", status="refused"),), (done("k1", status="barred"),), (), ())
    assert saga_of("k1", ledgers, RUNNING) == SagaSeen(PIVOT, (0,) * 4, (0,) * 4, (False, True, False, False), RUNNING)


@pytest.mark.parametrize(
    ("work", "stranger"),
    [
        (done("k1"), False), (done("k2"), True), (done("k1", amount=60), True), (done("k1", resource="B"), True),
        (done("k2", status="refused"), False), (done("k2", status="undone"), True),
    ],
)  # fmt: skip
def test_what_was_done_for_no_order_or_otherwise_is_a_stranger(work, stranger):
    found = strangers(((work,), (), (), ()), [("k1", ("A", 61, "book", 2))])
    assert bool(found) == stranger
    assert all(SERVICES[0] in text for text in found)


@pytest.mark.parametrize("scope", SCOPES, ids=[scope.name for scope in SCOPES])
def test_the_orders_of_a_scope_differ_in_every_part_that_a_service_sees(scope):
    asks = {request.ask for request in SagaOrchestrationContract().requests(scope) if request.valid}
    amounts = [(account, amount) for _, (account, amount, *_) in asks]
    keys = [key for key, _ in asks]
    assert len(set(amounts)) == len(amounts) or len(set(keys)) < len(keys)


def test_orders_can_be_filled_for_certain_where_there_is_enough_for_all_of_them():
    by_name = {scope.name: scope for scope in SCOPES}
    assert all(certain_of(by_name["two orders"]))
    assert not any(certain_of(by_name["side by side"]))


def test_an_order_that_can_be_filled_and_is_not_is_noticed():
    model = orders(ONE)
    taken_back = model.view(run(model, *PLACED, ("End", 0)))
    assert goes_back_in_vain(taken_back._replace(certain=(True,)))
    assert not goes_back_in_vain(taken_back._replace(certain=(False,)))
