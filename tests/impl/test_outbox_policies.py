"""Policies of relays: what needs one passes every scope with it; what lacks what people need then is refused."""

import pytest
import sqlalchemy as sa

from acidtest.errors import ContractError
from acidtest.impl.broken.outbox.parking import Parking
from acidtest.impl.broken.outbox.relays import NoClaim
from acidtest.impl.outbox import Outbox, claiming, due, outbox
from acidtest.properties.outbox.contract import OutboxContract
from acidtest.search.check import check_exhaustively, check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict

_earlier = outbox.alias("earlier")
_first_of_all = ~sa.exists().where(_earlier.c.seq < outbox.c.seq, ~_earlier.c.published)


class Claimless(NoClaim):
    """Two relays may publish the same at once."""

    capabilities = frozenset({"at_least_once"})


class StrictlyInOrder(Outbox):
    """Publishes in the order of all rows, and what is refused holds up what comes after it."""

    capabilities = frozenset({"fenced", "ordered", "blocks_on_poison"})
    claim = claiming(due, _first_of_all, batch=1)

    def relay(self):
        """Poll until nothing is due."""
        token = self.new_id()
        while rows := self._claim(token):
            for row in rows:
                self._deliver(row, token)


FORMS = (Claimless, StrictlyInOrder, Parking)
SCOPES = ("one withdrawal", "two funded withdrawals", "one process", "lease", "two relays", "poison", "outage")


@pytest.mark.parametrize("name", SCOPES)
@pytest.mark.parametrize("form", FORMS, ids=[form.__name__ for form in FORMS])
def test_who_needs_a_policy_and_declares_it_passes_a_scope_completely(form, name):
    contract = OutboxContract()
    harness = Harness(contract, form)
    try:
        result = check_scope(harness, find_scope(contract, name))
    finally:
        harness.close()
    assert (result.violation, result.reasons, result.verdict) == (None, (), Verdict.PASS)


@pytest.mark.parametrize(
    ("form", "scope", "violates"),
    [(Claimless, "two funded withdrawals", "OB5"), (StrictlyInOrder, "poison", "OB8"), (Parking, "outage", "OB7")],
    ids=[form.__name__ for form in FORMS],
)
def test_without_the_policy_it_fails(form, scope, violates):
    contract = OutboxContract()
    undeclared = type("Undeclared", (form,), {"capabilities": frozenset({"fenced"}) & form.capabilities})
    (_, result), = check_exhaustively(contract, undeclared, scopes=[find_scope(contract, scope)])
    assert result.violation is not None
    assert result.violation.property == violates


class OutOfSight(Outbox):
    """Says that it gives up, and no more."""

    capabilities = frozenset({"gives_up"})


def test_who_gives_up_must_show_what_and_send_it_again():
    with pytest.raises(ContractError, match="declares 'gives_up' and has no method 'parked'"):
        Harness(OutboxContract(), OutOfSight)


def test_people_send_again_one_of_two_that_were_given_up_and_a_broker_relents():
    contract = OutboxContract()
    contract.promises = frozenset({"gives_up", "blocks_on_poison"})
    outage, poison = (contract.fitted(find_scope(contract, name), {}) for name in ("outage", "poison"))
    assert [op.arguments for op in outage.operations() if op.method in ("execute", "send_again")] == [("k1", "A", 61), ("another", "B", 13), ("k1",)]
    assert outage.clients[-1].name == poison.clients[-1].name == "in the end"
    assert [op.method for op in poison.clients[-2].operations] == ["relent", "jump"]
    assert contract.fitted(outage, {}) == outage
