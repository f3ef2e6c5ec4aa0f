"""Contracts of architectures, each from end to end, written as contracts of one's own are: they know of no pattern."""
