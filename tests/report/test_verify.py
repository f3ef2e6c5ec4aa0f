"""What `verify` could not run is no pass."""

from __future__ import annotations

import pytest

from acidtest import patterns
from acidtest.report.quick import verify_quickly
from acidtest.report.verify import verify_patterns
from acidtest.search.verdict import Verdict


@pytest.mark.parametrize("verify", [verify_patterns, verify_quickly])
def test_a_reference_whose_extra_is_not_installed_is_told_and_is_no_pass(verify, monkeypatch):
    monkeypatch.setattr(patterns, "_MODULES", {"redis": ("no_such_module",)})
    lines: list[str] = []
    verdict, told = verify([patterns.pattern("event_store")._replace(needs="redis")], echo=lambda line: lines.append(str(line)))
    assert verdict == Verdict.INCONCLUSIVE
    assert not told["patterns"][0]["scopes"]
    assert "event_store: its reference needs acidtest[redis], which is not installed" in lines


@pytest.mark.parametrize("verify", [verify_patterns, verify_quickly])
def test_a_reference_that_is_not_made_for_a_server_is_told_and_is_no_pass(verify):
    lines: list[str] = []
    elsewhere = patterns.pattern("event_store")._replace(backends=("sqlite",))
    verdict, told = verify([elsewhere], echo=lambda line: lines.append(str(line)), backend="mariadb")
    assert (verdict, told["patterns"][0]["scopes"]) == (Verdict.INCONCLUSIVE, [])
    assert "event_store: its reference is not made for mariadb" in lines
