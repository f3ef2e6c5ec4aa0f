"""Several pieces of work at once give what one after the other gives."""

import json
import os
import signal
import subprocess
import sys

import pytest

from acidtest import supervisor
from acidtest.workers import in_order


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    """Threads of pytest-xdist do not matter here."""
    monkeypatch.setattr(supervisor, "can_supervise", lambda: True)


def piece(number):
    return lambda: (number, os.getpid())


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_answers_come_in_the_order_of_the_pieces(workers):
    answers = list(in_order([piece(n) for n in range(5)], workers, [1, 5, 2, 4, 3]))
    assert [number for number, _ in answers] == [0, 1, 2, 3, 4]
    assert (os.getpid() in {pid for _, pid in answers}) is (workers == 1)


def test_a_piece_whose_process_dies_is_done_again_here():
    here = os.getpid()

    def dies():
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return "done"

    assert list(in_order([dies, lambda: "other"], 2)) == ["done", "other"]


def test_an_error_is_raised_here_where_its_turn_comes():
    def fails():
        message = "no"
        raise ValueError(message)

    answers = in_order([lambda: 1, fails, lambda: 3], 2)
    assert next(answers) == 1
    with pytest.raises(ValueError, match="no"):
        next(answers)


def test_an_answer_that_cannot_be_sent_is_made_here():
    first, second = in_order([lambda: (lambda: "made"), lambda: 2], 2)
    assert first() == "made"
    assert second == 2


def test_who_asks_for_no_more_ends_what_is_still_done(tmp_path):
    def endless():
        (tmp_path / "pid").write_text(str(os.getpid()))
        while True:
            signal.pause()

    answers = in_order([lambda: 1, endless, lambda: 3], 3)
    assert next(answers) == 1
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        pass
    pid = int((tmp_path / "pid").read_text())
    answers.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def without_times(value):
    if isinstance(value, dict):
        return {name: without_times(item) for name, item in value.items() if "seconds" not in name}
    return [without_times(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("implementation", ["acidtest.impl.acid:Transfers", "acidtest.impl.naive.acid:IntegerMoney"])
def test_a_check_tells_the_same_with_any_number_of_workers(tmp_path, implementation):
    told = []
    for workers in ("1", "2"):
        file = tmp_path / f"{workers}.json"
        command = ["check", "acid", implementation, "--search", "exhaustive", "--workers", workers, "--json", str(file)]
        done = subprocess.run([sys.executable, "-m", "acidtest", *command], capture_output=True, text=True, check=False)
        told.append((done.returncode, without_times(json.loads(file.read_text(encoding="utf-8")))))
    assert told[0] == told[1]
