"""A missing guard shows only where amounts let it: what every contract of accounts asks for in some scope that is explored completely."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import pytest

from acidtest.patterns import coded
from acidtest.properties.shared.ledger import LedgerContract

if TYPE_CHECKING:
    from acidtest.models.shared.ledger import Request
    from acidtest.patterns import Pattern
    from acidtest.workload import Scope


class Met(NamedTuple):
    """What the requests of a scope meet, one after the other.

    Arguments:
        emptied: a key comes again that took the last of an account.
        funded: what was refused for want of funds is asked for again when there is enough.
        credited: an account that there is not is to be given something, by a request that could be paid.
    """

    emptied: bool = False
    funded: bool = False
    credited: bool = False


def met(scope: Scope, requests: tuple[Request, ...]) -> Met:
    """What happens to the requests where nothing befalls them."""
    balances, last, refused, accepted = {name.removeprefix("source/"): n for name, n in scope.accounts}, set(), set(), set()
    found = Met()
    for request in requests:
        spent = [name for name, change in request.deltas if change < 0]
        pays = all(balances.get(name, 0) + change >= 0 for name, change in request.deltas if change < 0)
        unknown = any(change > 0 and name not in balances for name, change in request.deltas)
        found = Met(
            found.emptied or request.ask in last, found.funded or (request.ask in refused and pays),
            found.credited or (unknown and bool(spent) and pays),
        )  # fmt: skip
        if not request.valid or request.key in accepted | {key for key, _ in refused}:
            continue
        if not pays:
            refused.add(request.ask)
            continue
        accepted.add(request.key)
        for name, change in request.deltas:
            balances[name] += change
        if any(balances[name] == 0 for name in spent):
            last.add(request.ask)
    return found


def keyed() -> list[Pattern]:
    return [e for e in coded() if issubclass(e.contract_class(), LedgerContract) and e.stem not in OF_OTHERS]


#: Whose accounts are kept by services or systems that the harness plays; and sites, where a request begins and is not decided.
OF_OTHERS = {"saga_orchestration", "saga_choreography", "tcc_coordinator", "reserve_confirm", "three_phase_commit"}
KEYED = pytest.mark.parametrize("entry", keyed(), ids=lambda entry: entry.stem)


def all_met(entry: Pattern) -> list[Met]:
    contract = entry.contract_class()()
    return [met(scope, contract.requests(scope)) for scope in contract.scopes]  # type: ignore[attr-defined]


@KEYED
def test_a_key_comes_again_that_took_the_last_of_an_account(entry: Pattern) -> None:
    assert any(one.emptied for one in all_met(entry))


@KEYED
def test_what_was_refused_is_asked_for_again_when_funds_have_come(entry: Pattern) -> None:
    assert any(one.funded for one in all_met(entry)) or entry.stem in ONLY_DEBITS


@KEYED
def test_an_account_that_there_is_not_is_given_something_by_who_could_pay(entry: Pattern) -> None:
    assert any(one.credited for one in all_met(entry)) or entry.stem in ONE_ACCOUNT


#: Requests only take: no funds come by them.
ONLY_DEBITS = {"outbox", "outbox_inbox", "tcc"}
#: Requests are about one account each.
ONE_ACCOUNT = {"outbox", "outbox_inbox", "tcc", "event_sourcing", "cqrs"}


def strangers(scope: Scope, requests: tuple[Request, ...]) -> bool:
    """Whether two clients ask at once for changes of different accounts, beside which there is nothing else to see."""
    by_name = {request.name: request for request in requests if request.valid and request.deltas}
    changed = [
        frozenset(name for op in one.operations if op.name in by_name for name, _ in by_name[op.name].deltas)
        for one in scope.clients
        if one.name not in scope.opening
    ]
    return not scope.serial and any(a and b and a.isdisjoint(b) for a, b in combinations(changed, 2))


#: Each account is a stream; the code is the outbox's; the accounts are those of resource managers that the harness plays.
APART = {"event_sourcing", "outbox_inbox", "xa"}


@KEYED
def test_accounts_change_beside_a_request_that_does_not_touch_them(entry: Pattern) -> None:
    contract = entry.contract_class()()
    found = [scope.name for scope in contract.scopes if strangers(scope, contract.requests(scope))]  # type: ignore[attr-defined]
    assert found or entry.stem in APART
