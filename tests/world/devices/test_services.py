"""Services that the harness plays: what they did is done, whatever was answered; and every fault really befalls them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from small_world import Code, Small

from acidtest.environment import CallRefused, CallTimeout, Reply
from acidtest.errors import ContractError, UsageError
from acidtest.port import Role
from acidtest.workload import Client, Operation, Scope
from acidtest.world.core.effects import CALL_FAULTS, CRASH, LATE, LOST, REFUSED, TWICE, UNACKNOWLEDGED
from acidtest.world.core.world import World
from acidtest.world.devices.table import DEVICES

if TYPE_CHECKING:
    from collections.abc import Hashable

    from acidtest.world.core.cluster import Cluster


class Counter:
    """A service that counts what it is told, and answers how much it was before."""

    def initial(self) -> Hashable:
        return 0

    def answer(self, state: int, method: str, arguments: tuple[Any, ...]) -> tuple[Hashable, Hashable]:
        if method != "add":
            message = f"it knows no {method}"
            raise CallRefused(message)
        return state + arguments[0], f"was {state}"


def add(env: Any) -> Any:
    try:
        return env.call("counter", "add", 5)
    except (CallRefused, CallTimeout) as error:
        return type(error)


def add_again(env: Any) -> Any:
    return add(env)


def hear(_env: Any, reply: Reply) -> Reply:
    return reply


def hearing(name: str, source: str) -> Client:
    return Client(name, "ear", (Operation(name, "hear", source=source),))


class Beside(Small):
    """A small world with a service."""

    def __init__(self, cluster: Cluster, *functions: Any, clients: tuple[Client, ...] = ()) -> None:
        named = {function.__name__: function for function in functions}
        own = tuple(Client(n, n, (Operation(n, n),)) for n in named if n != "hear")
        World.__init__(self, cluster, partial(Code, named), Scope("beside", "", (), own + clients), DEVICES, roles=frozenset({Role.REPLY}), equipment={"services": {"counter": Counter()}})
        self.answers, self.done = {}, []

    def call(self, name: str, fault: str = "") -> Any:
        """Let a client make its one call, with a fault."""
        self.begin(name)
        self.step(name, fault)
        return self.answers.get(name)

    def land(self) -> None:
        """Let what is late take effect."""
        for label in list(self.late):
            self.late.pop(label)()

    @property
    def count(self) -> Hashable:
        ((_, count),) = self.devices["services"].seen().states
        return count


def test_a_call_is_carried_out_and_answered(cluster: Cluster) -> None:
    world = Beside(cluster, add)
    assert world.call("add") == "was 0"
    assert world.count == 5
    world.close()


@pytest.mark.parametrize(
    ("fault", "answer", "count"),
    [(REFUSED, CallRefused, 0), (LOST, CallTimeout, 0), (UNACKNOWLEDGED, CallTimeout, 5), (LATE, CallTimeout, 0), (TWICE, "was 0", 10)],
)
def test_each_fault_of_a_call_has_its_effect_and_its_answer(cluster: Cluster, fault: str, answer: Any, count: int) -> None:
    world = Beside(cluster, add)
    assert world.call("add", fault) == answer
    assert world.count == count
    world.close()


def test_the_faults_of_a_call_are_those_that_the_search_may_choose(cluster: Cluster) -> None:
    world = Beside(cluster, add)
    world.begin("add")
    pending = world.pending("add")
    assert pending is not None
    assert (pending.label, pending.faults, pending.lasts) == ("counter: add 5", CALL_FAULTS, True)
    world.close()


def test_a_late_call_takes_effect_when_it_lands(cluster: Cluster) -> None:
    world = Beside(cluster, add)
    world.call("add", LATE)
    assert (world.devices["services"].seen().coming, list(world.late)) == ((("counter", "add", (5,)),), ["counter: add 5 (late 1)"])
    before = world.key()
    world.land()
    assert (world.count, world.devices["services"].seen().coming) == (5, ())
    assert world.key() != before
    world.close()


def test_a_late_call_comes_after_those_that_were_made_meanwhile(cluster: Cluster) -> None:
    world = Beside(cluster, add, add_again)
    world.call("add", LATE)
    assert world.call("add_again") == "was 0"
    world.land()
    assert world.count == 10
    world.close()


def test_what_a_service_did_outlives_the_crash_of_the_caller(cluster: Cluster) -> None:
    world = Beside(cluster, add)
    world.call("add", CRASH)
    assert (world.count, world.processes["add"].alive) == (5, False)
    world.close()


@pytest.mark.parametrize(("fault", "answer"), [("", CallRefused), (UNACKNOWLEDGED, CallTimeout), (LATE, CallTimeout), (TWICE, CallRefused)])
def test_in_an_outage_nothing_is_done(cluster: Cluster, fault: str, answer: Any) -> None:
    world = Beside(cluster, add)
    world.change("outage")
    assert world.call("add", fault) is answer
    assert (world.count, world.devices["services"].progress(), dict(world.late)) == (0, (), {})
    world.change("restore")
    assert not world.devices["services"].down
    world.close()


@pytest.mark.parametrize(
    ("fault", "owed"),
    [("", ()), (REFUSED, ()), (LOST, ()), (UNACKNOWLEDGED, ("counter reply 0",)), (LATE, ("counter reply 0",)), (TWICE, ())],
)
def test_an_answer_is_owed_until_the_caller_was_given_it(cluster: Cluster, fault: str, owed: Any) -> None:
    world = Beside(cluster, add)
    world.call("add", fault)
    world.land()
    assert world.devices["services"].progress() == owed
    world.close()


def test_answers_come_late_or_once_more_but_not_before_they_are_given(cluster: Cluster) -> None:
    world = Beside(cluster, add, hear, clients=(hearing("h0", "counter reply 0"), hearing("h1", "counter reply 0")))
    assert world.runnable() == ["add"]
    world.call("add", UNACKNOWLEDGED)
    assert world.runnable() == ["h0", "h1"]
    for name in ("h0", "h1"):
        world.begin(name)
    assert world.answers["h0"] == world.answers["h1"] == Reply("counter", "add", (5,), "was 0")
    assert world.devices["services"].progress() == ()
    world.close()


def test_whether_an_answer_was_given_is_part_of_the_state(cluster: Cluster) -> None:
    keys = []
    for fault in ("", UNACKNOWLEDGED):
        world = Beside(cluster, add)
        world.call("add", fault)
        keys.append(world.devices["services"].key())
        world.close()
    assert keys[0] != keys[1]


def test_a_service_that_is_not_known_is_named_beside_those_that_are(cluster: Cluster) -> None:
    def call(env: Any) -> Any:
        return env.call("conuter", "add", 5)

    world = Beside(cluster, call)
    with pytest.raises(UsageError, match=r"conuter.*counter"):
        world.begin("call")
    world.close()


def swallowing(env: Any, *call: Any) -> Any:
    try:
        return env.call(*call)
    except Exception:  # noqa: BLE001 - the point
        return "nothing happened"


def test_code_that_swallows_errors_does_not_hide_that_a_service_is_not_known(cluster: Cluster) -> None:
    def call(env: Any) -> Any:
        return swallowing(env, "conuter", "add", 5)

    world = Beside(cluster, call)
    with pytest.raises(UsageError, match="conuter"):
        world.begin("call")
    world.close()


def subtract(env: Any) -> Any:
    try:
        return env.call("counter", "subtract", 5)
    except (CallRefused, CallTimeout) as error:
        return str(error)


@pytest.mark.parametrize("fault", ["", TWICE])
def test_a_method_that_a_service_does_not_have_is_refused_by_it(cluster: Cluster, fault: str) -> None:
    world = Beside(cluster, subtract)
    assert world.call("subtract", fault) == "it knows no subtract"
    assert world.count == 0
    world.close()


@pytest.mark.parametrize("fault", [LOST, UNACKNOWLEDGED, LATE])
def test_a_refusal_can_be_lost_as_any_answer_and_never_comes_by_itself(cluster: Cluster, fault: str) -> None:
    world = Beside(cluster, subtract, hear, clients=(hearing("ear", "counter reply 0"),))
    assert "did not answer" in world.call("subtract", fault)
    world.land()
    assert world.count == 0
    assert not list(world.devices["services"].owed())
    world.close()


@pytest.mark.parametrize(("call", "told"), [
    (("counter", 5), r"env\.call\('counter', 5, …\).*named by texts"),
    ((None, "add"), "named by texts"),
    (("counter", "add", [5]), "unhashable type: 'list'"),
])  # fmt: skip
def test_code_that_swallows_errors_does_not_hide_that_it_called_what_can_have_no_answer(cluster: Cluster, call: Any, told: str) -> None:
    def calls(env: Any) -> Any:
        return swallowing(env, *call)

    world = Beside(cluster, calls)
    with pytest.raises(ContractError, match=told):
        world.begin("calls")
    world.close()


def test_a_call_outside_of_any_call_of_the_port_is_a_mistake(cluster: Cluster) -> None:
    world = Beside(cluster, add)
    observer = world.environment(cluster.host("observer"))
    with pytest.raises(ContractError, match=r"counter\.add.* outside of any call"):
        observer.call("counter", "add", 5)
    world.close()
