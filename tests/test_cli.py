"""The command line, as a user would run it: exit codes, files, wrong input."""

import json
import os
import subprocess
import sys
import time

import pytest

PASS, FAIL, USAGE, INCONCLUSIVE = 0, 1, 2, 3


def acidtest(*arguments):
    command = [sys.executable, "-c", "from acidtest.cli import main; main(prog_name='acidtest')", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_runs_as_a_module_as_well():
    done = subprocess.run([sys.executable, "-m", "acidtest", "list"], capture_output=True, text=True, check=False)
    assert done.returncode == PASS, done.stderr
    assert done.stdout == acidtest("list").stdout
    wrong = subprocess.run([sys.executable, "-m", "acidtest", "chekc"], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stderr) == (USAGE, acidtest("chekc").stderr)


def test_a_correct_implementation_passes_a_scope(project):
    done = acidtest("check", "outbox", "my_right:MyOutbox", "--search", "exhaustive", "--scope", "one withdrawal", "--json", "out.json")
    assert done.returncode == PASS, done.stdout + done.stderr
    out = json.loads((project / "out.json").read_text(encoding="utf-8"))
    assert out["verdict"] == "pass"
    assert out["schedules"] > 10
    assert out["property"] is None


def test_a_failure_is_printed_written_and_replayed(project):
    done = acidtest("check", "outbox", "my_wrong:MyOutbox", "--search", "exhaustive", "--json", "out.json")
    assert done.returncode == FAIL, done.stdout + done.stderr
    assert "OB3" in done.stdout
    assert "acidtest replay out.json" in done.stdout
    out = json.loads((project / "out.json").read_text(encoding="utf-8"))
    assert {"verdict", "pattern", "property", "schedule", "schedules", "states", "coverage", "bound"} <= out.keys()
    again = acidtest("replay", "out.json")
    assert again.returncode == FAIL
    assert out["property"] in again.stdout


@pytest.mark.parametrize("given", [{}, {"PYTHONHASHSEED": "7"}])
def test_strings_hash_by_a_seed_that_is_fixed_and_kept_with_the_failure(project, given):
    own = {name: value for name, value in os.environ.items() if name != "PYTHONHASHSEED"}
    command = [sys.executable, "-m", "acidtest", "check", "outbox", "my_wrong:MyOutbox", "--search", "exhaustive", "--json", "out.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**own, **given})
    assert done.returncode == FAIL, done.stdout + done.stderr
    out = json.loads((project / "out.json").read_text(encoding="utf-8"))
    assert out["failures"][0]["hash_seed"] == given.get("PYTHONHASHSEED", "0")


def test_a_replay_by_another_seed_than_it_was_found_with_says_so_where_nothing_is_violated(project):
    acidtest("check", "outbox", "my_wrong:MyOutbox", "--search", "exhaustive", "--json", "out.json")
    file = project / "out.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"hash_seed": "0"', '"hash_seed": "7"'), encoding="utf-8")
    (project / "my_wrong.py").write_text((project / "my_right.py").read_text(encoding="utf-8"), encoding="utf-8")
    assert "found with PYTHONHASHSEED=7, and this is 0" in acidtest("replay", "out.json").stdout


def test_a_mended_implementation_does_not_fail_on_replay(project):
    acidtest("check", "outbox", "my_wrong:MyOutbox", "--search", "exhaustive", "--json", "out.json")
    (project / "my_wrong.py").write_text((project / "my_right.py").read_text(encoding="utf-8"), encoding="utf-8")
    assert acidtest("replay", "out.json").returncode in (PASS, INCONCLUSIVE)


def test_the_stateful_search_finds_it_too_and_the_seed_makes_it_repeatable(project):
    arguments = ("check", "outbox", "my_wrong:MyOutbox", "--search", "stateful", "--seed", "7", "--examples", "60")
    one, other = acidtest(*arguments, "--json", "one.json"), acidtest(*arguments, "--json", "other.json")
    assert one.returncode == other.returncode == FAIL, one.stdout + one.stderr
    schedules = [json.loads((project / name).read_text(encoding="utf-8"))["schedule"] for name in ("one.json", "other.json")]
    assert schedules[0] == schedules[1]


def test_a_budget_that_runs_out_is_inconclusive(project):
    done = acidtest("check", "outbox", "my_right:MyOutbox", "--search", "exhaustive", "--scope", "two withdrawals", "--budget", "0.05")
    assert done.returncode == INCONCLUSIVE
    assert "budget" in done.stdout


def test_a_budget_bounds_both_searches(project):
    began = time.monotonic()
    done = acidtest("check", "outbox", "my_right:MyOutbox", "--budget", "2", "--examples", "100000", "--json", "out.json")
    assert done.returncode == INCONCLUSIVE, done.stdout + done.stderr
    assert time.monotonic() - began < 15  # most of it is importing
    results = json.loads((project / "out.json").read_text(encoding="utf-8"))["results"]
    assert {result["search"] for result in results} == {"exhaustive", "stateful"}
    assert sum(result["seconds"] for result in results) < 3.5
    assert "@seed" not in done.stdout


def test_scopes_may_be_named_one_after_the_other(project):
    done = acidtest(
        "check", "outbox", "my_right:MyOutbox", "--search", "exhaustive", "--scope", "late relay", "--scope", "one withdrawal",
        "--scope", "late relay", "--json", "out.json",
    )  # fmt: skip
    assert done.returncode == PASS, done.stdout + done.stderr
    results = json.loads((project / "out.json").read_text(encoding="utf-8"))["results"]
    assert [result["scope"] for result in results] == ["late relay", "one withdrawal"]


def test_nothing_is_left_in_the_current_folder_that_was_not_asked_for(project):
    before = {path.name for path in project.iterdir()}
    done = acidtest("check", "outbox", "my_right:MyOutbox", "--search", "stateful", "--examples", "3", "--seed", "1")
    assert "drawn: " in done.stdout, done.stdout + done.stderr
    assert {path.name for path in project.iterdir()} - before <= {"__pycache__"}


TWICE = """
from acidtest.impl.outbox import Outbox


class Twice(Outbox):
    def _publish(self, row):
        super()._publish(row)
        super()._publish(row)
"""


def test_a_pass_without_a_property_is_never_a_plain_pass(project):
    (project / "twice.py").write_text(TWICE, encoding="utf-8")
    arguments = ("check", "outbox", "twice:Twice", "--search", "exhaustive", "--scope", "one withdrawal", "--json", "out.json")
    assert acidtest(*arguments).returncode == FAIL
    done = acidtest(*arguments, "--except", "OB5")
    assert done.returncode == PASS, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "outbox: pass except OB5"
    assert done.stdout.startswith("one withdrawal: pass except OB5 - ")
    out = json.loads((project / "out.json").read_text(encoding="utf-8"))
    assert (out["verdict"], out["except"]) == ("pass except OB5", ["OB5"])
    assert [(result["verdict"], result["except"]) for result in out["results"]] == [("pass except OB5", ["OB5"])]
    assert "OB5" not in out["results"][0]["held"]


def test_what_is_left_out_does_not_hide_anything_else_and_a_replay_leaves_it_out_as_well(project):
    (project / "twice.py").write_text(TWICE, encoding="utf-8")
    done = acidtest(
        "check", "outbox", "my_wrong:MyOutbox", "--search", "exhaustive", "--scope", "one withdrawal", "--except", "OB5", "--except", "G3",
        "--json", "out.json",
    )  # fmt: skip
    assert done.returncode == FAIL, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "outbox: fail"
    out = json.loads((project / "out.json").read_text(encoding="utf-8"))
    assert (out["verdict"], out["property"], out["failure"]["except"]) == ("fail", "OB3", ["G3", "OB5"])
    assert acidtest("replay", "out.json").returncode == FAIL
    out["failure"]["except"] = ["OB1", "OB3"]
    (project / "out.json").write_text(json.dumps(out), encoding="utf-8")
    again = acidtest("replay", "out.json", "--json", "again.json")
    assert again.returncode == PASS, again.stdout + again.stderr
    assert again.stdout.startswith("pass except OB1, OB3: ")
    assert json.loads((project / "again.json").read_text(encoding="utf-8"))["verdict"] == "pass except OB1, OB3"


def test_every_property_that_is_violated_is_reported_in_one_run_when_it_is_to_keep_going(project):
    arguments = ("--search", "exhaustive", "--scope", "one withdrawal", "--scope", "late relay", "--json", "out.json")
    done = acidtest("check", "outbox", "my_wrong:MyOutbox", "--keep-going", *arguments)
    assert done.returncode == FAIL, done.stdout + done.stderr
    assert [line.split()[2] for line in done.stdout.splitlines() if line.startswith("FAIL")] == ["OB3:", "OB1:", "OB7:"]
    assert done.stdout.splitlines()[-3:] == ["3 properties are violated: OB3, OB1, OB7", "", "outbox: fail"]
    out = json.loads((project / "out.json").read_text(encoding="utf-8"))
    assert [failure["property"] for failure in out["failures"]] == ["OB3", "OB1", "OB7"]
    assert out["failure"] == out["failures"][0]
    assert {result["scope"] for result in out["results"]} == {"one withdrawal", "late relay"}
    for failure in out["failures"]:
        (project / "one.json").write_text(json.dumps(failure), encoding="utf-8")
        again = acidtest("replay", "one.json")
        assert (again.returncode, again.stdout.split()[2]) == (FAIL, f"{failure['property']}:")


def test_each_of_several_properties_is_shown_by_a_schedule_that_is_minimal_for_it(project):
    arguments = ("check", "outbox", "my_wrong:MyOutbox", "--search", "exhaustive", "--scope", "one withdrawal", "--json", "out.json")
    acidtest(*arguments, "--keep-going")
    together = json.loads((project / "out.json").read_text(encoding="utf-8"))["failures"]
    acidtest(*arguments, "--except", "OB3", "--except", "OB1")
    alone = json.loads((project / "out.json").read_text(encoding="utf-8"))
    assert (alone["property"], alone["schedule"]) == (together[2]["property"], together[2]["schedule"])


def test_the_stateful_search_keeps_going_as_well(project):
    done = acidtest("check", "outbox", "my_wrong:MyOutbox", "--keep-going", "--search", "stateful", "--seed", "7", "--examples", "10")
    assert done.returncode == FAIL, done.stdout + done.stderr
    found = [line.split()[2] for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert len(found) > 1
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("chekc",), "Known: check"),
        (("check", "outbx", "my_right:MyOutbox"), "Known: acid"),
        (("check", "outbox", "my_right"), "module:Factory"),
        (("check", "outbox", "nowhere:MyOutbox"), "nowhere"),
        (("check", "outbox", "my_right:YourOutbox"), "MyOutbox"),
        (("check", "outbox", "my_right:json.loads"), "could not"),
        (("check", "outbox", "my_right:MyOutbox", "--scope", "none such"), "one withdrawal"),
        (("check", "outbox", "my_right:MyOutbox", "--search", "wild"), "exhaustive"),
        (("check", "outbox", "my_right:MyOutbox", "--except", "OB99"), "Known: G12, G2"),
        (("check", "acid", "my_right:MyOutbox"), "transfer"),
        (("check", "outbox", "my_right:MyOutbox", "--json", "/nowhere/at/all.json", "--scope", "outage", "--search", "exhaustive"), "cannot be written"),
        (("replay", "nowhere.json"), "nowhere.json"),
        (("replay", "my_right.py"), "cannot be read"),
        (("model", "outbox", "--size", "99"), "Known: 0"),
        (("model", "two_phase_commit", "--assume", "gravity=off"), "recovery"),
        (("model", "two_phase_commit", "--assume", "recovery=maybe"), "recovery=on or recovery=off"),
        (("model", "two_phase_commit", "--study", "paxos"), "TCommit"),
        (("show", "sagas"), "Known: acid"),
        (("verify", "sagas"), "Known: acid"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_input_gets_a_message_and_no_traceback(project, arguments, named):
    done = acidtest(*arguments)
    assert done.returncode == USAGE, done.stdout + done.stderr
    assert named in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("list",), ("show", "acid"), ("show", "outbox"), ("show", "two_phase_commit"), ("model", "acid"), ("show", "saga"), ("model", "compensation")])
def test_what_there_is_can_be_looked_up(arguments):
    done = acidtest(*arguments)
    assert done.returncode == PASS, done.stderr
    assert done.stdout


def test_an_assumption_that_is_turned_off_takes_away_what_rests_on_it(project):
    done = acidtest("model", "two_phase_commit", "--assume", "recovery=off", "--json", "out.json")
    assert done.returncode == FAIL
    (value,) = json.loads((project / "out.json").read_text(encoding="utf-8"))["models"]
    assert {p["id"] for p in value["properties"] if p["verdict"] == "violated"} == {"AC5", "AC5.live", "G6"}
    assert "and nothing happens any more" in done.stdout


def test_a_model_that_was_not_explored_completely_is_inconclusive():
    assert acidtest("model", "two_phase_commit", "--study", "TwoPhase", "--max-states", "100").returncode == INCONCLUSIVE


@pytest.mark.usefixtures("postgresql")
def test_a_failure_on_postgresql_is_replayed_there(project):
    arguments = ("acid", "acidtest.impl.broken.acid:CommitOfDoomedTransaction", "--scope", "read and read again", "--search", "exhaustive")
    done = acidtest("check", *arguments, "--backend", "postgresql", "--json", "out.json")
    assert done.returncode == FAIL, done.stdout + done.stderr
    assert "backend='postgresql'," in done.stdout  # in the regression test
    failure = json.loads((project / "out.json").read_text(encoding="utf-8"))["failure"]
    assert failure["backend"] == "postgresql"
    assert {"postgresql", "psycopg"} <= failure["versions"].keys()
    again = acidtest("replay", "out.json")
    assert again.returncode == FAIL, again.stdout + again.stderr
    assert "G4" in again.stdout


def test_a_backend_whose_server_does_not_answer_is_a_usage_error(project, monkeypatch):
    monkeypatch.setenv("ACIDTEST_POSTGRESQL_URL", "postgresql://nobody@/nothing?host=/nowhere")
    done = acidtest("check", "outbox", "my_right:MyOutbox", "--backend", "postgresql")
    assert done.returncode == USAGE
    assert "does not answer" in done.stderr


def test_a_failure_is_written_as_a_page_and_as_a_diagram_and_again_on_replay(project):
    options = ("--search", "exhaustive", "--scope", "one withdrawal", "--json", "out.json", "--html", "out.html", "--mermaid", "out.mmd")
    done = acidtest("check", "outbox", "my_wrong:MyOutbox", *options)
    assert done.returncode == FAIL, done.stdout + done.stderr
    page = (project / "out.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>") and "acidtest replay out.json" in page
    assert (project / "out.mmd").read_text(encoding="utf-8").startswith("sequenceDiagram\n")
    again = acidtest("replay", "out.json", "--html", "again.html", "--mermaid", "again.mmd")
    assert again.returncode == FAIL, again.stdout + again.stderr
    assert (project / "again.html").read_text(encoding="utf-8") == page
    assert (project / "again.mmd").read_bytes() == (project / "out.mmd").read_bytes()


def test_a_page_of_a_check_that_passed_says_what_was_covered(project):
    options = ("--search", "exhaustive", "--scope", "invalid requests", "--html", "out.html", "--mermaid", "out.mmd")
    done = acidtest("check", "outbox", "my_right:MyOutbox", *options)
    assert done.returncode == PASS, done.stdout + done.stderr
    page = (project / "out.html").read_text(encoding="utf-8")
    assert "invalid requests" in page and "crash points" in page
    assert not (project / "out.mmd").exists()


def test_of_several_failures_each_has_a_page(project):
    options = ("--search", "exhaustive", "--scope", "one withdrawal", "--keep-going", "--html", "out.html", "--json", "out.json")
    acidtest("check", "outbox", "my_wrong:MyOutbox", *options)
    found = [failure["property"] for failure in json.loads((project / "out.json").read_text(encoding="utf-8"))["failures"]]
    pages = [(project / name).read_text(encoding="utf-8") for name in ("out.html", "out-2.html")[: len(found)]]
    assert len(found) > 1
    assert [f"<title>{name} fails" in page for name, page in zip(found, pages, strict=False)] == [True] * len(pages)


def test_a_page_that_cannot_be_written_is_refused_before_the_work(project):
    done = acidtest("check", "outbox", "my_right:MyOutbox", "--html", "nowhere/out.html")
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert "nowhere" in done.stderr


def test_models_are_written_as_a_page_and_for_other_tools(project):
    options = ("--study", "told by messages", "--html", "out.html", "--dot", "out.dot", "--json", "out.json")
    done = acidtest("model", "cqrs", *options)
    assert done.returncode == PASS, done.stdout + done.stderr
    assert "<title>CQRS: its models</title>" in (project / "out.html").read_text(encoding="utf-8")
    assert (project / "out.dot").read_text(encoding="utf-8").startswith('digraph "cqrs" {\n')
    [model] = json.loads((project / "out.json").read_text(encoding="utf-8"))["models"]
    assert len(model["diagram"]["nodes"]) > 3 and model["theorems"][0]["trace"]
