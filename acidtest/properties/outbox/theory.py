"""What is known of the pattern."""

from acidtest.properties.outbox.contract import THEORY

__all__ = ["THEORY"]
