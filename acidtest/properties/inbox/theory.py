"""What is known of the inbox: one effect per message, for as long and as far as its record reaches."""

from __future__ import annotations

from acidtest.checker.theory import Claim, Theory
from acidtest.models.inbox.consumer_study import STUDY

THEORY = Theory(
    promise=(
        "A message that comes more than once has one effect: the consumer keeps a record of what it has handled, and "
        "commits it together with the effect. A copy finds the record, and gets the answer that the first one got."
    ),
    studies=(STUDY,),
    aspects={
        "atomicity": ("IB2", "IB6", "N2"), "isolation": ("IB8.race",), "durability": ("IB3",),
        "idempotency": ("IB1", "IB4", "IB7", "IB8", "IB9", "N1", "N3"), "termination": ("G9", "IB1.rest", "IB11", "N4"),
        "order": ("IB10",),
    },
    omitted={
        "G2": "the effect of a message is counted, not weighed: nothing here has a balance that could be overdrawn",
    },
    claims=(
        Claim("consumers can be made idempotent, which the outbox needs", "refined", ("IB1", "IB1.rest", "N1", "N2"),
              "as long as records outlive redelivery, and only for effects in the database of the record"),
    ),
)  # fmt: skip
