"""What relays may promise less of, and what scopes then ask for: policies, beside those about keys."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acidtest.errors import ContractError
from acidtest.properties.shared.reading import names_of
from acidtest.properties.shared.scopes import DAY, client, environment, repeated
from acidtest.workload import Operation

if TYPE_CHECKING:
    from acidtest.workload import Client, Scope

AT_LEAST_ONCE, BLOCKS_ON_POISON, GIVES_UP = "at_least_once", "blocks_on_poison", "gives_up"
OF_RELAYS = {
    AT_LEAST_ONCE: "a message may be published again without any fault, as by two relays at once; all copies carry one id and one payload (OB6)",
    BLOCKS_ON_POISON: "a message that the broker refuses holds up all others; as soon as it is accepted, all that is owed goes out (OB3)",
    GIVES_UP: (
        "after some attempts a message is given up: its key is in `parked()` for all to see, and when `send_again(key)` is called, it goes out "
        "after all, once (OB7)"
    ),
}
#: A client that comes after all others, where a policy promises something of what people do in the end.
IN_THE_END = "in the end"


def check(implementation: object, declared: frozenset[str]) -> None:
    """Whether who gives up has what people need then.

    Raises:
        ContractError: it lacks a method.
    """
    missing = [name for name in ("parked", "send_again") if not callable(getattr(implementation, name, None))]
    if GIVES_UP in declared and missing:
        message = (
            f"{type(implementation).__name__} declares {GIVES_UP!r} and has no method {missing[0]!r}. What is given up must be seen and be sent "
            "again: add parked(), which returns the keys, and send_again(key); or do not declare it, and go on trying."
        )
        raise ContractError(message)


def parked(implementation: Any, declared: frozenset[str]) -> tuple[str, ...]:  # noqa: ANN401 - an outbox
    """The keys of what was given up; none where nothing may be."""
    return names_of(implementation.parked(), "parked()", "the keys of what was given up") if GIVES_UP in declared else ()


def fitted(scope: Scope, declared: frozenset[str]) -> Scope:
    """The scope with what people do in the end: what was refused for ever is accepted; what was given up in an outage is sent again.

    Of two messages that are given up in a long outage one is sent again, so that the other has to be seen.
    """
    if any(one.name.startswith(IN_THE_END) for one in scope.clients):
        return scope
    if BLOCKS_ON_POISON in declared and scope.poison:
        return replace(scope, clients=(*scope.clients, *_accepted(len(scope.operations()))), enough=2 * scope.enough)
    if GIVES_UP in declared and scope.serial and any(op.method == "outage" for one in scope.clients for op in one.operations):
        return replace(scope, clients=(*_with_another(scope.clients), *_sent_again("k1")))
    return scope


def _accepted(polls: int) -> tuple[Client, ...]:
    """The broker relents, and when no relay waits any more to try again, one polls so often that each time one message is enough."""
    relents = environment(("relent", 0.0), ("jump", DAY))._replace(name=f"{IN_THE_END}, the broker")
    return relents, repeated("relay-1", "relay", polls)._replace(name=IN_THE_END)


def _with_another(clients: tuple[Client, ...]) -> list[Client]:
    """The clients, of which the first asks for one more withdrawal, of another account."""
    first, *others = clients
    another = Operation("another", "execute", ("another", "B", 13), 1)
    return [first._replace(operations=(*first.operations, another)), *others]


def _sent_again(key: str) -> tuple[Client, ...]:
    up = environment(("restore", None))._replace(name=f"{IN_THE_END}, the broker")
    return up, client("relay-1", Operation("send again", "send_again", (key,)), Operation("poll again", "relay"), name=IN_THE_END)
