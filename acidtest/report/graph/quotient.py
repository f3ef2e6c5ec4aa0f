"""The graph that is drawn of a model: its states by their labels, its steps by the names of their actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.check import reachable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from acidtest.checker.theory import Study


class Graph(NamedTuple):
    """What is drawn.

    Arguments:
        nodes: their labels, in the order of a breadth-first search.
        initial: numbers of the nodes where it starts.
        edges: what is written on the arrow from one node to another.
    """

    nodes: tuple[str, ...]
    initial: frozenset[int]
    edges: Mapping[tuple[int, int], tuple[str, ...]]

    def final(self) -> frozenset[int]:
        """The nodes that no arrow leaves."""
        return frozenset(range(len(self.nodes))) - {tail for tail, _ in self.edges}

    def names(self) -> list[str]:
        """All that is written on arrows, in order of appearance."""
        return list(dict.fromkeys(name for names in self.edges.values() for name in names))


def quotient(study: Study) -> Graph:
    """Merge the states of a study's diagram that have the same label.

    Steps within a node are left out: they change what is not drawn.

    Raises:
        ValueError: the study has no diagram.
    """
    diagram = study.diagram
    if diagram is None:
        message = f"{study.name} has no diagram."
        raise ValueError(message)
    found = reachable(study.make(**diagram.arguments))
    number: dict[str, int] = {}
    label = {state: diagram.label(state) for state in found.states}
    for text in label.values():
        if text is not None:
            number.setdefault(text, len(number))
    edges: dict[tuple[int, int], dict[str, None]] = {}
    for state, action, following in found.edges:
        tail, head = label[state], label[following]
        if tail is not None and head is not None and tail != head and action.name not in diagram.hidden:
            edges.setdefault((number[tail], number[head]), {})[action.name] = None
    initial = frozenset(number[text] for state in found.initial if (text := label[state]) is not None)
    return _connected(Graph(tuple(number), initial, {edge: tuple(names) for edge, names in edges.items()}))


def _connected(graph: Graph) -> Graph:
    """Without nodes that no drawn step leads to."""
    reached = set(graph.initial)
    waiting = sorted(reached)
    while waiting:
        node = waiting.pop()
        fresh = {head for tail, head in graph.edges if tail == node} - reached
        reached |= fresh
        waiting += sorted(fresh)
    number = {old: new for new, old in enumerate(sorted(reached))}
    edges = {(number[tail], number[head]): names for (tail, head), names in graph.edges.items() if tail in number}
    return Graph(tuple(graph.nodes[old] for old in number), frozenset(number[n] for n in graph.initial), edges)
