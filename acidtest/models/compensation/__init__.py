"""Compensating transactions.

Read `acidtest.models.shared.steps` first, for the marks; then, in this order:

- `undo_log`: business transactions that change a row others write too, and are undone by a log beside it.
- `undo_log_study`: what undoing guarantees beside third parties, what it costs, and what it cannot do.
- `service`: changes and their compensations as outsiders see them; running code is followed here.
"""
