"""What GitHub Actions is told: an annotation in one line, and a summary whose Markdown and HTML nothing can break."""

from dataclasses import replace

import pytest
from filmed import MarksFirst

from acidtest.report.github import add_summary, annotation, in_actions, summary, verdicts
from acidtest.report.page.overview import Checked


def test_an_annotation_is_one_line_at_the_code(told, monkeypatch):
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    failure, _ = told
    line = annotation(replace(failure, name="100 % sure:\nyes, really"), MarksFirst)
    head, _, text = line.removeprefix("::error ").partition("::")
    assert "\n" not in line
    assert head.endswith("title=outbox OB3%3A 100 %25 sure%3A%0Ayes%2C really")
    place = dict(part.split("=", 1) for part in head.split(","))
    assert place["file"].endswith("tests/report/filmed.py")
    assert int(place["line"]) > 1
    assert "100 %25 sure:%0Ayes, really" in text


def test_code_that_has_no_place_is_told_without_one(told):
    failure, _ = told
    assert annotation(failure, len).startswith("::error title=")


def test_a_summary_has_the_property_the_table_and_the_diagram(told):
    text = summary(*told)
    assert "OB3: what was committed is published in the end" in text
    assert "```mermaid\nsequenceDiagram" in text
    assert "<pre>FAIL" in text and "COMMIT" in text.partition("<pre>")[2]


def test_nothing_of_a_summary_is_taken_for_html(hostile):
    text = summary(*hostile)
    assert "<script" not in text and "<img" not in text


def test_summaries_are_put_below_each_other_where_there_is_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    add_summary("one")
    add_summary("two")
    assert (tmp_path / "summary.md").read_text(encoding="utf-8") == "one\ntwo\n"
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    add_summary("three")


@pytest.mark.parametrize(("value", "answer"), [("true", True), ("", False), ("false", False)])
def test_github_is_told_only_where_it_listens(monkeypatch, value, answer):
    monkeypatch.setenv("GITHUB_ACTIONS", value)
    assert in_actions() is answer


def test_verdicts_are_a_table_that_no_name_breaks():
    result = {"scope": "a|b <i>", "search": "exhaustive", "verdict": "fail", "schedules": 3}
    rows = verdicts([Checked("TestIt", "outbox", result, "OB3")]).splitlines()
    assert rows[-1] == "| TestIt | a&#124;b &lt;i&gt; (exhaustive) | fail OB3 | 3 |"
