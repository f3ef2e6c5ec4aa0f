"""The inbox (idempotent consumer).

Read in this order:

- `consumer`: workers that take messages, look for their records, and commit record and effect together.
- `consumer_study`: that each message has one effect, which rule each claim rests on, and what cannot be had.
- `service`: what an outsider sees of one; running code is followed against it.
"""
