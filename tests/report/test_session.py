"""What a check shows while it runs."""

import io

import pytest

from acidtest.impl.outbox import Outbox
from acidtest.patterns import pattern
from acidtest.report.session import Session


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "shown"), [(Terminal(), True), (io.StringIO(), False)], ids=["terminal", "file"])
def test_the_stateful_search_shows_progress_on_a_terminal_only(monkeypatch, stream, shown):
    monkeypatch.setattr("sys.stderr", stream)
    lines = []
    Session(pattern("outbox").contract_class()(), Outbox, "acidtest.impl.outbox:Outbox", lines.append).stateful(examples=2, seed=1)
    assert ("drawn workloads: 1 runs" in stream.getvalue()) is shown
    assert [line.split(":")[0] for line in lines] == ["drawn"]
