"""What is known of the inbox: one effect per message, for as long and as far as its record reaches."""

from __future__ import annotations

from acidtest.checker.theory import Claim, Size, Study, Theory
from acidtest.models.inbox.consumer_study import STUDY as CONSUMER
from acidtest.models.inbox.service import InboxModel, Mail
from acidtest.models.shared.ledger import Request
from acidtest.properties.inbox.properties import PROPERTIES
from acidtest.properties.shared.of_models import of_models


def _service(mails: tuple[tuple[str, str, int], ...]) -> InboxModel:
    """The model of messages about one account of 50: their names, their ids, and by how much they change it."""
    return InboxModel(
        (("A", 50),), [Mail(Request(name, key, (change,), (("A", change),), change != 0), "A") for name, key, change in mails],
    )  # fmt: skip


#: These speak of what befell running code, or of an order that is not promised to all.
_OF_CODE = {"IB2", "IB4", "IB5", "IB6", "IB10", "IB11"}
_ALSO_OF_CODE = ("two at the same", "two equal payments", "at its first failures", "after at most ten")

SERVICE = Study(
    name="what the broker and the accounts show of an inbox",
    make=_service,
    sizes=(
        Size("one message twice", {"mails": (("d1", "m1", 61), ("d1", "m1", 61))}, 36, 6),
        Size("one id, two payloads", {"mails": (("d1", "m1", 61), ("d2", "m1", 13))}, 268, 8),
        Size("one that cannot be paid, one that pays for it, one that is invalid", {"mails": (("w1", "m1", -61), ("d2", "m2", 23), ("x3", "m3", 0))}, 2_664, 12),
    ),
    properties=tuple(p for p in of_models(PROPERTIES, ids=_OF_CODE) if not any(words in p.name for words in _ALSO_OF_CODE)),
    specification=True,
)  # fmt: skip

THEORY = Theory(
    promise=(
        "A message that comes more than once has one effect: the consumer keeps a record of what it has handled, and "
        "commits it together with the effect. A copy finds the record, and gets the answer that the first one got."
    ),
    studies=(CONSUMER, SERVICE),
    headline=("IB1", "N1", "N2", "N3"),
    aspects={
        "atomicity": ("IB2", "IB6", "N2"), "durability": ("IB3",),
        "idempotency": ("IB1", "IB4", "IB7", "IB8", "IB9", "N1", "N3"), "termination": ("G9", "IB1.rest", "IB11", "N4"),
        "order": ("IB10",),
    },
    choices=frozenset({"mail_before", "unbounded", "by_content", "claim_first"}),
    claims=(
        Claim(
            "consumers can be made idempotent, which the outbox needs",
            "as long as records outlive redelivery, and only for effects in the database of the record",
            by=("IB1", "IB1.rest"), against=("N1", "N2"),
        ),
    ),
)  # fmt: skip
