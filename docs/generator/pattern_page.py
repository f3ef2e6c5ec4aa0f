"""The page of a pattern: what it promises, what its models prove, and where the overview's claims stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.checker.machine import Kind
from acidtest.patterns import PATTERNS, parts, pattern
from generator.evidence import (
    PROVED,
    SPECIFIED,
    WITNESS,
    aspects_of,
    cited,
    omitted_anchor,
    proofs,
    standing,
    supports,
)
from generator.failures import of_mutant, picture_path
from generator.markdown import anchor, capital, counted, document, number, plain, sentence, table
from generator.mutation import noticed, noticed_of, unviolated
from generator.overview import OPINIONS, STANDINGS, THE_OVERVIEW
from generator.study_section import study_section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.checker.theory import Theory


def pattern_page(stem: str) -> str:
    """The page of a pattern."""
    return document(_lines(stem))


def pattern_index() -> str:
    """The list of all patterns."""
    rows = [(f"[{capital(e.title)}]({stem}.md)", *_row(stem), noticed_of(stem)) for stem, e in PATTERNS.items()]
    more = (
        "[Models](../explanation/models.md) explains how to read the pages, [the matrix](../reference/matrix.md) compares the "
        "patterns, and [choosing a pattern](../explanation/choosing-a-pattern.md) helps to decide."
    )
    about = (
        "What each promises, and how much was looked at to prove it: the distinct states of all sizes of all its models. The last "
        "column says how many mutants of the models some claim notices, of those that were judged and are another model."
    )
    listed = table(("pattern", "promise", "models", "states", "theorems", "mutants noticed"), rows)
    lines = ["# The patterns", "", about, "", *listed, "", more]
    return document(lines)


def _row(stem: str) -> tuple[str, ...]:
    """Of the list. The numbers of states are those that the patterns' pages are checked against."""
    theory = PATTERNS[stem].theory()
    states = sum(size.states for study in theory.studies for size in study.sizes)
    theorems = sum(len(study.theorems) for study in theory.studies)
    return sentence(plain(theory.promise)), str(len(theory.studies)), number(states), str(theorems)


def drawing_path(stem: str, index: int) -> str:
    """Where the state diagram of a study is, seen from the folder of the patterns."""
    return f"images/{stem}-{index + 1}.svg"


def _lines(stem: str) -> Iterator[str]:
    entry = PATTERNS[stem]
    theory = entry.theory()
    yield f"# {capital(entry.title)}"
    yield from ("", sentence(plain(theory.promise)), "")
    yield (
        "All that follows was checked by exploring every state of the models below. "
        f"`acidtest model {stem}` does it again at the smallest size, `acidtest verify {stem}` at every size, and "
        f"`acidtest model {stem} --html {stem}.html` makes a page on which the witnesses are stepped through. "
        "[How to read this page](../explanation/models.md)."
    )
    contracts = [one.contract for one in (entry, *parts(entry)) if one.contract]
    if contracts:
        yield from ("", _code(contracts))
    yield from ("", "## What to know first", "", *_headline(stem, theory))
    if contracts:
        yield from ("", "## A failure to look at")
    for one in (entry, *parts(entry)):
        if one.contract:
            yield from _failure(one.stem)
    yield from ("", "## At a glance", "", *_glance(stem, theory))
    yield from ("", "## The models")
    introduced: set[str] = set()
    for index, proved in enumerate(proofs(stem)):
        drawing = drawing_path(stem, index) if proved.study.diagram else ""
        yield from ("", *study_section(index, proved, drawing, introduced, noticed(stem, proved.study), unviolated(stem, proved.study)))
    yield from ("", *_omitted(theory), "", *_claims(stem, theory))


def _code(contracts: list[str]) -> str:
    named = " and ".join(f"`{contract}`" for contract in contracts)
    by, its = ("the contract", "its") if len(contracts) == 1 else ("the contracts", "their")
    return (
        f"Code can be checked against this pattern as well, by {by} {named}: see {its} "
        f"[port and scopes](../reference/ports.md), {its} [properties](../reference/properties.md) and the "
        f"[bugs that {'it finds' if its == 'its' else 'they find'}](../reference/mutants.md)."
    )


def _failure(stem: str) -> Iterator[str]:
    """A bug that a contract finds, as a picture."""
    about, failure, _ = of_mutant(stem)
    scope = failure.scope["name"]
    command = f'acidtest check {stem} {failure.implementation} --scope "{scope}" --html failure.html'
    yield ""
    yield f"One of the [bugs that `{pattern(stem).contract}` finds](../reference/mutants.md): {about[:1].lower()}{about[1:]}."
    yield from ("", f"![{plain(failure.cause)}]({picture_path(stem)})", "")
    yield f"`{command}` makes [a page of it](../how-to/look-at-a-failure.md) that can be stepped through."


def _headline(stem: str, theory: Theory) -> Iterator[str]:
    for each in cited(stem, theory.headline):
        under = f", {each.condition}" if each.condition else ""
        sort = f"proved for {plain(each.size)}" if each.standing == PROVED else "so by specification" if each.standing == SPECIFIED else "shown by a run"
        falls = each.standing == WITNESS and each.kind != Kind.SOMETIMES
        said = f"“{plain(each.name)}” does not hold" if falls else plain(each.name)
        yield f"- **[{each.id}](#{each.anchor})**, {sort}: {said}{under}."
    yield ""
    yield (
        "*Proved* is said of every run at the sizes that are listed with each model, and of no larger ones: few protocol bugs need more, "
        "but none of this is a proof for every number."
    )


def _glance(stem: str, theory: Theory) -> Iterator[str]:
    rows = [(name, standing(stem, name)) for name in aspects_of(theory)]
    yield from table(("aspect", "what the models say"), rows)
    yield from ("", "An aspect that is not listed is not claimed. [All patterns side by side](../reference/matrix.md).")


def _omitted(theory: Theory) -> Iterator[str]:
    if not theory.omitted:
        return
    yield "## What no model here can show"
    yield ""
    yield f"{capital(counted(len(theory.omitted), 'requirement'))} of the catalogue that the models were written from:"
    yield ""
    rows = [(f"{anchor(omitted_anchor(id_))}**{id_}**", plain(why)) for id_, why in theory.omitted.items()]
    yield from table(("id", "why"), rows)


def code_as_printed(stem: str, page: str = "../reference/mutants.md") -> list[tuple[str, ...]]:
    """A row for the overview's example, if there is one: it was translated as it stands and run."""
    entries = (PATTERNS[stem], *parts(PATTERNS[stem])) if stem in OPINIONS else ()
    defects = [defect for entry in entries if entry.contract for defect in entry.defects()]
    if not defects:
        return []
    found = f"translated as it stands, it has {counted(len(defects), 'defect')} that the contract shows by a schedule each"
    return [("its code, as printed", "**refuted**", f"[the naive version]({page})", sentence(found))]


def _claims(stem: str, theory: Theory) -> Iterator[str]:
    if not theory.claims:
        return
    yield "## Where the overview's claims stand"
    yield from ("", THE_OVERVIEW, "")
    yield from (STANDINGS, "")
    rows = [(plain(c.text), f"**{c.standing}**", supports(stem, c), sentence(plain(c.why))) for c in theory.claims]
    yield from table(("claim", "stands", "shown by", "because"), [*rows, *code_as_printed(stem)])
