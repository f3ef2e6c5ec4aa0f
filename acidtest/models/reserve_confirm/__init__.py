"""Reserve/confirm with an external system.

Read in this order:

- `provider`: the external system: what an order is there.
- `switches`: what may be assumed of it, and the rules that a bank may keep or break.
- `protocol`: a bank that holds money while it does not know whether the provider has paid.
- `protocol_study`: what that guarantees, what it cannot, and what each guarantee rests on.
- `service`: the bank as outsiders see it; running code is followed here.
"""
