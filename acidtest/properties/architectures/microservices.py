"""The contract of microservices that fill orders: all of them or none, and one letter about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from acidtest.environment import Outcome
from acidtest.properties.own.contract import Contract
from acidtest.properties.own.declared import background, handler, operation, read
from acidtest.properties.own.invariants import always, at_rest, sometimes
from acidtest.properties.own.scopes import Scope, client

if TYPE_CHECKING:
    from acidtest.properties.own.seen import Seen
    from acidtest.workload import Client, Operation
    from acidtest.workload import Scope as Built

FILLING = ("payment", "stock", "booking", "shipping")
MAIL = "mail"
LETTERS, FILLED = "letters", "filled"

HANDLE, RELAY = handler("handle"), background("relay")


def at(service: str, plan: str, *calls: Operation) -> Client:
    """What the process of a service does: its client's calls, then h for a message, r for a relay."""
    return client(f"{service}-1", *calls, *[HANDLE(retries=1) if step == "h" else RELAY() for step in plan])


class MicroservicesContract(Contract):
    """Orders that services fill on each other's events."""

    services = (*FILLING, MAIL)
    asks_again = True
    start = {"payment/ann": 100, "stock/book": 9, "booking/place": 1}  # noqa: RUF012 - it is never changed
    stateful_kinds = ("crash", "unacknowledged", "lost", "refused", "late", "duplicated")

    order = operation("start", key=("k1", "k2"), account=("ann",), amount=(10, 20), item=("book",), quantity=(1, 2)).of("payment")
    handle, relay = HANDLE, RELAY
    tick = background("tick")
    ledger = read("ledger").of(*FILLING)
    balances = read("balances").of(*FILLING)

    first, second = order("k1", "ann", 10, "book", 1), order("k2", "ann", 20, "book", 2)
    one = (
        at("payment", "r", first), at("stock", "hr"), at("booking", "hr"), at("shipping", "hr"), at("payment", "hr"), at("mail", "hr"),
    )  # fmt: skip
    two = (
        at("payment", "rr", first, second), at("stock", "hhrr"), at("booking", "hhrr"), at("stock", "hr"),
        at("payment", "hr"), at("mail", "hr"), at("shipping", "hr"), at("payment", "hr"), at("mail", "hr"),
    )  # fmt: skip
    scopes = (
        Scope("one order", *one, crashes=1, serial=True),
        Scope("two orders for one place", *two, serial=True),
        Scope("a lost reply", *one, faults=1, kinds=("unacknowledged", "late"), serial=True),
        Scope("a message again", *two, at("mail", "hhr"), faults=1, kinds=("duplicated", "reordered"), serial=True),
    )

    def install(self, implementation: Any, scope: Built, member: str = "") -> None:
        """Give each service what it has at the start."""
        opening = {name.partition("/")[2]: amount for name, amount in scope.accounts if name.partition("/")[0] == member}
        implementation.install(opening)

    @always
    def the_books_add_up(self, seen: Seen) -> bool:
        """What each service has and what it has given add up to what it had."""
        return all(_given(seen.ledger[s]) == _less(seen.start.balances[s], seen.balances[s]) for s in FILLING)

    @at_rest
    def all_have_filled_an_order_or_none(self, seen: Seen) -> bool:
        """In the end an order is filled by all services, or by none."""
        return all(filled in ([], list(FILLING)) for filled in _filled(seen).values())

    @always
    def no_letter_says_too_much(self, seen: Seen) -> bool:
        """A letter says that an order is filled only where all have filled it; and that it is not only where it is paid back."""
        filled = _filled(seen)
        return all(
            filled.get(key, []) == list(FILLING) if said == FILLED else "payment" not in filled.get(key, [])
            for key, said, _ in _letters(seen)
        )

    @always
    def one_order_has_one_letter(self, seen: Seen) -> bool:
        """There is one letter about an order; copies of it carry its id."""
        letters = set(_letters(seen))
        return len(letters) == len({key for key, _, _ in letters})

    @at_rest
    def every_order_is_told(self, seen: Seen) -> bool:
        """In the end there is a letter about every order that was taken."""
        taken = {call["key"] for call in seen.told(self.order, Outcome.OK)}
        return taken <= {key for key, _, _ in _letters(seen)}

    @sometimes
    def an_order_is_filled(self, seen: Seen) -> bool:
        """An order is filled."""
        return any(said == FILLED for _, said, _ in _letters(seen))

    @sometimes
    def an_order_is_not_filled(self, seen: Seen) -> bool:
        """An order is not filled, and paid back."""
        return any(said != FILLED for _, said, _ in _letters(seen))


def _given(ledger: tuple[Any, ...]) -> dict[str, int]:
    """What a service has given of each resource, by its ledger."""
    given: dict[str, int] = {}
    for _, what, resource, amount in ledger:
        if resource != "parcel":
            given[resource] = given.get(resource, 0) + (amount if what == "do" else -amount)
    return {resource: amount for resource, amount in given.items() if amount}


def _less(before: Any, now: Any) -> dict[str, int]:
    """What there is less of than there was."""
    return {name: before[name] - now[name] for name in before if before[name] != now[name]}


def _filled(seen: Seen) -> dict[str, list[str]]:
    """The services by which each order is filled now."""
    found: dict[str, list[str]] = {}
    for service in FILLING:
        for key, what, _, _ in seen.ledger[service]:
            by = found.setdefault(key, [])
            by.append(service) if what == "do" else by.remove(service)
    return found


def _letters(seen: Seen) -> list[tuple[str, str, str | None]]:
    """(order, what it says, id) of each letter."""
    return [(m.key, json.loads(m.payload)["order"], m.id) for m in seen.messages if m.topic == LETTERS]
