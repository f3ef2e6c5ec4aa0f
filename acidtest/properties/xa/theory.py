"""What is known of the pattern."""

from acidtest.models.xa.recovery_study import THEORY

__all__ = ["THEORY"]
