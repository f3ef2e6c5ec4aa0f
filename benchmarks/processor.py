"""Processor time of this process and of the servers that it has started: what others do on the machine does not count."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def processor_time() -> float:
    """Seconds of processor time that this process has had, and all that descend from it."""
    ticks, children = 0, {os.getpid()}
    for pid, parent, used in sorted(_processes()):
        if parent in children:
            children.add(pid)
            ticks += used
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _processes() -> Iterator[tuple[int, int, int]]:
    """Every process there is: its number, its parent's, and what it and its dead children have used."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        yield int(path.parent.name), int(fields[1]), sum(map(int, fields[11:15]))
