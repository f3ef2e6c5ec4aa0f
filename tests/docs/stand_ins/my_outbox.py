"""What a page calls my_outbox, where any right outbox will do."""

from acidtest.impl.outbox import Outbox as MyOutbox

__all__ = ["MyOutbox"]
