"""State diagrams in Graphviz's language, for other tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.report.graph.quotient import quotient

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from acidtest.checker.theory import Study


def dot(stem: str, studies: Sequence[Study]) -> str:
    """The diagrams of a pattern's models as one graph, a cluster each; models without a diagram are named in a comment."""
    lines = [f"digraph {_quoted(stem)} {{", "  node [shape=box, fontname=monospace];", "  edge [fontname=monospace];"]
    for number, study in enumerate(studies):
        lines += [f"  {line}" for line in _cluster(study, number)]
    return "\n".join([*lines, "}"]) + "\n"


def _cluster(study: Study, number: int) -> Iterator[str]:
    if study.diagram is None:
        yield f"// {study.name}: no diagram is drawn of it"
        return
    graph = quotient(study)
    yield f"subgraph cluster_{number} {{"
    yield f"  label={_quoted(study.name)};"
    for node, text in enumerate(graph.nodes):
        bold = ", penwidth=2" if node in graph.initial else ""
        ends = ", peripheries=2" if node in graph.final() else ""
        yield f"  n{number}_{node} [label={_quoted(text)}{bold}{ends}];"
    for (tail, head), names in graph.edges.items():
        text = _quoted("\n".join(names))
        yield f"  n{number}_{tail} -> n{number}_{head} [label={text}];"
    yield "}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
