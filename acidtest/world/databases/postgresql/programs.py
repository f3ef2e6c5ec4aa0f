"""The programs of PostgreSQL on this machine, the user that runs them, and the processes that they leave behind."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acidtest.errors import BackendUnavailable
from acidtest.world.databases.full_disk import SAYING, no_space

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Where distributions keep what is not on the PATH.
_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin")
_UNPRIVILEGED = ("postgres", "nobody")
_PR_SET_PDEATHSIG = 1


@cache
def programs() -> Path:
    """The folder with `initdb` and `postgres`; of several versions the newest.

    Raises:
        BackendUnavailable: there is none.
    """
    onpath = shutil.which("postgres")
    folders = [Path(onpath).resolve().parent] if onpath else []
    for place in _PLACES:
        found = Path("/").glob(place.lstrip("/"))
        folders += sorted(found, key=lambda folder: (len(str(folder)), str(folder)), reverse=True)
    for folder in folders:
        if all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres")):
            return folder
    message = (
        "PostgreSQL was not found: there is no postgres and initdb on the PATH, nor in /usr/lib/postgresql/*/bin. Nothing can "
        "be checked on the backend postgresql without it. Install it (Debian: apt-get install postgresql), or name a server "
        "that may be used in ACIDTEST_POSTGRESQL_URL."
    )
    raise BackendUnavailable(message)


def unprivileged() -> dict[str, Any]:
    """Options of `subprocess` that make a program run as an ordinary user: the server refuses to run as root.

    Raises:
        BackendUnavailable: we are root, and there is no user to become.
    """
    if os.geteuid() != 0:
        return {}
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    message = (
        f"PostgreSQL does not run as root, and there is none of the users {', '.join(_UNPRIVILEGED)} to run it as. "
        "Run acidtest as an ordinary user, or name a server in ACIDTEST_POSTGRESQL_URL."
    )
    raise BackendUnavailable(message)


def run(program: str, *arguments: str) -> None:
    """Run one of the programs to its end.

    Raises:
        BackendUnavailable: it failed; with what it said.
    """
    done = subprocess.run(  # noqa: S603 - found by us
        [str(programs() / program), *arguments], capture_output=True, text=True, check=False, **unprivileged()
    )
    if done.returncode != 0:
        if SAYING in done.stderr:
            what = f"{program} could not make a PostgreSQL server"
            raise no_space(what)
        message = f"{program} failed, so there is no PostgreSQL server to check on. It said:\n{done.stderr.strip()}"
        raise BackendUnavailable(message)


def start(program: str, arguments: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start one of the programs; it ends with this process, however that ends, where the system can do that."""
    library = ctypes.CDLL(None) if sys.platform.startswith("linux") else None

    def end_with_us() -> None:
        if library is not None:
            library.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)

    with log.open("ab") as out:
        return subprocess.Popen(  # noqa: S603 - found by us
            [str(programs() / program), *arguments], stdout=out, stderr=out, stdin=subprocess.DEVNULL,
            start_new_session=True, preexec_fn=end_with_us, **unprivileged(),  # noqa: PLW1509 - nothing but a system call
        )  # fmt: skip


def children(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    parents = dict(_parents())
    found = [pid]
    for candidate in found:
        found += [child for child, parent in parents.items() if parent == candidate and child not in found]
    return found[1:]


def is_alive(pid: int) -> bool:
    """Whether a process exists and has not ended."""
    return any(child == pid for child, _ in _parents())


def _parents() -> Iterator[tuple[int, int]]:
    """(process, its parent) of everything that runs."""
    if not Path("/proc/self/stat").exists():
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=False)  # noqa: S607
        for line in listed.stdout.splitlines():
            child, parent, state = line.split()[:3]
            if not state.startswith("Z"):
                yield int(child), int(parent)
        return
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            except (OSError, ValueError):
                continue  # it has just ended
            if state != "Z":
                yield int(folder.name), int(parent)
