"""Processes of servers: they end with the one that started them, and what it left behind is found again."""

from __future__ import annotations

import ctypes
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acidtest.world.databases.folders import MEMORY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_PR_SET_PDEATHSIG = 1


def start(
    command: Sequence[str], log: Path, *, end: signal.Signals = signal.SIGKILL, user: Mapping[str, Any] | None = None
) -> subprocess.Popen[bytes]:
    """Start a server; it ends with this process, however that ends, where the system can do that.

    Arguments:
        command: the program and its arguments.
        log: where its output goes.
        end: the signal that it gets when this process has ended.
        user: options of `subprocess` that make it run as another user.
    """
    library = ctypes.CDLL(None) if sys.platform.startswith("linux") else None

    def end_with_us() -> None:
        if library is not None:
            library.prctl(_PR_SET_PDEATHSIG, end)

    with log.open("ab") as out:
        return subprocess.Popen(  # noqa: S603 - found by us
            list(command), stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True,
            preexec_fn=end_with_us, **(user or {}),  # noqa: PLW1509 - nothing but a system call
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


def sweep(prefix: str) -> None:
    """Remove the folders `<prefix><process>-…` of runs that were killed; their servers have ended with them."""
    for folder in (MEMORY, Path(tempfile.gettempdir())):
        for left in folder.glob(f"{prefix}*"):
            owner = left.name.removeprefix(prefix).partition("-")[0]
            if owner.isdigit() and not is_alive(int(owner)):
                shutil.rmtree(left, ignore_errors=True)


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
