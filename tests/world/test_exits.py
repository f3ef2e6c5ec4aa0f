"""Code that ends the interpreter: in a call that is the end of its simulated process, as in production."""

import _thread
import os
import signal
import sys
from types import ModuleType

import pytest
from small_world import Small, balance, install

from acidtest.errors import NondeterminismError, place_of
from acidtest.world.core import interrupt
from acidtest.world.core.events import Event
from acidtest.world.core.exits import Exit
from acidtest.world.python import ends


def kinds(world):
    return [(event.kind, event.subject) for event in world.events]


class Fatal(BaseException):
    """Some code has exceptions of its own that no `except Exception` may catch."""


@pytest.mark.parametrize(
    "error", [SystemExit(0), SystemExit("gone"), KeyboardInterrupt(), GeneratorExit(), Fatal("over")], ids=repr
)
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


@pytest.mark.parametrize("error", [SystemExit(3), Fatal("over")], ids=repr)
def test_a_coroutine_that_ends_the_interpreter_ends_its_process(cluster, error):
    async def leaves(_):
        raise error

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


#: What ends an interpreter there and then, without any clean-up.
AT_ONCE = {
    "os._exit": lambda: os._exit(0),
    "os.abort": lambda: os.abort(),  # noqa: PLW0108 - it is taken over later
    "os.kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "os.kill of its group": lambda: os.kill(0, signal.SIGTERM),
    "os.killpg": lambda: os.killpg(os.getpgrp(), signal.SIGTERM),
    "signal.raise_signal": lambda: signal.raise_signal(signal.SIGTERM),
    "signal.pthread_kill": lambda: signal.pthread_kill(_thread.get_ident(), signal.SIGTERM),
    "os.execv": lambda: os.execv(sys.executable, ["python", "-c", "0"]),  # noqa: S606 - it is not carried out
    "os.execlp": lambda: os.execlp("true", "true"),  # noqa: S606, S607 - nor is that
}
#: What raises KeyboardInterrupt there and then, which may be caught.
INTERRUPTS = {
    "os.kill": lambda: os.kill(os.getpid(), signal.SIGINT),
    "signal.raise_signal": lambda: signal.raise_signal(signal.SIGINT),
    "_thread.interrupt_main": lambda: _thread.interrupt_main(),
}


def deposits_and(*others):
    """Code that commits 1, then is at 2, then goes on with what must not do anything more."""
    tries = []

    def pays(env):
        db = env.connect("bank")
        try:
            db.execute("UPDATE accounts SET balance = 1 WHERE id = 'A'")
            db.commit()
            db.execute("UPDATE accounts SET balance = 2 WHERE id = 'A'")
            for other in others:
                other()
        except BaseException:
            tries.append("except")
            db.commit()
            raise
        finally:
            tries.append("finally")
            db.execute("UPDATE accounts SET balance = 3 WHERE id = 'A'")
            db.commit()

    return pays, tries


@pytest.mark.parametrize("end", AT_ONCE.values(), ids=AT_ONCE)
def test_what_ends_an_interpreter_at_once_ends_its_process_and_no_clean_up_does_any_io(cluster, end):
    pays, _ = deposits_and(end)
    world = Small(cluster, pays)
    world.records = True
    assert world.finish("pays") == "its process crashed"
    assert balance(cluster) == 1
    assert kinds(world)[-3:] == [("error", "pays"), ("crash", "pays"), ("unknown", "pays")]
    told = world.events[-3]
    assert "ends itself: Exit: " in str(told.value)
    assert told.error.frames[-1][0].endswith("test_exits.py")  # the place is in the user's own code
    world.restart("pays")
    assert world.processes["pays"].ready
    world.close()


@pytest.mark.parametrize("end", INTERRUPTS.values(), ids=INTERRUPTS)
def test_an_interrupt_that_code_sends_itself_is_an_exception_in_that_code(cluster, end):
    def catches(env):
        try:
            end()
        except KeyboardInterrupt:
            env.connect("bank").execute("UPDATE accounts SET balance = 1 WHERE id = 'A'").connection.commit()
            return "caught"

    pays, _ = deposits_and(end)
    world = Small(cluster, catches, pays)
    assert world.finish("catches") == "caught"
    assert balance(cluster) == 1
    assert world.finish("pays") == "its process crashed"
    assert not interrupt.has_come()
    world.close()


def test_a_coroutine_that_ends_the_interpreter_at_once_ends_its_process(cluster):
    async def leaves(_):
        os._exit(1)

    world = Small(cluster, leaves)
    assert world.finish("leaves") == "its process crashed"
    world.close()


def test_what_was_taken_by_name_before_is_reached_in_modules_of_the_users(tmp_path):
    module = ModuleType("taken_before")
    file = tmp_path / "taken_before.py"
    file.touch()
    module.__file__ = str(file)
    module.leave = ends._really["_exit"]
    module.other = len
    ends._replace_in_modules([module])
    assert module.leave is os._exit is ends._exit
    assert module.other is len


def test_a_signal_for_which_code_has_a_handler_of_its_own_is_left_to_it(cluster):
    struck = []
    before = signal.signal(signal.SIGUSR1, lambda *_: struck.append(1))

    def sends(_):
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGCHLD)
        os.kill(os.getpid(), 0)
        return "done"

    try:
        world = Small(cluster, sends)
        assert world.finish("sends") == "done"
        world.close()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert struck == [1]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (lambda _: os.kill(os.getppid(), signal.SIGTERM), "sends SIGTERM to another process"),
        (lambda _: os.kill(os.getpid(), signal.SIGSTOP), "stops itself by os.kill"),
    ],
    ids=["another", "stop"],
)
def test_signals_that_are_part_of_no_schedule_are_reported(cluster, code, said):
    code.__name__ = "sends"
    world = Small(cluster, code)
    with pytest.raises(NondeterminismError, match=said):
        world.finish("sends")
    world.close()


@pytest.mark.parametrize("end", AT_ONCE.values(), ids=AT_ONCE)
@pytest.mark.parametrize("catches", [False, True], ids=["", "caught"])
def test_code_outside_of_calls_that_ends_the_interpreter_is_told_with_its_place(cluster, end, catches):
    def fills(_):
        try:
            end()
        except BaseException:
            if not catches:
                raise

    with pytest.raises(Exit) as found:
        install(cluster, fills)
    assert place_of(found.value).startswith(f"{__file__}, line")


def test_where_no_code_under_test_runs_the_interpreter_ends():
    child = os.fork()
    if not child:
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_clean_up_that_raises_in_a_process_that_has_crashed_is_not_what_ended_it(cluster):
    def cleans(env):
        try:
            env.connect("bank").execute("SELECT 1")
        finally:
            raise ValueError

    world = Small(cluster, cleans)
    world.begin("cleans")
    world.step("cleans", "crash")
    assert ("error", "cleans") not in kinds(world)
    world.close()
