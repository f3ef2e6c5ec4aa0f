"""What is known of the pattern."""

from acidtest.properties.tcc.contract import THEORY

__all__ = ["THEORY"]
