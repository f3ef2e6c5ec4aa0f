"""The message broker.

`messages` as they are published, `consumers` that ask for them, `deliveries` to handlers, `awaited` for coroutines, and
`device`, which puts them together.
"""
