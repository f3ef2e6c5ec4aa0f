"""XA distributed transactions.

Read in this order:

- `branch`: the state table of a resource manager: what every call does to a branch, whoever makes it.
- `transaction`: a transaction manager and its branches, with calls that fail.
- `recovery`: the same machine with crashes, recovery and heuristic decisions.
- `recovery_study`: what is claimed of both, what heuristic decisions take from it, and what no branch may do.
- `service`: what a client and an outsider see of a transaction manager; running code is followed beside it.
- `resource`: the same of a resource manager that two sessions call.
"""
