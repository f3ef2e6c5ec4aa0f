"""What is proved of the models of the transactional outbox, and what it says of common claims."""

from __future__ import annotations

from acidtest.checker.theory import Claim, Size, Study, Theorem, Theory
from acidtest.models.outbox.relays_study import STUDY as RELAYS
from acidtest.models.outbox.service import OutboxModel
from acidtest.models.shared.ledger import Request
from acidtest.properties.outbox.properties import N1, PROPERTIES
from acidtest.properties.shared.of_models import ADDS_UP, CLIENTS, of_models


def _service(asks: tuple[tuple[str, str, int], ...]) -> OutboxModel:
    """The model of withdrawals from one account of 100."""
    asked = [Request(f"w{i}", key, (a, n), ((a, -n),)) for i, (key, a, n) in enumerate(asks, 1)]
    return OutboxModel((("A", 100),), asked)


#: These speak of what befell running code, of ids, of poison or of an order that is not promised to all: the relays'
#: model shows them, and of this one they would demand nothing.
_OF_RELAYS = {"OB4", "OB6", "OB7", "OB8", "OB9", "OB10", "OB12"}

#: No mutant of this model violates them: what was accepted is only added to, and read off nothing else.
_BY_CONSTRUCTION = ("money is whole", "balances change by whole", "what took effect stays", "a key that was refused")

SERVICE = Study(
    name="what a client and a broker see of an outbox",
    make=_service,
    sizes=(
        Size("one key twice, which could be paid twice", {"asks": (("k1", "A", 41), ("k1", "A", 41))}, 186, 10),
        Size("two withdrawals of which one can be paid", {"asks": (("k1", "A", 61), ("k2", "A", 52))}, 396, 12),
    ),
    properties=(*of_models(PROPERTIES, *_BY_CONSTRUCTION, ids=_OF_RELAYS), *CLIENTS, ADDS_UP),
    theorems=(Theorem(N1),),
    specification=True,
)

THEORY = Theory(
    promise=(
        "A business change and the message about it become true together: every committed change is published in the end, or "
        "parked for all to see, and nothing is published that was not committed. A message may come twice, with the same id."
    ),
    studies=(RELAYS, SERVICE),
    headline=("OB1", "OB3", "N1", "N2", "N4"),
    aspects={
        "atomicity": ("OB1", "OB2"), "durability": ("OB3", "G5"), "idempotency": ("G3", "OB5", "OB6", "N1"),
        "conservation": ("G1",), "termination": ("OB3.live",), "non-blocking": ("OB8", "N2"), "order": ("OB4", "N3", "N5"),
    },
    choices=frozenset({"serial_keys"}),
    omitted={
        "N6": "about a log that a database keeps for its readers and may drop: change data capture is not modelled",
        "G10": "a relay that restarts has nothing to recover but leases, which run out: there is no recovery to interrupt",
    },
    claims=(
        Claim(
            "at-least-once delivery is guaranteed",
            "every committed message is published, some of them twice, or parked for all to see; what the broker then does with it is not modelled",
            by=("OB3", "OB3.live", "N1"), against=("N2",),
        ),
        Claim(
            "no lost messages",
            "true if rows are marked after publishing, cleaned away by status and never given up; a message that the "
            "broker refuses waits, and so do those behind it", by=("OB3", "OB7", "OB9"), against=("N1.loss", "N2"),
        ),
        Claim(
            "ACID and messaging together", "the change and the row are one transaction, publishing and marking are not",
            by=("OB1", "OB2"), against=("N1",),
        ),
        Claim("eventual consistency", "what is committed is owed until it is published", by=("G1", "OB3.live")),
        Claim("a background worker is needed", "a hook after the commit loses messages in a crash", by=("N4",)),
        Claim("consumers must be idempotent", "copies cannot be avoided, but they carry one id", by=("N1", "OB5", "OB6")),
    ),
)  # fmt: skip
