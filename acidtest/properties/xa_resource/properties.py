"""What must hold of a resource manager: PATTERNS section 4, XA1, XA5 and XA7 to XA10."""

from __future__ import annotations

from acidtest.checker.machine import Kind, Property
from acidtest.properties.xa_resource import predicates

_XA = "X/Open XA C193, 1991, chapter 6; PATTERNS 4"
ALWAYS, STEP, SOMETIMES = Kind.ALWAYS, Kind.STEP, Kind.SOMETIMES

# The order matters: an answer that is wrong breaks several of them, and the one that says most comes first.
PROPERTIES = (
    Property("XA9", "no branch is begun under the name of another", ALWAYS, predicates.refuses_used_names, _XA),
    Property("XA7", "a decision that was made alone is told until it is forgotten on request", ALWAYS, predicates.remembers_decisions, _XA),
    Property("XA8", "what is prepared is there after a crash, and until it is decided", STEP, predicates.survives, _XA),
    Property("XA10", "what is prepared does not time out", STEP, predicates.outlasts, _XA),
    Property("XA1", "a call is answered as the state table says", ALWAYS, predicates.answers_right, _XA),
    Property("XA1", "what took effect is not in doubt any more", ALWAYS, predicates.applied_is_over, _XA),
    Property("XA1", "a call changes what it is about, and nothing else", ALWAYS, predicates.balances_as_told, _XA),
    Property("XA8", "what was answered to be prepared is in doubt", ALWAYS, predicates.names_all, _XA),
    Property("XA5", "a scan names what is prepared or was decided alone here, and nothing else", ALWAYS, predicates.names_no_other, _XA),
    Property("SOME-COMMITTED", "a prepared branch is committed", SOMETIMES, predicates.prepared_commits, _XA),
    Property("SOME-REFUSED", "a call is refused", SOMETIMES, predicates.some_refused, _XA),
)  # fmt: skip
