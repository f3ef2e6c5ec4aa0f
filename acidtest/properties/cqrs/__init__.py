"""CQRS: the contract, and what its models prove.

Read `port` first, then `view`, `predicates` and `properties`, then `scopes`, `stories` and `contract`; `theory` is of the models.
"""
