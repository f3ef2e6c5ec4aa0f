"""A view that is told by messages: repeated, out of order, and without a checkpoint of its own.

`MessageProjection` is the view of a store that cannot be written together with anything else (a search index). Events
come over a bus that loses nothing, repeats, and keeps no order; each carries the version of its row. The store can
only be written idempotently: a row remembers which version it is (PATTERNS 9).

Assumptions: a change and its message are one transaction (an outbox); messages carry changes, not whole rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Action, Kind, Model, Property, Transition, implied
from acidtest.checker.theory import Diagram, Size, Study, Switch, Theorem
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Of each row how many changes there are, the first of which creates it; where the last deletes it, the number is negative.
Rows = tuple[int, ...]


class Row(NamedTuple):
    """A row of the view: which changes it shows, in the order in which they were applied; a tombstone shows all."""

    applied: tuple[int, ...] = ()
    alive: bool = False

    @property
    def version(self) -> int:
        """The version that it was brought to last."""
        return self.applied[-1] if self.applied else 0


class ProjectionState(NamedTuple):
    """`committed` is how far each row of the write side is; `bus` holds what is to be delivered.

    `due` is what a process still has to publish, or to commit, from memory; `deleted` rows had their deletion applied.
    """

    committed: tuple[int, ...]
    due: tuple[int, ...]
    bus: frozenset[tuple[int, int]]
    rows: tuple[Row, ...]
    deleted: frozenset[int] = frozenset()
    faults: int = 0


class ProjectionView(NamedTuple):
    """What an outsider sees."""

    changes: Rows
    committed: tuple[int, ...]
    rows: tuple[Row, ...]
    deleted: frozenset[int]
    faults: int


class MessageProjection(Model[ProjectionState]):
    """Rows whose changes are messages.

    Arguments:
        changes: of each row how many there are; negative where the last is a deletion.
        faults: how many repeated deliveries and crashes there may be.
        row_versions: a message is applied to the version before its own, and never to a later one.
        tombstones: a deleted row keeps its version.
        keeps_early: a message that comes too early is left on the bus.
        outbox: a change and its message are one transaction; off: the message is sent after it.
        publish_first: the message is sent before the change is committed.

    """

    name = "MessageProjection"
    faults = frozenset({"DeliverAgain", "Crash"})

    def __init__(  # noqa: PLR0913 - each switch is a rule of its own
        self,
        changes: Rows = (-3,),
        faults: int = 1,
        *,
        row_versions: bool = True,
        tombstones: bool = True,
        keeps_early: bool = True,
        outbox: bool = True,
        publish_first: bool = False,
    ) -> None:
        """Set the workload, and which rules are off."""
        self.changes, self.max_faults = changes, faults
        self.row_versions, self.tombstones, self.keeps_early = row_versions, tombstones, keeps_early
        self.outbox, self.publish_first = outbox and not publish_first, publish_first

    def initial_states(self) -> list[ProjectionState]:
        """Start with no row."""
        n = len(self.changes)
        return [ProjectionState((0,) * n, (0,) * n, frozenset(), (Row(),) * n)]

    def transitions(self) -> Sequence[Transition]:
        """List the write side first, then the bus and the handler, then crashes."""
        each = [(row,) for row in range(len(self.changes))]
        messages = [(row, version) for row, n in enumerate(self.changes) for version in range(1, abs(n) + 1)]
        rows = [
            Transition("Commit", self.commit, each),
            Transition("Deliver", self.deliver, messages),
            Transition("DeliverAgain", self.deliver_again, messages),
        ]
        if not self.outbox:
            rows += [Transition("Publish", self.publish, each), Transition("Crash", self.crash, each)]
        return rows

    def commit(self, s: ProjectionState, row: int) -> ProjectionState | None:
        """Commit the next change of a row: with its message, or before or after that is sent."""
        version = s.committed[row] + 1
        if version > abs(self.changes[row]) or bool(s.due[row]) != self.publish_first:
            return None
        committed = s._replace(committed=put(s.committed, row, version))
        if self.outbox:
            return committed._replace(bus=s.bus | {(row, version)})
        return committed._replace(due=put(s.due, row, 0 if self.publish_first else version))

    def publish(self, s: ProjectionState, row: int) -> ProjectionState | None:
        """Send a message, in a transaction of its own."""
        version = s.committed[row] + 1 if self.publish_first else s.due[row]
        if not version or version > abs(self.changes[row]) or (self.publish_first and s.due[row]):
            return None
        due = put(s.due, row, version if self.publish_first else 0)
        return s._replace(due=due, bus=s.bus | {(row, version)})

    def crash(self, s: ProjectionState, row: int) -> ProjectionState | None:
        """Forget what was to be done next."""
        if not s.due[row] or s.faults == self.max_faults:
            return None
        return s._replace(due=put(s.due, row, 0), faults=s.faults + 1)

    def deliver(self, s: ProjectionState, row: int, version: int) -> ProjectionState | None:
        """Handle a message and acknowledge it, or leave it on the bus as it comes too early."""
        if (row, version) not in s.bus or (self.keeps_early and self._early(s.rows[row], version)):
            return None
        return self._applied(s, row, version)._replace(bus=s.bus - {(row, version)})

    def deliver_again(self, s: ProjectionState, row: int, version: int) -> ProjectionState | None:
        """Handle a message, and die before it is acknowledged."""
        if (row, version) not in s.bus or s.faults == self.max_faults or self._early(s.rows[row], version):
            return None
        return self._applied(s, row, version)._replace(faults=s.faults + 1)

    def _early(self, row: Row, version: int) -> bool:
        return self.row_versions and version > row.version + 1

    def _applied(self, s: ProjectionState, key: int, version: int) -> ProjectionState:
        """Change the row as the message says, unless it is not the one that comes next."""
        row = s.rows[key]
        if self.row_versions and version != row.version + 1:
            return s
        if version == -self.changes[key]:
            gone = Row((*row.applied, version) if self.tombstones else ())
            return s._replace(rows=put(s.rows, key, gone), deleted=s.deleted | {key})
        return s._replace(rows=put(s.rows, key, Row((*row.applied, version), alive=True)))

    def actor(self, action: Action) -> str:
        """The write side, or the handler."""
        return "handler" if action.name.startswith("Deliver") else "write side"

    def view(self, s: ProjectionState) -> ProjectionView:
        """Show the write side and the view."""
        return ProjectionView(self.changes, s.committed, s.rows, s.deleted, s.faults)


def as_committed(view: ProjectionView) -> bool:
    """Each row shows every change that was committed, in order."""
    pairs = zip(view.rows, view.committed, strict=True)
    return all(list(row.applied) == list(range(1, version + 1)) for row, version in pairs)


def not_repeated(view: ProjectionView) -> bool:
    """No row shows a change twice."""
    return all(len(row.applied) == len(set(row.applied)) for row in view.rows)


def not_ahead(view: ProjectionView) -> bool:
    """No row shows what was not committed."""
    return all(max(row.applied, default=0) <= n for row, n in zip(view.rows, view.committed, strict=True))


def forward(before: ProjectionView, after: ProjectionView) -> bool:
    """No row goes back to an earlier version."""
    return all(a.version <= b.version for a, b in zip(before.rows, after.rows, strict=True))


def is_complete(view: ProjectionView) -> bool:
    """Everything was committed, and is shown."""
    return all(abs(n) == version for n, version in zip(view.changes, view.committed, strict=True)) and as_committed(view)


def _shows(view: ProjectionView) -> bool:
    return any(row.applied for row in view.rows)


_BUS = "t3code#2301; PATTERNS 9"
_TOMBSTONE = "PATTERNS 9"
CQ1 = implied(
    "CQ1.bus", "in the end the rows show what was committed", Kind.AT_REST, lambda v: any(v.committed), as_committed,
    _BUS,
)  # fmt: skip
CQ2 = implied("CQ2.bus", "no row goes back to an earlier version", Kind.STEP, lambda a, b: a.rows != b.rows, forward, _BUS)
CQ3 = implied("CQ3.bus", "no row shows a change twice", Kind.ALWAYS, _shows, not_repeated, _BUS)
CQ4 = implied("CQ4", "no row shows what was never committed", Kind.ALWAYS, _shows, not_ahead, "PATTERNS 0, G8")
CQ5 = Property("CQ5.bus", "everything that is committed comes to be shown", Kind.EVENTUALLY, is_complete, _BUS)
CQ10 = implied(
    "CQ10", "a deleted row does not come back", Kind.ALWAYS, lambda v: v.deleted,
    lambda v: not any(v.rows[row].alive for row in v.deleted), _TOMBSTONE,
)  # fmt: skip
REPEATED = Property(
    "SOME-REPEATED", "a message is delivered twice, and everything is shown once", Kind.SOMETIMES,
    lambda v: v.faults and is_complete(v), _BUS,
)  # fmt: skip

STUDY = Study(
    name="a view that is told by messages",
    make=MessageProjection,
    switches=(
        Switch("row_versions", "a message is applied to the version before its own only", default=True),
        Switch("tombstones", "a deleted row keeps its version", default=True),
        Switch("keeps_early", "a message that comes too early is left on the bus", default=True),
        Switch("outbox", "a change and its message are one transaction; off: the message is sent after it", default=True),
        Switch("publish_first", "the message is sent before the change is committed"),
    ),
    sizes=(
        Size("a row of 3 changes, 1 repetition", {}, 26, 8),
        Size("a row that is deleted, and one that stays", {"changes": (-3, 2)}, 208, 12),
        Size("two rows, 3 repetitions", {"changes": (-3, 3), "faults": 3}, 1_472, 16),
    ),
    properties=(CQ1, CQ2, CQ3, CQ4, CQ5, CQ10, REPEATED),
    theorems=(
        Theorem(CQ1, {"keeps_early": False}, {}),
        Theorem(CQ1, {"outbox": False}, {}),
        Theorem(CQ2, {"row_versions": False}, {}),
        Theorem(CQ3, {"row_versions": False}, {}),
        Theorem(CQ4, {"publish_first": True}, {}),
        Theorem(CQ5, {"outbox": False}, {}),
        Theorem(CQ10, {"tombstones": False}, {}),
    ),
    diagram=Diagram(
        {"changes": (-3,), "faults": 0},
        lambda s: f"committed {s.committed[0]}\nview {s.rows[0].version}{'' if s.rows[0].alive else ', no row'}",
    ),
)  # fmt: skip
