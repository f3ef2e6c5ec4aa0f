"""A PostgreSQL server to run on: a private one that is thrown away, or one that ACIDTEST_POSTGRESQL_URL names.

The private server lives in a temporary folder, listens on a unix socket alone and ends with this process. It does not
wait for disks: killing its processes does not lose what the operating system has been given. It never looks for
deadlocks by itself: the search sees them at once, and chooses the victim.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from acidtest.errors import BackendUnavailable, UsageError
from acidtest.world.databases import processes
from acidtest.world.databases.folders import MEMORY, has_room
from acidtest.world.databases.full_disk import SAYING, no_space
from acidtest.world.databases.postgresql import programs
from acidtest.world.python.uncontrolled import allowed

#: Names a server of the user's.
VARIABLE = "ACIDTEST_POSTGRESQL_URL"
_PREFIX = "acidtest-pg-"
_PATIENCE = 30.0  #: seconds until a server that does not answer is given up
_GLANCE = 0.003  #: seconds between two looks at a server that starts

_SETTINGS = {
    "listen_addresses": "", "shared_buffers": "16MB", "max_connections": "60", "max_prepared_transactions": "64",
    "dynamic_shared_memory_type": "mmap", "autovacuum": "off", "wal_level": "minimal", "max_wal_senders": "0",
    "max_wal_size": "64MB", "min_wal_size": "2MB", "fsync": "off", "full_page_writes": "off", "jit": "off",
    "max_logical_replication_workers": "0", "max_parallel_workers": "0", "recovery_init_sync_method": "syncfs",
    "deadlock_timeout": "1h", "synchronize_seqscans": "off", "log_min_messages": "fatal", "log_checkpoints": "off",
    "checkpoint_timeout": "1h", "TimeZone": "UTC",
}  # fmt: skip


class Server(Protocol):
    """Where the databases of the world are.

    `private` says that it is ours alone: it may be killed, its processes may be stopped and continued.
    """

    private: bool
    conninfo: str

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to one of its processes; nothing where it is not ours."""

    def said(self) -> str:
        """The end of its log; empty where it is not ours."""

    def stop(self) -> None:
        """End it, if it is ours."""


class UsersServer:
    """A server that the user has named: only schemas called acidtest_* are made in it, and removed again."""

    private = False

    def __init__(self, url: str) -> None:
        """Keep its address."""
        try:
            conninfo_to_dict(url)
        except psycopg.Error as error:
            message = f"{VARIABLE} is {url!r}, which is no address of a PostgreSQL server ({error}). Write postgresql://user@host/database."
            raise UsageError(message) from None
        self.conninfo = url

    def signal(self, pid: int, number: int) -> None:
        """Nothing: its processes are not ours."""

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
        self.conninfo = ""
        self.seconds = 0.0

    def start(self) -> PrivateServer:
        """Make its folder and start it; `seconds` says how long that took.

        Raises:
            BackendUnavailable: PostgreSQL is not installed, or does not start.
        """
        began = time.monotonic()
        programs.programs()
        processes.sweep(_PREFIX)
        # The path of a unix socket has at most 107 bytes, so the folder must not be in pytest's.
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=MEMORY if has_room(MEMORY) else None))
        atexit.register(self.stop)
        user = programs.unprivileged()
        if user:
            os.chown(self._folder, user["user"], user["group"])
        self.conninfo = make_conninfo(host=str(self._folder), user="acidtest", dbname="postgres")
        programs.run(
            "initdb", "-D", str(self._folder / "data"), "-U", "acidtest", "-A", "trust", "-E", "UTF8", "--locale=C",
            "--no-sync", "--no-instructions", "--wal-segsize=1",
        )  # fmt: skip
        self._run()
        self.seconds = time.monotonic() - began
        return self

    def _run(self) -> None:
        assert self._folder is not None  # noqa: S101 - start() made it
        log = self._folder / "log"
        arguments = ["-D", str(self._folder / "data"), "-k", str(self._folder)]
        for name, value in _SETTINGS.items():
            arguments += ["-c", f"{name}={value}"]
        until = time.monotonic() + _PATIENCE
        self._process = programs.start("postgres", arguments, log)
        while time.monotonic() < until:
            if self._answers():
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GLANCE)
                # After a kill, memory is in use until the last process is gone.
                if "still in use" not in self.said():
                    break
                self._process = programs.start("postgres", arguments, log)
        text = self.said()
        self.stop()
        if SAYING in text:
            what = "the private PostgreSQL server does not start"
            raise no_space(what)
        message = f"The private PostgreSQL server in {self._folder} does not start. Its log ends:\n{text}"
        raise BackendUnavailable(message)

    def said(self) -> str:
        """The end of its log."""
        log = Path() if self._folder is None else self._folder / "log"
        return log.read_text(errors="replace")[-2_000:] if log.is_file() else ""

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.conninfo).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def pid(self) -> int:
        """The process that started all others of the server; 0 if it does not run."""
        return 0 if self._process is None or self._process.poll() is not None else self._process.pid

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to one of its processes."""
        with contextlib.suppress(ProcessLookupError), allowed():
            os.kill(pid, number)

    def kill(self) -> None:
        """Kill all of its processes at once, as a machine that dies would."""
        if not self.pid or self._process is None:
            return
        self.signal(self.pid, signal.SIGSTOP)  # it starts no more processes while we look for them
        pids = processes.children(self.pid)
        for pid in [self.pid, *pids]:
            self.signal(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def restart(self) -> None:
        """Start again after `kill`: PostgreSQL recovers what was committed or prepared, and nothing else."""
        self._run()

    def stop(self) -> None:
        """End it and remove its folder; harmless when called again, or in a forked process."""
        if os.getpid() != self._owner:
            return
        if self.pid and self._process is not None:
            self.signal(self.pid, signal.SIGQUIT)
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        atexit.unregister(self.stop)


_running: list[Any] = []


def server() -> Server:
    """The server of this process: the user's, or a private one that is started when it is first asked for.

    Raises:
        BackendUnavailable: there is none, or it does not answer.
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
        psycopg.connect(users.conninfo, connect_timeout=10).close()
    except psycopg.OperationalError as error:
        message = (
            f"The PostgreSQL server that {VARIABLE} names does not answer: {str(error).strip()}. Start it, or unset {VARIABLE} "
            "to have a private one."
        )
        raise BackendUnavailable(message) from error
    return users
