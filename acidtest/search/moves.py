"""What may happen next: the decisions that are open in a run, the cheapest first.

Six reductions keep the number of schedules small; each can be switched off, and a test shows that verdicts and final
states are the same without them.

- An effect that is `local` neither sees nor is seen by any other process: no other order is tried around it. The same
  goes for an effect on a database that no other process uses, and for the first effect of an operation, which follows its
  invocation at once; and for an operation that nobody waits for (a relay's, a message's) of a process that has its
  databases to itself, which begins as soon as the one before it has ended. Not so where the process has other clients, who share its memory, or where the call has asked for
  the time and time may jump; nor, where a contract compares what services hold at one instant (`Contract.instants`), of what a call makes durable
  after something that others may have heard of.
- A crash leaves what is durable, and clients without an answer. So it makes a difference only after an effect that made
  something durable, and once before the first of them; a crash at any other effect is the same as one of these.
- A dead process starts again at once: up to its first effect that concerns nobody else, and when that effect happens is
  a choice like any other. Not so where others notice that it is dead (`Device.notices`). Such processes do one thing at a time,
  and what one does goes on to its end, as far as nobody but itself is concerned.
- A process that is idle can only lose what it remembers, so it crashes right after an answer or not at all.
- A service is restored from a backup after something has become durable, or has begun: what others do in between concerns no
  database of that service, and its own processes die of it either way.
- What befalls a device by itself, as a cache that drops a key, shows in effects of that device alone: so it happens right before
  one of these, or in the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.workload import ENVIRONMENT
from acidtest.world.core.effects import (
    BACKUP,
    CANCELLATIONS,
    CANCELLED,
    CRASH,
    DATABASE,
    RESTART_DATABASE,
    Decision,
)

if TYPE_CHECKING:
    from acidtest.search.run import Run
    from acidtest.world.core.effects import Effect

#: How often the start of a process may fail within a schedule before it is left dead until all is at rest.
_STARTS = 2


class Position(NamedTuple):
    """Where a schedule is: the actor that went on last, whether it had just been invoked, and what ended just now.

    Arguments:
        actor: the actor that went on last; empty at the start.
        invoked: its operation has begun, but not yet done anything.
        answered: the process that has just answered a client; empty for none.
    """

    actor: str = ""
    invoked: bool = False
    answered: str = ""


class Move(NamedTuple):
    """A decision and what it costs: faults first, then preemptions."""

    decision: Decision
    faults: int = 0
    preemptions: int = 0


def moves(run: Run, at: Position, *, reduced: bool = True) -> list[Move]:
    """The moves open in `run`, the default first: go on with the same actor; nothing else where the scope is serial, or opens."""
    opening = _opening(run)
    if opening:
        return _advances(run, opening, preempts=False, reduced=reduced)[:1]
    only = _next(run, at.actor) if run.scope.has_one_schedule and not _dead(run) else ""
    if only:
        return _advances(run, only, preempts=False, reduced=reduced)[:1]
    found = _moves(run, at, reduced=reduced)
    return _in_order(found) if run.scope.serial else found


def _opening(run: Run) -> str:
    """The actor that goes on before all others do; empty where the scope has opened."""
    early = run.world.actors.early()
    if early:
        return early
    clients = run.scope.opening
    runnable = run.world.runnable() if clients else ()
    return next((name for name in clients if name in runnable), "")


def _next(run: Run, last: str) -> str:
    """Who goes on where there is one schedule: who went on last, if that can, or else the first; empty for nobody.

    The first of `runnable`, without a look at each of thousands of clients.
    """
    world, names = run.world, run.world.awake()
    client = world.actors.client(last) if last in world.clients else None
    if last in names or (client is not None and world.goes_on(client)):
        return last
    return names[0] if names else next((one.name for one in world.actors.at_work() if world.goes_on(one)), "")


def _in_order(found: list[Move]) -> list[Move]:
    """The default, the faults that may befall it, and what late effects and crashes leave to choose."""
    if not found:
        return found
    first, *others = found
    kinds = ("land", "crash", "restart", "evict", BACKUP)
    return [first, *(m for m in others if m.decision.kind in kinds or (m.faults and m.decision.target == first.decision.target))]


def _moves(run: Run, at: Position, *, reduced: bool) -> list[Move]:
    world = run.world
    runnable = world.runnable()
    only = _the_only(run, at, runnable) if reduced else ""
    if only:
        on = _advances(run, only, preempts=False, reduced=reduced)
        befalling = [*_restarts(run), *_backups(run, at, reduced=reduced), *_mishaps(run, [only], reduced=reduced)]
        return [*on, *_passing_time(run, only), *_crashes(run, at, reduced=reduced), *befalling]
    dead = _dead(run)
    unnoticed = [name for name in dead if not world.devices.notices(world.processes[name])]
    if reduced and unnoticed:
        return [Move(Decision("restart", unnoticed[0]))]
    busy = at.actor in runnable and world.pending(at.actor) is not None
    names = [at.actor, *(name for name in runnable if name != at.actor)] if at.actor in runnable else runnable
    if run.scope.serial:
        names = names[:1]  # only the first goes on (`_in_order`), and there may be thousands of clients
    found: list[Move] = []
    for name in names:
        found += _advances(run, name, preempts=busy and name != at.actor, reduced=reduced)
    for name in () if run.scope.serial and names else world.idle():
        found += _bad_starts(run, name)
    found += _cancellations(run)
    found += [Move(Decision("restart", name)) for name in dead if run.scope.restarts or name in unnoticed]
    found += [Move(Decision("land", label)) for label in world.late]
    if not runnable:
        found += [Move(Decision("victim", name, fault, _label(world.pending(name)))) for name, fault in _victims(run)]
    found += [*_crashes(run, at, reduced=reduced), *_restarts(run), *_backups(run, at, reduced=reduced)]
    found += _mishaps(run, runnable, reduced=reduced)
    found.sort(key=lambda move: (move.faults, move.preemptions))
    return found


def _victims(run: Run) -> list[tuple[str, str]]:
    """Who may give up waiting; not a thread that would try again for ever, while what keeps it waiting is to come late."""
    world = run.world
    started = {name for name, task in world.leftovers.items() if task.fork is not None} if world.late else ()
    return [(name, fault) for name, fault in world.actors.victims() if name not in started]


def follow(run: Run, decision: Decision) -> Position:
    """Where a schedule is after `decision`."""
    if decision.kind not in ("advance", "victim"):
        return Position()
    client = run.world.clients.get(decision.target)
    if client is None or client.process == ENVIRONMENT:
        return Position(decision.target)
    if client.task is None:
        process = run.world.processes[client.process]
        # What does one thing at a time has crashed at its last effect to the same end; if it had one.
        told = run.world.devices.notices(process) and not decision.effect.startswith("begin ")
        return Position(decision.target, answered=process.name if process.alive and not told else "")
    return Position(decision.target, invoked=decision.effect.startswith("begin "))


def _the_only(run: Run, at: Position, runnable: list[str]) -> str:
    """The actor that goes on before any other order is tried; empty where there is a choice."""
    if at.actor in runnable and _must_go_on(run, at):
        return at.actor
    starting = next((name for name in run.world.starting if name in runnable and _goes_through(run, name)), "")
    if starting:
        return starting
    others = () if run.scope.serial else runnable
    return next((name for name in others if run.world.pending(name) is None and _begins_unseen(run, name)), "")


def _must_go_on(run: Run, at: Position) -> bool:
    effect = run.world.pending(at.actor)
    if effect is None:
        return _begins_unseen(run, at.actor)
    if _goes_through(run, at.actor):
        return True
    if at.invoked and _was_told(run, at.actor):
        return False
    if _is_alone(run, at.actor, effect):
        return not _has_company(run, at.actor) and not _shows_late(run, at.actor, effect)
    return (at.invoked or effect.local) and not _is_watched(run, at.actor)


def _goes_through(run: Run, actor: str) -> bool:
    """Whether an actor goes on to its end before others can tell: its process does one thing at a time, has its databases to
    itself, and shows by nothing else what it has done than by what it sends, which nobody misses by being dead just now.
    """
    world, effect = run.world, run.world.pending(actor)
    if effect is None or not world.devices.notices(world.processes[world.actors.process_of(actor)]):
        return False
    return effect.local if world.devices.performs(effect) else _has_own_databases(run, actor) and not _shows_late(run, actor, effect)


def _shows_late(run: Run, actor: str, effect: Effect) -> bool:
    """Whether it is to be seen that what a call makes durable comes after something else that it has shown, and others act in between.

    Who reads several services at one instant sees that; a contract says whether that matters to what it demands (`Contract.instants`).
    """
    task = run.world.actors.task(actor)
    return run.harness.contract.instants and effect.lasts and task is not None and task.showed


def _passing_time(run: Run, actor: str) -> list[Move]:
    """The jumps of the clock that may come before what an actor does with its own databases, or begins."""
    task, world = run.world.actors.task(actor), run.world
    if run.scope.serial or not world.may_jump() or (task is not None and not task.read_clock):
        return []
    clients = [client.name for client in world.clients.values() if client.process == ENVIRONMENT and not client.done]
    return [move for name in clients for move in _advances(run, name, preempts=True, reduced=True)]


def _begins_unseen(run: Run, actor: str) -> bool:
    """Whether an actor goes on with an operation that nobody waits for, before others can tell.

    What it is given is settled: it does not depend on when it begins.
    """
    client = run.world.clients.get(actor)
    if client is None or client.done or client.process == ENVIRONMENT or client.operation.method not in run.harness.contract.interface().silent:
        return False
    source = run.world.sources.of(client.operation.source)
    settled = source is None or (source.settled and not any(_may_fall(run, fault, actor) for fault in source.faults))
    return settled and not _has_company(run, actor) and _has_own_databases(run, actor)


def _is_alone(run: Run, actor: str, effect: Effect) -> bool:
    """Whether the effect is on a database that no other process uses, and in which nothing late is to take effect."""
    return not run.world.devices.performs(effect) and _has_own_databases(run, actor)


def _has_own_databases(run: Run, actor: str) -> bool:
    """Whether no other process uses the databases of an actor's process, and nothing late is to take effect."""
    return not run.world.late and run.world.is_private(run.world.processes[run.world.actors.process_of(actor)])


def _is_watched(run: Run, actor: str) -> bool:
    """Whether what the call of `actor` did last, in memory, may be seen by another, or has depended on the time.

    Calls of one process share its memory: another one may come in between. And what the time was may be stale when
    the effect happens at last, if time may jump.
    """
    task = run.world.actors.task(actor)
    return _has_company(run, actor) or (task is not None and task.read_clock and run.world.may_jump())


def _was_told(run: Run, actor: str) -> bool:
    """Whether the call of `actor` was given something that may be old when it is acted on: others act in the meantime."""
    client = run.world.clients.get(actor)
    source = None if client is None or client.task is None else run.world.sources.of(client.operation.source)
    return source is not None and not (source.settled and _has_own_databases(run, actor))


def _has_company(run: Run, actor: str) -> bool:
    """Whether other clients call the same process, or will, or it goes on with what a call has left running."""
    clients, process = run.world.clients.values(), run.world.actors.process_of(actor)
    if run.world.devices.enters(run.world.processes[process]):
        return True
    if any(client.process == process and client.name != actor and not client.done for client in clients):
        return True
    return any(task.process.name == process and name != actor for name, task in run.world.leftovers.items())


def _advances(run: Run, actor: str, *, preempts: bool, reduced: bool) -> list[Move]:
    """Let an actor go on, without and with each fault that may befall its effect."""
    cost = int(preempts)
    effect = run.world.pending(actor)
    if effect is None:
        label = f"begin {run.world.clients[actor].operation}"
        return [Move(Decision("advance", actor, "", label), 0, cost), *_bad_starts(run, actor, cost)]
    label = effect.label
    if CANCELLED in effect.faults:
        run.harness.offered.update(CANCELLATIONS.intersection(effect.faults))
    found = [Move(Decision("advance", actor, "", label), 0, cost)]
    faults = [*effect.faults, CRASH] if _crash_matters(run, actor, effect, reduced=reduced) else effect.faults
    found += [Move(Decision("advance", actor, f, label), 1, cost) for f in faults if _may_fall(run, f, actor)]
    return found


def _bad_starts(run: Run, actor: str, cost: int = 0) -> list[Move]:
    """Let an actor begin, with a fault that befalls what it is given."""
    label = f"begin {run.world.clients[actor].operation}"
    return [
        Move(Decision("advance", actor, f, label), 1, cost) for f in run.world.faults_of_start(actor) if _may_fall(run, f, actor)
    ]


def _cancellations(run: Run) -> list[Move]:
    """Calls that wait for a lock, or for another call, can be cancelled while they do."""
    if CANCELLED not in run.scope.kinds:
        return []
    waiting = [(name, effect) for name in run.world.actors.waiting() if (effect := run.world.pending(name)) is not None]
    names = [(name, effect.label) for name, effect in waiting if CANCELLED in effect.faults and _may_fall(run, CANCELLED, name)]
    return [Move(Decision("advance", name, CANCELLED, label), faults=1) for name, label in names]


def _crashes(run: Run, at: Position, *, reduced: bool) -> list[Move]:
    """Crashes that are no faults of an effect: of processes that have answered, or been asked and done nothing yet."""
    world = run.world
    names = [name for name, process in world.processes.items() if process.alive]
    if reduced:
        asked = world.actors.process_of(at.actor) if at.invoked and _crash_differs(run, at.actor) else ""
        names = [name for name in names if name in (at.answered, asked)]
    return [Move(Decision("crash", name), faults=1) for name in names if _may_fall(run, CRASH, name)]


def _restarts(run: Run) -> list[Move]:
    """The death of the database server, or of one of several, between any two effects."""
    if RESTART_DATABASE not in run.scope.kinds or run.faults >= run.scope.faults:
        return []
    kinds = run.world.cluster.kinds()
    targets = [f"{DATABASE} {kind}" for kind in kinds] if len(kinds) > 1 else [DATABASE]
    return [Move(Decision("restart", target), faults=1) for target in targets]


def _backups(run: Run, at: Position, *, reduced: bool) -> list[Move]:
    """A service is restored from one of its backups: where something has become durable just now, or was begun."""
    if run.faults >= run.scope.faults or (reduced and not (run.stirred or at.invoked)):
        return []
    return [Move(decision, faults=1) for decision in run.world.backups.decisions()]


def _mishaps(run: Run, runnable: list[str], *, reduced: bool) -> list[Move]:
    """What may befall devices by itself: right before an effect of theirs, or in the end. No other effect can tell when it was."""
    kinds = run.world.devices.changed_by_itself & run.scope.kinds
    if not kinds or run.faults >= run.scope.faults:
        return []
    parked = {effect.kind for name in runnable if (effect := run.world.pending(name)) is not None}
    return [
        Move(decision, faults=1) for device, decision in run.world.devices.mishaps()
        if decision.mishap in kinds and (not reduced or not runnable or run.world.late or device.kinds & parked)
    ]  # fmt: skip


def _crash_differs(run: Run, actor: str) -> bool:
    """Whether a crash before the first effect of a call leaves something else than a crash upon it."""
    world, effect = run.world, run.world.pending(actor)
    if effect is None:
        return False
    alone = world.devices.notices(world.processes[world.actors.process_of(actor)])  # it does one thing at a time
    return effect.lasts or (not alone and _has_company(run, actor))


def _crash_matters(run: Run, actor: str, effect: Effect, *, reduced: bool) -> bool:
    task = run.world.actors.task(actor)
    return not reduced or effect.lasts or (task is not None and task.effects == 0)


def _may_fall(run: Run, fault: str, name: str) -> bool:
    """Whether the scope has `fault` in its budget still."""
    scope = run.scope
    if not name or fault not in scope.kinds:
        return False
    extra = scope.recovery_crashes if fault == CRASH and name in run.world.starting else 0
    return bool(run.faults < scope.faults + extra)


def _dead(run: Run) -> list[str]:
    failed = run.world.failed_starts
    return [p.name for p in run.world.processes.values() if not p.alive and failed.get(p.name, 0) < _STARTS]


def _label(effect: Effect | None) -> str:
    return "" if effect is None else effect.label
