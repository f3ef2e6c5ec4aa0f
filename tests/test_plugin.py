"""The pytest plugin from outside: a project of its own, checked by a real pytest process."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from acidtest.report.columns import WIDTH

README = Path(__file__).parents[1] / "README.md"

TEST = """
from acidtest import OutboxContract
from my_{which} import MyOutbox


class TestMyOutbox(OutboxContract):
    def implementation(self, env):
        return MyOutbox(env)
"""


def run_pytest(*arguments, **environment):
    """Run pytest as on somebody's own machine: where CI is set, pytest and Hypothesis tell more."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    own = {name: value for name, value in os.environ.items() if name not in ("CI", "BUILD_NUMBER")} | environment
    return subprocess.run(command, capture_output=True, text=True, check=False, env=own)


def write_test(project, text):
    (project / "test_my_outbox.py").write_text(text, encoding="utf-8")


def test_a_correct_implementation_is_green_under_xdist_and_says_what_was_covered(project):
    write_test(project, TEST.format(which="right"))
    done = run_pytest("-n", "2", "-k", "outage or stateful")
    assert done.returncode == 0, done.stdout
    assert "what was covered" in done.stdout
    assert re.search(r"TestMyOutbox, outage: pass", done.stdout)


ON_POSTGRESQL = """
from acidtest import AcidContract
from acidtest.impl.acid import Transfers


class TestTransfers(AcidContract):
    def implementation(self, env):
        assert env.engine("bank").dialect.name == "postgresql"
        return Transfers(env)
"""


@pytest.mark.usefixtures("postgresql")
def test_a_contract_is_checked_on_the_backend_that_is_asked_for(project):
    write_test(project, ON_POSTGRESQL)
    done = run_pytest("--acidtest-backend", "postgresql", "-k", "one and process")
    assert done.returncode == 0, done.stdout
    assert re.search(r"TestTransfers, one process: pass", done.stdout)


def test_a_broken_implementation_fails_in_the_subtest_of_the_property(project):
    write_test(project, TEST.format(which="wrong"))
    done = run_pytest("-v", "-k", "every_schedule and one and withdrawal")
    assert done.returncode == 1
    assert re.search(r"SUBFAILED\[OB\d+: ", done.stdout)
    assert "def test_outbox_ob" in done.stdout  # the regression test to paste


def test_the_stateful_test_fails_prints_its_program_and_keeps_the_example(project):
    write_test(project, TEST.format(which="wrong"))
    first = run_pytest("-k", "stateful", "--hypothesis-seed=3")
    assert first.returncode == 1
    assert "state = TestMyOutbox()" in first.stdout
    assert (project / ".hypothesis").is_dir()
    assert run_pytest("-k", "stateful").returncode == 1


def failures(out):
    """What pytest prints of failures, by test."""
    told = out.split(" FAILURES ", 1)[1].split("\n=====", 1)[0]
    parts = re.split(r"^_+ (Test.*?) _+$", told, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("where", [{}, {"CI": "true"}], ids=["own machine", "CI"])
def test_a_failure_of_the_stateful_test_is_told_once_by_its_story_and_nothing_of_ours(project, where):
    write_test(project, TEST.format(which="wrong"))
    done = run_pytest("-k", "stateful", "--hypothesis-seed=3", **where)
    assert list(failures(done.stdout)) == ["TestMyOutbox.test_stateful"]
    (told,) = failures(done.stdout).values()
    lines = told.strip().splitlines()
    assert re.match(r"FAIL  outbox  OB\d+: ", lines[0])
    assert lines[-2] == "Run it again:  pytest test_my_outbox.py::TestMyOutbox::test_stateful"
    assert done.stdout.count("FAIL  outbox  OB") <= 2  # the story, and a line in pytest's summary
    assert told.count("FAIL  outbox") == 1
    assert "exception str() failed" not in done.stdout
    assert "acidtest/" not in told
    assert max(map(len, lines)) <= WIDTH


@pytest.mark.parametrize("where", [{}, {"CI": "true"}], ids=["own machine", "CI"])
def test_a_failure_of_a_scope_is_told_once_and_says_how_to_run_it_again(project, where):
    write_test(project, TEST.format(which="wrong"))
    done = run_pytest("-k", "every_schedule and one and withdrawal", **where)
    assert done.stdout.count("Still hold") == 1
    assert "Run it again:  pytest 'test_my_outbox.py::TestMyOutbox::test_every_schedule[one withdrawal]'" in done.stdout
    assert "acidtest/" not in done.stdout


def test_no_failure_of_the_program_of_the_readme_takes_more_than_60_lines_of_100_columns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    readme_program(tmp_path)
    told = failures(run_pytest("-k", "stateful or (one and withdrawal) or outage or (one and process)").stdout)
    for test, text in told.items():
        lines = text.rstrip().splitlines()
        assert len(lines) <= 60, test  # noqa: PLR2004
        assert max(map(len, lines)) <= WIDTH, test
    assert len([text for text in told.values() if "FAIL  outbox" in text]) == 4  # noqa: PLR2004


def readme_program(folder):
    """Write the program on the first screen of the README there."""
    write_test(folder, re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1])


SEVERAL = "(one and withdrawal) or outage or (one and process) or stale"


def told_of_subtests(out):
    """What is told of each subtest that failed, with the property: told of a test, there is only that some failed."""
    return [(re.search(r"\[(OB\d+): [^]]*\]$", test)[1], text) for test, text in failures(out).items() if test.endswith("]") and "] [" in test]


def test_what_one_bug_violates_is_told_whole_once_and_again_in_a_line_with_the_command_that_tells_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    readme_program(tmp_path)
    told = told_of_subtests(run_pytest("-k", SEVERAL).stdout)
    assert [name for name, _ in told] == ["OB3", "OB3", "OB7", "OB7"]
    first, again, other, also = (text.strip("\n").splitlines() for _, text in told)
    assert len(first) <= 60  # noqa: PLR2004
    assert len(other) <= 40  # noqa: PLR2004
    assert any(line.startswith("  step") for line in first)
    assert any(line.startswith("  step") for line in other)
    for text in (again, also):
        assert len(text) <= 3  # noqa: PLR2004
        assert re.match(r" +Told whole by:  pytest 'test_my_outbox.py::TestMyOutbox::test_every_schedule\[.*\]'", text[-1])
    alone = run_pytest(*shlex.split(again[-1].partition("pytest ")[2]))
    assert any(line.startswith("  step") for line in alone.stdout.splitlines())


def test_each_class_has_its_failures_told_whole(project):
    write_test(project, TEST.format(which="wrong"))
    (project / "test_other.py").write_text(TEST.format(which="wrong"), encoding="utf-8")
    told = run_pytest("-k", "every_schedule and one and withdrawal").stdout
    assert told.count("\n  step  ") == 2  # noqa: PLR2004
    assert "Told whole by" not in told


@pytest.mark.parametrize("options", [("-v",), ("-n", "2")], ids=["verbose", "xdist"])
def test_no_property_that_is_violated_is_hidden_by_another(tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    readme_program(tmp_path)
    told = told_of_subtests(run_pytest("-k", SEVERAL, *options).stdout)
    whole = [name for name, text in told if "\n  step" in text]
    assert sorted(name for name, _ in told) == ["OB3", "OB3", "OB7", "OB7"]
    assert set(whole) == {"OB3", "OB7"}
    assert len(whole) == len(told) or "-v" not in options


def test_a_failure_file_that_pytest_writes_is_replayed_from_the_same_folder(project):
    (project / "tests").mkdir()
    (project / "tests/test_my_outbox.py").write_text(TEST.format(which="wrong"), encoding="utf-8")
    done = run_pytest("-k", "every_schedule and one and withdrawal", "--acidtest-failures", "failed/today", PYTHONPATH=str(project))
    (file,) = (project / "failed/today").iterdir()
    assert f"Replay:  acidtest replay {file.relative_to(project)}" in done.stdout
    again = subprocess.run([sys.executable, "-m", "acidtest", "replay", str(file)], capture_output=True, text=True, check=False)
    assert again.returncode == 1, again.stdout + again.stderr
    assert re.match(r"FAIL  outbox  OB\d+", again.stdout)
    assert "test_my_outbox:TestMyOutbox, scope “one withdrawal”" in again.stdout


def test_a_folder_of_failures_that_cannot_be_made_is_refused(project):
    done = run_pytest("--acidtest-failures", "my_right.py/failed")
    assert done.returncode == 4  # noqa: PLR2004 - pytest's code of usage errors
    assert "my_right.py/failed cannot be made" in done.stderr


def test_reproduce_failure_replays_the_example(project):
    write_test(
        project,
        "from hypothesis import settings\n"
        + TEST.format(which="wrong")
        + "\n    stateful_settings = settings(print_blob=True, database=None)\n",
    )
    first = run_pytest("-k", "stateful", "--hypothesis-seed=3")
    blob = re.search(r"@(reproduce_failure\('[^']+', b'[^']+'\))", first.stdout)
    assert blob, first.stdout
    text = TEST.format(which="wrong").replace("class Test", f"@{blob[1]}\nclass Test")
    write_test(project, "from hypothesis import reproduce_failure\n" + text)
    again = run_pytest("-k", "stateful")
    assert again.returncode == 1
    assert "state = TestMyOutbox()" in again.stdout


def test_settings_profiles_are_honoured(project):
    write_test(project, TEST.format(which="right"))
    (project / "conftest.py").write_text(
        "from hypothesis import settings\nsettings.register_profile('tiny', max_examples=1)\n", encoding="utf-8"
    )
    done = run_pytest("-k", "stateful", "--hypothesis-profile=tiny")
    assert re.search(r"drawn: inconclusive - [1-9] schedules", done.stdout)  # too few for every fault kind to fire
    assert "1 skipped" in done.stdout
    assert "passed" not in done.stdout


def test_a_budget_bounds_the_stateful_test_and_running_out_of_it_is_no_pass(project):
    write_test(project, "from hypothesis import settings\n" + TEST.format(which="right") + "\n    stateful_settings = settings(max_examples=100_000)\n")
    done = run_pytest("-k", "stateful", "--acidtest-budget", "1")
    assert done.returncode == 1, done.stdout
    assert "inconclusive: the budget ran out before every example was run" in done.stdout
    assert "drawn: inconclusive" in done.stdout


@pytest.mark.parametrize("budget", ["nan", "0", "soon"])
def test_a_budget_that_is_no_length_of_time_is_refused(project, budget):
    done = run_pytest("--acidtest-budget", budget)
    assert done.returncode == 4  # noqa: PLR2004 - pytest's code of usage errors
    assert f"'{budget}' is no length of time" in done.stderr


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("    properties = OutboxContract.properties[1:]", "deletes or changes the standard properties"),
        ("    scopes = ()", "deletes or changes the standard scopes"),
        ("    def observe(self, implementation):\n        return ()", "overrides 'observe'"),
        ("    asks_again = False", "overrides 'asks_again'"),
    ],
)
def test_tampering_with_the_contract_fails_with_the_reason(project, change, reason):
    write_test(project, TEST.format(which="right") + change + "\n")
    done = run_pytest()
    assert done.returncode == 1
    assert reason in done.stdout


def test_properties_may_be_added(project):
    write_test(
        project,
        "from acidtest.checker.machine import Kind, Property\n"
        + TEST.format(which="right")
        + "    properties = (*OutboxContract.properties, Property('MINE', 'A keeps 100', Kind.ALWAYS,"
        " lambda view: dict(view.balances)['A'] == 100))\n",
    )
    done = run_pytest("-k", "every_schedule and one and withdrawal")
    assert done.returncode == 1
    assert "SUBFAILED[MINE: A keeps 100]" in done.stdout


def test_a_contract_without_an_implementation_says_what_to_do(project):
    write_test(project, "from acidtest import OutboxContract\n\n\nclass TestNothing(OutboxContract):\n    pass\n")
    done = run_pytest("-k", "outage")
    assert done.returncode == 1
    assert "Override implementation(self, env)" in done.stdout


def test_an_imported_contract_alone_is_not_a_test(project):
    write_test(project, "from acidtest import OutboxContract\n\n\ndef test_nothing():\n    assert OutboxContract\n")
    done = run_pytest()
    assert done.returncode == 0
    assert "1 passed" in done.stdout


EXCEPT = """
from acidtest import OutboxContract
from acidtest.impl.outbox import Outbox


class Twice(Outbox):
    def _publish(self, row):
        super()._publish(row)
        super()._publish(row)


class TestTwice(OutboxContract):
    exceptions = {exceptions!r}

    def implementation(self, env):
        return Twice(env)
"""


def test_a_property_may_be_left_out_for_a_reason_which_is_told(project):
    write_test(project, EXCEPT.format(exceptions={"OB5": "consumers deduplicate"}))
    done = run_pytest("-rs", "-k", "every_schedule and one and withdrawal")
    assert done.returncode == 0, done.stdout
    assert re.search(r"TestTwice, one withdrawal: pass except OB5 - .*; without OB5: consumers deduplicate", done.stdout)


@pytest.mark.parametrize(
    ("exceptions", "told"),
    [({"OB99": "why not"}, "Known: G12, G2"), ({"OB5": " "}, "needs a reason"), (["OB5"], "needs a reason")],
    ids=["unknown", "no reason", "no reasons"],
)
def test_what_is_left_out_must_exist_and_have_a_reason(project, exceptions, told):
    write_test(project, EXCEPT.format(exceptions=exceptions))
    done = run_pytest()
    assert done.returncode == 1
    assert "1 failed" in done.stdout
    assert told in done.stdout


EVIL = """
import my_right
from acidtest import OutboxContract


class Broken(my_right.MyOutbox):
    def install(self, accounts):
        self.prepare()

    def prepare(self):
        raise ValueError("evil \\x1b[2J and \\u202e backwards")


class TestMyOutbox(OutboxContract):
    def implementation(self, env):
        return Broken(env)
"""


def test_a_mistake_of_the_adapters_is_told_by_its_message_and_the_users_frames_alone(project):
    write_test(project, EVIL)
    done = run_pytest("-k", "(one and process) or stateful", "-v")
    assert done.returncode == 1
    assert "\\x1b[2J and \\u202e backwards" in done.stdout
    assert "\x1b[2J" not in done.stdout
    assert "\u202e" not in done.stdout
    frames = [line.strip() for line in done.stdout.splitlines() if re.match(r"    .*, line \d+, in ", line)]
    assert [frame.rpartition(", in ")[2] for frame in frames] == ["Broken.install", "Broken.prepare"] * 2
    assert not re.search(r"acidtest/\w+/\w+\.py", done.stdout)


def test_a_mistake_in_a_test_of_ones_own_is_told_likewise(project):
    write_test(project, """
from acidtest import assert_schedule


def test_it():
    assert_schedule("outbox", object, scope="one process", schedule=[])
""")
    done = run_pytest()
    assert "The adapter could not make the implementation" in done.stdout
    assert not re.search(r"acidtest/\w+/\w+\.py", done.stdout)


def test_pages_an_index_junits_properties_and_what_github_is_told(project):
    write_test(project, TEST.format(which="wrong"))
    options = ("-n", "2", "-W", "error", "-k", "one and withdrawal or invalid", "--acidtest-html", "pages", "--junitxml", "junit.xml")
    done = run_pytest(*options, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(project / "summary.md"), GITHUB_WORKSPACE=str(project))
    assert done.returncode == 1, done.stdout + done.stderr
    index = (project / "pages" / "index.html").read_text(encoding="utf-8")
    page = re.search(r'href="([^"]+)">OB3<', index)
    assert page is not None and "<title>OB3 fails" in (project / "pages" / page[1]).read_text(encoding="utf-8")
    assert "invalid requests" in index and "TestMyOutbox" in index
    names = re.findall(r'<property name="acidtest\.(\w+)" value="([^"]*)"', (project / "junit.xml").read_text(encoding="utf-8"))
    told = dict(pair for pair in names if pair[1] != "invalid requests")
    assert {"scope", "property", "schedule", "bound", "search", "verdict"} <= told.keys()
    assert (told["scope"], told["property"]) == ("one withdrawal", "OB3")
    annotations = [line for line in done.stdout.splitlines() if line.startswith("::error ")]
    assert len(annotations) == 1 and "file=test_my_outbox.py,line=6," in annotations[0]
    summary = (project / "summary.md").read_text(encoding="utf-8")
    assert summary.count("```mermaid") == 1
    assert "::TestMyOutbox | one withdrawal (exhaustive) | fail OB3 |" in summary and "| pass |" in summary
