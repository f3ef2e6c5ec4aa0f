"""`acidtest verify`: the suite checked against itself: models, references, mutants, naive versions, as one table."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from acidtest.report.models import verify_models
from acidtest.report.session import clear_progress, progress
from acidtest.report.table import result_json
from acidtest.search.check import beginning_with, check_exhaustively, check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.rounds import cost
from acidtest.search.verdict import Result, Verdict, conclude, in_part, overall
from acidtest.workers import in_order
from acidtest.world.databases.table import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from acidtest.impl.broken import Mutant
    from acidtest.impl.naive import Defect
    from acidtest.patterns import Pattern


@dataclass
class Verification:
    """What was found of one pattern.

    `model` is None for a part of a pattern, whose models are the pattern's; `survivors` are mutants that were not killed,
    or not by a property that they are listed with; `hidden` are listed defects of the naive version that did not show.
    `missing` says why its code could not be run, where something is not installed or the reference is not made for the kind of
    databases: then there is no pass.
    A `quick` look makes some of the checks that are `possible`: then the counts are of those that were made.
    """

    pattern: str
    model: Verdict | None = None
    model_states: int = 0
    results: list[Result] = field(default_factory=list)
    killed: dict[str, dict[str, Any]] = field(default_factory=dict)
    mutants: int = 0
    survivors: list[str] = field(default_factory=list)
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)
    defects: int = 0
    hidden: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0
    quick: bool = False
    proofs: int = 0
    possible: int = 0
    missing: str = ""

    @property
    def checks(self) -> int:
        """How many checks were made."""
        return self.proofs + len(self.results) + self.mutants + self.defects

    @property
    def verdict(self) -> Verdict:
        """The verdict on the pattern: reference, models, and every mutant and defect found."""
        missed = [*(f"{name} survives" for name in self.survivors), *(f"{name} does not show" for name in self.hidden)]
        own, _ = conclude(violated=bool(missed), complete=not self.missing and (not self.quick or self.checks > 0), findings=())
        models = [] if self.model is None else [self.model]
        return overall([*models, own, *(result.verdict for result in self.results)])

    @property
    def told(self) -> str:
        """The verdict in words."""
        return in_part(self.verdict, self.checks, self.possible) if self.quick else str(self.verdict)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "pattern": self.pattern, "verdict": self.told, "model": str(self.model or ""), "model_states": self.model_states,
            "scopes": [result_json(result) for result in self.results],
            "schedules": sum(r.schedules for r in self.results), "states": sum(r.states for r in self.results),
            "mutants": self.killed, "survivors": self.survivors, "defects": self.shown, "hidden": self.hidden,
            "seconds": round(self.seconds, 1),
        }  # fmt: skip


def verify_patterns(
    entries: Sequence[Pattern], *, echo: Callable[[str], Any], interactive: bool = False, backend: str = DEFAULT, workers: int = 1
) -> tuple[Verdict, dict[str, Any]]:
    """Verify patterns, several at once, and tell of them as if one came after the other.

    Arguments:
        entries: which.
        echo: prints a line.
        interactive: whether there is a terminal to show progress on.
        backend: the kind of the databases; naive versions are exhibited on the default alone.
        workers: how many processes are at work at once.

    Returns:
        the verdict, and what to write as JSON.
    """
    found = []
    if workers > 1 and backend == DEFAULT:
        pieces = [partial(_with_lines, entry, backend) for entry in entries]
        for lines, verification in in_order(pieces, workers, [_cost(entry) for entry in entries]):
            for line in lines:
                echo(line)
            found.append(verification)
    else:
        found = [verify_pattern(entry, echo, backend) for entry in entries]
    if interactive:
        clear_progress()
    return finish(found, echo)


def finish(found: Sequence[Verification], echo: Callable[[str], Any]) -> tuple[Verdict, dict[str, Any]]:
    """Print what was found of several patterns; the verdict, and what to write as JSON."""
    echo(_table(found))
    for v in found:
        for fault in v.faults:
            echo(f"{v.pattern}: models: {fault}")
        if v.quick and not v.checks:
            echo(f"{v.pattern}: no check came to its end within its share of the time")
        if v.missing:
            echo(f"{v.pattern}: {v.missing}")
        for name in v.survivors:
            echo(f"{v.pattern}: the mutant {name} is not killed by a property that it is listed with")
        for name in v.hidden:
            echo(f"{v.pattern}: the defect {name} of the naive version does not show")
        for reason in [f"{r.scope.name}: {reason}" for r in v.results for reason in r.reasons]:
            echo(f"{v.pattern}: {reason}")
    verdict, quick = overall([v.verdict for v in found]), any(v.quick for v in found)
    told = in_part(verdict, sum(v.checks for v in found), sum(v.possible for v in found)) if quick else str(verdict)
    echo(f"verdict: {told}")
    return verdict, {"verdict": told, "patterns": [v.to_json() for v in found]}


def _with_lines(entry: Pattern, backend: str) -> tuple[list[str], Verification]:
    """Verify one pattern, and keep what would have been printed."""
    lines: list[str] = []
    return lines, verify_pattern(entry, lines.append, backend)


def _cost(entry: Pattern) -> float:
    """What it may cost to verify a pattern, in comparison with others: its reference is most of it."""
    return sum(map(cost, entry.contract_class().scopes)) if entry.contract else 1.0


def verify_pattern(entry: Pattern, echo: Callable[[str], Any], backend: str = DEFAULT) -> Verification:
    """Verify one pattern."""
    began = time.monotonic()
    verification = Verification(entry.stem)
    if entry.of:
        echo(f"{entry.stem}: the models are those of {entry.of}")
    else:
        verification.model, verification.model_states, faults = verify_models(entry)
        echo(f"{entry.stem}: models {verification.model}, {verification.model_states} states")
        for fault in faults:
            echo(f"  {fault}")
    why_not = entry.why_not(backend) if entry.contract else ""
    if entry.contract and not why_not:
        _verify_code(entry, verification, echo, backend)
    elif entry.contract:
        verification.missing = why_not
        echo(f"  {why_not}: models only")
    verification.seconds = time.monotonic() - began
    return verification


def _verify_code(entry: Pattern, verification: Verification, echo: Callable[[str], Any], backend: str) -> None:
    contract = entry.contract_class()()
    for _, result in check_exhaustively(contract, entry.reference_factory(), progress=progress, backend=backend):
        clear_progress()
        verification.results.append(result)
        echo(f"  reference, {result.scope.name}: {result.verdict}, {result.schedules} schedules, {result.seconds:.1f} s")
    for mutant in [mutant for mutant in entry.mutants() if mutant.backend == backend]:
        verification.mutants += 1
        _kill(entry, mutant, verification)
    echo(f"  mutants killed: {len(verification.killed)}/{verification.mutants}")
    for defect in entry.defects() if backend == DEFAULT else ():
        verification.defects += 1
        _exhibit(entry, defect, verification)
    echo(f"  defects of the naive version shown: {len(verification.shown)}/{verification.defects}")


def _kill(entry: Pattern, mutant: Mutant, verification: Verification) -> None:
    began = time.monotonic()
    contract = entry.contract_class()()
    scopes = beginning_with(contract, mutant.scope)
    for _, result in check_exhaustively(contract, mutant.factory, scopes=scopes, backend=mutant.backend):
        violation = result.violation
        if violation is not None and violation.property in mutant.violates:
            verification.killed[mutant.name] = {
                "property": violation.property, "scope": result.scope.name, "steps": len(result.schedule),
                "seconds": round(time.monotonic() - began, 2),
            }  # fmt: skip
            return
    verification.survivors.append(mutant.name)


def _exhibit(entry: Pattern, defect: Defect, verification: Verification) -> None:
    contract = entry.contract_class()()
    harness = Harness(contract, defect.factory)
    try:
        result = check_scope(harness, find_scope(contract, defect.scope), only=frozenset(defect.violates))
    finally:
        harness.close()
    if result.violation is None:
        verification.hidden.append(defect.id)
        return
    verification.shown[defect.id] = {
        "what": defect.what, "property": result.violation.property, "scope": defect.scope,
        "schedule": [str(decision) for decision in result.schedule],
    }  # fmt: skip


def _table(found: Sequence[Verification]) -> str:
    table = Table(title=None, show_edge=False, pad_edge=False)
    for name in ("pattern", "model states", "scopes", "schedules", "distinct states", "verdict", "mutants killed", "defects shown", "seconds"):
        table.add_column(name, justify="left" if name in ("pattern", "verdict") else "right", no_wrap=True)
    for v in found:
        code = ["-"] * 5  # models only
        if v.results or v.mutants:
            code = [
                str(len(v.results)), str(sum(r.schedules for r in v.results)), str(sum(r.states for r in v.results)),
                f"{len(v.killed)}/{v.mutants}", f"{len(v.shown)}/{v.defects}",
            ]  # fmt: skip
        table.add_row(v.pattern, str(v.model_states or "-"), *code[:3], f"{v.verdict} (quick)" if v.quick else str(v.verdict), *code[3:], f"{v.seconds:.1f}")
    console = Console(width=130, file=sys.stdout, force_terminal=False, highlight=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get()
