"""Two-phase commit.

Read `acidtest.models.shared.atomic_commitment` first, which it implements; then, in this order:

- `phases`: the protocol where nobody crashes, with the published counts.
- `crashes`: the same with logs, crashes and recovery: that it is safe, and that it blocks.
- `backup_coordinator`: what a second coordinator would have to know so that nobody blocks.
- `service`: atomic commit as outsiders see it; running code is followed here.
"""
