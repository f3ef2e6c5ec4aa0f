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

The references are the same code on SQLite, PostgreSQL and MariaDB. Here scopes of theirs are run on all three, in one run on one machine.
Compare ratios, and counts: seconds differ between machines, and from run to run. Seconds are of processor time, of acidtest and the server
together, but for how long a server takes to start.

*Runs* are how often code was run, or played: on SQLite most runs are played from what was seen before; on a server, which alone knows who
waits for which row, all are real. *Schedules* came to their end; where locks are taken otherwise, or a transaction that was refused is
tried again, there are others. *Final views* are what an outsider sees when all has come to rest, and what clients were told, over all
schedules of a scope.
"""

#: Why a scope does not end in the same set of final views on all three.
REASONS: Mapping[tuple[str, str], str] = {}


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
    rows = measured["rows"]
    return document(
        [*_HEAD.splitlines(), "", *_where(measured["about"]), "", *_starts(measured), "", "## Runs", "", *_runs(rows), "", *_ratios(rows), "",
         "## Final views", "", *_views(rows), "", *_reasons(rows)]
    )  # fmt: skip


def _where(about: dict[str, Any]) -> Iterator[str]:
    yield f"Measured on {about['date']}: {about['machine']}, {about['cores']} cores, {about['system']}, Python {about['python']}, acidtest {about['acidtest']}."


def _starts(measured: dict[str, Any]) -> Iterator[str]:
    yield "A private server is started once for each process that runs checks. Between two runs its databases are put back; that is the median of the scopes."
    yield ""
    rows = [
        (NAMES[name], f"{of['start']} s", f"{of['back']} s", f"{statistics.median(row['found'][name]['reset'] for row in measured['rows']):.1f} ms")
        for name, of in measured["starts"].items()
    ]
    yield from table(("server", "from nothing to the first connection", "killed and back", "put back"), rows)


def _runs(rows: list[dict[str, Any]]) -> Iterator[str]:
    def cell(of: dict[str, Any]) -> str:
        return f"{of['schedules']}, {_speed(of):.0f} runs/s" if of["complete"] else f"not finished, {_speed(of):.0f} runs/s"

    found = [(row["pattern"], row["scope"], *(cell(row["found"][name]) for name in NAMES)) for row in rows]
    yield from table(("pattern", "scope", *(f"schedules on {name}" for name in NAMES.values())), found)


def _speed(of: dict[str, Any]) -> float:
    return float(of["runs"] / of["seconds"])


def _ratios(rows: list[dict[str, Any]]) -> Iterator[str]:
    both = [_speed(row["found"]["mariadb"]) / _speed(row["found"]["postgresql"]) for row in rows]
    yield (
        f"Runs a second on MariaDB, as a part of those on PostgreSQL: {statistics.median(both):.2f} in the median of these scopes, "
        f"{min(both):.2f} at least, {max(both):.2f} at most."
    )


def _views(rows: list[dict[str, Any]]) -> Iterator[str]:
    found = [(row["pattern"], row["scope"], str(row["common"]), _alone(row)) for row in rows if _is_complete(row)]
    yield from table(("pattern", "scope", "final views on all", "more"), found)


def _is_complete(row: dict[str, Any]) -> bool:
    return all(of["complete"] for of in row["found"].values())


def _alone(row: dict[str, Any]) -> str:
    return ", ".join(f"{count} on {NAMES[name]}" for name, count in row["alone"].items() if count) or "none"


def _reasons(rows: list[dict[str, Any]]) -> Iterator[str]:
    differing = [(row["pattern"], row["scope"]) for row in rows if _is_complete(row) and any(row["alone"].values())]
    unknown = [found for found in differing if found not in REASONS]
    if unknown:
        message = f"These scopes end otherwise on one of the databases, and docs/generator/servers.py does not say why: {unknown}."
        raise NotProvedError(message)
    if not differing:
        yield "No scope that was finished on all three ends otherwise on one of them."
    yield from (f"- **{stem}, {scope}**: {REASONS[stem, scope]}" for stem, scope in differing)
