"""Shared objects: they are the same for all processes, outlive each, are put back between runs, and their state is told apart."""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from booked import Booked
from small_world import Small

from acidtest import check
from acidtest.errors import UsageError
from acidtest.search.stateful import check_statefully
from acidtest.search.verdict import Verdict

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster


class Shop:
    """A fake of a server."""

    def __init__(self) -> None:
        self.left = 1
        self.sold: list[str] = []

    def buy(self, who: str) -> list[str]:
        if not self.left:
            raise LookupError(who)
        self.left -= 1
        self.sold.append(who)
        return self.sold

    async def buy_later(self, who: str) -> list[str]:
        return self.buy(who)


def buying(who: str) -> Any:
    def buy(env: Any) -> Any:
        shop = env.shared("shop", Shop)
        if shop.left:
            return tuple(shop.buy(who))
        return None

    buy.__name__ = who
    return buy


def test_each_use_is_an_effect_and_the_object_is_the_same_for_all(cluster: Cluster) -> None:
    world = Small(cluster, buying("ann"), buying("bob"))
    world.until("ann", "buy")
    assert world.begin("bob") == "shop: left"
    assert world.finish("ann") == ("ann",)
    assert world.finish("bob") is None
    assert world.done == ["shop: left", "shop: buy('ann')", "shop: left"]
    world.close()


def test_a_check_before_an_act_can_be_overtaken(cluster: Cluster) -> None:
    world = Small(cluster, buying("ann"), buying("bob"))
    world.until("ann", "buy")
    world.until("bob", "buy")
    world.finish("ann")
    world.finish("bob")
    assert [event.value for event in world.events if event.subject == "bob"][-1:] == ["LookupError: bob"]
    world.close()


def test_it_is_put_back_between_runs_and_outlives_a_crash(cluster: Cluster) -> None:
    for _ in range(2):
        world = Small(cluster, buying("ann"), buying("bob"))
        world.until("ann", "buy")
        world.step("ann", "crash")
        assert world.finish("bob") is None
        assert cluster.shelf.objects["shop"].sold == ["ann"]
        world.close()


def test_what_comes_out_is_a_copy(cluster: Cluster) -> None:
    def buy(env: Any) -> int:
        shop = env.shared("shop", Shop)
        shop.buy("ann").append("bob")
        return len(shop.sold)

    world = Small(cluster, buy)
    assert world.finish("buy") == 1
    world.close()


def test_items_and_attributes_are_effects_as_well(cluster: Cluster) -> None:
    def use(env: Any) -> Any:
        table = env.shared("table", dict)
        table["a"] = 1
        table["b"] = 2
        del table["a"]
        shop = env.shared("shop", Shop)
        shop.left = 7
        return table["b"], "a" in table, len(table), list(table), bool(table), tuple(table.items()), shop.left, hasattr(shop, "none")

    world = Small(cluster, use)
    assert world.finish("use") == (2, False, 1, ["b"], True, (("b", 2),), 7, False)
    assert world.done[:3] == ["table: ['a'] = 1", "table: ['b'] = 2", "table: del ['a']"]
    world.close()


def test_the_state_of_the_world_is_another_when_an_object_is(cluster: Cluster) -> None:
    world = Small(cluster, buying("ann"))
    before = world.devices.key()
    world.finish("ann")
    assert world.devices.key() != before
    world.close()


def test_where_nobody_can_tell_what_it_holds_all_that_was_done_counts(cluster: Cluster) -> None:
    class Numbers:
        def __init__(self) -> None:
            self.numbers = (n for n in itertools.count())  # nobody sees into a generator

        def __deepcopy__(self, memo: Any) -> Numbers:
            return Numbers()

        def draw(self) -> int:
            return next(self.numbers)

    def one(env: Any) -> int:
        return env.shared("numbers", Numbers).draw()

    def two(env: Any) -> int:
        return env.shared("numbers", Numbers).draw()

    world = Small(cluster, one, two)
    keys = [world.devices.key()]
    assert (world.finish("one"), world.finish("two")) == (0, 1)
    keys.append(world.devices.key())
    assert keys[0] != keys[1]
    world.close()


@pytest.mark.parametrize(("fault", "sold"), [("refused", []), ("lost", []), ("unacknowledged", ["ann"]), ("late", [])])
def test_with_an_error_a_use_may_be_lost(cluster: Cluster, fault: str, sold: list[str]) -> None:
    def buy(env: Any) -> str:
        try:
            env.shared("shop", Shop, error=ConnectionError).buy("ann")
        except ConnectionError as error:
            return str(error)
        return "sold"

    world = Small(cluster, buy)
    world.until("buy", "buy")
    world.step("buy", fault)
    assert world.answers["buy"] == "shop did not answer buy('ann')"
    assert cluster.shelf.objects["shop"].sold == sold if "shop" in cluster.shelf.objects else not sold
    assert len(world.late) == (fault == "late")
    world.close()


def test_coroutines_are_awaited_and_need_not_be_coroutines(cluster: Cluster) -> None:
    async def buy(env: Any) -> Any:
        shop = env.aio.shared("shop", Shop)
        await shop.buy_later("ann")
        try:
            return await shop.buy("bob")
        except LookupError as error:
            return str(error)

    world = Small(cluster, buy)
    assert world.finish("buy") == "bob"
    assert world.done == ["shop: buy_later('ann')", "shop: buy('bob')"]
    world.close()


@pytest.mark.parametrize(
    ("name", "make", "error", "match"),
    [("", Shop, None, "has a name"), ("shop", Shop(), None, "make is a Shop"), ("shop", Shop, "no", "error='no'")],
)
def test_what_is_asked_wrongly_is_said(cluster: Cluster, name: str, make: Any, error: Any, match: str) -> None:
    world = Small(cluster, lambda env: env.shared(name, make, error=error))
    with pytest.raises(UsageError, match=match):
        world.begin("<lambda>")
    world.close()


def test_a_coroutine_that_is_called_without_await_is_named(cluster: Cluster) -> None:
    world = Small(cluster, lambda env: env.shared("shop", Shop).buy_later("ann"))
    world.begin("<lambda>")
    with pytest.raises(UsageError, match=r"buy_later\(\) of a shared object is a coroutine"):
        world.step("<lambda>")
    world.close()


class Seats:
    """Seats in a repository in memory, which are booked in one step."""

    def __init__(self, env: Any) -> None:
        self.repository = env.shared("repository", dict)

    def install(self) -> None:
        self.repository["7"] = ""

    def book(self, seat: str, who: str) -> bool:
        return bool(self.repository.setdefault(f"{seat} is", who) == who)

    def taken(self) -> dict[str, str]:
        return {seat.removesuffix(" is"): who for seat, who in self.repository.items() if who}


class LooksFirst(Seats):
    """Two steps: whoever looks before he books sells one twice."""

    def book(self, seat: str, who: str) -> bool:
        if self.repository[seat] not in ("", who):
            return False
        self.repository[seat] = who
        return True


def test_a_race_in_a_repository_in_memory_is_found_and_code_without_one_passes() -> None:
    assert [result.verdict for result in check(Booked, Seats)] == [Verdict.PASS]
    with pytest.raises(AssertionError, match="whoever was told yes has it"):
        check(Booked, LooksFirst)


def test_the_stateful_search_finds_it_as_well() -> None:
    for code, verdict in ((LooksFirst, Verdict.FAIL), (Seats, Verdict.PASS)):
        harness, result = check_statefully(Booked(), code, examples=20, seed=1, shrink=False)
        harness.close()
        assert (result.violation is not None) == (verdict == Verdict.FAIL)


def test_what_goes_in_is_a_copy(cluster: Cluster) -> None:
    def put(env: Any) -> Any:
        mine = ["ann"]
        table = env.shared("table", dict)
        table["a"] = mine
        table.update(b=mine)
        mine.append("bob")
        return tuple(map(tuple, table.values()))

    world = Small(cluster, put)
    assert world.finish("put") == (("ann",), ("ann",))
    world.close()


def test_what_cannot_be_copied_is_told_whatever_the_code_makes_of_the_error(cluster: Cluster) -> None:
    def put(env: Any) -> None:
        with suppress(Exception):
            env.shared("table", dict)["a"] = (n for n in [1])

    world = Small(cluster, put)
    with pytest.raises(UsageError, match="cannot be copied"):
        world.finish("put")
    world.close()
