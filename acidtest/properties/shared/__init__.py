"""What the contracts of several patterns share.

Read `contract` first (what a contract consists of), then `seen` (what is observed of a run), `ledger` (the base of contracts
with keyed requests on accounts), `predicates`, `balances` and `attribution` (which requests took effect, and which messages
are about them), `requests`, `scopes` and `stories` (what workloads are made of).
"""
