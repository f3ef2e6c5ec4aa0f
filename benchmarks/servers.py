"""The three kinds of databases beside each other: `python -m benchmarks servers [PATTERN...] [--budget SECONDS] [--write]`.

How long each server takes to start, to die and come back, and to be put back between two runs; and the same scopes of the references on all,
with runs a second of processor time, and the views in which schedules end. `--write` keeps the figures for the page of the documentation.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acidtest.patterns import pattern
from acidtest.search.check import find_scope
from acidtest.search.exhaustive import Explorer
from acidtest.search.harness import Harness
from acidtest.world.databases.mariadb.server import PrivateServer as Mariadb
from acidtest.world.databases.postgresql.server import PrivateServer as Postgresql
from acidtest.world.databases.table import BACKENDS
from benchmarks.peers.side_by_side import about

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from acidtest.properties.shared.contract import Contract
    from acidtest.workload import Scope

MEASURED = Path(__file__).parent / "servers.json"
SERVERS = {"postgresql": Postgresql, "mariadb": Mariadb}
#: What is run on all: scopes that are finished in seconds, of every pattern, with and without faults.
SCOPES = {
    "acid": ("one process", "read and read again", "long pause", "competing transfers"),
    "outbox": ("invalid requests", "one process", "late relay", "outage"),
    "inbox": ("one message", "equal ids", "no funds", "out of order"),
    "outbox_inbox": ("invalid requests", "out of order", "late relays"),
    "compensation": ("invalid requests", "long pause", "parked"),
    "tcc": ("one branch", "rejected requests"),
    "reserve_confirm": ("invalid requests", "in part or not at all"),
    "two_phase_commit": ("lost replies", "refused for good"),
    "saga_orchestration": ("invalid requests", "outage"),
    "saga_choreography": ("invalid requests", "late relay"),
    "event_store": ("one append", "expected versions", "known events"),
    "event_sourcing": ("invalid commands", "snapshots", "old release"),
    "cqrs": ("invalid requests", "many commands"),
}
BUDGET = 60.0  #: seconds for each scope on each
RESETS = 50


def main(arguments: Sequence[str]) -> None:
    """Measure, print, and keep the figures where that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks servers")
    parser.add_argument("patterns", nargs="*", choices=[*SCOPES, []], metavar="PATTERN", help=f"which; all of {', '.join(SCOPES)} by default")
    parser.add_argument("--budget", type=float, default=BUDGET, metavar="SECONDS", help="for each scope on each kind of database")
    parser.add_argument("--write", action="store_true", help="keep the figures, for the page of the documentation")
    given = parser.parse_args(arguments)
    starts = {name: started(name) for name in SERVERS}
    for stem in given.patterns or SCOPES:
        rows = of_pattern(stem, given.budget)
        if given.write:
            keep(stem, starts, rows)


def keep(stem: str, starts: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Keep the figures of a pattern beside those of the others."""
    before = json.loads(MEASURED.read_text(encoding="utf-8"))["rows"] if MEASURED.exists() else []
    known = {(row["pattern"], row["scope"]): row for row in (*(row for row in before if row["pattern"] != stem), *rows)}
    ordered = [known[key] for key in ((stem, name) for stem, names in SCOPES.items() for name in names) if key in known]
    kept = {"about": about(), "starts": starts, "rows": ordered}
    MEASURED.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def started(name: str) -> dict[str, float]:
    """The least of three: seconds from nothing to the first connection, and from the death of the server until it answers again."""
    first, back = [], []
    for _ in range(3):
        made: Any = SERVERS[name]().start()
        began = time.perf_counter()
        made.kill()
        made.restart()
        back.append(time.perf_counter() - began)
        first.append(made.seconds)
        made.stop()
    print(f"{name}: {min(first):.2f} s from nothing to the first connection; killed and back in {min(back):.2f} s", flush=True)
    return {"start": round(min(first), 2), "back": round(min(back), 2)}


def of_pattern(stem: str, budget: float) -> list[dict[str, Any]]:
    """The scopes of a pattern, on each kind of database."""
    entry = pattern(stem)
    contract = entry.contract_class()()
    benches = {backend: Harness(contract, entry.reference_factory(), backend) for backend in BACKENDS}
    try:
        return [of_scope(stem, contract, find_scope(contract, name), benches, budget) for name in SCOPES[stem]]
    finally:
        for harness in benches.values():
            harness.close()


def of_scope(stem: str, contract: Contract, scope: Scope, benches: dict[str, Harness], budget: float) -> dict[str, Any]:
    """One scope on each kind of database, and how the views differ in which its schedules end."""
    found, views = {}, {}
    for backend, harness in benches.items():
        before = processor_time()
        search = Explorer(harness, scope, seconds=budget).explore()
        seconds = processor_time() - before
        views[backend] = {contract.abstract(view): view for view, _ in search.finals}
        found[backend] = {
            "schedules": search.schedules, "runs": search.runs, "effects": search.effects, "seconds": max(round(seconds, 3), 0.001),
            "complete": search.complete, "reset": round(1_000 * reset_of(harness), 2),
        }  # fmt: skip
    common = set.intersection(*map(set, views.values()))
    row = {
        "pattern": stem, "scope": scope.name, "found": found, "common": len(common),
        "alone": {backend: len(set(own) - common) for backend, own in views.items()},
        "differing": sorted({name for own in views.values() for view in set(own) - common for name in _differing(contract, own[view], views, common)}),
    }  # fmt: skip
    print(told(row), flush=True)
    return row


def processor_time() -> float:
    """Seconds of processor time that this process has had, and the servers that it has started: load from others does not count."""
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


def reset_of(harness: Harness) -> float:
    """Seconds of processor time to put a server's databases back after a run that has written to them; 0 on SQLite."""
    databases: list[Any] = [one for one in harness.cluster.databases() if hasattr(one, "disturbed")]
    began = processor_time()
    for _ in range(RESETS * bool(databases)):
        for database in databases:
            database.disturbed = True
            database.reset()
    return (processor_time() - began) / RESETS * bool(databases)


def _differing(contract: Contract, view: Any, views: dict[str, dict[Any, Any]], common: set[Any]) -> list[str]:
    """In what a view differs from the nearest that there is everywhere."""
    shown = dict(contract.shown(view))
    others = [dict(contract.shown(own[one])) for own in views.values() for one in common if one in own]
    differences = [[name for name in shown if shown[name] != other.get(name)] for other in others]
    return min(differences, key=len, default=list(shown))


def told(row: dict[str, Any]) -> str:
    """A row as it is printed."""
    lines = [
        f"{row['pattern']}, {row['scope']}, {backend}: {of['schedules']} schedules, {of['runs']} runs, {of['effects']} effects, "
        f"{of['runs'] / of['seconds']:.0f} runs/s of processor time, {of['reset']} ms to put back{'' if of['complete'] else ', NOT COMPLETE'}"
        for backend, of in row["found"].items()
    ]
    alone = ", ".join(f"{count} more on {backend}" for backend, count in row["alone"].items())
    return "\n".join([*lines, f"    final views: {row['common']} on all, {alone}{'; in ' * bool(row['differing'])}{', '.join(row['differing'])}"])
