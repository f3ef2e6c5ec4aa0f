"""State diagrams of the patterns' models."""

from __future__ import annotations

from acidtest.patterns import PATTERNS
from acidtest.report.graph.drawing import draw
from acidtest.report.graph.quotient import Graph, quotient
from generator.markdown import counted


def state_diagram(stem: str, index: int) -> str:
    """The drawing of one model of a pattern."""
    study = PATTERNS[stem].theory().studies[index]
    graph = quotient(study)
    return draw(graph, f"State diagram of {study.name}", _description(graph))


def _description(graph: Graph) -> str:
    """What the drawing shows, in words."""
    start = "; ".join(_flat(graph.nodes[node]) for node in sorted(graph.initial))
    final = "; ".join(_flat(graph.nodes[node]) for node in sorted(graph.final()))
    ends = f" Nothing leads on from: {final}." if final else ""
    steps = ", ".join(graph.names())
    return f"{counted(len(graph.nodes), 'node')}, {counted(len(graph.edges), 'arrow')}. Starts at: {start}.{ends} Steps: {steps}."


def _flat(label: str) -> str:
    return label.replace("\n", ", ")
