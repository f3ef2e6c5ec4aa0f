"""The page on choosing a pattern: the overview's table and flowchart, where what is said of consistency is proved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.checker.machine import Kind
from acidtest.patterns import PATTERNS
from acidtest.report.graph.drawing import draw
from acidtest.report.graph.quotient import Graph
from generator.evidence import aspect, cited, links, standing, supports
from generator.markdown import capital, document, plain, sentence, table
from generator.overview import (
    EVENTUAL,
    FLOWCHART,
    IMMEDIATE,
    OF_ALL,
    OPINIONS,
    PIECEMEAL,
    STANDINGS,
    THE_OVERVIEW,
)
from generator.pattern_page import code_as_printed
from generator.questions import QUESTIONS, SHORT

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Where the drawings are, seen from the page: the overview's chart, and the one that stands in its place.
DRAWING, OWN_DRAWING = "images/flowchart.svg", "images/questions.svg"
#: The aspects that make up consistency, in the overview's sense.
_CONSISTENCY = ("atomicity", "isolation", "termination")

_HEAD = f"""\
# Choosing a pattern

{THE_OVERVIEW} This page first asks what has to be known to choose; then it has that table and that flowchart, with what the
models say of them, and of everything else in the overview that is a claim.

{{questions}}

## The comparison

The column *consistency* is filled in from the [models](models.md):

- **{IMMEDIATE}**: atomicity is proved at every step, isolation is proved, and there is no witness against isolation with
  all switches at their defaults: nobody sees a change half done. Switches that undo this are named;
- **{PIECEMEAL}**: atomicity is proved at every step, and there is such a witness: no part is done that another part undoes,
  but who reads without locks sees one part before the other;
- **{EVENTUAL}**: some of atomicity is proved of states at rest only, or isolation is not claimed: others may see a change half
  done that is undone again, and what is proved is how it ends;
- **not claimed**: neither atomicity nor termination is proved.

*Consistency*, *complexity*, *performance* and *use* of the overview are its opinion: the first is answered by ours, of complexity and performance
no model says anything, and the last column links where that use is put together and checked from end to end. Patterns without entries there
are not in its table."""


def choosing() -> str:
    """The page."""
    return document(_lines())


def own_chart() -> str:
    """The questions of this project, drawn: each is asked, whatever the answer to the one before."""
    asked = [_wrapped(question.text) for question in QUESTIONS]
    answers = ["\n".join(f"{a.text}: {_short(a.stems)}" for a in question.answers) for question in QUESTIONS]
    count = len(asked)
    edges = {(i, i + 1): ("and",) for i in range(count - 1)} | {(i, count + i): ("if",) for i in range(count)}
    shape = Graph((*asked, *answers), frozenset({0}), edges)
    told = " ".join(f"{q.text} {'; '.join(f'{a.text}: {_short(a.stems)}' for a in q.answers)}." for q in QUESTIONS)
    return draw(shape, "Four questions, all of which are asked", told)


def _short(stems: tuple[str, ...]) -> str:
    return ", ".join(SHORT.get(stem, stem.replace("_", "/")) for stem in stems) or "nothing more"


def flowchart() -> str:
    """The overview's flowchart, drawn."""
    questions = [_wrapped(question.text) for question in FLOWCHART]
    answers = [_wrapped(question.yes) for question in FLOWCHART]
    count = len(questions)
    edges = {(i, i + 1): ("no",) for i in range(count - 1)} | {(i, count + i): ("yes",) for i in range(count)}
    shape = Graph((*questions, *answers), frozenset({0}), edges)
    steps = " ".join(f"{question.text} Yes: {question.yes}. No: read on." for question in FLOWCHART)
    return draw(shape, "The overview's decision flowchart", steps)


def _lines() -> Iterator[str]:
    before, _, after = _HEAD.partition("{questions}\n")
    yield from (*before.splitlines(), *_questions(), *after.splitlines(), "")
    head = ("pattern", "consistency", "shown by", "the overview: consistency", "complexity", "performance", "use", "checked in")
    yield from table(head, map(_row, PATTERNS))
    yield from ("", *_differences())
    yield from ("", "## The overview's flowchart: **refuted**", "")
    yield (
        "Its questions do not exclude one another, though each is asked only where all before were denied: microservices only of who has "
        "not several databases of one company, external systems only of who has no microservices, an audit trail only of who has neither "
        "of these, nor a single database. A shop of microservices that takes cards needs a saga, an outbox and reserve/confirm at once. "
        "Patterns combine, as the overview itself says where it recommends four of them for financial systems."
    )
    yield from ("", f"[![The overview's decision flowchart; the list below says the same]({DRAWING})]({DRAWING})")
    yield from ("", "In words, with the questions in this order:", "")
    for number, question in enumerate(FLOWCHART, 1):
        remark = f" ({question.remark})" if question.remark else ""
        yield f"{number}. {question.text}"
        answer = " and ".join(map(_named, question.stems)) if not remark else _either(question.stems) + remark
        yield f"    - Yes: {answer}. Checked from end to end: {question.checked}."
        yield f"    - No: {'go on with the next question' if number < len(FLOWCHART) else 'the overview has no advice'}."
    yield ""
    yield (
        "What it recommends to combine in a monolith, in microservices, in finance and in e-commerce is put together and checked from "
        "end to end: [four architectures](architectures.md)."
    )
    yield from ("", *_claims())


def _row(stem: str) -> tuple[str, ...]:
    opinion = OPINIONS.get(stem)
    page = f"../patterns/{stem}.md"
    shown = "<br>".join(f"{name}: {standing(stem, name, page)}" for name in _CONSISTENCY)
    said = tuple(opinion) if opinion else ("–",) * 5
    return _named(stem), f"**{consistency(stem)}**{_unless(stem)}", shown, *said


def consistency(stem: str) -> str:
    """What the models say in the overview's terms."""
    whole, isolation = aspect(stem, "atomicity").proved, aspect(stem, "isolation")
    at_every_step = bool(whole) and all(proof.kind in (Kind.ALWAYS, Kind.STEP) for proof in whole)
    if at_every_step and isolation.proved and all(witness.condition for witness in isolation.against):
        return IMMEDIATE
    if at_every_step and any(not witness.condition for witness in isolation.against):
        return PIECEMEAL
    return EVENTUAL if whole or aspect(stem, "termination").proved else "not claimed"


def _unless(stem: str) -> str:
    """How far immediate consistency reaches, and the switches that undo it, each with what then happens."""
    known = aspect(stem, "isolation")
    if consistency(stem) != IMMEDIATE:
        return ""
    undo = "; ".join(f"{plain(witness.name)}, {witness.condition}" for witness in known.against)
    return f"{' ' * bool(known.remark)}{known.remark}" + (f" (but {undo})" if undo else "")


def _differences() -> Iterator[str]:
    """Where the table of the overview and the models do not agree."""
    page = "../patterns/{}.md"
    lines = []
    for stem, opinion in OPINIONS.items():
        if stem in PATTERNS and opinion.consistency != consistency(stem):
            claims = [claim for claim in PATTERNS[stem].theory().claims if "consistency" in claim.text]
            why = "; ".join(f"{plain(claim.why)} ({links(cited(stem, claim.cited), page.format(stem))})" for claim in claims)
            lines.append(f"- {_named(stem)}: the overview says {opinion.consistency}, the models {consistency(stem)}. {sentence(capital(why))}")
    if lines:
        yield from ("Where the two differ:", "", *lines)
    else:
        yield "The two agree in every row."


def _questions() -> Iterator[str]:
    yield from ("## What to ask", "")
    yield "Each of these, for no answer makes another question void; what suits several answers is combined."
    yield from ("", f"[![Four questions with their answers; the tables below say the same]({OWN_DRAWING})]({OWN_DRAWING})")
    for question in QUESTIONS:
        rows = [
            (
                answer.text,
                ", ".join(map(_named, answer.stems)) or "–",
                sentence(plain(answer.why)),
                ", ".join(links(cited(stem, [id_]), f"../patterns/{stem}.md") for stem, id_ in answer.by) or "–",
            )
            for answer in question.answers
        ]
        yield from ("", f"**{question.text}**", "", *table(("if it is", "then", "because", "shown by"), rows))
    yield ""


def _claims() -> Iterator[str]:
    rows: list[tuple[str, ...]] = [
        (_named(stem), plain(claim.text), f"**{claim.standing}**", supports(stem, claim, f"../patterns/{stem}.md"), sentence(plain(claim.why)))
        for stem, entry in PATTERNS.items()
        for claim in entry.theory().claims
    ]
    rows += [row for stem in PATTERNS for row in _of_code(stem)]
    rows += [("all of it", plain(text), "**no model decides**", shown, sentence(plain(why))) for text, why, shown in OF_ALL]
    yield from ("## Where the overview's claims stand", "", STANDINGS, "")
    yield from table(("pattern", "claim", "stands", "shown by", "because"), rows)


def _of_code(stem: str) -> list[tuple[str, ...]]:
    return [(_named(stem), *row) for row in code_as_printed(stem)]


def _named(stem: str) -> str:
    """A pattern, with a link to its page if it has one."""
    return f"[{capital(PATTERNS[stem].title)}](../patterns/{stem}.md)" if stem in PATTERNS else stem.replace("_", " ")


def _either(stems: tuple[str, ...]) -> str:
    return " or ".join(map(_named, stems))


def _wrapped(text: str) -> str:
    """On two lines, if it is long."""
    words = text.split()
    if len(text) <= max(len(word) for word in words) + 8:
        return text
    cut = min(range(1, len(words)), key=lambda i: abs(len(" ".join(words[:i])) - len(" ".join(words[i:]))))
    return " ".join(words[:cut]) + "\n" + " ".join(words[cut:])
