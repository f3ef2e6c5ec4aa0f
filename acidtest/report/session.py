"""One `acidtest check`: searches with progress, and what is written of them."""

from __future__ import annotations

import math
import os
import shlex
import sys
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hypothesis.configuration import set_hypothesis_home_dir

from acidtest.errors import UsageError
from acidtest.report.columns import render, render_story
from acidtest.report.table import result_json, result_line
from acidtest.search.budget import Budget
from acidtest.search.check import check_exhaustively, check_scope, find_scope
from acidtest.search.explain import explain_failure, explained, told
from acidtest.search.filming import film_of
from acidtest.search.harness import Harness
from acidtest.search.hashing import remark
from acidtest.search.replay import replay
from acidtest.search.rounds import cost
from acidtest.search.stateful import check_statefully
from acidtest.search.verdict import Result, Verdict, conclude, never_happened, overall, with_exceptions
from acidtest.workers import answers_of, in_order
from acidtest.workload import scope_from_json
from acidtest.world.core.effects import Decision
from acidtest.world.databases.table import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from acidtest.properties.shared.contract import Contract
    from acidtest.search.exhaustive import Search
    from acidtest.search.failure import Failure
    from acidtest.search.film import Film
    from acidtest.search.stateful import Tally
    from acidtest.workers import Team
    from acidtest.workload import Scope

    Elsewhere = Callable[[Sequence[Scope | None], tuple[int, int | None], Sequence[float], Callable[[str], object]], Team]

#: How much of the time the exhaustive search may take where the stateful one is to follow.
EXHAUSTIVE_SHARE = 0.75
#: After how many runs of the stateful search the progress is shown anew.
_OFTEN = 16

#: The decisions whose target is a name.
_NAMING = ("advance", "crash", "restart", "land", "victim", "deliver", "redeliver")


class Session:
    """Checks one implementation, and keeps the results.

    Arguments:
        contract: what judges it.
        factory: makes the implementation from an environment.
        implementation: how to import it.
        echo: prints a line.
        backend: the kind of its databases.
        seconds: the time for all searches together; None for no limit.
        exceptions: ids of properties that are left out, each with the reason or an empty one.
        keep_going: whether to look for every property that is violated, not for the first one only.
        workers: how many processes explore at once, where there is no limit of time and the first failure is the end.
        elsewhere: starts a team that does searches somewhere else: of scopes (None for the stateful search), with its examples and
            seed, what each may cost, and whom to tell how far they are.
        films: whether each failure is to be had as a film as well.
    """

    def __init__(
        self,
        contract: Contract,
        factory: Callable[[Any], Any],
        implementation: str,
        echo: Callable[[str], Any],
        backend: str = DEFAULT,
        *,
        seconds: float | None = None,
        exceptions: Mapping[str, str] | None = None,
        keep_going: bool = False,
        workers: int = 1,
        elsewhere: Elsewhere | None = None,
        films: bool = False,
    ) -> None:
        """Nothing has been checked yet. Time runs from now on."""
        self._backend = backend
        self._budget = Budget(seconds)
        self.contract = contract
        self.exceptions = dict(sorted((exceptions or {}).items()))
        self.results: list[Result] = []
        self.failures: list[Failure] = []
        self.films: list[Film] = []
        self._filming = films
        self._keep_going = keep_going
        self._elsewhere = elsewhere
        self._workers = 1 if keep_going or seconds is not None or backend != DEFAULT else workers
        self._drawn: Result | None = None
        self._whole = False
        self._so_far: Callable[[], str] = lambda: "nothing was run yet"
        self._factory = factory
        self.code: Any = factory
        self.implementation = implementation
        self._echo = echo

    @property
    def failure(self) -> Failure | None:
        """The first failure, if there is one."""
        return self.failures[0] if self.failures else None

    @property
    def waivers(self) -> tuple[str, ...]:
        """What the implementation declares, and is asked for less because of it."""
        return self.results[0].waivers if self.results else ()

    def exhaustive(self, scope_names: Sequence[str] = (), *, drawn: tuple[int, int | None] | None = None) -> None:
        """Explore scopes up to the first failure; or all of them, each until nothing new is violated.

        Arguments:
            scope_names: which; none for all.
            drawn: examples and seed of the stateful search that is to follow; None for none. With several workers it is run
                beside, and of a budget it is left its share.
        """
        scopes = tuple(find_scope(self.contract, name) for name in dict.fromkeys(scope_names)) or self.contract.scopes
        self._whole = set(scopes) >= set(self.contract.scopes)
        share = EXHAUSTIVE_SHARE if drawn is not None else 1.0
        budget = Budget(None if self._budget.left is None else self._budget.left * share)
        with self._telling_how_far():
            if self._elsewhere is not None or (self._workers > 1 and len(scopes) + (drawn is not None) > 1):
                self._explore_at_once(scopes, drawn)
            else:
                self._explore(list(scopes), budget)

    @contextmanager
    def _telling_how_far(self) -> Iterator[None]:
        """Whoever interrupts is told how far it came."""
        try:
            yield
        except KeyboardInterrupt:
            clear_progress()
            self._echo(f"interrupted: {self._so_far()}")
            raise

    def _explore(self, left: list[Scope], budget: Budget) -> None:
        more = True
        while left and more:
            more = False
            for harness, result in check_exhaustively(
                self.contract, self._factory, scopes=tuple(left), seconds=budget.left, progress=self._progress, backend=self._backend,
                without=self._left_out(),
            ):  # fmt: skip
                more = self._keep(harness, result) and self._keep_going
                if result.violation is None:
                    left.remove(result.scope)

    def _explore_at_once(self, scopes: Sequence[Scope], drawn: tuple[int, int | None] | None) -> None:
        """Explore scopes, several at once, and the stateful search beside them; tell of them as if one came after the other."""
        pieces: list[Callable[[], Result]] = [partial(self._explored, scope) for scope in scopes]
        costs = [cost(scope) for scope in scopes]
        if drawn is not None:
            pieces.append(partial(self._searched, *drawn))
            costs.append(math.inf)
        answers = self._answers(pieces, costs, scopes, drawn)
        try:
            for number, scope in enumerate(scopes):
                self._so_far = partial("{} of {} scopes explored, {} is next".format, number, len(scopes), scope.name)
                _show(self._so_far())
                result = next(answers)
                if result.violation is not None:
                    answers.close()  # nobody else is at work while it is explained
                if self._keep_alone(result):
                    return
            self._so_far = partial("all {} scopes explored".format, len(scopes))
            self._drawn = next(answers, None)
        finally:
            answers.close()

    def _answers(
        self, pieces: Sequence[Callable[[], Result]], costs: Sequence[float], scopes: Sequence[Scope], drawn: tuple[int, int | None] | None
    ) -> Generator[Result, None, None]:
        if self._elsewhere is None:
            return in_order(pieces, self._workers, costs)
        searches = [*scopes, *([None] if drawn is not None else [])]
        return answers_of(self._elsewhere(searches, drawn or (0, None), costs, self._heard), pieces)

    def _heard(self, line: str) -> None:
        """What those elsewhere say of how far they are."""
        self._so_far = partial(str, line)
        _show(line)

    def _explored(self, scope: Scope) -> Result:
        harness = self._harness()
        try:
            return check_scope(harness, scope, progress=self._progress)
        finally:
            harness.close()

    def _searched(self, examples: int, seed: int | None) -> Result:
        with nothing_left_behind():
            harness, result = check_statefully(self.contract, self._factory, examples=examples, seed=seed, without=self._left_out())
        harness.close()
        return result

    def _keep_alone(self, result: Result) -> bool:
        """Keep a result of another process; whether it is a failure."""
        if result.violation is None:
            return self._keep(None, result)
        harness = self._harness()
        try:
            return self._keep(harness, result)
        finally:
            harness.close()

    def _harness(self) -> Harness:
        return Harness(self.contract, self._factory, self._backend, self._left_out())

    def _progress(self, search: Search) -> None:
        self._so_far = partial(progress_line, search)
        progress(search)

    def _progress_of_examples(self, tally: Tally) -> None:
        self._so_far = partial(examples_line, tally)
        progress_of_examples(tally)

    def stateful(self, examples: int, seed: int | None) -> None:
        """Run drawn workloads up to the first failure; or again and again, until nothing new is violated."""
        if self._drawn is not None:
            self._keep_alone(self._drawn)
            return
        more = True
        while more:
            with nothing_left_behind(), self._telling_how_far():
                harness, result = check_statefully(
                    self.contract, self._factory, examples=examples, seed=seed, backend=self._backend,
                    seconds=self._budget.left, progress=self._progress_of_examples, without=self._left_out(),
                )  # fmt: skip
            try:
                more = self._keep(harness, result) and self._keep_going
            finally:
                harness.close()

    def verdict(self) -> tuple[Verdict, list[str]]:
        """The verdict on all that was searched; and, where every scope was explored, what happened in none of them and must somewhere."""
        verdict = overall([result.verdict for result in self.results])
        if verdict != Verdict.PASS or not self._whole:
            return verdict, []
        missing = never_happened(self.contract.somewhere, self.results)
        return conclude(violated=False, complete=True, findings=missing)[0], missing

    def _left_out(self) -> frozenset[str]:
        """What a search need not look for: what is left out, and what is known to be violated."""
        return frozenset(self.exceptions) | {failure.property_id for failure in self.failures}

    def _keep(self, harness: Harness | None, result: Result) -> bool:
        """Keep a result, and print it in a line; whether it is a failure, for which the harness is needed."""
        clear_progress()
        self.results.append(result)
        self._echo(result_line(result))
        if result.violation is not None and harness is not None:
            known = told(harness, result, self.implementation)
            self._echo("\n" + render_story(known))  # before anything is looked for that may take time
            failure = explained(harness, result, known)
            self.failures.append(failure)
            if self._filming:
                self.films.append(film_of(harness, result.scope, result.schedule, failure.beside))
        return result.violation is not None


def progress(search: Search) -> None:
    """A line on the terminal that is overwritten; nothing where there is no terminal."""
    _show(progress_line(search))


def progress_line(search: Search) -> str:
    """How far a search is."""
    complete = f"complete up to {search.bound} faults" if search.bound >= 0 else "not even complete without faults"
    return f"{search.scope.name}: {search.runs} runs, {len(search.states)} states, {search.seconds:.0f} s, {complete}"


def progress_of_examples(tally: Tally) -> None:
    """The same of the stateful search, now and then."""
    if tally.runs % _OFTEN == 1:
        _show(examples_line(tally))


def examples_line(tally: Tally) -> str:
    """How far a stateful search is."""
    found = ", looking for the smallest that fails" if tally.violation is not None else ""
    return f"drawn workloads: {tally.runs} runs, {len(tally.states)} states{found}"


#: Of several processes that explore, the one that has the terminal.
_OWNER = os.getpid()


def _show(line: str) -> None:
    if sys.stderr.isatty() and os.getpid() == _OWNER:
        sys.stderr.write(f"\r{line:<100}")
        sys.stderr.flush()


@contextmanager
def nothing_left_behind() -> Iterator[None]:
    """Let Hypothesis keep its files in a folder that goes away, unless it was told where."""
    if os.environ.get("HYPOTHESIS_STORAGE_DIRECTORY"):
        yield
        return
    with TemporaryDirectory(prefix="acidtest-examples-") as folder:
        set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            set_hypothesis_home_dir(None)


def clear_progress() -> None:
    """Remove the progress line."""
    if sys.stderr.isatty():
        sys.stderr.write("\r" + " " * 100 + "\r")
        sys.stderr.flush()


def check_json(session: Session, verdict: Verdict) -> dict[str, Any]:
    """What `acidtest check --json` writes."""
    results, failure = session.results, session.failure
    failures = [told.to_json() for told in session.failures]
    return {
        "verdict": with_exceptions(verdict, session.exceptions, session.waivers),
        "except": list(session.exceptions),
        "exceptions": session.exceptions,
        "pattern": session.contract.pattern,
        "property": failure.property_id if failure is not None else None,
        "schedule": list(failure.schedule) if failure is not None else None,
        "schedules": sum(result.schedules for result in results),
        "states": sum(result.states for result in results),
        "coverage": [result.coverage.to_json() for result in results],
        "bound": "; ".join(f"{result.scope.name}: {result.bound}" for result in results),
        "results": [result_json(result) for result in results],
        "failure": failures[0] if failures else None,
        "failures": failures,
    }


def replay_file(
    saved: dict[str, Any], contract: Contract, factory: Callable[[Any], Any], exceptions: Mapping[str, str],
    shown: Callable[[Failure, Film], None] | None = None,
) -> tuple[int, str]:  # fmt: skip
    """Replay a failure; the exit code and what to print.

    Arguments:
        saved: the failure, as its file has it.
        contract: what judges it.
        factory: makes the implementation from an environment.
        exceptions: ids of properties that are left out, each with the reason or an empty one.
        shown: called with the failure and its film, where it is still there; None where nobody wants to look at it.

    Raises:
        UsageError: the file does not hold a schedule that can be read.
    """
    scope, decisions = _schedule(saved, contract)
    harness = Harness(contract, factory, str(saved.get("backend", DEFAULT)), frozenset(exceptions))
    try:
        replayed = replay(harness, scope, decisions)
        if replayed.violation is not None:
            result = _as_result(saved, scope, replayed.violation, decisions)
            failure = explain_failure(harness, result, saved["implementation"])
            if shown is not None:
                shown(failure, film_of(harness, scope, decisions, failure.beside))
            return 1, render(failure)
    finally:
        harness.close()
    seeds = remark(str(saved.get("hash_seed", "")))
    if replayed.diverged is not None:
        step = replayed.diverged
        what = f"the schedule cannot be followed beyond step {step}: “{decisions[step]}” is not possible any more"
        return 3, f"inconclusive: {what}. The code is another one by now. Check it again: {_check_again(saved, contract)}{seeds}"
    if not decisions:
        return 3, "inconclusive: the schedule is empty, so nothing was replayed. Write the file anew with `acidtest check … --json FILE`."
    verdict, _ = conclude(violated=False, complete=True, findings=())
    told = with_exceptions(verdict, dict(sorted(exceptions.items())))
    return 0, f"{told}: {len(decisions)} steps replayed, and {saved.get('property', 'nothing')} is not violated any more.{seeds}"


def _check_again(saved: dict[str, Any], contract: Contract) -> str:
    """The command that searches where a failure was found."""
    words = ["acidtest", "check", contract.pattern, saved["implementation"]]
    name = str(saved["scope"].get("name", ""))
    if name in {scope.name for scope in (*contract.scopes, *contract.slow_scopes)}:
        words += ["--search", "exhaustive", "--scope", name]
    backend = str(saved.get("backend", DEFAULT))
    return shlex.join([*words, *(["--backend", backend] if backend != DEFAULT else [])])


def _schedule(saved: dict[str, Any], contract: Contract) -> tuple[Scope, list[Decision]]:
    """The scope and the decisions of a failure file.

    Raises:
        UsageError: they cannot be read, or are not of that contract.
    """
    try:
        scope = scope_from_json(saved["scope"])
        decisions = [_decision(text) for text in saved["schedule"]]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        message = f"The failure file is damaged: {type(error).__name__}: {error}. Write it anew with `acidtest check … --json FILE`."
        raise UsageError(message) from error
    methods = [method.name for method in contract.interface().methods]
    for operation in scope.operations():
        if operation.method not in methods:
            what = f"method of {contract.pattern}'s port, as the failure file names one,"
            raise UsageError.unknown(what, operation.method, methods)
    return scope, decisions


def _decision(text: str) -> Decision:
    """A decision of a failure file; what is not about something with a name, is about a number.

    Raises:
        ValueError: it is none.
    """
    decision = Decision.parse(text)
    if decision.kind not in _NAMING:
        float(decision.target)
    return decision


def _as_result(saved: dict[str, Any], scope: Any, violation: Any, decisions: list[Decision]) -> Result:  # noqa: ANN401
    from acidtest.search.coverage import Coverage

    search, bound = str(saved.get("search", "exhaustive")), str(saved.get("bound", ""))
    return Result(search, scope, Verdict.FAIL, (), bound, 1, 1, len(decisions), 0, 0.0, Coverage(), violation, tuple(decisions))
