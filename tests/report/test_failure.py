"""A failure is a value: its text, its JSON and its regression test are made from it, and it can be replayed."""

import json
import sys
import types
from dataclasses import replace

import pytest

from acidtest import assert_schedule
from acidtest.adopted import importable
from acidtest.errors import UsageError
from acidtest.impl.broken.reserve_confirm import AuditedBeforeChecked
from acidtest.impl.outbox import Outbox
from acidtest.models.reserve_confirm.service import Deal
from acidtest.patterns import pattern
from acidtest.properties.outbox.contract import OutboxContract
from acidtest.properties.reserve_confirm.contract import ReserveConfirmContract
from acidtest.properties.xa.contract import XaContract
from acidtest.report.columns import render
from acidtest.report.regression import regression_test
from acidtest.report.session import Session
from acidtest.search.check import check_scope, find_scope
from acidtest.search.explain import explain_failure, pretty
from acidtest.search.failure import Failure, Row
from acidtest.search.harness import Harness
from acidtest.workload import scope_from_json, scope_to_json


class MarksFirst(Outbox):
    """Marks a row before it publishes it."""

    def _deliver(self, row, token):
        self._mark(row, token)
        self._publish(row)


@pytest.fixture(scope="module")
def failure():
    contract = OutboxContract()
    harness = Harness(contract, MarksFirst)
    try:
        result = check_scope(harness, find_scope(contract, "one withdrawal"))
        return explain_failure(harness, result, "my_module:MarksFirst")
    finally:
        harness.close()


def test_it_names_the_property_and_those_that_still_hold(failure):
    assert failure.property_id == "OB3"
    assert "OB3" in failure.broken
    assert "G3" in failure.holds
    assert not set(failure.broken) & set(failure.holds)


def test_one_fault_is_enough_and_the_schedule_ends_with_what_it_led_to(failure):
    assert sum(bool(row.fault) for row in failure.rows) == 1
    assert failure.at_rest


def test_the_point_of_no_return_is_the_step_that_made_the_loss_certain(failure):
    assert failure.too_late is not None
    assert failure.rows[failure.too_late - 1].fault


def test_the_json_survives_a_round_trip(failure):
    value = json.loads(json.dumps(failure.to_json()))
    assert value["property"] == "OB3"
    assert value["schedule"] == list(failure.schedule)
    assert scope_to_json(scope_from_json(value["scope"])) == value["scope"]


def test_every_scope_survives_a_round_trip():
    for scope in (*OutboxContract.scopes, *XaContract.scopes, *XaContract.slow_scopes):
        assert scope_from_json(json.loads(json.dumps(scope_to_json(scope)))) == scope


def test_the_regression_test_fails_on_the_bug_and_passes_on_the_reference(failure):
    code = regression_test(failure).replace("from my_module import MarksFirst\n", "")
    for implementation, fails in ((MarksFirst, True), (Outbox, False)):
        names = {"MarksFirst": implementation}
        exec(compile(code, "regression", "exec"), names)  # noqa: S102 - it is our own text
        test = names["test_outbox_ob3"]
        if fails:
            with pytest.raises(AssertionError, match="OB3"):
                test()
        else:
            test()


def test_orders_at_an_external_system_are_shown_with_how_they_stand():
    assert pretty((Deal("w1", "done", (61,)), Deal("w2", coming=1))) == "w1 done paid 61, w2 absent coming 1"


def test_a_failure_with_orders_at_an_external_system_shows_them():
    contract = ReserveConfirmContract()
    harness = Harness(contract, AuditedBeforeChecked)
    try:
        result = check_scope(harness, find_scope(contract, "invalid requests"))
        failure = explain_failure(harness, result, "my_module:AuditedBeforeChecked")
    finally:
        harness.close()
    assert failure.property_id == "G7"
    assert ("orders", "", "w5 done paid 50") in failure.difference


def test_a_schedule_that_cannot_be_read_is_the_callers_error():
    with pytest.raises(UsageError, match="not a decision"):
        assert_schedule("outbox", Outbox, scope="one withdrawal", schedule=["nonsense"])


def test_the_text_of_a_small_failure_is_as_recorded():
    rows = (
        Row("app-1", "app-1", "execute('k1', 'A', 61)", "", (), ()),
        Row("app-1", "app-1", "bank: COMMIT", "crash", ("bank.accounts: A: balance 100 → 39",), ("w1 ⇒ unknown (its process crashed)",)),
        Row("relay-1", "relay-1", "relay()", "", (), ()),
    )
    value = Failure(
        pattern="outbox", implementation="my:Outbox", property_id="OB3", name="what was committed is published in the end",
        source="", scope={"name": "tiny"}, search="exhaustive", rows=rows, processes=("app-1", "relay-1"), at_rest=True,
        rest=(), difference=(("copies", "", "none"),), too_late=2, holds=("G2",), broken=("OB3",),
        schedule=("advance app-1 | begin execute('k1', 'A', 61)",), bound="no fault is needed", coverage={}, capabilities=(), versions={},
    )  # fmt: skip
    text = render(value, replay_file="out.json")
    assert text.splitlines()[:22] == [
        "FAIL  outbox  OB3: what was committed is published in the end",
        "      my:Outbox, scope “tiny” (exhaustive search)",
        "",
        "“what was committed is published in the end” does not hold when everything has come to rest after",
        "crash (app-1, bank: COMMIT).",
        "",
        "  step  app-1                                   relay-1         committed",
        "  ----  --------------------------------------  --------------  ---------",
        "    1   execute('k1', 'A', 61)                  ·",
        "    2✗  bank: COMMIT                            ·               bank.accounts: A: balance 100 → 39",
        "          ✗ took effect, then the process died",
        "          w1 ⇒ unknown (its process crashed)",
        "    3   ·                                       relay()",
        "",
        "  then faults stop, everything recovers and drains (nothing becomes durable any more):",
        "",
        "  observed in the end:",
        "  copies        none",
        "",
        "Point of no return: step 2. Before it some continuation keeps OB3; after it none was found.",
        "Still hold: G2",
        "Bound: no fault is needed",
    ]


class _Adapter(OutboxContract):
    def implementation(self, env):
        return MarksFirst(env)


class _RightAdapter(OutboxContract):
    def implementation(self, env):
        return Outbox(env)


def told(factory, scope="one withdrawal", schedule=()):
    with pytest.raises(AssertionError) as caught:
        assert_schedule("outbox", factory, scope=scope, schedule=schedule)
    return str(caught.value).splitlines()


def test_the_regression_test_of_a_contract_that_pytest_runs_does_as_printed(monkeypatch):
    contract = _Adapter()
    harness = Harness(contract, contract.implementation)
    try:
        failure = explain_failure(harness, check_scope(harness, find_scope(contract, "one withdrawal")), "my.tests:Adapter")
        failure = replace(failure, adapter=True)
    finally:
        harness.close()
    code = regression_test(failure)
    assert code.startswith("import my.tests\n")  # a contract that is imported by name would be collected again
    package, module = types.ModuleType("my"), types.ModuleType("my.tests")
    package.tests, module.Adapter = module, _Adapter
    monkeypatch.setitem(sys.modules, "my", package)
    monkeypatch.setitem(sys.modules, "my.tests", module)
    names = {}
    exec(compile(code, "regression", "exec"), names)  # noqa: S102 - it is our own text
    with pytest.raises(AssertionError, match="OB3"):
        names["test_outbox_ob3"]()
    module.Adapter = _RightAdapter
    names["test_outbox_ob3"]()


def test_an_implementation_that_is_a_contract_is_known_as_one():
    contract = _Adapter()
    harness = Harness(contract, contract.implementation)
    try:
        result = check_scope(harness, find_scope(contract, "one withdrawal"))
        assert explain_failure(harness, result, importable(_Adapter)).adapter
        assert not explain_failure(harness, result, "my_module:MarksFirst").adapter
    finally:
        harness.close()


def test_assert_schedule_fails_with_the_table(failure):
    lines = told(MarksFirst, schedule=failure.schedule)
    assert lines[0].startswith("OB3: what was committed is published in the end is violated by the schedule")
    assert "    1   execute('k1', 'A', 61)  ·" in lines
    assert not any("Regression test" in line for line in lines)


def test_what_a_schedule_leaves_open_is_run_by_default_and_shown():
    class Forgets(Outbox):
        def _publish(self, row):
            pass

    lines = told(Forgets, schedule=["advance app-1 | begin execute('k1', 'A', 61)"])
    assert any("relay()" in line for line in lines)


def test_an_explanation_that_takes_too_long_stops_and_says_where():
    contract = OutboxContract()
    harness = Harness(contract, MarksFirst)
    try:
        result = check_scope(harness, find_scope(contract, "one withdrawal"))
        failure = explain_failure(harness, result, "my_module:MarksFirst", seconds=0.0)
    finally:
        harness.close()
    assert failure.too_late is None
    steps = len(failure.rows)
    assert f"Point of no return: it lies in steps 1 to {steps}; which was not found out within 0 s." in render(failure).splitlines()


def test_the_verdict_and_the_schedule_are_printed_before_they_are_explained(monkeypatch):
    printed, before = [], []

    def explained(harness, result, known):
        before.extend(printed)
        return known

    monkeypatch.setattr("acidtest.report.session.explained", explained)
    session = Session(pattern("outbox").contract_class()(), MarksFirst, "my_module:MarksFirst", printed.append)
    session.exhaustive(["one withdrawal"])
    assert before[0].startswith("one withdrawal: fail")
    assert "FAIL  outbox  OB3: what was committed is published in the end" in before[1].splitlines()
    assert "    1   execute('k1', 'A', 61)  ·" in before[1].splitlines()
