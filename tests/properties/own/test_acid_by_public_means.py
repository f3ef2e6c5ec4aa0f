"""A built-in contract by public means alone: local ACID transfers, as a user would write them, judge as ours do."""

from itertools import combinations

import pytest

from acidtest import (
    Contract,
    Outcome,
    Scope,
    always,
    check,
    client,
    conserved,
    installation,
    operation,
    read,
    step,
)
from acidtest.impl.acid import Transfers
from acidtest.patterns import pattern
from acidtest.search.check import check_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict


class Acid(Contract):
    """Transfers between accounts: each whole or not at all, once per key, and for good."""

    asks_again = True
    start = {"A": 100, "B": 50}  # noqa: RUF012 - it is never changed

    install = installation("install", opening=dict)
    transfer = operation("transfer", key=("k1", "k2"), source=("A", "B"), target=("B", "A"), amount=(61, 52, 13))
    balances = read("balances")

    first, opposite = transfer("k1", "A", "B", 61), transfer("k2", "B", "A", 13)
    scopes = (
        Scope("opposite", client("app-1", first), client("app-2", opposite), crashes=1),
        Scope("competing", client("app-1", first), client("app-2", transfer("k2", "A", "B", 52)), faults=1, kinds=("crash", "refused")),
        Scope("one process", client("app-1", first, name="one"), client("app-1", opposite, name="other")),
        Scope("lost replies", client("app-1", first), faults=1, kinds=("refused", "lost", "unacknowledged", "late")),
        Scope("same key", client("app-1", first), client("app-2", first, transfer("k1", "A", "B", 13)), faults=1, kinds=("crash", "unacknowledged")),
        Scope("nobody", client("app-1", transfer("k1", "A", "nobody", 5), transfer("k2", "A", "A", 5))),
    )

    money = conserved("balances")

    @always
    def some_transfers_were_made_and_each_is_whole(self, seen):
        """The balances are what some of the transfers make of the opening ones, among them all that were told ok, and no others that were answered."""
        return done(seen) is not None

    @always
    def nobody_is_overdrawn(self, seen):
        return all(amount >= 0 for amount in seen.balances.values())

    @step
    def what_is_done_stays(self, before, seen):
        return (done(before) or set()) <= (done(seen) or set())


def done(seen):
    """The (key, what) of the transfers that were made; None where no choice of them explains the balances."""
    asked = [(call["key"], (call["source"], call["target"], call["amount"])) for call in seen.asked(Acid.transfer)]
    told = {(call["key"], (call["source"], call["target"], call["amount"])) for call in seen.told(Acid.transfer, Outcome.OK)}
    refused = {(call["key"], (call["source"], call["target"], call["amount"])) for call in seen.told(Acid.transfer, Outcome.REJECTED)}
    may = sorted(set(asked) - (refused - told))
    for count in range(len(may) + 1):
        for chosen in combinations(may, count):
            if len({key for key, _ in chosen}) == count and told <= set(chosen) and folded(seen.start.balances, chosen) == dict(seen.balances):
                return set(chosen)
    return None


def folded(opening, transfers):
    found = dict(opening)
    for _, (source, target, amount) in transfers:
        found[source] = found.get(source, 0) - amount
        found[target] = found.get(target, 0) + amount
    return found


def test_the_reference_passes_as_it_passes_ours():
    assert {result.verdict for result in check(Acid, Transfers)} == {Verdict.PASS}


WHOLE, MONEY, OVERDRAWN, STAYS = "some_transfers_were_made_and_each_is_whole", "money", "nobody_is_overdrawn", "what_is_done_stays"
#: Each with a property that the contract `acid` fails it by, and the invariant of this one. Sums alone tell that half a transfer is there.
MUTANTS = {
    "rmw-lost-update": ("P4", WHOLE), "stale-debit": ("P4", MONEY), "version-check-then-write": ("P4", WHOLE),
    "check-outside-tx": ("G2", OVERDRAWN), "zero-rows-ok": ("ACID-C", MONEY), "swallow-stmt-error": ("ACID-A", MONEY), "partial-batch": ("ACID-A", MONEY),
    "blind-retry-on-unknown": ("G3", WHOLE), "X13": ("G7", WHOLE), "error-is-rejection": ("G4", WHOLE), "ack-before-commit": ("ACID-D", WHOLE),
    "sweeper-undoes-committed": ("ACID-D", STAYS),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_fails_by_the_invariant_that_stands_for_our_property(name):
    mutant = next(mutant for mutant in pattern("acid").mutants() if mutant.name == name)
    ours, theirs = MUTANTS[name]
    assert ours in mutant.violates  # and by that it is killed in tests/impl/test_mutants.py
    harness = Harness(Acid(), mutant.factory)
    found = (check_scope(harness, scope).violation for scope in Acid.scopes)
    first = next((violation.property for violation in found if violation is not None), None)
    harness.close()
    assert first == theirs
