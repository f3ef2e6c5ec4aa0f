"""The properties of CQRS: PATTERNS section 9, and what every pattern shares (section 0)."""

from __future__ import annotations

from acidtest.checker.machine import Kind, Property
from acidtest.models.shared.ledger import REJECTS_ON_ERROR
from acidtest.properties.cqrs.predicates import (
    goes_forward,
    has_reason_or_is_closed,
    is_decided_by_commands,
    is_exact,
    is_fresh,
    is_gone,
    reads_what_was_read,
    reads_what_was_written,
    resurrects,
    serves_open,
    shows_all,
    shows_no_phantom,
    shows_prefixes,
    stays_closed,
)
from acidtest.properties.shared.policies import with_policies
from acidtest.properties.shared.predicates import G2, G3, G4, G5, G7, REMEMBERED, SOURCE, whole

_YOUNG = "Young, CQRS Documents, 2010; PATTERNS 9"
_TERRY = "Terry et al. 1994; PATTERNS 9"
_LEASES = "Nishtala et al., NSDI 2013; PATTERNS 9"
_REBUILD = "KurrentDB#2270, marten#4711; PATTERNS 9"


# The order matters: an event that is shown twice, or never, breaks several of them, and the one that says most comes first.
PROPERTIES = with_policies((
    Property("G12", "money is whole minor units, and nothing invalid takes effect", Kind.ALWAYS, is_exact, SOURCE),
    Property("CQ9", "what was decided is changed by commands alone: not by queries, projectors or rebuilds", Kind.STEP,
             is_decided_by_commands, _YOUNG),
    G2,
    Property("G1", "balances change by whole commands", Kind.ALWAYS, whole, SOURCE),
    G3,
    G4,
    G5,
    G7,
    REMEMBERED,
    Property("G5", "an account that is closed stays closed", Kind.STEP, stays_closed, SOURCE),
    Property("G11", "an undisturbed command that can be carried out is accepted", Kind.STEP, serves_open, SOURCE),
    Property(
        "G4", "only what is invalid, cannot be paid or is closed is rejected", Kind.ALWAYS, has_reason_or_is_closed, SOURCE,
        waived=(REJECTS_ON_ERROR,),
    ),
    Property("CQ10", "an account that the view shows no more, since it was closed, does not come back", Kind.STEP,
             lambda a, b: not resurrects(a, b), "PATTERNS 9"),
    Property("CQ7", "a rebuild beside live handling loses nothing that the view had shown", Kind.STEP,
             lambda a, b: not a.rebuilt or goes_forward(a, b), _REBUILD),
    Property("CQ7", "while a view is rebuilt it shows what a prefix of the history amounts to", Kind.ALWAYS,
             lambda v: not v.rebuilt or shows_prefixes(v), _REBUILD),
    Property("CQ4", "nothing is shown that was not committed", Kind.ALWAYS, shows_no_phantom, "PATTERNS 9, 0 (G8)"),
    Property("CQ3", "a row shows each event of a prefix of its account's once, and so does what a query is answered", Kind.ALWAYS,
             shows_prefixes, _YOUNG),
    Property("CQ2", "no row goes back to an earlier version", Kind.STEP, goes_forward, _YOUNG),
    Property("CQ6", "a query after a command shows what that did", Kind.ALWAYS, reads_what_was_written, _TERRY, "read_your_writes"),
    Property("CQ6.monotonic", "a query after another shows nothing older", Kind.ALWAYS, reads_what_was_read, _TERRY, "monotonic_reads"),
    Property("CQ8", "once nobody is at work and the projector has run, the cache serves what the view shows", Kind.ALWAYS,
             lambda v: not v.calm or is_fresh(v), _LEASES),
    Property("CQ5", "the projector survives an error without a restart", Kind.AT_REST, lambda v: not v.wedged, _YOUNG),
    Property("CQ10", "an account that was closed is shown no more in the end", Kind.AT_REST, is_gone, "PATTERNS 9"),
    Property("CQ7", "a view that was rebuilt shows everything in the end", Kind.AT_REST,
             lambda v: not v.rebuilt or shows_all(v), _REBUILD),
    Property("CQ1", "in the end the view shows everything that was decided", Kind.AT_REST, shows_all, _YOUNG),
    Property("CQ8", "in the end the cache holds nothing, or what the view shows", Kind.AT_REST, is_fresh, _LEASES),
))  # fmt: skip

#: What no implementation can escape: whoever asks the view after a command was answered may not see it yet.
N1 = Property(
    "N1", "a command was answered, and the view does not show it", Kind.SOMETIMES,
    lambda v: any(call.status == "ok" for call in v.calls) and not shows_all(v), "PATTERNS 9, N1",
)  # fmt: skip
