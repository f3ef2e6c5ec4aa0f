"""The private MariaDB server: it is found, starts, ends with its process, and survives being killed with what was committed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pymysql
import pytest
from small_world import install

from acidtest.errors import BackendUnavailable, UsageError
from acidtest.world.databases import processes
from acidtest.world.databases.mariadb import programs, server
from acidtest.world.databases.mariadb.server import PrivateServer, UsersServer
from acidtest.world.databases.mariadb.session import open_session, run
from acidtest.world.databases.table import open_backend, open_cluster

STARTS = """
from acidtest.world.databases.mariadb.server import server
import sys
made = server()
print(made.pid, made.where["unix_socket"], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def started_here(mariadb: Any) -> Any:
    del mariadb
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
    pid, socket = process.stdout.readline().split()
    return process, int(pid), Path(socket).parent


def ended(pid: int) -> bool:
    """Whether a process ends, sooner or later."""
    return any(not processes.is_alive(pid) for _ in range(20_000))


def test_a_server_listens_on_a_socket_alone_and_leaves_nothing_when_it_is_stopped(started_here: PrivateServer) -> None:
    session = open_session(started_here.where)
    assert run(session, "SELECT @@skip_networking, @@innodb_deadlock_detect") == ((1, 0),)
    session.close()
    pid, folder = started_here.pid, Path(started_here.where["unix_socket"]).parent
    assert 0 < started_here.seconds < 30  # the machine may be busy; see the benchmarks
    started_here.stop()
    started_here.stop()
    assert not processes.is_alive(pid)
    assert not folder.exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a process that its parent was killed")
def test_the_server_ends_when_the_process_that_started_it_is_killed_and_the_next_one_cleans_up(mariadb: Any) -> None:
    del mariadb
    process, pid, folder = started()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert ended(pid)
    process, pid, _ = started()
    assert not folder.exists()
    process.communicate()
    assert process.returncode == 0
    assert ended(pid)


def test_what_was_committed_or_prepared_survives_a_server_that_is_killed_and_nothing_else(started_here: PrivateServer) -> None:
    one, two = open_session(started_here.where), open_session(started_here.where)
    for sql in ("CREATE DATABASE bank", "CREATE TABLE bank.t (n INT PRIMARY KEY)", "INSERT INTO bank.t VALUES (1)", "XA START 'k1','left',1"):
        run(one, sql)
    for sql in ("INSERT INTO bank.t VALUES (2)", "XA END 'k1','left',1", "XA PREPARE 'k1','left',1"):
        run(one, sql)
    run(two, "BEGIN")
    run(two, "INSERT INTO bank.t VALUES (3)")
    started_here.kill()
    started_here.restart()
    with pytest.raises(pymysql.err.OperationalError):
        run(two, "COMMIT")
    after = open_session(started_here.where)
    assert run(after, "SELECT n FROM bank.t") == ((1,),)
    assert len(run(after, "XA RECOVER")) == 1
    run(after, "XA COMMIT 'k1','left',1")
    assert run(after, "SELECT n FROM bank.t ORDER BY n") == ((1,), (2,))
    for session in (one, two, after):
        session._force_close()


def test_without_mariadb_the_error_says_what_to_install(monkeypatch: Any) -> None:
    programs.program.cache_clear()
    monkeypatch.setattr(programs, "_PLACES", ("/nowhere",))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BackendUnavailable, match=r"apt-get install mariadb-server-core.*ACIDTEST_MARIADB_URL"):
        programs.program("mariadbd")
    programs.program.cache_clear()


def test_without_its_driver_the_error_says_what_to_install(monkeypatch: Any) -> None:
    for name in [name for name in sys.modules if name.endswith("mariadb.backend") or name.startswith("pymysql")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(BackendUnavailable, match=r"pip install 'acidtest\[mariadb\]'"):
        open_backend("mariadb")


def test_a_users_server_that_does_not_answer_is_named(monkeypatch: Any) -> None:
    monkeypatch.setattr(server, "_running", [])
    monkeypatch.setenv(server.VARIABLE, "mariadb://nobody@127.0.0.1:1/")
    with pytest.raises(BackendUnavailable, match="does not answer"):
        server.server()


def test_an_address_that_is_none_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="which is no address"):
        UsersServer("postgresql://me@localhost/")


def test_a_users_server_is_used_and_never_stopped(started_here: PrivateServer, monkeypatch: Any) -> None:
    monkeypatch.setattr(server, "_running", [])
    monkeypatch.setenv(server.VARIABLE, f"mysql+pymysql://root@localhost/?unix_socket={started_here.where['unix_socket']}")
    users = server.server()
    assert not users.private
    users.stop()
    assert started_here.pid


def test_on_a_users_server_databases_of_ours_alone_are_touched_and_removed(started_here: PrivateServer, monkeypatch: Any) -> None:
    def order(env: Any) -> None:
        for database in ("shop", "bank"):  # by a name that the server has, and by one that it has not
            with env.connect(database) as connection, connection.cursor() as cursor:
                cursor.execute("CREATE TABLE orders (n INT)")
                cursor.execute("INSERT INTO orders VALUES (2)")
                connection.commit()

    session = open_session(started_here.where)
    for sql in ("CREATE DATABASE shop", "CREATE TABLE shop.orders (n INT)", "INSERT INTO shop.orders VALUES (1)"):
        run(session, sql)
    before = set(run(session, "SHOW DATABASES"))
    monkeypatch.setattr(server, "_running", [])
    monkeypatch.setenv(server.VARIABLE, f"mariadb://root@localhost/?unix_socket={started_here.where['unix_socket']}")
    cluster = open_cluster("mariadb")
    install(cluster, order)
    made = {name for (name,) in set(run(session, "SHOW DATABASES")) - before}
    assert len(made) == 4  # each with what is kept of it for resets
    assert all(name.startswith("acidtest_") for name in made)
    cluster.close()
    assert set(run(session, "SHOW DATABASES")) == before
    assert run(session, "SELECT n FROM shop.orders") == ((1,),)
    session.close()
