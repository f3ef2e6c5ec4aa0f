"""XA: what its models prove; there is no contract to check code against yet."""
