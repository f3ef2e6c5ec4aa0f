"""How a command ends that comes to no verdict: what it says, and with which exit code."""

import errno
import json
import os
import signal
import subprocess
import sys

import pytest

from acidtest import ending
from acidtest.errors import ContractError, HarnessError, text_of, told

PASS, FAIL, USAGE, INCONCLUSIVE, OURS, INTERRUPTED = 0, 1, 2, 3, 70, 130
START = "from acidtest.cli import main; main(prog_name='acidtest')"
ONE = ("--search", "exhaustive", "--scope", "one withdrawal")


def acidtest(*arguments, **options):
    command = [sys.executable, "-c", START, *arguments]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(command, text=True, check=False, preexec_fn=_heed_ctrl_c, **options)  # noqa: PLW1509 - one thread


def _heed_ctrl_c():
    """What a shell starts in the background ignores Ctrl-C, and so does all that it starts in its turn."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


MADE_AGAIN = """made = __import__('types').SimpleNamespace(times=0)
    def __init__(self, env):
        self.made.times += 1
        super().__init__(env)
        if self.made.times > 3: raise SystemExit(0)
"""


class Speechless(Exception):  # noqa: N818 - it has nothing to say
    def __str__(self):
        message = "no"
        raise ValueError(message)


# Errors:


def test_an_error_of_our_own_asks_for_a_report_with_its_traceback(capsys):
    def command():
        json.loads("{")  # a library does what we tell it, so this is ours

    command.__code__ = command.__code__.replace(co_filename=ending.__file__)
    assert ending.run(command) == OURS
    said = capsys.readouterr().err
    assert "an error of acidtest itself" in said
    assert "Please report it" in said
    assert "Traceback" in said
    assert "JSONDecodeError" in said


def test_an_error_of_our_own_that_has_no_text_is_told_all_the_same(capsys):
    def command():
        raise Speechless

    command.__code__ = command.__code__.replace(co_filename=ending.__file__)
    assert ending.run(command) == OURS
    assert "Speechless: <exception str() failed>" in capsys.readouterr().err


@pytest.mark.parametrize(("error", "code"), [(HarnessError("Lost."), OURS), (ContractError("Wrong."), USAGE)], ids=["ours", "the adapter's"])
def test_whose_fault_it_is_decides_the_exit_code(error, code, capsys):
    def command():
        raise error

    assert ending.run(command) == code
    assert str(error) in capsys.readouterr().err


@pytest.mark.parametrize("error", [ZeroDivisionError("none"), SystemExit(0), GeneratorExit()], ids=lambda error: type(error).__name__)
def test_what_code_under_test_raises_where_we_did_not_expect_it_is_the_adapters_mistake(error, capsys):
    def command():
        raise error

    assert ending.run(command) == USAGE
    said = capsys.readouterr().err
    assert f"{__file__}, line {command.__code__.co_firstlineno + 1}" in said
    assert "Traceback" not in said


def test_the_text_of_an_error_is_had_even_where_it_raises():
    assert text_of(Speechless()) == "(its text cannot be shown: __str__ raised ValueError)"
    assert told(ValueError()) == "ValueError"
    assert told(ValueError(" a\nb ")) == "ValueError: a\nb"


def test_a_full_disk_is_told_as_that(capsys):
    def command():
        raise OSError(errno.ENOSPC, "No space left on device")

    assert ending.run(command) == USAGE
    assert "the disk is full" in capsys.readouterr().err


# Modules:


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("def f(:\n", "SyntaxError"),
        ("\n1 / 0\n", "ZeroDivisionError: division by zero ({file}, line 2)"),
        ("import sys\nsys.exit(0)\n", "sys.exit(0) ends the interpreter ({file}, line 2)"),
        ("import os\nos._exit(0)\n", "os._exit(0) ends the interpreter ({file}, line 2)"),
        ("import os\ntry: os.abort()\nexcept BaseException: pass\n", "os.abort() ends the interpreter ({file}, line 2)"),
        ("class Fatal(BaseException): pass\nraise Fatal\n", "Fatal ({file}, line 2)"),
        ("import nowhere_at_all\n", "No module named 'nowhere_at_all' ({file}, line 1)"),
        ("def __getattr__(name):\n    raise SystemExit(0)\n", "{file}, line 2, in __getattr__"),
        ("class Bad(Exception):\n    def __str__(self): 1 / 0\nraise Bad\n", "Bad: (its text cannot be shown"),
    ],
    ids=["syntax", "exception", "exit", "exit at once", "abort that is caught", "of its own", "import", "lookup", "speechless"],
)
def test_a_module_that_cannot_be_imported_is_told_with_its_own_file_and_line(project, text, named):
    (project / "broken.py").write_text(text, encoding="utf-8")
    done = acidtest("check", "outbox", "broken:MyOutbox")
    assert done.returncode == USAGE, done.stdout + done.stderr
    assert named.format(file=project / "broken.py") in done.stderr
    assert str(project / "broken.py") in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("path", ["./my_right.py:MyOutbox", "my_right.py:MyOutbox", "./my_right:MyOutbox"])
def test_a_path_instead_of_a_module_is_told_what_to_write(path):
    done = acidtest("check", "outbox", path)
    assert done.returncode == USAGE
    assert "Write my_right:MyOutbox" in done.stderr


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("capabilities = 7", "capabilities is 7"),
        ("capabilities = 'ordered'", "capabilities is 'ordered'"),
        ("def install(self, accounts): raise SystemExit(0)", "could not install(accounts): SystemExit: 0"),
        ("def balances(self): raise SystemExit(0)", "could not read the committed state after install(accounts): SystemExit: 0"),
        ("def __init__(self, env): raise SystemExit(0)", "could not make the implementation: SystemExit: 0"),
        ("def install(self, accounts): import os; os._exit(0)", "could not install(accounts): Exit: os._exit(0)"),
        ("def balances(self): import os; os.abort()", "could not read the committed state after install(accounts): Exit: os.abort()"),
        ("class Fatal(BaseException): pass\n    def balances(self): raise self.Fatal", "could not read the committed state after install(accounts): Fatal"),
        (MADE_AGAIN, "could not make the implementation once more: SystemExit: 0"),
    ],
    ids=["number", "text", "install", "read", "made", "install at once", "read at once", "of its own", "made again"],
)
def test_what_an_adapter_does_wrong_outside_of_calls_is_its_own_mistake(project, body, named):
    (project / "adapter.py").write_text(f"import my_right\nclass MyOutbox(my_right.MyOutbox):\n    {body}\n", encoding="utf-8")
    done = acidtest("check", "outbox", "adapter:MyOutbox", *ONE)
    assert done.returncode == USAGE, done.stdout + done.stderr
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_an_exception_without_a_text_in_a_port_method_is_an_unknown_outcome(project):
    (project / "mute.py").write_text(
        "import my_right\nclass Bad(Exception):\n    def __str__(self): 1 / 0\n"
        "class MyOutbox(my_right.MyOutbox):\n    def execute(self, *_): raise Bad\n", encoding="utf-8"
    )  # fmt: skip
    done = acidtest("check", "outbox", "mute:MyOutbox", *ONE)
    assert done.returncode == FAIL, done.stdout + done.stderr
    assert "Bad: (its text cannot" in done.stdout


# Files and options:


@pytest.fixture(scope="module")
def failure(tmp_path_factory):
    """A failure as `acidtest check --json` writes it."""
    file = tmp_path_factory.mktemp("failure") / "out.json"
    acidtest("check", "outbox", "acidtest.impl.broken.outbox:Bypass", "--search", "exhaustive", "--json", str(file))
    return json.loads(file.read_text(encoding="utf-8"))["failure"]


def changed_scope(failure, **changes):
    return {"scope": {**failure["scope"], **changes}}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda _: {"implementation": None}, "its implementation is None"),
        (lambda _: {"pattern": None}, "its pattern is None"),
        (lambda _: {"scope": []}, "its scope is []"),
        (lambda _: {"schedule": "advance"}, "its schedule is 'advance'"),
        (lambda _: {"schedule": [1, 2]}, "is damaged"),
        (lambda _: {"schedule": ["jump x"]}, "is damaged"),
        (lambda _: {"backend": None}, "There is no backend 'None'"),
        (lambda failure: changed_scope(failure, clients=7), "is damaged"),
        (lambda failure: changed_scope(failure, faults="x"), "'x' stands where a whole number must be"),
        (lambda failure: changed_scope(failure, name=7), "7 stands where a text must be"),
        (lambda failure: changed_scope(failure, clients=[
            {"name": "a", "process": "p-1", "operations": [{"name": "w", "method": "fly", "arguments": [], "retries": 0}]}
        ]), "'fly'"),
        (lambda failure: changed_scope(failure, clients=[
            {"name": "a", "process": "p-1", "operations": [{"name": "w", "method": "execute", "arguments": [{}], "retries": 0}]}
        ]), "is damaged"),
    ],
)  # fmt: skip
def test_a_damaged_failure_file_is_told_as_that(tmp_path, failure, change, named):
    file = tmp_path / "damaged.json"
    file.write_text(json.dumps({**failure, **change(failure)}), encoding="utf-8")
    done = acidtest("replay", str(file))
    assert done.returncode == USAGE, done.stdout + done.stderr
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_nested_too_deeply_is_no_failure_file(tmp_path):
    (tmp_path / "deep.json").write_text("[" * 100_000, encoding="utf-8")
    done = acidtest("replay", str(tmp_path / "deep.json"))
    assert done.returncode == USAGE
    assert "cannot be read as a failure file" in done.stderr


def test_an_empty_schedule_is_no_pass(tmp_path, failure):
    (tmp_path / "empty.json").write_text(json.dumps({**failure, "schedule": []}), encoding="utf-8")
    done = acidtest("replay", str(tmp_path / "empty.json"))
    assert done.returncode == INCONCLUSIVE, done.stdout + done.stderr
    assert "the schedule is empty" in done.stdout


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--json", "nowhere/out.json"), "there is no folder"),
        (("--budget", "nan"), "--budget is nan"),
        (("--budget", "inf"), "--budget is inf"),
        (("--scope", ""), "--scope is empty"),
    ],
)
def test_what_can_mean_nothing_is_refused_before_the_search(arguments, named):
    done = acidtest("check", "outbox", "my_right:MyOutbox", "--search", "exhaustive", *arguments)
    assert done.returncode == USAGE
    assert named in done.stderr
    assert not done.stdout


# Ends from within and from outside:

LOOPS = "import my_right\nclass MyOutbox(my_right.MyOutbox):\n    def {method}(self, *_):\n        while True: pass\n"

#: It counts its calls in all processes and runs: an object of Python's own belongs to no process.
ENDS = """import os, signal, sys, types
import my_right
class MyOutbox(my_right.MyOutbox):
    calls = types.SimpleNamespace(made=0)
    def {method}(self, *arguments):
        self.calls.made += 1
        if self.calls.made > {calls}: {what}
        return super().{method}(*arguments)
"""


@pytest.mark.parametrize("method", ["execute", "relay"])
@pytest.mark.parametrize("what", ["sys.exit(0)", "os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)", "raise type('Fatal', (BaseException,), {})"])
def test_a_port_method_that_ends_the_interpreter_never_passes(project, method, what):
    (project / "ends.py").write_text(ENDS.format(method=method, calls=0, what=what), encoding="utf-8")
    done = acidtest("check", "outbox", "ends:MyOutbox", *ONE)
    assert done.returncode in (FAIL, INCONCLUSIVE), done.stdout + done.stderr
    assert "outbox: " in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("method", ["execute", "relay"])
def test_a_loop_that_never_ends_in_a_call_is_a_failure_with_its_schedule_and_place(project, method):
    (project / "loops.py").write_text(LOOPS.format(method=method), encoding="utf-8")
    done = acidtest("check", "outbox", "loops:MyOutbox", *ONE, env={**os.environ, "ACIDTEST_PATIENCE": "0.2"})
    assert done.returncode == FAIL, done.stdout + done.stderr
    assert "FAIL  outbox  G9: everything that was started ends" in done.stdout
    assert f"{project / 'loops.py'}, line 4, in MyOutbox.{method}" in " ".join(done.stdout.split())
    assert f"advance {'app' if method == 'execute' else 'relay'}-1 | begin {method}(" in done.stdout


def test_a_loop_that_never_ends_at_import_is_told_with_its_place(project):
    (project / "loops.py").write_text("while True: pass\n", encoding="utf-8")
    done = acidtest("check", "outbox", "loops:MyOutbox", env={**os.environ, "ACIDTEST_PATIENCE": "0.2"})
    assert done.returncode == USAGE, done.stdout + done.stderr
    assert f"It was at {project / 'loops.py'}, line 1." in done.stderr


@pytest.mark.parametrize("method", ["install", "balances"])
def test_a_loop_that_never_ends_outside_of_calls_is_the_adapters_mistake(project, method):
    (project / "loops.py").write_text(LOOPS.format(method=method), encoding="utf-8")
    done = acidtest("check", "outbox", "loops:MyOutbox", *ONE, env={**os.environ, "ACIDTEST_PATIENCE": "0.2"})
    assert done.returncode == USAGE, done.stdout + done.stderr
    assert f"{project / 'loops.py'}, line 4, in MyOutbox.{method}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(
    ("search", "method", "calls", "so_far"),
    [
        ("exhaustive", "execute", 20, "two withdrawals: "),
        ("exhaustive", "execute", 3, "two withdrawals: "),
        ("stateful", "execute", 30, "drawn workloads: "),
        ("exhaustive", "install", 0, "nothing was run yet"),
    ],
    ids=["exhaustive", "exhaustive, soon", "stateful", "installing"],
)
def test_who_interrupts_is_told_what_was_known_so_far(project, name, search, method, calls, so_far):
    what = f"import ctypes; ctypes.CDLL(None).kill(os.getpid(), signal.{name})"  # as from outside
    (project / "ends.py").write_text(ENDS.format(method=method, calls=calls, what=what), encoding="utf-8")
    done = acidtest("check", "outbox", "ends:MyOutbox", "--search", search, "--scope", "two withdrawals")
    assert done.returncode == INTERRUPTED, done.stdout + done.stderr
    assert f"interrupted: {so_far}" in done.stdout
    assert "there is no verdict" in done.stderr
    assert "Traceback" not in done.stderr
    assert "outbox: pass" not in done.stdout


# The standard output:


def test_what_an_encoding_lacks_is_written_as_an_escape():
    done = acidtest("show", "outbox", env={**os.environ, "PYTHONIOENCODING": "latin-1"}, encoding="latin-1")
    assert done.returncode == PASS, done.stderr
    assert "\\u" in done.stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")  # noqa: PTH110
def test_a_full_output_is_told_on_the_other():
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123
        done = acidtest("list", stdout=full)
        assert acidtest("list", stdout=full, stderr=full).returncode == USAGE
    assert done.returncode == USAGE
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_seen_enough_hears_no_complaint():
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = acidtest("list", stdout=writing)
    finally:
        os.close(writing)
    assert done.returncode == INCONCLUSIVE
    assert not done.stderr


def test_what_an_adapter_says_is_shown_and_never_sent_to_the_terminal(project):
    raising = 'raise ValueError("evil \\x1b[2J and \\u202e backwards")'
    (project / "adapter.py").write_text(f"import my_right\nclass MyOutbox(my_right.MyOutbox):\n    def install(self, accounts): {raising}\n")
    (project / "unimportable.py").write_text(f"{raising}\n")
    for module in ("adapter", "unimportable"):
        done = acidtest("check", "outbox", f"{module}:MyOutbox", *ONE)
        assert done.returncode == USAGE
        assert "\\x1b[2J and \\u202e backwards" in done.stderr
        assert "\x1b[2J" not in done.stderr
        assert "\u202e" not in done.stderr
