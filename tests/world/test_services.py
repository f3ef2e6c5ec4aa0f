"""Services that the harness plays: what was done is done, whatever was answered; and every fault really befalls them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from small_world import Code, Small

from acidtest.environment import CallRefused, CallTimeout
from acidtest.errors import ContractError, UsageError
from acidtest.workload import Lane, Operation, Scope
from acidtest.world.effects import CALL_FAULTS, CRASH, LATE, LOST, REFUSED, TWICE, UNACKNOWLEDGED
from acidtest.world.world import World

if TYPE_CHECKING:
    from acidtest.world.site import Site


class Counter:
    """A service that adds up."""

    def initial(self) -> int:
        return 0

    def answer(self, state: int, method: str, arguments: tuple[Any, ...]) -> tuple[int, int]:
        if method != "add":
            message = f"{method} is unknown"
            raise ContractError(message)
        return state + arguments[0], state + arguments[0]


class Calling(Small):
    """A small world with a service."""

    def __init__(self, site: Site, *functions: Any, heard: bool = True) -> None:
        named = {function.__name__: function for function in functions}
        lanes = tuple(Lane(n, n, (Operation(n, n),)) for n in named)
        scope = Scope("calling", "", (), lanes)
        World.__init__(self, site, partial(Code, named), scope, played={"counter": Counter()}, heard=heard)
        self.answers, self.done = {}, []

    def call(self, name: str, fault: str = "") -> Any:
        """Let a client make its one call, with a fault."""
        self.begin(name)
        self.step(name, fault)
        return self.answers.get(name)

    @property
    def total(self) -> Any:
        return dict(self.services.seen())["counter"]


def add(env: Any) -> Any:
    try:
        return env.call("counter", "add", 5)
    except (CallRefused, CallTimeout) as error:
        return type(error)


def add_again(env: Any) -> Any:
    return add(env)


def wrong(env: Any) -> Any:
    try:
        return env.call("counter", "subtract", 5)
    except Exception:  # noqa: BLE001 - code that catches everything
        return "never mind"


def unknown(env: Any) -> Any:
    return env.call("abacus", "add", 5)


@pytest.mark.parametrize(
    ("fault", "answer", "total"),
    [("", 5, 5), (REFUSED, CallRefused, 0), (LOST, CallTimeout, 0), (UNACKNOWLEDGED, CallTimeout, 5), (LATE, CallTimeout, 0), (TWICE, 5, 10)],
)
def test_every_fault_befalls_a_call(site: Site, fault: str, answer: object, total: int) -> None:
    world = Calling(site, add)
    assert (world.call("add", fault), world.total) == (answer, total)
    world.close()


def test_all_fault_kinds_of_calls_are_offered(site: Site) -> None:
    world = Calling(site, add)
    world.begin("add")
    effect = world.pending("add")
    assert effect is not None
    assert effect.faults == CALL_FAULTS
    world.close()


def test_a_late_call_is_on_its_way_and_arrives_later(site: Site) -> None:
    world = Calling(site, add)
    world.call("add", LATE)
    assert world.services.coming() == (("counter", "add", (5,)),)
    ((label, late),) = world.late.items()
    assert label.startswith("counter: add 5")
    late()
    assert (world.total, world.services.coming()) == (5, ())
    world.close()


def test_what_was_done_outlives_the_caller(site: Site) -> None:
    world = Calling(site, add)
    world.call("add", CRASH)
    assert world.total == 5
    world.close()


@pytest.mark.parametrize(("fault", "answer"), [("", CallRefused), (UNACKNOWLEDGED, CallTimeout), (LATE, CallTimeout)])
def test_during_an_outage_no_call_arrives(site: Site, fault: str, answer: object) -> None:
    world = Calling(site, add)
    world.change("outage")
    assert (world.call("add", fault), world.total, world.late) == (answer, 0, {})
    world.close()


def test_an_answer_that_was_not_given_is_owed_where_somebody_hears_it(site: Site) -> None:
    world = Calling(site, add)
    world.call("add", UNACKNOWLEDGED)
    assert world.services.owed() == ("counter reply 0",)
    world.close()


def test_where_nobody_hears_answers_it_makes_no_difference_which_were_given(site: Site) -> None:
    keys = {}
    for heard in (True, False):
        for first, second in (("", UNACKNOWLEDGED), (UNACKNOWLEDGED, "")):
            world = Calling(site, add, add_again, heard=heard)
            world.call("add", first)
            world.call("add_again", second)
            keys[heard, first] = world.services.key()
            world.close()
    assert keys[True, ""] != keys[True, UNACKNOWLEDGED]
    assert keys[False, ""] == keys[False, UNACKNOWLEDGED]


def test_a_call_that_a_service_does_not_have_is_reported_although_the_code_catches_everything(site: Site) -> None:
    world = Calling(site, wrong)
    with pytest.raises(ContractError, match="subtract is unknown"):
        world.call("wrong")
    world.close()


def test_a_service_that_is_not_there_is_named_with_those_that_are(site: Site) -> None:
    world = Calling(site, unknown)
    with pytest.raises(UsageError, match=r"abacus.*counter"):
        world.call("unknown")
    world.close()
