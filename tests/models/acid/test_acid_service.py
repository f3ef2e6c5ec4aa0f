"""The ACID model: its counts, what it promises at each level of reads, and models that break each promise."""

from __future__ import annotations

import pytest

from acidtest.checker.check import check
from acidtest.checker.machine import Kind
from acidtest.models.acid.service import LEVELS, AcidModel, AcidState
from acidtest.models.shared.ledger import Request
from acidtest.models.shared.tuples import put
from acidtest.properties.acid.properties import PROPERTIES

OPENING = (("A", 100), ("B", 50))


def transfer(name, key, source, target, amount):
    return Request(name, key, (source, target, amount), ((source, -amount), (target, amount)))


ONE = transfer("t1", "k1", "A", "B", 61)
AGAIN = transfer("t2", "k1", "A", "B", 61)
OTHER_PAYLOAD = transfer("t3", "k1", "A", "B", 23)
COMPETING = transfer("t4", "k2", "A", "B", 52)

SMALL = (ONE, COMPETING)
LARGE = (ONE, AGAIN, OTHER_PAYLOAD)


def declared(level):
    """The properties of implementations that declare `level`."""
    return [p for p in PROPERTIES if p.applies({level} - {"serializable"})]


def verdicts(model, properties=PROPERTIES):
    """By property id; the worst where several properties share one."""
    findings = sorted(check(model, properties).findings, key=lambda f: f.verdict == "violated")
    return {f.property.id: f.verdict for f in findings}


@pytest.mark.parametrize(
    ("requests", "states", "generated", "depth"),
    [(SMALL, 879, 3067, 13), (LARGE, 3981, 17402, 14)],
    ids=["two competing transfers", "one key three times"],
)
def test_counts_with_one_read_are_as_recorded(requests, states, generated, depth):
    found = check(AcidModel(OPENING, requests, reads=1))
    assert found.complete
    assert (found.states, found.generated, found.depth) == (states, generated, depth)


@pytest.mark.parametrize("requests", [SMALL, LARGE], ids=["two competing transfers", "one key three times"])
def test_every_property_holds_and_constrains_something(requests):
    found = check(AcidModel(OPENING, requests, reads=1), PROPERTIES)
    assert {f.verdict for f in found.findings} == {"holds", "reached"}
    assert min(f.constrained for f in found.findings) > 0


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_keeps_what_it_declares(level):
    found = verdicts(AcidModel(OPENING, SMALL, reads=1, level=level), declared(level))
    assert set(found.values()) == {"holds", "reached"}


@pytest.mark.parametrize(
    ("level", "broken"), [("snapshot", {"ACID-I"}), ("read_committed", {"ACID-I", "ACID-I.SI"})]
)
def test_a_weaker_level_breaks_the_stronger_one(level, broken):
    found = verdicts(AcidModel(OPENING, SMALL, reads=1, level=level))
    assert {name for name, verdict in found.items() if verdict == "violated"} == broken


def test_read_skew_takes_one_transfer_between_the_captures_of_two_accounts():
    found = check(AcidModel(OPENING, (ONE,), reads=1, level="read_committed"), PROPERTIES)
    trace = found.finding("ACID-I.SI").trace
    assert [action.name for action in trace.actions].count("capture") == 2
    assert sum(trace.last.readings[0].value) != sum(balance for _, balance in OPENING)


def test_a_lost_reply_leaves_the_client_with_either_outcome():
    """PATTERNS 1, N3: without a key no client can know whether to ask again."""
    model = AcidModel(OPENING, (ONE,))
    unknown = [s for s in check_states(model) if model.view(s).calls[0].status == "unknown"]
    assert {model.view(s).accepted for s in unknown} == {(), ("t1",)}


def check_states(model):
    found = dict.fromkeys(model.initial_states())
    queue = list(found)
    for state in queue:
        for _, following in model.successors(state):
            if following not in found:
                found[following] = None
                queue.append(following)
    return queue


# Models with one mistake each: what a property rules out.


class Torn(AcidModel):
    """Debits, and never credits."""

    def accept(self, s: AcidState, i: int) -> AcidState | None:
        following = super().accept(s, i)
        if following is None:
            return None
        balances = put(following.ledger.balances, 1, s.ledger.balances[1])
        return following._replace(ledger=following.ledger._replace(balances=balances))


class Forgetful(AcidModel):
    """Does not remember keys."""

    def accept(self, s: AcidState, i: int) -> AcidState | None:
        following = super().accept(s, i)
        return following and following._replace(ledger=following.ledger._replace(bound=s.ledger.bound))


class Losing(AcidModel):
    """Overwrites what others have committed."""

    def accept(self, s: AcidState, i: int) -> AcidState | None:
        fresh = s._replace(ledger=s.ledger._replace(balances=self.ledger.initial().balances, accepted=()))
        return super().accept(fresh, i)


class Dirty(AcidModel):
    """Lets reads see a debit before its credit."""

    def capture(self, s: AcidState, r: int, which: tuple[int, ...]) -> AcidState | None:
        following = super().capture(s, r, which)
        if following is None or "open" not in s.ledger.status:
            return following
        reading = following.readings[r]
        dirty = reading._replace(value=put(reading.value, 0, reading.value[0] - 61))
        return following._replace(readings=put(following.readings, r, dirty))


class Undoing(AcidModel):
    """Takes back what was committed when the client learns nothing."""

    def transitions(self):
        return [t._replace(effect=self.undo) if t.name == "unknown" else t for t in super().transitions()]

    def undo(self, s: AcidState, i: int) -> AcidState | None:
        ledger = self.ledger.unknown(s.ledger, i)
        return ledger and AcidState(ledger._replace(balances=self.ledger.initial().balances, accepted=()), s.readings)


class Lying(AcidModel):
    """Answers ok to whatever is asked."""

    def transitions(self):
        return [t._replace(effect=self.flatter) if t.name == "reply" else t for t in super().transitions()]

    def flatter(self, s: AcidState, i: int, outcome: str) -> AcidState | None:
        status = s.ledger.status
        if status[i] != "open" or outcome != "ok":
            return None
        return s._replace(ledger=s.ledger._replace(status=put(status, i, "ok")))


@pytest.mark.parametrize(
    ("model", "requests", "broken"),
    [
        (Torn, (ONE,), {"ACID-A", "ACID-C"}),
        (Forgetful, (ONE, AGAIN), {"G3"}),
        (Losing, SMALL, {"P4", "ACID-D"}),
        (Dirty, (ONE,), {"ACID-I.RC", "ACID-I.SI", "ACID-I"}),
        (Undoing, (ONE,), {"ACID-D"}),
        (Lying, (ONE, OTHER_PAYLOAD), {"G4", "G7", "ACID-D"}),
    ],
)
def test_a_property_should_fail_by(model, requests, broken):
    found = verdicts(model((("A", 150), ("B", 50)), requests, reads=1))
    assert broken <= {name for name, verdict in found.items() if verdict == "violated"}


def test_every_property_of_views_is_of_a_kind_that_the_checker_knows():
    assert {p.kind for p in PROPERTIES} <= {Kind.ALWAYS, Kind.STEP, Kind.AT_REST, Kind.SOMETIMES}
