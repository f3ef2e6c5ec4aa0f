"""Code that never ends: it is given up, and the place where it was is told."""

import signal
import time

import pytest
from small_world import Small, install

from acidtest.errors import ContractError, UsageError
from acidtest.world.core import patience
from acidtest.world.core.effects import ProcessCrash
from acidtest.world.core.patience import PATIENCE, VARIABLE


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """A tenth of a second instead of ten; the timer is put back."""
    patience.disarm()
    monkeypatch.setenv(VARIABLE, "0.1")
    yield
    patience.disarm()


def spin():
    while True:
        pass


def pays_and_spins(env):
    env.connect("bank").execute("SELECT 1").fetchall()
    spin()


def swallows(_):
    while True:
        try:
            spin()
        except BaseException:  # noqa: BLE001, S112 - nothing that is thrown into it ends it
            continue


async def awaits_and_spins(_):
    spin()


@pytest.mark.parametrize("code", [pays_and_spins, swallows, awaits_and_spins])
def test_a_call_that_comes_to_no_effect_is_given_up_with_its_place(cluster, code):
    world = Small(cluster, code)
    with pytest.raises(ContractError, match=f"{code.__name__} came to no effect within 0.1 s of its own time") as found:
        world.finish(code.__name__)
    world.close()
    assert f"It was at {__file__}, line" in str(found.value)
    assert "in spin" in str(found.value)


def test_other_worlds_go_on_as_if_nothing_had_been(cluster):
    world = Small(cluster, swallows)
    with pytest.raises(ContractError):
        world.finish("swallows")
    world.close()

    async def asks(env):
        return env.connect("bank").execute("SELECT count(*) FROM accounts").fetchone()[0]

    other = Small(cluster, asks)
    assert other.finish("asks") == 2
    other.close()


@pytest.mark.parametrize("kept", [True, False], ids=["a kept cursor", "a new one"])
@pytest.mark.parametrize("ended", [True, False], ids=["at its end", "at a crash"])
def test_what_a_run_leaves_may_swallow_whatever_ends_it(cluster, ended, kept):
    tries = []

    def tries_again(env):
        db = env.connect("bank").cursor() if kept else env.connect("bank")
        while True:
            try:
                db.execute("SELECT 1").fetchall()
                tries.append(1)
            except Exception:  # noqa: BLE001, S112 - as retrying code does
                continue

    world = Small(cluster, tries_again)
    patience.disarm()  # it ends without that
    world.begin("tries_again")
    world.step("tries_again")
    if not ended:
        world.crash("tries_again")
    world.close()
    assert len(tries) == 1


def test_clean_up_that_never_ends_is_left_where_it_is(cluster):
    def cleans(env):
        try:
            env.connect("bank").execute("SELECT 1")
        except ProcessCrash:
            spin()

    world = Small(cluster, cleans)
    world.begin("cleans")
    world.crash("cleans")
    assert not world.processes["cleans"].alive
    world.close()


@pytest.mark.parametrize("effects", [True, False])
def test_code_outside_of_calls_that_never_ends_is_given_up(cluster, effects):
    def fills(env):
        db = env.connect("bank")
        while True:
            try:
                if effects:
                    db.execute("SELECT 1").fetchall()
            except Exception:  # noqa: BLE001, S112 - as retrying code does
                continue

    with pytest.raises(ContractError, match=r"did not come to an end within 0\.1 s of its own time") as found:
        install(cluster, fills)
    assert "fills" in str(found.value)


def test_code_that_has_effects_may_take_as_long_as_it_likes(cluster):
    def works(env):
        db = env.connect("bank")
        for _ in range(8):
            began = time.process_time()
            while time.process_time() - began < 0.05:
                pass
            db.execute("SELECT 1").fetchall()
        return "done"

    world = Small(cluster, works)
    assert world.finish("works") == "done"
    world.close()


def test_the_timer_of_another_is_left_to_them(cluster):
    def of_another(*_):
        pass

    patience.disarm()
    before = signal.signal(signal.SIGVTALRM, of_another)
    try:
        Small(cluster).close()
        assert signal.getsignal(signal.SIGVTALRM) is of_another
        assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)
    finally:
        signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize("text", ["", "soon", "nan", "0", "-1"])
def test_a_patience_that_is_no_number_of_seconds_is_refused(cluster, monkeypatch, text):
    patience.disarm()
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(UsageError, match=f"{VARIABLE} is {text!r}"):
        Small(cluster)


def test_patience_is_ten_seconds_or_without_end(monkeypatch):
    monkeypatch.delenv(VARIABLE)
    assert patience.patience() == PATIENCE == 10
    monkeypatch.setenv(VARIABLE, "inf")
    assert patience.patience() == float("inf")


@pytest.mark.parametrize("kind", ["cluster", "pg"])
def test_what_a_call_that_was_given_up_had_taken_of_a_pool_is_not_missing_later(kind, request):
    cluster = request.getfixturevalue(kind)

    def takes(env):
        with env.engine("bank").begin() as connection:
            connection.exec_driver_sql("SELECT 1")
            spin()

    for _ in range(70):  # more than a pool of SQLAlchemy's has, or a server
        world = Small(cluster, takes)
        with pytest.raises(ContractError, match="takes came to no effect"):
            world.finish("takes")
        world.close()
