"""The contract of a financial system: money of two banks, the record of it, what customers are shown, and receipts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from acidtest.environment import Outcome
from acidtest.properties.own.contract import Contract
from acidtest.properties.own.declared import background, operation, read, recovery
from acidtest.properties.own.invariants import always, at_rest, conserved, sometimes
from acidtest.properties.own.scopes import Scope, client

if TYPE_CHECKING:
    from acidtest.properties.own.seen import Seen
    from acidtest.workload import Scope as Built

OFFICE, BANKS = "office", ("north", "south")
LETTERS = "letters"


def total(seen: Any) -> int:
    """All the money that there is."""
    return sum(sum(seen.balance[bank].values()) for bank in BANKS)


class FinanceContract(Contract):
    """Transfers from a bank to another."""

    services = (OFFICE, *BANKS)
    asks_again = True
    provisional = ("pending",)
    start = {"north/ann": 100, "south/bob": 50}  # noqa: RUF012 - it is never changed

    transfer = operation("transfer", key=("k1", "k2"), source=("ann",), target=("bob", "nobody"), amount=(60, 70)).of(OFFICE)
    relay = background("relay").of(OFFICE)
    tick = background("tick").of(OFFICE)
    recover = recovery("recover")
    project = background("project").of(*BANKS)
    balance, available = read("balance").of(*BANKS), read("available").of(*BANKS)
    recorded, statement = read("recorded").of(*BANKS), read("statement").of(*BANKS)

    first, second = transfer("k1", "ann", "bob", 60), transfer("k2", "ann", "bob", 70)
    whole = {"called": BANKS, "idle": ("north-1", "south-1")}  # noqa: RUF012 - it is never changed
    scopes = (
        Scope("money for one of two", client("office-1", first, second), **whole),
        Scope("a crash", client("office-1", first), crashes=1, **whole),
        Scope("no reply", client("office-1", first), faults=1, kinds=("lost", "unacknowledged", "late", "twice"), **whole),
        Scope("to nobody", client("office-1", transfer("k1", "ann", "nobody", 60)), faults=1, kinds=("crash", "unacknowledged"), **whole),
        Scope(
            "statements", client("office-1", first), client("north-1", project(), project()),
            opening=("office-1",), crashes=1, serial=True, called=BANKS, idle=("south-1",),
        ),
    )

    money = conserved("balance", only_at_rest=True)

    def install(self, implementation: Any, scope: Built, member: str = "") -> None:
        """Give each bank its accounts."""
        opening = {name.partition("/")[2]: amount for name, amount in scope.accounts if name.partition("/")[0] == member}
        implementation.install(opening)

    @always
    def nobody_spends_what_he_has_not(self, seen: Seen) -> bool:
        """No account is overdrawn, holds included."""
        amounts: list[int] = [amount for bank in BANKS for part in (seen.balance, seen.available) for amount in part[bank].values()]
        return all(amount >= 0 for amount in amounts)

    @always
    def the_record_is_complete(self, seen: Seen) -> bool:
        """What the events of an account add up to is what its balance has changed by."""
        return all(
            seen.start.balance[bank][name] + seen.recorded[bank].get(name, 0) == amount
            for bank in BANKS for name, amount in seen.balance[bank].items()
        )  # fmt: skip

    @at_rest
    def statements_catch_up(self, seen: Seen) -> bool:
        """In the end customers are shown what there is."""
        return bool(seen.statement == seen.balance)

    @at_rest
    def nothing_stays_held(self, seen: Seen) -> bool:
        """In the end nothing is held."""
        return bool(seen.available == seen.balance)

    @always
    def a_receipt_is_true(self, seen: Seen) -> bool:
        """A receipt is no other than what the client is told, and than another receipt."""
        receipts = _receipts(seen)
        told = {(call["key"], call.answer == Outcome.OK) for call in seen.told(self.transfer, Outcome.OK, Outcome.REJECTED)}
        return len({*receipts, *told}) == len({key for key, _ in (*receipts, *told)})

    @at_rest
    def a_receipt_says_what_was_moved(self, seen: Seen) -> bool:
        """In the end what was moved is what receipts say, and everything that was asked for has one."""
        amounts = {call["key"]: call["amount"] for call in seen.asked(self.transfer)}
        moved = sum(amounts[key] for key, done in set(_receipts(seen)) if done)
        told = {call["key"] for call in seen.told(self.transfer)}
        return bool(seen.start.balance["north"]["ann"] - seen.balance["north"]["ann"] == moved and told <= {key for key, _ in _receipts(seen)})

    @sometimes
    def a_transfer_is_refused(self, seen: Seen) -> bool:
        """A transfer is refused."""
        return bool(seen.told(self.transfer, Outcome.REJECTED))

    @sometimes
    def one_bank_is_ahead(self, seen: Seen) -> bool:
        """The money has left one bank and has not come to the other: that is no bug, and whoever adds up must know it."""
        return total(seen) != total(seen.start)

    @sometimes
    def statements_are_late(self, seen: Seen) -> bool:
        """A customer is shown what is true no more: that is no bug, and it is why nothing is decided on it."""
        return bool(seen.statement != seen.balance)


def _receipts(seen: Seen) -> list[tuple[str, bool]]:
    """(transfer, whether it was carried out) of each receipt."""
    return [(message.key, json.loads(message.payload)["moved"]) for message in seen.messages if message.topic == LETTERS]
