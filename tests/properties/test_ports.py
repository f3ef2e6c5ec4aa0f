"""What every port owes to whoever implements it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from acidtest.models.shared.ledger import FORGETS_REJECTIONS, IGNORES_PAYLOAD, REJECTS_ON_ERROR
from acidtest.patterns import coded
from acidtest.port import Role

if TYPE_CHECKING:
    from acidtest.patterns import Pattern
    from acidtest.port import Port

#: Operations that end in one way, or as another does.
NEVER_REJECTED = {("cqrs", "rebuild"), ("cqrs", "close"), ("event_sourcing", "legacy")}
#: Where a key is bound to what becomes of one request, in one database: who binds it otherwise says so by policies.
KEYED = {"acid", "outbox", "event_sourcing", "cqrs", "outbox_inbox"}


@pytest.mark.parametrize("entry", coded(), ids=lambda entry: entry.stem)
def test_who_recovers_at_a_start_is_called_now_and_then_as_well(entry: Pattern) -> None:
    port = entry.contract_class().interface()
    assert not port.names(Role.RECOVERY) or port.looking_after


def answers_outcome(port: Port, name: str) -> bool:
    return "Outcome" in str(port.signature(name).return_annotation)


OUTCOMES = [
    pytest.param(entry, name, id=f"{entry.stem}.{name}")
    for entry in coded()
    for port in [entry.contract_class().interface()]
    for name in port.names(Role.OPERATION)
    if answers_outcome(port, name) and (entry.stem, name) not in NEVER_REJECTED
]


@pytest.mark.parametrize(("entry", "name"), OUTCOMES)
def test_a_port_says_when_a_request_may_be_rejected(entry: Pattern, name: str) -> None:
    says = getattr(entry.contract_class().port, name).__doc__ or ""
    assert "ejected" in says


@pytest.mark.parametrize("entry", coded(), ids=lambda entry: entry.stem)
def test_who_knows_one_policy_about_keys_knows_all_of_them(entry: Pattern) -> None:
    known = {FORGETS_REJECTIONS, IGNORES_PAYLOAD, REJECTS_ON_ERROR} & set(entry.contract_class().known_capabilities)
    assert (len(known) == 3) == (entry.stem in KEYED)


@pytest.mark.parametrize("entry", coded(), ids=lambda entry: entry.stem)
def test_what_waives_a_property_is_a_capability_that_is_known(entry: Pattern) -> None:
    contract = entry.contract_class()
    assert {name for p in contract.properties for name in p.waived} <= set(contract.known_capabilities)
