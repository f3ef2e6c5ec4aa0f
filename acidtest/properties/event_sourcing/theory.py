"""What is known of event sourcing: what a stream guarantees, what it loads into, and who may follow all streams."""

from __future__ import annotations

from typing import Any

from acidtest.checker.theory import Claim, Size, Study, Switch, Theorem, Theory, Twin
from acidtest.models.event_sourcing.schema import STUDY as SCHEMA
from acidtest.models.event_sourcing.service import AccountsModel
from acidtest.models.event_sourcing.store import Append, Event, EventStore, StoreState
from acidtest.models.event_sourcing.streams_study import STUDY as STREAMS
from acidtest.models.event_sourcing.subscription_study import STUDY as SUBSCRIPTION
from acidtest.models.shared.ledger import Request
from acidtest.properties.event_sourcing.properties import PROPERTIES as OF_ACCOUNTS
from acidtest.properties.event_sourcing.properties import TOLD_TWICE
from acidtest.properties.event_store.properties import LOST_UNKNOWN, PROPERTIES, STORED_UNKNOWN
from acidtest.properties.shared.of_models import ADDS_UP, CLIENTS, of_models


def _store(appends: tuple[tuple[Any, ...], ...], *, versions_only: bool = False) -> EventStore:
    """The model of a store, of (stream, expected version, ids of events) appends, and one subscriber."""
    asked = [Append(f"a{n}", stream, expected, tuple([Event(i, "", "") for i in ids])) for n, (stream, expected, *ids) in enumerate(appends, 1)]
    return EventStore(sorted({append.stream for append in asked}), asked, 1, versions_only=versions_only)


def of_clients(_: EventStore, state: StoreState) -> tuple[str, ...]:
    """What every client was told; here even all of them together cannot tell."""
    return state.status


def _kept(id_: str, name: str = "") -> Any:  # noqa: ANN401 - a property
    return next(p for p in PROPERTIES if p.id == id_ and name in p.name)


#: A model has neither reads nor restarts, and no subscriber of the store's own: of these it would demand nothing.
_OF_CODE = ("a read gives", "a read of all", "the store's subscriber has")

STORE = Study(
    name="what clients and subscribers see of an event store",
    make=_store,
    switches=(Switch("versions_only", "event ids are not recognised"),),
    sizes=(
        Size("two appends on one version", {"appends": (("a", 0, "e1", "e2"), ("a", 0, "f1"))}, 2_081, 16),
        Size("two streams, one of which has another version", {"appends": (("a", None, "e1"), ("b", 1, "f1"))}, 602, 15),
        Size("the same events, with the right version and with another", {"appends": (("a", 0, "e1"), ("a", 2, "e1"))}, 1_012, 15),
    ),
    properties=(*of_models(PROPERTIES, *_OF_CODE), *CLIENTS),
    theorems=(
        Theorem(STORED_UNKNOWN, along=("disturbed(0)",), twin=Twin(LOST_UNKNOWN, "the client", of_clients)),
        Theorem(_kept("ES9", "stored twice"), {"versions_only": True}, {}, size=1),
        Theorem(_kept("ES9", "is not refused"), {"versions_only": True}, {}),
    ),
    specification=True,
)

#: These speak of reads, snapshots, releases and ids of messages, of which the model knows nothing.
_OF_RUNS = {"ES5", "ES6", "ES7", "ES11", "G9"}
_OF_MESSAGES = ("all copies of a message", "others are told in the order", "others are told of everything")


def _accounts(asks: tuple[tuple[str, int], ...]) -> AccountsModel:
    """The model of (key, amount) commands on an account of 100."""
    asked = [Request(f"w{n}", f"A/{key}", ("A", amount), (("A", amount),)) for n, (key, amount) in enumerate(asks, 1)]
    return AccountsModel((("A", 100),), asked)


SERVICE = Study(
    name="what clients and others see of event-sourced accounts",
    make=_accounts,
    sizes=(
        Size("one key twice", {"asks": (("k1", -61), ("k1", -61))}, 186, 10),
        Size("two withdrawals of which one can be paid", {"asks": (("k1", -61), ("k2", -52))}, 396, 12),
    ),
    properties=(*of_models(OF_ACCOUNTS, *_OF_MESSAGES, ids=_OF_RUNS), *CLIENTS, ADDS_UP),
    theorems=(Theorem(TOLD_TWICE),),
    specification=True,
)

THEORY = Theory(
    promise=(
        "Instead of a state that is overwritten, what happened is kept: every command appends events to a stream, and "
        "the state is what they amount to when they are read again. An append names the version of the stream that the "
        "command was decided on, and is refused if the stream has grown since, so each decision fits the history before "
        "it. Others follow by reading all streams in one order, each from its own checkpoint."
    ),
    studies=(STREAMS, SCHEMA, SUBSCRIPTION, STORE, SERVICE),
    headline=("ES3", "N1", "N2.gap", "N2", "N3"),
    aspects={
        "atomicity": ("ES4",), "isolation": ("ES3", "ES10", "N1"), "durability": ("ES1", "G4"),
        "idempotency": ("ES9", "G3", "ES11", "N4"), "termination": ("G9.live", "ES8.live", "N2.live"),
        "non-blocking": ("N3.live",), "order": ("ES2", "N2", "N3", "N3.order"),
    },
    remarks={"atomicity": "of an append to one stream", "isolation": "within a stream"},
    choices=frozenset({"dual_write", "joint_rule", "wait_at_gaps", "gap_timeout", "by_position", "idle_in_transaction"}),
    claims=(
        Claim(
            "eventual consistency",
            "a stream is consistent at once, its subscribers in the end, a rule about two only if appends name both versions",
            by=("ES8.live", "N1"), against=("ES3", "G4"),
        ),
        Claim("full history of changes, an audit trail", "the log only grows, and numbers leave no event out", by=("ES1", "ES2")),
        Claim(
            "time travel: replay to any point", "any prefix can be loaded again, as long as upcasters reach back to its oldest event",
            by=("ES5",), against=("ES7/upcast_events",),
        ),
        Claim(
            "projections for several uses",
            "in the order of positions a projection skips events for ever, unless it knows which transactions are open",
            by=("ES8",), against=("N2", "N3"),
        ),
        Claim(
            "its code: an append names no expected version",
            "two decisions on one history are both stored, and together they overdraw",
            against=("ES3/expected_version", "ES10/expected_version"),
        ),
        Claim("its code: events are ordered by a timestamp", "models number events; clocks that disagree, or tie, are not modelled"),
        Claim(
            "problem: evolution of the events' schema",
            "old code cannot read new events, and new code reads old ones only through every upcaster",
            by=("SHUT-OUT", "ES7/whole_chain"),
        ),
        Claim("problems: complex, harder to query, storage overhead", "models know no cost"),
        Claim("for undo and redo", "nothing is undone: a further event says that it no longer counts", see=("ES1",)),
        Claim(
            "for financial systems", "no prefix of a stream is overdrawn; a rule over two streams needs the versions of both",
            by=("ES10",), against=("N1",),
        ),
        Claim(
            "for compliance (GDPR, HIPAA)",
            "an audit log never forgets, and that is the opposite of what the right to erasure demands; encryption under keys that can "
            "be thrown away is not modelled", see=("ES1",),
        ),
    ),
)  # fmt: skip
