"""CQRS: what is claimed of views that follow a log by a checkpoint, of their rebuild, and of who reads them.

The machine is in `projection`. Sources: Young, "CQRS Documents", 2010; Terry et al., "Session guarantees for weakly
consistent replicated data", PDIS 1994.
"""

from __future__ import annotations

from dataclasses import replace

from acidtest.checker.machine import Kind, Property, implied
from acidtest.checker.theory import Diagram, Size, Study, Switch, Theorem
from acidtest.models.cqrs.projection import (
    ACCEPTED,
    IDLE,
    REJECTED,
    VALIDATED,
    CqrsState,
    CqrsView,
    Projection,
)


def shows_all(view: CqrsView) -> bool:
    """Each view is the fold of the whole log."""
    return all(table.applied == tuple(range(1, len(view.log) + 1)) for table in view.tables)


def shows_a_prefix(view: CqrsView) -> bool:
    """Each view is the fold of a prefix of the log, which its checkpoint does not exceed."""
    applied = [table.applied for table in view.tables]
    prefixes = all(positions == tuple(range(1, len(positions) + 1)) for positions in applied)
    return prefixes and all(table.checkpoint <= len(table.applied) for table in view.tables)


def forward(before: CqrsView, after: CqrsView) -> bool:
    """No view goes back to an earlier event or checkpoint."""
    pairs = list(zip(before.tables, after.tables, strict=True))
    return all(max(a.applied, default=0) <= max(b.applied, default=0) and a.checkpoint <= b.checkpoint for a, b in pairs)


def reads_its_write(view: CqrsView) -> bool:
    """The first client has read what it wrote."""
    return view.read > view.log.index(0)


def touches_nothing(before: CqrsView, after: CqrsView) -> bool:
    """A query changes nothing but what its client knows."""
    return (before.log, before.tables) == (after.log, after.tables)


def is_done(view: CqrsView) -> bool:
    """Every command is answered, and both views show its effect."""
    return not {IDLE, VALIDATED} & set(view.clients) and shows_all(view)


def is_stale(view: CqrsView) -> bool:
    """A command was accepted, and whoever queries the first view now does not see it."""
    return len(view.tables[0].applied) < len(view.log)


def is_repeated(view: CqrsView) -> bool:
    """The first view shows an event twice."""
    applied = view.tables[0].applied
    return not view.rebuilds and len(applied) > len(set(applied))


_YOUNG = "Young, CQRS Documents, 2010; PATTERNS 9"
_TERRY = "Terry et al. 1994; PATTERNS 9"
_VOCABULARY = "PATTERNS 0"
G2 = implied("G2", "the stock is never overdrawn", Kind.ALWAYS, lambda v: v.stock, lambda v: min(v.stock) >= 0, _VOCABULARY)
CQ1 = implied("CQ1", "in the end each view is the fold of the log", Kind.AT_REST, lambda v: v.log, shows_all, _YOUNG)
CQ2 = implied("CQ2", "no view goes back", Kind.STEP, lambda a, b: a.tables != b.tables, forward, _YOUNG)
CQ3 = implied(
    "CQ3", "each view is the fold of the log up to its checkpoint, or of a little more", Kind.ALWAYS,
    lambda v: any(t.applied or t.checkpoint for t in v.tables), shows_a_prefix, _YOUNG,
)  # fmt: skip
CQ5 = Property("CQ5", "every command comes to be answered, and its effect to be shown", Kind.EVENTUALLY, is_done, _YOUNG)
CQ6 = implied("CQ6", "a client reads what it wrote", Kind.ALWAYS, lambda v: v.read >= 0, reads_its_write, _TERRY)
CQ6_MONOTONIC = implied(
    "CQ6.monotonic", "a client does not read what is older than what it read", Kind.STEP,
    lambda a, b: a.read not in {-1, b.read}, lambda a, b: a.read < b.read, _TERRY,
)  # fmt: skip
CQ7 = implied(
    "CQ7", "a rebuilt view ends as one that was never rebuilt", Kind.AT_REST,
    lambda v: v.rebuilds and v.log and not v.rebuilding, lambda v: v.tables[0].applied == v.tables[1].applied,
    "KurrentDB#2270, marten#4711; PATTERNS 9",
)  # fmt: skip
CQ9 = implied("CQ9", "a query changes nothing", Kind.STEP, lambda a, b: a.read != b.read, touches_nothing, _YOUNG)
IMPOSSIBLE = implied(
    "G4.rejected", "a command is rejected only where it would overdraw", Kind.STEP,
    lambda a, b: b.clients.count(REJECTED) > a.clients.count(REJECTED),
    lambda a, b: not any(then != REJECTED == now and left >= 0 for then, now, left in zip(a.clients, b.clients, a.left, strict=True)),
    _VOCABULARY,
)  # fmt: skip
G11 = Property(
    "G11", "a command is accepted, another rejected, and both views show it", Kind.SOMETIMES,
    lambda v: is_done(v) and {ACCEPTED, REJECTED} <= set(v.clients), _VOCABULARY,
)  # fmt: skip
REBUILT = Property(
    "SOME-REBUILT", "a view is rebuilt while the log grows", Kind.SOMETIMES,
    lambda v: v.rebuilding and len(v.log) > 1 and is_stale(v), _YOUNG,
)  # fmt: skip
N1 = Property("N1", "a command was accepted, and a query does not see it", Kind.SOMETIMES, is_stale, _YOUNG)
N2 = Property(
    "N2", "two commands are accepted on one stale view, of which there is stock for one", Kind.SOMETIMES,
    lambda v: min(v.stock, default=0) < 0, _YOUNG,
)  # fmt: skip
N3 = Property(
    "N3", "two views contradict each other", Kind.SOMETIMES, lambda v: v.tables[0].applied != v.tables[1].applied,
    _YOUNG,
)  # fmt: skip
N5 = Property(
    "N5", "an event is shown twice where the store cannot hold the checkpoint", Kind.SOMETIMES, is_repeated, _YOUNG,
)  # fmt: skip
N5_LOST = replace(CQ1, id="N5.lost", name="a checkpoint that is saved before the view loses nothing")


def _of_projection(s: CqrsState) -> str | None:
    if s.rebuilds:
        return None
    first, second = (len(table.applied) for table in s.tables)
    return f"log {len(s.log)}\nviews show {first} | {second}"


STUDY = Study(
    name="views that follow a log",
    make=Projection,
    switches=(
        Switch("row_versions", "a row remembers the last event that it shows, and takes no earlier one", default=True),
        Switch("atomic_swap", "a rebuilt table replaces the live one with its checkpoint, once it is as far", default=True),
        Switch("one_worker", "one worker at a time takes an event from the log and shows it", default=True),
        Switch("session", "a client waits for a view that shows what it wrote and read", default=True),
        Switch("separate_checkpoint", "the first view's store cannot hold the checkpoint, which is saved afterwards"),
        Switch("checkpoint_first", "it is saved before"),
        Switch("synchronous", "views change in the transaction of the command"),
        Switch("validate_on_view", "commands are validated on the first view"),
        Switch("rebuild_over_live", "the rebuild empties the live table and writes into it"),
        Switch("skip_on_error", "an event that the handler fails on is skipped"),
        Switch("poison", "the handler fails on the first event, always"),
        Switch("counts_reads", "a query changes the row that it reads"),
    ),
    sizes=(
        Size("3 commands for 2 pieces", {"changes": (-1, -1, -1), "opening": 2}, 961, 12),
        Size("3 commands, one of which adds", {"changes": (-1, 1, -1)}, 1_316, 15),
        Size("4 commands for 3 pieces", {"changes": (-1, -1, -1, -1), "opening": 3}, 9_815, 16),
    ),
    properties=(G2, CQ1, CQ2, CQ3, CQ5, CQ6, CQ6_MONOTONIC, CQ7, CQ9, IMPOSSIBLE, G11, REBUILT),
    theorems=(
        Theorem(N1, {}, {"synchronous": True}),
        Theorem(N2, {"validate_on_view": True}, {}),
        Theorem(N3, {}, {"synchronous": True}),
        Theorem(N5, {"separate_checkpoint": True, "row_versions": False}, {"separate_checkpoint": True}),
        Theorem(N5_LOST, {"checkpoint_first": True}, {"separate_checkpoint": True}),
        Theorem(G2, {"validate_on_view": True}, {}),
        Theorem(CQ1, {"skip_on_error": True}, {}),
        Theorem(CQ2, {"atomic_swap": False}, {}),
        Theorem(CQ3, {"separate_checkpoint": True, "row_versions": False}, {"separate_checkpoint": True}),
        Theorem(CQ3, {"one_worker": False, "row_versions": False}, {"row_versions": False}),
        Theorem(CQ2, {"one_worker": False}, {}),
        Theorem(CQ5, {"poison": True}, {}),
        Theorem(CQ6, {"session": False}, {}),
        Theorem(CQ6_MONOTONIC, {"session": False}, {}),
        Theorem(CQ7, {"rebuild_over_live": True}, {}),
        Theorem(CQ7, {"rebuild_over_live": True, "row_versions": False}, {"row_versions": False}),
        Theorem(CQ7, {"atomic_swap": False}, {}),
        Theorem(CQ9, {"counts_reads": True}, {}),
    ),
    diagram=Diagram({"changes": (-1, -1), "opening": 2}, _of_projection),
)  # fmt: skip
