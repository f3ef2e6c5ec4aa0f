"""The programs of PostgreSQL on this machine, and the user that runs them."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acidtest.errors import BackendUnavailable
from acidtest.world.databases import processes
from acidtest.world.databases.full_disk import SAYING, no_space

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Where distributions keep what is not on the PATH.
_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin")
_UNPRIVILEGED = ("postgres", "nobody")


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
    return processes.start([str(programs() / program), *arguments], log, end=signal.SIGQUIT, user=unprivileged())
