"""Outbox and inbox in a chain of three services.

Read in this order:

- `channel`: the specification: exactly once, and in order.
- `chain`: the machine: rows, relays, queues and records, twice over.
- `chain_study`: that the chain is such a channel, and what it is without each of its rules.
- `service`: what an outsider sees of the three services; running code is followed against it.
"""
