"""What a check is looked at by, written to files: pages, diagrams, and what GitHub Actions takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from acidtest import __version__
from acidtest.errors import UsageError
from acidtest.report.github import add_summary, annotation, in_actions, summary, verdicts
from acidtest.report.graph.dot import dot
from acidtest.report.graph.walk import walked
from acidtest.report.mermaid import mermaid
from acidtest.report.page.failure import failure_page
from acidtest.report.page.model import model_page
from acidtest.report.page.overview import Checked, overview_page
from acidtest.report.table import result_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from acidtest.checker.proof import Proof, Shown
    from acidtest.patterns import Pattern
    from acidtest.report.session import Session
    from acidtest.search.failure import Failure
    from acidtest.search.film import Film


def write_shown(session: Session, html: str | None, diagram: str | None, replays: Sequence[str], echo: Callable[[str], Any]) -> None:
    """Write what was asked for of a check: of the first failure to the files named, of others to files beside them.

    Arguments:
        session: the check.
        html: the file of the page; of a check without a failure it says what was covered. None for none.
        diagram: the file of the diagram in Mermaid's language; None for none.
        replays: for each failure what `acidtest replay` is to be given; empty texts where there is no failure file.
        echo: prints a line.
    """
    told = list(zip(session.failures, session.films, replays, strict=True)) if session.films else []  # none where nobody asked
    for number, (failure, film, replay) in enumerate(told, 1):
        if html:
            write_text(numbered(html, number), failure_page(failure, film, replay=replay))
        if diagram:
            write_text(numbered(diagram, number), mermaid(failure, film))
    for file, what in ((html, "to look at it"), (diagram, "to paste it")):
        if file and told:
            echo(f"\n{', '.join(numbered(file, n) for n in range(1, len(told) + 1))}  ({what})")
    if html and not told:
        write_text(html, _covered(session))
        echo(f"\n{html}  (what was covered)")
    if diagram and not told:
        echo(f"\n{diagram} is not written: there is no failure to draw.")
    if in_actions():
        add_summary(verdicts(_checked(session)))
        for failure, film, _ in told:
            announce(failure, film, session.code, echo)


def announce(failure: Failure, film: Film, code: Any, echo: Callable[[str], Any]) -> None:
    """Tell GitHub Actions of a failure."""
    echo(annotation(failure, code))
    add_summary(summary(failure, film))


def write_models(entry: Pattern, proofs: Sequence[tuple[Proof, Sequence[Shown]]], html: str | None, dot_file: str | None) -> None:
    """Write what was asked for of a pattern's models.

    Arguments:
        entry: the pattern.
        proofs: of its models, each with its theorems.
        html: the file of the page; None for none.
        dot_file: the file of the diagrams in Graphviz's language; None for none.
    """
    if html:
        studies = [walked(proof, shown) for proof, shown in proofs]
        write_text(html, model_page(entry.stem, entry.title, entry.theory().promise, studies, __version__))
    if dot_file:
        write_text(dot_file, dot(entry.stem, [proof.study for proof, _ in proofs]))


def numbered(file: str, number: int) -> str:
    """The file of one failure of several: the first has the name that was given."""
    path = Path(file)
    return file if number == 1 else str(path.with_name(f"{path.stem}-{number}{path.suffix}"))


def write_text(file: str, text: str) -> None:
    """Write a file.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"{file} cannot be written: {error}. Name another file."
        raise UsageError(message) from error


def _covered(session: Session) -> str:
    return overview_page(_checked(session), __version__)


def _checked(session: Session) -> list[Checked]:
    return [
        Checked(session.implementation, session.contract.pattern, result_json(result), result.violation.property if result.violation else "")
        for result in session.results
    ]
