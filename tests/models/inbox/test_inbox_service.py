"""The model of an inbox beside running code keeps what it promises, and one with a bug does not."""

from __future__ import annotations

import pytest

from acidtest.checker.check import check
from acidtest.models.inbox.service import ACKED, WAITING, InboxModel, InboxState, Mail
from acidtest.models.shared.ledger import Request
from acidtest.models.shared.tuples import put
from acidtest.properties.inbox.theory import SERVICE

TWICE = (("d1", "m1", 61), ("d1", "m1", 61))
IMPOSTER = (("d1", "m1", 61), ("d2", "m1", 13))
UNPAID = (("w1", "m1", -61), ("d2", "m2", 23), ("w1", "m1", -61))


def model_of(mails, kind=InboxModel, **options):
    requests = [Request(name, key, (change,), (("A", change),), change != 0) for name, key, change in mails]
    return kind((("A", 50),), [Mail(request, "A") for request in requests], **options)


def violated(model):
    return {finding.property.id for finding in check(model, SERVICE.properties).findings if finding.verdict == "violated"}


@pytest.mark.parametrize("mails", [TWICE, IMPOSTER, UNPAID], ids=["twice", "imposter", "unpaid"])
def test_every_property_that_the_model_can_show_holds(mails):
    assert violated(model_of(mails)) == set()


def test_every_action_can_happen():
    fired = check(model_of((*UNPAID, ("d3", "m2", 7)), resends=True)).fired
    assert all(fired.values())


class TakesEffectTwice(InboxModel):
    """Forgets that it was decided."""

    def accept(self, s: InboxState, i: int) -> InboxState | None:
        ledger = s.ledger._replace(bound=(None,) * len(s.ledger.bound))
        return super().accept(s._replace(ledger=ledger), i) if len(s.ledger.accepted) < 2 else None


class AcknowledgesFirst(InboxModel):
    """Acknowledges whatever there is."""

    def ack(self, s: InboxState, p: int) -> InboxState | None:
        return s._replace(copies=put(s.copies, p, ACKED)) if s.copies[p] == WAITING else None


class AnswersAnything(InboxModel):
    """Says what it likes."""

    def answer(self, s: InboxState, i: int, outcome: str) -> InboxState | None:
        return None if (i, outcome) in s.answers else s._replace(answers=s.answers | {(i, outcome)})


@pytest.mark.parametrize(
    ("kind", "found"), [(TakesEffectTwice, "IB1"), (AcknowledgesFirst, "IB3"), (AnswersAnything, "G4"), (AnswersAnything, "IB7")]
)
def test_a_model_with_a_bug_violates_what_the_bug_is_about(kind, found):
    assert found in violated(model_of(TWICE, kind))


def test_a_dead_letter_waits_again_when_it_is_sent_again():
    model = model_of(TWICE, resends=True)
    (state,) = model.initial_states()
    assert model.resend(state, 0) is None
    assert model.resend(model.bury(state, 0), 0).copies == state.copies
