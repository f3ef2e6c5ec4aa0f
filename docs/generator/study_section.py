"""The part of a pattern's page that is about one of its models."""

from __future__ import annotations

import inspect
import re
import sys
from typing import TYPE_CHECKING

from acidtest.checker.judgement import label
from acidtest.checker.machine import Kind
from acidtest.report.trace import trace_lines
from generator.evidence import property_anchor, theorem_anchor
from generator.markdown import anchor, block, condition, counted, number, plain, sentence, switches, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from acidtest.checker.check import Finding
    from acidtest.checker.machine import Property
    from acidtest.checker.proof import Proof, Shown, StudyProof
    from acidtest.checker.theory import Study, Twin

#: What a property of each kind is put to the test on.
_SUBJECTS = {
    Kind.ALWAYS: "state",
    Kind.STEP: "step",
    Kind.AT_REST: "state at rest",
    Kind.EVENTUALLY: "state in which it is still to come",
}


def study_section(  # noqa: PLR0913 - what is known of a study, and what of it is on the page already
    index: int, proved: StudyProof, drawing: str, introduced: set[str], mutants: str, unviolated: frozenset[str]
) -> Iterator[str]:
    """Everything that is known of a study.

    Arguments:
        index: of the study among those of its pattern.
        proved: its proofs.
        drawing: where its state diagram is, seen from the page; empty if there is none.
        introduced: modules whose introduction is on the page already; that of this study is added.
        mutants: what is said of its mutants; may be empty.
        unviolated: the properties that no mutant violates.
    """
    study = proved.study
    yield f"### Model {index + 1}: {plain(study.name)}"
    yield from ("", *_about(study, introduced))
    if drawing:
        yield from ("", *_picture(study, drawing))
    yield from ("", *_sizes(proved))
    yield from ("", mutants)
    yield from ("", *_switches(study))
    yield from ("", *_refinement(proved))
    yield from ("", *_properties(index, proved.proofs[-1], unviolated))
    # A property that holds at the defaults falls where its rule is switched off: that is why the rule is there, and comes last.
    rules = [shown.theorem.property in study.properties for shown in proved.theorems]
    written = [
        list(_theorem(study, theorem_anchor(index, place, shown.theorem.property.id), shown)) for place, shown in enumerate(proved.theorems)
    ]
    yield from _group(f"#### What cannot be had (model {index + 1})", [lines for lines, rule in zip(written, rules, strict=True) if not rule])
    folded = [lines for lines, rule in zip(written, rules, strict=True) if rule]
    if folded:
        yield from ("", '<details markdown="1">', f"<summary>What each rule is for: {counted(len(folded), 'run')} without one of them (model {index + 1})</summary>")
        yield from (line for lines in folded for line in ("", *lines))
        yield from ("", "</details>")


def _group(title: str, written: list[list[str]]) -> Iterator[str]:
    if written:
        yield from ("", title)
        yield from (line for lines in written for line in ("", *lines))


def _about(study: Study, introduced: set[str]) -> list[str]:
    """What the model's module says of it; if that was said already, what the model itself does, without its arguments."""
    model = type(study.model(study.sizes[0]))
    if study.about:
        introduced.add(model.__module__)
        return _readable(study.about).splitlines()
    if model.__module__ in introduced:
        text = (inspect.getdoc(model) or "").split("\n\n", maxsplit=1)[0].split(" Arguments:", maxsplit=1)[0]
    else:
        introduced.add(model.__module__)
        text = inspect.getdoc(sys.modules[model.__module__]) or ""
    return _readable(text).splitlines()


def _picture(study: Study, drawing: str) -> Iterator[str]:
    yield f"[![State diagram of {plain(study.name)}: what happens is listed in the tables below]({drawing})]({drawing})"
    drawn = study.diagram.arguments if study.diagram else {}
    at = ", ".join(f"{name} = {value}" for name, value in drawn.items() if not isinstance(value, tuple | dict))
    turned = f" with {at}" if at else ""
    yield ""
    yield (
        f"The states of the model{turned}, those with the same label drawn as one; a bold frame is where it starts, a green "
        "box where nothing drawn leads on. Dashed arrows lead back. Select the drawing to see it at full size."
    )
    if study.diagram and study.diagram.legend:
        yield from ("", f"{plain(study.diagram.legend)}.")


def _sizes(proved: StudyProof) -> Iterator[str]:
    symmetric = proved.study.symmetry is not None
    head = ("size", "distinct states", "steps", "depth", *(["orbits under symmetry"] if symmetric else []))
    rows = []
    for proof in proved.proofs:
        found = proof.exploration
        orbits = [number(proof.orbits or 0)] if symmetric else []
        rows.append((plain(proof.size.name), number(found.states), number(found.generated), str(found.depth), *orbits))
    yield from table(head, rows)


def _switches(study: Study) -> Iterator[str]:
    if not study.switches:
        yield "This model has no assumption that could be switched."
        return
    rows = [(f"`{s.name}`", plain(s.meaning), "on" if s.default else "off") for s in study.switches]
    yield from table(("switch", "what is so where it is on", "default"), rows)


def _refinement(proved: StudyProof) -> Iterator[str]:
    last = proved.proofs[-1]
    if proved.study.refines is None or last.refinement is None:
        return
    yield (
        f"It **implements {plain(proved.study.refines.name)}** at every size. At the largest, "
        f"{counted(last.refinement.steps, 'step')} are steps of that specification, and "
        f"{counted(last.refinement.stutters, 'step')} change nothing that it sees."
    )


def _properties(index: int, proof: Proof, unviolated: frozenset[str]) -> Iterator[str]:
    if not proof.exploration.findings:
        return
    said = "Holds as it is written" if proof.study.specification else "Proved"
    sizes = "; ".join(plain(size.name) for size in proof.study.sizes)
    yield f"{said}, with the switches at their defaults, for {sizes}. Counts are for the last of these."
    yield ""
    findings = proof.exploration.findings
    # Two properties may share an id: one on the way and one at rest. Links lead to the first.
    first = {finding.property.id: finding for finding in reversed(findings)}
    rows = [
        _property(index if first[finding.property.id] is finding else None, finding, written=label(finding.property) in unviolated)
        for finding in findings
    ]
    yield from table(("id", "what holds", "kind", "put to the test on", "source"), rows)


def _property(index: int | None, finding: Finding, *, written: bool) -> tuple[str, ...]:
    """A row of the table; a place for links only with the number of the study."""
    p = finding.property
    where = "" if index is None else anchor(property_anchor(index, p.id))
    detail = formula(p)
    what = f"{plain(p.name)}<br>*{detail}*" if detail else plain(p.name)
    tested = f"{_tested(finding)}; no mutant violates it" if written else _tested(finding)
    return f"{where}**{p.id}**", what, f"`{p.kind}`", tested, _source(p)


def _tested(finding: Finding) -> str:
    """On how much a verdict rests."""
    if finding.property.kind is Kind.SOMETIMES:
        steps = len(finding.trace.actions) if finding.trace else 0
        return f"reached after {counted(steps, 'step')}"
    noun = _SUBJECTS[finding.property.kind]
    if finding.constrained == 1:
        return f"1 {noun}"
    return f"{number(finding.constrained)} {noun.replace(noun.split()[0], noun.split()[0] + 's', 1)}"


def _theorem(study: Study, place: str, shown: Shown) -> Iterator[str]:
    theorem, witness = shown.theorem, shown.witness
    p = theorem.property
    yield from (anchor(place), "")
    yield from (f"##### {p.id}: {_statement(shown)}", "")
    detail = formula(p)
    if detail and p.kind is Kind.SOMETIMES:
        yield from (sentence(detail), "")
    elif detail:
        yield f"- The statement: *{detail}* (`{p.kind}`)"
    yield f"- Shown {_standing(theorem.exhibited)}, at the size “{plain(shown.size.name)}” ({counted(shown.states, 'state')})."
    yield f"- {_excluded(shown)}"
    if p.source and p not in study.properties:  # of a rule that is switched off, the source stands with the property
        yield f"- Source: {_source(p)}."
    if theorem.along:
        yield f"- Runs are looked for in which, in this order, these take part: {', '.join(f'`{action}`' for action in theorem.along)}."
    if witness.trace is None:
        return
    model = study.model(shown.size, theorem.exhibited)
    yield from ("", *block(trace_lines(model, witness.trace, witness.cycle)))
    if theorem.twin is not None and shown.other is not None:
        yield from ("", *_twin(theorem.twin), "", *block(trace_lines(model, shown.other)))


def _twin(twin: Twin) -> Iterator[str]:
    """What the second run of a pair differs in, and what it has in common with the first."""
    seen = " ".join((inspect.getdoc(twin.sees) or "").split())
    yield (
        f"And the second run, after which it is otherwise: {plain(twin.otherwise.name)}. What {plain(twin.who)} goes by is the same "
        f"after both, which the checker compares: {plain(seen[:1].lower() + seen[1:])}"
    )


def _statement(shown: Shown) -> str:
    """What the witness shows: that something can happen, or that a property falls."""
    p = shown.theorem.property
    if p.kind is Kind.SOMETIMES:
        return plain(p.name)
    return f"“{plain(p.name)}” does not hold {condition(shown.theorem.exhibited)}".rstrip()


def _excluded(shown: Shown) -> str:
    turned = shown.theorem.excluded
    if turned is None:
        return "No switch of this model excludes it."
    return f"There is no such run {_standing(turned)}: every state was looked at."


def _standing(turned: Mapping[str, bool]) -> str:
    """How switches stand, in words."""
    return f"with {switches(turned)}" if turned else "with all switches at their defaults"


def _source(p: Property) -> str:
    """Where a property comes from: what proves or requires it, and apart from that, where it was first seen."""
    parts = [f"first seen at {part}" if _INCIDENT.match(part) else part for part in plain(p.source).split("; ")]
    return _readable("; ".join(parts))


#: An issue or a pull request of some project: evidence that a thing happens, no authority that it must.
_INCIDENT = re.compile(r"[\w.-]+#\d+")


def _readable(text: str) -> str:
    """The text with links to the catalogue of requirements."""
    return re.sub(
        r"PATTERNS(?:\.md)?(?:, section)? (\w+)", lambda m: f"[catalogue, section {m[1]}](../reference/catalogue.md#section-{m[1].lower()})", text
    )


def formula(p: Property) -> str:
    """What the predicate of a property says of itself, where it is a function with a name."""
    if not inspect.isfunction(p.predicate) or p.predicate.__name__ == "<lambda>":
        return ""
    return plain((inspect.getdoc(p.predicate) or "").split("\n\n", maxsplit=1)[0])
