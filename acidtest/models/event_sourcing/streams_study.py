"""Event sourcing: what is claimed of streams and of the commands that decide on them and append.

The machine is in `streams`. Sources: Young, "CQRS Documents", 2010; Helland, "Immutability changes everything", CIDR
2015; the trackers of the event stores named beside each property.
"""

from __future__ import annotations

from acidtest.checker.machine import Kind, Property, implied
from acidtest.checker.theory import Diagram, Size, Study, Switch, Theorem, counted
from acidtest.models.event_sourcing.streams import (
    OK,
    REJECTED,
    TWO_STREAMS,
    TWO_WITHDRAWALS,
    WITH_DEPOSIT,
    Event,
    EventStreams,
    StreamsView,
    balance,
)


def stored(view: StreamsView, c: int) -> list[Event]:
    """The events of a command."""
    return [event for stream in view.streams for event in stream if event.command == c]


def effects(view: StreamsView, c: int) -> int:
    """How often a command took effect, wholly or in part."""
    return sum(event.part == 0 for event in stored(view, c))


def numbered(view: StreamsView) -> bool:
    """The versions of each stream are 1 to n."""
    return all([e.version for e in stream] == list(range(1, len(stream) + 1)) for stream in view.streams)


def decided_on_its_prefix(view: StreamsView) -> bool:
    """What depends on the past was decided on all events before it, and none else."""
    firsts = [(i, e) for stream in view.streams for i, e in enumerate(stream) if not e.part]
    return all(e.on == i for i, e in firsts if view.commands[e.command].exact)


def whole(view: StreamsView) -> bool:
    """Of each append all events are there, or none."""
    return all(len(stored(view, c)) == effects(view, c) * len(view.commands[c].changes) for c in range(len(view.commands)))


def unique(view: StreamsView) -> bool:
    """No event id is stored twice."""
    ids = [(e.command, e.attempt, e.part) for stream in view.streams for e in stream]
    return len(ids) == len(set(ids))


def funded(view: StreamsView) -> bool:
    """After no event of any stream was its balance negative."""
    return all(view.opening + balance(stream[: n + 1]) >= 0 for stream in view.streams for n in range(len(stream)))


def truthful(view: StreamsView) -> bool:
    """What is answered ok is stored, and what is answered rejected is not."""
    return all(not reply or (reply == OK) == bool(stored(view, c)) for c, reply in enumerate(view.replies))


def rejected_for_want(view: StreamsView) -> bool:
    """Each rejected command would have overdrawn its stream at some time."""
    rejected = [command for command, reply in zip(view.commands, view.replies, strict=True) if reply == REJECTED]
    return all(
        any(view.opening + balance(stream[:n]) + sum(command.changes) < 0 for n in range(len(stream) + 1))
        for command in rejected
        for stream in [view.streams[command.stream]]
    )


def is_overspent(view: StreamsView) -> bool:
    """Two streams were withdrawn from, where the rule allows one."""
    return sum(balance(stream) < 0 for stream in view.streams) > 1


_YOUNG = "Young, CQRS Documents, 2010; PATTERNS 8"
_VOCABULARY = "PATTERNS 0"


def _some(view: StreamsView) -> bool:
    return any(view.streams)


def _answered(view: StreamsView) -> bool:
    return any(view.replies)


ES1 = implied(
    "ES1", "the log only grows at its end", Kind.STEP, lambda a, b: a.streams != b.streams,
    lambda a, b: all(new[: len(old)] == old for old, new in zip(a.streams, b.streams, strict=True)), _YOUNG,
)  # fmt: skip
ES2 = implied("ES2", "the versions of a stream are 1 to n", Kind.ALWAYS, _some, numbered, _YOUNG)
ES3 = implied(
    "ES3", "a decision was taken on exactly the events before it", Kind.ALWAYS, _some, decided_on_its_prefix, _YOUNG,
)  # fmt: skip
ES4 = implied("ES4", "an append is stored whole or not at all", Kind.ALWAYS, _some, whole, _YOUNG)
ES9 = implied("ES9", "no event is stored twice", Kind.ALWAYS, _some, unique, "KurrentDB#1173, #2274; PATTERNS 8")
ES10 = implied("ES10", "no prefix of a stream is overdrawn", Kind.ALWAYS, _some, funded, _YOUNG)
G3 = implied(
    "G3", "a command takes effect at most once", Kind.ALWAYS, _some,
    lambda v: all(effects(v, c) <= 1 for c in range(len(v.commands))), _VOCABULARY,
)  # fmt: skip
G4 = implied("G4", "ok means stored, rejected means never", Kind.ALWAYS, _answered, truthful, _VOCABULARY)
IMPOSSIBLE = implied(
    "G4.rejected", "what is rejected was impossible after some prefix of its stream", Kind.ALWAYS,
    lambda v: REJECTED in v.replies, rejected_for_want, _VOCABULARY,
)  # fmt: skip
G9 = Property("G9.live", "every command is answered", Kind.EVENTUALLY, lambda v: all(v.replies), _VOCABULARY)
G11 = Property(
    "G11", "without faults a command can be stored and answered ok", Kind.SOMETIMES,
    lambda v: not v.faults and OK in v.replies and _some(v), _VOCABULARY,
)  # fmt: skip
REJECTED_ONE = Property(
    "SOME-REJECTED", "a withdrawal is rejected as another was stored", Kind.SOMETIMES,
    lambda v: REJECTED in v.replies and OK in v.replies, _VOCABULARY,
)  # fmt: skip
N1 = Property(
    "N1", "a rule about two streams is broken, each having its expected version", Kind.SOMETIMES, is_overspent, _YOUNG,
)  # fmt: skip

STUDY = Study(
    name="appending to streams",
    make=EventStreams,
    switches=(
        Switch(
            "expected_version", "the store refuses an append where the stream has grown since it was loaded",
            default=True,
        ),
        Switch("recognises_ids", "events that are stored already are recognised by their ids", default=True),
        Switch("atomic_append", "the events of one append become visible together", default=True),
        Switch("max_plus_one", "the process numbers its events itself, without a unique key"),
        Switch("new_id_on_retry", "who asks again does so under new event ids"),
        Switch("rollback_after_commit", "where a reply is lost the process undoes what was committed"),
        Switch("retry_as_is", "after a conflict the append is tried again without loading anew"),
        Switch("joint_rule", "of all streams only one may be withdrawn from, as far as was loaded"),
        Switch("joint_version", "the store refuses an append where any stream has grown"),
    ),
    sizes=(
        Size("2 withdrawals from one stream, 1 fault", {}, 72, 8),
        Size("and one from another stream", {"commands": TWO_STREAMS}, 368, 11),
        Size("and a deposit in any version, 2 faults", {"commands": WITH_DEPOSIT, "faults": 2}, 5_215, 14),
    ),
    properties=(ES1, ES2, ES3, ES4, ES9, ES10, G3, G4, IMPOSSIBLE, G11, REJECTED_ONE, G9),
    theorems=(
        Theorem(N1, {"joint_rule": True}, {"joint_rule": True, "joint_version": True}, size=1),
        Theorem(ES1, {"rollback_after_commit": True}, {}),
        Theorem(ES2, {"max_plus_one": True}, {}),
        Theorem(ES3, {"expected_version": False}, {}),
        Theorem(ES4, {"atomic_append": False}, {}),
        Theorem(ES9, {"recognises_ids": False, "expected_version": False}, {"expected_version": False}),
        Theorem(ES10, {"expected_version": False}, {}),
        Theorem(G3, {"new_id_on_retry": True}, {}, size=2),
        Theorem(G4, {"recognises_ids": False}, {}),
        Theorem(G9, {"retry_as_is": True}, {}),
    ),
    diagram=Diagram(
        {"commands": TWO_WITHDRAWALS, "faults": 0},
        lambda s: f"{counted(len(s.streams[0]), 'event')}\n" + " | ".join(sorted(w.phase for w in s.writers)),
    ),
)  # fmt: skip
