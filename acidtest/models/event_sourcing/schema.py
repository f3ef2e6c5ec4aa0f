"""What a stream loads into: snapshots, old events, and several versions of the code at once.

`EventSchema` is one stream, two processes that load it and append to it, and a deployment that takes each process to
the next version of the code in its own time. A version of the code writes amounts in its own unit, ten times finer
than the one before, and upcasters bring older events and snapshots to it, step by step (Young, "Versioning in an
Event Sourced System", 2016; Overeem et al., "The dark side of event sourcing", SANER 2017).

Assumptions: appends are guarded by an expected version (see `streams`); a process knows which schemas it knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Action, Kind, Model, Property, Transition, implied
from acidtest.checker.theory import Diagram, Size, Study, Switch, Theorem

if TYPE_CHECKING:
    from collections.abc import Sequence

#: How much finer the unit of each schema is than that of the one before.
FINER = 10


class Memory(NamedTuple):
    """An aggregate: what the first `version` events amount to, in the unit of the code that holds it."""

    version: int
    value: int


class Snapshot(NamedTuple):
    """An aggregate that was stored, with the schema of the code that stored it."""

    version: int
    value: int
    schema: int


class SchemaState(NamedTuple):
    """`log` holds the schemas of the events, each of one unit of its schema; `snapshot` is durable too.

    `code` is the version that each process runs, and `memory` what it has loaded.
    """

    log: tuple[int, ...]
    snapshot: Snapshot | None
    code: tuple[int, ...]
    memory: tuple[Memory | None, ...]
    crashes: int = 0


class SchemaView(NamedTuple):
    """What an outsider sees, who may look into every process."""

    latest: int
    log: tuple[int, ...]
    snapshot: Snapshot | None
    code: tuple[int, ...]
    memory: tuple[Memory | None, ...]
    crashes: int


class EventSchema(Model[SchemaState]):
    """Processes of several versions over one stream.

    Arguments:
        processes: how many.
        events: how many events there may be.
        latest: the version of the code that is deployed in the end, from 1.
        crashes: how many crashes there may be.
        upcast_events: events of older schemas are brought to that of the code.
        whole_chain: by every step in between.
        upcast_snapshots: and so are snapshots.
        completes: the deployment reaches every process.
        skip_unknown: a bug: events of newer schemas are left out, instead of being an error.
        stamp_now: a bug: a snapshot of what was loaded earlier carries the version that the stream has now.
        snapshot_ahead: a bug: a snapshot is taken with an event that is not stored yet.
        mutate_first: a bug: memory is changed before the append, and stays so where that is refused.

    """

    name = "EventSchema"

    def __init__(  # noqa: PLR0913 - each switch is a rule of its own
        self,
        processes: int = 2,
        events: int = 2,
        latest: int = 2,
        crashes: int = 1,
        *,
        upcast_events: bool = True,
        whole_chain: bool = True,
        upcast_snapshots: bool = True,
        completes: bool = True,
        skip_unknown: bool = False,
        stamp_now: bool = False,
        snapshot_ahead: bool = False,
        mutate_first: bool = False,
    ) -> None:
        """Set the size, and which rules are off."""
        self.processes, self.max_events, self.latest, self.crashes = processes, events, latest, crashes
        self.upcast_events, self.whole_chain, self.upcast_snapshots = upcast_events, whole_chain, upcast_snapshots
        self.skip_unknown, self.stamp_now = skip_unknown, stamp_now
        self.snapshot_ahead, self.mutate_first = snapshot_ahead, mutate_first
        self.faults = frozenset({"Crash", "SaveSnapshot"} | (set() if completes else {"Deploy"}))

    def initial_states(self) -> list[SchemaState]:
        """Start with an empty stream and old code."""
        return [SchemaState((), None, (1,) * self.processes, (None,) * self.processes)]

    def transitions(self) -> Sequence[Transition]:
        """List what a process does with the stream, then what is done with the process."""
        each = [(p,) for p in range(self.processes)]
        return (
            Transition("Load", self.load, each),
            Transition("CatchUp", self.catch_up, each),
            Transition("Append", self.append, each),
            Transition("Conflict", self.conflict, each),
            Transition("SaveSnapshot", self.save_snapshot, each),
            Transition("Deploy", self.deploy, each),
            Transition("Crash", self.crash, each),
        )

    def load(self, s: SchemaState, p: int) -> SchemaState | None:
        """Begin with the snapshot, if the code can read it, and fold what came after it."""
        if s.memory[p] is not None:
            return None
        return self._fold(s, p, self._from_snapshot(s, s.code[p]))

    def catch_up(self, s: SchemaState, p: int) -> SchemaState | None:
        """Fold what came after what is loaded."""
        memory = s.memory[p]
        return None if memory is None or memory.version >= len(s.log) else self._fold(s, p, memory)

    def append(self, s: SchemaState, p: int) -> SchemaState | None:
        """Add an event in the schema of the code, to a stream that is as it was loaded."""
        memory = s.memory[p]
        if memory is None or memory.version != len(s.log) or len(s.log) == self.max_events:
            return None
        return _loaded(s._replace(log=(*s.log, s.code[p])), p, _plus_one(memory))

    def conflict(self, s: SchemaState, p: int) -> SchemaState | None:
        """Be refused, as somebody else was first: forget."""
        memory = s.memory[p]
        if memory is None or memory.version >= len(s.log):
            return None
        return _loaded(s, p, _plus_one(memory) if self.mutate_first else None)

    def save_snapshot(self, s: SchemaState, p: int) -> SchemaState | None:
        """Store what is loaded, which others may have overtaken: then it is a snapshot of an earlier version."""
        memory = s.memory[p]
        if memory is None:
            return None
        if self.snapshot_ahead and memory.version < self.max_events:
            memory = _plus_one(memory)
        version = len(s.log) if self.stamp_now else memory.version
        return s._replace(snapshot=Snapshot(version, memory.value, s.code[p]))

    def deploy(self, s: SchemaState, p: int) -> SchemaState | None:
        """Restart with the next version of the code."""
        if s.code[p] == self.latest:
            return None
        code = (*s.code[:p], s.code[p] + 1, *s.code[p + 1 :])
        return _loaded(s._replace(code=code), p, None)

    def crash(self, s: SchemaState, p: int) -> SchemaState | None:
        """Lose what is loaded."""
        if s.memory[p] is None or s.crashes == self.crashes:
            return None
        return _loaded(s._replace(crashes=s.crashes + 1), p, None)

    def _from_snapshot(self, s: SchemaState, code: int) -> Memory:
        snapshot = s.snapshot
        if snapshot is None or snapshot.schema > code:
            return Memory(0, 0)  # a snapshot is only a shortcut
        steps = code - snapshot.schema if self.upcast_snapshots else 0
        return Memory(snapshot.version, snapshot.value * FINER**steps)

    def _fold(self, s: SchemaState, p: int, memory: Memory) -> SchemaState | None:
        """Apply the events after `memory`; where the code does not know one, it does not know the state."""
        code, (version, value) = s.code[p], memory
        for schema in s.log[version:]:
            if schema <= code:
                value += self._upcast(schema, code)
            elif not self.skip_unknown:
                return None
        return _loaded(s, p, Memory(max(version, len(s.log)), value))

    def _upcast(self, schema: int, code: int) -> int:
        """The amount of an event of `schema`, in the unit of `code`."""
        steps = code - schema if self.upcast_events else 0
        amount: int = FINER ** (steps if self.whole_chain else min(steps, 1))
        return amount

    def actor(self, action: Action) -> str:
        """A process."""
        return f"process {action.args[0]}"

    def view(self, s: SchemaState) -> SchemaView:
        """Show everything."""
        return SchemaView(self.latest, *s)


def _plus_one(memory: Memory) -> Memory:
    return Memory(memory.version + 1, memory.value + 1)


def _loaded(s: SchemaState, p: int, memory: Memory | None) -> SchemaState:
    return s._replace(memory=(*s.memory[:p], memory, *s.memory[p + 1 :]))


def agrees(view: SchemaView, version: int, value: int, code: int) -> bool:
    """Whether a value, in the unit of `code`, is what a prefix of the log means: compared in the finest unit."""
    meant = sum([FINER ** (view.latest - schema) for schema in view.log[:version]])
    return version <= len(view.log) and value * FINER ** (view.latest - code) == meant


def folds(view: SchemaView) -> bool:
    """Each process holds what a prefix of the log means."""
    return all(m is None or agrees(view, *m, code) for m, code in zip(view.memory, view.code, strict=True))


def snapshot_is_prefix(view: SchemaView) -> bool:
    """The snapshot is what a prefix of the log means."""
    return view.snapshot is None or agrees(view, *view.snapshot)


def has_upcast(view: SchemaView) -> bool:
    """Some process has loaded events that are older than its code."""
    return any(m and m.version and view.log[0] < code for m, code in zip(view.memory, view.code, strict=True))


def up_to_date(view: SchemaView) -> bool:
    """The newest code runs everywhere, and has loaded the whole stream."""
    done = all(memory is not None and memory.version == len(view.log) for memory in view.memory)
    return done and set(view.code) == {view.latest}


def is_shut_out(view: SchemaView) -> bool:
    """A process of the old code has nothing loaded, and the stream holds an event of the new."""
    old = [memory for memory, code in zip(view.memory, view.code, strict=True) if code < max(view.log, default=0)]
    return None in old


_OVEREEM = "Overeem et al. 2017; PATTERNS 8"
_LOADED = "what is loaded is the fold of a prefix of the log, whoever folds it and in however many pieces"
ES5 = implied("ES5", _LOADED, Kind.ALWAYS, lambda v: any(m and m.version for m in v.memory), folds, "Young 2010; PATTERNS 8")
ES6 = implied(
    "ES6", "a snapshot is the fold of a prefix of the log", Kind.ALWAYS, lambda v: v.snapshot, snapshot_is_prefix,
    "Truxify#10177; PATTERNS 8",
)  # fmt: skip
ES7 = implied("ES7", "new code reads old events and snapshots as they were meant", Kind.ALWAYS, has_upcast, folds, _OVEREEM)
G9 = Property(
    "G9.schema", "every process comes to run the newest code with the whole stream loaded", Kind.EVENTUALLY, up_to_date,
    "PATTERNS 0",
)  # fmt: skip
MIXED = Property(
    "SOME-MIXED", "events and snapshots of several schemas are read together", Kind.SOMETIMES,
    lambda v: has_upcast(v) and len(set(v.log)) > 1 and v.snapshot and v.snapshot.schema < max(v.code), _OVEREEM,
)  # fmt: skip
SHUT_OUT = Property(
    "SHUT-OUT", "in a rolling deployment, old code cannot read the stream", Kind.SOMETIMES, is_shut_out, _OVEREEM,
)  # fmt: skip

STUDY = Study(
    name="snapshots, and code of several versions",
    make=EventSchema,
    switches=(
        Switch("upcast_events", "events of older schemas are brought to that of the code", default=True),
        Switch("whole_chain", "by every step in between", default=True),
        Switch("upcast_snapshots", "snapshots of older schemas are brought to that of the code", default=True),
        Switch("completes", "the deployment reaches every process", default=True),
        Switch("skip_unknown", "events of newer schemas are left out, instead of being an error"),
        Switch("stamp_now", "a snapshot of what was loaded earlier carries the version that the stream has now"),
        Switch("snapshot_ahead", "a snapshot is taken with an event that is not stored yet"),
        Switch("mutate_first", "memory is changed before the append, and stays so where that is refused"),
    ),
    sizes=(
        Size("2 events, 2 schemas", {}, 1_268, 11),
        Size("2 events, 3 schemas", {"latest": 3}, 5_586, 14),
        Size("3 events, 2 schemas", {"events": 3}, 2_921, 12),
    ),
    properties=(ES5, ES6, ES7, G9, MIXED),
    theorems=(
        Theorem(SHUT_OUT),
        Theorem(ES5, {"skip_unknown": True}, {}),
        Theorem(ES5, {"mutate_first": True}, {}),
        Theorem(ES6, {"stamp_now": True}, {}),
        Theorem(ES6, {"snapshot_ahead": True}, {}),
        Theorem(ES7, {"upcast_events": False}, {}),
        Theorem(ES7, {"upcast_snapshots": False}, {}),
        Theorem(ES7, {"whole_chain": False}, {}, size=1),
        Theorem(G9, {"completes": False}, {}),
    ),
    diagram=Diagram(
        {"processes": 1, "crashes": 0},
        lambda s: f"log {'.'.join(map(str, s.log)) or 'empty'}\ncode {s.code[0]}, {'loaded' if s.memory[0] else 'not loaded'}",
    ),
)  # fmt: skip
