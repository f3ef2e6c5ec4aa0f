"""A MariaDB server to run on: a private one that is thrown away, or one that ACIDTEST_MARIADB_URL names.

The private server lives in a temporary folder, listens on a unix socket alone and ends with this process. It does not
wait for disks: killing it does not lose what the operating system has been given. It never looks for deadlocks by itself,
and never gives up a wait: the search sees both at once, and chooses the victim. Statistics are never gathered anew behind
the back of whoever runs it, because plans, and with them locks, would depend on when.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Protocol

import pymysql
import sqlalchemy as sa

from acidtest.errors import BackendUnavailable, UsageError
from acidtest.world.databases import processes
from acidtest.world.databases.folders import MEMORY, has_room
from acidtest.world.databases.full_disk import SAYING, no_space
from acidtest.world.databases.mariadb import programs
from acidtest.world.databases.mariadb.session import open_session, run
from acidtest.world.python.uncontrolled import allowed

#: Names a server of the user's.
VARIABLE = "ACIDTEST_MARIADB_URL"
_PREFIX = "acidtest-my-"
_PATIENCE = 30.0  #: seconds until a server that does not answer is given up
_GLANCE = 0.003  #: seconds between two looks at a server that starts
_FOR_EVER = 1_073_741_824  #: seconds; the most that innodb_lock_wait_timeout takes

_SIZES = ("--innodb-log-file-size=4M", "--innodb-buffer-pool-size=16M")
_SETTINGS = (
    *_SIZES, "--skip-networking", "--skip-name-resolve", "--performance-schema=off", "--innodb-fast-shutdown=2",
    "--innodb-use-native-aio=0", "--innodb-flush-log-at-trx-commit=2", "--innodb-doublewrite=0", "--innodb-deadlock-detect=OFF",
    f"--innodb-lock-wait-timeout={_FOR_EVER}", "--lock-wait-timeout=31536000", "--innodb-stats-auto-recalc=OFF",
    "--innodb-stats-on-metadata=OFF", "--character-set-server=utf8mb4", "--default-time-zone=+00:00", "--max-connections=200",
    "--skip-log-bin", "--log-warnings=0",
)  # fmt: skip


class Server(Protocol):
    """Where the databases of the world are.

    `private` says that it is ours alone, and may be killed. `where` are the options of `pymysql.connect` that say where it is.
    """

    private: bool
    where: dict[str, Any]

    def said(self) -> str:
        """The end of its log; empty where it is not ours."""

    def stop(self) -> None:
        """End it, if it is ours."""


class UsersServer:
    """A server that the user has named: only databases called acidtest_* are made in it, and removed again."""

    private = False

    def __init__(self, url: str) -> None:
        """Keep its address."""
        try:
            found = sa.make_url(url)
            known = found.get_backend_name() in ("mysql", "mariadb")
        except (sa.exc.ArgumentError, ValueError):
            known = False
        if not known:
            message = f"{VARIABLE} is {url!r}, which is no address of a MariaDB server. Write mariadb://user:password@host:3306/."
            raise UsageError(message)
        given = {"host": found.host, "port": found.port, "user": found.username, "password": found.password}
        self.where: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if "unix_socket" in found.query:
            self.where["unix_socket"] = found.query["unix_socket"]

    def said(self) -> str:
        """Nothing: its log is not ours."""
        return ""

    def stop(self) -> None:
        """Nothing: others may use it."""


class PrivateServer:
    """A server of our own in a temporary folder, from `start` until `stop`."""

    private = True

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        self.where: dict[str, Any] = {}
        self.seconds = 0.0

    def start(self) -> PrivateServer:
        """Make its folder and start it; `seconds` says how long that took.

        Raises:
            BackendUnavailable: MariaDB is not installed, or does not start.
        """
        began = time.monotonic()
        for name in (programs.SERVER, programs.INSTALLER):
            programs.program(name)
        processes.sweep(_PREFIX)
        # The path of a unix socket has at most 107 bytes, so the folder must not be in pytest's.
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=MEMORY if has_room(MEMORY) else None))
        atexit.register(self.stop)
        # Without TLS: to load certificates takes a hundred times as long as to connect.
        self.where = {"unix_socket": str(self._folder / "socket"), "user": "root", "ssl_disabled": True}
        programs.make(self._folder / "data", *_SIZES)
        self._run()
        self.seconds = time.monotonic() - began
        return self

    def _run(self) -> None:
        assert self._folder is not None  # noqa: S101 - start() made it
        command = [
            programs.program(programs.SERVER), "--no-defaults", f"--user={programs.user()}", f"--datadir={self._folder / 'data'}",
            f"--socket={self._folder / 'socket'}", f"--pid-file={self._folder / 'pid'}", f"--tmpdir={self._folder}", *_SETTINGS,
        ]  # fmt: skip
        until = time.monotonic() + _PATIENCE
        self._process = processes.start(command, self._folder / "log")
        while time.monotonic() < until:
            if self._answers():
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GLANCE)
                break
        text = self.said()
        self.stop()
        if SAYING in text:
            what = "the private MariaDB server does not start"
            raise no_space(what)
        message = f"The private MariaDB server in {self._folder} does not start. Its log ends:\n{text}"
        raise BackendUnavailable(message)

    def said(self) -> str:
        """The end of its log."""
        log = Path() if self._folder is None else self._folder / "log"
        return log.read_text(errors="replace")[-2_000:] if log.is_file() else ""

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:  # PyMySQL forgets to close one that cannot connect
            try:
                probe.connect(self.where["unix_socket"])
            except OSError:
                return False
        try:
            open_session(self.where).close()
        except pymysql.err.OperationalError:
            return False
        return True

    @property
    def pid(self) -> int:
        """Its process; 0 if it does not run."""
        return 0 if self._process is None or self._process.poll() is not None else self._process.pid

    def kill(self) -> None:
        """Kill it, as a machine that dies would."""
        if self.pid and self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None

    def restart(self) -> None:
        """Start again after `kill`: MariaDB recovers what was committed or prepared, and nothing else."""
        self._run()

    def stop(self) -> None:
        """End it and remove its folder; harmless when called again, or in a forked process."""
        if os.getpid() != self._owner:
            return
        with allowed():
            self.kill()  # nobody needs what is in it
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        atexit.unregister(self.stop)


_running: list[Any] = []


def server() -> Server:
    """The server of this process: the user's, or a private one that is started when it is first asked for.

    Raises:
        BackendUnavailable: there is none, it does not answer, or its user may not look who waits for whom.
    """
    if not _running or (_running[0].private and not _running[0].pid):
        url = os.environ.get(VARIABLE)
        with allowed():
            found: Any = _reach(UsersServer(url)) if url else PrivateServer().start()
        _running[:] = [found]
    first: Server = _running[0]
    return first


def _reach(users: UsersServer) -> UsersServer:
    try:
        session = open_session(users.where, connect_timeout=10)
    except pymysql.err.OperationalError as error:
        message = (
            f"The MariaDB server that {VARIABLE} names does not answer: {error.args[-1]}. Start it, or unset {VARIABLE} to have "
            "a private one."
        )
        raise BackendUnavailable(message) from error
    try:
        run(session, "SHOW ENGINE INNODB STATUS")
        run(session, "SELECT 1 FROM information_schema.innodb_lock_waits")
    except pymysql.err.MySQLError as error:
        message = (
            f"The user of the MariaDB server that {VARIABLE} names may not see who waits for a lock: {error.args[-1]}. "
            "GRANT PROCESS ON *.* to it; nothing can be scheduled without."
        )
        raise BackendUnavailable(message) from error
    finally:
        session.close()
    return users
