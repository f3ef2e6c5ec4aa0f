"""CQRS: commands change one side, queries read another that follows it.

Read in this order:

- `projection`: a log, two views that follow it by a checkpoint, a rebuild, and a client that reads what it wrote.
- `projection_study`: that views are late and never wrong, and what readers must not make of them.
- `messages`: a view that is told by messages, repeated and out of order.
- `cache_aside`: a cache beside a view, and why it needs leases.
- `service`: what clients and readers see of an implementation; running code is followed against it.
"""
