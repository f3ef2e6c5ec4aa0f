"""Commands on one side, views that follow by a checkpoint on the other.

`Projection` is the write side as a log, two views that follow it by a checkpoint, a rebuild of the first beside live
handling, and a client that reads what it wrote (Young, "CQRS Documents", 2010; Terry et al., "Session guarantees for
weakly consistent replicated data", PDIS 1994). Views that are told by messages are in `messages`, a cache beside
a view is in `cache_aside`; how positions come to be in the order of commits is in `subscription` of event sourcing.

Assumptions: a command is one local transaction; the log has one order, which is that of its commits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Action, Model, Transition
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Sequence

IDLE, VALIDATED, ACCEPTED, REJECTED = "idle", "validated", "accepted", "rejected"


class Table(NamedTuple):
    """A view: the positions whose events it shows, in the order in which they were applied, and its checkpoint."""

    applied: tuple[int, ...] = ()
    checkpoint: int = 0
    hits: bool = False


class CqrsState(NamedTuple):
    """`log`, `tables` and `rebuilt` (the table beside, while there is one) are durable.

    `clients` is what each client knows; `half` says that the first projector has done one of its two writes; `read` is
    the position that the first client has read up to, or -1. `fetched` is what each of two workers has in hand, or 0.
    """

    log: tuple[int, ...]
    clients: tuple[str, ...]
    tables: tuple[Table, Table]
    half: bool = False
    rebuilt: Table | None = None
    rebuilds: int = 0
    read: int = -1
    faults: int = 0
    fetched: tuple[int, int] = (0, 0)


class CqrsView(NamedTuple):
    """What an outsider sees: `stock` is what is left after each event of the log."""

    clients: tuple[str, ...]
    log: tuple[int, ...]
    stock: tuple[int, ...]
    tables: tuple[Table, Table]
    rebuilds: int
    rebuilding: bool
    read: int
    left: tuple[int, ...] = ()  #: what the command of each client would leave of the stock now


class Projection(Model[CqrsState]):
    """Commands that take from a stock or add to it, and views of the stock.

    Arguments:
        changes: what each client's command does to the stock.
        opening: the stock at the start.
        faults: how many crashes of the first projector, and events that it fails on, there may be.
        row_versions: a row remembers the last event that it shows, and takes no earlier one.
        atomic_swap: the rebuilt table replaces the live one with its checkpoint, once it is as far.
        one_worker: an event is taken from the log and shown by one worker, while the checkpoint is locked.
        session: a client waits for a view that shows what it wrote and read.
        separate_checkpoint: the first view's store cannot hold the checkpoint, which is saved afterwards.
        checkpoint_first: it is saved before.
        synchronous: views change in the transaction of the command.
        validate_on_view: commands are validated on the first view.
        rebuild_over_live: a bug: the rebuild empties the live table and writes into it.
        skip_on_error: a bug: an event that the handler fails on is skipped.
        poison: the handler fails on the first event, always.
        counts_reads: a bug: a query changes the row that it reads.

    """

    name = "Projection"
    faults = frozenset({"StartRebuild", "Query", "Crash", "Skip"})

    def __init__(  # noqa: PLR0913 - each switch is a rule of its own
        self,
        changes: tuple[int, ...] = (-1, -1),
        opening: int = 1,
        faults: int = 1,
        *,
        row_versions: bool = True,
        atomic_swap: bool = True,
        one_worker: bool = True,
        session: bool = True,
        separate_checkpoint: bool = False,
        checkpoint_first: bool = False,
        synchronous: bool = False,
        validate_on_view: bool = False,
        rebuild_over_live: bool = False,
        skip_on_error: bool = False,
        poison: bool = False,
        counts_reads: bool = False,
    ) -> None:
        """Set the workload, and which rules are off."""
        self.changes, self.opening, self.max_faults = changes, opening, faults
        self.row_versions, self.atomic_swap, self.session = row_versions, atomic_swap, session
        self.one_worker = one_worker
        self.in_two = separate_checkpoint or checkpoint_first
        self.checkpoint_first, self.synchronous, self.validate_on_view = checkpoint_first, synchronous, validate_on_view
        self.rebuild_over_live, self.skip_on_error = rebuild_over_live, skip_on_error
        self.poison, self.counts_reads = poison, counts_reads

    def initial_states(self) -> list[CqrsState]:
        """Start with an empty log."""
        return [CqrsState((), (IDLE,) * len(self.changes), (Table(), Table()))]

    def transitions(self) -> Sequence[Transition]:
        """List the commands, the projectors, the rebuild, the queries, and then what befalls the first projector."""
        each, both = [(c,) for c in range(len(self.changes))], [(0,), (1,)]
        rows = [Transition("Validate", self.validate, each)] if self.validate_on_view else []
        rows.append(Transition("Handle", self.handle, each))
        if not self.synchronous:
            rows.append(Transition("Project", self.project, both[1:] if self.in_two or not self.one_worker else both))
        if self.in_two:
            rows += [
                Transition("WriteView", self.write_view),
                Transition("SaveCheckpoint", self.save_checkpoint),
                Transition("Crash", self.crash),
            ]
        if not self.one_worker:
            rows += [Transition("Fetch", self.fetch, both), Transition("ShowFetched", self.show_fetched, both)]
        if self.skip_on_error:
            rows.append(Transition("Skip", self.skip))
        return [
            *rows,
            Transition("StartRebuild", self.start_rebuild),
            Transition("RebuildNext", self.rebuild_next),
            Transition("Swap", self.swap),
            Transition("Query", self.query, both),
        ]

    def validate(self, s: CqrsState, c: int) -> CqrsState | None:
        """Look at the view, and go on if it shows enough."""
        if s.clients[c] != IDLE:
            return None
        enough = self._stock([s.log[position - 1] for position in s.tables[0].applied], c) >= 0
        return s._replace(clients=put(s.clients, c, VALIDATED if enough else REJECTED))

    def handle(self, s: CqrsState, c: int) -> CqrsState | None:
        """Accept a command, or reject it: on what the log says, unless it was validated elsewhere."""
        if s.clients[c] != (VALIDATED if self.validate_on_view else IDLE):
            return None
        if not self.validate_on_view and self._stock(s.log, c) < 0:
            return s._replace(clients=put(s.clients, c, REJECTED))
        done = s._replace(log=(*s.log, c), clients=put(s.clients, c, ACCEPTED))
        if not self.synchronous:
            return done
        first, second = [self._shown(table, len(done.log), len(done.log)) for table in s.tables]
        return done._replace(tables=(first, second))

    def project(self, s: CqrsState, v: int) -> CqrsState | None:
        """Show the next event and move the checkpoint, in one transaction."""
        position = s.tables[v].checkpoint + 1
        if position > len(s.log) or (self.poison and position == 1 and v == 0):
            return None
        return _table(s, v, self._shown(s.tables[v], position, position))

    def fetch(self, s: CqrsState, w: int) -> CqrsState | None:
        """Take the next event in hand, which another worker may do as well."""
        position = s.tables[0].checkpoint + 1
        if s.fetched[w] or position > len(s.log):
            return None
        return s._replace(fetched=(position, s.fetched[1]) if w == 0 else (s.fetched[0], position))

    def show_fetched(self, s: CqrsState, w: int) -> CqrsState | None:
        """Show it and move the checkpoint there, in one transaction, wherever the checkpoint is by now."""
        position = s.fetched[w]
        if not position:
            return None
        done = s._replace(fetched=(0, s.fetched[1]) if w == 0 else (s.fetched[0], 0))
        return _table(done, 0, self._shown(s.tables[0], position, position))

    def write_view(self, s: CqrsState) -> CqrsState | None:
        """Show the next event in a store that holds no checkpoint."""
        if s.half != self.checkpoint_first:
            return None
        checkpoint = s.tables[0].checkpoint
        position = checkpoint if self.checkpoint_first else checkpoint + 1
        if position > len(s.log):
            return None
        return _table(s._replace(half=not s.half), 0, self._shown(s.tables[0], position, checkpoint))

    def save_checkpoint(self, s: CqrsState) -> CqrsState | None:
        """Save the checkpoint of that store elsewhere."""
        table = s.tables[0]
        if s.half == self.checkpoint_first or table.checkpoint == len(s.log):
            return None
        return _table(s._replace(half=not s.half), 0, table._replace(checkpoint=table.checkpoint + 1))

    def crash(self, s: CqrsState) -> CqrsState | None:
        """Forget between the two writes that there was to be a second."""
        if not s.half or s.faults == self.max_faults:
            return None
        return s._replace(half=False, faults=s.faults + 1)

    def skip(self, s: CqrsState) -> CqrsState | None:
        """Fail on an event, log that, and go on with the next."""
        table = s.tables[0]
        if s.half or table.checkpoint == len(s.log) or s.faults == self.max_faults:
            return None
        return _table(s._replace(faults=s.faults + 1), 0, table._replace(checkpoint=table.checkpoint + 1))

    def start_rebuild(self, s: CqrsState) -> CqrsState | None:
        """Begin a table beside the live one."""
        if s.rebuilds or s.half or not s.log:
            return None
        begun = s._replace(rebuilt=Table(), rebuilds=1)
        return _table(begun, 0, s.tables[0]._replace(applied=())) if self.rebuild_over_live else begun

    def rebuild_next(self, s: CqrsState) -> CqrsState | None:
        """Replay the next event."""
        if s.rebuilt is None or s.rebuilt.checkpoint == len(s.log):
            return None
        position = s.rebuilt.checkpoint + 1
        replayed = s._replace(rebuilt=self._shown(s.rebuilt, position, position))
        if not self.rebuild_over_live:
            return replayed
        return _table(replayed, 0, self._shown(s.tables[0], position, s.tables[0].checkpoint))

    def swap(self, s: CqrsState) -> CqrsState | None:
        """Let the rebuilt table take the place of the live one."""
        live, rebuilt = s.tables[0], s.rebuilt
        if rebuilt is None or s.half:
            return None
        if self.rebuild_over_live:
            return s._replace(rebuilt=None) if rebuilt.checkpoint >= live.checkpoint else None
        if not self.atomic_swap:
            return _table(s._replace(rebuilt=None), 0, live._replace(applied=rebuilt.applied))
        behind = rebuilt.checkpoint < max(live.checkpoint, *live.applied, 0)
        return None if behind else _table(s._replace(rebuilt=None), 0, rebuilt._replace(hits=live.hits))

    def query(self, s: CqrsState, v: int) -> CqrsState | None:
        """Read a view; within a session, one that shows at least what the client has written and read."""
        if s.clients[0] != ACCEPTED:
            return None
        shown = max(s.tables[v].applied, default=0)
        if self.session and shown < max(s.log.index(0) + 1, s.read):
            return None
        seen = s._replace(read=shown)
        return _table(seen, v, s.tables[v]._replace(hits=True)) if self.counts_reads else seen

    def _stock(self, events: Sequence[int], c: int) -> int:
        """What would be left after these events and the command of client `c`."""
        return self.opening + sum([self.changes[event] for event in (*events, c)])

    def _shown(self, table: Table, position: int, checkpoint: int) -> Table:
        """Apply an event to a table, unless its row shows a later one."""
        late = self.row_versions and position <= max(table.applied, default=0)
        applied = table.applied if late else (*table.applied, position)
        return table._replace(applied=applied, checkpoint=checkpoint)

    def actor(self, action: Action) -> str:
        """A client, a projector, or the rebuild."""
        if action.name in {"Validate", "Handle"}:
            return f"client {action.args[0]}"
        if action.name == "Query":
            return "client 0"
        if action.name in {"StartRebuild", "RebuildNext", "Swap"}:
            return "rebuild"
        if action.name in {"Fetch", "ShowFetched"}:
            return f"worker {action.args[0]}"
        return f"view {action.args[0]}" if action.args else "view 0"

    def view(self, s: CqrsState) -> CqrsView:
        """Show both sides."""
        stock = tuple([self._stock(s.log[:n], c) for n, c in enumerate(s.log)])
        left = tuple([self._stock(s.log, c) for c in range(len(s.clients))])
        return CqrsView(s.clients, s.log, stock, s.tables, s.rebuilds, s.rebuilt is not None, s.read, left)


def _table(s: CqrsState, v: int, table: Table) -> CqrsState:
    return s._replace(tables=(table, s.tables[1]) if v == 0 else (s.tables[0], table))
