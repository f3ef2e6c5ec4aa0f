"""What is known of the pattern."""

from acidtest.properties.saga.contract import THEORY

__all__ = ["THEORY"]
