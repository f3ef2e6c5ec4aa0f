"""A command whose code under test ends the process: what is said, which exit code, and what the file holds."""

import json
import os
import signal
import subprocess
import sys

import pytest

PASS, FAIL, USAGE, INCONCLUSIVE, INTERRUPTED = 0, 1, 2, 3, 130
START = "from acidtest.cli import main; main(prog_name='acidtest')"
ADAPTER = """import collections, ctypes, itertools, os, types
from os import _exit
import my_right
libc = ctypes.CDLL(None)
def crash(): ctypes.string_at(0)
def loop(): collections.deque(itertools.repeat(0), maxlen=0)
class MyOutbox(my_right.MyOutbox):
    calls = types.SimpleNamespace(made=0)  # in all processes and runs: an object of Python's own belongs to none
    def {method}(self, *arguments):
        self.calls.made += 1
        if self.calls.made > {calls}: {what}
        return super().{method}(*arguments)
"""
ENDS = {"libc._exit(0)": "exit code 0 without a word", "libc.abort()": "SIGABRT", "crash()": "SIGSEGV"}


def start(*arguments, **options):
    """A command in a process group of its own, which heeds Ctrl-C also where a shell would not."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": {**os.environ, "ACIDTEST_PATIENCE": "1"}, **options}
    heed = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    command = [sys.executable, "-c", START, *arguments]
    return subprocess.Popen(command, text=True, preexec_fn=heed, start_new_session=True, **options)  # noqa: PLW1509 - one thread


def acidtest(*arguments, **options):
    running = start(*arguments, **options)
    out, err = running.communicate()
    return subprocess.CompletedProcess(arguments, running.returncode, out, err)


def check(project, what, method="execute", calls=0, **options):
    (project / "ends.py").write_text(ADAPTER.format(what=what, method=method, calls=calls), encoding="utf-8")
    return acidtest("check", "outbox", "ends:MyOutbox", "--scope", "one withdrawal", "--json", "out.json", **options)


@pytest.mark.parametrize("what", ENDS)
def test_the_end_of_the_process_in_a_call_is_told_with_its_schedule_and_decides_nothing(project, what):
    done = check(project, what, calls=5)
    assert done.returncode == INCONCLUSIVE, done.stdout + done.stderr
    assert ENDS[what] in done.stderr
    assert "There is no verdict: inconclusive." in done.stderr
    assert "in the exhaustive search, in scope “one withdrawal”" in done.stderr
    assert "advance app-1 | begin execute('k1', 'A', 61)\nIt was app-1, in execute('k1', 'A', 61)." in done.stderr
    out = json.loads((project / "out.json").read_text(encoding="utf-8"))
    assert out["verdict"] == "inconclusive"
    assert ENDS[what] in out["reasons"][0]
    assert (out["scope"], out["schedule"][-1]) == ("one withdrawal", "advance app-1 | begin execute('k1', 'A', 61)")


def test_the_effect_that_was_running_is_told(project):
    done = check(project, "(super().execute(*arguments), crash())")
    assert done.returncode == INCONCLUSIVE, done.stdout + done.stderr
    assert "It was app-1, in execute('k1', 'A', 61), at “bank: COMMIT” or right after it." in done.stderr
    assert f"{project / 'ends.py'}, line 5, in crash" in done.stderr


def test_the_end_of_the_process_while_coming_to_rest_is_told(project):
    done = check(project, "crash()", "relay", calls=2)
    assert done.returncode == INCONCLUSIVE, done.stdout + done.stderr
    assert "in relay(), while coming to rest." in done.stderr


def test_the_end_of_the_process_in_the_stateful_search_is_told(project):
    (project / "ends.py").write_text(ADAPTER.format(what="crash()", method="execute", calls=50), encoding="utf-8")
    done = acidtest("check", "outbox", "ends:MyOutbox", "--search", "stateful")
    assert done.returncode == INCONCLUSIVE, done.stdout + done.stderr
    assert "It was in the stateful search, in scope" in done.stderr


@pytest.mark.parametrize("what", ENDS)
@pytest.mark.parametrize(("method", "told"), [("install", "install(accounts)"), ("balances", "read the committed state")])
def test_the_end_of_the_process_outside_of_calls_is_the_adapters_to_mend(project, what, method, told):
    done = check(project, what, method)
    assert done.returncode == USAGE, done.stdout + done.stderr
    assert f"It was when the adapter was to {told}" in done.stderr


@pytest.mark.parametrize("what", [*ENDS, "os.kill(os.getpid(), 9)"])
def test_the_end_of_the_process_at_import_is_the_adapters_to_mend(project, what):
    text = ADAPTER.format(what="pass", method="execute", calls=0) + f"(libc.kill(os.getpid(), 9) if {what.startswith('os.')} else {what})\n"
    (project / "ends.py").write_text(text, encoding="utf-8")
    done = acidtest("check", "outbox", "ends:MyOutbox")
    assert done.returncode == USAGE, done.stdout + done.stderr
    assert "It was when the adapter was to import ends." in done.stderr


def test_a_replay_that_ends_the_process_is_told(project):
    wrong = acidtest("check", "outbox", "my_wrong:MyOutbox", "--json", "out.json")
    assert wrong.returncode == FAIL
    text = ADAPTER.format(what="crash()", method="relay", calls=0)
    (project / "my_wrong.py").write_text(text, encoding="utf-8")
    done = acidtest("replay", "out.json")
    assert done.returncode == INCONCLUSIVE, done.stdout + done.stderr
    assert "It was in the replay, in scope" in done.stderr


def test_a_loop_in_c_at_import_is_given_up_with_its_place(project):
    text = ADAPTER.format(what="pass", method="execute", calls=0)
    (project / "ends.py").write_text(f"{text}loop()\n", encoding="utf-8")
    done = acidtest("check", "outbox", "ends:MyOutbox")
    assert done.returncode == USAGE, done.stdout + done.stderr
    assert f"{project / 'ends.py'}, line 13, in <module>" in done.stderr


@pytest.mark.parametrize("method", ["execute", "install"])
def test_a_loop_in_c_is_given_up_with_its_place(project, method):
    done = check(project, "loop()", method)
    assert done.returncode == (INCONCLUSIVE if method == "execute" else USAGE), done.stdout + done.stderr
    assert "it is in code that Python cannot interrupt, and was killed" in done.stderr
    assert f"{project / 'ends.py'}, line 6, in loop" in done.stderr
    assert "ACIDTEST_PATIENCE" in done.stderr


LOCKS = """import threading
from _thread import allocate_lock as Lock
import my_right
LOCK = Lock()
class MyOutbox(my_right.MyOutbox):
    def {method}(self, *arguments):
        with LOCK:
            return super().{method}(*arguments)
"""


def test_a_lock_that_acidtest_does_not_know_is_told_with_its_place_and_the_remedy(project):
    (project / "locks.py").write_text(LOCKS.format(method="execute"), encoding="utf-8")
    done = acidtest("check", "outbox", "locks:MyOutbox", "--scope", "two withdrawals")
    assert done.returncode == USAGE, done.stdout + done.stderr
    assert f"waits in real time, at {project / 'locks.py'}, line 7, in MyOutbox.execute" in done.stderr
    assert "threading.Lock(), as an attribute of its module" in done.stderr


def test_what_waits_outside_of_calls_for_a_lock_that_a_call_holds_is_told(project):
    text = LOCKS.format(method="relay") + "    def balances(self):\n        with LOCK: return super().balances()\n"
    (project / "locks.py").write_text(text, encoding="utf-8")
    done = acidtest("check", "outbox", "locks:MyOutbox", "--scope", "one withdrawal", env={**os.environ, "ACIDTEST_PATIENCE": "0.4"})
    assert done.returncode == USAGE, done.stdout + done.stderr
    assert f"The adapter waits in real time, at {project / 'locks.py'}, line 10, in MyOutbox.balances" in done.stderr


def test_an_adapter_may_wait_for_a_program_that_it_starts(project):
    text = "import my_right, subprocess\nclass MyOutbox(my_right.MyOutbox):\n    def install(self, accounts):\n"
    text += "        subprocess.run(['sleep', '2'])\n        super().install(accounts)\n"
    (project / "waits.py").write_text(text, encoding="utf-8")
    done = acidtest("check", "outbox", "waits:MyOutbox", "--scope", "one withdrawal", "--search", "exhaustive")
    assert done.returncode == PASS, done.stdout + done.stderr


#: It tells that it runs, and then goes on for ever, by effects.
RUNS = "open('running', 'w').close(); [super().execute(*arguments) for _ in iter(int, 1)]"


def running(project):
    """A check that is in the middle of it."""
    (project / "ends.py").write_text(ADAPTER.format(what=RUNS, method="execute", calls=0), encoding="utf-8")
    os.mkfifo(project / "running")
    command = start("check", "outbox", "ends:MyOutbox", "--scope", "one withdrawal", env={**os.environ, "ACIDTEST_PATIENCE": "30"})
    (project / "running").read_bytes()
    return command


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("whole", [True, False], ids=["as from a terminal", "the parent alone"])
def test_who_interrupts_the_parent_interrupts_the_check(project, number, whole):
    command = running(project)
    (os.killpg if whole else os.kill)(command.pid, number)
    _, err = command.communicate()
    assert command.returncode == INTERRUPTED, err
    assert err.count("acidtest: interrupted") == 1
    assert "Traceback" not in err


def test_what_ends_the_check_without_a_word_from_outside_ends_the_parent_the_same_way(project):
    command = running(project)
    os.kill(command.pid, signal.SIGHUP)
    command.communicate()
    assert command.returncode == -signal.SIGHUP


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux says who the children of a process are")
def test_a_check_whose_process_was_killed_from_outside_says_so(project):
    command = running(project)
    (child,) = children(command.pid)
    os.kill(child, signal.SIGKILL)
    _, err = command.communicate()
    assert command.returncode == INCONCLUSIVE, err
    assert "killed by SIGKILL (somebody has killed it; the operating system does that where memory runs out)" in err


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:  # noqa: PTH123
        return [int(word) for word in file.read().split()]


def test_what_a_killed_parent_had_started_is_gone(project):
    command = running(project)
    command.kill()
    command.communicate()  # nobody has its output open any more
    assert command.returncode == -signal.SIGKILL
