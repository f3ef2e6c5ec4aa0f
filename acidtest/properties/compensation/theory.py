"""What is known of the pattern."""

from acidtest.properties.compensation.contract import THEORY

__all__ = ["THEORY"]
