"""Sites of a contract of one's own talk over a network: messages, time-outs, crashes, cuts and losses are choices of the search."""

import pytest
from pings import DoesNotAsk, KeepsTheLast, MissesNobody, Pinged, Pings, PongsFirst, RemembersNothing

from acidtest import (
    ContractError,
    Scope,
    UsageError,
    always,
    assert_schedule,
    background,
    changes,
    check,
    client,
    handler,
    sometimes,
    timeout,
)
from acidtest.search.stateful import check_statefully
from acidtest.search.verdict import Verdict


def derived(base=Pinged, **attributes):
    """The contract with something else."""
    return type("Derived", (base,), attributes)


def scoped(*scopes, **attributes):
    """The contract with other scopes, and without what must happen in those that it has."""
    return derived(scopes=scopes, somebody_is_down_and_another_goes_on=None, **attributes)


PING = client("north-1", Pinged.ping("a"))


def test_right_sites_pass():
    assert [(result.verdict, result.reasons) for result in check(Pinged, Pings)] == [(Verdict.PASS, ())] * 2


@pytest.mark.parametrize(
    ("code", "broken"),
    [
        (PongsFirst, "what is acknowledged is known"),
        (RemembersNothing, "everything is acknowledged"),
        (DoesNotAsk, "everything is acknowledged"),
        (MissesNobody, "whoever is silent is missed"),
        (KeepsTheLast, "nothing is forgotten"),
    ],
)
def test_a_bug_of_a_site_is_found_by_what_it_breaks(code, broken):
    with pytest.raises(AssertionError, match=broken):
        check(Pinged, code)


@pytest.mark.parametrize("code", [RemembersNothing, MissesNobody, KeepsTheLast])
def test_bugs_of_sites_are_found_in_drawn_workloads(code):
    harness, result = check_statefully(Pinged(), code, examples=40, seed=1, shrink=False)
    harness.close()
    assert result.verdict == Verdict.FAIL


def test_right_sites_pass_drawn_workloads_in_which_sites_start_again():
    harness, result = check_statefully(Pinged(), Pings, examples=20, seed=1)
    harness.close()
    assert (result.verdict, result.violation) == (Verdict.PASS, None)
    assert {"crash", "twice", "reordered"} == set(Pinged.stateful_kinds)


def test_a_failure_over_the_network_is_replayed():
    with pytest.raises(AssertionError, match="what is acknowledged is known") as found:
        check(Pinged, PongsFirst)
    schedule = [line.strip().strip("',\"") for line in str(found.value).splitlines() if line.strip().strip("'\"").startswith("advance ")]
    with pytest.raises(AssertionError, match="is violated by the schedule"):
        assert_schedule(Pinged, PongsFirst, scope="a crash", schedule=schedule)


def test_what_the_network_brings_is_no_call_of_a_client():
    assert Pinged.operations() == ("ping", "recover")
    with pytest.raises(AssertionError) as found:
        check(Pinged, PongsFirst)
    assert "calls         ping('a'): sent\n" in str(found.value)


def lossy(scope):
    """Sites send again what was not acknowledged, now and then."""
    return scoped(scope, resend=background("resend"))


def test_a_lost_message_is_missed_by_who_sends_only_once():
    lost = Scope("a lost message", PING, faults=1, kinds=("dropped",))
    assert [result.verdict for result in check(lossy(lost), Pings, scopes=[lost.name])] == [Verdict.PASS]
    with pytest.raises(AssertionError, match="everything is acknowledged"):
        check(scoped(lost), Pings)


def test_a_network_that_is_cut_is_mended_in_the_end():
    cut = Scope("a cut", PING, changes(("partition", "north | east")))
    assert [result.verdict for result in check(lossy(cut), Pings, scopes=[cut.name])] == [Verdict.PASS]
    with pytest.raises(AssertionError, match="everything is acknowledged"):
        check(scoped(cut), RemembersNothing)


def never_wrong(self, seen):
    return not any("missed" in what for known in seen.known.values() for what in known) or bool(seen.network.fallen)


def test_a_failure_detector_is_perfect_unless_a_scope_lifts_that():
    slow = Scope("slow", PING, lifted=("bounded delay",))
    assert [result.verdict for result in check(derived(nobody_is_missed_who_is_there=always(never_wrong)), Pings)] == [Verdict.PASS] * 2
    with pytest.raises(AssertionError, match="nobody is missed who is there"):
        check(scoped(slow, nobody_is_missed_who_is_there=always(never_wrong)), Pings)
    excused = always(when=lambda _, seen: not seen.network.broken)(never_wrong)
    (result,) = check(scoped(slow, nobody_is_missed_who_is_there=excused), Pings, scopes=["slow"])
    assert result.verdict == Verdict.PASS


def came_back(self, seen):
    return len(seen.network.up) == 2 and bool(seen.network.fallen) and not seen.at_rest and "pong a" not in seen.known["north"]


def test_a_site_starts_again_at_any_moment_only_where_a_scope_says_so():
    back = Scope("it comes back", PING, crashes=1, restarts=True)
    assert check(scoped(back, somebody_is_back=sometimes(came_back)), Pings)[0].verdict == Verdict.PASS
    assert Pinged.scopes[0].restarts is False


def test_a_scope_connects_the_sites_that_there_are():
    three = derived(network=("north", "east", "south"), services=("north", "east", "south", "till"), scopes=[
        Scope("all", PING), Scope("two", PING, sites=("north", "east"), crashes=1), Scope("a till", PING, idle=("till-1",)),
    ])  # fmt: skip
    assert {one.name for one in three.scopes[0].clients} == {
        "north-1", "north hears east", "north hears south", "east hears north", "east hears south", "south hears north", "south hears east",
    }  # fmt: skip
    assert {one.name for one in three.scopes[1].clients} == {
        "north-1", "north hears east", "east hears north", "north misses east", "east misses north",
    }  # fmt: skip
    assert three.scopes[2].processes() == ("north-1", "east-1", "south-1", "till-1")


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"network": "north"}, "network is 'north'. It names the services that talk to each other, at least two"),
        ({"network": ("north",)}, "at least two: ('north', 'east')"),
        ({"network": ("north", "west"), "services": ("north", "east")}, "named in Derived.network 'west'. Known: north, east."),
        ({"on_message": handler("on_message").of("east")}, "names 'north', which has nothing that takes in messages"),
        ({"network": (), "services": ("north", "east")}, "is told who is silent on the network, and there is none"),
        ({"network": (), "services": ("north", "east"), "on_timeout": None, "scopes": [Scope("a", PING, restarts=True)]}, "has restarts, and its contract no network"),
        ({"scopes": [Scope("a", client("north-2", Pinged.ping("a")))]}, "has a process 'north-2', and that is not one of its sites"),
        ({"scopes": [Scope("a", PING, sites=("north", "west"))]}, "There is no site (in the scope 'a') 'west'. Known: north, east."),
        ({"scopes": [Scope("a", client("east-1", Pinged.on_message()))]}, "which the network calls"),
    ],
)
def test_what_a_network_cannot_be_is_refused(attributes, said):
    with pytest.raises((ContractError, UsageError)) as refused:
        derived(**attributes)
    assert said in str(refused.value)


def test_an_assumption_that_there_is_not_lists_those_that_there_are():
    with pytest.raises(UsageError, match="Known: no partition, bounded delay"):
        Scope("a", PING, lifted=("perfect failure detector",))


def test_sites_that_cannot_take_a_message_in_are_refused():
    deaf = type("Deaf", (Pings,), {"on_message": lambda self, message: None})
    with pytest.raises(ContractError, match=r"cannot be called as the port of .* calls it, on_message\(sender, message\)"):
        check(Pinged, deaf)
    assert timeout("on_timeout").role == "timeout"
