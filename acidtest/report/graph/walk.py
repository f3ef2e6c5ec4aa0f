"""Runs of a model on its state diagram: at which node each step is, also where the run is one of other switches than the drawing's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from acidtest.report.graph.quotient import Graph, quotient
from acidtest.report.trace import differences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from acidtest.checker.breadth_first import Trace
    from acidtest.checker.check import Finding
    from acidtest.checker.machine import Model
    from acidtest.checker.proof import Proof, Shown
    from acidtest.checker.theory import Study


class Stride(NamedTuple):
    """One step of a run.

    Arguments:
        action: what was done; empty for the start.
        actor: whose action it is.
        changes: what it changed, a line each.
        node: the node of the diagram that it leads to, or stays at; None where nothing is drawn.
        again: the run comes back to here for ever, from its last step.
    """

    action: str
    actor: str
    changes: tuple[str, ...]
    node: int | None
    again: bool = False


class Walk(NamedTuple):
    """A run with what it is the witness, or the counterexample, of."""

    id: str
    claim: str
    standing: str
    strides: tuple[Stride, ...]


@dataclass(frozen=True)
class Walked:
    """A study with its diagram, and the runs that lead through it.

    Arguments:
        study: what was checked.
        graph: its diagram, with what only the runs come to; None where there is none.
        extra: the nodes that the model does not reach as it is drawn, but a run under other switches does.
        walks: the runs.
    """

    study: Study
    graph: Graph | None
    extra: frozenset[int]
    walks: tuple[Walk, ...]


def walked(proof: Proof, shown: Sequence[Shown]) -> Walked:
    """The runs of a proof on the diagram of its study."""
    study = proof.study
    map_ = _Map(quotient(study), study.diagram.label) if study.diagram is not None else None
    drawn = len(map_.nodes) if map_ is not None else 0
    broken = [finding for finding in proof.exploration.findings if finding.verdict == "violated" and finding.trace is not None]
    walks = [_walk(finding, _standing(proof.turned), study.model(proof.size, proof.turned), map_) for finding in broken]
    walks += [
        _walk(each.witness, _standing(each.theorem.exhibited), study.model(each.size, each.theorem.exhibited), map_)
        for each in shown if each.witness.trace is not None
    ]  # fmt: skip
    if map_ is None:
        return Walked(study, None, frozenset(), tuple(walks))
    return Walked(study, map_.graph(), frozenset(range(drawn, len(map_.nodes))), tuple(walks))


class _Map:
    """A diagram that grows by what runs come to."""

    def __init__(self, graph: Graph, label: Callable[[Any], str | None]) -> None:
        self.nodes = list(graph.nodes)
        self._initial = graph.initial
        self._edges = {edge: dict.fromkeys(names) for edge, names in graph.edges.items()}
        self._label = label

    def place(self, state: Any, action: str, before: int | None) -> int | None:
        """The node of a state to which an action led from another node."""
        text = self._label(state)
        if text is None:
            return before
        if text not in self.nodes:
            self.nodes.append(text)
        node = self.nodes.index(text)
        if before is not None and before != node:
            self._edges.setdefault((before, node), {})[action.partition("(")[0]] = None
        return node

    def graph(self) -> Graph:
        """What is to be drawn."""
        return Graph(tuple(self.nodes), self._initial, {edge: tuple(names) for edge, names in self._edges.items()})


def _walk(finding: Finding, standing: str, model: Model[Any], map_: _Map | None) -> Walk:
    p, trace, cycle = finding.property, finding.trace, finding.cycle
    assert trace is not None  # noqa: S101 - the caller's duty
    claim = p.name if finding.verdict == "reached" else f"not always: {p.name}"
    strides = list(_strides(model, trace, map_))
    if cycle is not None and len(cycle.steps) > 1:
        strides[-1] = strides[-1]._replace(again=True)
        strides += list(_strides(model, cycle, map_, strides[-1].node))[1:]
    return Walk(p.id, claim, standing, tuple(strides))


def _strides(model: Model[Any], trace: Trace, map_: _Map | None, node: int | None = None) -> Iterator[Stride]:
    before = None
    for action, state in trace.steps:
        node = map_.place(state, str(action or ""), node) if map_ is not None else None
        changes = tuple(differences(model, before, state)) if before is not None else ()
        yield Stride(str(action or ""), model.actor(action) if action is not None else "", changes, node)
        before = state


def _standing(turned: Any) -> str:
    return ", ".join(f"{name} {'on' if on else 'off'}" for name, on in turned.items()) or "default switches"
