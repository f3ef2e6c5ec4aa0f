"""The page of a pattern's models: each state diagram, and on it the shortest witness of each theorem, step for step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from acidtest.report.graph.drawing import inline
from acidtest.report.page.stepping import script_data
from acidtest.report.page.templating import rendered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.report.graph.walk import Walk, Walked


class _Section(NamedTuple):
    walked: Walked
    svg: Markup
    switches: list[tuple[str, bool, str]]


def model_page(stem: str, title: str, promise: str, studies: Sequence[Walked], version: str) -> str:
    """A pattern's models as one HTML file, which asks nobody for anything.

    Arguments:
        stem: of the pattern.
        title: its name.
        promise: what it promises, for a reader who has never seen it.
        studies: its models, with the runs that lead through them.
        version: of acidtest.
    """
    sections = [_section(walked) for walked in studies]
    data = [[_walk(walk) for walk in walked.walks] for walked in studies]
    return rendered(
        "model.html", "model.js", stem=stem, title=title, promise=promise, sections=sections, version=version, data=script_data(data)
    )


def _section(walked: Walked) -> _Section:
    study = walked.study
    # All text that comes into a drawing is escaped there.
    drawn = inline(walked.graph, f"State diagram of {study.name}", walked.extra) if walked.graph is not None else ""
    svg = Markup(drawn)  # noqa: S704
    return _Section(walked, svg, [(switch.name, switch.default, switch.meaning) for switch in study.switches])


def _walk(walk: Walk) -> list[dict[str, Any]]:
    return [stride._asdict() for stride in walk.strides]
