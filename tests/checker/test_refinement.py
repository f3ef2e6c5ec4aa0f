"""Refinement finds the first step that the specification does not allow, and shows both sides of it."""

from __future__ import annotations

from acidtest.checker.machine import Action, Model, Transition
from acidtest.checker.refinement import refines


class Clock(Model[int]):
    """Counts modulo a number of hours."""

    def __init__(self, hours: int, first: int = 0, stride: int = 1) -> None:
        """Take where to start, and how far a tick goes."""
        self.hours, self.first, self.stride = hours, first, stride

    def initial_states(self) -> list[int]:
        """Start at the given hour."""
        return [self.first]

    def transitions(self) -> list[Transition]:
        """Tick."""
        return [Transition("Tick", self.tick)]

    def tick(self, hour: int) -> int:
        """Advance."""
        return (hour + self.stride) % self.hours

    def view(self, hour: int) -> int:
        """Show the hour."""
        return hour


def test_a_violation_shows_the_run_and_its_image_side_by_side() -> None:
    """A stutter and the missing step have no action in the image."""
    refinement = refines(Clock(hours=7), Clock(hours=3), lambda hour: hour // 2)
    assert refinement.violation is not None
    protocol, image = refinement.violation.protocol, refinement.violation.specification
    assert protocol.states == (0, 1, 2, 3, 4, 5, 6)
    assert image.states == (0, 0, 1, 1, 2, 2, 3)
    tick = Action("Tick")
    assert image.actions == (None, tick, None, tick, None, None)


def test_a_violation_is_as_short_as_it_can_be() -> None:
    """The clock that skips an hour does so in its first step."""
    refinement = refines(Clock(hours=6, stride=2), Clock(hours=6), lambda hour: hour)
    assert refinement.violation is not None
    assert refinement.violation.protocol.states == (0, 2)


def test_a_wrong_initial_state_is_a_violation_without_steps() -> None:
    """Every later step may be allowed, and yet the run is not."""
    refinement = refines(Clock(hours=4, first=1), Clock(hours=4), lambda hour: hour)
    assert refinement.holds is False
    assert refinement.violation is not None
    assert refinement.violation.protocol.states == refinement.violation.specification.states == (1,)


def test_a_search_that_gave_up_proves_no_refinement() -> None:
    """Nothing was found, and nothing is claimed."""
    refinement = refines(Clock(hours=12), Clock(hours=12), lambda hour: hour, max_states=11)
    assert refinement.holds is None
    assert refines(Clock(hours=12), Clock(hours=12), lambda hour: hour, max_states=12).holds is True


def test_a_violation_found_before_the_budget_ran_out_counts() -> None:
    """It is one, whatever lies beyond."""
    refinement = refines(Clock(hours=60, stride=2), Clock(hours=60), lambda hour: hour, max_states=1)
    assert refinement.holds is False


def test_a_protocol_that_never_moves_shows_in_the_count_of_steps() -> None:
    """It refines everything: refinement is about safety only."""
    refinement = refines(Clock(hours=5), Clock(hours=5), lambda _: 0)
    assert (refinement.holds, refinement.steps, refinement.stutters) == (True, 0, 5)


def test_an_infinite_specification_can_be_refined() -> None:
    """It is explored only where the protocol goes."""

    class Naturals(Clock):
        def tick(self, hour: int) -> int:
            return hour + 1

    assert refines(Clock(hours=2, stride=0), Naturals(hours=1), lambda hour: hour).holds is True
