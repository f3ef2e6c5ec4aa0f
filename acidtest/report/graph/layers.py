"""Rows for a drawing: every arrow leads down, through a row of its own for what is written on it.

This is the method of Sugiyama, Tagawa & Toda, "Methods for visual understanding of hierarchical system structures",
IEEE Transactions on Systems, Man, and Cybernetics 11(2), 1981: turn some arrows round so that no cycle is left, give
each node a row below all that lead to it, let arrows pass the rows between through points of their own, and order each
row by the barycentre of its neighbours, so that few arrows cross.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import networkx as nx

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.report.graph.quotient import Graph

#: Sweeps through all rows; more find nothing better in practice.
_SWEEPS = 24


@dataclass
class Route:
    """An arrow: the vertices that it passes from the upper node to the lower one, both included.

    Arguments:
        edge: where the arrow leads from and to; turned round if it leads up.
        label: what is written on it.
        up: whether it leads from the lower node to the upper one.
        path: numbers of vertices, one per row; the second carries the label.
    """

    edge: tuple[int, int]
    label: tuple[str, ...]
    up: bool
    path: list[int] = field(default_factory=list)


@dataclass
class Layers:
    """Vertices in rows: first the nodes of the graph, by their numbers, then the points of its arrows."""

    rows: list[list[int]]
    routes: list[Route]
    above: dict[int, list[int]]
    below: dict[int, list[int]]


def arrange(graph: Graph) -> Layers:
    """Put the nodes of a graph into rows, and the rows into an order."""
    routes = _oriented(graph)
    level = _levels(len(graph.nodes), [route.edge for route in routes])
    layers = Layers([[] for _ in range(2 * max(level, default=0) + 1)], routes, {}, {})
    for node in range(len(graph.nodes)):
        layers.rows[2 * level[node]].append(node)
    count = len(graph.nodes)
    for route in routes:
        upper, lower = route.edge
        between = range(2 * level[upper] + 1, 2 * level[lower])
        route.path = [upper, *range(count, count + len(between)), lower]
        for row, vertex in zip(between, route.path[1:-1], strict=True):
            layers.rows[row].append(vertex)
        count += len(between)
        for one, other in pairwise(route.path):
            layers.below.setdefault(one, []).append(other)
            layers.above.setdefault(other, []).append(one)
    _order(layers)
    return layers


def _oriented(graph: Graph) -> list[Route]:
    """All arrows, pointing down: those that would close a cycle are turned round.

    Only within a strongly connected part can an arrow close one, and there it does if it leads to a node found earlier.
    """
    shape: nx.DiGraph[int] = nx.DiGraph(list(graph.edges))
    part = {node: number for number, nodes in enumerate(nx.strongly_connected_components(shape)) for node in nodes}
    routes = []
    for (tail, head), names in graph.edges.items():
        up = part[tail] == part[head] and head < tail
        routes.append(Route((head, tail) if up else (tail, head), names, up))
    return routes


def _levels(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The number of the row of each node: as far down as the longest way to it, and near to what it leads to."""
    shape: nx.DiGraph[int] = nx.DiGraph()
    shape.add_nodes_from(range(count))
    shape.add_edges_from(edges)
    order = list(nx.lexicographical_topological_sort(shape))
    level = [0] * count
    for node in order:
        level[node] = max((level[tail] + 1 for tail in shape.predecessors(node)), default=0)
    for node in reversed(order):
        # A node with more ways out than in makes fewer long arrows if it moves down.
        if shape.in_degree(node) < shape.out_degree(node):
            level[node] = min(level[head] for head in shape.successors(node)) - 1
    return level


def _order(layers: Layers) -> None:
    """Reorder the rows, and keep the order with the fewest crossings."""
    best, fewest = [list(row) for row in layers.rows], crossings(layers)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for row in layers.rows[1:] if down else layers.rows[-2::-1]:
            _by_barycentre(row, layers, layers.above if down else layers.below)
        _swap(layers)
        now = crossings(layers)
        if now < fewest:
            best, fewest = [list(row) for row in layers.rows], now
    layers.rows[:] = best


def _by_barycentre(row: list[int], layers: Layers, neighbours: dict[int, list[int]]) -> None:
    place = _places(layers)
    middle = {v: _mean([place[n] for n in neighbours.get(v, [])], place[v]) for v in row}
    row.sort(key=middle.__getitem__)


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _places(layers: Layers) -> dict[int, float]:
    """Where each vertex stands in its row, from 0 to 1."""
    return {v: (i + 0.5) / len(row) for row in layers.rows for i, v in enumerate(row)}


def _swap(layers: Layers) -> None:
    """Exchange neighbours in a row as long as that leaves fewer crossings of their arrows."""
    for row in layers.rows:
        place = _places(layers)
        for i in range(len(row) - 1):
            left, right = row[i], row[i + 1]
            if _between(left, right, layers, place) > _between(right, left, layers, place):
                row[i], row[i + 1] = right, left


def _between(left: int, right: int, layers: Layers, place: dict[int, float]) -> int:
    """How many arrows of two neighbours cross, if they stand in this order."""
    return sum(
        place[one] > place[other]
        for side in (layers.above, layers.below)
        for one in side.get(left, [])
        for other in side.get(right, [])
    )


def crossings(layers: Layers) -> int:
    """How often arrows cross."""
    place = {v: i for row in layers.rows for i, v in enumerate(row)}
    total = 0
    for row in layers.rows:
        seen: list[int] = []
        for v in row:
            ends = sorted(place[n] for n in layers.below.get(v, []))
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total
