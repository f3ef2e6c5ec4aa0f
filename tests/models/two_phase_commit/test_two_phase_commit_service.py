"""The observable service of atomic commit: everything that is promised of it holds, and nothing more is forbidden."""

from __future__ import annotations

from collections import Counter

import pytest
from runs import enabled, run

from acidtest.checker.check import check, reachable
from acidtest.checker.machine import Action, Kind, Property
from acidtest.models.shared.ledger import Request
from acidtest.models.two_phase_commit.service import AtomicCommit, AtomicCommitState, AtomicCommitView
from acidtest.properties.two_phase_commit.properties import PROPERTIES

OPENING = (("left/A", 100), ("right/B", 60))


def request(name: str, key: str, *changes: tuple[str, int], valid: bool = True) -> Request:
    """Ask for changes of accounts."""
    return Request(name, key, changes, changes, valid)


TRANSFER = request("t1", "k1", ("left/A", -61), ("right/B", 61))
AGAIN = request("t2", "k1", ("left/A", -61), ("right/B", 61))
RIVAL = request("t2", "k2", ("right/B", -7), ("left/A", -52))
REUSE = request("t2", "k1", ("left/A", -7), ("right/B", 7))
UNPAID = request("t1", "k1", ("left/A", 61), ("right/B", -61))


@pytest.mark.parametrize(
    ("requests", "states", "generated"),
    [
        ([TRANSFER], 79, 289),
        ([TRANSFER, AGAIN], 484, 2_223),
        ([TRANSFER, REUSE], 2_192, 13_507),
        ([TRANSFER, RIVAL], 3_283, 18_683),
    ],
    ids=["one run", "one run, asked for twice", "a key used twice", "two runs that cannot both be paid"],
)
def test_everything_that_the_contract_demands_holds(requests, states, generated):
    exploration = check(AtomicCommit(OPENING, requests), PROPERTIES)
    violated = [finding.property.id for finding in exploration.findings if finding.verdict == "violated"]
    assert violated == []
    assert (exploration.states, exploration.generated) == (states, generated)
    assert all(finding.constrained for finding in exploration.findings)
    assert all(exploration.fired.values())


def test_a_run_that_cannot_be_paid_is_never_committed():
    exploration = check(AtomicCommit(OPENING, [UNPAID]), PROPERTIES)
    assert exploration.fired["commit"] == exploration.fired["commit_last"] == 0
    assert exploration.finding("SOME-REJECTED").verdict == "reached"


def test_an_invalid_run_may_be_prepared_but_never_committed():
    invalid = request("t1", "k1", ("left/nobody", -5), ("right/B", 5), valid=False)
    exploration = check(AtomicCommit(OPENING, [invalid]), PROPERTIES)
    assert exploration.fired["prepare"]
    assert not exploration.fired["commit"]


def test_one_database_shows_the_effect_before_the_other():
    """N2: there is no atomic visibility."""

    def half(view: AtomicCommitView) -> bool:
        return Counter(len(names) for _, names in view.took) == {0: 1, 1: 1}

    seen = Property("N2", "one database has committed, the other not yet", Kind.SOMETIMES, half)
    assert check(AtomicCommit(OPENING, [TRANSFER]), [seen]).finding("N2").verdict == "reached"


def test_ok_may_be_told_while_every_branch_is_in_doubt_and_binds_them():
    model = AtomicCommit(OPENING, [TRANSFER])
    told = run(model, ("invoke", 0), ("prepare", 0, 0), ("prepare", 0, 1), ("reply", 0, "ok"))
    assert enabled(model, told) == {
        "commit(0, 0, False)", "commit(0, 0, True)", "commit(0, 1, False)", "commit(0, 1, True)",
    }  # fmt: skip


def test_nothing_is_committed_before_all_have_promised():
    model = AtomicCommit(OPENING, [TRANSFER])
    half = run(model, ("invoke", 0), ("prepare", 0, 0))
    assert not {action for action in enabled(model, half) if action.startswith("commit(")}
    assert "commit_last(0, 1)" in enabled(model, half)


def test_an_undisturbed_run_that_can_be_paid_is_not_rejected():
    model = AtomicCommit(OPENING, [TRANSFER])
    asked = run(model, ("invoke", 0))
    assert "reply(0, rejected)" not in enabled(model, asked)
    assert "reply(0, rejected)" in enabled(model, model.step(asked, Action("disturbed", (0,))))


def test_a_branch_may_appear_after_the_answer_where_something_was_late():
    model = AtomicCommit(OPENING, [TRANSFER])
    late = run(model, ("invoke", 0), ("disturbed", 0), ("reply", 0, "rejected"), ("prepare", 0, 0))
    assert enabled(model, late) == {"abort(0, 0)", "prepare(0, 1)"}


def test_what_is_promised_to_one_run_is_not_promised_to_another():
    model = AtomicCommit(OPENING, [TRANSFER, RIVAL])
    held = run(model, ("invoke", 0), ("prepare", 0, 0), ("invoke", 1))
    assert "prepare(1, 1)" in enabled(model, held)
    assert "prepare(1, 0)" not in enabled(model, held)


def test_of_two_runs_under_one_key_at_most_one_commits():
    states = reachable(AtomicCommit(OPENING, [TRANSFER, REUSE])).states
    assert {len(state.ledger.accepted) for state in states} == {0, 1}


class Forgetful(AtomicCommit):
    """A service that may abort a branch although the run is decided to commit."""

    def abort(self, s: AtomicCommitState, i: int, d: int) -> AtomicCommitState | None:
        """Roll back whatever is in doubt."""
        free = s._replace(ledger=s.ledger._replace(bound=(None,) * len(s.ledger.bound)))
        aborted = super().abort(free, i, d)
        return None if aborted is None else aborted._replace(ledger=s.ledger)


class Hasty(AtomicCommit):
    """A service that commits without waiting for all promises."""

    def _decided_to_commit(self, s: AtomicCommitState, i: int) -> AtomicCommitState | None:
        return super()._decided_to_commit(s, i) or (self._bind(s, i, "ok") if self._undecided(s, i) else None)


@pytest.mark.parametrize(
    ("service", "violated"),
    [(Forgetful, {"AC1", "G4", "PP", "AC5"}), (Hasty, {"AC3", "AC1", "G4", "PA", "AC5"})],
    ids=["a branch is aborted after the decision", "the decision falls before the votes"],
)
def test_a_broken_service_is_told_by_the_same_predicates(service, violated):
    exploration = check(service(OPENING, [TRANSFER]), PROPERTIES)
    found = {finding.property.id for finding in exploration.findings if finding.verdict == "violated"}
    assert violated <= found
