"""Which of a contract's properties say something of a model as well: a model has no locks, no wedged processes, no restarts.

A property that reads only what a model never shows holds of it whatever the model does, so to list it as proved would be
to claim nothing. That each of those that are listed can fall is tested by mutated models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.checker.machine import Kind, Property, implied
from acidtest.properties.shared.balances import folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from acidtest.models.shared.ledger import Call

#: Names of properties that are about running code, in every contract that has them.
OF_CODE = frozenset({
    "nobody waits for a lock that is never released",
    "recovery works without a restart",
    "what an error has left works without a restart",
    "recovery that was cut short ends as one that was not",
})  # fmt: skip


def of_models(properties: Iterable[Property], *names: str, ids: Iterable[str] = ()) -> tuple[Property, ...]:
    """The properties without those of running code.

    Arguments:
        properties: of a contract.
        names: beginnings of the names of others that say nothing of the model at hand.
        ids: of such.
    """
    left_out = frozenset(ids)
    return tuple(p for p in properties if p.name not in OF_CODE and p.id not in left_out and not (names and p.name.startswith(names)))


def _calls(view: Any) -> tuple[Call, ...]:  # noqa: ANN401 - any view with the field `calls`, or `appends`; likewise below
    return (*(view.calls if hasattr(view, "calls") else view.appends), *getattr(view, "undos", ()))


def _pairs(before: Any, after: Any) -> Iterator[tuple[Call, Call]]:  # noqa: ANN401
    return zip(_calls(before), _calls(after), strict=True)


def _in_turn(before: Any, after: Any) -> bool:  # noqa: ANN401
    """Who has not asked, or learned nothing, may ask; who asks may be told anything; an answer stays."""
    asks, open_ = {"new", "unknown"}, "open"
    return all(
        then.status in (now.status, open_) or (then.status in asks and now.status == open_)
        for then, now in _pairs(before, after)
    )


def _disturbed_while_open(before: Any, after: Any) -> bool:  # noqa: ANN401
    """A call begins alone or not, and stops to be alone only while it is open."""
    return all(
        then.alone == now.alone or then.status == "open" or (then.status in ("new", "unknown") and now.status == "open")
        for then, now in _pairs(before, after)
    )


def _several_open(view: Any) -> bool:  # noqa: ANN401
    return sum(call.status == "open" for call in _calls(view)) > 1


def _nobody_alone(view: Any) -> bool:  # noqa: ANN401
    return not any(call.alone and call.status == "open" for call in _calls(view))


def _adds_up(view: Any) -> bool:  # noqa: ANN401
    """Balances are the opening ones and what took effect."""
    deltas = {call.request.name: call.request.deltas for call in view.calls}
    return bool(folded(view.opening, [deltas[name] for name in view.accepted]) == view.balances)


_HERE = "Herlihy & Wing, Linearizability, ACM TOPLAS 12(3), 1990 (well-formed histories)"
#: What every model of clients must keep whose calls are followed beside running code.
CLIENTS = (
    Property("G4.client", "a client asks before it is told, and what it was told stays", Kind.STEP, _in_turn, _HERE),
    Property("G11.client", "a call begins alone or not, and only what happens while it is open disturbs it", Kind.STEP, _disturbed_while_open, _HERE),
    implied("G11.beside", "of calls that are open at once none is alone", Kind.ALWAYS, _several_open, _nobody_alone, _HERE),
)
ADDS_UP = Property("G1.sum", "balances are what was there at first and all that took effect", Kind.ALWAYS, _adds_up, "PATTERNS 0")
