"""The outbox model keeps what it promises, and exhibits what no outbox can escape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from acidtest.checker.check import check
from acidtest.checker.machine import Kind, Property
from acidtest.models.outbox.service import OutboxModel, OutboxState
from acidtest.models.shared.ledger import Request
from acidtest.properties.outbox.properties import N1, PROPERTIES

if TYPE_CHECKING:
    from acidtest.checker.check import Exploration

#: These speak of what befell running code (a jump of time, an outage, an error), which no state of the model shows.
OF_CODE_ALONE = {"OB7", "OB9", "OB10", "OB12"}
#: Promised only by those who say so: relays may publish in any order.
DECLARED = {"OB4"}
OF_MODEL = tuple(p for p in PROPERTIES if p.id not in OF_CODE_ALONE | DECLARED)
OB4 = next(p for p in PROPERTIES if p.id == "OB4")

ONE = (("k1", "A", 61),)
TWO = (("k1", "A", 61), ("k2", "A", 13))
UNFUNDED = (("k1", "A", 61), ("k2", "A", 52))
ONE_KEY = (("k1", "A", 41), ("k1", "A", 41), ("k1", "A", 23))
INVALID = (("k1", "nobody", 5), ("k2", "A", -7), ("k3", "A", 13))


def model_of(
    asks: tuple[tuple[str, str, int], ...], kind: type[OutboxModel] = OutboxModel, poison: tuple[str, ...] = ()
) -> OutboxModel:
    """Build the model of withdrawals from A and B, each with 100."""
    requests = [
        Request(f"w{i}", key, (account, amount), ((account, -amount),), account in "AB" and amount > 0)
        for i, (key, account, amount) in enumerate(asks, 1)
    ]
    return kind((("A", 100), ("B", 100)), requests, poison=poison)


def verdicts(exploration: Exploration) -> dict[str, set[str]]:
    """Give the verdicts by the id of the property; G7 is the id of two."""
    found: dict[str, set[str]] = {}
    for finding in exploration.findings:
        found.setdefault(finding.property.id, set()).add(finding.verdict)
    return found


def violated(model: OutboxModel) -> set[str]:
    """List what does not hold in a model."""
    return {name for name, found in verdicts(check(model, OF_MODEL)).items() if "violated" in found}


@pytest.mark.parametrize(
    ("asks", "states", "generated", "depth"),
    [(ONE, 33, 95, 8), (TWO, 916, 3_771, 13)],
    ids=["one withdrawal", "two withdrawals"],
)
def test_the_model_has_as_many_states_as_were_counted(asks, states, generated, depth):
    exploration = check(model_of(asks))
    assert exploration.complete
    assert (exploration.states, exploration.generated, exploration.depth) == (states, generated, depth)


@pytest.mark.parametrize("asks", [ONE, TWO, UNFUNDED, ONE_KEY, INVALID], ids=["one", "two", "unfunded", "key", "invalid"])
def test_every_property_that_the_model_can_show_holds(asks):
    exploration = check(model_of(asks), OF_MODEL)
    assert exploration.complete
    assert all(finding.verdict == "holds" for finding in exploration.findings)
    assert all(finding.constrained for finding in exploration.findings)


def test_every_action_can_happen():
    fired = check(model_of((("k1", "A", 61), ("k2", "A", 52), ("k1", "A", 23)))).fired
    assert all(fired.values())


def test_n1_a_message_is_published_twice_after_a_disturbance():
    finding = check(model_of(ONE), [N1]).finding("N1")
    assert finding.verdict == "reached"
    assert [action.name for action in finding.trace.actions] == ["invoke", "accept", "disturb", "publish", "republish"]


def test_a_message_is_published_once_while_nothing_is_disturbed():
    twice = Property("twice", "twice", Kind.SOMETIMES, lambda v: not v.excused and len(v.copies) > len(set(v.copies)))
    assert check(model_of(TWO), [twice]).finding("twice").verdict == "unreached"


def test_n3_relays_that_do_not_declare_it_may_break_the_order_of_an_account():
    finding = check(model_of(TWO), [OB4]).finding("OB4")
    assert finding.verdict == "violated"
    assert [copy.about for copy in model_of(TWO).view(finding.trace.last).copies] == ["w2", "w1"]


def test_a_poisoned_account_is_never_published_and_holds_up_no_other():
    model = model_of((("k1", "A", 61), ("k2", "B", 13)), poison=("A",))
    assert violated(model) == set()
    published = Property("p", "p", Kind.SOMETIMES, lambda v: "w1" in {copy.about for copy in v.copies})
    passed = Property("q", "q", Kind.SOMETIMES, lambda v: "w1" in v.accepted and "w2" in {c.about for c in v.copies})
    assert verdicts(check(model, [published, passed])) == {"p": {"unreached"}, "q": {"reached"}}


class PublishesEarly(OutboxModel):
    """Publishes what was only asked for."""

    def publish(self, s: OutboxState, i: int) -> OutboxState | None:
        return s._replace(log=(*s.log, i)) if s.ledger.status[i] != "new" and i not in s.log else None


class Repeats(OutboxModel):
    """Publishes again, disturbed or not."""

    def republish(self, s: OutboxState, i: int) -> OutboxState | None:
        return s._replace(log=(*s.log, i)) if s.log == (i,) else None


class Loses(OutboxModel):
    """Takes itself to be at rest whatever is owed."""

    def at_rest(self, state: OutboxState) -> bool:
        return "open" not in state.ledger.status


@pytest.mark.parametrize(
    ("kind", "broken"),
    [(PublishesEarly, {"OB1", "OB2"}), (Repeats, {"OB5"}), (Loses, {"OB1", "OB3", "OB11"})],
)
def test_a_model_with_a_bug_violates_what_the_bug_is_about(kind, broken):
    assert violated(model_of(TWO, kind)) == broken


def test_what_is_owed_to_a_poisoned_neighbour_counts_as_held_up():
    assert "OB8" in violated(model_of((("k1", "A", 61), ("k2", "B", 13)), Loses, poison=("A",)))
