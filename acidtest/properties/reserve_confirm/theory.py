"""What is proved of the models of reserve/confirm, and what it says of common claims."""

from __future__ import annotations

from typing import Any

from acidtest.checker.theory import Claim, Size, Study, Theorem, Theory
from acidtest.models.reserve_confirm.protocol_study import STUDY as PROTOCOL
from acidtest.models.reserve_confirm.service import Provider, ReserveModel
from acidtest.models.shared.ledger import Request
from acidtest.properties.reserve_confirm.properties import BY_STATUS, PROPERTIES, SOME_PART
from acidtest.properties.shared.of_models import CLIENTS, of_models

#: The model has no statuses and no faults: these would demand nothing of it.
_OF_CODE = {"RC7", "RC8", "RC9"}


def _service(asks: tuple[tuple[str, int], ...], **can: Any) -> ReserveModel:  # noqa: ANN401 - fields of Provider
    """The model of withdrawals from one account of 100."""
    asked = [Request(f"w{i}", key, ("A", n), (("A", -n),)) for i, (key, n) in enumerate(asks, 1)]
    return ReserveModel((("A", 100),), asked, Provider(**can))


#: No mutant of this model violates it: it knows whole amounts only, and no order of the workload is invalid.
_BY_CONSTRUCTION = ("money is whole",)
_VOIDS = dict.fromkeys(("idempotent", "queryable"), False)

SERVICE = Study(
    name="what a client and a provider see of reserve/confirm",
    make=_service,
    sizes=(
        Size("one key twice, paid in part", {"asks": (("k1", 61), ("k1", 61)), "parts": ((61, 40),), "statements": True}, 2_902, 14),
        Size("one withdrawal, and one beyond all funds", {"asks": (("k1", 61), ("k2", 161)), **_VOIDS}, 13_150, 17),
    ),
    properties=(*(p for p in of_models(PROPERTIES, *_BY_CONSTRUCTION, ids=_OF_CODE) if p not in BY_STATUS), *CLIENTS),
    theorems=(Theorem(SOME_PART),),
    specification=True,
)

THEORY = Theory(
    promise=(
        "Money is held, something outside of all transactions is asked to act, and the hold is then posted or released as "
        "that says. Between asking and hearing nobody knows what happened; the hold is pending, and stays so until the "
        "provider says what it did, or has agreed never to do it. In the end the books say what the provider did, once."
    ),
    studies=(PROTOCOL, SERVICE),
    headline=("RC1", "N1", "N2", "N3"),
    aspects={
        "atomicity": ("RC1", "RC2"), "durability": ("RC7", "RC9"), "idempotency": ("RC4", "RC8", "RC11", "N1.retry"),
        "conservation": ("RC6", "G1"), "termination": ("G9",), "non-blocking": ("N3", "G9.alone"), "order": ("RC8",),
    },
    choices=frozenset({"idempotent", "queryable", "voidable", "callbacks", "reconciliation", "blind_retry", "cooperative", "recovery"}),
    omitted={},
    claims=(
        Claim("eventual consistency", "in the end, if the provider answers; no time bounds it", by=("RC1", "G9"), against=("N3",)),
        Claim("safe for external systems", "if orders can be repeated, or asked after and voided",
              by=("RC1", "RC4"), against=("N1.retry", "N1.wait", "N1.guess", "N1.ask")),
        Claim("no money is lost", "while nothing is released by the clock or for silence", by=("G1", "RC2", "RC6"), against=("N2",)),
        Claim("reconciliation is possible", "it corrects the books; it cannot take back what was promised twice in the meantime",
              by=("RC10.rest", "RC10"), against=("RC6/timeout_is_failure",)),
        Claim("its code: an error of the device is a failure, and is refunded", "the error may be of the answer: what was paid is released as well",
              against=("RC2/timeout_is_failure", "N1.guess")),
        Claim("a failure is refunded", "a definite one, by a release, which is no credit and no refund", by=("RC5", "RC12"), against=("N4",)),
    ),
)  # fmt: skip
