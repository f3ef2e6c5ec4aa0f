"""What is known of CQRS: views that are late and never wrong, and what readers must not make of them."""

from __future__ import annotations

from acidtest.checker.theory import Claim, Size, Study, Theorem, Theory
from acidtest.models.cqrs.cache_aside import STUDY as CACHE_ASIDE
from acidtest.models.cqrs.messages import STUDY as MESSAGES
from acidtest.models.cqrs.projection_study import STUDY as PROJECTION
from acidtest.models.cqrs.service import CLOSE, CqrsModel
from acidtest.models.shared.ledger import Request
from acidtest.properties.cqrs.properties import N1, PROPERTIES
from acidtest.properties.shared.of_models import ADDS_UP, CLIENTS, of_models


def _service(asks: tuple[tuple[str, int], ...]) -> CqrsModel:
    """The model of commands on one account of 100; an amount of 0 closes it."""
    asked = [
        Request(f"w{i}", key, ("handle", "A", amount) if amount else (CLOSE, "A"), (("A", amount),) if amount else ())
        for i, (key, amount) in enumerate(asks, 1)
    ]
    return CqrsModel((("A", 100),), asked)


#: These speak of caches, sessions and rebuilds, or of what befell running code: the other models show them, and of this one they
#: would demand nothing.
_OF_OTHERS = {"CQ5", "CQ6", "CQ6.monotonic", "CQ7", "CQ8"}

#: No mutant of this model violates them: a view's row is a number of events of the log, which only grows.
_BY_CONSTRUCTION = (
    "money is whole", "balances change by whole commands", "what took effect stays", "a key that was refused stays refused",
    "an account that the view shows no more", "nothing is shown that was not committed",
)  # fmt: skip

SERVICE = Study(
    name="what clients see of commands and a view",
    make=_service,
    sizes=(
        Size("one key twice", {"asks": (("k1", -61), ("k1", -61))}, 77, 8),
        Size("a command, and the account is closed", {"asks": (("k1", -61), ("close A", 0))}, 181, 11),
        Size("two of which one can be paid", {"asks": (("k1", -61), ("k2", -52))}, 161, 10),
    ),
    properties=(*of_models(PROPERTIES, *_BY_CONSTRUCTION, ids=_OF_OTHERS), *CLIENTS, ADDS_UP),
    theorems=(Theorem(N1),),
    specification=True,
)

THEORY = Theory(
    promise=(
        "What changes the data and what answers questions about it are two sides. Commands are decided on the one, which "
        "keeps its rules at once; the other is made of views that follow it event by event, each in the shape and the "
        "store that its queries want. A view that follows the log is late, but never wrong: it always is what some prefix of "
        "the history amounts to, it catches up, and it can be thrown away and built again. A view that is told by messages is "
        "so row by row only, and a cache beside it may be behind both."
    ),
    studies=(PROJECTION, MESSAGES, CACHE_ASIDE, SERVICE),
    headline=("CQ1", "N1", "N2", "N3", "N5"),
    aspects={
        "atomicity": ("CQ4", "CQ1.bus"), "isolation": ("N2", "N3"), "durability": ("CQ7", "N5.lost"),
        "idempotency": ("CQ3", "CQ3.bus", "N5"), "termination": ("CQ5", "CQ5.bus", "CQ8.live"),
        "order": ("CQ2", "CQ2.bus", "CQ6", "CQ10", "N1"),
    },
    choices=frozenset({"validate_on_view", "checkpoint_first", "separate_checkpoint", "row_versions"}),
    omitted={
        "G6": "nothing is held: a lease on the cache may run out at any time",
    },
    claims=(
        Claim(
            "eventual consistency",
            "a query may miss what was accepted, and in the end every view shows it; the write side itself is consistent at once",
            by=("N1", "CQ1", "CQ5"),
        ),
        Claim(
            "reads are optimised independently of writes",
            "models know no cost; that queries change nothing, and that a view of any shape follows the same log, is proved",
            see=("CQ9", "CQ1"),
        ),
        Claim(
            "different storage for reads and writes",
            "a store that cannot hold the checkpoint repeats or loses events, unless its rows can be written idempotently",
            by=("CQ3",), against=("N5", "N5.lost"),
        ),
        Claim("complex queries without impact on writes", "as long as no command is decided on what a query said", by=("CQ9",), against=("N2",)),
        Claim(
            "its code: commit, then publish", "a crash in between, and the view never learns of it",
            against=("CQ1.bus/outbox", "CQ5.bus/outbox"),
        ),
        Claim(
            "problem: keeping the read and write models in step",
            "views contradict each other for a while, and for ever where a message is lost or a rebuild meets live handling",
            by=("N3", "CQ1.bus/keeps_early", "CQ7/rebuild_over_live"),
        ),
        Claim(
            "a cache in front of the view, with a time to live",
            "stale until the time is over, also after the view has caught up: time bounds it, leases and invalidation end it",
            by=("CQ8.live",), against=("N4",),
        ),
        Claim(
            "for financial systems", "balances are shown from views and decided on the log: two commands on one stale view overdraw",
            by=("G2",), against=("N2",),
        ),
        Claim("scalability; problem: complex architecture", "models know neither load nor cost"),
    ),
)  # fmt: skip
