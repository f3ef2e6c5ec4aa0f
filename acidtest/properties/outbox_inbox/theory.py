"""What is known of outboxes and inboxes in a chain: together they are an exactly-once channel."""

from __future__ import annotations

from acidtest.checker.theory import Claim, Size, Study, Theorem, Theory
from acidtest.models.outbox_inbox.chain_study import STUDY as CHAIN
from acidtest.models.outbox_inbox.channel import STUDY as CHANNEL
from acidtest.models.outbox_inbox.service import TransfersModel
from acidtest.models.shared.ledger import Request
from acidtest.properties.outbox_inbox.properties import N1, PROPERTIES
from acidtest.properties.shared.of_models import of_models


def _service(asks: tuple[tuple[str, int], ...]) -> TransfersModel:
    """The model of transfers from one account of 100: their keys and amounts."""
    requests = [Request(f"t{i}", key, ("A", n), (("A", -n),), n > 0) for i, (key, n) in enumerate(asks, 1)]
    return TransfersModel((("A", 100),), ((("A", 3),), (("A", 5),)), requests)


#: These speak of messages, of what befell running code, or of an order that is not promised to all: the chain's model shows them.
_OF_CHAIN = {"EO2", "EO3", "EO4", "EO7", "EO8", "G9"}

SERVICE = Study(
    name="what an outsider sees of three services",
    make=_service,
    sizes=(
        Size("one key twice", {"asks": (("k1", 61), ("k1", 61))}, 109, 9),
        Size("two transfers of which one can be paid", {"asks": (("k1", 61), ("k2", 53))}, 235, 11),
        Size("two transfers, and one that is invalid", {"asks": (("k1", 61), ("k2", 23), ("k3", 0))}, 3_731, 15),
    ),
    properties=of_models(PROPERTIES, ids=_OF_CHAIN),
    theorems=(Theorem(N1),),
    specification=True,
)

THEORY = Theory(
    promise=(
        "A transfer that one service accepts takes effect at every service on its way, once and in order, although each "
        "service has a database of its own and messages between them come more than once. Until it has arrived, it is "
        "on record as owed: no money is ever unaccounted for."
    ),
    studies=(CHAIN, SERVICE, CHANNEL),
    headline=("EO1", "N1", "N2", "N3"),
    aspects={
        "atomicity": ("EO2", "EO1.rest"), "isolation": ("N1",), "durability": ("EO1.rest", "N3", "N3.sender", "EO8"),
        "idempotency": ("EO1", "EO3", "EO7", "N2"), "conservation": ("EO6",), "termination": ("G9",), "order": ("EO4", "EO5", "N4"),
    },
    choices=frozenset({"restore", "restore_sender", "witness", "mail", "unordered"}),
    omitted={
        "N5": "a bound on time: models have no clock, and say only that everything arrives",
    },
    claims=(
        Claim(
            "at-least-once delivery and idempotent consumers make exactly-once processing",
            "of effects in databases whose records outlive all copies; not of mails",
            by=("EO1", "EO1.rest", "EO3", "EO7"), against=("N2",),
        ),
        Claim(
            "eventual consistency", "a transfer is seen here before it is there, and always on record in between",
            by=("N1", "EO6", "G9"),
        ),
    ),
)  # fmt: skip
