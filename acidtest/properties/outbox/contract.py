"""The contract of the transactional outbox: PATTERNS section 10, and what every pattern shares (section 0)."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from acidtest.checker.machine import Action, Kind, Property
from acidtest.checker.theory import Claim, Size, Study, Theorem, Theory
from acidtest.environment import Outcome
from acidtest.models.outbox.relays_study import STUDY as RELAYS
from acidtest.models.outbox.service import Copy, OutboxModel, OutboxView
from acidtest.models.shared.ledger import Call, Request
from acidtest.port import background, installation, operation, read
from acidtest.properties.outbox.stories import HOUR, workloads
from acidtest.properties.shared.balances import explain
from acidtest.properties.shared.contract import accounts_of
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.predicates import G2, G3, G4, G5, G7, G11, G12, REMEMBERED, SOURCE, whole
from acidtest.properties.shared.scopes import DAY, client, environment, repeated
from acidtest.properties.shared.seen import Message, Seen
from acidtest.workload import ENVIRONMENT, Client, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence


class OutboxPort(Protocol):
    """What an outbox offers."""

    @installation
    def install(self, accounts: dict[str, int]) -> None:
        """Create the schema and open the accounts (minor units); runs once, outside the schedule."""

    @operation
    def execute(self, key: str, account: str, amount: int) -> Outcome:
        """Withdraw `amount` from `account` and enqueue a message about it, once per `key`, in one transaction."""

    @background
    def relay(self) -> None:
        """Poll once: publish what is owed on `env.broker`."""

    @read
    def balances(self) -> dict[str, int]:
        """The committed balance of every account."""


# Properties. Each is a predicate over views.


def _published_once(view: OutboxView) -> bool:
    return len(view.copies) - len({copy.about for copy in view.copies}) <= view.excused


def _owed(view: OutboxView) -> list[str]:
    """Accepted withdrawals without a message, in the order of acceptance; those that the broker never takes left out."""
    accounts = {call.request.name: call.request.deltas[0][0] for call in view.calls}
    out = {copy.about for copy in view.copies}
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
    return {copy.about for copy in view.copies} == set(view.accepted) - poisoned


_RICHARDSON = "Richardson, Transactional outbox; PATTERNS 10"

# The order matters: a message that never comes breaks several of them, and the one that says most comes first.
PROPERTIES = (
    G12,
    G2,
    Property("G1", "balances change by whole withdrawals", Kind.ALWAYS, whole, SOURCE),
    G3,
    G4,
    G5,
    G7,
    REMEMBERED,
    G11,
    Property(
        "OB2", "what is published was committed", Kind.ALWAYS,
        lambda v: all(c.about in v.accepted for c in v.copies), _RICHARDSON,
    ),
    Property("OB6", "all copies of a message carry one id and one payload", Kind.ALWAYS, _identical, _RICHARDSON),
    Property(
        "OB10", "a relay whose lease ran out changes nothing", Kind.ALWAYS,
        lambda v: "jump" not in v.happened or _published_once(v), "PATTERNS 10; Kleppmann 2016 (fencing tokens)", "fenced",
    ),
    Property("OB5", "a further copy needs a crash, a lost reply or a lost mark", Kind.ALWAYS, _published_once, _RICHARDSON),
    Property("OB4", "first copies follow commit order, per account", Kind.ALWAYS, _ordered, _RICHARDSON, "ordered"),
    Property(
        "OB12", "the relay survives an error without a restart", Kind.AT_REST,
        lambda v: not v.wedged, _RICHARDSON,
    ),
    Property(
        "OB8", "a message that is refused for ever does not hold up other accounts", Kind.AT_REST,
        lambda v: not v.poison or not _owed(v), "PATTERNS 10; gruelbox/transaction-outbox#676",
    ),
    Property(
        "OB9", "what is cleaned away was published", Kind.AT_REST,
        lambda v: "jump" not in v.happened or _unconfirmed(v) or not _owed(v), _RICHARDSON,
    ),
    Property(
        "OB7", "what was not confirmed stays owed, however long it takes", Kind.AT_REST,
        lambda v: not _unconfirmed(v) or not _owed(v), _RICHARDSON,
    ),
    Property(
        "OB11", "no message is passed over although nothing went wrong", Kind.AT_REST, _nothing_passed_over,
        "PATTERNS 10, 8 (ES8)",
    ),
    Property("OB3", "what was committed is published in the end", Kind.AT_REST, lambda v: not _owed(v), _RICHARDSON),
    Property(
        "OB1", "a balance changed if and only if a message is owed for it", Kind.AT_REST, _messages_match, _RICHARDSON,
    ),
)  # fmt: skip

#: What no implementation can escape, as witnesses: publishing and marking are two steps in two systems.
N1 = Property(
    "N1", "a message is published twice, after a disturbance", Kind.SOMETIMES,
    lambda v: v.excused > 0 and len(v.copies) > len({copy.about for copy in v.copies}), "PATTERNS 10, N1",
)  # fmt: skip


# Workloads.


def _withdraw(name: str, key: str, account: str, amount: int, retries: int = 1) -> Operation:
    return Operation(name, "execute", (key, account, amount), retries)


def _poll(name: str) -> Operation:
    """A poll by a process that has other things to do as well."""
    return Operation(name, "relay")


def _outage() -> tuple[Client, ...]:
    """Twenty polls in as many hours, and one after forty days, while the broker is down."""
    polls = [Client(f"poll {i}", "relay-1", (_poll(f"poll {i}"),)) for i in range(1, 22)]
    pauses = [HOUR] * 19 + [40 * DAY]
    jumps = [Client(f"pause {i}", ENVIRONMENT, (Operation(f"jump {i}", "jump", (s,)),)) for i, s in enumerate(pauses, 1)]
    between = [one for pair in zip(polls, jumps, strict=False) for one in pair]
    return (environment(("outage", None)), *between, polls[-1])


_REPLIES = frozenset({"refused", "lost", "unacknowledged", "late", "twice"})
_CRASH = frozenset({"crash"})

SCOPES = (
    Scope(
        "one withdrawal", "one withdrawal and a relay; one crash, lost, late or double reply anywhere",
        (("A", 100),),
        (client("app-1", _withdraw("w1", "k1", "A", 61)), repeated("relay-1", "relay", 1)),
        faults=1, kinds=_CRASH | _REPLIES,
    ),
    Scope(
        "same key", "one key asked for twice at once, then reused with another amount; one crash or lost reply of COMMIT",
        (("A", 100),),
        (
            client("app-1", _withdraw("w1", "k1", "A", 41)),
            client("app-2", _withdraw("w2", "k1", "A", 41), _withdraw("w3", "k1", "A", 23)),
        ),
        faults=1, kinds=_CRASH | {"unacknowledged"}, idle=("relay-1",),
    ),
    Scope(
        "two funded withdrawals", "two withdrawals of one account at once, by processes that also relay",
        (("A", 100),),
        (
            client("app-1", _withdraw("w1", "k1", "A", 61), _poll("poll 1")),
            client("app-2", _withdraw("w2", "k2", "A", 13), _poll("poll 2")),
        ),
    ),
    Scope(
        "invalid requests", "unknown accounts, amounts of zero, below zero or too large, and keys that are used again",
        (("A", 100), ("B", 50), ("C", 7)),
        (
            client(
                "app-1",
                _withdraw("w1", "k1", "nobody", 5),
                _withdraw("w2", "k2", "A", 0),
                _withdraw("w3", "k3", "A", -7),
                _withdraw("w4", "k4", "A", 161),
                _withdraw("w5", "k5", "B", 11),
                _withdraw("w6", "k4", "A", 161),
                _withdraw("w7", "k5", "B", 11),
                _withdraw("w8", "k5", "B", 23),
                _withdraw("w9", "k5", "A", 11),
                _withdraw("w10", "k4", "A", 29),
                _withdraw("w11", "k6", "C", 7),
            ),
            repeated("relay-1", "relay", 1),
        ),
        serial=True,
    ),
    Scope(
        "late relay", "a relay that comes forty days after the withdrawal, past every retention period",
        (("A", 100),),
        (
            client("app-1", _withdraw("w1", "k1", "A", 61)),
            environment(("jump", 40 * DAY)),
            repeated("relay-1", "relay", 1),
        ),
        serial=True,
    ),
    Scope(
        "outage", "the broker is down for forty days, and is tried again and again",
        (("A", 100),),
        (client("app-1", _withdraw("w1", "k1", "A", 61)), *_outage()),
        serial=True,
    ),
    Scope(
        "one process", "three withdrawals and two polls by one process; one crash, lost, late or double reply anywhere",
        (("A", 100), ("B", 100)),
        (
            client(
                "app-1",
                _withdraw("w1", "k1", "A", 41), _withdraw("w2", "k2", "B", 13), _withdraw("w3", "k3", "A", 7),
                _poll("poll 1"), _poll("poll 2"),
            ),
        ),
        faults=1, kinds=_CRASH | _REPLIES,
    ),
    Scope(
        "lease", "two relays, while time jumps past every lease and retention period",
        (("A", 100),),
        (
            client("app-1", _withdraw("w1", "k1", "A", 61), _poll("poll 1")),
            repeated("relay-1", "relay", 1),
            environment(("jump", 40 * DAY)),
        ),
    ),
    Scope(
        "poison", "the broker never accepts the messages of one account, and a hundred of them are owed before another's",
        (("P", 1_000_000), ("A", 100)),
        (
            client("app-1", *(_withdraw(f"p{i}", f"p{i}", "P", 1000 + i) for i in range(1, 101)), name="client-1"),
            client("app-1", _withdraw("w1", "k1", "A", 61), name="client-2"),
            repeated("relay-1", "relay", 101),
        ),
        poison=("P",), serial=True,
    ),
    Scope(
        "two withdrawals", "two withdrawals that the account cannot both pay, and a relay; one crash anywhere",
        (("A", 100),),
        (
            client("app-1", _withdraw("w1", "k1", "A", 61)),
            client("app-2", _withdraw("w2", "k2", "A", 52)),
            repeated("relay-1", "relay", 1),
        ),
        faults=1, kinds=_CRASH,
    ),
    Scope(
        "stale relay", "two relays, while time jumps past every lease and then the broker goes down",
        (("A", 100),),
        (
            client("app-1", _withdraw("w1", "k1", "A", 61), _poll("poll 1")),
            repeated("relay-1", "relay", 1),
            environment(("jump", DAY), ("outage", None)),
        ),
    ),
    Scope(
        "two relays", "two accounts' messages and two relays at once; one crash anywhere",
        (("A", 100), ("B", 100)),
        (
            client("app-1", _withdraw("w1", "k1", "A", 61, 0), _withdraw("w2", "k2", "B", 13, 0), _poll("poll 1")),
            repeated("relay-1", "relay", 1),
        ),
        faults=1, kinds=_CRASH,
    ),
)  # fmt: skip


#: The server of PostgreSQL needs longer to die and start again than any other effect takes.
SLOW_SCOPES = (
    Scope(
        "server death", "a withdrawal and a poll by one process; the database server is killed once, between any two effects",
        (("A", 100),),
        (client("app-1", _withdraw("w1", "k1", "A", 61), _poll("poll 1")),),
        faults=1, kinds=frozenset({"restart database"}),
    ),
)  # fmt: skip


def _service(asks: tuple[tuple[str, str, int], ...]) -> OutboxModel:
    """The model of withdrawals from one account of 100."""
    asked = [Request(f"w{i}", key, (a, n), ((a, -n),)) for i, (key, a, n) in enumerate(asks, 1)]
    return OutboxModel((("A", 100),), asked)


#: These speak of what befell running code, of ids, of poison or of an order that is not promised to all: the relays'
#: model shows them, and of this one they would demand nothing.
_OF_RELAYS = {"OB4", "OB6", "OB7", "OB8", "OB9", "OB10", "OB12"}

SERVICE = Study(
    name="what a client and a broker see of an outbox",
    make=_service,
    sizes=(
        Size("one key twice", {"asks": (("k1", "A", 61), ("k1", "A", 61))}, 186, 10),
        Size("two withdrawals of which one can be paid", {"asks": (("k1", "A", 61), ("k2", "A", 52))}, 396, 12),
    ),
    properties=tuple(p for p in PROPERTIES if p.id not in _OF_RELAYS),
    theorems=(Theorem(N1),),
)

THEORY = Theory(
    promise=(
        "A business change and the message about it become true together: every committed change is published in the end, "
        "and nothing is published that was not committed. A message may come twice, with the same id."
    ),
    studies=(RELAYS, SERVICE),
    aspects={
        "atomicity": ("OB1", "OB2"), "durability": ("OB3", "G5"), "idempotency": ("G3", "OB5", "OB6", "N1"),
        "conservation": ("G1",), "termination": ("OB3.live",), "non-blocking": ("OB8", "N2"), "order": ("OB4", "N3", "N5"),
    },
    omitted={
        "N6": "about a log that a database keeps for its readers and may drop: change data capture is not modelled",
        "G10": "a relay that restarts has nothing to recover but leases, which run out: there is no recovery to interrupt",
    },
    claims=(
        Claim("at-least-once delivery is guaranteed", "confirmed", ("OB3", "OB3.live", "N1"),
              "every committed message is published, some of them twice"),
        Claim("no lost messages", "refined", ("OB3", "OB7", "OB9", "N1.loss", "N2"),
              "true if rows are marked after publishing, cleaned away by status and never given up; a message that the "
              "broker refuses waits, and so do those behind it"),
        Claim("ACID and messaging together", "refined", ("OB1", "OB2", "N1"),
              "the change and the row are one transaction, publishing and marking are not"),
        Claim("eventual consistency", "confirmed", ("G1", "OB3.live"), "what is committed is owed until it is published"),
        Claim("a background worker is needed", "confirmed", ("N4",), "a hook after the commit loses messages in a crash"),
        Claim("consumers must be idempotent", "confirmed", ("N1", "OB5", "OB6"),
              "copies cannot be avoided, but they carry one id"),
    ),
)  # fmt: skip


class OutboxContract(LedgerContract):
    """Withdrawals with messages. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "outbox"
    port = OutboxPort
    asks_again = True
    known_capabilities: ClassVar[dict[str, str]] = {
        "ordered": "first copies follow commit order per account, also with several relays (OB4)",
        "fenced": "a relay whose lease ran out can change nothing any more (OB10)",
    }
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES
    stateful_kinds: ClassVar[tuple[str, ...]] = ("crash", "unacknowledged", "lost", "refused", "late", "twice")
    stateful_changes: ClassVar[tuple[tuple[str, float], ...]] = (("jump", 2 * HOUR), ("jump", 40 * DAY), ("outage", 0.0), ("restore", 0.0))

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The withdrawals of `scope`."""
        return _requests(scope)

    def model(self, scope: Scope) -> OutboxModel:
        """The outbox over the withdrawals of `scope`."""
        return OutboxModel(scope.accounts, self.requests(scope), poison=scope.poison, disturbances=_excusable(scope))

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401
        """The committed balances."""
        return accounts_of(implementation.balances())

    def view(self, scope: Scope, seen: Seen, before: OutboxView | None) -> OutboxView:
        """Say of every balance and message which withdrawal it is about."""
        opening = tuple(sorted(scope.accounts))
        calls = self.calls(scope, seen)
        balances: Any = seen.durable
        accepted = before.accepted if before is not None else ()
        if before is None or balances != before.balances:
            accepted = explain(opening, calls, balances, accepted)
        return OutboxView(
            opening, balances, calls, accepted, attribute(calls, accepted, seen.messages),
            min(seen.disturbances, _excusable(scope)), frozenset(scope.poison), seen.happened, seen.wedged,
        )  # fmt: skip

    def abstract(self, view: OutboxView) -> Hashable:
        """Without ids and payloads, and without what befell the run."""
        copies = tuple([Copy(copy.about) for copy in view.copies])
        return view._replace(copies=copies, happened=frozenset(), wedged=False)

    def actions(self, scope: Scope, kind: str, subject: str, value: object) -> Sequence[Action]:
        """Clients' events; and a disturbance, which excuses a further copy."""
        return (Action("disturb"),) if kind == "disturb" else super().actions(scope, kind, subject, value)

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of withdrawals and relays, alone and one after the other."""
        return workloads(cls.stateful_kinds)


@lru_cache(maxsize=64)
def _requests(scope: Scope) -> tuple[Request, ...]:
    known = {name for name, _ in scope.accounts}
    return tuple(_request(op, known) for op in scope.operations() if op.method == "execute")


def _request(operation: Operation, known: set[str]) -> Request:
    key, account, amount = operation.arguments
    valid = isinstance(amount, int) and amount > 0 and account in known
    return Request(operation.name, str(key), (account, amount), ((str(account), -amount),), valid)  # type: ignore[operator]


def _excusable(scope: Scope) -> int:
    """How many disturbances are counted: the faults, some errors of the database's own, and all that time may cause."""
    relays_in_vain = len(scope.clients) * len(scope.operations()) if scope.unsteady else 0
    return scope.faults + scope.recovery_crashes + 2 + relays_in_vain


def attribute(calls: Sequence[Call], accepted: tuple[str, ...], messages: tuple[Message, ...]) -> tuple[Copy, ...]:
    """Which withdrawal each message is about.

    By the request key in id, key or payload; else by account and amount; else by account alone, in order of acceptance.
    """
    firsts = list({c.request.ask: c.request for c in reversed(calls)}.values())
    known: dict[str, str] = {}
    copies = []
    for message in messages:
        if message.id not in known:
            known[message.id] = _about(message, firsts, accepted, set(known.values()))
        copies.append(Copy(known[message.id], message.id, f"{message.key}\0{message.payload}"))
    return tuple(copies)


def _about(message: Message, asked: list[Request], accepted: tuple[str, ...], taken: set[str]) -> str:
    text = f"{message.id} {message.key} {message.payload}"
    words = set("".join(c if c.isalnum() or c in "_-" else " " for c in text).split())
    by_key = [r for r in asked if r.key in words] or asked
    by_amount = [r for r in by_key if str(r.payload[1]) in words] or by_key
    by_account = [r for r in by_amount if r.payload[0] in words] or by_amount
    ranked = sorted(
        (r.name for r in by_account),
        key=lambda name: (name not in accepted, name in taken, accepted.index(name) if name in accepted else 0, name),
    )
    return ranked[0] if ranked else "?"
