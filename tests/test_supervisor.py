"""Work in a child process: its answer, or how it died and what it was doing."""

import collections
import ctypes
import itertools
import os
import signal
import sys
import threading
import time

import pytest

from acidtest import supervisor
from acidtest.world.core import journal

LIBC = ctypes.CDLL(None)


def crash():
    ctypes.string_at(0)


def loop_in_c():
    collections.deque(itertools.repeat(0), maxlen=0)


@pytest.mark.parametrize("answer", [0, "done", list(range(100_000))], ids=["number", "text", "more than a pipe holds"])
def test_the_answer_of_a_child_is_its_parents(answer):
    ended = supervisor.run(lambda: answer)
    assert ended.answered
    assert ended.answer == answer


def test_a_child_that_has_answered_need_not_end_well():
    def works():
        import atexit

        atexit.register(crash)
        return 5

    assert supervisor.run(works).answer == 5


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda: supervisor._leave(0), 0),
        (lambda: LIBC._exit(3), 3),
        (lambda: LIBC.abort(), -signal.SIGABRT),  # noqa: PLW0108 - a function of C has no name
        (crash, -signal.SIGSEGV),
        (lambda: LIBC.kill(os.getpid(), signal.SIGKILL), -signal.SIGKILL),
    ],
    ids=["taken by name", "exit", "abort", "segmentation fault", "kill"],
)
def test_however_a_child_dies_it_is_told_with_what_it_was_doing(end, status):
    def works():
        journal.tell(journal.DOING, "a search")
        journal.begin("a scope")
        journal.note("one")
        journal.note("two")
        end()

    ended = supervisor.run(works)
    assert not ended.answered
    assert ended.status == status
    assert (ended.page.doing, ended.page.scope, ended.page.steps) == ("a search", "a scope", ("one", "two"))


def test_a_crash_in_c_is_told_with_the_place_in_the_users_files():
    ended = supervisor.run(crash)
    assert ended.stack[0] == (__file__, crash.__code__.co_firstlineno + 1, "crash")


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python itself bounds recursion in C since 3.12")
def test_recursion_in_c_without_end_is_a_crash():
    def works():
        repeat = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: repeat())
        sys.setrecursionlimit(10**9)
        repeat()

    assert supervisor.run(works).status < 0


def test_a_child_that_does_nothing_and_does_not_answer_is_killed_and_its_place_told():
    ended = supervisor.run(loop_in_c, patience=1.0)
    assert not ended.answered
    assert ended.silent > 1.0
    assert ended.stack[0][2] == "loop_in_c"


def test_a_child_that_runs_python_has_all_the_time_that_it_wants():
    def works():
        until = time.monotonic() + 3
        while time.monotonic() < until:
            pass
        return "done"

    assert supervisor.run(works, patience=2.0).answer == "done"


def test_a_child_that_waits_for_something_has_all_the_time_that_it_wants():
    def works():
        gone = threading.Event()
        gone.wait(3)
        return "done"

    assert supervisor.run(works, patience=2.0).answer == "done"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends the children of those that were killed")
def test_a_child_ends_with_its_parent_however_that_ends():
    reading, writing = os.pipe()

    def works():
        os.write(writing, b"%d " % os.getpid())
        signal.pause()

    parent = os.fork()
    if not parent:
        supervisor.run(works)
        supervisor._leave(0)
    child = int(os.read(reading, 16))
    os.close(writing)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    assert os.read(reading, 1) == b""  # nobody has it open any more: the child is gone
    os.close(reading)
    with pytest.raises(ProcessLookupError):
        _until_gone(child)


def _until_gone(pid):
    """Whoever adopts it may take a moment to bury it."""
    for _ in range(1_000):
        os.kill(pid, 0)
        if _is_dead(pid):
            raise ProcessLookupError
        os.sched_yield()


def _is_dead(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123
        return file.read().rpartition(")")[2].split()[0] in "ZX"


def test_a_signal_that_comes_before_the_parent_knows_its_child_is_passed_on(monkeypatch):
    fork = os.fork

    def forks():
        os.kill(os.getpid(), signal.SIGTERM)
        return fork()

    monkeypatch.setattr(os, "fork", forks)
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a command that was run here has left a handler
    try:
        ended = supervisor.run(signal.pause)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.status == -signal.SIGTERM
    assert ended.told_to == signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_comes_to_the_parent_is_passed_on(number):
    parent = os.getpid()

    def works():
        struck = []
        signal.signal(number, lambda *_: struck.append(1))
        os.kill(parent, number)
        while not struck:
            signal.sigtimedwait([signal.SIGUSR2], 0.01)
        return "struck"

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let what is in the background ignore it
    try:
        assert supervisor.run(works).answer == "struck"
    finally:
        signal.signal(signal.SIGINT, before)


def test_of_a_long_schedule_the_beginning_and_the_last_step_are_kept():
    memory = journal.Journal()
    journal.keep(memory)
    try:
        journal.begin("long")
        for number in range(100_000):
            journal.note(f"step {number}")
        page = memory.read()
        assert page.steps[:2] == ("step 0", "step 1")
        assert page.steps[-1] == "step 99999"
        assert page.left_out
        journal.begin("short")
        journal.note("step 0")
        journal.note("step 1")
        journal.take_back()
        assert memory.read().steps == ("step 0",)
        assert not memory.read().left_out
    finally:
        journal.keep(None)
        memory.close()
