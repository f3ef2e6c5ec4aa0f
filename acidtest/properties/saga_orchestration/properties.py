"""What must hold of an orchestrator of sagas: PATTERNS section 6, beside what must hold of every saga."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.checker.machine import Kind, implied
from acidtest.models.saga.specification import at_most_once
from acidtest.models.shared.steps import RUNNING
from acidtest.properties.saga.properties import PROPERTIES as OF_EVERY_SAGA

if TYPE_CHECKING:
    from acidtest.models.saga.service import OrdersView

_HERE = "PATTERNS 6"
ALWAYS, AT_REST = Kind.ALWAYS, Kind.AT_REST


def _ended(view: OrdersView) -> bool:
    """No order is still running."""
    return all(saga.outcome != RUNNING for saga in view.sagas)


PROPERTIES = (
    implied(
        "O4", "recovery beside a live executor does nothing twice", ALWAYS, lambda v: v.executors > 1 and "jump" in v.happened,
        lambda v: all(at_most_once(saga) for saga in v.sagas), _HERE,
    ),
    implied(
        "O2", "two executors of one order do nothing twice", ALWAYS, lambda v: v.executors > 1,
        lambda v: all(at_most_once(saga) for saga in v.sagas), _HERE,
    ),
    implied("O1", "after a crash every order goes on to its end", AT_REST, lambda v: "crash" in v.happened, _ended, _HERE),
    implied("O5", "after a timeout every order comes to an end", AT_REST, lambda v: "jump" in v.happened, _ended, _HERE),
    *OF_EVERY_SAGA,
)  # fmt: skip
