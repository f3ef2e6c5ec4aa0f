"""What is proved of the models of Try-Confirm/Cancel, and what it says of common claims."""

from __future__ import annotations

from typing import Any

from acidtest.checker.theory import Claim, Size, Study, Theorem, Theory, Twin
from acidtest.models.tcc.coordinator import Coordination
from acidtest.models.tcc.coordinator import request as transaction
from acidtest.models.tcc.participant import CANCEL, CONFIRM, TRY, TccService, TccServiceState, request
from acidtest.models.tcc.protocol_study import STUDY as PROTOCOL
from acidtest.properties.shared.of_models import CLIENTS, of_models
from acidtest.properties.tcc.properties import N2, N2_OTHERWISE, PROPERTIES
from acidtest.properties.tcc_coordinator.properties import PROPERTIES as OF_COORDINATOR


def _service(asks: tuple[tuple[Any, ...], ...]) -> TccService:
    """The model of calls to a service where A has 100."""
    return TccService((("A", 100),), [request(f"r{i}", *ask) for i, ask in enumerate(asks, 1)])


def of_service(_: TccService, state: TccServiceState) -> tuple[object, ...]:
    """Its rows: balances, what keys are bound to, what it holds and has booked. A Try that is still on its way is not among them."""
    return state.ledger.balances, state.ledger.bound, state.ledger.accepted, state.booked


SERVICE = Study(
    name="what a coordinator sees of a service",
    make=_service,
    sizes=(
        Size(
            "Try, Confirm and Cancel of one branch, which could be held twice",
            {"asks": ((TRY, "g1/b1", "A", 41), (CONFIRM, "g1/b1"), (CANCEL, "g1/b1"))}, 642, 13,
        ),
        Size(
            "two transactions of which one can be paid",
            {"asks": ((TRY, "g1/b1", "A", 61), (CANCEL, "g1/b1"), (TRY, "g2/b1", "A", 47), (CONFIRM, "g2/b1"))}, 7_475, 18,
        ),
    ),
    properties=(*of_models(PROPERTIES), *CLIENTS),
    theorems=(Theorem(N2, twin=Twin(N2_OTHERWISE, "the service", of_service)),),
    specification=True,
)

#: The model of a coordinator has no faults: these would demand nothing of it.
_OF_CODE = (
    "after a crash, too, every branch is known that may have been tried", "what nothing ever disturbed is confirmed in the end",
)  # fmt: skip


def _coordinator(asks: tuple[tuple[Any, ...], ...]) -> Coordination:
    """The model of transactions over three services."""
    opening = (("bank/A", 100), ("hotel/C", 40), ("shop/D", 60))
    return Coordination(opening, [transaction(f"t{i}", gid, *branches) for i, (gid, *branches) in enumerate(asks, 1)])


COORDINATOR = Study(
    name="what clients and services see of a coordinator",
    make=_coordinator,
    sizes=(
        Size(
            "one that can be paid, and its id for one that cannot",
            {"asks": (("g1", ("bank", "A", 41), ("shop", "D", 17)), ("g1", ("hotel", "C", 41)))}, 620, 10,
        ),
        Size(
            "two that one account cannot both pay",
            {"asks": (("g1", ("bank", "A", 41), ("shop", "D", 17)), ("g2", ("hotel", "C", 11), ("bank", "A", 67)))}, 4_207, 14,
        ),
    ),
    properties=of_models(OF_COORDINATOR, *_OF_CODE),
    specification=True,
)  # fmt: skip

THEORY = Theory(
    promise=(
        "A transaction over several services is confirmed at all of them, or cancelled at all of them. Each first holds "
        "what it will need, so that a Confirm cannot fail because the resource is gone; the coordinator, once it has decided and "
        "written that down, calls every service again and again until it has answered. Nothing is locked meanwhile: "
        "others see the hold, and spend what is left."
    ),
    studies=(PROTOCOL, SERVICE, COORDINATOR),
    headline=("T1", "N1", "N2", "N4.live", "N5.fence"),
    aspects={
        "atomicity": ("T1",), "isolation": ("N1",), "durability": ("T6", "G5", "T7"), "idempotency": ("T3",),
        "conservation": ("G1", "T12"), "termination": ("T1.rest", "G9"), "non-blocking": ("N4", "N4.live"), "order": ("T5",),
    },
    choices=frozenset({"recovery"}),
    claims=(
        Claim("immediate consistency", "a reader sees one service confirmed before the other", against=("N1",)),
        Claim("no blocking, unlike 2PC", "no locks, but holds stay while the coordinator is down", by=("T9",), against=("N4", "N4.live")),
        Claim("explicit reserve and confirm", "what is confirmed was held, and is there", by=("T2", "T9")),
        Claim("compensating transactions", "a Cancel drops a hold that nobody saw as spent, and no hold is left", by=("T8", "T9")),
        Claim("a three-phase protocol", "a matter of counting: Try is one phase, Confirm or Cancel the other; its model refines the "
              "specification that two-phase commit does"),
        Claim("for external systems", "each participant must offer all three calls, and fence a Cancel that comes first: few external systems do",
              see=("N5.fence",)),
        Claim("complex to implement", "no matter for a model, but calls come late, twice and in the wrong order", see=("T3/fence", "T5/fence", "T10", "N2")),
        Claim("three endpoints per service", "without a fenced Cancel, what a Try may have held stays held", by=("N5", "N5.fence")),
        Claim("partial failures are hard; its code: they need manual intervention", "a Confirm that fails is called again: that needs a log, not "
              "manual intervention", by=("T1.rest/retry",), against=("T1.rest", "G9")),
        Claim("for financial and booking systems", "no matter for a model"),
    ),
)  # fmt: skip
