"""What must hold of the transactional outbox, as predicates over views: PATTERNS section 10."""

from __future__ import annotations

from itertools import pairwise

from acidtest.checker.machine import Kind, Property
from acidtest.models.outbox.service import Copy, OutboxView
from acidtest.properties.outbox.policies import AT_LEAST_ONCE, BLOCKS_ON_POISON, GIVES_UP
from acidtest.properties.shared.policies import with_policies
from acidtest.properties.shared.predicates import (
    G2,
    G3,
    G4,
    G5,
    G7,
    G11,
    G12,
    REASONED,
    REMEMBERED,
    SOURCE,
    whole,
)


def _published_once(view: OutboxView) -> bool:
    return len(view.copies) - len({copy.about for copy in view.copies}) <= view.excused


def _owed(view: OutboxView) -> list[str]:
    """Accepted withdrawals without a message, in the order of acceptance; without what the broker never takes, and what is parked."""
    accounts = {call.request.name: call.request.deltas[0][0] for call in view.calls}
    out = {copy.about for copy in view.copies} | set(view.parked)
    return [name for name in view.accepted if name not in out and accounts.get(name) not in view.poison]


def _ordered(view: OutboxView) -> bool:
    accounts = {call.request.name: call.request.deltas[0][0] for call in view.calls}
    first = list(dict.fromkeys(copy.about for copy in view.copies))
    place = {name: i for i, name in enumerate(view.accepted)}
    by_account: dict[str, list[int]] = {}
    for name in first:
        if name in place:
            by_account.setdefault(accounts[name], []).append(place[name])
    return all(a < b for places in by_account.values() for a, b in pairwise(places))


def _identical(view: OutboxView) -> bool:
    by_id: dict[str, Copy] = {}
    by_name: dict[str, Copy] = {}
    return all(by_id.setdefault(c.id, c) == c and by_name.setdefault(c.about, c) == c for c in view.copies if c.id)


def _nothing_passed_over(view: OutboxView) -> bool:
    """Nothing is owed for ever while others are out, unless something went wrong."""
    return bool(view.happened) or not view.copies or not _owed(view)


def _unconfirmed(view: OutboxView) -> bool:
    """Whether a publish may have gone wrong."""
    return any("publish" in what or what == "outage" for what in view.happened)


def _messages_match(view: OutboxView) -> bool:
    poisoned = {call.request.name for call in view.calls if call.request.deltas[0][0] in view.poison}
    out = {copy.about for copy in view.copies}
    return out == set(view.accepted) - poisoned - (set(view.parked) - out)


_RICHARDSON = "Richardson, Transactional outbox; PATTERNS 10"

# The order matters: a message that never comes breaks several of them, and the one that says most comes first.
PROPERTIES = with_policies((
    G12,
    G2,
    Property("G1", "balances change by whole withdrawals", Kind.ALWAYS, whole, SOURCE),
    G3,
    G4,
    G5,
    G7,
    REMEMBERED,
    G11,
    REASONED,
    Property(
        "OB2", "what is published was committed", Kind.ALWAYS,
        lambda v: all(c.about in v.accepted for c in v.copies), _RICHARDSON,
    ),
    Property("OB6", "all copies of a message carry one id and one payload", Kind.ALWAYS, _identical, _RICHARDSON),
    Property(
        "OB10", "a relay whose lease ran out changes nothing", Kind.ALWAYS,
        lambda v: "jump" not in v.happened or _published_once(v), "PATTERNS 10; Kleppmann 2016 (fencing tokens)", "fenced",
    ),
    Property(
        "OB5", "a further copy needs a crash, a lost reply or a lost mark", Kind.ALWAYS, _published_once, _RICHARDSON,
        waived=(AT_LEAST_ONCE,),
    ),
    Property("OB4", "first copies follow commit order, per account", Kind.ALWAYS, _ordered, _RICHARDSON, "ordered"),
    Property(
        "OB12", "the relay survives an error without a restart", Kind.AT_REST,
        lambda v: not v.wedged, _RICHARDSON,
    ),
    Property(
        "OB8", "a message that is refused for ever does not hold up other accounts", Kind.AT_REST,
        lambda v: not v.poison or not _owed(v), "PATTERNS 10; gruelbox/transaction-outbox#676",
        waived=(BLOCKS_ON_POISON,),
    ),
    Property(
        "OB9", "what is owed is published however old it is: it neither expires nor is cleaned away", Kind.AT_REST,
        lambda v: "jump" not in v.happened or _unconfirmed(v) or not _owed(v), _RICHARDSON,
    ),
    Property(
        "OB7", "what was not confirmed stays owed, however long it takes", Kind.AT_REST,
        lambda v: not _unconfirmed(v) or not _owed(v), _RICHARDSON, waived=(GIVES_UP,),
    ),
    Property(
        "OB7", "what was given up is parked for all to see, and goes out when it is sent again", Kind.AT_REST,
        lambda v: not _unconfirmed(v) or not _owed(v), _RICHARDSON, GIVES_UP,
    ),
    Property(
        "OB11", "no message is passed over although nothing went wrong", Kind.AT_REST, _nothing_passed_over,
        "PATTERNS 10, 8 (ES8)",
    ),
    Property("OB3", "what was committed is published in the end", Kind.AT_REST, lambda v: not _owed(v), _RICHARDSON),
    Property(
        "OB1", "a balance changed if and only if a message is owed for it", Kind.AT_REST, _messages_match, _RICHARDSON,
    ),
))  # fmt: skip

#: What no implementation can escape, as witnesses: publishing and marking are two steps in two systems.
N1 = Property(
    "N1", "a message is published twice, after a disturbance", Kind.SOMETIMES,
    lambda v: v.excused > 0 and len(v.copies) > len({copy.about for copy in v.copies}), "PATTERNS 10, N1",
)  # fmt: skip
