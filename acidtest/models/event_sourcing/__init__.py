"""Event sourcing: what happened is kept as events, and the state is what they amount to.

Read in this order:

- `streams`: commands that load a stream, decide, and append.
- `streams_study`: what an expected version guarantees of one stream, and what it does not of two.
- `schema`: what a stream loads into, over snapshots, old events and several versions of the code.
- `subscription`: who reads all streams in one order, from a checkpoint.
- `subscription_study`: why positions are not enough for that, and what is.
- `store`: what clients and subscribers see of a store; running code is followed against it.
- `service`: what clients see of accounts that are kept as events; likewise.
"""
