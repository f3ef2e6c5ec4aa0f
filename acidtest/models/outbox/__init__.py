"""The transactional outbox.

Read in this order:

- `relays`: rows, relays that claim them under a lease, and a broker that refuses, vanishes or is silent.
- `relays_study`: what is claimed of them, which rule each claim rests on, and what cannot be had.
- `service`: withdrawals and the messages that they owe, as outsiders see them; running code is followed here.
"""
