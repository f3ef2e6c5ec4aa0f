"""Subscribers with checkpoints: what is claimed of the machine in `subscription`.

Nothing that a subscriber can see tells a position that was rolled back from one that is still to be committed. Whoever
goes by positions must choose between skipping events and stopping for ever (N2); whoever goes by the oldest open
transaction does neither, as long as transactions end (N3). Where inserts wait for each other the last position seen is
enough: writers pay for what readers need not know.
"""

from __future__ import annotations

from dataclasses import replace

from acidtest.checker.machine import Kind, Property, implied
from acidtest.checker.theory import Diagram, Size, Study, Switch, Theorem, Twin
from acidtest.models.event_sourcing.subscription import (
    COMMITTED,
    ENDED,
    INSERTED,
    ROLLED_BACK,
    Subscription,
    SubscriptionState,
    SubscriptionView,
)


def committed(view: SubscriptionView) -> list[int]:
    """The numbers of the committed transactions."""
    return [xid for xid, tx in enumerate(view.txs, 1) if tx.status == COMMITTED]


def not_overtaken(view: SubscriptionView) -> bool:
    """Whatever lies at or before the checkpoint was processed, or never commits."""
    return all(xid in view.processed for xid in committed(view) if view.keys[xid - 1] <= view.checkpoint)


def caught_up(view: SubscriptionView) -> bool:
    """All transactions have ended, and what they committed was processed."""
    return all(tx.status in ENDED for tx in view.txs) and set(committed(view)) == set(view.processed)


def in_stream_order(view: SubscriptionView) -> bool:
    """The events of each stream are processed in the order of their versions."""
    seen = [(view.streams[xid - 1], view.txs[xid - 1].position) for xid in view.processed]
    return all(a[0] != b[0] or a[1] < b[1] for i, b in enumerate(seen) for a in seen[:i])


def is_at_gap(view: SubscriptionView, status: str) -> bool:
    """All that is visible behind the first position is the second; the first is in the given state."""
    return [(tx.status, tx.position) for tx in view.txs if tx.position] == [(status, 1), (COMMITTED, 2)]


def of_subscriber(model: Subscription, s: SubscriptionState) -> tuple[object, ...]:
    """Its checkpoint and memory, the rows behind it with their positions, and, if it looks, which transaction is the oldest open."""
    rows = tuple((xid, s.txs[xid - 1].position) for xid in model.visible(s))
    return s.reader, rows, model.oldest_open(s) if model.horizon else None


_REPLAY = "Young, CQRS Documents, 2010; PATTERNS 8"
_GAPS = "marten#1629, watermill#311, SQLStreamStore#121; PATTERNS 8"
ES8 = implied(
    "ES8", "what lies before the checkpoint was processed or never commits", Kind.ALWAYS, lambda v: v.checkpoint > 0,
    not_overtaken, _GAPS,
)  # fmt: skip
ES8_REST = implied(
    "ES8.rest", "in the end every committed event is processed", Kind.AT_REST,
    lambda v: COMMITTED in {tx.status for tx in v.txs}, caught_up, _GAPS,
)  # fmt: skip
ES8_LIVE = Property("ES8.live", "every committed event comes to be processed", Kind.EVENTUALLY, caught_up, _GAPS)
ES11 = implied(
    "ES11", "a rebuild tells nobody what was told before", Kind.ALWAYS, lambda v: v.rebuilt,
    lambda v: max(v.emitted) <= 1, _REPLAY,
)  # fmt: skip
ES12 = implied(
    "ES12", "others are told only of what is committed", Kind.ALWAYS, lambda v: any(v.emitted),
    lambda v: all(v.txs[n].status == COMMITTED for n, told in enumerate(v.emitted) if told), _REPLAY,
)  # fmt: skip
OUT_OF_ORDER = Property(
    "SOME-OUT-OF-ORDER", "a lower position commits later, and both are processed", Kind.SOMETIMES,
    lambda v: caught_up(v) and [tx.position for tx in v.txs][:2] == [2, 1], _GAPS,
)  # fmt: skip
IN_FLIGHT = Property(
    "N2.gap", "by visible positions alone, a gap that is in flight cannot be told from one that was rolled back", Kind.SOMETIMES,
    lambda v: is_at_gap(v, INSERTED), _GAPS,
)  # fmt: skip
GONE = replace(IN_FLIGHT, name="it was rolled back", predicate=lambda v: is_at_gap(v, ROLLED_BACK))
N2 = replace(ES8, id="N2", name="giving up a gap after some time skips no event")
N2_LIVE = replace(ES8_LIVE, id="N2.live", name="waiting at a gap for ever never stalls the subscriber")
N3 = replace(
    ES8, id="N3", name="under a horizon of transaction numbers, a checkpoint that is a position skips nothing",
    source="dba.SE 342896; PATTERNS 8",
)  # fmt: skip
N3_LIVE = replace(ES8_LIVE, id="N3.live", name="readers below the horizon do not depend on the longest transaction")
N3_ORDER = Property(
    "N3.order", "in order of transaction numbers, a stream is read out of its order", Kind.SOMETIMES,
    lambda v: not in_stream_order(v), "dba.SE 342896; PATTERNS 8",
)  # fmt: skip
N4 = Property(
    "N4", "others are told twice by who projects and then tells another store", Kind.SOMETIMES,
    lambda v: max(v.emitted) > 1 and not v.rebuilt, "PATTERNS 8",
)  # fmt: skip
N4_LOST = implied(
    "N4.lost", "whatever was projected others were told", Kind.AT_REST, lambda v: v.processed,
    lambda v: all(v.emitted[xid - 1] for xid in v.processed), "PATTERNS 8",
)  # fmt: skip


def _of_subscription(s: SubscriptionState) -> str | None:
    if s.rebuilt or any(tx.status == ROLLED_BACK for tx in s.txs):
        return None
    rows = ", ".join(tx.status for tx in sorted(s.txs, key=lambda tx: tx.position) if tx.position)
    return f"rows: {rows or 'none'}\nprocessed {len(s.reader.processed)}"


STUDY = Study(
    name="subscribing to all streams",
    make=Subscription,
    switches=(
        Switch("horizon", "the subscriber reads below the oldest open transaction only", default=True),
        Switch("by_position", "it does, but its checkpoint is a position"),
        Switch("horizon_later", "it does, but looks for that transaction in a second statement"),
        Switch("wait_at_gaps", "the subscriber reads by position, and stops where one is missing"),
        Switch("gap_timeout", "and gives a gap up after a while"),
        Switch("short_transactions", "no transaction is open for longer than the subscriber waits at a gap"),
        Switch("serial_inserts", "an insert waits for every other to commit or roll back (a lock on the table)"),
        Switch("idle_in_transaction", "a transaction may stay open for ever"),
        Switch("dual_write", "others are told by a write of its own, to another store, before the checkpoint"),
        Switch("checkpoint_first", "that write comes after the checkpoint"),
        Switch("emit_on_replay", "a rebuild tells others again"),
        Switch("dirty_reads", "the subscriber sees rows that are not committed"),
    ),
    sizes=(
        Size("2 transactions, 1 crash", {}, 182, 16),
        Size("2 transactions of one stream, 1 crash", {"streams": (0, 0)}, 159, 16),
        Size("3 transactions, 2 crashes, patience 3", {"streams": (0, 1, 0), "patience": 3, "crashes": 2}, 2_961, 23),
    ),
    properties=(ES8, ES8_REST, ES8_LIVE, ES11, ES12, N4_LOST, OUT_OF_ORDER),
    theorems=(
        Theorem(IN_FLIGHT, {"horizon": False}, {}, twin=Twin(GONE, "the subscriber", of_subscriber)),
        Theorem(N2, {"gap_timeout": True}, {"gap_timeout": True, "short_transactions": True}),
        Theorem(N2, {"gap_timeout": True}, {"wait_at_gaps": True}, size=2),
        Theorem(N2_LIVE, {"wait_at_gaps": True}, {"gap_timeout": True, "short_transactions": True}),
        Theorem(N3, {"by_position": True}, {}),
        Theorem(N3_LIVE, {"idle_in_transaction": True}, {}),
        Theorem(N3_ORDER, {}, {"wait_at_gaps": True}, size=1),
        Theorem(N4, {"dual_write": True}, {}),
        Theorem(N4_LOST, {"dual_write": True, "checkpoint_first": True}, {}),
        Theorem(ES8, {"horizon": False}, {"horizon": False, "serial_inserts": True}),
        Theorem(ES8, {"horizon_later": True}, {}),
        Theorem(ES8_REST, {"horizon": False}, {}),
        Theorem(ES8_LIVE, {"horizon": False}, {}),
        Theorem(ES11, {"emit_on_replay": True}, {}),
        Theorem(ES12, {"horizon": False, "dirty_reads": True}, {"horizon": False}),
    ),
    diagram=Diagram({"streams": (0, 1), "crashes": 0}, _of_subscription),
)  # fmt: skip
