"""Published libraries through acidtest: `python -m benchmarks libraries [NAME...] [--budget SECONDS] [--write]`.

Each is installed as it is, pinned, together with this acidtest, into a virtual environment of its own, and an adapter goes through its
public interface. `acidtest check` is run there for each kind of databases, as a user would. `--write` keeps what came of it beside
this file, and `docs/generate.py libraries` makes a page of that.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
import tokenize
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.errors import UsageError
from benchmarks.environments import Absent, environment
from benchmarks.libraries.table import ADAPTERS, LIBRARIES, Library
from benchmarks.peers.side_by_side import ROOT, about

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: What was found last, for the page.
MEASURED = Path(__file__).with_name("measured.json")
LEAST = (3, 11)
_NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER}


class Row(NamedTuple):
    """What came of a library on one kind of databases.

    Arguments:
        library: its name.
        version: which.
        pattern: the contract.
        backend: the kind of databases.
        lines: of code of the adapter.
        verdict: pass, fail or inconclusive; empty where it could not be run.
        property: which is violated; empty for none.
        name: what that says.
        scope: where it shows.
        steps: of the schedule.
        seconds: until the verdict.
        note: why it could not be run, or is inconclusive.
    """

    library: str
    version: str
    pattern: str
    backend: str
    lines: int
    verdict: str = ""
    property: str = ""
    name: str = ""
    scope: str = ""
    steps: int = 0
    seconds: float = 0.0
    note: str = ""


def lines_of(file: Path) -> int:
    """How many lines of a file have code on them: neither blank, nor comment, nor docstring."""
    found: set[int] = set()
    with file.open("rb") as source:
        tokens = list(tokenize.tokenize(source.readline))
    for before, token in pairwise(tokens):
        is_docstring = token.type == tokenize.STRING and before.type in (tokenize.INDENT, tokenize.NEWLINE, tokenize.NL, tokenize.ENCODING)
        if token.type not in _NO_CODE and not is_docstring:
            found.update(range(token.start[0], token.end[0] + 1))
    return len(found)


def checked(python: Path, library: Library, backend: str, budget: float, scopes: Iterable[str] = ()) -> Row:
    """What `acidtest check` says of a library.

    Arguments:
        python: of the environment in which both are installed.
        library: which.
        backend: the kind of databases.
        budget: seconds for both searches.
        scopes: only these, of the exhaustive search; all, and the stateful search, where there are none.
    """
    row = Row(library.name, library.version, library.pattern, backend, lines_of(library.file))
    chosen = [part for name in scopes for part in ("--scope", name)]
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.json"
        command = [
            str(python), "-m", "acidtest", "check", library.pattern, library.adapter, "--backend", backend, "--json", str(told),
            "--budget", str(budget), "--seed", "0", *(("--search", "exhaustive", *chosen) if chosen else ()),
        ]  # fmt: skip
        began = time.monotonic()
        ended = subprocess.run(  # noqa: S603 - fixed commands
            command, capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, "PYTHONPATH": str(ADAPTERS)}
        )
        seconds = time.monotonic() - began
        written = json.loads(told.read_text(encoding="utf-8")) if told.exists() else {}
        if "results" not in written:
            return row._replace(seconds=seconds, note=f"exit code {ended.returncode}: {_reason(ended.stderr + ended.stdout)}")
        return read(row, written)._replace(seconds=seconds)


def _reason(said: str) -> str:
    """What a command says of why there is no verdict; or its last words."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    ours = [line.removeprefix("acidtest: ") for line in lines if line.startswith("acidtest: ")]
    return [*lines, *ours][-1].rstrip(".") if lines else "nothing is said"


def read(row: Row, told: dict[str, Any]) -> Row:
    """A row with what the file of a check says."""
    failure = told["failure"]
    if failure is not None:
        return row._replace(
            verdict=told["verdict"], property=failure["property"], name=failure["name"], scope=failure["scope"]["name"],
            steps=len(failure["schedule"]),
        )  # fmt: skip
    reasons = dict.fromkeys(reason for result in told["results"] for reason in result["reasons"])
    return row._replace(verdict=told["verdict"], note="; ".join(reasons))


def rows_of(library: Library, budget: float) -> list[Row]:
    """What came of a library on each kind of databases; why nothing did, where that is so."""
    try:
        programs = environment(f"libraries-{library.requirements[0]}", (*library.requirements, "--editable", str(ROOT)), LEAST)
    except Absent as reason:
        return [
            Row(library.name, library.version, library.pattern, backend, lines_of(library.file), note=str(reason)) for backend in library.backends
        ]
    return [checked(programs / "python", library, backend, budget) for backend in library.backends]


def line(row: Row) -> str:
    """A row of the table."""
    found = f"{row.property} ({row.name}), in {row.scope}, {row.steps} steps" if row.property else row.note
    return f"{row.library} {row.version}, {row.pattern}, {row.backend:<10} {row.lines:>3} lines, {row.verdict or 'not run':<12} {row.seconds:6.1f} s  {found}"


def chosen(names: Sequence[str]) -> list[Library]:
    """The libraries with these names; all for none.

    Raises:
        UsageError: there is none of that name; lists those that there are.
    """
    known = [library.name for library in LIBRARIES]
    for name in names:
        if name not in known:
            what = "library"
            raise UsageError.unknown(what, name, known)
    return [library for library in LIBRARIES if not names or library.name in names]


def main(arguments: Sequence[str]) -> None:
    """Run what was asked for, print a table, and keep it if that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks libraries", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(library.name for library in LIBRARIES)}; all by default")
    parser.add_argument("--budget", type=float, default=120.0, metavar="SECONDS", help="for each check")
    parser.add_argument("--write", action="store_true", help=f"keep the rows in {MEASURED.name}, of which docs/generate.py makes a page")
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    for library in chosen(options.names):
        rows += rows_of(library, options.budget)
        for row in rows[-len(library.backends) :]:
            print(line(row), flush=True)
    if options.write:
        keep(rows)
        print(f"kept in {MEASURED.relative_to(ROOT)}; now run: python docs/generate.py libraries")


def keep(rows: Sequence[Row]) -> None:
    """Write the rows beside those of other libraries that were found before."""
    known = json.loads(MEASURED.read_text(encoding="utf-8"))["rows"] if MEASURED.exists() else []
    fresh = {row.library for row in rows}
    kept = [row for row in known if row["library"] not in fresh] + [row._asdict() for row in rows]
    order = [library.name for library in LIBRARIES]
    where = {name: value for name, value in about().items() if name != "peers"}
    told = {library.name: {"what": library.what, "found": library.found} for library in LIBRARIES}
    value = {"about": where, "libraries": told, "rows": sorted(kept, key=lambda row: order.index(row["library"]))}
    MEASURED.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
