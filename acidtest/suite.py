"""What pytest runs of a subclass of a contract: its tests, or the refusal of one that has been tampered with."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings

from acidtest.adopted import exceptions_of, tampering
from acidtest.report.inert import inert
from acidtest.report.table import result_line
from acidtest.search.check import check_scope
from acidtest.search.harness import Harness
from acidtest.search.rounds import cost
from acidtest.search.stateful import STEPS, machine_for, result_of, run_within
from acidtest.search.verdict import Verdict, never_happened
from acidtest.telling import folded, note, story

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.properties.shared.contract import Contract
    from acidtest.search.verdict import Result
    from acidtest.workload import Scope

T = TypeVar("T")


def suite_of(contract: type[Contract]) -> type:
    """The class that pytest collects for a subclass of a contract."""
    reason = tampering(contract)
    if reason:
        return type(contract.__name__, (_Refused,), {"reason": reason})

    @pytest.mark.parametrize("scope", contract.scopes, ids=[scope.name for scope in contract.scopes])
    def test_every_schedule(
        self: _Suite, scope: Scope, subtests: pytest.Subtests, request: pytest.FixtureRequest
    ) -> None:
        """Explore one scope completely; a subtest per property."""
        self.explore(scope, subtests, request)

    def test_stateful(self: _Suite, request: pytest.FixtureRequest) -> None:
        """Run drawn workloads."""
        self.draw(request)

    def test_what_must_happen(self: _Suite, request: pytest.FixtureRequest) -> None:
        """Whether everything happens somewhere that must; it is asked last, when most of it has been seen."""
        self.look_for_what_must_happen(request)

    tests = {"test_every_schedule": test_every_schedule, "test_stateful": test_stateful}  # the shortest schedules first
    if contract.somewhere:
        tests[_LAST] = test_what_must_happen
    return type(contract.__name__, (_Suite,), {"_contract": contract, **tests})


#: The test that looks at what the others have seen.
_LAST = "test_what_must_happen"
#: What this process has explored, by contract.
_explored: dict[type[Contract], list[Result]] = {}


class _Refused:
    """A contract that was tampered with."""

    reason: str

    def test_contract(self) -> None:
        """Fail with the reason."""
        pytest.fail(self.reason, pytrace=False)


class _Suite:
    """The tests of a contract."""

    _contract: type[Contract]

    def explore(self, scope: Scope, subtests: pytest.Subtests, request: pytest.FixtureRequest) -> None:
        """Run every schedule of `scope`, and say what was covered."""
        contract, config = self._contract(), request.config
        exceptions = exceptions_of(self._contract)
        backend = config.getoption("--acidtest-backend")
        harness = Harness(contract, contract.implementation, backend, frozenset(exceptions))
        try:
            result = check_scope(harness, scope, seconds=config.getoption("--acidtest-budget"))
            request.node.user_properties.append(("acidtest", f"{type(self).__name__}, {result_line(result)}{_reasons(exceptions)}"))
            note(request, self._contract, result)
            _explored.setdefault(self._contract, []).append(result)
            failure = story(harness, result, self._contract, request) if result.violation else ""
            properties, unasked = list(harness.properties), harness.unasked
        finally:
            harness.close()
        if result.verdict == Verdict.INCONCLUSIVE:
            pytest.fail(inert(f"inconclusive: {'; '.join(result.reasons)} ({result.bound})"), pytrace=False)
        broken = result.violation.property if result.violation is not None else ""
        for name, why in exceptions.items():
            with subtests.test(f"{name}: left out"):
                pytest.skip(f"left out: {why}")
        for name, capability in unasked:
            with subtests.test(f"{name}: not asked"):
                pytest.skip(f"not asked: the implementation does not declare {capability!r}")
        for p in properties:
            with subtests.test(f"{p.id}: {p.name}"):
                if broken and p.id != broken:
                    pytest.skip(f"not decided: the search stopped at a violation of {broken}")
                if broken:
                    pytest.fail(failure, pytrace=False)
        if broken and broken not in {p.id for p in properties}:
            pytest.fail(failure, pytrace=False)

    def look_for_what_must_happen(self, request: pytest.FixtureRequest) -> None:
        """Explore the scopes that this process has not explored, until all has happened that must somewhere."""
        contract, known = self._contract(), _explored.setdefault(self._contract, [])
        done = {result.scope.name for result in known}
        exceptions, config = frozenset(exceptions_of(self._contract)), request.config
        for scope in contract.scopes:
            if scope.name in done or not never_happened(contract.somewhere, known):
                continue
            harness = Harness(contract, contract.implementation, config.getoption("--acidtest-backend"), exceptions)
            try:
                known.append(check_scope(harness, scope, seconds=config.getoption("--acidtest-budget")))
            finally:
                harness.close()
        missing = never_happened(contract.somewhere, known)
        if missing and any(result.verdict == Verdict.FAIL for result in known):
            pytest.skip(f"not decided: the search stopped at a violation; {'; '.join(missing)}")
        if missing:
            pytest.fail(inert(f"inconclusive: {'; '.join(missing)}"), pytrace=False)

    def draw(self, request: pytest.FixtureRequest) -> None:
        """Run drawn workloads, with the settings, seed and examples that Hypothesis is told to use."""
        contract = self._contract()
        backend = request.config.getoption("--acidtest-backend")
        exceptions = exceptions_of(self._contract)
        chosen = _settings(self._contract)
        machine = machine_for(
            contract, contract.implementation, type(self).__name__, backend, frozenset(exceptions), examples=chosen.max_examples
        )
        for name in ("_hypothesis_internal_use_seed", "_hypothesis_internal_use_reproduce_failure"):
            if hasattr(self._contract, name):
                setattr(machine, name, getattr(self._contract, name))
        began = time.monotonic()
        try:
            said = run_within(machine, chosen, request.config.getoption("--acidtest-budget"))
            result = result_of(machine.harness, machine.tally, chosen.max_examples, time.monotonic() - began)
            request.node.user_properties.append(("acidtest", f"{type(self).__name__}, {result_line(result)}{_reasons(exceptions)}"))
            note(request, self._contract, result)
            notes = "\n".join(map(folded, said))
            failure = story(machine.harness, result, self._contract, request, notes) if result.violation else ""
        finally:
            machine.harness.close()
        if failure:
            pytest.fail(failure, pytrace=False)
        if result.verdict == Verdict.INCONCLUSIVE:  # how many examples are enough is not ours to say, but it is no pass
            stop = pytest.fail if machine.tally.given_up else pytest.skip
            stop(f"inconclusive: {'; '.join(result.reasons)} ({result.bound})")


def _settings(contract: type[Contract]) -> settings:
    """The settings of the stateful test: those of the contract, or of the active profile, as far as they concern it."""
    wanted = getattr(contract, "stateful_settings", None) or settings()
    return settings(
        wanted,
        phases=[phase for phase in wanted.phases if phase is not Phase.explain],  # it traces every line, for minutes
        deadline=None,
        stateful_step_count=STEPS,
        suppress_health_check=list(HealthCheck),
    )


def _reasons(exceptions: dict[str, str]) -> str:
    return "".join(f"; without {name}: {why}" for name, why in exceptions.items())


def cost_of(item: pytest.Item) -> float:
    """What a test of a contract may cost: a scope by its size, the stateful one more than any scope; the last is to be the last."""
    call = getattr(item, "callspec", None)
    if item.name == _LAST:
        return 0.0
    return math.inf if call is None else cost(call.params["scope"])


def dealt(items: Sequence[T], costs: Sequence[float | None], processes: int, how: str) -> list[T]:
    """Tests in an order in which several processes that take them from its beginning have about as much to do.

    pytest-xdist first gives each process a chunk of tests that follow one another, and then what is left, a few at a time.
    So the dearest are dealt out to the chunks in turn, and come first in each.

    Arguments:
        items: the tests.
        costs: what each may cost; None for those that are nothing to us, which keep their order and come after the others.
        processes: how many there are.
        how: they are given out: "load", a quarter at first; or "worksteal", all at once.
    """
    ours = sorted((n for n, each in enumerate(costs) if each is not None), key=lambda n: -(costs[n] or 0))
    others = [n for n, each in enumerate(costs) if each is None]
    chunk = len(items) // processes if how == "worksteal" else max(len(items) // processes // 4, 2)
    first = ours[: chunk * processes]
    order: list[int] = []
    for process in range(processes):
        mine = first[process::processes]
        filling, others = others[: chunk - len(mine)], others[chunk - len(mine) :]
        order += [*mine, *filling]
    return [items[n] for n in [*order, *ours[len(first) :], *others]]
