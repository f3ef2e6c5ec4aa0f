"""The programs of MariaDB on this machine."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from functools import cache
from pathlib import Path

from acidtest.errors import BackendUnavailable
from acidtest.world.databases.full_disk import SAYING, no_space

#: Where distributions keep what is not on the PATH.
_PLACES = ("/usr/sbin", "/usr/bin", "/usr/libexec", "/usr/local/sbin", "/opt/homebrew/opt/mariadb/bin", "/usr/local/opt/mariadb/bin")
SERVER, INSTALLER = "mariadbd", "mariadb-install-db"


@cache
def program(name: str) -> str:
    """The path of `mariadbd` or `mariadb-install-db`.

    Raises:
        BackendUnavailable: there is none.
    """
    found = shutil.which(name) or next((f"{place}/{name}" for place in _PLACES if os.access(f"{place}/{name}", os.X_OK)), None)
    if found is None:
        message = (
            f"MariaDB was not found: there is no {name} on the PATH, nor in {', '.join(_PLACES[:3])}. Nothing can be checked on "
            "the backend mariadb without it. Install it (Debian: apt-get install mariadb-server-core), or name a server that may be "
            "used in ACIDTEST_MARIADB_URL."
        )
        raise BackendUnavailable(message)
    return found


def user() -> str:
    """Who runs the server: whoever runs this. To run as root, it has to be told so."""
    return pwd.getpwuid(os.geteuid()).pw_name


def make(data: Path, *settings: str) -> None:
    """Make the folder of a server.

    Raises:
        BackendUnavailable: it cannot be made; with what was said.
    """
    command = [
        program(INSTALLER), "--no-defaults", f"--datadir={data}", f"--user={user()}", "--auth-root-authentication-method=normal",
        "--skip-test-db", *settings,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - found by us
    if done.returncode != 0:
        said = f"{done.stdout}{done.stderr}".strip()
        if SAYING in said:
            what = f"{INSTALLER} could not make a MariaDB server"
            raise no_space(what)
        message = f"{INSTALLER} failed, so there is no MariaDB server to check on. It said:\n{said[-2_000:]}"
        raise BackendUnavailable(message)
