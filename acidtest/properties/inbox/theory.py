"""What is known of the pattern."""

from acidtest.models.inbox.consumer import THEORY

__all__ = ["THEORY"]
