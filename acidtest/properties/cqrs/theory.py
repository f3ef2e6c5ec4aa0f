"""What is known of the pattern."""

from acidtest.models.cqrs.projection_study import THEORY

__all__ = ["THEORY"]
