"""What each pattern promises: abstract state machines, pure and exhaustively checkable.

Nothing here imports anything else of acidtest.
"""
