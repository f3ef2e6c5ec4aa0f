"""Architectures that the overview recommends, each put together of the references: what is new in them is the seams."""
