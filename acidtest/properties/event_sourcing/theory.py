"""What is known of event sourcing: what a stream guarantees, what it loads into, and who may follow all streams."""

from __future__ import annotations

from acidtest.checker.theory import Claim, Theory
from acidtest.models.event_sourcing.schema import STUDY as SCHEMA
from acidtest.models.event_sourcing.streams_study import STUDY as STREAMS
from acidtest.models.event_sourcing.subscription_study import STUDY as SUBSCRIPTION

THEORY = Theory(
    promise=(
        "Instead of a state that is overwritten, what happened is kept: every command appends events to a stream, and "
        "the state is what they amount to when they are read again. An append names the version of the stream that the "
        "command was decided on, and is refused if the stream has grown since, so each decision fits the history before "
        "it. Others follow by reading all streams in one order, each from its own checkpoint."
    ),
    studies=(STREAMS, SCHEMA, SUBSCRIPTION),
    aspects={
        "atomicity": ("ES4", "N4"), "isolation": ("ES3", "ES10", "N1"), "durability": ("ES1", "G4"),
        "idempotency": ("ES9", "G3", "ES11"), "termination": ("G9.live", "ES8.live", "N2.live"),
        "non-blocking": ("N3.live",), "order": ("ES2", "N2", "N3", "N3.order"),
    },
    omitted={
        "G1": "amounts are whatever the events say; that every reader adds them up alike is ES5",
        "G6": "nothing is held between two commands: a refused append leaves no trace",
        "G12": "a matter of number formats, which is checked on running code",
    },
    claims=(
        Claim(
            "eventual consistency", "refined", ("ES3", "G4", "ES8.live", "N1"),
            "a stream is consistent at once, its subscribers in the end, a rule about two only if appends name both versions",
        ),
        Claim(
            "full history of changes, an audit trail", "confirmed", ("ES1", "ES2"),
            "the log only grows, and numbers leave no event out",
        ),
        Claim(
            "time travel: replay to any point", "refined", ("ES5", "ES7"),
            "any prefix can be loaded again, as long as upcasters reach back to its oldest event",
        ),
        Claim(
            "projections for several uses", "refined", ("ES8", "N2", "N3"),
            "in the order of positions a projection skips events for ever, unless it knows which transactions are open",
        ),
        Claim(
            "problem: evolution of the events' schema", "confirmed", ("SHUT-OUT", "ES7"),
            "old code cannot read new events, and new code reads old ones only through every upcaster",
        ),
        Claim("for undo and redo", "refined", ("ES1",), "nothing is undone: a further event says that it no longer counts"),
        Claim(
            "for compliance (GDPR, HIPAA)", "refined", ("ES1",),
            "an auditor's log never forgets, which is what a person's right to erasure demands",
        ),
    ),
)  # fmt: skip
