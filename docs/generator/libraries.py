"""The page on published libraries that were run through acidtest, from what was found last.

They cannot be installed wherever the documentation is made: `python -m benchmarks libraries --write` keeps what was found.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generator.markdown import document, plain, table

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "reference/libraries.md"
MEASURED = Path(__file__).parents[2] / "benchmarks/libraries/measured.json"
_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}

_HEAD = """\
# Published libraries

Libraries as they are published, each in a pinned version, run through a contract as a user would: installed from the package index,
called through their public interface by an adapter, checked by both searches. Nothing in a library is changed.

A contract may ask for more than a library promises, and an adapter may be wrong: what a schedule shows is said beside it, so that
everybody can judge. *Lines* are those of the adapter that have code on them; the adapters are in `benchmarks/libraries/adapters/`.
"""


def libraries() -> str:
    """The page."""
    return page(json.loads(MEASURED.read_text(encoding="utf-8")))


def page(measured: dict[str, Any]) -> str:
    """The page of what was found.

    Arguments:
        measured: `about`, `libraries` and `rows`, as `benchmarks/libraries/tried.py` writes them.
    """
    about = measured["about"]
    where = (
        f"Found on {about['date']}: {about['machine']}, {about['cores']} cores, {about['system']}, Python {about['python']}, acidtest {about['acidtest']}."
    )
    again = "To try them again, where PyPI can be reached: `python -m benchmarks libraries --write`, then `python docs/generate.py libraries`."
    return document([*_HEAD.splitlines(), "", where, "", again, "", *_table(measured["rows"]), "", *_each(measured)])


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    head = ("library", "contract", "databases", "lines", "verdict", "property", "seconds")
    yield from table(head, [
        (
            f"{row['library']} {row['version']}", row["pattern"], _NAMES[row["backend"]], str(row["lines"]), row["verdict"] or "cannot be run",
            row["property"] or "-", f"{row['seconds']:.0f}",
        )
        for row in rows
    ])  # fmt: skip


def _each(measured: dict[str, Any]) -> Iterator[str]:
    for name, told in measured["libraries"].items():
        yield f"## {name}"
        yield ""
        yield told["what"]
        yield ""
        for row in measured["rows"]:
            if row["library"] == name:
                yield from _of(row, told["found"].get(row["backend"], ""))


def _of(row: dict[str, Any], found: str) -> Iterator[str]:
    """What is said of a library on one kind of databases."""
    if row["property"]:
        verdict = f"**{row['verdict']}**, {row['property']}: {plain(row['name'])}; in the scope {row['scope']}, in {row['steps']} steps."
    else:
        verdict = f"**{row['verdict'] or 'cannot be run'}**{': ' * bool(row['note'])}{plain(row['note'])}."
    yield f"On {_NAMES[row['backend']]}: {verdict} {found}".rstrip()
    yield ""
