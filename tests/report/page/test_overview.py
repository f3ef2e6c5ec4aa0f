"""The index of checks: each scope with its verdict and what was exercised, failures with their pages, nothing called a pass that is none."""

import re

from acidtest.report.page.overview import Checked, overview_page

COVERAGE = {
    "faults": {"crash": 9}, "fault_kinds": ["crash", "late"], "crash_points": 6, "crash_points_existing": 16, "model_actions": 17,
    "model_actions_reachable": 19, "model_actions_missing": ["Break", "Stall"], "model_states": 115, "model_states_reachable": None,
}  # fmt: skip


def checked(verdict="pass", *, contract="test_it.py::TestIt", violated="", page="", **more):
    result = {
        "search": "exhaustive", "scope": "two <b>", "verdict": verdict, "reasons": [], "bound": "every schedule", "schedules": 21, "states": 328,
        "coverage": COVERAGE, **more,
    }  # fmt: skip
    return Checked(contract, "outbox", result, violated, page)


def words(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<body>")[2]).split())


def test_it_says_what_was_exercised_of_what_there_is():
    text = words(overview_page([checked()], "1"))
    assert "6 of 16" in text and "17 of 19" in text and "Break, Stall" in text
    assert "crash 9" in text and "late 0" in text


def test_a_failure_leads_to_its_page():
    page = overview_page([checked("fail", violated="OB3", page="one.html"), checked("fail", violated="OB1")], "1")
    assert re.findall(r'<a href="([^"]*)">(\w+)</a>', page) == [("one.html", "OB3")]
    assert "OB1" in page


def test_a_contract_has_its_scopes_together_and_verdicts_are_counted():
    several = [checked(), checked("fail", contract="other"), checked("inconclusive", reasons=["too short"]), checked("pass except OB5 (why)")]
    page = overview_page(several, "1")
    assert page.count("<h2") == 2
    assert "2 passed (1 of them with properties left out), 1 failed, 1 inconclusive" in words(page)
    assert "too short" in page


def test_names_are_no_html():
    assert "two <b>" not in overview_page([checked()], "1")


def test_nothing_checked_is_said():
    assert "No contract was checked" in overview_page([], "1")
