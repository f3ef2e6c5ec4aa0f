"""What `acidtest model` and `acidtest verify` say of a pattern's models: counts, verdicts, theorems with witnesses."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from acidtest.checker.proof import Proof, Shown, StudyProof, prove, prove_theory, show
from acidtest.errors import UsageError
from acidtest.report.graph.quotient import quotient
from acidtest.report.trace import trace_lines
from acidtest.search.verdict import Verdict, conclude, overall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from acidtest.checker.check import Finding
    from acidtest.checker.refinement import Refinement
    from acidtest.checker.theory import Refines, Size, Study, Theory
    from acidtest.patterns import Pattern


def check_models(
    entry: Pattern, size: int, assume: Sequence[str] = (), *, study_name: str = "", max_states: int | None = None,
    told: Callable[[Proof, Sequence[Shown]], object] = lambda *_: None,
) -> tuple[list[str], dict[str, Any], Verdict]:
    """Check a pattern's models at one size.

    Arguments:
        entry: the pattern.
        size: which size of each study, 0 for the smallest; a study that has fewer is checked at its largest.
        assume: switches, as NAME=on or NAME=off. Where any is given only studies that have all of them are checked.
        study_name: only studies whose name contains this.
        max_states: give up rather than keep more states.
        told: called with the proof of each study, and its theorems.

    Returns:
        what to print, what to write as JSON, and the verdict.

    Raises:
        UsageError: there is no such size, switch or study.
    """
    theory = entry.theory()
    turned = _assumptions(theory, assume)
    chosen = [s for s in theory.studies if study_name.lower() in s.name.lower() and turned.keys() <= {w.name for w in s.switches}]
    if not chosen:
        what = f"study of {entry.stem}" + (" with these switches" if turned else "")
        raise UsageError.unknown(what, study_name or ", ".join(turned), (s.name for s in theory.studies))
    largest = max(len(study.sizes) for study in chosen)
    if size >= largest:
        names = (f"{i} ({'; '.join(s.sizes[i].name for s in chosen if i < len(s.sizes))})" for i in range(largest))
        what = f"size of the models of {entry.stem}"
        raise UsageError.unknown(what, size, names)
    lines: list[str] = []
    values, verdicts = [], []
    for study in chosen:
        own, value, verdict = _check_study(study, min(size, len(study.sizes) - 1), turned, max_states, told)
        lines += own if not lines else ["", *own]
        values.append(value)
        verdicts.append(verdict)
    verdict = overall(verdicts)
    return lines, {"verdict": str(verdict), "pattern": entry.stem, "models": values, **_single(values)}, verdict


def _single(values: list[dict[str, Any]]) -> dict[str, Any]:
    """The sums over all studies, under the names that every result of a check has."""
    return {"states": sum(value["states"] for value in values), "complete": all(value["complete"] for value in values)}


def _assumptions(theory: Theory, assume: Sequence[str]) -> dict[str, bool]:
    known = {switch.name for study in theory.studies for switch in study.switches}
    turned = {}
    for text in assume:
        name, _, value = text.partition("=")
        if name not in known:
            what = "assumption"
            raise UsageError.unknown(what, name, sorted(known))
        if value not in ("on", "off"):
            message = f"--assume {text!r} does not say how the switch stands. Write {name}=on or {name}=off."
            raise UsageError(message)
        turned[name] = value == "on"
    return turned


def _check_study(
    study: Study, size: int, turned: Mapping[str, bool], max_states: int | None, told: Callable[[Proof, Sequence[Shown]], object]
) -> tuple[list[str], dict[str, Any], Verdict]:
    began = time.monotonic()
    defaults = {switch.name: switch.default for switch in study.switches}
    turned = {name: on for name, on in turned.items() if on != defaults[name]}
    proof = prove(study, study.sizes[size], turned, max_states=max_states)
    shown = [] if turned else [show(study, theorem) for theorem in study.theorems]
    faults = [*proof.faults(), *(fault for each in shown for fault in each.faults())]
    verdict, _ = conclude(violated=bool(faults), complete=proof.exploration.complete, findings=())
    lines = [*proof_lines(proof, shown, time.monotonic() - began), *(f"  FAULT: {fault}" for fault in faults if not turned)]
    told(proof, shown)
    return lines, _json(proof, shown, verdict), verdict


def verify_models(entry: Pattern) -> tuple[Verdict, int, list[str]]:
    """Check all models of a pattern at all sizes; the verdict, the number of distinct states, and what is wrong."""
    found = prove_theory(entry.theory())
    faults = [fault for proved in found for fault in proved.faults()]
    complete = all(proved.complete for proved in found)
    verdict, _ = conclude(violated=bool(faults), complete=complete, findings=())
    return verdict, sum(map(_states, found)), faults


def _states(proved: StudyProof) -> int:
    return sum(proof.exploration.states for proof in proved.proofs)


def proof_lines(proof: Proof, shown: Sequence[Shown], seconds: float) -> Iterator[str]:
    """A proof as text, with its theorems."""
    found, study = proof.exploration, proof.study
    more = "" if found.complete else " (not complete: the budget ran out)"
    yield f"{study.name}; {proof.size.name}"
    yield f"  {found.states} distinct states, {found.generated} generated, depth {found.depth}{more}, {seconds:.1f} s"
    if proof.orbits is not None:
        yield f"  {proof.orbits} orbits under symmetry"
    for switch in study.switches:
        on = switch.default ^ (switch.name in proof.turned)
        yield f"  {'[on] ' if on else '[off]'} {switch.name}: {switch.meaning}"
    if proof.refinement is not None and study.refines is not None:
        yield from _refinement_lines(proof.study, proof.size, proof.refinement, study.refines)
    model = study.model(proof.size, proof.turned)
    for finding in found.findings:
        p = finding.property
        yield f"  {p.id:<9} {p.kind:<10} {finding.verdict:<9} {p.name} ({finding.constrained} checked)"
        if finding.verdict == "violated" and finding.trace is not None:
            yield from (f"      {line}" for line in trace_lines(model, finding.trace, finding.cycle))
    if shown:
        yield "  Theorems:"
    for each in shown:
        yield from _theorem_lines(study, each)


def _refinement_lines(study: Study, size: Size, found: Refinement, claimed: Refines) -> Iterator[str]:
    """Whether the specification allows every step; where not, the run and what the specification saw of it."""
    yield f"  refinement of {claimed.name}: {'holds' if found.holds else 'VIOLATED'} ({found.steps} steps, {found.stutters} stutters)"
    if found.violation is None:
        return
    specification = claimed.specification(**size.arguments)
    for title, model, trace in (
        ("this run, at its last step,", study.model(size), found.violation.protocol),
        (f"is not one of {claimed.name}, to which it looks like", specification, found.violation.specification),
    ):
        yield f"    {title}"
        yield from (f"      {line}" for line in trace_lines(model, trace))


def _theorem_lines(study: Study, shown: Shown) -> Iterator[str]:
    theorem, finding = shown.theorem, shown.witness
    p = theorem.property
    claim = p.name if p.kind == "sometimes" else f"not always: {p.name}"
    yield f"  {p.id:<9} {claim} ({_standing(theorem.exhibited)}; {shown.size.name})"
    if shown.absent is not None:
        yield f"            excluded with {_standing(theorem.excluded or {})}: {shown.absent.verdict}"
    if finding.trace is not None:
        model = study.model(shown.size, theorem.exhibited)
        yield from (f"      {line}" for line in trace_lines(model, finding.trace, finding.cycle))
        if theorem.twin is not None and shown.other is not None:
            yield f"      what {theorem.twin.who} has seen is the same after this run, and {theorem.twin.otherwise.name}:"
            yield from (f"      {line}" for line in trace_lines(model, shown.other))


def _standing(turned: Mapping[str, bool]) -> str:
    return ", ".join(f"{name} {'on' if on else 'off'}" for name, on in turned.items()) or "default switches"


def _json(proof: Proof, shown: Sequence[Shown], verdict: Verdict) -> dict[str, Any]:
    found = proof.exploration
    return {
        "verdict": str(verdict), "model": proof.study.name, "size": proof.size.name, "assume": dict(proof.turned),
        "states": found.states, "generated": found.generated, "depth": found.depth, "complete": found.complete,
        "orbits": proof.orbits, "refines": proof.refinement and proof.refinement.holds, "fired": found.fired,
        "properties": [_finding(finding) for finding in found.findings],
        "theorems": [
            {**_finding(each.witness), **_twin(each), "exhibited": dict(each.theorem.exhibited), "excluded": each.theorem.excluded}
            for each in shown
        ],
        "diagram": diagram_json(proof.study),
    }  # fmt: skip


def diagram_json(study: Study) -> dict[str, Any] | None:
    """The state diagram that is drawn of a study, for other tools; None where none is."""
    if study.diagram is None:
        return None
    graph = quotient(study)
    edges = [{"from": tail, "to": head, "actions": list(names)} for (tail, head), names in graph.edges.items()]
    return {"nodes": list(graph.nodes), "initial": sorted(graph.initial), "edges": edges}


def _twin(shown: Shown) -> dict[str, Any]:
    """The second run, where a theorem is a pair."""
    return {} if shown.other is None else {"other": [str(action) for action in shown.other.actions]}


def _finding(finding: Finding) -> dict[str, Any]:
    runs = {"trace": finding.trace, "cycle": finding.cycle}
    return {
        "id": finding.property.id, "name": finding.property.name, "kind": str(finding.property.kind),
        "verdict": finding.verdict, "constrained": finding.constrained,
        **{name: [str(action) for action in run.actions] for name, run in runs.items() if run is not None},
    }  # fmt: skip
