"""The private server: it is found, starts, ends with its process, and survives being killed with what was committed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import sqlalchemy as sa
from psycopg.conninfo import conninfo_to_dict

from acidtest.errors import BackendUnavailable, UsageError
from acidtest.world.databases import processes
from acidtest.world.databases.postgresql import programs, server
from acidtest.world.databases.postgresql.server import PrivateServer, UsersServer

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster

STARTS = """
from acidtest.world.databases.postgresql.server import server
import sys
made = server()
print(made.pid, made.conninfo.split()[0].removeprefix("host="), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def started_here(postgresql: Any) -> Any:
    del postgresql
    made = PrivateServer().start()
    yield made
    made.stop()


def started() -> tuple[subprocess.Popen[str], int, Path]:
    """A process with a private server of its own; the server's process and folder."""
    environment = {name: value for name, value in os.environ.items() if name != server.VARIABLE}
    process = subprocess.Popen(
        [sys.executable, "-c", STARTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    pid, folder = process.stdout.readline().split()
    return process, int(pid), Path(folder)


def ended(pid: int) -> bool:
    """Whether a process ends, sooner or later."""
    return any(not processes.is_alive(pid) for _ in range(20_000))


def test_a_server_starts_in_less_than_three_seconds_of_work_and_listens_on_a_socket_alone(started_here: PrivateServer) -> None:
    with psycopg.connect(started_here.conninfo) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW max_prepared_transactions").fetchone() == ("64",)
    assert 0 < started_here.seconds < 30  # the machine may be busy; see the benchmarks


def test_a_server_that_is_stopped_leaves_nothing(started_here: PrivateServer) -> None:
    pid, folder = started_here.pid, Path(started_here.conninfo.split()[0].removeprefix("host="))
    started_here.stop()
    started_here.stop()
    assert not processes.is_alive(pid)
    assert not folder.exists()


def test_the_server_ends_with_the_process_that_started_it(postgresql: Any) -> None:
    del postgresql
    process, pid, folder = started()
    process.communicate()
    assert process.returncode == 0
    assert ended(pid)
    assert not folder.exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a process that its parent was killed")
def test_the_server_ends_when_the_process_that_started_it_is_killed_and_the_next_one_cleans_up(postgresql: Any) -> None:
    del postgresql
    process, pid, folder = started()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert ended(pid)
    PrivateServer().start().stop()
    assert not folder.exists()


def test_what_was_committed_or_prepared_survives_a_server_that_is_killed_and_nothing_else(started_here: PrivateServer) -> None:
    one, two = psycopg.connect(started_here.conninfo), psycopg.connect(started_here.conninfo)
    one.execute("CREATE TABLE t (n int)")
    one.execute("INSERT INTO t VALUES (1)")
    one.commit()
    one.tpc_begin(one.xid(1, "k1", "left"))
    one.execute("INSERT INTO t VALUES (2)")
    one.tpc_prepare()
    two.execute("INSERT INTO t VALUES (3)")
    started_here.kill()
    started_here.restart()
    with pytest.raises(psycopg.OperationalError):
        two.commit()
    one.close()
    with psycopg.connect(started_here.conninfo) as after:
        assert after.execute("SELECT n FROM t").fetchall() == [(1,)]
        after.commit()
        (xid,) = after.tpc_recover()
        after.tpc_commit(xid)
        assert after.execute("SELECT n FROM t ORDER BY n").fetchall() == [(1,), (2,)]


def test_without_postgresql_the_error_says_what_to_install(monkeypatch: Any) -> None:
    programs.programs.cache_clear()
    monkeypatch.setattr(programs, "_PLACES", ())
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BackendUnavailable, match=r"apt-get install postgresql.*ACIDTEST_POSTGRESQL_URL"):
        programs.programs()
    programs.programs.cache_clear()


def test_a_users_server_that_does_not_answer_is_named(monkeypatch: Any) -> None:
    monkeypatch.setattr(server, "_running", [])
    monkeypatch.setenv(server.VARIABLE, "postgresql://nobody@/nothing?host=/nowhere")
    with pytest.raises(BackendUnavailable, match="does not answer"):
        server.server()


def test_an_address_that_is_none_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="which is no address"):
        UsersServer("not an address")


def test_a_users_server_is_never_signalled_or_stopped(started_here: PrivateServer) -> None:
    users = UsersServer(started_here.conninfo)
    users.signal(started_here.pid, signal.SIGKILL)
    users.stop()
    assert started_here.pid


def test_a_disk_that_is_too_full_for_a_server_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    said = SimpleNamespace(returncode=1, stderr="initdb: error: could not write file: No space left on device")
    monkeypatch.setattr(programs, "programs", lambda: Path("/bin"))
    monkeypatch.setattr(programs.subprocess, "run", lambda *_, **__: said)
    with pytest.raises(BackendUnavailable, match=r"The disk is full: initdb .*Make room"):
        programs.run("initdb")


def test_a_server_that_dies_of_a_full_disk_says_so_in_its_log(started_here: PrivateServer) -> None:
    log = Path(started_here.conninfo.split()[0].removeprefix("host="), "log")
    log.write_text("PANIC:  could not write to file: No space left on device\n")
    assert "No space left on device" in started_here.said()


@pytest.mark.parametrize("name", ["bank", "a bank", "Bänke/1", "x'y+z%20"])
def test_the_url_of_a_database_means_the_same_to_sqlalchemy_and_to_libpq(pg: Cluster, name: str) -> None:
    database = pg.database(name)
    url = pg.backend.address(database)
    by_sqlalchemy = sa.make_url(url).translate_connect_args() | dict(sa.make_url(url).query)
    by_libpq = conninfo_to_dict(url.replace("+psycopg", "", 1))
    assert by_libpq["options"] == by_sqlalchemy["options"] == f"-c search_path={database.search_path}"
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        assert connection.execute("SELECT current_schema").fetchone() == (database.schema,)
