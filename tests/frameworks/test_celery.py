"""Celery tasks are called as a worker calls them: when messages are acknowledged, what comes again, and what is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import celery_project as project
import pytest
import sqlalchemy as sa

from acidtest.celery import Worker, use
from acidtest.errors import UsageError
from acidtest.patterns import pattern
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict
from acidtest.workload import Client, Operation, Queueing, Scope
from acidtest.world.core.effects import CRASH
from acidtest.world.core.world import World
from acidtest.world.databases.table import open_cluster
from acidtest.world.devices.table import DEVICES
from acidtest.world.interpose import install as interpose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from acidtest.environment import Delivery, Environment
    from acidtest.world.core.cluster import Cluster

# Under the contract of the inbox:


class Bookkeeping:
    """The tasks of the project, for the contract."""

    app = project.app
    task: Any = project.book

    def __init__(self, env: Environment) -> None:
        self.worker = Worker(env, self.app, {"deposits": self.call, "withdrawals": self.call})

    def call(self, message: Delivery) -> Any:
        return self.task.s(message.topic, message.id, message.payload)

    def install(self, accounts: dict[str, int]) -> None:
        with project.engine.begin() as db:
            for statement in project.SCHEMA:
                db.execute(sa.text(statement))
            for name, balance in accounts.items():
                db.execute(sa.text("INSERT INTO account VALUES (:a, :b)"), {"a": name, "b": balance})

    def consume(self) -> None:
        self.worker.poll()

    def balances(self) -> dict[str, int]:
        with project.engine.connect() as db:
            return dict(db.execute(sa.text("SELECT id, balance FROM account")).all())


class AcknowledgedEarly(Bookkeeping):
    task = project.book_acknowledged_early


class LostWithItsChild(Bookkeeping):
    task = project.book_lost_with_its_child


class AcknowledgedWhenItFails(Bookkeeping):
    task = project.book_acknowledged_when_it_fails


class AgainLater(Bookkeeping):
    task = project.book_again_later


class AgainLaterWithoutConfirms(AgainLater):
    """Nobody hears whether the retry was taken."""

    app = project.app_without_confirms
    task = project.book_again_without_confirms


def checked(factory: Any, name: str, **changes: Any) -> Any:
    contract = pattern("inbox").contract_class()()
    harness = Harness(contract, factory)
    try:
        return check_scope(harness, replace(find_scope(contract, name), **changes))
    finally:
        harness.close()


@pytest.mark.parametrize("factory", [Bookkeeping, AgainLater])
@pytest.mark.parametrize("scope", ["one message", "redelivery in flight", "no funds", "poison", "killer", "forty days"])
def test_a_task_that_drops_duplicates_by_id_passes(factory: Any, scope: str) -> None:
    result = checked(factory, scope)
    assert (result.violation, result.reasons, result.verdict) == (None, (), Verdict.PASS)


@pytest.mark.parametrize(("factory", "scope", "property"), [
    (AcknowledgedEarly, "one message", "IB3"), (AcknowledgedWhenItFails, "one message", "IB6"), (LostWithItsChild, "killer", "G9"),
])  # fmt: skip
def test_a_task_whose_message_is_acknowledged_too_early_fails(factory: Any, scope: str, property: str) -> None:  # noqa: A002
    result = checked(factory, scope)
    assert (result.verdict, result.violation.property) == (Verdict.FAIL, property)


def test_a_retry_that_nobody_confirmed_may_be_lost() -> None:
    twice = {"faults": 2, "kinds": frozenset({"refused", "lost"})}
    assert checked(AgainLater, "one message", **twice).violation is None
    assert checked(AgainLaterWithoutConfirms, "one message", **twice).violation.property == "IB6"


# One worker:


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    interpose()
    cluster = open_cluster("sqlite", ())
    cluster.capture()
    project.attempts.clear()
    yield cluster
    cluster.close()


class Sending(World):
    """One process calls a task, and two have a worker, each of which polls as often as is asked."""

    def __init__(self, cluster: Cluster, send: Callable[[], Any], polls: int = 3) -> None:
        clients = (
            Client("web", "web", (Operation("send", "send"),)),
            *(Client(name, name, tuple(Operation(f"{name} {i}", "consume") for i in range(polls))) for name in ("worker-1", "worker-2")),
        )
        self.done: list[str] = []

        class Code:
            def __init__(self, env: Environment) -> None:
                self.worker = Worker(env, project.app, queues=("celery",))

            def send(self) -> None:
                send()

            def consume(self) -> None:
                self.worker.poll()

        super().__init__(cluster, Code, Scope("s", "", (), clients), DEVICES, equipment={"broker": Queueing(("celery",))})

    def finish(self, name: str, fault: str = "", at: str = "?") -> list[str]:
        """Let a call go on to its end; the fault befalls the effect whose name contains `at`. Returns its effects."""
        done = []
        self.advance(name)
        while (effect := self.pending(name)) is not None:
            done.append(effect.what)
            self.advance(name, fault if at in effect.what else "")
        return done

    def topics(self) -> list[str]:
        return [message.topic for message in self.devices.seen()["broker"]]


def test_what_is_sent_by_celery_is_a_message_with_the_id_of_the_task(cluster: Cluster) -> None:
    world = Sending(cluster, lambda: project.late.apply_async(("hello",), task_id="t1"))
    world.finish("web")
    (message,) = world.devices.seen()["broker"]
    assert (message.id, message.topic, json.loads(message.payload)[0]) == ("t1", "celery", ["hello"])
    assert json.loads(message.headers)["headers"]["origin"] == "gen@web"
    world.close()


@pytest.mark.parametrize(("task", "ran"), [(project.early, 0), (project.late, 1)])
def test_a_message_is_acknowledged_before_the_task_or_after_it_as_the_task_says(cluster: Cluster, task: Any, ran: int) -> None:
    world = Sending(cluster, lambda: task.delay("x"))
    world.finish("web")
    world.advance("worker-1")
    world.advance("worker-1")
    assert "ack" in world.pending("worker-1").what
    assert project.attempts == ["x"] * ran
    world.close()


@pytest.mark.parametrize(("task", "comes"), [(project.exits, 1), (project.exits_and_comes_again, 2)])
def test_a_child_that_is_lost_is_no_death_of_the_worker(cluster: Cluster, task: Any, comes: int) -> None:
    world = Sending(cluster, lambda: task.delay("x"))
    world.finish("web")
    first = world.finish("worker-1")
    assert world.processes["worker-1"].alive
    assert first[-1] == ("ack celery" if comes == 1 else "nack celery")
    assert len(world.finish("worker-2")) == comes
    world.close()


def test_the_death_of_the_worker_gives_back_what_it_had_not_acknowledged(cluster: Cluster) -> None:
    world = Sending(cluster, lambda: project.late.delay("x"))
    world.finish("web")
    world.finish("worker-1", CRASH, at="receive")
    assert (world.processes["worker-1"].alive, project.attempts) == (False, [])
    assert world.finish("worker-2") == ["receive celery", "ack celery"]
    assert project.attempts == ["x"]
    world.close()


def test_a_retry_is_another_message_and_is_waited_for_in_virtual_time(cluster: Cluster) -> None:
    world = Sending(cluster, lambda: project.fail_twice.delay("x"))
    world.finish("web")
    begun = world.time.time
    assert world.finish("worker-1") == ["receive celery", "publish celery", "ack celery"]
    assert world.finish("worker-1") == ["receive celery", "sleep 60 s", "publish celery", "ack celery"]
    assert world.finish("worker-1") == ["receive celery", "sleep 60 s", "ack celery"]
    assert project.attempts == [("x", 0), ("x", 1), ("x", 2)]
    assert world.time.time - begun == pytest.approx(120, abs=1)
    world.close()


def test_a_retry_that_cannot_be_sent_is_tried_again_and_then_rejected(cluster: Cluster) -> None:
    world = Sending(cluster, lambda: project.fail_twice.delay("x"))
    world.finish("web")
    assert world.finish("worker-1", "refused", at="publish")[-1] == "reject celery"
    assert world.topics() == ["celery", "dead"]
    world.close()


def test_a_task_that_nobody_knows_is_rejected(cluster: Cluster) -> None:
    world = Sending(cluster, lambda: project.app.send_task("nobody", ("x",)))
    world.finish("web")
    assert world.finish("worker-1") == ["receive celery", "reject celery"]
    world.close()


def test_an_app_that_goes_by_stored_results_is_refused() -> None:
    app = type(project.app)("other")
    app.conf.worker_deduplicate_successful_tasks = True
    env: Any = type("Env", (), {"broker_url": "acidtest://app/"})()
    with pytest.raises(UsageError, match="worker_deduplicate_successful_tasks"):
        use(env, app)


def test_whoever_has_no_celery_is_told_what_to_install() -> None:
    program = "import sys; sys.modules['celery'] = None; import acidtest.celery"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    assert "acidtest[celery]" in ended.stderr.splitlines()[-1]
