"""The pytest plugin: a subclass of a contract becomes one test per scope and one stateful test.

It is loaded by every pytest run, so it imports nothing of acidtest before a contract has been collected.
"""

from __future__ import annotations

import json
import math
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

_NAME = "acidtest"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of contracts."""
    group = parser.getgroup(_NAME)
    group.addoption(
        "--acidtest-budget", type=_seconds, default=None, metavar="SECONDS",
        help="give up on a scope, or on the stateful test, after this time; giving up is inconclusive, and that fails the test",
    )  # fmt: skip
    group.addoption(
        "--acidtest-failures", default=None, metavar="FOLDER",
        help="write each failure to a file in this folder, for `acidtest replay`",
    )  # fmt: skip
    group.addoption(
        "--acidtest-html", default=None, metavar="FOLDER",
        help="write a page for each failure to this folder, and an index of all that was checked",
    )  # fmt: skip
    group.addoption(
        "--acidtest-backend", default="sqlite", choices=("sqlite", "postgresql", "mariadb"), help="the kind of the databases",
    )  # fmt: skip


def _seconds(text: str) -> float:
    """A length of time.

    Raises:
        ArgumentTypeError: it is none.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        message = f"{text!r} is no length of time, so nothing would be bounded by it. Give a number of seconds above 0, or leave it out."
        raise ArgumentTypeError(message)
    return seconds


def pytest_configure(config: pytest.Config) -> None:
    """Make the folders of failures and of pages, before the work that they are to hold.

    Raises:
        UsageError: it cannot be made.
    """
    for option in ("--acidtest-failures", "--acidtest-html"):
        folder = config.getoption(option)
        if folder:
            try:
                Path(folder).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                message = f"{option}: {folder} cannot be made: {error}. Name another folder."
                raise pytest.UsageError(message) from error


def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> Iterable[pytest.Collector] | pytest.Collector | None:
    """Collect subclasses of contracts, whatever they are called."""
    contract = sys.modules.get("acidtest.properties.shared.contract")
    if contract is None or not isinstance(obj, type) or not issubclass(obj, contract.Contract):
        return None
    if obj.__module__.startswith("acidtest.") or name.startswith("_") or not obj.can_be_run():  # type: ignore[attr-defined]
        return []
    from acidtest.suite import suite_of

    suite: pytest.Class = pytest.Class.from_parent(collector, name=name)
    suite.obj = suite_of(obj)
    return suite


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 - of pytest-xdist
    """Let the processes of pytest-xdist know how tests are given to them: they are not told otherwise."""
    node.workerinput[_NAME] = str(node.config.getoption("dist", "no"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Under pytest-xdist begin with the dearest tests of contracts, so that no process is left with one in the end."""
    worker = getattr(config, "workerinput", {})
    if worker.get(_NAME) not in ("load", "worksteal") or not any(map(_is_contracts, items)):
        return
    from acidtest.suite import cost_of, dealt

    items[:] = dealt(items, [cost_of(item) if _is_contracts(item) else None for item in items], worker["workercount"], worker[_NAME])


def _is_contracts(item: pytest.Item) -> bool:
    """Whether a test is one of a contract's."""
    return hasattr(getattr(item, "cls", None), "_contract")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell a mistake of the adapter's without a traceback of acidtest's, and summarise a failure by its first line.

    Pytest does not shorten a summary where it runs in CI, and would tell all twice.
    """
    errors = sys.modules.get("acidtest.errors")
    error = call.excinfo.value if call.excinfo is not None else None
    if errors is not None and isinstance(error, errors.AcidtestError) and not isinstance(error, errors.HarnessError):
        call.excinfo = _without_traceback(error, errors.places_of)
    report = yield
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None and _is_contracts(item):
        crash.message = crash.message.partition("\n")[0]
    if call.when == "call" and _is_contracts(item):
        from acidtest.telling import NOTED

        vars(report)[_NAME] = json.dumps(item.stash.get(NOTED, {}))  # plain text: under xdist it is sent
    return report


def _without_traceback(error: BaseException, places_of: Callable[[BaseException], list[str]]) -> pytest.ExceptionInfo[BaseException]:
    """An error as a failure that has no frames but the user's own, also those of what caused it."""
    own = dict.fromkeys([*places_of(error), *(places_of(error.__cause__) if error.__cause__ is not None else [])])
    try:
        pytest.fail("\n".join([f"{type(error).__name__}: {error}", *(f"    {place}" for place in own)]), pytrace=False)
    except pytest.fail.Exception:
        return pytest.ExceptionInfo.from_current()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember what a contract's test says of its coverage; under xdist it arrives with the report."""
    if report.when == "call":
        _pending.extend(str(value) for key, value in report.user_properties if key == _NAME)
        noted = json.loads(getattr(report, _NAME, "{}"))
        if noted:
            _noted[report.nodeid] = noted  # subtests report the same


#: The lines of the summary, and what is noted of each test.
_pending: list[str] = []
_noted: dict[str, dict[str, Any]] = {}


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the index of all that was checked, and what GitHub shows of the step."""
    if hasattr(session.config, "workerinput"):
        return
    folder, notes = session.config.getoption("--acidtest-html"), [one for one in _noted.values() if "result" in one]
    if not (folder or notes):
        return
    from acidtest import __version__
    from acidtest.report.github import add_summary, in_actions, verdicts
    from acidtest.report.page.overview import Checked, overview_page

    checked = [Checked(one["contract"], one["pattern"], one["result"], one["property"], one.get("page", "")) for one in notes]
    if folder:
        (Path(folder) / "index.html").write_text(overview_page(checked, __version__), encoding="utf-8")
    if in_actions() and checked:
        add_summary("\n".join([verdicts(checked), *_distinct("summary")]))


def _distinct(what: str) -> list[str]:
    """What is to be told of each property of a contract that is violated: once, although several workers may have found it."""
    told = {(one["contract"], one["property"]): one[what] for one in reversed(_noted.values()) if what in one}
    return list(reversed(told.values()))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:  # noqa: ANN401 - pytest's own type is private
    """Print what was covered."""
    lines, annotations = list(dict.fromkeys(_pending)), _distinct("annotation")
    _pending.clear()
    _noted.clear()
    for line in annotations:
        terminalreporter.line(line)
    if lines and not hasattr(config, "workerinput"):
        terminalreporter.section("acidtest: what was covered")
        for line in lines:
            terminalreporter.line(line)
