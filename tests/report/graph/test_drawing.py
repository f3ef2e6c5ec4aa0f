"""Drawings can be read: nothing overlaps, arrows lead down or are marked, text is escaped."""

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from acidtest.checker.machine import Model, Transition
from acidtest.checker.theory import Diagram, Study
from acidtest.report.graph.drawing import WIDEST, draw
from acidtest.report.graph.layers import arrange, crossings
from acidtest.report.graph.quotient import Graph, quotient

DOCS = Path(__file__).parents[3] / "docs"
#: State diagrams and decisions; failures are drawn by other means.
DRAWINGS = sorted(path for path in DOCS.glob("**/*.svg") if not path.stem.endswith("-failure"))
SVG = "{http://www.w3.org/2000/svg}"


class Counter(Model):
    """Counts to four, and starts again; may look at what it has."""

    def initial_states(self):
        return [0]

    def transitions(self):
        return [
            Transition("up & on", lambda s: s + 1 if s < 4 else None),
            Transition("again", lambda s: 0 if s == 4 else None),
            Transition("look", lambda s: s),
            Transition("skip", lambda s: s + 2 if s < 3 else None),
        ]

    def view(self, state):
        return state


def counter(label, hidden=frozenset()):
    return quotient(Study("a counter", Counter, (), (), diagram=Diagram({}, label, hidden)))


def parsed(text):
    return ET.fromstring(text)  # noqa: S314 - our own


def boxes(text):
    """The patches on which text stands: left, top, right, bottom."""
    found = [r.attrib for r in parsed(text).iter(f"{SVG}rect") if "x" in r.attrib]
    numbers = [[float(a[name]) for name in ("x", "y", "width", "height")] for a in found]
    return [(x, y, x + width, y + height) for x, y, width, height in numbers]


def overlaps(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_states_with_one_label_are_one_node_and_steps_within_it_are_left_out():
    graph = counter(lambda s: "low" if s < 3 else "high")
    assert graph.nodes == ("low", "high")
    assert graph.edges == {(0, 1): ("skip", "up & on"), (1, 0): ("again",)}
    assert graph.initial == {0}


def test_what_has_no_label_and_what_is_hidden_are_left_out():
    graph = counter(lambda s: str(s) if s != 1 else None, frozenset({"again"}))
    assert graph.nodes == ("0", "2", "3", "4")
    assert graph.edges == {(0, 1): ("skip",), (1, 2): ("up & on",), (1, 3): ("skip",), (2, 3): ("up & on",)}
    assert graph.final() == {3}


def test_what_no_drawn_step_leads_to_is_left_out():
    graph = counter(str, frozenset({"up & on"}))
    assert graph.nodes == ("0", "2", "4")
    assert graph.edges == {(0, 1): ("skip",), (1, 2): ("skip",), (2, 0): ("again",)}


def test_an_arrow_that_closes_a_cycle_is_turned_round():
    routes = {route.edge: route.up for route in arrange(counter(str)).routes}
    assert [edge for edge, up in routes.items() if up] == [(0, 4)]


def test_every_arrow_passes_every_row_between_its_ends():
    layers = arrange(counter(str))
    row = {v: number for number, vertices in enumerate(layers.rows) for v in vertices}
    for route in layers.routes:
        assert [row[v] for v in route.path] == list(range(row[route.path[0]], row[route.path[-1]] + 1))


def test_arrows_that_need_not_cross_do_not():
    tree = Graph(("a", "b", "c", "d", "e"), frozenset({0}), {(0, 1): ("x",), (0, 2): ("x",), (2, 3): ("x",), (1, 4): ("x",)})
    assert crossings(arrange(tree)) == 0


def test_text_is_escaped_and_read_aloud():
    text = draw(counter(lambda s: f"<{s}>"), "a & b", "it counts")
    root = parsed(text)
    assert root.findtext(f"{SVG}title") == "a & b"
    assert root.findtext(f"{SVG}desc") == "it counts"
    assert "<0>" in [node.text for node in root.iter(f"{SVG}text")]


def test_names_that_do_not_fit_are_numbered_and_listed():
    many = {(0, i): (f"an action with a long name {i}",) for i in range(1, 9)}
    text = draw(Graph(tuple("abcdefghi"), frozenset({0}), many), "wide", "wide")
    written = [node.text for node in parsed(text).iter(f"{SVG}text")]
    assert "3" in written
    assert "3 an action with a long name 3" in written
    assert float(parsed(text).attrib["width"]) <= WIDEST


def test_a_drawing_is_always_the_same():
    assert draw(counter(str), "t", "d") == draw(counter(str), "t", "d")


@pytest.mark.parametrize("path", DRAWINGS, ids=[path.name for path in DRAWINGS])
def test_nothing_overlaps(path):
    text = path.read_text(encoding="utf-8")
    assert [pair for pair in combinations(boxes(text), 2) if overlaps(*pair)] == []


@pytest.mark.parametrize("path", DRAWINGS, ids=[path.name for path in DRAWINGS])
def test_a_drawing_follows_the_scheme_of_the_reader_and_asks_no_other_host(path):
    text = path.read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in text
    assert set(re.findall(r"\w+://[^\"' <]*", text)) == {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("drawing", DRAWINGS, ids=[str(d.relative_to(DOCS)) for d in DRAWINGS])
def test_one_of_a_kind_is_not_told_in_the_plural(drawing):
    text = "\n".join(t.text or "" for t in parsed(drawing.read_text(encoding="utf-8")).iter(f"{SVG}text"))
    assert re.findall(r"(?<![\d.])1 (?:copies|[a-z]{3,}[^s\W]s)\b", text) == []
