"""What clients of an event store call: answers are plain values, and what is none is the adapter's mistake."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from acidtest.environment import Conflict
from acidtest.errors import ContractError
from acidtest.impl.event_store import EventStore
from acidtest.properties.event_store.calls import Calls
from acidtest.properties.event_store.contract import EventStoreContract
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness

EVENT = ("e1", "opened", "{}")


def calls(**methods):
    return Calls(SimpleNamespace(**{name: lambda *_, value=value: value for name, value in methods.items()}), SimpleNamespace(subscriber=None))


def refusing(*_):
    raise Conflict


def test_a_refusal_is_an_answer():
    store = Calls(SimpleNamespace(append=refusing), SimpleNamespace(subscriber=None))
    assert store.append("a", 0, (EVENT,)) == "conflict"


def test_lists_will_do_for_tuples():
    assert calls(read=[[1, list(EVENT)]]).read("a").rows == ((1, *EVENT),)


@pytest.mark.parametrize(
    ("method", "value", "said"),
    [
        ("append", None, "append() returned None"), ("append", True, "append() returned True"), ("read", None, "read('a', 0) returned None"),
        ("read", [EVENT], "read('a', 0) gives ('e1', 'opened', '{}')"), ("read", [(1, "e1")], "gives 'e1' for an event"),
        ("read", [(1, ("e1", "opened", {}))], "for an event"), ("read_all", [(1, "a", EVENT)], "it must give rows"),
        ("read_all", [("1", "a", 1, EVENT)], "a position"),
    ],
)  # fmt: skip
def test_what_is_no_answer_says_what_it_must_be(method, value, said):
    arguments = {"append": ("a", 0, (EVENT,)), "read": ("a", 0), "read_all": (0, 1)}[method]
    with pytest.raises(ContractError) as raised:
        getattr(calls(**{method: value}), method)(*arguments)
    assert said in str(raised.value)


class WithoutPoll:
    def __init__(self, env):
        self.store = EventStore(env)
        self.install, self.append, self.read, self.read_all = self.store.install, self.store.append, self.store.read, self.store.read_all


class OtherFollow(WithoutPoll):
    def follow(self, stream, handler):
        """Something of its own."""


class OtherPoll(WithoutPoll):
    def poll(self):
        """Without a subscriber."""


@pytest.mark.parametrize("factory", [WithoutPoll, OtherFollow])
def test_poll_may_be_left_out_and_follow_may_be_something_else(factory):
    harness = Harness(EventStoreContract(), factory)
    assert check_scope(harness, find_scope(harness.contract, "outage")).verdict == "pass"
    harness.close()


def test_poll_takes_a_subscriber():
    with pytest.raises(ContractError, match=r"poll\(subscriber\)"):
        Harness(EventStoreContract(), OtherPoll)


class Reads(WithoutPoll):
    def __init__(self, env):
        super().__init__(env)
        del self.read


def test_what_is_missing_is_named_without_what_may_be_left_out():
    with pytest.raises(ContractError) as raised:
        Harness(EventStoreContract(), Reads)
    assert str(raised.value).endswith("It needs: install, append, read, read_all.")
