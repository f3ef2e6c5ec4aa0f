"""The matrix page: every pattern beside every aspect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.checker.theory import ASPECTS
from acidtest.patterns import PATTERNS
from generator.evidence import standings
from generator.markdown import capital, document, table

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """\
# Patterns and what is proved of them

What the models of each pattern say about eight aspects. The links lead to the property or the witness on the pattern's
page; [Models](../explanation/models.md) explains the words.

- **proved**: a property of a protocol's model that holds of every run, at every size that was checked. It holds at every
  step, unless it says *at rest* (when faults are over and nothing is left to do; in between it need not hold) or *in the
  end* (every run comes to it).
- **by specification**: the model is what the pattern promises, so that it could not be otherwise. Of code it is checked, by
  the pattern's contract.
- **witness against**: a run of the pattern itself that shows that it cannot be had, or not without a further assumption.
  Switches that are named beside it stand for what the environment may do, or a design may choose. Where a rule of the
  protocol is broken nothing counts against the pattern: such runs are on its page only.
- **–**: the pattern does not claim it.

What counts for and against each aspect is the same for all patterns: see the second table."""

#: What each aspect means, and what counts against it.
MEANINGS = {
    "atomicity": (
        "all of the change takes effect, or nothing, or what took effect is undone",
        "a part is in effect, and another never will be",
    ),
    "isolation": (
        "who works beside others sees no change half done, and does what could have been done alone",
        "somebody sees half of a change, acts on it, or breaks a rule by what is done beside",
    ),
    "durability": ("what was acknowledged or decided stays", "it is gone"),
    "idempotency": ("asking or delivering again changes nothing more", "it takes effect again, or nobody can know whether to ask again"),
    "conservation": ("nothing is created or lost: money, stock, messages", "the books do not add up, or somebody is overdrawn"),
    "termination": ("what was begun ends, once faults are over", "it does not, though all are back"),
    "non-blocking": ("who is up goes on while others are down, or silent, or not done", "somebody waits for them, as long as that lasts"),
    "order": ("effects come in the order that was promised", "they come in another"),
}


def matrix() -> str:
    """The page."""
    return document(_lines())


def _lines() -> Iterator[str]:
    yield from (*_HEAD.splitlines(), "")
    rows = [[f"[{capital(entry.title)}](../patterns/{stem}.md)", *(_cell(stem, a) for a in ASPECTS)] for stem, entry in PATTERNS.items()]
    yield from table(("pattern", *ASPECTS), rows)
    yield from ("", "The aspects:", "")
    yield from table(("aspect", "what is proved", "what counts against it"), [(name, *said) for name, said in MEANINGS.items()])


def _cell(stem: str, name: str) -> str:
    return "<br>".join(standings(stem, name, f"../patterns/{stem}.md")) or "–"
