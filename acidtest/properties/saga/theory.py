"""What is proved of the models of sagas, of both styles, and what it says of common claims.

The theorems that PATTERNS lists without a number follow those that it numbers: 5A has N6 and N7, 6 has N8 and N9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.checker.machine import Kind, Property
from acidtest.checker.theory import Claim, Size, Study, Theorem, Theory
from acidtest.models.saga.choreography_study import STUDY as CHOREOGRAPHY
from acidtest.models.saga.orchestration_study import EXECUTORS, SIDE_BY_SIDE
from acidtest.models.saga.service import Orders
from acidtest.models.saga.specification import STUDY as SPECIFICATION
from acidtest.models.shared.ledger import Request
from acidtest.models.shared.steps import PARKED
from acidtest.properties.saga.properties import N2, PROPERTIES
from acidtest.properties.saga.services import PIVOT, SERVICES
from acidtest.properties.shared.of_models import CLIENTS, of_models

if TYPE_CHECKING:
    from collections.abc import Sequence


def _service(asks: tuple[tuple[Any, ...], ...], steps: int = len(SERVICES), pivot: int = PIVOT) -> Orders:
    """The model of orders."""
    return Orders([Request(f"o{i}", key, payload, ()) for i, (key, payload) in enumerate(asks, 1)], steps, pivot)


def of_model(properties: Sequence[Property]) -> tuple[Property, ...]:
    """Those that can be proved of the model: it knows nothing of what befell a run, nor of what can be filled."""
    return tuple(p for p in of_models(properties, ids={"G11"}) if (p.id, p.kind) != ("S10", Kind.AT_REST))


PARKED_ONE = Property(
    "SOME-PARKED", "an order is left to people", Kind.SOMETIMES, lambda v: any(s.outcome == PARKED for s in v.sagas), "PATTERNS 5",
)  # fmt: skip

#: It shows what the protocols' models leave out: there nobody waits for an answer, and orders carry nothing.
SERVICE = Study(
    name="what clients and services see of a saga",
    make=_service,
    sizes=(
        Size("one order, placed twice", {"asks": (("k1", ("A", 61)), ("k1", ("A", 61)))}, 1_997, 13),
        Size("one order, and its key used for another", {"asks": (("k1", ("A", 61)), ("k1", ("A", 13)))}, 3_139, 14),
        Size("two orders of three steps", {"asks": (("k1", ("A", 61)), ("k2", ("A", 13))), "steps": 3, "pivot": 1}, 27_019, 17),
    ),
    properties=(*of_model(PROPERTIES), *CLIENTS, PARKED_ONE),
    theorems=(Theorem(N2),),
    specification=True,
)

THEORY = Theory(
    promise=(
        "A business operation that spans several databases is split into steps, each a transaction of one database, and each "
        "with a compensation that undoes it by business means, as a refund undoes a payment. Either all steps take effect "
        "or those that did are compensated, last first, whoever crashes and whatever is late or comes twice. In between "
        "everybody can see what is half done: there is no isolation, and no locks are held while others work. One step, the pivot, is "
        "the point of no return; what follows it is repeated until it is done. With orchestration one process commands "
        "the steps; with choreography each service acts on the events of the others."
    ),
    studies=(CHOREOGRAPHY, EXECUTORS, SIDE_BY_SIDE, SPECIFICATION, SERVICE),
    headline=("S1", "N2", "N1", "N5", "N6"),
    aspects={
        "atomicity": ("S1",),
        "isolation": ("N1", "N2", "S9"),
        "durability": ("S7", "O1"),
        "idempotency": ("S4", "O2"),
        "conservation": ("G1", "G2"),
        "termination": ("G9", "S13"),
        "non-blocking": ("G9", "G9.alone"),
        "order": ("S2",),
    },
    remarks={"isolation": "a semantic lock buys some of it back, and has others wait"},
    choices=frozenset({"recovery", "semantic_lock"}),
    omitted={
        "O3": "an executor of the model is a function of its cursor, so that it could not command anything else",
        "S8.key": "that one business key has one saga at most: a saga of the model is its key",
        "O6": "the sagas of the model have no sagas of their own",
        "G5": "this is S6",
        "G10": "recovery reads the cursor and writes nothing, so that O1 says all there is to say",
    },
    claims=(
        Claim(
            "a sequence of local transactions with compensating actions",
            "the executed sequence is T1..Tn or T1..Tj Cj..C1, which both styles implement", by=("S1", "S2"),
        ),
        Claim(
            "when B fails, C is told and A is asked to refund",
            "enough if B fails; if C fails, B is never told: a failure must run back to everybody who has done a step",
            by=("S11",), against=("S11/only_previous",),
        ),
        Claim(
            "its code: the event is published after the commit, outside of the transaction",
            "a crash in between loses it, and published before, it may be a phantom: it must be committed with the step",
            against=("G9/outbox", "S5.tail/outbox", "G8/publish_first"),
        ),
        Claim(
            "its code: the handler of a failed payment refunds and marks the saga as compensated",
            "it must know a refund that comes again, and bar a debit that comes after its own refund",
            against=("S4/idempotent", "S3/tombstones", "N5"),
        ),
        Claim(
            "no blocking",
            "no saga waits for another, and a silent service is given up; but a saga waits for its own orchestrator, sees what others "
            "have half done, and stays parked where its compensation has become impossible",
            by=("G9",), against=("G9.alone", "S9", "N4"),
        ),
        Claim(
            "high availability",
            "each step needs one database only, but a saga pends while whoever has to compensate or complete it is away",
            by=("G9",), against=("G9.alone",),
        ),
        Claim(
            "scalable",
            "models know no load; a second executor may start at any time, if cursors are fenced and participants know commands that "
            "come again", see=("N8", "O2"),
        ),
        Claim(
            "eventual consistency",
            "all or nothing holds at rest only: before, readers see halves, and nobody knows when it is over", by=("S1", "N2", "N6"),
        ),
        Claim(
            "consistency is not immediate",
            "another saga acts on what is then compensated; a semantic lock keeps it from that, and makes it wait", by=("N1", "N2"),
        ),
        Claim(
            "needs compensating transactions",
            "and they must be possible: nothing that cannot be undone before the last step that may fail, and no credit "
            "that can be spent before the saga has ended", by=("S1",), against=("N3", "N4"),
        ),
        Claim(
            "harder to implement; complexity medium",
            "no matter for a model, but tombstones, idempotence, an owner of timeouts and a fenced cursor are each needed: leaving out one "
            "is a bug", see=("S3/tombstones", "S4/idempotent", "S13", "O5"),
        ),
        Claim(
            "with microservices: a saga with an outbox", "without the outbox one crash leaves a saga pending for ever",
            by=("G9", "G9/outbox", "G8"),
        ),
    ),
)  # fmt: skip
