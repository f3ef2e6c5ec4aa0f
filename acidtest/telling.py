"""How pytest tells failures: the first of a contract whole, what else is violated in short, and the same again in two lines.

One bug fails many tests. Whoever reads them wants one story of it, and must not miss another one. What is told in short
says how to have it told whole. Under xdist each worker knows what it has told itself.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from acidtest.adopted import importable
from acidtest.report.columns import render, terminal_width, wrapped
from acidtest.report.github import annotation, in_actions, summary
from acidtest.report.inert import inert
from acidtest.report.page.failure import failure_page
from acidtest.report.table import result_json
from acidtest.search.explain import explain_failure, told
from acidtest.search.filming import film_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.properties.shared.contract import Contract
    from acidtest.search.failure import Failure
    from acidtest.search.harness import Harness
    from acidtest.search.verdict import Result

#: How many lines a failure may take unless pytest is told to be verbose: the first of a contract; and one of another property,
#: as far as there is anything left to leave out.
MOST, FEWER = 60, 30
_MORE = "(-v tells it whole and adds the regression test)"
_KEEP = "--acidtest-failures FOLDER keeps the schedule"
#: Which test has told first what is violated: by the contract's class and the property.
_TOLD = pytest.StashKey[dict[tuple[str, str], str]]()

#: What is noted of a contract's test for whoever writes the index and tells GitHub, as plain values.
NOTED = pytest.StashKey[dict[str, object]]()

#: What Hypothesis says to put on a test.
_DECORATOR = re.compile(r"@reproduce_failure\([^)]*\)")
_NO_BREAK = "\N{NO-BREAK SPACE}"


def story(harness: Harness, result: Result, contract: type[Contract], request: pytest.FixtureRequest, notes: str = "") -> str:
    """The failure of a test, told while the harness is open; last, how to run that test alone.

    Arguments:
        harness: the implementation under its contract.
        result: what the search found.
        contract: the subclass of the contract that is tested.
        request: pytest's, of the test.
        notes: what Hypothesis adds to it.
    """
    assert result.violation is not None  # noqa: S101 - the caller's duty
    property_id, whole = result.violation.property, request.config.get_verbosity() > 0
    known = request.config.stash.setdefault(_TOLD, {})
    suite = request.node.parent.nodeid
    ours = {name for other, name in known if other == suite}
    first = known.setdefault((suite, property_id), request.node.nodeid)
    again = first != request.node.nodeid and not whole
    failure = (told if again else explain_failure)(harness, result, importable(contract))
    alone, file = f"pytest {shlex.quote(request.node.nodeid)}", _file(failure, contract, request)
    kept = [*([f"Replay:  acidtest replay {shlex.quote(str(file))}"] if file else []), *_shown(harness, result, failure, contract, request, file, again=again)]
    if again:
        return _joined([*_in_short(failure, first), f"      Told whole by:  {alone}", *kept], notes)
    ends = [f"Run it again:  {alone}", *kept, *([] if whole else [_MORE if file else f"{_MORE[:-1]}; {_KEEP})"])]
    most = FEWER if ours - {property_id} else MOST
    text = render(failure, most=None if whole else most - len(notes.splitlines()) - len(ends) - 3)
    return _joined([text], notes, ends)


def _joined(*parts: Sequence[str] | str) -> str:
    """Parts of a text, with a blank line between them."""
    return "\n\n".join(part if isinstance(part, str) else "\n".join(part) for part in parts if part)


def _in_short(failure: Failure, first: str) -> list[str]:
    """What is violated, and which test has told it whole."""
    what = f"FAIL  {failure.pattern}  {failure.property_id}: {failure.name} (first told of {first.rpartition('::')[2]})"
    return wrapped(inert(what), terminal_width(), 6)


def folded(note: str) -> str:
    """What Hypothesis adds to an exception, no wider than the rest; only blanks are folded, so code in it still runs."""
    width = terminal_width()
    whole = _DECORATOR.sub(lambda found: found[0].replace(" ", _NO_BREAK), note)  # it is to be copied
    lines = ["\n".join(textwrap.wrap(line, width, break_long_words=False)) for line in whole.splitlines()]
    return "\n".join(lines).replace(_NO_BREAK, " ")


def _file(failure: Failure, contract: type[Contract], request: pytest.FixtureRequest) -> Path | None:
    """Write the failure to a file, where that is wanted."""
    folder = request.config.getoption("--acidtest-failures")
    if not folder:
        return None
    file = Path(folder) / f"{_slug(request)}.json"
    value = {**failure.to_json(), "folder": _home(contract)}
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    return file


def _shown(
    harness: Harness, result: Result, failure: Failure, contract: type[Contract], request: pytest.FixtureRequest, file: Path | None, *, again: bool
) -> list[str]:  # fmt: skip
    """Make what the failure is looked at by, where that is wanted; the line that tells where it is.

    GitHub is told of each that is distinct once, by whoever has the terminal.
    """
    folder, tells = request.config.getoption("--acidtest-html"), in_actions() and not again
    noted = request.node.stash.setdefault(NOTED, {})
    if not folder and not tells:
        return []
    film = film_of(harness, result.scope, result.schedule, failure.beside)
    if tells:
        noted |= {"annotation": annotation(failure, contract), "summary": summary(failure, film)}
    if not folder:
        return []
    page = Path(folder) / f"{_slug(request)}.html"
    noted["page"] = page.name
    page.write_text(failure_page(failure, film, replay=shlex.quote(str(file)) if file else ""), encoding="utf-8")
    return [f"Look at it:  {page}"]


def note(request: pytest.FixtureRequest, contract: type[Contract], result: Result) -> None:
    """Note what a test of a contract has found: for JUnit's XML, and for the index."""
    violated = result.violation.property if result.violation is not None else ""
    schedule = json.dumps([inert(str(decision)) for decision in result.schedule], ensure_ascii=False)
    told = {"scope": result.scope.name, "search": result.search, "verdict": result.told, "bound": result.bound}
    told |= {"property": violated, "schedule": schedule} if violated else {}
    # Not by record_property, which warns where JUnit's family is the default one.
    request.node.user_properties.extend((f"acidtest.{name}", inert(value)) for name, value in told.items())
    noted = request.node.stash.setdefault(NOTED, {})
    noted |= {"contract": request.node.parent.nodeid, "pattern": contract.pattern, "result": result_json(result), "property": violated}


def _slug(request: pytest.FixtureRequest) -> str:
    """The name of a test, as a file may have it."""
    return re.sub(r"[^\w.-]+", "-", request.node.nodeid).strip("-")


def _home(contract: type[Contract]) -> str:
    """The folder from which the contract's module is imported, as seen from here: pytest may have found it elsewhere."""
    file = getattr(sys.modules.get(contract.__module__), "__file__", None)
    if not file:
        return ""
    home = Path(file).parents[contract.__module__.count(".")]
    return os.path.relpath(home) if home.drive == Path.cwd().drive else str(home)
