"""The three kinds of databases beside each other: `python -m benchmarks servers [PATTERN...] [--scope NAME] [--budget SECONDS] [--write]`.

How long each server takes to start, to die and come back, and to be put back between two runs; and the scopes of the references on all,
with runs a second of processor time, and whether schedules end in the same views. A scope that is not finished within the budget on one is
left out on the others. `--write` keeps the figures for the page of the documentation.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acidtest.patterns import coded, pattern
from acidtest.search.check import find_scope
from acidtest.search.exhaustive import Explorer
from acidtest.search.harness import Harness
from acidtest.world.databases.mariadb.server import PrivateServer as Mariadb
from acidtest.world.databases.postgresql.server import PrivateServer as Postgresql
from acidtest.world.databases.table import BACKENDS
from benchmarks.peers.side_by_side import about
from benchmarks.processor import processor_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.properties.shared.contract import Contract
    from acidtest.search.exhaustive import Search
    from acidtest.workload import Scope

MEASURED = Path(__file__).parent / "servers.json"
SERVERS = {"postgresql": Postgresql, "mariadb": Mariadb}
#: The slowest first, so that what takes too long is given up at once.
ORDER = sorted(BACKENDS, key=("mariadb", "postgresql", "sqlite").index)
BUDGET = 10.0  #: seconds for each scope on each
RESETS = 20
Row = dict[str, Any]


def main(arguments: Sequence[str]) -> None:
    """Measure, print, and keep the figures where that was asked for."""
    stems = [entry.stem for entry in coded()]
    parser = argparse.ArgumentParser(prog="python -m benchmarks servers")
    parser.add_argument("patterns", nargs="*", choices=[*stems, []], metavar="PATTERN", help=f"which; all of {', '.join(stems)} by default")
    parser.add_argument("--scope", action="append", default=[], metavar="NAME", help="only this scope of a pattern; may be given again")
    parser.add_argument("--budget", type=float, default=BUDGET, metavar="SECONDS", help="for each scope on each kind of database")
    parser.add_argument("--write", action="store_true", help="keep the figures, for the page of the documentation")
    given = parser.parse_args(arguments)
    starts, found = {name: started(name) for name in SERVERS}, []
    for stem in given.patterns or stems:
        rows = of_pattern(stem, given.scope, given.budget)
        found += rows
        if given.write:
            keep(starts, rows)
    print(summary(found))


def keep(starts: dict[str, Any], rows: list[Row]) -> None:
    """Keep the figures of these scopes beside those of the others, in the order of the contracts."""
    before = json.loads(MEASURED.read_text(encoding="utf-8"))["rows"] if MEASURED.exists() else []
    known = {(row["pattern"], row["scope"]): row for row in (*before, *rows)}
    order = [(entry.stem, scope.name) for entry in coded() for scope in entry.contract_class().scopes]
    kept = {"about": about(), "starts": starts, "rows": [known[key] for key in order if key in known]}
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


def of_pattern(stem: str, names: Sequence[str], budget: float) -> list[Row]:
    """The scopes of a pattern, all or those with these names, on each kind of database."""
    entry = pattern(stem)
    contract = entry.contract_class()()
    scopes = [find_scope(contract, name) for name in names] or contract.scopes
    benches = {backend: Harness(contract, entry.reference_factory(), backend) for backend in ORDER}
    try:
        return [of_scope(stem, contract, scope, benches, budget) for scope in scopes]
    finally:
        for harness in benches.values():
            harness.close()


def of_scope(stem: str, contract: Contract, scope: Scope, benches: dict[str, Harness], budget: float) -> Row:
    """One scope on each kind of database, and how the views differ in which its schedules end."""
    row: Row = {"pattern": stem, "scope": scope.name, "budget": budget, "found": {}}
    views = {}
    for backend, harness in benches.items():
        search, seconds = timed(harness, scope, budget)
        views[backend] = {contract.abstract(view): view for view, _ in search.finals}
        row["found"][backend] = {
            "schedules": search.schedules, "runs": search.runs, "effects": search.effects, "seconds": max(round(seconds, 3), 0.001),
            "complete": search.complete, "reset": round(1_000 * reset_of(harness), 2),
        }  # fmt: skip
        if search.violation is not None:
            message = f"{stem}, {scope.name}: the reference violates {search.violation.property} on {backend}. Look at it by acidtest check."
            raise LookupError(message)
        if not search.complete:
            break
    else:
        row |= compared(contract, views)
    print(told(row), *examples(contract, views, row), sep="\n", flush=True)
    return row


def timed(harness: Harness, scope: Scope, budget: float) -> tuple[Search, float]:
    """What was explored, and the processor time that it took."""
    before = processor_time()
    search = Explorer(harness, scope, seconds=budget).explore()
    return search, processor_time() - before


def compared(contract: Contract, views: dict[str, dict[Any, Any]]) -> Row:
    """How many final views there are on all kinds of databases, how many more on each, and in what these differ."""
    common = set.intersection(*map(set, views.values()))
    differing = {name for own in views.values() for view in set(own) - common for name in _differing(contract, own[view], views, common)}
    alone = {backend: len(set(views[backend]) - common) for backend in BACKENDS}
    return {"common": len(common), "alone": alone, "differing": sorted(differing)}


def _differing(contract: Contract, view: Any, views: dict[str, dict[Any, Any]], common: set[Any]) -> list[str]:
    """In what a view differs from the nearest that there is everywhere."""
    shown = dict(contract.shown(view))
    others = [dict(contract.shown(own[one])) for own in views.values() for one in common if one in own]
    differences = [[name for name in shown if shown[name] != other.get(name)] for other in others]
    return min(differences, key=len, default=list(shown))


def reset_of(harness: Harness) -> float:
    """Seconds of processor time to put a server's databases back after a run that has written to them; 0 on SQLite."""
    databases: list[Any] = [one for one in harness.cluster.databases() if hasattr(one, "disturbed")]
    began = processor_time()
    for _ in range(RESETS * bool(databases)):
        for database in databases:
            database.disturbed = True
            database.reset()
    return (processor_time() - began) / RESETS * bool(databases)


def told(row: Row) -> str:
    """A row as it is printed."""
    lines = [
        f"{row['pattern']}, {row['scope']}, {backend}: {of['schedules']} schedules, {of['runs']} runs, {of['effects']} effects, "
        f"{speed(of):.0f} runs/s of processor time, {of['reset']} ms to put back{'' if of['complete'] else ', NOT FINISHED'}"
        for backend, of in row["found"].items()
    ]
    if "common" in row:
        alone = ", ".join(f"{count} more on {backend}" for backend, count in row["alone"].items() if count)
        differing = f"; in {', '.join(row['differing'])}" * bool(row["differing"])
        lines.append(f"    {ratio(row):.2f} of PostgreSQL's on MariaDB; final views: {row['common']} on all, {alone or 'no others'}{differing}")
    return "\n".join(lines)


def examples(contract: Contract, views: dict[str, dict[Any, Any]], row: Row) -> list[str]:
    """Of each kind of database the first of the final views that it does not share with all, in what they differ."""
    if "common" not in row:
        return []
    common = set.intersection(*map(set, views.values()))
    alone = {backend: [own[view] for view in own if view not in common] for backend, own in views.items()}
    return [
        f"    {backend}: {' '.join(f'{name}={dict(contract.shown(found[0])).get(name)}' for name in row['differing'])}"
        for backend, found in alone.items() if found
    ]  # fmt: skip


def speed(of: dict[str, Any]) -> float:
    """Runs a second of processor time."""
    return float(of["runs"] / of["seconds"])


def ratio(row: Row) -> float:
    """Runs a second on MariaDB, as a part of those on PostgreSQL."""
    return speed(row["found"]["mariadb"]) / speed(row["found"]["postgresql"])


def summary(rows: Sequence[Row]) -> str:
    """All of them in a line."""
    finished = [row for row in rows if "common" in row]
    if not finished:
        return f"None of {len(rows)} scopes was finished on all."
    ratios, equal = [ratio(row) for row in finished], [row for row in finished if not any(row["alone"].values())]
    whole = {backend: {key: sum(row["found"][backend][key] for row in finished) for key in ("runs", "seconds")} for backend in BACKENDS}
    speeds = ", ".join(f"{speed(of):.0f} on {backend}" for backend, of in whole.items())
    return (
        f"{len(finished)} of {len(rows)} scopes finished on all; {len(equal)} of these end in the same views. Runs/s of all together: {speeds}. "
        f"MariaDB's as a part of PostgreSQL's: {ratio({'found': whole}):.2f} of all together, {statistics.median(ratios):.2f} in the median."
    )
