"""Runs of models: some written by hand, some that the checker finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.checker.check import check
from acidtest.checker.machine import Action
from acidtest.checker.proof import show

if TYPE_CHECKING:
    from collections.abc import Iterable

    from acidtest.checker.breadth_first import Trace
    from acidtest.checker.machine import Model, Property
    from acidtest.checker.theory import Study

#: A step of a run: as it stands in a trace, "Receive(0, 1)", or as the action's name and its arguments.
Step = str | tuple[Any, ...]


def walk(model: Model[Any], *steps: Step) -> list[Any]:
    """The states along a run from the only initial state, that one first."""
    (state,) = model.initial_states()
    states = [state]
    for step in steps:
        states.append(model.step(states[-1], _action(model, states[-1], step)))
    return states


def run(model: Model[Any], *steps: Step) -> Any:
    """The state that these steps lead to from the only initial state."""
    return walk(model, *steps)[-1]


def _action(model: Model[Any], state: Any, step: Step) -> Action:
    if isinstance(step, tuple):
        return Action(step[0], step[1:])
    return next((action for action in model.actions(state) if str(action) == step), Action(step))


def enabled(model: Model[Any], state: Any, *names: str) -> set[str]:
    """What may happen next, as it would stand in a trace; of some actions only, where names are given."""
    return {str(action) for action in model.actions(state) if not names or action.name in names}


def names(trace: Trace) -> list[str]:
    """The actions of a run, as they stand in a trace."""
    return [str(action) for action in trace.actions if action]


def witness(model: Model[Any], claim: Property) -> list[str] | None:
    """The actions of the shortest run that decides `claim`; None where there is none."""
    trace = check(model, [claim]).findings[0].trace
    return None if trace is None else names(trace)


def shown(study: Study, property_id: str, **turned: bool) -> list[str]:
    """The actions of the shortest witness of a theorem of the study; of the one with these switches, where given."""
    of_property = [theorem for theorem in study.theorems if theorem.property.id == property_id]
    theorem = next(theorem for theorem in of_property if not turned or theorem.exhibited == turned)
    trace = show(study, theorem).witness.trace
    assert trace is not None
    return names(trace)


def violated(model: Model[Any], properties: Iterable[Property]) -> set[str]:
    """The ids of what does not hold in a model."""
    return {finding.property.id for finding in check(model, properties).findings if finding.verdict == "violated"}
