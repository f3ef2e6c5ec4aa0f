"""What is known of the pattern."""

from acidtest.properties.two_phase_commit.contract import THEORY

__all__ = ["THEORY"]
