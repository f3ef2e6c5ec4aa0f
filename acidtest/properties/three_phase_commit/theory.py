"""What is known of the pattern."""

from acidtest.models.three_phase_commit.crashes_study import THEORY

__all__ = ["THEORY"]
