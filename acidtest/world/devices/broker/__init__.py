"""The message broker.

`messages` as they are published, `consumers` that ask for them, `deliveries` to handlers, both over `queues`, `awaited` for coroutines, and
`device`, which puts them together. `link`, `transport` and `channel` are how code on kombu reaches it.
"""
