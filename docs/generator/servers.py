"""The page on the three kinds of databases beside each other, from what was measured last.

It cannot be measured anew wherever the documentation is made: `python -m benchmarks servers --write` keeps the figures.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generator.evidence import NotProvedError
from generator.markdown import document, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PATH = "reference/databases.md"
MEASURED = Path(__file__).parents[2] / "benchmarks/servers.json"
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}

_HEAD = """\
# The same scopes on three databases

The references are the same code on SQLite, PostgreSQL and MariaDB. Here their scopes are run on one machine, each on all three in one run.
Compare ratios, and counts: seconds differ between machines, and from run to run. Seconds are of processor time, of acidtest and the server
together, but for how long a server takes to start.

*Runs* are how often code was run, or played: on SQLite most runs are played from what was seen before; on a server, which alone knows who
waits for which row, all are real. *Schedules* came to their end; where locks are taken otherwise, or a transaction that was refused is
tried again, there are others. *Final views* are what an outsider sees when all has come to rest, and what clients were told, over all
schedules of a scope.
"""

#: Why a scope does not end in the same set of final views on all three.
REASONS: Mapping[tuple[str, str], str] = {
    ("outbox", "bystanders"): "two withdrawals of two accounts write beside each other on the servers, so that either may be committed first; on SQLite "
    "the second waits until the first has ended.",
    ("tcc", "one branch"): "where the COMMIT of a Try comes late, Confirm may come before it. On SQLite it waits for the write lock, on MariaDB for the row that "
    "is not committed yet, and then finds it; on PostgreSQL it does not see that row, does not wait, and is refused.",
}


def servers() -> str:
    """The page."""
    return page(json.loads(MEASURED.read_text(encoding="utf-8")))


def page(measured: dict[str, Any]) -> str:
    """The page of what was measured.

    Arguments:
        measured: `about`, `starts` and `rows`, as `benchmarks/servers.py` writes them.

    Raises:
        NotProvedError: a scope ends otherwise on one of the databases, and nobody has said why.
    """
    finished = [row for row in measured["rows"] if "common" in row]
    return document(
        [*_HEAD.splitlines(), "", *_where(measured["about"]), "", *_starts(measured), "", "## Runs", "", *_ratios(finished), "", *_runs(finished), "",
         *_unfinished(measured["rows"]), "", "## Final views", "", *_views(finished)]
    )  # fmt: skip


def _where(about: dict[str, Any]) -> Iterator[str]:
    yield f"Measured on {about['date']}: {about['machine']}, {about['cores']} cores, {about['system']}, Python {about['python']}, acidtest {about['acidtest']}."


def _starts(measured: dict[str, Any]) -> Iterator[str]:
    yield "A private server is started once for each process that runs checks. Between two runs its databases are put back; that is the median of the scopes."
    yield ""
    resets = {name: [row["found"][name]["reset"] for row in measured["rows"] if name in row["found"]] for name in measured["starts"]}
    rows = [
        (NAMES[name], f"{of['start']} s", f"{of['back']} s", f"{statistics.median(resets[name]):.1f} ms") for name, of in measured["starts"].items()
    ]
    yield from table(("server", "from nothing to the first connection", "killed and back", "put back"), rows)


def _runs(rows: list[dict[str, Any]]) -> Iterator[str]:
    def cell(of: dict[str, Any]) -> str:
        return f"{of['schedules']}, {_speed(of):.0f} runs/s"

    found = [(row["pattern"], row["scope"], *(cell(row["found"][name]) for name in NAMES), _ends(row)) for row in rows]
    yield from table(("pattern", "scope", *(f"schedules on {name}" for name in NAMES.values()), "final views"), found)


def _speed(of: dict[str, Any]) -> float:
    return float(of["runs"] / of["seconds"])


def _ratios(rows: list[dict[str, Any]]) -> Iterator[str]:
    whole = {name: {key: sum(row["found"][name][key] for row in rows) for key in ("runs", "seconds")} for name in NAMES}
    each = [_speed(row["found"]["mariadb"]) / _speed(row["found"]["postgresql"]) for row in rows]
    speeds = ", ".join(f"{_speed(whole[name]):.0f} on {title}" for name, title in NAMES.items())
    yield (
        f"Runs a second, all scopes that were finished on all three together: {speeds}. MariaDB's are {_speed(whole['mariadb']) / _speed(whole['postgresql']):.2f} "
        f"of PostgreSQL's together, and {statistics.median(each):.2f} in the median of the scopes."
    )


def _unfinished(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Which scopes were left out, because the time was up on one of the servers."""
    left: dict[tuple[str, float], list[str]] = {}
    for row in rows:
        if "common" not in row:
            left.setdefault((row["pattern"], row["budget"]), []).append(row["scope"])
    if left:
        yield from ("Not finished on MariaDB, or else on PostgreSQL, in the time that was given, and so not compared:", "")
    yield from (f"- {stem}, {seconds:g} s: {', '.join(names)}" for (stem, seconds), names in left.items())


def _ends(row: dict[str, Any]) -> str:
    alone = ", ".join(f"{count} more on {NAMES[name]}" for name, count in row["alone"].items() if count)
    return ", ".join(filter(None, (str(row["common"]), alone)))


def _views(rows: list[dict[str, Any]]) -> Iterator[str]:
    """How many scopes end alike everywhere, and why the others do not."""
    differing = [(row["pattern"], row["scope"]) for row in rows if any(row["alone"].values())]
    unknown = [found for found in differing if found not in REASONS]
    if unknown:
        message = f"These scopes end otherwise on one of the databases, and docs/generator/servers.py does not say why: {unknown}."
        raise NotProvedError(message)
    yield f"{len(rows) - len(differing)} of {len(rows)} scopes end in the same set of final views on all three{'; the others:' if differing else '.'}"
    yield ""
    yield from (f"- **{stem}, {scope}**: {REASONS[stem, scope]}" for stem, scope in differing)
