"""What is known of the pattern."""

from acidtest.properties.acid.contract import THEORY

__all__ = ["THEORY"]
