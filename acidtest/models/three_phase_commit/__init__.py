"""Three-phase commit.

Read `acidtest.models.shared.atomic_commitment` first, which it implements; then, in this order:

- `phases`: the protocol where nobody fails: no two sites are ever too far apart.
- `crashes`: the machine with failures, the termination protocol and recovery.
- `crashes_study`: that whoever stays up decides, and what is lost with each assumption and each rule.
- `service`: what shows of it from outside; running code is followed here.
"""
