"""What is proved of the models of compensating transactions, and what it says of common claims."""

from __future__ import annotations

from acidtest.checker.theory import Claim, Size, Study, Theorem, Theory
from acidtest.models.compensation.service import CompensationModel, undo_request
from acidtest.models.compensation.undo_log_study import STUDY as UNDO_LOG
from acidtest.models.shared.ledger import Request
from acidtest.properties.compensation.properties import N3_PARKED, N3_UNDONE, PROPERTIES
from acidtest.properties.shared.of_models import CLIENTS, of_models


def _service(asks: tuple[tuple[str, tuple[tuple[str, int], ...]], ...], undos: tuple[str, ...]) -> CompensationModel:
    """The model of changes of A with 100 and B with 10, and of compensations."""
    asked = [Request(f"d{i}", key, (changes,), changes) for i, (key, changes) in enumerate(asks, 1)]
    return CompensationModel((("A", 100), ("B", 10)), [*asked, *(undo_request(f"u{i}", k) for i, k in enumerate(undos, 1))])


_PAYMENT = ("k1", (("A", -61), ("B", 61)))

SERVICE = Study(
    name="what a client sees of business transactions and their compensations",
    make=_service,
    sizes=(
        Size("one payment, undone by two clients", {"asks": (_PAYMENT,), "undos": ("k1", "k1")}, 796, 14),
        Size(
            "a payment, a third party that spends it, and a refund",
            {"asks": (_PAYMENT, ("k2", (("B", -23),))), "undos": ("k1",)}, 1_050, 14,
        ),
    ),
    properties=(*of_models(PROPERTIES), *CLIENTS),
    theorems=(Theorem(N3_PARKED, size=1), Theorem(N3_UNDONE, size=1)),
    specification=True,
)

THEORY = Theory(
    promise=(
        "What a committed change did to the business is taken back by another change, not by a rollback: a refund for a "
        "payment. Others may have read and written in between, and their work stays. Each change leaves a record of what "
        "it did, in the same database transaction; its compensation takes back what was recorded, once, also when asked "
        "for twice, and bars a change that it has overtaken. Where undoing commutes with what others do, the outcome is as "
        "if the change had never been; where it does not, or where others have used up what was given, no undo can be right."
    ),
    studies=(UNDO_LOG, SERVICE),
    headline=("CT1", "N1", "N2", "N3"),
    aspects={
        "atomicity": ("G1",),
        "isolation": ("CT1", "N1"),
        "durability": ("CT10", "CT8"),
        "idempotency": ("CT3", "G3"),
        "conservation": ("CT2", "G2", "N3"),
        "termination": ("CT6",),
        "non-blocking": ("NB", "N1.lock"),
        "order": ("CT11", "CT5"),
    },
    choices=frozenset({"before_image", "global_lock", "bypass", "spendable", "overdraw"}),
    omitted={
        "G5": "what became of a key stays, but for its compensation: that is what CT1, CT2 and CT5 speak of",
        "G10": "recovery is to ask again, which is what CT3 and CT5 speak of",
    },
    claims=(
        Claim(
            "compensating transactions undo what was committed, in place of a rollback",
            "the outcome is as if it had never been, if undoing takes back a difference and commutes with what others do; "
            "restoring the row as it was destroys their writes", by=("CT1", "CT2"), against=("N1",),
        ),
        Claim(
            "a refund is the inverse of a debit",
            "once only, only of what was done, never before it, and by the amount that was recorded",
            by=("CT3", "CT4", "CT5", "CT9"), against=("CT3/idempotent", "CT5/tombstones", "CT9/current_price"),
        ),
        Claim(
            "compensating transactions belong to external systems",
            "they suit what can be undone: cash that is out, or credit that is spent, has no compensation and is parked",
            by=("CT1",), against=("N2", "N3"),
        ),
        Claim(
            "no blocking",
            "of deltas it is so; before-images need a lock until the business transaction has ended, and all writers wait",
            by=("NB",), against=("N1.lock",),
        ),
        Claim(
            "everything is undone in reverse order",
            "that matters where undoing restores before-images; differences may be taken back in any order",
            by=("CT11", "CT1/last_first"),
        ),
    ),
)  # fmt: skip
