"""The model of sites beside running code keeps what it promises, and one with a bug does not."""

from __future__ import annotations

import pytest

from acidtest.checker.check import check
from acidtest.models.shared.ledger import Request
from acidtest.models.three_phase_commit.service import COMMITTED, INITIAL, WAITING, SitesModel, SitesState
from acidtest.properties.three_phase_commit.theory import SERVICE

OPENING = (("east/B", 60), ("north/A", 100))


def request(name, key, amount):
    operations = (("north", "A", -amount), ("east", "B", amount))
    return Request(name, key, ("north", operations), (("north/A", -amount), ("east/B", amount)), amount > 0)


def model_of(*asks, kind=SitesModel):
    return kind(OPENING, [request(f"t{i}", key, amount) for i, (key, amount) in enumerate(asks, 1)], ("north", "east"))


def violated(model):
    return {finding.property.id for finding in check(model, SERVICE.properties).findings if finding.verdict == "violated"}


@pytest.mark.parametrize("asks", [(("k1", 61),), (("k1", 61), ("k1", 23)), (("k1", 161), ("k2", 0))], ids=["one", "other payload", "refused"])
def test_every_property_that_the_model_can_show_holds(asks):
    assert violated(model_of(*asks)) == set()


def test_every_action_can_happen():
    fired = check(model_of(("k1", 61), ("k2", 53))).fired
    assert all(fired.values())


class CommitsWithoutVotes(SitesModel):
    """A site commits as soon as it has voted itself."""

    def _all_voted(self, s: SitesState, i: int) -> bool:
        return True


class ForgetsHolds(SitesModel):
    """What is promised is promised again."""

    def _held(self, s: SitesState, account: int) -> int:
        return 0


class AbortsAfterCommit(SitesModel):
    """A site aborts though another has committed."""

    def abort(self, s: SitesState, i: int, n: int) -> SitesState | None:
        return self._put(s, i, n, "aborted") if self._state(s, i, n) == WAITING else None


class GoesBack(SitesModel):
    """A site forgets that it has voted."""

    def abort(self, s: SitesState, i: int, n: int) -> SitesState | None:
        return self._put(s, i, n, INITIAL) if self._state(s, i, n) == WAITING else None


class MovesNothing(SitesModel):
    """A site commits, and its accounts stay as they are."""

    def commit(self, s: SitesState, i: int, n: int) -> SitesState | None:
        after = super().commit(s, i, n)
        return None if after is None else self._put(s, i, n, COMMITTED)


class RejectsAnything(SitesModel):
    """Whoever asks may be told no."""

    def reply(self, s: SitesState, i: int, outcome: str) -> SitesState | None:
        rejected = outcome == "rejected" and s.ledger.status[i] == "open"
        return s._replace(ledger=s.ledger._replace(status=("rejected", *s.ledger.status[1:]))) if rejected and not i else super().reply(s, i, outcome)


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (CommitsWithoutVotes, "AC3"), (ForgetsHolds, "G2"), (AbortsAfterCommit, "AC1"), (GoesBack, "AC2"), (MovesNothing, "G1"),
        (RejectsAnything, "G4"),
    ],
)  # fmt: skip
def test_a_model_with_a_bug_violates_what_the_bug_is_about(kind, found):
    assert found in violated(model_of(("k1", 61), ("k2", 53), kind=kind))


def test_where_an_assumption_is_lifted_sites_may_end_differently():
    strict, lifted = model_of(("k1", 61)), SitesModel(OPENING, [request("t1", "k1", 61)], ("north", "east"), lifted=True)
    assert violated(strict) == set()
    assert "AC1" in violated(lifted)
