"""Streams of an event store, and commands that decide on what they load and append.

`EventStreams` is an event store with an expected version per append and recognition of event ids (Young, "CQRS
Documents", 2010; KurrentDB's append), and one process per command that loads, decides and appends. Replies may be
lost and processes crash; whoever asked asks again, with the same event ids. What a stream loads into, over snapshots
and changes of schema, is in `schema`; who reads all streams in one order is in `subscription`.

Assumptions: an append is one transaction, and a process knows of the store only what it has loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Model, Transition
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Sequence

IDLE, LOADED, HALF, APPENDED, UNSURE, DONE = "idle", "loaded", "half appended", "appended", "unsure", "done"
OK, REJECTED = "ok", "rejected"


class Command(NamedTuple):
    """What is asked for: changes of one stream's balance, one event each; `exact` where it depends on what was loaded."""

    stream: int
    changes: tuple[int, ...]
    exact: bool = True


#: A withdrawal with its fee, which is two events, and a deposit, which whatever happened before cannot make wrong.
WITHDRAW, DEPOSIT = (-1, -1), (2,)
TWO_WITHDRAWALS = (Command(0, WITHDRAW), Command(0, WITHDRAW))
TWO_STREAMS = (*TWO_WITHDRAWALS, Command(1, WITHDRAW))
WITH_DEPOSIT = (*TWO_WITHDRAWALS, Command(0, DEPOSIT, exact=False))


class Event(NamedTuple):
    """A stored event. Its id is the command, the attempt and the part; `on` is the version that was decided on."""

    command: int
    attempt: int
    part: int
    change: int
    version: int
    on: int


class Writer(NamedTuple):
    """The memory of the process of one command: how much of each stream it has loaded, and which ids it uses."""

    phase: str = IDLE
    seen: tuple[int, ...] = ()
    attempt: int = 0


class StreamsState(NamedTuple):
    """`streams` is durable, `writers` is memory, `replies` is what the clients have been told."""

    streams: tuple[tuple[Event, ...], ...]
    writers: tuple[Writer, ...]
    replies: tuple[str, ...]
    faults: int = 0


class StreamsView(NamedTuple):
    """What an outsider sees: the commands, the streams, the replies, and how many faults there were."""

    commands: tuple[Command, ...]
    opening: int
    streams: tuple[tuple[Event, ...], ...]
    replies: tuple[str, ...]
    faults: int


class EventStreams(Model[StreamsState]):
    """Commands that append to streams.

    Arguments:
        commands: what is asked for, each by a client and a process of its own.
        opening: the balance with which each stream opens.
        faults: how many crashes and lost replies there may be in all.
        expected_version: the store refuses an append where the stream has grown since it was loaded.
        recognises_ids: the store and the process recognise the events of an append that succeeded before.
        atomic_append: the events of one append become visible together.
        max_plus_one: a bug: the process numbers its events itself, and no unique key guards the numbers.
        new_id_on_retry: a bug: who asks again does so under new event ids.
        rollback_after_commit: a bug: where a reply is lost the process undoes what was committed.
        retry_as_is: a bug: after a conflict the append is tried again without loading anew.
        joint_rule: a withdrawal is decided on all streams: of them all, one only may be withdrawn from.
        joint_version: the store refuses an append where any stream has grown.

    """

    name = "EventStreams"
    faults = frozenset({"Crash", "LoseReply"})

    def __init__(  # noqa: PLR0913 - each switch is a rule of its own
        self,
        commands: tuple[Command, ...] = TWO_WITHDRAWALS,
        opening: int = 2,
        faults: int = 1,
        *,
        expected_version: bool = True,
        recognises_ids: bool = True,
        atomic_append: bool = True,
        max_plus_one: bool = False,
        new_id_on_retry: bool = False,
        rollback_after_commit: bool = False,
        retry_as_is: bool = False,
        joint_rule: bool = False,
        joint_version: bool = False,
    ) -> None:
        """Set the workload, and which rules are off."""
        self.commands, self.opening, self.max_faults = commands, opening, faults
        self.expected_version, self.recognises_ids, self.atomic_append = expected_version, recognises_ids, atomic_append
        self.max_plus_one, self.new_id_on_retry = max_plus_one, new_id_on_retry
        self.rollback_after_commit, self.retry_as_is = rollback_after_commit, retry_as_is
        self.joint_rule, self.joint_version = joint_rule, joint_version
        self.streams = range(1 + max(command.stream for command in commands))

    def initial_states(self) -> list[StreamsState]:
        """Start with empty streams, and every command asked for."""
        each = len(self.commands)
        return [StreamsState(((),) * len(self.streams), (Writer(),) * each, ("",) * each)]

    def transitions(self) -> Sequence[Transition]:
        """List the life of a command, and then what may befall it."""
        each = [(c,) for c in range(len(self.commands))]
        exact = [(c,) for c, command in enumerate(self.commands) if command.exact]
        checked = (self.expected_version or self.joint_version) and not self.max_plus_one
        rows = [
            Transition("Load", self.load, each),
            Transition("Append", self.append, each),
            Transition("Reject", self.reject, exact),
            Transition("Reply", self.reply, each),
            Transition("Crash", self.crash, each),
            Transition("LoseReply", self.lose_reply, each),
        ]
        if checked:
            rows.append(Transition("Conflict", self.conflict, exact))
        if self.recognises_ids:
            rows.append(Transition("Recognise", self.recognise, each))
        if not self.atomic_append:
            rows.append(Transition("AppendRest", self.append_rest, each))
        if self.rollback_after_commit:
            rows.append(Transition("Rollback", self.rollback, each))
        return rows

    def load(self, s: StreamsState, c: int) -> StreamsState | None:
        """Read the stream, and where the rule is about all of them the others too."""
        writer, own = s.writers[c], self.commands[c].stream
        if writer.phase != IDLE:
            return None
        wanted = set(self.streams) if self.joint_rule or self.joint_version else {own}
        seen = tuple([len(s.streams[n]) if n in wanted else 0 for n in self.streams])
        return self._now(s, c, writer._replace(phase=LOADED, seen=seen))

    def append(self, s: StreamsState, c: int) -> StreamsState | None:
        """Ask the store to append what was decided; it does where the expected version is the current one."""
        writer = s.writers[c]
        if writer.phase not in {LOADED, UNSURE} or not self._decide(s, c) or self._known(s, c) or self._stale(s, c):
            return None
        changes = self.commands[c].changes
        if self.atomic_append:
            return self._now(self._written(s, c, range(len(changes))), c, writer._replace(phase=APPENDED))
        phase = HALF if len(changes) > 1 else APPENDED
        return self._now(self._written(s, c, range(1)), c, writer._replace(phase=phase))

    def append_rest(self, s: StreamsState, c: int) -> StreamsState | None:
        """Insert what one INSERT per event has left to do."""
        writer = s.writers[c]
        if writer.phase != HALF:
            return None
        rest = range(1, len(self.commands[c].changes))
        return self._now(self._written(s, c, rest), c, writer._replace(phase=APPENDED))

    def conflict(self, s: StreamsState, c: int) -> StreamsState | None:
        """Be refused, as the stream has grown: load again."""
        writer = s.writers[c]
        if writer.phase not in {LOADED, UNSURE} or self._known(s, c) or not self._stale(s, c):
            return None
        return self._now(s, c, writer if self.retry_as_is else writer._replace(phase=IDLE, seen=()))

    def recognise(self, s: StreamsState, c: int) -> StreamsState | None:
        """Find the events of this command stored already, when loading or when told so by the store: that is success."""
        writer = s.writers[c]
        if writer.phase not in {LOADED, UNSURE} or not self._known(s, c):
            return None
        return self._now(s, c, writer._replace(phase=APPENDED))

    def reject(self, s: StreamsState, c: int) -> StreamsState | None:
        """Tell the client that the command is impossible, going by what was loaded."""
        if s.writers[c].phase != LOADED or self._decide(s, c) or self._known(s, c):
            return None
        return self._told(s, c, REJECTED)

    def reply(self, s: StreamsState, c: int) -> StreamsState | None:
        """Tell the client that it is done."""
        return self._told(s, c, OK) if s.writers[c].phase == APPENDED else None

    def lose_reply(self, s: StreamsState, c: int) -> StreamsState | None:
        """Commit, but let nobody know: the process asks the store again."""
        writer = s.writers[c]
        if writer.phase != APPENDED or s.faults == self.max_faults:
            return None
        attempt = writer.attempt + self.new_id_on_retry
        return self._now(s._replace(faults=s.faults + 1), c, writer._replace(phase=UNSURE, attempt=attempt))

    def crash(self, s: StreamsState, c: int) -> StreamsState | None:
        """Lose what was loaded; the client asks again."""
        writer = s.writers[c]
        if writer.phase in {IDLE, DONE} or s.faults == self.max_faults:
            return None
        return self._now(s._replace(faults=s.faults + 1), c, Writer(attempt=writer.attempt))

    def rollback(self, s: StreamsState, c: int) -> StreamsState | None:
        """Take the lost reply for a failure, and delete."""
        if s.writers[c].phase != UNSURE:
            return None
        kept = tuple([tuple([e for e in stream if e.command != c]) for stream in s.streams])
        return self._now(s._replace(streams=kept), c, s.writers[c]._replace(phase=IDLE, seen=()))

    def _decide(self, s: StreamsState, c: int) -> bool:
        """Whether the command is possible, from what was loaded alone."""
        command, loaded = self.commands[c], s.writers[c].seen
        funds = [self.opening + balance(stream[:n]) for stream, n in zip(s.streams, loaded, strict=True)]
        if self.joint_rule and min(funds) < self.opening:
            return False
        return funds[command.stream] + sum(command.changes) >= 0

    def _known(self, s: StreamsState, c: int) -> bool:
        """Whether the store holds events with the ids of this command."""
        ids = (c, s.writers[c].attempt)
        return self.recognises_ids and any((e.command, e.attempt) == ids for e in s.streams[self.commands[c].stream])

    def _stale(self, s: StreamsState, c: int) -> bool:
        """Whether the store refuses the expected version."""
        command, seen = self.commands[c], s.writers[c].seen
        if not command.exact or self.max_plus_one:
            return False
        if self.joint_version and sum(seen) != sum(map(len, s.streams)):
            return True
        return self.expected_version and seen[command.stream] != len(s.streams[command.stream])

    def _written(self, s: StreamsState, c: int, parts: range) -> StreamsState:
        command, writer = self.commands[c], s.writers[c]
        stream, on = s.streams[command.stream], writer.seen[command.stream]
        last = on + parts.start if self.max_plus_one else len(stream)
        added = [
            Event(c, writer.attempt, part, command.changes[part], last + i, on) for i, part in enumerate(parts, 1)
        ]
        return s._replace(streams=put(s.streams, command.stream, (*stream, *added)))

    def _told(self, s: StreamsState, c: int, answer: str) -> StreamsState:
        return self._now(s._replace(replies=put(s.replies, c, answer)), c, Writer(DONE))

    def _now(self, s: StreamsState, c: int, writer: Writer) -> StreamsState:
        return s._replace(writers=put(s.writers, c, writer))

    def shown(self, s: StreamsState) -> StreamsState:
        """Events as what a reader of the log would say of them."""
        texts = tuple(tuple(f"version {e.version}: {e.change:+} by command {e.command}" for e in stream) for stream in s.streams)
        return s._replace(streams=texts)  # type: ignore[arg-type]

    def view(self, s: StreamsState) -> StreamsView:
        """Show the log, and what clients know."""
        return StreamsView(self.commands, self.opening, s.streams, s.replies, s.faults)


def balance(events: tuple[Event, ...]) -> int:
    """Fold: what the events amount to."""
    return sum([event.change for event in events])
