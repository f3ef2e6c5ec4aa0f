"""What a space-time diagram shows of a film: lifelines, arrows between them, and how each lifeline stands after each step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from acidtest.workload import ENVIRONMENT, service_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.search.failure import Row
    from acidtest.search.film import Film, Frame, Shot

#: What effects of a kind act on; all other kinds act on a database.
_PLACES = {
    "publish": "broker", "receive": "broker", "ack": "broker", "nack": "broker", "fetch": "cache", "store": "cache",
    "perform": "external", "void": "external", "inquire": "external", "call": "service",
}  # fmt: skip
#: Effects that go nowhere.
_NOWHERE = ("sleep", "wait")
#: Effects that decide: they stand out.
_DECISIVE = ("commit", "prepare", "decide", "publish", "ack", "perform", "void", "call", "store")
#: Effects that only look.
_READS = ("read", "fetch", "inquire")
#: What a statement's answer is called that had to wait for a lock.
_ANSWERED = ", answered"
#: How an arrow fares by the fault that befell the effect; one of another fault arrives.
_FARES = {
    "refused": "refused", "lost": "lost", "unacknowledged": "arrives", "late": "late", "twice": "twice", "cancelled": "lost",
    "deadlock victim": "refused", "waits for a lock in vain": "refused",
}  # fmt: skip
#: Faults after which the caller gets no answer although it took effect.
_UNANSWERED = ("unacknowledged", "cancelled after")
#: How the beginning of a call is told.
_CALL = re.compile(r"\w+\(")
#: What was late lands, by its number.
_LANDS = re.compile(r"\bland\b.*\(late (\d+)\)")


class Lane(NamedTuple):
    """A lifeline.

    Arguments:
        name: whose.
        kind: client, process, database, broker, cache, service or external.
    """

    name: str
    kind: str


class Arrow(NamedTuple):
    """Something that goes from one lifeline to another.

    Arguments:
        source, target: their numbers; equal for what concerns one alone.
        fare: arrives, refused, lost, late or twice.
        style: weighty (a commit and its like), plain, read, call, answer or unknown.
        label: what it carries.
    """

    source: int
    target: int
    fare: str
    style: str
    label: str = ""


@dataclass(frozen=True)
class Beat:
    """One step in the diagram.

    Arguments:
        number: of the step, from 1 on.
        frame: the step.
        arrows: in the order in which they go.
        before, after: how each lifeline stands: idle, busy, waiting or dead.
        mark: (lane, what) of something that befalls one lifeline: crash, start or gone.
        band: what the whole row is, if it is no effect: jump, outage and the like; else empty.
    """

    number: int
    frame: Frame
    arrows: tuple[Arrow, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    mark: tuple[int, str] | None = None
    band: str = ""


@dataclass(frozen=True)
class Scene:
    """A whole diagram."""

    lanes: tuple[Lane, ...]
    beats: tuple[Beat, ...]


def scene_of(film: Film) -> Scene:
    """The diagram of a film."""
    stage = _Stage(film)
    return Scene(stage.lanes, tuple(stage.beats()))


class _Stage:
    """Knows the lifelines of a film, and where things happen."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self._owner = {operation: seat.client for seat in film.clients for operation in seat.operations}
        self._process = {seat.client: seat.process for seat in film.clients}
        self.lanes = tuple(self._lanes())
        self._number = {lane: number for number, lane in enumerate(self.lanes)}

    def _lanes(self) -> Iterator[Lane]:
        """Clients beside their processes, then what processes talk to, in the order in which it is first used."""
        processes = dict(self._film.start.incarnations)
        for process in processes:
            yield from (Lane(seat.client, "client") for seat in self._film.clients if seat.asks and seat.process == process)
            yield Lane(process, "process")
        used = dict.fromkeys(place for frame in self._film.frames if (place := self._place(frame)) is not None)
        yield from sorted((lane for lane in used if lane.kind != "process"), key=lambda lane: lane.kind != "database")

    def _place(self, frame: Frame) -> Lane | None:
        """What the effect of a step acts on."""
        shot = frame.shot
        if not shot.where or shot.kind in _NOWHERE:
            return None
        kind = "database" if shot.where in self._film.databases else _PLACES.get(shot.kind, "database")
        if kind == "service":
            own = [name for name in dict(self._film.start.incarnations) if service_of(name) == shot.where]
            return Lane(own[0], "process") if own else Lane(shot.where, kind)
        return Lane(shot.where, kind)

    def beats(self) -> Iterator[Beat]:
        """The steps."""
        before = self._stand(self._film.start)
        self._late: list[tuple[int, int]] = []
        for number, frame in enumerate(self._film.frames, 1):
            after = self._stand(frame.shot)
            yield Beat(number, frame, tuple(self._arrows(frame)), before, after, self._mark(frame), self._band(frame))
            before = after

    def _stand(self, shot: Shot) -> tuple[str, ...]:
        return tuple(self._standing(lane, shot) for lane in self.lanes)

    def _standing(self, lane: Lane, shot: Shot) -> str:
        if lane.kind == "client":
            asks = any(known == "open" and self._owner.get(op) == lane.name for op, known in shot.knows)
            return "waiting" if lane.name in shot.waiting else "busy" if asks else "idle"
        if lane.kind != "process":
            return "idle"
        if lane.name not in dict(shot.incarnations):
            return "dead"
        clients = {name for name, process in self._process.items() if process == lane.name} | {lane.name}
        if any(name in clients or name.startswith(f"{lane.name}, ") for name in shot.waiting):
            return "waiting"
        asked = {op for op, known in shot.knows if known == "open"}
        return "busy" if any(self._owner.get(operation) in clients for operation in asked) else "idle"

    def _arrows(self, frame: Frame) -> Iterator[Arrow]:
        row = frame.row
        actor = self._number.get(Lane(row.process, "process"))
        if _LANDS.search(f"{row.action} {row.process}"):
            yield from self._landing(row)
            return
        if actor is None:
            return
        client = self._client(row.client, row.process)
        place = self._place(frame)
        if place is not None:
            yield from self._effect(frame, actor, self._number[place])
        elif not frame.shot.kind and _CALL.match(row.action):
            yield Arrow(actor if client is None or frame.resting else client, actor, "arrives", "call", row.action)
        for event in row.events:
            yield from self._answer(event, actor)

    def _client(self, name: str, process: str) -> int | None:
        if self._process.get(name) != process:
            return None
        return self._number.get(Lane(name, "client"))

    def _effect(self, frame: Frame, actor: int, place: int) -> Iterator[Arrow]:
        row, kind = frame.row, frame.shot.kind
        style = "weighty" if kind in _DECISIVE else "read" if kind in _READS else "plain"
        fare = "refused" if self._is_refused(frame) else _FARES.get(row.fault, "arrives")
        label = row.action.partition(": ")[2] or row.action
        comes = kind in ("receive", "reply") or label.endswith(_ANSWERED)
        source, target = (place, actor) if comes else (actor, place)
        yield Arrow(source, target, fare, style, label)
        if row.fault == "late":
            self._late.append((source, target))
        if row.fault in _UNANSWERED:
            yield Arrow(place, actor, "lost", "unknown", "no answer")

    def _is_refused(self, frame: Frame) -> bool:
        """Whether an effect without a fault had none: it was in an outage, or the broker does not take the message."""
        row, shot = frame.row, frame.shot
        if row.fault or shot.where in self._film.databases:
            return False
        return shot.outage or (shot.kind == "publish" and not any(change.startswith(f"{shot.where}: +") for change in row.changes))

    def _answer(self, event: str, actor: int) -> Iterator[Arrow]:
        operation, arrow, value = event.partition(" ⇒ ")
        owner = self._owner.get(operation)
        client = self._number.get(Lane(owner, "client")) if owner is not None else None
        if not arrow or client is None:
            return
        known = not value.startswith("unknown (")
        yield Arrow(actor, client, "arrives" if known else "lost", "answer" if known else "unknown", value if known else "unknown")

    def _landing(self, row: Row) -> Iterator[Arrow]:
        """What was late takes effect: it comes from whoever had sent it."""
        found = _LANDS.search(f"{row.action} {row.process}")
        number = int(found[1]) - 1 if found is not None else len(self._late)
        if number < len(self._late):
            source, target = self._late[number]
            yield Arrow(source, target, "lands", "weighty", "takes effect, late")

    def _mark(self, frame: Frame) -> tuple[int, str] | None:
        row = frame.row
        lane = self._number.get(Lane(row.process, "process"))
        if lane is not None and row.fault == "crash":
            return lane, "crash"
        if lane is not None and row.action.startswith("restart"):
            return lane, "start"
        if row.fault in ("killed", "evicted", "backup restored"):
            gone = next((n for n, other in enumerate(self.lanes) if _is_meant(other, row.action)), None)
            return None if gone is None else (gone, "gone")
        return None

    def _band(self, frame: Frame) -> str:
        row = frame.row
        if row.process == ENVIRONMENT and not _LANDS.search(row.action):
            return row.action.partition(" ")[0] if not row.fault else row.fault
        return ""


def _is_meant(lane: Lane, action: str) -> bool:
    """Whether it is what restarts or loses something of a device or a database, or is set back with its service."""
    service, is_backup, _ = action.partition(", as it was ")
    if is_backup:
        return lane.kind == "database" and lane.name.startswith(service)
    return (lane.kind in action and lane.kind in ("database", "cache")) or action.startswith(lane.name)
