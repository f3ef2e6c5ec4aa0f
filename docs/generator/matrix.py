"""The matrix page: every pattern beside every aspect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.checker.theory import ASPECTS
from acidtest.patterns import PATTERNS
from generator.evidence import aspect, links
from generator.markdown import capital, document, table

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """\
# Patterns and what is proved of them

What the models of each pattern say about eight aspects. The links lead to the property or the witness on the pattern's
page; [Models](../explanation/models.md) explains the words.

- **proved**: properties that hold in every reachable state of the pattern's models, at every size that was checked.
- **witness against**: a run of the pattern itself that shows that it cannot be had, or not without a further assumption.
- **both**: something is proved, and beside it a run shows what it does not amount to.
- **–**: the pattern does not claim it."""

#: What each aspect means.
MEANINGS = {
    "atomicity": "all of the change takes effect, or nothing, or what took effect is undone",
    "isolation": "others do not see a change half done",
    "durability": "what was acknowledged or decided stays",
    "idempotency": "asking or delivering again changes nothing more",
    "conservation": "nothing is created or lost: money, stock, messages",
    "termination": "what was begun ends, once faults are over",
    "non-blocking": "who works can go on while others are down",
    "order": "effects come in the order that was promised",
}


def matrix() -> str:
    """The page."""
    return document(_lines())


def _lines() -> Iterator[str]:
    yield from (*_HEAD.splitlines(), "")
    rows = [[f"[{capital(entry.title)}](../patterns/{stem}.md)", *(_cell(stem, a) for a in ASPECTS)] for stem, entry in PATTERNS.items()]
    yield from table(("pattern", *ASPECTS), rows)
    yield from ("", "The aspects:", "")
    yield from table(("aspect", "meaning"), MEANINGS.items())


def _cell(stem: str, name: str) -> str:
    page = f"../patterns/{stem}.md"
    proved, against = aspect(stem, name)
    parts = [f"proved: {links(proved, page)}"] if proved else []
    parts += [f"witness against: {links(against, page)}"] if against else []
    return "<br>".join(parts) or "–"
