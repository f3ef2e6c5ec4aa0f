"""Outbox and inbox in a chain: what its models prove; there is no contract to check code against yet."""
