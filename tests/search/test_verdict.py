"""Pass, fail, inconclusive: when each is said, and that nothing else can say pass."""

import ast
from pathlib import Path

import pytest

import acidtest
from acidtest.search.verdict import Verdict, conclude, overall, with_exceptions


def test_a_violation_is_a_failure_whatever_else_is_missing():
    assert conclude(violated=True, complete=False, findings=["x"])[0] == Verdict.FAIL


def test_a_budget_that_ran_out_is_never_a_pass():
    verdict, reasons = conclude(violated=False, complete=False, findings=[])
    assert verdict == Verdict.INCONCLUSIVE
    assert reasons


def test_something_never_exercised_is_never_a_pass():
    assert conclude(violated=False, complete=True, findings=["x never fired"]) == (Verdict.INCONCLUSIVE, ("x never fired",))


def test_a_complete_search_without_findings_is_a_pass():
    assert conclude(violated=False, complete=True, findings=[]) == (Verdict.PASS, ())


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], Verdict.INCONCLUSIVE),
        ([Verdict.PASS, Verdict.PASS], Verdict.PASS),
        ([Verdict.PASS, Verdict.INCONCLUSIVE], Verdict.INCONCLUSIVE),
        ([Verdict.INCONCLUSIVE, Verdict.FAIL, Verdict.PASS], Verdict.FAIL),
    ],
)
def test_the_verdict_on_several_searches_is_the_worst(verdicts, expected):
    assert overall(verdicts) == expected


def test_only_one_function_makes_a_passing_verdict():
    makers = []
    for path in Path(acidtest.__file__).parent.rglob("*.py"):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                makers += [
                    function.name
                    for node in ast.walk(function)
                    if isinstance(node, (ast.Return, ast.Assign)) and node.value is not None
                    for inner in ast.walk(node.value)
                    if isinstance(inner, ast.Attribute) and inner.attr == "PASS"
                ]
    assert makers == ["conclude"]


def test_a_pass_names_what_is_declared_and_asks_for_less():
    assert with_exceptions(Verdict.PASS, {"OB5": "consumers deduplicate"}, ("forgets_rejections",)) == (
        "pass with forgets_rejections except OB5 (consumers deduplicate)"
    )
    assert with_exceptions(Verdict.FAIL, (), ("forgets_rejections",)) == "fail"
