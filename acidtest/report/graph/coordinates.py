"""Places for a drawing: how far to the right each vertex stands, given the order of its row."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from acidtest.report.graph.layers import Layers

#: The free space between two vertices of a row.
GAP = 14.0
#: Sweeps through all rows. Arrows become straighter with each.
_SWEEPS = 400
#: The width of a point of an arrow where nothing is written, and how much more such points count for each other.
POINT = 6.0
_STRAIGHT = 30.0


def spread(layers: Layers, width: Mapping[int, float]) -> dict[int, float]:
    """The middle of every vertex: near to its neighbours above and below, and clear of those beside it.

    Arguments:
        layers: the rows, in order.
        width: of each vertex.
    """
    x = {v: float(i) for row in layers.rows for i, v in enumerate(row)}
    for row in layers.rows:
        _place(row, x, width)
    for sweep in range(_SWEEPS):
        rows = layers.rows if sweep % 2 == 0 else layers.rows[::-1]
        for row in rows:
            for v in row:
                x[v] = _wish(v, layers, x, width)
            _place(row, x, width)
    left = min((x[v] - width[v] / 2 for v in x), default=0.0)
    return {v: place - left for v, place in x.items()}


def _wish(v: int, layers: Layers, x: Mapping[int, float], width: Mapping[int, float]) -> float:
    """The mean of its neighbours; within a long arrow they count more, so that it becomes straight."""
    near = layers.above.get(v, []) + layers.below.get(v, [])
    weight = [_STRAIGHT if width[v] == width[n] == POINT else 1.0 for n in near]
    return sum(w * x[n] for w, n in zip(weight, near, strict=True)) / sum(weight) if near else x[v]


def _place(row: Sequence[int], x: dict[int, float], width: Mapping[int, float]) -> None:
    """Move the vertices of a row apart, each as little as possible.

    With the least room that each needs subtracted, the wished places must not decrease: least squares under that
    condition is isotonic regression, which pools neighbours that are in each other's way.
    """
    room = [0.0]
    for one, other in pairwise(row):
        room.append(room[-1] + (width[one] + width[other]) / 2 + GAP)
    pools: list[tuple[float, int]] = []
    for v, needed in zip(row, room, strict=True):
        total, size = x[v] - needed, 1
        while pools and pools[-1][0] * size > total * pools[-1][1]:
            before, many = pools.pop()
            total, size = total + before, size + many
        pools.append((total, size))
    wished = [total / size for total, size in pools for _ in range(size)]
    for v, place, needed in zip(row, wished, room, strict=True):
        x[v] = place + needed
