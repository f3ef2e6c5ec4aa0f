"""Code that ends the interpreter: in a call that is the end of its simulated process, as in production."""

import sys

import pytest
from small_world import Small, balance

from acidtest.world.core import interrupt
from acidtest.world.core.events import Event


def kinds(world):
    return [(event.kind, event.subject) for event in world.events]


@pytest.mark.parametrize("error", [SystemExit(0), SystemExit("gone"), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_code_that_ends_the_interpreter_ends_its_process(cluster, error):
    def pays(env):
        db = env.connect("bank")
        db.execute("UPDATE accounts SET balance = 1 WHERE id = 'A'")
        db.commit()
        db.execute("UPDATE accounts SET balance = 2 WHERE id = 'A'")
        raise error

    world = Small(cluster, pays)
    assert world.finish("pays") == "its process crashed"
    assert balance(cluster) == 1  # what was committed stays, what was not has gone
    assert not world.processes["pays"].alive
    assert kinds(world)[-3:] == [("error", "pays"), ("crash", "pays"), ("unknown", "pays")]
    assert f"ends itself: {type(error).__name__}" in str(world.events[-3].value)
    world.restart("pays")
    assert world.processes["pays"].ready
    world.close()


def test_what_else_went_on_in_the_process_ends_with_it(cluster):
    def waits(env):
        env.connect("bank").execute("UPDATE accounts SET balance = 1 WHERE id = 'A'")
        env.connect("bank").execute("SELECT 1")

    def leaves(_):
        sys.exit(0)

    world = Small(cluster, waits, leaves, together=True)
    world.begin("waits")
    world.begin("leaves")
    assert [(e.subject, e.value) for e in world.events if e.kind == "unknown"] == [
        ("waits", "its process crashed"), ("leaves", "its process crashed"),
    ]  # fmt: skip
    world.close()


def test_a_coroutine_that_ends_the_interpreter_ends_its_process(cluster):
    async def leaves(_):
        sys.exit(3)

    world = Small(cluster, leaves)
    assert world.finish("leaves") == "its process crashed"
    world.close()


def test_a_process_that_ends_itself_while_it_starts_has_failed_to_start(cluster):
    def recover(_):
        sys.exit(1)

    def idles(_):
        pass

    world = Small(cluster, recover, idles)
    world.crash("idles")
    world.restart("idles")
    assert world.failed_starts == {"idles": 1}
    assert Event("error", "idles", "SystemExit: 1") in world.events
    assert not world.processes["idles"].alive
    world.close()


def test_ctrl_c_ends_the_search_wherever_it_strikes_and_whatever_catches_it(cluster):
    def catches(env):
        try:
            interrupt.interrupt()  # as a signal's handler does
        except KeyboardInterrupt:
            env.connect("bank").execute("SELECT 1")

    def is_hit(_):
        interrupt.interrupt()

    for code in (catches, is_hit):
        world = Small(cluster, code)
        try:
            with pytest.raises(KeyboardInterrupt):
                world.finish(code.__name__)
            world.close()
        finally:
            interrupt.listen()
