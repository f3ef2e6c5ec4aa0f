"""A failure where a pull request is looked at: an annotation at the code, and a summary in Markdown, as GitHub Actions takes them."""

from __future__ import annotations

import inspect
import os
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acidtest.report.columns import render_story
from acidtest.report.inert import inert
from acidtest.report.mermaid import mermaid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from acidtest.report.page.overview import Checked
    from acidtest.search.failure import Failure
    from acidtest.search.film import Film

#: How wide the table of a summary is, in letters.
_WIDTH = 120


def in_actions() -> bool:
    """Whether this is a run of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def annotation(failure: Failure, code: Any) -> str:
    """A line that, printed, puts the failure at the code that it is of.

    Arguments:
        failure: the value.
        code: the contract's class, or what makes the implementation.
    """
    place = _place(code)
    where = f"file={_parameter(place[0])},line={place[1]}," if place is not None else ""
    title = f"{failure.pattern} {failure.property_id}: {failure.name}"
    text = f"{failure.cause} Scope “{failure.scope['name']}”. Source: {failure.source or 'the search itself'}."
    return f"::error {where}title={_parameter(title)}::{_data(text)}"


def summary(failure: Failure, film: Film) -> str:
    """The failure in Markdown: the verdict, the property, the table and the diagram.

    Arguments:
        failure: the value.
        film: the same, step for step.
    """
    head = escape(inert(f"{failure.property_id}: {failure.name}"))
    scope = escape(inert(f"{failure.implementation}, scope “{failure.scope['name']}”"))
    return "\n".join([
        f"### <b>FAIL</b> {escape(failure.pattern)} <b>{head}</b>", "", f"<code>{scope}</code>", "", f"{escape(inert(failure.cause))}", "",
        "```mermaid", mermaid(failure, film).rstrip(), "```", "",
        "<details><summary>The schedule as a table</summary>", "", f"<pre>{escape(render_story(failure, _WIDTH))}</pre>", "", "</details>", "",
    ])  # fmt: skip


def verdicts(checked: Iterable[Checked]) -> str:
    """All that was checked as a table in Markdown: contract, scope, verdict, and what was run."""
    rows = [
        (one.contract, f"{one.result['scope']} ({one.result['search']})", f"{one.result['verdict']} {one.property}".strip(), str(one.result["schedules"]))
        for one in checked
    ]
    told = ["| " + " | ".join(escape(inert(cell)).replace("|", "&#124;") for cell in row) + " |" for row in rows]
    return "\n".join(["### acidtest", "", "| contract | scope | verdict | schedules |", "| --- | --- | --- | --- |", *told, ""])


def add_summary(text: str) -> None:
    """Put Markdown below what the step's summary has already; nothing where there is no such file."""
    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if file:
        with Path(file).open("a", encoding="utf-8") as summaries:
            summaries.write(f"{text}\n")


def _place(code: Any) -> tuple[str, int] | None:
    """The file, as the repository names it, and the line where something is defined."""
    try:
        file, line = inspect.getsourcefile(code), inspect.getsourcelines(code)[1]
    except (OSError, TypeError):
        return None
    if file is None:
        return None
    path, home = Path(file).resolve(), Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    return (path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)), max(line, 1)


def _data(text: str) -> str:
    return inert(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _parameter(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
