"""The scopes of the inbox: what lies on the broker, and what the processes of the consumer do about it."""

from __future__ import annotations

import json

from acidtest.properties.shared.scopes import A_DAY, A_YEAR, DAY, client, environment, pause
from acidtest.workload import Client, Operation, Scope, Sent

#: Forty days, in seconds: longer than anybody keeps records for.
MONTHS = 40 * DAY


def deposit(name: str, id: str | None, account: str, amount: int, sequence: int = 1, *, deadly: bool = False) -> Sent:  # noqa: A002
    """A deposit that lies on the broker."""
    return _sent("deposit", name, id, account, amount, sequence, deadly=deadly)


def withdrawal(name: str, id: str | None, account: str, amount: int, sequence: int = 1) -> Sent:  # noqa: A002
    """A withdrawal that lies on the broker."""
    return _sent("withdrawal", name, id, account, amount, sequence)


def _sent(kind: str, name: str, id: str | None, account: str, amount: int, sequence: int, *, deadly: bool = False) -> Sent:  # noqa: A002
    payload = json.dumps({"type": kind, "account": account, "amount": amount, "sequence": sequence})
    return Sent(name, id, account, payload, f"{kind}s", deadly)


def consumer(process: str, plan: str, *, name: str = "") -> Client:
    """What a process does, one after the other: h to handle a message, p to clean away what is old."""
    name = name or process
    methods = {"h": ("handle", "message"), "p": ("purge", "")}
    calls = [Operation(f"{name} {methods[c][0]} {i}", methods[c][0], (), 0, methods[c][1]) for i, c in enumerate(plan, 1)]
    return client(process, *calls, name=name)


_FAULTS = frozenset({"crash", "refused", "lost", "unacknowledged", "late"})
_CRASH = frozenset({"crash"})

SCOPES = (
    Scope(
        "one message", "a deposit; one crash, refusal, lost or late reply anywhere, or it comes once more",
        (("A", 100),), (consumer("app-1", "hh"),),
        faults=1, kinds=_FAULTS | {"duplicated"}, messages=(deposit("d1", "m1", "A", 61),),
    ),
    Scope(
        "redelivery in flight", "a deposit that is handled by one process when it is given to another; one of them may crash",
        (("A", 100),), (consumer("app-1", "h"), consumer("app-2", "h")),
        faults=2, kinds=_CRASH | {"redelivered"}, messages=(deposit("d1", "m1", "A", 61),),
    ),
    Scope(
        "equal ids", "a deposit and a withdrawal that carry one id, on two subscriptions; one crash, or one comes once more",
        (("A", 100),), (consumer("app-1", "hhh"),),
        faults=1, kinds=_CRASH | {"duplicated"},
        messages=(deposit("d1", "m1", "A", 61), withdrawal("w2", "m1", "A", 13, 2)),
    ),
    Scope(
        "equal payments", "two deposits of one amount to one account, with ids of their own",
        (("A", 100),), (consumer("app-1", "hhh"),), serial=True, messages=(deposit("d1", "m1", "A", 5), deposit("d2", "m2", "A", 5, 2)),
    ),
    Scope(
        "other payload", "two deposits of different amounts that carry one id, and two processes",
        (("A", 100),), (consumer("app-1", "hh"), consumer("app-2", "h")),
        messages=(deposit("d1", "m1", "A", 61), deposit("d2", "m1", "A", 13)),
    ),
    Scope(
        "no funds", "a withdrawal that cannot be paid, a deposit, and the withdrawal again, when it could be; one of them twice or failing",
        (("A", 50),), (consumer("app-1", "hhhh"),),
        faults=1, kinds=frozenset({"refused", "duplicated"}),
        messages=(withdrawal("w1", "m1", "A", 61), deposit("d2", "m2", "A", 23, 2), withdrawal("w1", "m1", "A", 61)),
    ),
    Scope(
        "out of order", "two deposits, and a withdrawal that they pay for; a message comes before others, or again",
        (("A", 30),), (consumer("app-1", "hhhhh"),),
        faults=1, kinds=frozenset({"reordered", "duplicated"}), serial=True,
        messages=(deposit("d1", "m1", "A", 40), deposit("d2", "m2", "A", 9, 2), withdrawal("w3", "m3", "A", 61, 3)),
    ),
    Scope(
        "poison", "no JSON, amounts of zero and less, an unknown account, no id, twice, and an empty one, twice; beside a good message",
        (("A", 100), ("B", 100), ("C", 100), ("D", 100)), (consumer("app-1", "h" * 30),), serial=True,
        messages=(
            Sent("x1", "m1", "P", "not JSON", "deposits"),
            deposit("x2", "m2", "D", -7), deposit("x3", "m3", "D", 0, 2), withdrawal("x4", "m4", "nobody", 5),
            deposit("x5", None, "B", 3), deposit("x6", None, "B", 11, 2), deposit("x7", "", "C", 3), deposit("x8", "", "C", 11, 2),
            deposit("d9", "m9", "A", 61),
        ),
    ),
    Scope(
        "no id", "a deposit without an id, and one with; a crash or an error, or one comes once more",
        (("A", 100), ("B", 50)), (consumer("app-1", "hhh"),),
        faults=1, kinds=_CRASH | {"unacknowledged", "duplicated"}, messages=(deposit("d1", None, "A", 61), deposit("d2", "m2", "B", 13)),
    ),
    Scope(
        "killer", "a message that kills whoever looks into it, and one that does not, of another account",
        (("A", 100), ("K", 100)), (consumer("app-1", "h" * 12),), serial=True,
        messages=(deposit("k1", "m1", "K", 7, deadly=True), deposit("d2", "m2", "A", 61)),
    ),
    Scope(
        "dead letters again", "a message that kills whoever looks into it is tried twelve times; then it is repaired, and sent again",
        (("K", 100),),
        (consumer("app-1", "h" * 12, name="before"), environment(("resend", 0.0)), consumer("app-1", "hh", name="after")),
        serial=True, messages=(deposit("k1", "m1", "K", 7, deadly=True),),
    ),
    Scope(
        "two days", "a deposit that comes again after two days, with what is old cleaned away at any time",
        (("A", 100),), (consumer("app-1", "hh"), consumer("app-2", "p"), environment(("jump", 2 * DAY))),
        faults=1, kinds=frozenset({"duplicated"}), messages=(deposit("d1", "m1", "A", 61),),
    ),
    Scope(
        "forty days", "a deposit that comes again after forty days, with what is old cleaned away at any time",
        (("A", 100),), (consumer("app-1", "hh"), environment(("jump", MONTHS)), consumer("app-2", "p")),
        faults=1, kinds=frozenset({"duplicated"}), messages=(deposit("d1", "m1", "A", 61),),
    ),
    Scope(
        "slow handler", "a deposit that is given to another process while it is handled, and time passes every lease at any moment",
        (("A", 100),), (consumer("app-1", "h"), consumer("app-2", "h"), environment(("jump", 2 * DAY))),
        faults=1, kinds=frozenset({"redelivered"}), messages=(deposit("d1", "m1", "A", 61),),
    ),
    Scope(
        "competing consumers", "a deposit and a withdrawal of one account, and two processes; one of the calls may fail",
        (("A", 30),), (consumer("app-1", "hh"), consumer("app-2", "h")),
        faults=1, kinds=frozenset({"refused"}),
        messages=(deposit("d1", "m1", "A", 61), withdrawal("w2", "m2", "A", 13, 2)),
    ),
    Scope(
        "many", "thirty deposits; the first ones come again a day later, after forty days, and after more than a year",
        (("A", 100),),
        (
            consumer("app-1", "h" * 30), pause("a day", A_DAY), consumer("app-2", "phh"), pause("months", MONTHS), consumer("app-1", "phh", name="later"),
            pause("a year", A_YEAR), consumer("app-2", "phh", name="in the end"),
        ),
        serial=True,
        messages=tuple(deposit(f"d{i}", f"m{i}", "A", 1_000 + i, i) for i in (*range(1, 31), 1, 2, 1, 3, 2, 4)),
    ),
    Scope(
        "two failures", "a deposit, which may come once more; two crashes or bad replies, or one of each, anywhere",
        (("A", 100),), (consumer("app-1", "hh"),),
        faults=2, kinds=_CRASH | {"refused", "unacknowledged", "duplicated"}, serial=True, messages=(deposit("d1", "m1", "A", 61),),
    ),
)  # fmt: skip

#: What two calls of one process do one after the other it may remember in any order, so every order is another state. And the
#: server of PostgreSQL needs longer to die and start again than any other effect takes.
SLOW_SCOPES = (
    Scope(
        "one process", "a deposit that is given to the same process again while it handles it",
        (("A", 100),), (consumer("app-1", "h", name="client-1"), consumer("app-1", "h", name="client-2")),
        faults=1, kinds=frozenset({"redelivered"}), messages=(deposit("d1", "m1", "A", 61),),
    ),
    Scope(
        "server death", "a deposit; the database server is killed once, between any two effects",
        (("A", 100),), (consumer("app-1", "hh"),),
        faults=1, kinds=frozenset({"restart database"}), messages=(deposit("d1", "m1", "A", 61),),
    ),
)  # fmt: skip
