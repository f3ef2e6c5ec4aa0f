"""What the models of several patterns are built on.

- `atomic_commitment`: the specification of every commit protocol, and what is claimed of it.
- `steps`: steps that are done, undone or barred, with one durable mark each: of sagas, and of compensation.
- `ledger`: keyed requests on accounts, as clients see them: the greater part of every machine that code is followed against.
- `tuples`: a tuple with one element replaced.
"""
