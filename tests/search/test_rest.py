"""Coming to rest is a duty: what never ends is a failure of termination, and never hangs the search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import pytest
import tiny_contract as tiny
from tiny_contract import Tiny, add, alone, scope

from acidtest.checker.machine import Kind, Property
from acidtest.environment import Outcome
from acidtest.port import background, recovery
from acidtest.search import exhaustive, settle
from acidtest.search.exhaustive import Explorer, Search
from acidtest.search.harness import Harness
from acidtest.search.run import TERMINATION

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.properties.shared.contract import Contract


class _TidyingPort(tiny.TinyPort, Protocol):
    @background
    def tidy(self) -> None: ...


class _RecoveringPort(tiny.TinyPort, Protocol):
    @recovery
    def tidy(self) -> None: ...


class _RecoveringAtAnyTimePort(tiny.TinyPort, Protocol):
    @recovery.anytime
    def tidy(self) -> None: ...


class _Tidying(tiny.TinyContract):
    port = _TidyingPort


class _Recovering(tiny.TinyContract):
    port = _RecoveringPort


@pytest.fixture(autouse=True)
def _small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "LONGEST_CALL", 50)
    monkeypatch.setattr(exhaustive, "LONGEST_SCHEDULE", 100)
    monkeypatch.setattr(exhaustive, "LONGEST_OPERATION", 100, raising=False)


def explore(contract: Contract, factory: Callable[[Any], Any], **budget: Any) -> Search:
    """Everything that one client may meet."""
    harness = Harness(contract, factory)
    try:
        return Explorer(harness, scope(alone("app", add("w1", 5)), **budget), seconds=60).explore()
    finally:
        harness.close()


def reason(search: Search) -> str:
    """Why it does not terminate."""
    assert search.violation is not None
    assert search.violation.property == TERMINATION
    return search.violation.name


def test_code_that_comes_to_rest_is_let_through() -> None:
    class Calm(Tiny):
        def tidy(self) -> None:
            self.connect().execute("DELETE FROM seen")

    for contract in (_Tidying(), _Recovering()):
        search = explore(contract, Calm, faults=1, kinds={"crash"})
        assert search.complete
        assert search.violation is None


def test_background_work_that_never_stops_changing_something_is_found() -> None:
    class Restless(Tiny):
        def tidy(self) -> None:
            self.connect().execute("UPDATE sums SET total = total + 1")

    assert "tidy still change something after" in reason(explore(_Tidying(), Restless))


def test_background_work_that_publishes_again_and_again_is_found() -> None:
    class Chatty(Tiny):
        def tidy(self) -> None:
            self.env.broker.publish("1", "A", "still here")

    assert "tidy still change something after" in reason(explore(_Tidying(), Chatty))


def test_a_process_that_cannot_start_is_found() -> None:
    class Failing(Tiny):
        def tidy(self) -> None:
            message = "no, thanks"
            raise RuntimeError(message)

    found = reason(explore(_Recovering(), Failing, faults=1, kinds={"crash"}))
    assert "the process app does not start" in found


def test_a_process_whose_constructor_fails_after_a_crash_is_found() -> None:
    class Fragile(Tiny):
        def __init__(self, env: Any) -> None:
            super().__init__(env)
            if env.new_id().split(".")[1] not in ("0", "1"):
                message = "only once"
                raise RuntimeError(message)

    assert "does not start" in reason(explore(tiny.TinyContract(), Fragile, faults=1, kinds={"crash"}))


def test_an_endless_loop_of_statements_in_a_request_is_found() -> None:
    class Spinning(Tiny):
        def add(self, key: str, amount: int) -> Outcome:
            connection = self.connect()
            while connection.execute("SELECT total FROM sums").fetchone() is not None:
                pass
            return Outcome.OK

    assert "a schedule ends within" in reason(explore(tiny.TinyContract(), Spinning))


def test_an_endless_loop_of_statements_in_background_work_is_found() -> None:
    class Spinning(Tiny):
        def tidy(self) -> None:
            while True:
                self.connect().execute("SELECT total FROM sums").fetchone()

    assert "app: tidy does not end within 50 effects" in reason(explore(_Tidying(), Spinning))


def test_an_endless_loop_of_statements_in_recovery_is_found() -> None:
    class Spinning(Tiny):
        def tidy(self) -> None:
            while True:
                self.connect().execute("SELECT total FROM sums").fetchone()

    reason(explore(_Recovering(), Spinning))


def test_an_endless_loop_that_never_touches_a_database_for_long_is_found_too() -> None:
    class Waiting(Tiny):
        def tidy(self) -> None:
            while self.env.clock.now() < float("inf"):
                pass

    assert "does not end" in reason(explore(_Tidying(), Waiting))


def test_a_loop_that_swallows_the_deadlock_error_of_a_leaked_lock_is_found() -> None:
    class Stuck(Tiny):
        def __init__(self, env: Any) -> None:
            super().__init__(env)
            self.leaked = self.connect()

        def add(self, key: str, amount: int) -> Outcome:
            self.leaked.execute("BEGIN IMMEDIATE")
            return Outcome.OK

        def tidy(self) -> None:
            while True:
                try:
                    self.connect().execute("UPDATE sums SET total = 1")
                except Exception:  # noqa: BLE001, S112 - that is the bug
                    continue
                return

    assert "tidy does not end within" in reason(explore(_Tidying(), Stuck))


def test_a_process_that_starts_for_ever_is_found() -> None:
    class Spinning(Tiny):
        def __init__(self, env: Any) -> None:
            super().__init__(env)
            while env.new_id().split(".")[1] not in ("0", "1"):
                self.connect().execute("SELECT total FROM sums").fetchone()

    assert "the process app does not start" in reason(explore(tiny.TinyContract(), Spinning))


class _Provisional(tiny.TinyContract):
    asks_again: ClassVar[bool] = True
    provisional: ClassVar[tuple[str, ...]] = ("later",)

    def answer(self, operation: Any, value: object) -> Any:
        return value if value == "later" else super().answer(operation, value)


@pytest.mark.parametrize(("times", "found"), [(0, False), (1, False), (2, False), (99, True)])
def test_whoever_was_told_something_provisional_asks_again_and_must_be_told_more(times: int, found: bool) -> None:  # noqa: FBT001
    class Deferring(Tiny):
        def add(self, key: str, amount: int) -> Any:
            ((asked,),) = self.connect().execute("SELECT count(*) FROM seen").fetchall()
            if asked >= times:
                return super().add(key, amount)
            self.connect().execute("INSERT INTO seen VALUES (?)", (f"{key} {asked}",))
            return "later"

    search = explore(_Provisional(), Deferring)
    assert (search.violation is not None) == found
    if found:
        assert "w1 is told nothing definite even in the end" in reason(search)


class _Owing:
    """Says that nothing is owed any more at rest: what requests have left in `seen` is taken out of it."""

    properties: ClassVar[tuple[Property, ...]] = (
        Property("T3", "nothing is owed", Kind.AT_REST, lambda v: v.total == 0),
    )


class _OwingUntilTheStart(_Owing, _Recovering):
    """What is owed is done by recovery, at a start."""


class _OwingForAWhile(_Owing, tiny.TinyContract):
    """What is owed is done by recovery, at any time."""

    port = _RecoveringAtAnyTimePort


class _PaysInRecovery(Tiny):
    def tidy(self) -> None:
        self.connect().execute("UPDATE sums SET total = 0")


def test_what_waits_for_a_restart_that_nobody_makes_is_found() -> None:
    search = explore(_OwingUntilTheStart(), _PaysInRecovery)
    assert search.violation is not None
    assert (search.violation.property, search.violation.name) == ("T3", "nothing is owed: it took a restart of processes that live")


def test_recovery_that_may_run_at_any_time_runs_in_processes_that_live() -> None:
    assert explore(_OwingForAWhile(), _PaysInRecovery).violation is None


class _Watching(_Recovering):
    properties: ClassVar[tuple[Property, ...]] = (Property("T2", "the sum is never 100", Kind.ALWAYS, lambda v: v.total != 100),)


def test_each_step_of_a_process_that_starts_at_rest_is_looked_at() -> None:
    class Flickers(Tiny):
        def tidy(self) -> None:
            ((total,),) = self.connect().execute("SELECT total FROM sums").fetchall()
            if self.env.new_id() == "app.2.1":  # the first call in the second incarnation
                for value in (100, total):
                    self.connect().execute("UPDATE sums SET total = ?", (value,))

    search = explore(_Watching(), Flickers)
    assert search.violation is not None
    assert search.violation.property == "T2"
