"""One run of a workload that leaves its default schedule where a plan says so.

The default schedule is to let one client finish before the next begins. A plan says after how many effects another client
goes on instead, which fault befalls which of the effects that it can befall, and after how many effects the environment
changes. So a whole schedule is a handful of numbers, each of which means something.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from acidtest.search.moves import Move, Position, follow, moves
from acidtest.search.run import Run
from acidtest.search.settle import settle
from acidtest.world.core.effects import CRASH, Decision

if TYPE_CHECKING:
    from collections.abc import Container, Hashable

    from acidtest.search.harness import Harness

#: How many effects a run performs, at most, before it comes to rest.
LONGEST = 20_000
#: The actor, in a switch, that stands for what was late and takes effect now.
LATE_EFFECT = "what is late"
#: The actor, in a switch, that stands for the next of those that can go on.
NEXT = "the next"


class Plan(NamedTuple):
    """Where a run leaves its default schedule. Each is counted from the one before of its sort.

    Arguments:
        switches: (at which of the occasions to go on elsewhere, with which actor) pairs; with the next that can go on
            where that one cannot.
        faults: (which of the effects that it can befall, fault kind) pairs.
        changes: (after how many effects, what, argument) triples: jump (seconds), outage, restore.
    """

    switches: tuple[tuple[int, str], ...] = ()
    faults: tuple[tuple[int, str], ...] = ()
    changes: tuple[tuple[int, str, float], ...] = ()


NO_DEPARTURE = Plan()


@dataclass
class Occasions:
    """How often a run could have been left for another.

    Arguments:
        effects: how many decisions were carried out.
        switches: at how many of them another actor could have gone on.
        faults: per kind, how many effects it could have befallen.
    """

    effects: int = 0
    switches: int = 0
    faults: Counter[str] = field(default_factory=Counter)


class PlannedRun:
    """A run of the scope that a harness is prepared for, along a plan.

    `schedule` is what was decided, `occasions` what could have been decided otherwise, `run` the run itself.
    """

    def __init__(self, harness: Harness, plan: Plan) -> None:
        """Start the world."""
        self.run = Run(harness)
        self.schedule: list[Decision] = []
        self.occasions = Occasions()
        self.states: set[Hashable] = set()
        self._at = Position()
        self._switches, self._faults, self._changes = list(plan.switches), list(plan.faults), list(plan.changes)
        self._elsewhere = self._steps = 0
        self._last = ""
        self._clients = [client.name for client in self.run.scope.clients]
        self._kinds = sorted(harness.prepared().kinds)

    def follow(self) -> None:
        """Run to the end and come to rest, or to the first violation."""
        for _ in range(LONGEST):
            move = self._next()
            if move is None:
                break
            self._perform(move)
            if self.run.is_over:
                return
        settle(self.run)

    def _perform(self, move: Move) -> None:
        if self.run.perform(move.decision):
            self.schedule.append(move.decision)
            self._at = follow(self.run, move.decision)
            self._last = self._at.actor or self._last
            self.occasions.effects += 1
            self.states.add((self.run.scope.name, self.run.key()))

    def _next(self) -> Move | None:
        """What to do now; None at the end."""
        change = self._change()
        if change is not None:
            return change
        options = moves(self.run, self._at)
        if not options or options[0].faults:
            return None
        chosen = self._elsewhere_or(self._in_turn(options))
        return self._fault_or(chosen, options)

    def _change(self) -> Move | None:
        self._steps += 1
        if not self._changes or self._steps <= self._changes[0][0]:
            return None
        _, what, argument = self._changes.pop(0)
        self._steps = 0
        return Move(Decision(what, str(argument)))

    def _elsewhere_or(self, options: list[Move]) -> Move:
        """The default, or another actor where that is planned."""
        others = _others(options, self._at.actor)
        if not others:
            return options[0]
        self.occasions.switches += 1
        self._elsewhere += 1
        if not self._switches or self._elsewhere < self._switches[0][0]:
            return options[0]
        _, actor = self._switches.pop(0)
        self._elsewhere = 0
        return min(others, key=lambda move: (_actor(move) != actor, self._turn(move)))

    def _in_turn(self, options: list[Move]) -> list[Move]:
        """The options, the default first: the actor that went on last, or else the next of the clients.

        So an actor that was left comes again when all after it have come to their ends.
        """
        able = [m for m in options if m.decision.kind == "advance" and m.decision.target in self._clients and not m.faults]
        if options[0] not in able:
            return options
        default = min(able, key=self._turn)
        return [default, *(move for move in options if move is not default)]

    def _turn(self, move: Move) -> int:
        """How many clients come before that of a move, from the one on that went on last; what has no actor comes after all."""
        actor, clients = move.decision.target, self._clients
        if actor not in clients or self._last not in clients:
            return len(clients)
        return (clients.index(actor) - clients.index(self._last)) % len(clients)

    def _fault_or(self, chosen: Move, options: list[Move]) -> Move:
        """The chosen move, or the fault that is planned to befall it; of what can befall several things, each counts."""
        can: dict[str, list[Move]] = {}
        able = {move.decision.target for move in options if not move.faults}
        for move in options:
            kind = fault_of(move.decision)
            if kind and _befalls(move, chosen, able):
                can.setdefault(kind, []).append(move)
        self.occasions.faults.update({kind: len(found) for kind, found in can.items()})
        if not self._faults or self._faults[0][1] not in can:
            return chosen
        left, kind = self._faults[0]
        if left > len(can[kind]):
            self._faults[0] = left - len(can[kind]), kind
            return chosen
        self._faults.pop(0)
        return can[kind][left - 1]


def fault_of(decision: Decision) -> str:
    """The kind of the fault that a decision is; empty for none."""
    return decision.mishap or decision.fault or (CRASH if decision.kind == CRASH else "")


def _befalls(fault: Move, chosen: Move, able: Container[str]) -> bool:
    """Whether a fault befalls what goes on now, or no effect at all, or one that only a fault lets go on; others have their turn later."""
    return fault.decision.kind != "advance" or fault.decision.target == chosen.decision.target or fault.decision.target not in able


def _actor(move: Move) -> str:
    return LATE_EFFECT if move.decision.kind == "land" else move.decision.target


def _others(options: list[Move], actor: str) -> list[Move]:
    """The moves that go on elsewhere, and are no faults; none at the start, where every actor is another."""
    return [m for m in options if m.decision.kind in ("advance", "land") and _actor(m) != actor and not m.faults] if actor else []
