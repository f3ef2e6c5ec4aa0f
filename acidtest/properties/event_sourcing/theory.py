"""What is known of the pattern."""

from acidtest.models.event_sourcing.streams_study import THEORY

__all__ = ["THEORY"]
