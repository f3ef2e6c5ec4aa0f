"""What `acidtest new` writes is right as it stands: it can be imported, runs, and is checked by ruff and mypy strict."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from acidtest.cli import main
from acidtest.patterns import coded
from acidtest.scaffold import OWN

STEMS = (OWN, *(entry.stem for entry in coded()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with all that can be written."""
    found = tmp_path_factory.mktemp("new")
    for stem in STEMS:
        told = CliRunner().invoke(main, ["new", stem, "--file", str(found / f"test_{stem}.py")])
        assert told.exit_code == 0, told.output
    return found


def run(folder, *command):
    done = subprocess.run([sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    return done.returncode, done.stdout + done.stderr


def test_ruff_finds_nothing(folder):
    rules = ("--line-length", "120", "--select", "E,F,W,I,UP,ANN,D1,PIE,RET", "--ignore", "ANN401")
    code, said = run(folder, "ruff", "check", "--isolated", *rules, ".")
    assert code == 0, said


def test_mypy_finds_nothing(folder):
    code, said = run(folder, "mypy", "--strict", "--no-incremental", ".")
    assert code == 0, said


def test_a_contract_of_ones_own_passes(folder):
    code, said = run(folder, "acidtest", "check", "test_own:TestSeats", "--search", "exhaustive")
    assert (code, said.splitlines()[-1]) == (0, "test_own:TestSeats: pass")


def test_an_adapter_says_what_is_to_be_written_first(folder):
    code, said = run(folder, "acidtest", "check", "acid", "test_acid:TestMyAcid")
    assert code == 2
    assert "NotImplementedError" in said
    assert "in MyAcid.install" in said


def test_nothing_is_written_over(folder):
    told = CliRunner().invoke(main, ["new", OWN, "--file", str(folder / "test_own.py")])
    assert told.exit_code == 2
    assert "is there already" in told.output
