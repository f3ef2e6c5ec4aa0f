"""The searches: every schedule of a scope, Hypothesis over longer workloads, and replay; and what they conclude."""
