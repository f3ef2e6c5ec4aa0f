"""Code that starts threads, in the searches: what goes on in them is interleaved with everything else, and dies with its process."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from acidtest.environment import Outcome
from acidtest.impl.outbox import Outbox
from acidtest.properties.outbox.contract import OutboxContract
from acidtest.report.columns import render
from acidtest.search.check import check_scope
from acidtest.search.explain import explain_failure
from acidtest.search.harness import Harness
from acidtest.search.verdict import Result, Verdict
from acidtest.workload import Client, Operation, Scope

CONTRACT = OutboxContract()


#: A withdrawal at one process, whose relay goes on by itself.
SCOPE = Scope(
    "threads", "a withdrawal at one process", (("A", 100),), (Client("client-1", "app-1", (Operation("w1", "execute", ("k1", "A", 61)),)),),
    faults=1, kinds=frozenset(),
)  # fmt: skip


class Threaded(Outbox):
    """Relays in a thread, which polls once a minute, and when it is woken."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.wake = threading.Event()
        threading.Thread(target=self.pump, daemon=True).start()

    def pump(self) -> None:
        while True:
            with contextlib.suppress(Exception):
                super().relay()
            self.wake.wait(timeout=60)
            self.wake.clear()

    def relay(self) -> None:
        """Nothing: the thread does it."""

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        outcome = super().execute(key, account, amount)
        self.wake.set()
        return outcome


class DiesOfAnError(Threaded):
    """The thread that relays ends with the first error, and nobody starts it again."""

    def pump(self) -> None:
        while True:
            Outbox.relay(self)
            self.wake.wait()
            self.wake.clear()

    def _publish(self, row: Any) -> None:
        self.broker.publish(row.id, row.key, row.payload)


class FireAndForget(Outbox):
    """Publishes in a thread after the commit, without an outbox."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.pool = ThreadPoolExecutor(max_workers=1)

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        outcome = super().execute(key, account, amount)
        self.pool.submit(super().relay)
        return outcome

    def relay(self) -> None:
        """Nothing: a thread has done it."""


def check(factory: Any, kind: str) -> tuple[Result, str]:
    """The result with faults of one kind, and the failure as it is printed; empty for none."""
    harness = Harness(CONTRACT, factory)
    try:
        result = check_scope(harness, replace(SCOPE, kinds=frozenset({kind})))
        return result, "" if result.violation is None else render(explain_failure(harness, result, "my:Code"))
    finally:
        harness.close()


def test_an_outbox_whose_relay_is_a_thread_passes() -> None:
    result, _ = check(Threaded, "crash")
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert dict(result.coverage.faults)["crash"] > 0


def test_a_thread_that_polls_while_a_commit_is_to_come_late_does_not_make_the_search_endless() -> None:
    result, _ = check(Threaded, "late")
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert dict(result.coverage.faults)["late"] > 0


def test_a_thread_that_has_ended_is_found_out_while_the_process_lives() -> None:
    result, told = check(DiesOfAnError, "refused")
    assert result.violation is not None and result.violation.property == "OB12"
    assert "app-1, thread 1: bank: DELETE outbox" in told


def test_what_a_thread_was_to_do_is_lost_with_its_process() -> None:
    result, _ = check(FireAndForget, "crash")
    assert result.violation is not None and result.violation.property == "OB3"
    assert [decision.fault for decision in result.schedule if decision.fault] == ["crash"]
