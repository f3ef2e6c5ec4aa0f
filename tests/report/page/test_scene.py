"""What a diagram shows: who has a lifeline, how arrows fare, what stands out, what is folded."""

import pytest

from acidtest.report.mermaid import MOST, mermaid
from acidtest.report.page.folds import groups_of
from acidtest.report.page.scene import Lane, scene_of
from acidtest.search.failure import Row
from acidtest.search.film import Film, Frame, Seat, Shot


def shot(kind="", where="", *, alive=(("app-1", 1),), knows=(("w1", "open"),), waiting=(), outage=False):
    return Shot(kind, where, "", "", alive, 0.0, (), knows, 1, (), (), waiting, outage)


def effect(action, kind, fault="", changes=(), events=(), where="bank", **more):
    return Frame(Row("app-1", "c1", f"{where}: {action}", fault, changes, events), shot(kind, where, **more))


BEGIN = Frame(Row("app-1", "c1", "execute('k1')", "", (), ()), shot())


def film(*frames):
    return Film(shot(knows=(("w1", "new"),)), frames, (Seat("c1", "app-1", ("w1",), asks=True),), ("bank",), ())


def arrows(*frames):
    """The arrows of the last step, as (source, target, fare, style) by name."""
    scene = scene_of(film(*frames))
    name = [lane.name for lane in scene.lanes]
    return [(name[a.source], name[a.target], a.fare, a.style) for a in scene.beats[-1].arrows]


def test_clients_processes_and_what_they_talk_to_have_lifelines():
    scene = scene_of(film(BEGIN, effect("publish k", "publish", where="broker"), effect("COMMIT", "commit")))
    assert scene.lanes == (Lane("c1", "client"), Lane("app-1", "process"), Lane("bank", "database"), Lane("broker", "broker"))


def test_who_only_lets_run_what_runs_in_the_background_has_none():
    seats = (Seat("relay-1", "relay-1", ("relay 1",), asks=False),)
    start = shot(alive=(("relay-1", 1),))
    assert scene_of(Film(start, (), seats, (), ())).lanes == (Lane("relay-1", "process"),)


def test_a_call_comes_from_its_client_and_its_answer_goes_there():
    assert arrows(BEGIN) == [("c1", "app-1", "arrives", "call")]
    assert arrows(Frame(Row("app-1", "c1", """append('a', '{"n": 1}')""", "", (), ()), shot())) == arrows(BEGIN)
    answered = effect("COMMIT", "commit", events=("w1 ⇒ ok",))
    assert arrows(BEGIN, answered) == [("app-1", "bank", "arrives", "weighty"), ("app-1", "c1", "arrives", "answer")]


@pytest.mark.parametrize(
    ("fault", "fare"),
    [("", "arrives"), ("refused", "refused"), ("lost", "lost"), ("late", "late"), ("twice", "twice"), ("crash", "arrives"), ("cancelled", "lost")],
)
def test_an_effect_fares_by_its_fault(fault, fare):
    assert arrows(effect("COMMIT", "commit", fault))[0] == ("app-1", "bank", fare, "weighty")


def test_in_an_outage_and_where_the_broker_takes_no_message_nothing_arrives():
    def publishes(**more):
        return arrows(effect("publish k", "publish", where="broker", **more))[0][2]

    assert publishes() == "refused"
    assert publishes(changes=("broker: + k1 (key A)",)) == "arrives"
    assert arrows(effect("reserve k1", "call", where="stock", outage=True))[0][2] == "refused"
    assert arrows(effect("COMMIT", "commit", outage=True))[0][2] == "arrives"


def test_what_took_effect_without_an_answer_arrives_and_the_answer_does_not():
    assert arrows(effect("COMMIT", "commit", "unacknowledged")) == [("app-1", "bank", "arrives", "weighty"), ("bank", "app-1", "lost", "unknown")]


def test_what_was_late_lands_from_where_it_was_sent():
    landing = Frame(Row("bank: COMMIT (late 1)", "bank: COMMIT (late 1)", "land", "", (), ()), shot())
    assert arrows(effect("COMMIT", "commit", "late"), landing) == [("app-1", "bank", "lands", "weighty")]
    while_resting = Frame(Row("environment", "environment", "land bank: COMMIT (late 1)", "", (), ()), shot(), resting=True)
    assert arrows(effect("COMMIT", "commit", "late"), while_resting) == [("app-1", "bank", "lands", "weighty")]


def test_reading_is_thinner_than_writing_and_receiving_comes_from_the_broker():
    assert arrows(effect("SELECT accounts", "read")) == [("app-1", "bank", "arrives", "read")]
    assert arrows(effect("UPDATE accounts", "write")) == [("app-1", "bank", "arrives", "plain")]
    assert arrows(effect("receive orders", "receive", where="broker")) == [("broker", "app-1", "arrives", "plain")]


def test_an_answer_that_had_to_wait_for_a_lock_comes_from_the_database():
    assert arrows(effect("UPDATE accounts, answered", "write")) == [("bank", "app-1", "arrives", "plain")]
    assert arrows(effect("COMMIT, answered", "reply")) == [("bank", "app-1", "arrives", "plain")]


def test_a_call_between_services_under_test_goes_to_the_process_of_the_other():
    both = (("app-1", 1), ("stock-1", 1))
    frame = effect("reserve k1", "call", where="stock", alive=both)
    scene = scene_of(Film(shot(alive=both), (frame,), (), ("bank",), ()))
    assert [lane.name for lane in scene.lanes] == ["app-1", "stock-1"]
    assert scene.beats[0].arrows[0].target == 1


def test_a_lifeline_is_busy_waits_dies_and_starts_again():
    waits = effect("UPDATE accounts", "write", waiting=("c1",))
    crash = effect("COMMIT", "commit", "crash", alive=(), knows=(("w1", "unknown"),))
    restart = Frame(Row("app-1", "app-1", "restart", "", (), ()), shot(alive=(("app-1", 2),), knows=(("w1", "unknown"),)))
    beats = scene_of(film(BEGIN, waits, crash, restart)).beats
    assert [beat.after[1] for beat in beats] == ["busy", "waiting", "dead", "idle"]
    assert [beat.mark for beat in beats] == [None, None, (1, "crash"), (1, "start")]


def test_what_befalls_the_outside_is_a_band():
    jump = Frame(Row("environment", "environment", "jump 60.0", "", (), ()), shot())
    assert scene_of(film(jump)).beats[0].band == "jump"


def test_the_opening_is_folded_and_so_is_what_repeats():
    opening = [BEGIN, *[effect("UPDATE accounts", "write")] * 2]
    later = [Frame(Row("app-1", "c2", "relay()", "", (), ()), shot()), *[Frame(Row("app-1", "c2", "bank: SELECT outbox", "", (), ()), shot("read", "bank"))] * 6]
    groups = groups_of(scene_of(film(*opening, *later)).beats, ["c1"])
    assert [(bool(group.remark), len(group.beats)) for group in groups] == [(True, 3), (False, 2), (True, 5)]
    assert [beat.number for group in groups for beat in group.beats] == list(range(1, 11))


def test_of_a_long_schedule_what_makes_nothing_durable_is_folded():
    quiet = [effect(f"SELECT t{n}", "read") for n in range(60)]
    call = Frame(Row("app-1", "c1", """append('{"n": 1}')""", "", (), ()), shot())
    groups = groups_of(scene_of(film(call, *quiet, effect("COMMIT", "commit", changes=("bank.t: + 1",)))).beats)
    assert [(bool(group.remark), len(group.beats)) for group in groups] == [(False, 1), (True, 60), (False, 1)]


def test_a_diagram_for_mermaid_has_at_most_forty_steps_the_last_among_them(told):
    failure, _ = told
    long = [effect(f"COMMIT {n}", "commit", changes=(f"bank.t: + {n}",)) for n in range(100)]
    text = mermaid(failure, film(BEGIN, *long))
    steps = [line for line in text.splitlines() if "COMMIT" in line and "L1->>L2" in line]
    assert len(steps) == MOST - 1
    assert "COMMIT 99" in steps[-1]
    assert "61 steps left out" in text


def test_nothing_of_a_name_means_anything_to_mermaid(told):
    failure, _ = told
    odd = Film(shot(alive=(("a;b#c -x d", 1),)), (), (), (), ())
    assert "participant L0 as a#59;b#35;c #45;x d\n" in mermaid(failure, odd)
