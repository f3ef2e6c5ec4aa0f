"""A subclass of a contract judges in the same way whoever runs it: pytest, the command line, a replay, a regression test."""

import json
import os
import re
import subprocess
import sys
from typing import ClassVar

import pytest

from acidtest import OutboxContract, UsageError, assert_schedule, check
from acidtest.adopted import adopt
from acidtest.checker.machine import Kind, Property
from acidtest.impl.outbox import Outbox
from acidtest.patterns import pattern

PASS, FAIL, USAGE, INCONCLUSIVE = 0, 1, 2, 3

ADAPTER = """
from dataclasses import replace

from acidtest import OutboxContract
from acidtest.checker.machine import Kind, Property
from acidtest.impl.outbox import Outbox


class Twice(Outbox):
    def _publish(self, row):
        super()._publish(row)
        super()._publish(row)


class TestTwice(OutboxContract):
    def implementation(self, env):
        return Twice(env)


class TestExcused(TestTwice):
    exceptions = {"OB5": "consumers deduplicate"}


class TestStrict(TestExcused):
    properties = (*OutboxContract.properties, Property("MINE", "A keeps 100", Kind.ALWAYS, lambda view: dict(view.balances)["A"] == 100))
    scopes = (*OutboxContract.scopes, replace(OutboxContract.scopes[0], name="mine", summary="one more"))


class TestNoJudge(TestTwice):
    asks_again = False
"""
ONE = "--search", "exhaustive", "--scope", "one withdrawal"


@pytest.fixture
def adapters(tmp_path, monkeypatch):
    """A folder with adapters in tests/test_twice.py, which is the current one."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_twice.py").write_text(ADAPTER, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*command):
    own = {name: value for name, value in os.environ.items() if name not in ("CI", "BUILD_NUMBER")}
    return subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False, env=own)


def acidtest(*arguments):
    return run("acidtest", *arguments)


def read(file):
    return json.loads(file.read_text(encoding="utf-8"))


class Twice(Outbox):
    def _publish(self, row):
        super()._publish(row)
        super()._publish(row)


class _OfTwice(OutboxContract):
    exceptions: ClassVar[dict[str, str]] = {"OB5": "consumers deduplicate"}

    def implementation(self, env):
        return Twice(env)


class _Unjudged(_OfTwice):
    asks_again = False


class _Strict(_OfTwice):
    properties = (*OutboxContract.properties, Property("MINE", "A keeps 100", Kind.ALWAYS, lambda view: dict(view.balances)["A"] == 100))


def test_the_command_line_judges_by_a_subclass_with_its_exceptions_and_their_reasons(adapters):
    assert acidtest("check", "outbox", "tests.test_twice:TestTwice", *ONE).returncode == FAIL
    done = acidtest("check", "outbox", "tests.test_twice:TestExcused", *ONE, "--json", "out.json")
    assert done.returncode == PASS, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "outbox: pass except OB5 (consumers deduplicate)"
    out = read(adapters / "out.json")
    assert out["verdict"] == "pass except OB5 (consumers deduplicate)"
    assert out["exceptions"] == {"OB5": "consumers deduplicate"}


def test_the_command_line_judges_by_properties_that_a_subclass_adds_and_so_does_a_replay(adapters):
    done = acidtest("check", "outbox", "tests.test_twice:TestStrict", *ONE, "--json", "out.json")
    assert done.returncode == FAIL, done.stdout + done.stderr
    assert "MINE: A keeps 100" in done.stdout
    assert "      left out: OB5\n" in done.stdout
    again = acidtest("replay", "out.json")
    assert again.returncode == FAIL, again.stdout + again.stderr
    assert again.stdout.splitlines()[0] == "FAIL  outbox  MINE: A keeps 100"
    assert read(adapters / "out.json")["failure"]["implementation"] == "tests.test_twice:TestStrict"


@pytest.mark.usefixtures("adapters")
def test_the_command_line_and_a_regression_test_know_the_scopes_that_a_subclass_adds():
    done = acidtest("check", "outbox", "tests.test_twice:TestStrict", "--search", "exhaustive", "--scope", "mine", "--json", "out.json")
    assert done.returncode == FAIL, done.stdout + done.stderr
    assert "scope “mine”" in done.stdout
    assert acidtest("replay", "out.json").returncode == FAIL
    text = printed_test(done.stdout)
    assert "scope='mine'" in text
    assert "exceptions=['OB5']" in text


@pytest.mark.parametrize(
    ("pattern_", "adapter", "told"),
    [
        ("outbox", "TestNoJudge", "TestNoJudge overrides 'asks_again' of OutboxContract"),
        ("acid", "TestTwice", "TestTwice is a contract of outbox, and says nothing about acid"),
    ],
)
@pytest.mark.usefixtures("adapters")
def test_the_command_line_refuses_a_subclass_that_cannot_judge(pattern_, adapter, told):
    done = acidtest("check", pattern_, f"tests.test_twice:{adapter}", *ONE)
    assert done.returncode == USAGE
    assert told in done.stderr


def test_a_check_in_a_test_of_ones_own_knows_exceptions():
    with pytest.raises(AssertionError, match="OB5"):
        check("outbox", Twice, scopes=["one withdrawal"])
    for results in (
        check("outbox", Twice, scopes=["one withdrawal"], exceptions=["OB5"]),
        check("outbox", _OfTwice, scopes=["one withdrawal"]),
    ):
        assert [result.told for result in results] == ["pass except OB5"]


def test_a_regression_test_knows_exceptions():
    schedule = ["advance app-1 | begin execute('k1', 'A', 61)"]
    with pytest.raises(AssertionError, match="OB5"):
        assert_schedule("outbox", Twice, scope="one withdrawal", schedule=schedule)
    assert_schedule("outbox", Twice, scope="one withdrawal", schedule=schedule, exceptions=["OB5"])
    assert_schedule("outbox", _OfTwice, scope="one withdrawal", schedule=schedule)


def test_a_regression_test_refuses_a_subclass_that_cannot_judge():
    with pytest.raises(UsageError, match="overrides 'asks_again'"):
        assert_schedule("outbox", _Unjudged, scope="one withdrawal", schedule=["advance app-1 | begin execute('k1', 'A', 61)"])


def test_what_is_left_out_beside_a_subclass_must_exist():
    with pytest.raises(UsageError, match="Known: G12"):
        adopt(pattern("outbox"), _Strict, without=["OB99"])
    assert adopt(pattern("outbox"), _Strict, without=["MINE"]).exceptions == {"MINE": "", "OB5": "consumers deduplicate"}


def printed_test(text):
    """The regression test at the end of a failure."""
    lines = text.split("Regression test:\n", 1)[1].splitlines()[1:]
    end = next(number for number, line in enumerate(lines) if line.rstrip() == "        )")
    return "\n".join(line.removeprefix("    ") for line in lines[: end + 1]) + "\n"


@pytest.mark.parametrize("adapter", ["Wrong", "TestWrong"])
def test_the_regression_test_as_printed_leaves_out_what_was_left_out(project, adapter):
    (project / "test_wrong.py").write_text(
        "from acidtest import OutboxContract\nfrom my_wrong import MyOutbox as Wrong\n\n\n"
        "class TestWrong(OutboxContract):\n    def implementation(self, env):\n        return Wrong(env)\n",
        encoding="utf-8",
    )
    done = acidtest("check", "outbox", f"test_wrong:{adapter}", *ONE, "--except", "OB3", "--except", "OB1")
    assert done.returncode == FAIL, done.stdout + done.stderr
    text = printed_test(done.stdout)
    assert "exceptions=['OB1', 'OB3']," in text
    (project / "test_again.py").write_text(text, encoding="utf-8")
    again = run("pytest", "-q", "-p", "no:cacheprovider", "test_again.py")
    assert re.search(r"FAILED test_again.py::test_outbox_\w+ - AssertionError: OB7", again.stdout)


def test_each_of_several_failures_names_the_command_that_replays_it(project):
    arguments = ("check", "outbox", "my_wrong:MyOutbox", "--search", "exhaustive", "--scope", "one withdrawal", "--json", "my out.json")
    done = acidtest(*arguments, "--keep-going")
    commands = re.findall(r"^Replay:  acidtest replay (.*)$", done.stdout, re.MULTILINE)
    found = [failure["property"] for failure in read(project / "my out.json")["failures"]]
    assert commands == ["'my out.json'", *(f"'my out.json' --failure {number}" for number in range(2, len(found) + 1))]
    assert len(found) > 1
    explained = done.stdout.split("Still hold:", 1)[0]  # the schedules, and the beginning of the first explanation
    assert re.findall(r"^(OB\d+): ", done.stdout, re.MULTILINE) == found
    assert f"\n{found[0]}: " in explained
    for number, name in enumerate(found, 1):
        for which in (str(number), name):
            again = acidtest("replay", "my out.json", "--failure", which)
            assert (again.returncode, again.stdout.split()[2]) == (FAIL, f"{name}:")
    unknown = acidtest("replay", "my out.json", "--failure", "OB99")
    assert unknown.returncode == USAGE
    assert f"Known: 1 ({found[0]}), 2 ({found[1]})" in unknown.stderr


def test_a_replay_that_cannot_follow_code_that_has_changed_says_how_to_check_it_again(project):
    acidtest("check", "outbox", "my_wrong:MyOutbox", *ONE, "--json", "out.json")
    (project / "my_wrong.py").write_text((project / "my_right.py").read_text(encoding="utf-8"), encoding="utf-8")
    again = acidtest("replay", "out.json")
    assert again.returncode == INCONCLUSIVE
    assert again.stdout.rstrip().endswith("acidtest check outbox my_wrong:MyOutbox --search exhaustive --scope 'one withdrawal'")


def test_the_regression_test_of_a_drawn_workload_leaves_out_what_is_empty_and_runs_as_printed(project):
    done = acidtest("check", "outbox", "my_wrong:MyOutbox", "--search", "stateful", "--seed", "1", "--examples", "10")
    text = printed_test(done.stdout)
    assert "'poison': []" not in text
    assert "'summary':" in text
    (project / "test_again.py").write_text(text, encoding="utf-8")
    again = run("pytest", "-q", "-p", "no:cacheprovider", "test_again.py")
    assert re.search(r"FAILED test_again.py::test_outbox_\w+ - AssertionError: OB\d", again.stdout)
