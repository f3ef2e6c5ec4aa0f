"""A check on a Dask cluster gives what it gives here, also where a worker dies in the middle."""

import json
import os
import pickle
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from acidtest.cli import main
from acidtest.cluster import Pieces
from acidtest.ending import USAGE
from acidtest.workers import answers_of

#: They share a cluster.
pytestmark = pytest.mark.xdist_group("cluster")

#: Two workers, until the input ends.
CLUSTER = textwrap.dedent("""
    import sys
    from distributed import LocalCluster

    if __name__ == "__main__":
        options = {"threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1", "silence_logs": 50}
        with LocalCluster(n_workers=2, **options) as cluster:
            print(cluster.scheduler_address, flush=True)
            sys.stdin.read()
""")

#: A correct implementation, with which the first worker that comes so far is killed: the parent of the parent of who runs it.
MINE = textwrap.dedent("""
    import os
    import signal
    import sys
    from pathlib import Path
    from types import SimpleNamespace

    from acidtest.impl.acid import Transfers

    made = SimpleNamespace(times=0)  # in all runs: an object of Python's own belongs to no process


    def kill_the_worker():
        try:
            Path(__file__).with_name("killed").touch(exist_ok=False)
        except FileExistsError:
            return
        parent = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1]
        os.kill(int(parent), signal.SIGKILL)


    def make(env):
        made.times += 1
        if made.times == 20 and sys.argv[0].endswith("piece.py"):
            kill_the_worker()
        return Transfers(env)
""")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A local cluster of two workers."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("who is whose parent is read from /proc")
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "cluster.py").write_text(CLUSTER, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "cluster.py"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        yield process.stdout.readline().strip()
        process.communicate("", timeout=60)


def check(folder, implementation, *options):
    """The exit code, the results without times, and what was told on a terminal."""
    file, (terminal, inside) = folder / "results.json", os.openpty()
    told = []

    def listen():
        try:
            while data := os.read(terminal, 4_096):
                told.append(data)
        except OSError:
            pass  # nobody is at the other end any more

    command = [sys.executable, "-m", "acidtest", "check", "acid", implementation, "--json", str(file), *options]
    listener = threading.Thread(target=listen)
    listener.start()
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=inside, check=False)
    os.close(inside)
    listener.join()
    os.close(terminal)
    return done.returncode, without_times(json.loads(file.read_text(encoding="utf-8"))), b"".join(told).decode()


def without_times(value):
    if isinstance(value, dict):
        return {name: without_times(item) for name, item in value.items() if "seconds" not in name}
    return [without_times(item) for item in value] if isinstance(value, list) else value


SCOPES = ("--search", "exhaustive", "--scope", "opposite transfers", "--scope", "competing transfers")


def test_a_worker_that_dies_in_the_middle_loses_nothing_and_progress_is_shown(tmp_path, address):
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    here = check(tmp_path, "mine:make", *SCOPES, "--workers", "1")
    there = check(tmp_path, "mine:make", *SCOPES, "--dask", address)
    assert (tmp_path / "killed").exists()
    assert there[:2] == here[:2]
    assert here[0] == 0
    assert "0 of 2 pieces done by the cluster" in there[2]
    assert "2 of 2 pieces done by the cluster" in there[2]


def test_a_failure_is_the_same_and_what_is_not_wanted_any_more_ends(tmp_path, address):
    options = ("--search", "exhaustive", "--scope", "long pause", "--scope", "one transfer")
    here = check(tmp_path, "acidtest.impl.naive.acid:IntegerMoney", *options, "--workers", "1")
    there = check(tmp_path, "acidtest.impl.naive.acid:IntegerMoney", *options, "--dask", address)
    assert there[:2] == here[:2]
    assert here[0] == 1


#: Stands for a client of Dask whose cluster answers all pieces but the first, and is gone then.
class Gone:
    def __init__(self, answers):
        self.answers, self.closed, self.asked = list(answers), False, []

    def subscribe_topic(self, topic, hear):
        hear((0.0, "one withdrawal: 3 runs"))

    def submit(self, _do, _piece, _check, **_options):
        answer = self.answers.pop(0)
        return SimpleNamespace(done=lambda: True, result=lambda timeout=None: self.give(answer))

    def give(self, answer):
        assert not self.closed
        self.asked.append(answer)
        if answer is None:
            raise ConnectionError
        return answer

    def unsubscribe_topic(self, _topic):
        raise ConnectionError

    def close(self):
        self.closed = True


def test_what_the_cluster_cannot_do_is_done_here_when_all_else_is_answered_and_it_is_left():
    client, told = Gone([None, pickle.dumps(("second",)), pickle.dumps(("third",))]), []
    here = [lambda: (client.closed, len(client.asked)), pytest.fail, pytest.fail]
    team = Pieces(client, ["first", "second", "third"], [1.0, 2.0, 3.0], told.append)
    assert list(answers_of(team, here)) == [(True, 3), "second", "third"]
    assert told[-1] == "3 of 3 pieces done by the cluster; one withdrawal: 3 runs"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--dask", "nowhere"], "no scheduler answers at 'nowhere'"),
        (["--dask", "tcp://127.0.0.1:1", "--budget", "5"], "--dask goes with the exhaustive search"),
        (["--dask", "tcp://127.0.0.1:1", "--keep-going"], "--dask goes with the exhaustive search"),
    ],
)
def test_what_a_cluster_cannot_do_is_refused(capfd, monkeypatch, options, said):
    monkeypatch.setattr(sys, "argv", ["acidtest"])
    with pytest.raises(SystemExit) as ended:
        main(["check", "acid", "acidtest.impl.acid:Transfers", *options], prog_name="acidtest")
    assert ended.value.code == USAGE
    assert said in capfd.readouterr().err
