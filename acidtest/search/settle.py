"""Coming to rest: faults stop, everything recovers, relays and timers run until nothing changes any more.

Twice: first with the processes as they are, so that one that an error has wedged is found out, and one that waits for a
restart that nobody makes; then with every process restarted. What must hold at rest must hold both times, but the second time alone
where a scope lifts an assumption. Time passes between rounds, past every lease and back-off. Not coming to rest within the bound is a
violation of termination, not a hang. Where a contract says so, clients that were told nothing then ask again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.port import Role
from acidtest.search.run import TERMINATION, Violation
from acidtest.workload import ENVIRONMENT
from acidtest.world.core import journal
from acidtest.world.core.effects import DEADLOCK
from acidtest.world.core.events import Event, describe
from acidtest.world.core.patience import Endless
from acidtest.world.core.process import Task

if TYPE_CHECKING:
    from collections.abc import Hashable

    from acidtest.search.run import Run
    from acidtest.workload import Client, Operation
    from acidtest.world.core.process import Process

#: How many effects one call may take.
LONGEST_CALL = 5_000
#: How many rounds it may take until nothing changes.
LONGEST_UNREST = 40
#: How often a process may fail to start.
STARTS = 3
#: The time that passes before each quiet round, in seconds: the second is past every lease and back-off.
PAUSES = (0.0, 172_800.0)
#: What was done where nothing was, but something was noticed that had been done before.
NOTICED = ""


def settle(run: Run) -> None:
    """Bring `run` to rest and check what must hold there; `run.violation` says what does not."""
    try:
        _settle(run)
    except Endless as error:
        run.give_up(error)
        _did(run, error.process, "…")


def _settle(run: Run) -> None:
    world = run.world
    for device in world.devices.values():
        device.restore()
    for label in list(world.late):
        world.late.land(label)
        _did(run, ENVIRONMENT, f"land {label}")
    whole = run.is_whole()
    _let_survivors_end(run)
    _revive(run, everyone=False)
    _drain(run)
    if run.violation is not None:
        return
    drained = run.observed()
    key = (world.durable_key(), run.view, run.candidates, whole)
    settled = run.harness.settled
    if key not in settled:
        unmet = None if run.scope.lifted else run.unmet()  # who waits for what an assumption promised may wait for a restart
        _revive(run, everyone=True)
        _drain(run)
        run.wedged = whole and run.observed() != drained
        if run.violation is None:
            run.at_rest()  # some clients never come back
        if run.violation is None and unmet is not None:
            run.violation = unmet._replace(name=f"{unmet.name}: it took a restart of processes that live")
        if _ask_again(run):
            _drain(run)
            if run.violation is None:
                run.at_rest()
        settled[key] = run.violation, run.view
    run.violation, run.view = settled[key]


def _let_survivors_end(run: Run) -> None:
    """Where others notice that a process is dead, let them be told all that they are owed before it starts again."""
    world = run.world
    if not any(not process.alive and world.devices.notices(process) for process in world.processes.values()):
        return
    for _ in range(LONGEST_UNREST):
        before = _progress(run)
        if not _tell(run) or _progress(run) == before:
            return


def _revive(run: Run, *, everyone: bool) -> None:
    """Restart the dead, and those that have lost their connections; or all."""
    world = run.world
    for name in list(world.processes):
        for _ in range(STARTS):
            process = world.processes[name]
            if process.alive and not process.disconnected and not everyone:
                break
            if process.alive and process.incarnation > 0:
                world.crash(name)
            _will(name, "restart")
            world.restart(name)
            _did(run, name, "restart")
            _start(run, name)
            if world.processes[name].ready:
                break
        else:
            _unrest(run, f"the process {name} does not start")
            return


def _start(run: Run, name: str) -> None:
    """Let a process start and recover, and look at each step of that; one that does not end dies."""
    world = run.world
    task = world.starting.get(name)
    for _ in range(LONGEST_CALL):
        if name not in world.starting or task is None:
            break
        run.look_at_clock()
        shows, action = task.pending is not None and task.pending.lasts, _next(run, task)
        world.advance(name, DEADLOCK if task.blocked else "")
        if shows:
            run.look_again()
        _did(run, name, action)
    if name in world.starting:
        world.crash(name)
    run.look_again()
    _did(run, name, NOTICED)


def _drain(run: Run) -> None:
    """Let background work run, round after round, until nothing changes although time passes."""
    port = run.harness.contract.interface()
    methods = port.looking_after
    if not methods and not port.names(Role.HANDLER) and not run.world.leftovers:
        return
    quiet = 0
    for _ in range(LONGEST_UNREST):
        if quiet == len(PAUSES):
            return
        _pass(run, PAUSES[quiet])
        before = _progress(run)
        if not _tell(run):
            return
        for method in methods:
            for name in [name for name, process in run.world.processes.items() if process.ready]:
                if hasattr(run.world.processes[name].implementation, method) and not _call(run, name, method):
                    return
        if not _let_threads_go_on(run):
            return
        after = _progress(run)
        quiet = quiet + 1 if after == before else 0
    _unrest(run, f"{' and '.join((*methods, *run.world.leftovers))} still change something after {LONGEST_UNREST} rounds")


def _call(run: Run, name: str, method: str) -> bool:
    """Let a process do its background work; False where something is violated.

    What changed nothing, not even what the process has in memory, changes nothing when it is done again, and is left out.
    """
    number, idle = run.harness.number, run.harness.idle
    before = name, method, *map(number, run.world.key())
    if before in idle and run.on_rest is None:
        run.look_again()
        return True
    _will(name, f"{method}()")
    if not _finish(run, run.world.call(name, method)):
        return False
    if before == (name, method, *map(number, run.world.key())):
        idle.add(before)
    return True


def _pass(run: Run, seconds: float) -> None:
    """Let time pass."""
    run.world.time.jump(seconds)
    if seconds:
        _did(run, ENVIRONMENT, f"jump {seconds}")


def _did(run: Run, process: str, action: str) -> None:
    """Tell whoever records the run what was done."""
    if run.on_rest is not None:
        run.on_rest(process, action)


def _will(process: str, action: str) -> None:
    """Tell whoever supervises the search what is done next."""
    journal.note(f"rest {process} | {action}")


def _next(run: Run, task: Task) -> str:
    """What a task is about to do, for whoever records the run."""
    if run.on_effect is not None:
        run.on_effect(task.pending)
    if journal.is_kept() and task.pending is not None:
        _will(task.process.name, task.pending.label)
    return task.pending.label if run.on_rest is not None and task.pending is not None else ""


def _progress(run: Run) -> Hashable:
    """What is equal when a round has changed nothing."""
    return run.observed(), run.world.devices.progress()


def _tell(run: Run) -> bool:
    """Let devices tell what they still owe: callbacks, statements, answers, messages; False where something is violated."""
    port = run.harness.contract.interface()
    for device in run.world.devices.values():
        if not any(port.names(source.role) for source in device.sources):
            continue
        for name, source, role in device.owed():
            process = run.world.processes[name]
            method = next((one for one in port.names(role) if one in port.of(process.service) and hasattr(process.implementation, one)), "")
            if method and not _give(run, process, method, source):
                return False
    return True


def _give(run: Run, process: Process, method: str, source: str) -> bool:
    """Call a method with what comes from a source."""
    given = run.world.sources.given(source, process)
    _will(process.name, f"{method}()")
    task = run.world.call(process.name, method, *given)
    ended = _finish(run, task)
    run.world.sources.ended(source, process, given, known=task.finished and task.error is None)
    return ended


def _finish(run: Run, task: Task) -> bool:
    """Run a call to its end; False where something is violated."""
    called = task.name.removeprefix(f"{task.process.name}: ")
    _did(run, task.process.name, f"{called} again" if called == task.name else f"{called}()")
    for _ in range(LONGEST_CALL):
        if task.finished or run.violation is not None:
            break
        run.look_at_clock()
        shows, action = task.pending is not None and task.pending.lasts, _next(run, task)
        if not (task.blocked and _serve(run, task)):
            run.world.go_on(task, DEADLOCK if task.blocked else "")
        if shows:
            run.look_again()
        _did(run, task.process.name, action)
    else:
        _unrest(run, f"{task.name} does not end within {LONGEST_CALL} effects")
    if not task.process.alive:  # it has ended its own process
        run.world.crash(task.process.name)
        _revive(run, everyone=False)
    if task.finished:
        run.world.raised(task)
    run.look_again()
    _did(run, task.process.name, NOTICED)
    return run.violation is None


def _serve(run: Run, caller: Task) -> bool:
    """Let the calls and threads that others wait for go on; whether the caller may go on now, and has."""
    world = run.world
    world.serve()
    for _ in range(LONGEST_UNREST):
        before = world.key()
        for name in list(world.leftovers):
            if not _advance(run, name):
                return False
        caller.wake(world.cluster.version())
        if not caller.blocked:
            world.go_on(caller)
            return True
        if world.key() == before:
            break
    return False


def _let_threads_go_on(run: Run) -> bool:
    """Let every thread that code has started go on until it waits, or has slept once; False where something is violated."""
    return all(_advance(run, name) for name in list(run.world.leftovers))


def _advance(run: Run, name: str) -> bool:
    """Let a call or a thread go on until it waits, or has slept once; False where it does not end, or something is violated."""
    world = run.world
    slept = False
    for _ in range(LONGEST_CALL):
        world.wake()
        task = world.leftovers.get(name)
        sleeps = task is not None and task.fork is not None and task.sleeps
        if task is None or task.blocked or (sleeps and slept):
            return run.violation is None
        slept |= sleeps
        run.look_at_clock()
        action = _next(run, task)
        world.advance(name)
        run.look_again()
        _did(run, task.process.name, action)
        if run.violation is not None:
            return False
    _unrest(run, f"{name} goes on for more than {LONGEST_CALL} effects without sleeping")
    return False


def _ask_again(run: Run) -> bool:
    """Let clients ask again for what they were not told, if the contract says so: long after, there must be an answer.

    One that is provisional may only mean that nothing was known before: then they ask once more.
    """
    if not run.harness.contract.asks_again or not _unanswered(run):
        return False
    for _ in range(2):
        _pass(run, PAUSES[-1])
        for client, operation in _unanswered(run):
            if run.violation is None:
                _ask(run, client.process, operation)
        if run.violation is not None or not _unanswered(run):
            return run.violation is None
        _drain(run)
    for _, operation in _unanswered(run):
        _unrest(run, f"{operation.name} is told nothing definite even in the end")
    return run.violation is None


def _unanswered(run: Run) -> list[tuple[Client, Operation]]:
    return [(client, operation) for client in run.scope.clients for operation in client.operations if run.is_unanswered(operation)]


def _ask(run: Run, name: str, operation: Operation) -> None:
    process = run.world.processes[name]
    if not process.ready:
        return
    method = getattr(process.implementation, operation.method)
    _will(name, f"{operation} again")
    task = Task(operation.name, process)
    run.world.events.append(Event("invoke", operation.name))
    run.look_again()  # before the call does anything: what it does was asked for
    task.start(lambda: method(*operation.arguments))
    if not _finish(run, task):
        return
    if task.error is not None:
        _unrest(run, f"{operation.name} is not answered even in the end: {describe(task.error)}")
        return
    run.world.events.append(Event("reply", operation.name, task.value))
    run.look_again()
    _did(run, name, f"{operation.name} is answered")


def _unrest(run: Run, what: str) -> None:
    if run.violation is None and run.harness.looks_for(TERMINATION):
        run.violation = Violation(TERMINATION, f"everything that was started ends: {what}", None, run.view)
