"""A check on a Dask cluster gives what it gives here, also where a worker dies in the middle."""

import json
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from acidtest.cli import main
from acidtest.ending import USAGE

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

    from acidtest.impl.acid import Transfers

    made = 0


    def kill_the_worker():
        try:
            Path(__file__).with_name("killed").touch(exist_ok=False)
        except FileExistsError:
            return
        parent = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1]
        os.kill(int(parent), signal.SIGKILL)


    def make(env):
        global made
        made += 1
        if made == 20 and sys.argv[0].endswith("piece.py"):
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
    assert "It is done here" not in there[2]


def test_a_failure_is_the_same_and_what_is_not_wanted_any_more_ends(tmp_path, address):
    options = ("--search", "exhaustive", "--scope", "long pause", "--scope", "one transfer")
    here = check(tmp_path, "acidtest.impl.naive.acid:IntegerMoney", *options, "--workers", "1")
    there = check(tmp_path, "acidtest.impl.naive.acid:IntegerMoney", *options, "--dask", address)
    assert there[:2] == here[:2]
    assert here[0] == 1


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
