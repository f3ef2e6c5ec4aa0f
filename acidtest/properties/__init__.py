"""The contracts: port, view, properties, workloads and scopes of every pattern."""
