"""Temporary folders for databases: on a RAM disk where that has room, and gone when their owner is, however it ended."""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

#: A RAM disk, not a predictable file name.
MEMORY = Path("/dev/shm")  # noqa: S108 - see above
#: Bytes that must be free there: a run needs few, but a full one would end it.
ROOM = 256 * 1024 * 1024
_PREFIX = "acidtest-"


def make() -> Path:
    """A new folder of this process's; what dead processes have left is removed first, once."""
    sweep()
    prefix = f"{_PREFIX}{os.getpid()}-{_started(os.getpid())}-"
    if has_room(MEMORY):
        try:
            return Path(tempfile.mkdtemp(prefix=prefix, dir=MEMORY))
        except OSError:
            pass  # it is read-only, or full after all
    return Path(tempfile.mkdtemp(prefix=prefix))


def has_room(folder: Path) -> bool:
    """Whether there is such a folder, with enough space in it."""
    try:
        return os.access(folder, os.W_OK | os.X_OK) and shutil.disk_usage(folder).free >= ROOM
    except OSError:
        return False


@cache
def sweep() -> None:
    """Remove the folders of processes that have ended without removing them."""
    for parent in (MEMORY, Path(tempfile.gettempdir())):
        for folder in parent.glob(f"{_PREFIX}*"):
            pid, _, rest = folder.name.removeprefix(_PREFIX).partition("-")
            started = rest.partition("-")[0]
            if pid.isdigit() and started.isdigit() and _started(int(pid)) != int(started):
                shutil.rmtree(folder, ignore_errors=True)


def _started(pid: int) -> int:
    """When a process has started, in ticks since the system has; -1 if there is none, 1 where that cannot be known.

    Numbers of processes come again, after a restart of a container soon.
    """
    if Path("/proc/self/stat").exists():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return -1
        return -1 if fields[0] == "Z" else int(fields[19])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return -1
    except OSError:
        pass  # it is another user's
    return 1
