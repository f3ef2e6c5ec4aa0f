"""Drawings of graphs as SVG: nodes in rows, arrows with what is written on them, text that overlaps nothing.

Colours follow the reader's light or dark scheme. If the names on the arrows make the drawing wider than a page, they are
numbered, and listed below.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

from acidtest.report.graph.coordinates import POINT, spread
from acidtest.report.graph.layers import Layers, Route, arrange
from acidtest.report.graph.style import STYLE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from acidtest.report.graph.quotient import Graph

#: The widest drawing that can be read within a page.
WIDEST = 860.0
#: The width of a character of a typewriter face, and the height of a line, at the sizes of nodes and of arrows.
_CHARACTER, _SMALL_CHARACTER = 7.25, 6.65
_LINE, _SMALL_LINE = 15.0, 13.5
_MARGIN = 14.0
#: The least space between two rows, and what is added for each pixel that an arrow leads sideways.
_ROW_GAP, _SLOPE = 16.0, 0.09


class _Sheet(NamedTuple):
    """Everything that has a place."""

    layers: Layers
    written: dict[int, tuple[str, ...]]
    x: dict[int, float]
    y: dict[int, float]
    width: dict[int, float]
    height: dict[int, float]


def draw(graph: Graph, title: str, description: str) -> str:
    """Draw a graph.

    Arguments:
        graph: what is drawn.
        title: its name, for readers who hear it.
        description: what can be seen, for readers who hear it.
    """
    sheet, legend = _arranged(graph)
    width, height, listed = _size(sheet, legend)
    extent = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" {extent} role="img" aria-labelledby="title desc">',
        f'<title id="title">{escape(title)}</title>', f'<desc id="desc">{escape(description)}</desc>', f"<style>\n{STYLE}\n</style>",
        *_body(graph, sheet, listed, width, height), "</svg>",
    ]) + "\n"  # fmt: skip


def inline(graph: Graph, title: str, extra: Collection[int] = ()) -> str:
    """Draw a graph for a page that has the style, and a script that finds nodes and arrows by their numbers.

    Arguments:
        graph: what is drawn.
        title: its name, for readers who hear it.
        extra: the nodes that are drawn as something else than the others.
    """
    sheet, legend = _arranged(graph)
    width, height, listed = _size(sheet, legend)
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    body = _body(graph, sheet, listed, width, height, extra, numbered=True)
    return "\n".join([f'<svg class="graph" {size} role="img"><title>{escape(title)}</title>', *body, "</svg>"])


def _arranged(graph: Graph) -> tuple[_Sheet, list[str]]:
    """Where everything is, and what numbers stand for where names would be too wide."""
    layers = arrange(graph)
    sheet = _sheet(graph, layers, lambda names: names)
    if _right(sheet) <= WIDEST:
        return sheet, []
    number = {name: str(i) for i, name in enumerate(graph.names(), 1)}
    sheet = _sheet(graph, layers, lambda names: (",".join(number[name] for name in names),))
    return sheet, [f"{i} {name}" for name, i in number.items()]


def _right(sheet: _Sheet) -> float:
    return max((sheet.x[v] + sheet.width[v] / 2 for v in sheet.x), default=0.0) + 2 * _MARGIN


def _sheet(graph: Graph, layers: Layers, wording: Callable[[tuple[str, ...]], tuple[str, ...]]) -> _Sheet:
    """Give everything a place, with the arrows' names in a wording."""
    written = {route.path[1]: wording(route.label) for route in layers.routes}
    width = {v: POINT for row in layers.rows for v in row}
    height = dict.fromkeys(width, 0.0)
    for node, text in enumerate(graph.nodes):
        width[node] = _CHARACTER * max(map(len, text.split("\n"))) + 16
        height[node] = _LINE * len(text.split("\n")) + 10
    for vertex, lines in written.items():
        width[vertex] = _SMALL_CHARACTER * max(map(len, lines)) + 8
        height[vertex] = _SMALL_LINE * len(lines) + 2
    x = spread(layers, width)
    for row in layers.rows:
        # Arrows lead straight down through the whole of a row, lest they touch their neighbours' corners.
        tallest = max(height[v] for v in row)
        height.update({v: tallest for v in row if v >= len(graph.nodes) and v not in written})
    return _Sheet(layers, written, x, _heights(layers, x, height), width, height)


def _heights(layers: Layers, x: dict[int, float], height: dict[int, float]) -> dict[int, float]:
    """The middle of every row: the further sideways arrows lead, the further apart."""
    y: dict[int, float] = {}
    top = 0.0
    for number, row in enumerate(layers.rows):
        tallest = max((height[v] for v in row), default=0.0)
        if number:
            aside = max((abs(x[v] - x[n]) for v in row for n in layers.above.get(v, [])), default=0.0)
            top += _ROW_GAP + _SLOPE * aside
        y.update(dict.fromkeys(row, top + tallest / 2))
        top += tallest
    return y


def _size(sheet: _Sheet, legend: Sequence[str]) -> tuple[float, float, list[str]]:
    """Width and height, and the legend."""
    width = max(_right(sheet), 320.0)
    bottom = max((sheet.y[v] + sheet.height[v] / 2 for v in sheet.y), default=0.0) + 2 * _MARGIN
    listed, height = _legend(legend, width, bottom)
    return width, height, listed


def _body(
    graph: Graph, sheet: _Sheet, listed: Sequence[str], width: float, height: float, extra: Collection[int] = (), *, numbered: bool = False
) -> Iterator[str]:
    yield f'<rect class="paper" width="{width:.0f}" height="{height:.0f}" rx="6"/>'
    yield f'<g transform="translate({_MARGIN:.0f} {_MARGIN:.0f})">'
    for route in sheet.layers.routes:
        yield from _arrow(route, sheet, numbered=numbered)
    for route in sheet.layers.routes:
        yield from _written(route, sheet)
    for node, text in enumerate(graph.nodes):
        yield from _node(node, text, graph, sheet, ["extra"] * (node in extra), numbered=numbered)
    yield "</g>"
    yield from listed


def _arrow(route: Route, sheet: _Sheet, *, numbered: bool) -> Iterator[str]:
    """A smooth line through the points of an arrow, with its head."""
    points = list(_points(route, sheet))
    path = f"M{_xy(points[0])}"
    for (x, y), (to_x, to_y) in pairwise(points):
        middle = (y + to_y) / 2
        curved = f" C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {_xy((to_x, to_y))}"
        path += curved if x != to_x else f" L{_xy((to_x, to_y))}"
    up = " up" if route.up else ""
    tail, head = reversed(route.edge) if route.up else route.edge
    number = f' data-edge="{tail}-{head}"' if numbered else ""
    yield f'<path class="arrow{up}"{number} d="{path}"/>'
    yield f'<path class="head{up}" d="M{_xy(points[0] if route.up else points[-1])} l-3.5 {7 if route.up else -7} h7 z"/>'


def _xy(point: tuple[float, float]) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


def _points(route: Route, sheet: _Sheet) -> Iterator[tuple[float, float]]:
    """From the lower edge of the upper node to the upper edge of the lower one."""
    upper, lower = route.path[0], route.path[-1]
    yield _port(upper, route.path[1], sheet, sheet.layers.below), sheet.y[upper] + sheet.height[upper] / 2
    for vertex in route.path[1:-1]:
        yield sheet.x[vertex], sheet.y[vertex] - sheet.height[vertex] / 2
        yield sheet.x[vertex], sheet.y[vertex] + sheet.height[vertex] / 2
    yield _port(lower, route.path[-2], sheet, sheet.layers.above), sheet.y[lower] - sheet.height[lower] / 2


def _port(node: int, towards: int, sheet: _Sheet, neighbours: dict[int, list[int]]) -> float:
    """Where an arrow touches a node: all of one side share its width, in the order in which they come."""
    ends = sorted(neighbours[node], key=lambda v: (sheet.x[v], v))
    share = (ends.index(towards) + 0.5) / len(ends) - 0.5
    return sheet.x[node] + share * min(sheet.width[node] - 16, 22.0 * len(ends))


def _written(route: Route, sheet: _Sheet) -> Iterator[str]:
    """What is written on an arrow, on a patch of paper that hides the line."""
    vertex = route.path[1]
    x, y, width, height = sheet.x[vertex], sheet.y[vertex], sheet.width[vertex], sheet.height[vertex]
    yield f'<rect class="paper" x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
    yield from _text(sheet.written[vertex], x, y, _SMALL_LINE, "on up" if route.up else "on")


def _node(node: int, text: str, graph: Graph, sheet: _Sheet, more: list[str], *, numbered: bool) -> Iterator[str]:
    x, y, width, height = sheet.x[node], sheet.y[node], sheet.width[node], sheet.height[node]
    kinds = ["node"] + ["final"] * (node in graph.final()) + ["initial"] * (node in graph.initial) + more
    number = f' data-node="{node}"' if numbered else ""
    yield (
        f'<rect class="{" ".join(kinds)}"{number} x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" '
        f'width="{width:.1f}" height="{height:.1f}" rx="5"/>'
    )
    yield from _text(text.split("\n"), x, y, _LINE, "")


def _text(lines: Sequence[str], x: float, y: float, line: float, kind: str) -> Iterator[str]:
    """Lines of text around a point."""
    first = y - line * (len(lines) - 1) / 2 + 4
    style = f' class="{kind}"' if kind else ""
    for number, text in enumerate(lines):
        yield f'<text{style} text-anchor="middle" x="{x:.1f}" y="{first + line * number:.1f}">{escape(text)}</text>'


def _legend(entries: Sequence[str], width: float, top: float) -> tuple[list[str], float]:
    """What numbers stand for, in columns; and where they end."""
    if not entries:
        return [], top
    column = _SMALL_CHARACTER * max(map(len, entries)) + 22
    columns = max(1, int((width - 2 * _MARGIN) // column))
    top += _LINE
    lines = []
    for place, entry in enumerate(entries):
        x, y = _MARGIN + column * (place % columns), top + _LINE * (place // columns)
        lines.append(f'<text class="on" x="{x:.1f}" y="{y:.1f}">{escape(entry)}</text>')
    return lines, top + _LINE * ((len(entries) - 1) // columns) + _MARGIN
