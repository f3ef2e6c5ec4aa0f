"""The same programs through acidtest and its peers: `python -m benchmarks peers [--budget SECONDS] [--write]`.

The peers are installed into virtual environments of their own, in a folder of the user's caches, from the package index that pip
is configured for. Whatever cannot be had is told in the table. `--write` keeps what was measured beside this file, and
`docs/generate.py benchmarks` makes a page of that.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import platform
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest import __version__
from acidtest.errors import BackendUnavailable
from acidtest.workers import cores
from acidtest.world.databases.postgresql.server import PrivateServer
from benchmarks.environments import Absent, environment
from benchmarks.peers import by_acidtest
from benchmarks.peers.programs import PROGRAMS, Row, without_any_tool

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
#: What was measured last, for the page.
MEASURED = Path(__file__).with_name("measured.json")
#: Seconds for which the statements run without any tool.
BARE = 1.0


class Peer(NamedTuple):
    """Another tester of interleavings.

    Arguments:
        name: what it is called.
        requirements: what pip installs.
        module: runs the programs through it.
        python: the least version that it runs on.
        launcher: what has to start Python, in the environment; empty for Python itself.
        backends: the kinds of databases that it can run the programs on.
    """

    name: str
    requirements: tuple[str, ...]
    module: str
    python: tuple[int, int]
    launcher: str
    backends: tuple[str, ...]


PEERS = (
    Peer("Frontrun", ("frontrun[sql]==0.7.0", "psycopg[binary]>=3.1"), "benchmarks.peers.by_frontrun", (3, 10), "frontrun", ("sqlite", "postgresql")),
    Peer("simloom", ("simloom==0.5.0",), "benchmarks.peers.by_simloom", (3, 12), "", ("sqlite",)),
)


def by_peer(peer: Peer, backend: str, address: str, seconds: float) -> list[Row]:
    """What a peer makes of all programs; rows that say why there is nothing, where that is so."""
    try:
        programs = environment(f"peers-{peer.requirements[0]}", peer.requirements, peer.python)
    except Absent as reason:
        return [Row(peer.name, program.name, backend, note=str(reason)) for program in PROGRAMS]
    python = [str(programs / "python"), "-m", peer.module, backend, address, str(seconds)]
    command = [str(programs / peer.launcher), *python] if peer.launcher else python
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)  # noqa: S603 - fixed commands
    rows = [Row(**json.loads(line)) for line in ended.stdout.splitlines() if line.startswith("{")]
    missing = [program.name for program in PROGRAMS if program.name not in {row.program for row in rows}]
    said = (ended.stderr.strip().splitlines() or ["nothing"])[-1]
    return [*rows, *(Row(peer.name, name, backend, note=f"ended with {ended.returncode}: {said}") for name in missing)]


def measure(backend: str, address: str, seconds: float) -> tuple[list[Row], dict[str, float]]:
    """Every tool on one backend, and how often a second the statements run without any."""
    rows = [by_acidtest.measure(program, backend, seconds) for program in PROGRAMS]
    for peer in PEERS:
        if backend in peer.backends:
            rows += by_peer(peer, backend, address, seconds)
    return rows, {program.name: without_any_tool(program, backend, address, BARE) for program in PROGRAMS}


def line(row: Row) -> str:
    """A row of the table."""
    first = f"first counterexample after {row.first * 1000:7.1f} ms, {row.first_runs} runs" if row.first is not None else "no counterexample"
    if not row.runs:
        return f"  {row.tool:<9} not measured: {row.note}"
    whole = f"{row.runs:>4} runs in {row.seconds * 1000:7.1f} ms, {row.runs / row.seconds:6.0f} runs/s"
    return f"  {row.tool:<9} {whole}, {'all' if row.complete else 'NOT ALL'}; {first}{'; ' if row.note else ''}{row.note}"


def told(rows: Sequence[Row], bare: dict[str, float], backend: str) -> None:
    """Print the table of one backend."""
    for program in PROGRAMS:
        print(f"{backend}, {program.name}: {program.what}; without any tool {bare[program.name]:.0f} runs/s")
        for row in rows:
            if row.program == program.name:
                print(line(row))


def about() -> dict[str, Any]:
    """Where and when it is measured, and with what."""
    processor = platform.processor() or platform.machine()
    names = [text.partition(":")[2].strip() for text in _lines(Path("/proc/cpuinfo")) if text.startswith("model name")]
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(), "machine": (names or [processor])[0], "cores": cores(),
        "system": f"{platform.system()} {platform.release()}", "python": platform.python_version(), "acidtest": __version__,
        "peers": [requirement for peer in PEERS for requirement in peer.requirements[:1]],
    }  # fmt: skip


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def main(arguments: Sequence[str]) -> None:
    """Measure, print a table, and keep what was measured if that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks peers", description=__doc__)
    parser.add_argument("--budget", type=float, default=60.0, metavar="SECONDS", help="for each exploration")
    parser.add_argument("--write", action="store_true", help=f"keep what was measured in {MEASURED.name}, of which docs/generate.py makes a page")
    options = parser.parse_args(arguments)
    value: dict[str, Any] = {"about": about(), "programs": {p.name: p.what for p in PROGRAMS}, "rows": [], "bare": {}}
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:  # noqa: S108 - a RAM disk
        addresses = {"sqlite": f"{folder}/peers.db"}
        server = PrivateServer()
        try:
            addresses["postgresql"] = server.start().conninfo
        except BackendUnavailable as reason:
            print(f"postgresql: not measured: {reason}")
        try:
            for backend, address in addresses.items():
                rows, bare = measure(backend, address, options.budget)
                told(rows, bare, backend)
                value["rows"] += [row._asdict() for row in rows]
                value["bare"][backend] = bare
        finally:
            server.stop()
    if options.write:
        MEASURED.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
        print(f"kept in {MEASURED.relative_to(ROOT)}; now run: python docs/generate.py benchmarks")
