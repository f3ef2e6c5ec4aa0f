"""What is known of the pattern."""

from acidtest.properties.reserve_confirm.contract import THEORY

__all__ = ["THEORY"]
