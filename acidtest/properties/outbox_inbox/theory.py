"""What is known of the pattern."""

from acidtest.models.outbox_inbox.chain import THEORY

__all__ = ["THEORY"]
