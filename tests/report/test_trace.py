"""Runs of models as text: columns per actor, what each step changes, and how a run goes on for ever."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from acidtest.checker.check import check
from acidtest.checker.machine import Action, Kind, Model, Property, Transition
from acidtest.checker.proof import prove
from acidtest.checker.theory import Refines, Size
from acidtest.models.shared.atomic_commitment import TransactionCommit
from acidtest.models.two_phase_commit.crashes import TwoPhaseCrash
from acidtest.models.two_phase_commit.phases import STUDY
from acidtest.report.models import proof_lines
from acidtest.report.trace import trace_lines


class Court(NamedTuple):
    """Where the ball is, who has touched it, and the score of both players."""

    ball: str = "anna"
    touched: frozenset[str] = frozenset()
    score: tuple[int, int] = (0, 0)


class Rally(Model[Court]):
    """Anna serves once; then the two play for ever."""

    def initial_states(self) -> list[Court]:
        return [Court("nobody")]

    def transitions(self) -> list[Transition]:
        return [Transition("serve", self.serve), Transition("hit", self.hit, [("anna",), ("bert",)])]

    def serve(self, s: Court) -> Court | None:
        return Court("bert", frozenset({"anna"}), (1, 0)) if s.ball == "nobody" else None

    def hit(self, s: Court, who: str) -> Court | None:
        return s._replace(ball="bert" if who == "anna" else "anna", touched=s.touched | {who}) if s.ball == who else None

    def actor(self, action: Action) -> str:
        return str(action.args[0]) if action.args else "anna"

    def view(self, state: Court) -> Court:
        return state


def test_a_run_that_goes_round_is_drawn_with_what_it_repeats() -> None:
    finding = check(Rally(), (Property("L", "bert scores", Kind.EVENTUALLY, lambda court: court.score[1] > 0),)).findings[0]
    assert finding.trace is not None
    assert trace_lines(Rally(), finding.trace, finding.cycle) == [
        "step  anna       bert       what it changes",
        "----  ---------  ---------  ---------------",
        "   1  serve      ·          ball: nobody → bert",
        "                            touched: +anna",
        "                            score[0]: 0 → 1",
        "   2  ·          hit(bert)  ball: bert → anna",
        "                            touched: +bert",
        "      for ever:",
        "   3  hit(anna)  ·          ball: anna → bert",
        "   4  ·          hit(bert)  ball: bert → anna",
    ]


def test_a_run_that_stops_says_so() -> None:
    stuck = Property("L", "the transaction commits", Kind.EVENTUALLY, lambda view: view.decision == "committed")
    finding = check(TwoPhaseCrash(2, 0), (stuck,)).findings[0]
    assert finding.trace is not None
    assert trace_lines(TwoPhaseCrash(2, 0), finding.trace, finding.cycle)[-1].strip() == "and nothing happens any more"


def test_a_refinement_that_fails_shows_the_run_and_what_the_specification_saw_of_it() -> None:
    sizes = (Size("2 participants", {"n": 2}, 0, 0),) * 2
    claim = Refines("TCommit", TransactionCommit, lambda state: state[0])
    wrong = replace(
        STUDY, make=lambda n: TwoPhaseCrash(n, 0, abort_after_yes=True), sizes=sizes, refines=claim, symmetry=None, orbits=()
    )
    text = "\n".join(proof_lines(prove(wrong, sizes[0]), [], 0.0))
    assert "refinement of TCommit: VIOLATED" in text
    protocol, specification = text.split("is not one of TCommit", 1)
    assert "RMChooseToAbort(0)" in protocol
    assert "Decide(0, aborted)" in specification
