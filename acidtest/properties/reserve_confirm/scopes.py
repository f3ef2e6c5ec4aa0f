"""What clients ask of reserve/confirm, of what provider, and what is explored of it completely."""

from __future__ import annotations

from typing import Any

from acidtest.properties.shared.scopes import (
    ATTEMPTS,
    BEFORE,
    DAY,
    IN_VAIN,
    again_and_again,
    before,
    client,
    environment,
    in_vain,
    repeated,
)
from acidtest.workload import Client, Operation, Scope, System

#: The accounts of every scope, and the keys that clients use.
ACCOUNTS = (("A", 100), ("B", 50))
KEYS = ("k1", "k2", "k3", "k4", "k5", "k6")
ATM = System("atm")

_CRASH = frozenset({"crash"})
_SILENCE = frozenset({"lost", "unacknowledged", "late"})
_REPLIES = _SILENCE | {"refused"}


def withdraw(name: str, key: str, user: str, amount: Any, retries: int = 1) -> Operation:  # noqa: ANN401 - invalid ones, too
    """A customer asks for cash."""
    return Operation(name, "withdraw", (key, user, amount), retries)


#: Another withdrawal, which the provider has paid, or could not be told of yet.
_BEFORE = before("app-1", withdraw("w0", "k6", "B", 7))
_IN_VAIN = in_vain("app-1", withdraw("w0", "k6", "B", 7, 0))


def _callback(name: str, number: int, process: str) -> Client:
    """The provider calls back, and again when it is not heard."""
    return Client(name, process, (Operation(name, "on_callback", (), 1, f"atm callback {number}"),))


def _statement(name: str) -> Operation:
    return Operation(name, "reconcile", (), 1, "atm statement")


def _alone(name: str, summary: str, can: str = "") -> Scope:
    """One withdrawal, beside another and time that passes, of a provider that can do one thing only, or nothing."""
    system = ATM._replace(idempotent=can == "repeat", queryable=can == "inquire", voidable=can == "void")
    return Scope(
        name, summary, ACCOUNTS,
        (
            *_IN_VAIN, client("app-1", withdraw("w1", "k1", "A", 61, 0)),
            environment(("jump", 2 * DAY)),
            repeated("desk-1", "tick", 1),
        ),
        faults=1, kinds=_CRASH | _SILENCE, systems=(system,), opening=IN_VAIN,
    )  # fmt: skip


SCOPES = (
    Scope(
        "one withdrawal", "one withdrawal while another process looks after it, beside another; one crash or bad reply anywhere",
        ACCOUNTS,
        (_BEFORE, client("app-1", withdraw("w1", "k1", "A", 41)), repeated("desk-1", "tick", 1)),
        faults=1, kinds=_CRASH | _REPLIES | {"delayed", "twice"}, systems=(ATM,), opening=(BEFORE,),
    ),
    Scope(
        "invalid requests", "unknown users, amounts of zero, below zero or too large, keys that are used again",
        ACCOUNTS,
        (
            client(
                "app-1",
                withdraw("w1", "k1", "nobody", 5),
                withdraw("w2", "k2", "A", 0),
                withdraw("w3", "k3", "A", -7),
                withdraw("w4", "k4", "A", 161),
                withdraw("w5", "k5", "B", 50),
                withdraw("w6", "k4", "A", 161),
                withdraw("w7", "k5", "B", 50),
                withdraw("w8", "k5", "B", 23),
                withdraw("w9", "k5", "A", 50),
                withdraw("w10", "k4", "A", 29),
            ),
        ),
        serial=True, systems=(ATM,),
    ),
    Scope(
        "callbacks", "callbacks beside the reply, in any order, one of them twice, beside another",
        ACCOUNTS,
        (
            _BEFORE, client("app-1", withdraw("w1", "k1", "A", 41, 0)),
            _callback("accepted", 2, "hook-1"), _callback("paid", 3, "hook-2"), _callback("paid again", 3, "hook-3"),
        ),
        systems=(ATM._replace(callbacks=True),),
        opening=(BEFORE,),
    ),
    Scope(
        "callbacks alone", "a provider that tells by callbacks alone, beside another; one crash or unanswered call anywhere",
        ACCOUNTS,
        (_BEFORE, client("app-1", withdraw("w1", "k1", "A", 61, 0)), _callback("paid", 3, "hook-1")),
        faults=1, kinds=_CRASH | {"unacknowledged"}, opening=(BEFORE,),
        systems=(ATM._replace(idempotent=False, queryable=False, voidable=False, callbacks=True),),
    ),
    Scope(
        "patience", "an order on its way while time passes every deadline and another process looks after it, beside another",
        ACCOUNTS,
        (
            *_IN_VAIN, client("app-1", withdraw("w1", "k1", "A", 61, 0)),
            environment(("jump", 40 * DAY)),
            repeated("desk-1", "tick", 1),
        ),
        faults=1, kinds=frozenset({"late", "delayed"}), systems=(ATM,), opening=IN_VAIN,
    ),
    Scope(
        "crash in recovery", "one withdrawal, beside another; two crashes or unanswered calls anywhere, also while recovering",
        ACCOUNTS,
        (*_IN_VAIN, client("app-1", withdraw("w1", "k1", "A", 61, 0)), environment(("jump", 2 * DAY))),
        faults=2, kinds=_CRASH | {"unacknowledged"}, systems=(ATM,), opening=IN_VAIN,
    ),
    _alone("repetition alone", "a provider that recognises repeated orders, and can do nothing else", "repeat"),
    _alone("void alone", "a provider that voids, and can do nothing else", "void"),
    Scope(
        "statement", "a provider that tells by statements alone, of any time, beside another; one crash or unanswered call anywhere",
        ACCOUNTS,
        (
            *_IN_VAIN, client("app-1", withdraw("w1", "k1", "A", 61, 0)),
            client("desk-1", _statement("statement 1"), _statement("statement 2")),
        ),
        faults=1, kinds=_CRASH | {"unacknowledged", "late"}, opening=IN_VAIN,
        systems=(ATM._replace(idempotent=False, queryable=False, voidable=False, statements=True),),
    ),
    _alone("inquiry alone", "a provider that answers inquiries, and can do nothing else", "inquire"),
    _alone("mute", "a provider that says nothing: what is unknown stays so, and all that is asked is that nothing goes wrong (N1)"),
    Scope(
        "queue", "an order that stands in a queue while time passes every deadline",
        ACCOUNTS,
        (
            client("app-1", withdraw("w1", "k1", "A", 61, 0), withdraw("w2", "k2", "A", 52, 0)),
            environment(("jump", 40 * DAY)),
            repeated("desk-1", "tick", 1),
        ),
        faults=1, kinds=frozenset({"late", "delayed"}), systems=(ATM._replace(queues=True),),
    ),
    Scope(
        "in part or not at all", "one order is paid in part, one is declined; one crash or unanswered call anywhere",
        ACCOUNTS,
        (client("app-1", withdraw("w1", "k1", "A", 61), withdraw("w2", "k2", "B", 13)),),
        faults=1, kinds=_CRASH | {"unacknowledged"}, systems=(ATM._replace(parts=((61, 40),), declines=(13,)),),
    ),
    Scope(
        "same key", "one key asked for twice at once, then reused with another amount, beside another",
        ACCOUNTS,
        (
            _BEFORE, client("app-1", withdraw("w1", "k1", "A", 41)),
            client("app-2", withdraw("w2", "k1", "A", 41), withdraw("w3", "k1", "A", 23)),
        ),
        faults=1, kinds=frozenset({"unacknowledged"}), systems=(ATM,), opening=(BEFORE,),
    ),
    Scope(
        "a rest comes back", "what is not paid out becomes available for others, but not for what was refused already",
        ACCOUNTS,
        (
            client("app-1", withdraw("w1", "k1", "A", 61)),
            client("app-2", withdraw("w2", "k2", "A", 52), withdraw("w3", "k2", "A", 52)),
        ),
        systems=(ATM._replace(parts=((61, 40),)),),
    ),
    Scope(
        "two withdrawals", "two withdrawals that the account cannot both pay; one crash anywhere",
        ACCOUNTS,
        (client("app-1", withdraw("w1", "k1", "A", 61)), client("app-2", withdraw("w2", "k2", "A", 52))),
        faults=1, kinds=_CRASH, systems=(ATM,),
    ),
    Scope(
        "two funded withdrawals", "two withdrawals of one account at once, one call unanswered, by processes that also look after them",
        ACCOUNTS,
        (
            client("app-1", withdraw("w1", "k1", "A", 61, 0), Operation("tick 1", "tick")),
            client("app-2", withdraw("w2", "k2", "A", 31, 0)),
        ),
        faults=1, kinds=frozenset({"unacknowledged"}), systems=(ATM,),
    ),
    Scope(
        "outage", "two withdrawals, while the provider cannot be reached for more than a year, and is asked eleven hundred times",
        ACCOUNTS,
        (
            client("app-1", withdraw("w1", "k1", "A", 41)), environment(("outage", None)),
            client("app-1", withdraw("w2", "k2", "B", 23, 0), name="client-2"), *again_and_again(("app-1", "tick")),
        ),
        serial=True, enough=ATTEMPTS, systems=(ATM,),
    ),
)  # fmt: skip

SLOW_SCOPES = (
    Scope(
        "server death", "a withdrawal and a look after it by one process, beside another; the database server is killed once, between any two effects",
        ACCOUNTS,
        (_BEFORE, client("app-1", withdraw("w1", "k1", "A", 61), Operation("tick 1", "tick"))),
        faults=1, kinds=frozenset({"restart database"}), systems=(ATM,), opening=(BEFORE,),
    ),
)  # fmt: skip
