"""What is proved of the models of local ACID transfers, and what it says of common claims."""

from __future__ import annotations

from acidtest.checker.theory import Claim, Size, Study, Theorem, Theory, Twin
from acidtest.models.acid.isolation import STUDY as ISOLATION
from acidtest.models.acid.service import AcidModel, AcidState
from acidtest.models.shared.ledger import Request
from acidtest.properties.acid.properties import N3, N3_OTHERWISE, PROPERTIES
from acidtest.properties.shared.of_models import CLIENTS, of_models


def _service(asks: tuple[tuple[str, str, str, int], ...]) -> AcidModel:
    """The model of transfers between A with 100 and B with 50, and of one read."""
    asked = [Request(f"t{i}", k, (a, b, n), ((a, -n), (b, n))) for i, (k, a, b, n) in enumerate(asks, 1)]
    return AcidModel((("A", 100), ("B", 50)), asked, reads=1)


def of_clients(_: AcidModel, state: AcidState) -> tuple[object, ...]:
    """What every client was told; here even all of them together cannot tell."""
    return state.ledger.status, state.readings


#: No mutant of this model violates it: it knows whole amounts only, and no transfer of the workload is invalid.
_BY_CONSTRUCTION = ("money is whole",)

SERVICE = Study(
    name="what a client of transfers sees",
    make=_service,
    sizes=(
        Size("two competing transfers and a read", {"asks": (("k1", "A", "B", 61), ("k2", "A", "B", 52))}, 879, 13),
        Size(
            "one key three times and a read",
            {"asks": (("k1", "A", "B", 61), ("k1", "A", "B", 61), ("k1", "A", "B", 23))}, 3_981, 14,
        ),
    ),
    properties=(*of_models(PROPERTIES, *_BY_CONSTRUCTION), *CLIENTS),
    theorems=(Theorem(N3, along=("disturbed(0)",), twin=Twin(N3_OTHERWISE, "the client", of_clients)),),
    specification=True,
)

THEORY = Theory(
    promise=(
        "A transfer happens as a whole or not at all, once per key, beside others as if it were alone, and stays once it "
        "was acknowledged."
    ),
    studies=(ISOLATION, SERVICE),
    headline=("ACID-I.SER", "N1", "N2", "N3", "N4"),
    aspects={
        "atomicity": ("ACID-A", "N4"), "isolation": ("ACID-I.SER", "ACID-I", "N1", "N2"), "durability": ("ACID-D",),
        "idempotency": ("G3", "G7", "N3"), "conservation": ("ACID-C",), "termination": ("G9",),
    },
    remarks={"idempotency": "not by the transaction, but by a unique key that is written in it"},
    choices=frozenset({"mail_inside", "snapshot", "read_committed"}),
    omitted={
        "N5": "about what products call serializable; the model shows what is missing where they are not: N1 and N1'",
        "ACID-Ack": "is G4, which is proved under that id",
    },
    claims=(
        Claim(
            "atomicity: all or nothing", "true of the rows, not of a mail that is sent from within",
            by=("ACID-A",), against=("N4",),
        ),
        Claim(
            "consistency: the data are valid", "a rule over two rows falls to write skew below serializable",
            by=("ACID-C", "G2"), against=("N1",),
        ),
        Claim(
            "isolation: transactions do not disturb each other",
            "serializable ones do not; at the levels that most servers give by default updates are lost or invariants broken",
            by=("ACID-I.SER", "P4"), against=("N1", "N1'", "N2"),
        ),
        Claim(
            "durability: for ever", "what was acknowledged stays, if the log is forced first",
            by=("ACID-D",), against=("ACID-D/lazy_log",),
        ),
        Claim(
            "immediate consistency", "a read sees a state that was committed at some instant while it ran",
            by=("ACID-I.SER", "ACID-I"),
        ),
        Claim("does not work with external systems", "what leaves the database is not rolled back", by=("N4",)),
        Claim(
            "does not work with several databases",
            "a model of one database says nothing of two: several commits one after the other are what the naive version of "
            "two-phase commit does, and there the contract shows halves",
        ),
        Claim("does not scale for microservices", "models know neither load nor cost"),
    ),
)  # fmt: skip
