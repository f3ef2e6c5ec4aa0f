"""The scopes of the chain: what clients ask of the source, what the services do in turn, and what is explored of it completely."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.properties.outbox_inbox.port import MIDDLE, SINK, SOURCE
from acidtest.properties.shared.scopes import DAY, environment
from acidtest.workload import ENVIRONMENT, Client, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Forty days, in seconds: longer than anybody keeps records for.
MONTHS = 40 * DAY
_METHODS = {"h": ("handle", "message"), "r": ("relay", ""), "p": ("purge", ""), "c": ("reconcile", "")}


def transfer(name: str, key: str, account: str, amount: int, retries: int = 1) -> Operation:
    """A client moves an amount to the sink."""
    return Operation(name, "execute", (key, account, amount), retries)


def turns(process: str, plan: str, *first: Operation, name: str = "") -> Client:
    """What a process does, one after the other: its clients' calls, then h for a message, r for a relay, p for cleaning away what is old,
    c for comparing with the neighbours.
    """
    name = name or process
    calls = [Operation(f"{name} {_METHODS[c][0]} {i}", _METHODS[c][0], (), 0, _METHODS[c][1]) for i, c in enumerate(plan, 1)]
    return Client(name, process, (*first, *calls))


def accounts(**balances: int) -> tuple[tuple[str, int], ...]:
    """Accounts with these balances at the source, and the same ones, with a little in each, behind it."""
    behind = [(f"{service}/{name}", n) for service, n in ((MIDDLE, 3), (SINK, 5)) for name in balances]
    return (*((f"{SOURCE}/{name}", n) for name, n in balances.items()), *behind)


def opened(*clients: Client) -> tuple[Client, ...]:
    """Clients that open a scope."""
    return tuple(one._replace(name=f"{one.name} before", operations=tuple(_before(op) for op in one.operations)) for one in clients)


def _before(operation: Operation) -> Operation:
    return operation if operation.method == "execute" else operation._replace(name=f"{operation.name} before")


def _names(clients: Iterable[Client]) -> tuple[str, ...]:
    return tuple(one.name for one in clients)


def _pause(number: int, seconds: float = MONTHS) -> Client:
    """Time passes; the number tells pauses of a scope apart."""
    return Client(f"pause {number}", ENVIRONMENT, (Operation(f"jump {number}", "jump", (seconds,)),))


def _again(number: int, *clients: Client) -> tuple[Client, ...]:
    """Forty days pass, and then these go on."""
    renamed = [
        one._replace(name=f"{one.name} after {number}", operations=tuple(op._replace(name=f"{op.name} after {number}") for op in one.operations))
        for one in clients
    ]
    return (_pause(number), *renamed)


def _outage(*processes: str) -> tuple[Client, ...]:
    """Each polls twelve times in as many hours, and once after forty days."""
    found: list[Client] = []
    for i, seconds in enumerate([0.0] + [3_600.0] * 11 + [MONTHS], 1):
        found += [_pause(i, seconds)] if seconds else []
        found += [Client(f"{one} poll {i}", one, (Operation(f"{one} poll {i}", "relay"),)) for one in processes]
    return tuple(found)


FIRST = transfer("t1", "k1", "A", 61)
SECOND = transfer("t2", "k2", "A", 23)
_CRASH = frozenset({"crash"})
_REPLIES = frozenset({"refused", "lost", "unacknowledged", "late", "twice"})
_DELIVERIES = frozenset({"reordered", "duplicated"})
_ONE = accounts(A=100)

_TWO_PUBLISHED = opened(turns("source-1", "rr", FIRST, SECOND))
_ALL_THE_WAY = opened(turns("source-1", "r", FIRST), turns("middle-1", "chr"), turns("sink-1", "ch"))
_ONE_PASSED = opened(turns("source-1", "r", FIRST), turns("middle-1", "h"))

SCOPES = (
    Scope(
        "one transfer", "a transfer from end to end; one crash, lost, late or double reply, or copy, anywhere in the chain",
        _ONE, (turns("source-1", "r", FIRST), turns("middle-1", "hrh"), turns("sink-1", "hh")),
        faults=1, kinds=_CRASH | _REPLIES | {"duplicated"}, serial=True,
    ),
    Scope(
        "invalid requests", "nothing, less than nothing, unknown accounts, too much, all there is; and keys that are used again",
        accounts(A=100, B=50, C=17),
        (
            turns(
                "source-1", "r" * 4, transfer("t1", "k1", "A", 0), transfer("t2", "k2", "A", -7), transfer("t3", "k3", "nobody", 50),
                transfer("t4", "k4", "A", 161), transfer("t5", "k5", "B", 31), transfer("t6", "k4", "A", 161), transfer("t7", "k5", "B", 31),
                transfer("t8", "k5", "B", 13), transfer("t9", "k5", "A", 31), transfer("t10", "k4", "A", 29), transfer("t11", "k6", "C", 17),
                transfer("t12", "k6", "C", 17),
            ),
            turns("middle-1", "hrhr"), turns("sink-1", "hh"),
        ),
        serial=True,
    ),
    Scope(
        "same key", "one key asked for twice at once, and then for another amount, by two processes of the source",
        _ONE, (turns("source-1", "r", transfer("t1", "k1", "A", 41)), turns("source-2", "", transfer("t2", "k1", "A", 41), transfer("t3", "k1", "A", 23))),
        idle=("middle-1", "sink-1"),
    ),
    Scope(
        "more than there is", "two transfers that the account cannot both pay, by two processes of the source",
        _ONE, (turns("source-1", "", transfer("t1", "k1", "A", 61)), turns("source-2", "r", transfer("t2", "k2", "A", 53))),
        idle=("middle-1", "sink-1"),
    ),
    Scope(
        "equal transfers", "two transfers of one amount from one account, under keys of their own, one after the other",
        _ONE,
        (
            *opened(turns("source-1", "r", transfer("t1", "k1", "A", 41)), turns("middle-1", "hr"), turns("sink-1", "h")),
            turns("source-1", "r", transfer("t2", "k2", "A", 41)), turns("middle-1", "hr"), turns("sink-1", "h"),
        ),
        serial=True,
    ),
    Scope(
        "two of one account", "two transfers of one account, whose messages two processes of the middle share, and take at once",
        _ONE, (*_TWO_PUBLISHED, turns("middle-1", "h"), turns("middle-2", "h")),
        idle=("sink-1",), opening=_names(_TWO_PUBLISHED),
    ),
    Scope(
        "out of order", "two transfers of one account from end to end; a message that comes again, or before another",
        _ONE, (turns("source-1", "rr", FIRST, SECOND), turns("middle-1", "hhhrrr"), turns("sink-1", "hhh")),
        faults=1, kinds=_DELIVERIES, serial=True,
    ),
    Scope(
        "before the relay", "a transfer that the middle has committed and not passed on, when it comes again; two crashes or lost replies",
        _ONE, (*_ONE_PASSED, turns("middle-1", "hr"), turns("sink-1", "h")),
        faults=2, kinds=_CRASH | {"unacknowledged", "duplicated"}, serial=True, opening=_names(_ONE_PASSED),
    ),
    Scope(
        "redelivery in flight", "a message that one process of the middle handles when it is given to the other; one of them may crash",
        _ONE, (*opened(turns("source-1", "r", FIRST)), turns("middle-1", "h"), turns("middle-2", "h")),
        faults=2, kinds=_CRASH | {"redelivered"}, idle=("sink-1",), opening=_names(opened(turns("source-1", "r", FIRST))),
    ),
    Scope(
        "outage", "two transfers, of which the middle has taken one, when the broker goes down for forty days, and is tried again and again",
        _ONE, (*_ONE_PASSED, turns("source-1", "", SECOND), environment(("outage", None)), *_outage("source-1", "middle-1")),
        serial=True, idle=("sink-1",), opening=_names(_ONE_PASSED),
    ),
    Scope(
        "late relays", "two transfers of which every relay comes forty days late, and all is cleaned away that may be",
        _ONE,
        (
            turns("source-1", "", FIRST, SECOND), *_again(1, turns("source-1", "prr")), turns("middle-1", "hhp"),
            *_again(2, turns("middle-1", "prr")), turns("sink-1", "hhp"),
        ),
        serial=True,
    ),
    Scope(
        "forty days", "a transfer of which one message is published again, or comes again, forty days later, when all that is old is cleaned away",
        _ONE,
        (
            turns("source-1", "r", FIRST), turns("middle-1", "hr"), turns("sink-1", "h"),
            *_again(1, turns("source-1", "rp"), turns("middle-1", "phrp"), turns("sink-1", "php")),
        ),
        faults=1, kinds=_CRASH | {"lost", "unacknowledged", "duplicated"}, serial=True,
    ),
    Scope(
        "cleaning beside", "a message that comes again after forty days to one process of the middle, while the other cleans away what is old",
        _ONE, (*_ONE_PASSED, turns("middle-1", "h"), turns("middle-2", "p"), environment(("jump", MONTHS))),
        faults=2, kinds=_CRASH | {"duplicated"}, idle=("sink-1",), opening=_names(_ONE_PASSED),
    ),
    Scope(
        "backup", "two transfers of one account, one after the other; one service is restored from a backup, of any moment and at any moment",
        _ONE,
        (
            *_ALL_THE_WAY, turns("source-1", "r", SECOND), turns("middle-1", "hhr"), turns("sink-1", "hh"),
        ),
        faults=1, kinds=frozenset({"backup"}), serial=True, opening=_names(_ALL_THE_WAY),
    ),
    Scope(
        "comparing", "services that compare when a transfer has arrived; one is restored from a backup, or one crash, lost statement or copy",
        _ONE, (*_ALL_THE_WAY, turns("source-1", "ch"), turns("middle-1", "chr"), turns("sink-1", "ch")),
        faults=1, kinds=_CRASH | {"backup", "lost", "duplicated"}, serial=True, opening=_names(_ALL_THE_WAY),
    ),
)  # fmt: skip

#: The server of PostgreSQL needs longer to die and start again than any other effect takes.
SLOW_SCOPES = (
    Scope(
        "server death", "a transfer that the source has published; the database servers are killed once, between any two effects",
        _ONE, (*opened(turns("source-1", "r", FIRST)), turns("middle-1", "hr"), turns("sink-1", "h")),
        faults=1, kinds=frozenset({"restart database"}), serial=True, opening=_names(opened(turns("source-1", "r", FIRST))),
    ),
)  # fmt: skip
