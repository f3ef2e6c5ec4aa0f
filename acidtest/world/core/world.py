"""One run: processes, clients, devices and databases, driven one decision at a time.

The world performs decisions and reports events; which decision comes next is the search's business. A run is a pure
function of its schedule.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from acidtest.errors import AcidtestError, ContractError, HarnessError, place_of
from acidtest.workload import ENVIRONMENT
from acidtest.world.core import journal
from acidtest.world.core.actors import Actors
from acidtest.world.core.backups import Backups
from acidtest.world.core.device import Device, Surroundings
from acidtest.world.core.devices import Devices
from acidtest.world.core.effects import BACKUP, DEADLOCK, SLEEP, Decision, Effect, RunEnded
from acidtest.world.core.env import Env
from acidtest.world.core.events import Event, describe
from acidtest.world.core.host import building
from acidtest.world.core.late import LateEffects
from acidtest.world.core.patience import arm
from acidtest.world.core.process import Process, Task, is_of_code
from acidtest.world.core.raised import raised
from acidtest.world.core.time import PASSED, VirtualTime

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from acidtest.port import Role
    from acidtest.workload import Scope
    from acidtest.world.core.cluster import Cluster
    from acidtest.world.core.host import Host
    from acidtest.world.core.process import Scribe
    from acidtest.world.core.session import Session

    Factory = Callable[[Any], Any]

#: How often a thread that the code has started sleeps in a schedule before it does so only at rest, or while somebody waits.
NAPS = 1
#: The contract gives no device anything.
NOTHING: Mapping[str, Any] = MappingProxyType({})


def _serve(process: Process, method: str, arguments: tuple[Hashable, ...]) -> Any:  # noqa: ANN401 - whatever it answers
    """Carry out a call of another service; one that asks for what is not there fails here, not in its caller."""
    return getattr(process.implementation, method)(*arguments)


class World:
    """One run of a scope.

    `records` says that somebody wants to know what was raised, and where: to say so takes time.

    Arguments:
        cluster: where its databases are; reset before.
        factory: makes an implementation from an environment.
        scope: clients and processes.
        devices: the devices that there are.
        recover: the port method that a restarted process runs first; empty for none.
        roles: the roles that the methods of the port have.
        equipment: what the contract gives to devices, by their names.
        scribe: takes down what the code under test does; None for nobody.
        memory: returns what an idle implementation has in memory, or None; None where that makes no difference.
    """

    def __init__(
        self, cluster: Cluster, factory: Factory, scope: Scope, devices: Iterable[type[Device]], *,
        recover: str = "", roles: frozenset[Role] = frozenset(), equipment: Mapping[str, Any] = NOTHING,
        scribe: Scribe | None = None, memory: Callable[[Any], Hashable] | None = None,
    ) -> None:  # fmt: skip
        """Reset the cluster and start every process."""
        arm()
        self.cluster = cluster
        self.factory = factory
        self.recover = recover
        self.events: list[Event] = []
        self.late = LateEffects()
        self.time = VirtualTime(partial(self._happened, ENVIRONMENT, PASSED))
        self.processes: dict[str, Process] = {}
        self.failed_starts: dict[str, int] = {}
        self.records = False
        self._unsteady = scope.unsteady
        database: Any = lambda name: cluster.database(name)  # noqa: E731, PLW0108 - a cluster that is played has none, and is not asked
        surroundings = Surroundings(scope, None, roles, self.time, self.late.postpone, self._happened, lambda: self.processes, cluster.shelf, database)
        self.devices = Devices(devices, surroundings, equipment)
        self.sources = self.devices.sources
        cluster.reset()
        cluster.late = self.late.postpone_commit
        self.actors = Actors(scope.clients, scope.enough)
        self.clients, self.starting, self.leftovers = self.actors.clients, self.actors.starting, self.actors.leftovers
        self._scribe, self._memory, self._unsteady = scribe, memory, scope.unsteady
        if scribe is not None:
            scribe.attend(self)
        for name in scope.processes():
            self._boot(name)
        self.backups = Backups(cluster, wanted=BACKUP in scope.kinds)

    @property
    def is_played(self) -> bool:
        """Whether no real code runs in it."""
        return bool(self._scribe and self._scribe.plays)

    # Decisions:

    def perform(self, decision: Decision) -> bool:
        """Carry out a decision; False where the effect would wait for a lock (then nothing has happened)."""
        kind, target, fault, _ = decision
        journal.note(decision)
        if kind == "advance":
            if not self.advance(target, fault):
                journal.take_back()
                return False
        elif kind == "crash":
            self.crash(target)
        elif decision.mishap:
            self._befall(decision)
        elif kind == "restart":
            self.restart(target)
        elif kind == "land":
            if not self.late.land(target):
                return False
            self.serve()
        elif kind == "victim":
            self.advance(target, DEADLOCK)
        elif self.devices.knows(kind):
            self.change(kind, float(target))
        else:
            message = f"The world does not know the decision {decision}."
            raise HarnessError(message)
        self.backups.look()
        return True

    def advance(self, name: str, fault: str = "") -> bool:
        """Let a client, or something else that goes on, go on by one effect; False where it would have to wait."""
        task, client = self.actors.task(name), self.actors.client(name)
        if task is None and client is not None:
            if client.process == ENVIRONMENT:
                self._change_environment(client)
            else:
                self._invoke(client, fault)
            return True
        assert task is not None  # noqa: S101 - what is no client has a task
        slept = task.sleeps
        if self.devices.is_outside(task.pending):
            self.actors.reached_out()
        task.resume(fault)
        self._slept(task, slept=slept)
        if task.blocked and task.queued is None:
            task.waits = self.cluster.version()
            return False
        if fault:
            self.events.append(Event("fault", name, fault))
        self._after(task, client)
        self.serve()
        return True

    def crash(self, name: str) -> None:
        """Kill a process: its memory and connections are gone, what it committed stays."""
        process = self.processes[name]
        process.die()
        self._bury(process)

    def restart(self, name: str) -> None:
        """Start a new incarnation of a dead process; its first task is recovery."""
        process = self._incarnation(name, self.processes[name].incarnation + 1)
        self.processes[name] = process
        self.events.append(Event("restart", name))
        task = Task(f"{name} starts", process)
        self.actors.starting[name] = task
        task.start(lambda: self._start(process))
        self._after(task, None)

    def restart_database(self, kind: str = "") -> None:
        """Kill the server of a kind of databases, empty for the usual, and start it again: what was not committed or prepared is gone."""
        self.late.lose_transactions(self.cluster.restart(kind))
        for process in self.processes.values():
            process.disconnected |= process.alive

    def call(self, name: str, method: str, *arguments: Hashable) -> Task:
        """Begin a call of a port method in the process `name`, by nobody's client; resume it until it has finished."""
        process = self.processes[name]
        task = Task(f"{name}: {method}", process)
        process.remember((method, *arguments))
        call = getattr(process.implementation, method)
        task.start(lambda: call(*arguments))
        self._begin_threads(process)
        return task

    def go_on(self, task: Task, fault: str = "") -> None:
        """Let a call that is nobody's client's go on."""
        task.resume(fault)
        self._begin_threads(task.process)

    def change(self, what: str, argument: Any = 0.0) -> None:
        """Change the environment: outage or restore (of all that is outside), or what a device can change, or may suffer."""
        self.devices.change(what, argument)
        self.events.append(Event(ENVIRONMENT, what))

    def serve(self) -> None:
        """Let begin what has come in by a device: it goes on as something of its own until it has ended."""
        for name, process, method, arguments, began in self.devices.arrivals():
            process.remember((method, *arguments))
            task = Task(name, process)
            began(task)
            task.start(partial(_serve, process, method, arguments))
            self.actors.leftovers[name] = task
            self._after(task, None)

    def _befall(self, decision: Decision) -> None:
        """Let something befall the outside by itself."""
        if decision.restarts_database:
            self.restart_database(decision.server)
        elif decision.kind == BACKUP:
            self.backups.restore(decision.target, self.processes, self.crash, self.late)
        else:
            self.change(decision.mishap, decision.target)

    # What the search looks at:

    def runnable(self) -> list[str]:
        """The names of all that can go on: what waits neither for a lock nor for its process."""
        return [*self.awake(), *[client.name for client in self.actors.at_work() if self.goes_on(client)]] or self._sleepers()

    def awake(self) -> list[str]:
        """Those of them that are no clients: processes that start, and what calls have left running."""
        self.wake()
        return [name for name, task in (*self.starting.items(), *self.leftovers.items()) if not task.blocked and not self._sleeps_on(task)]

    def goes_on(self, client: Session) -> bool:
        """Whether a client can go on, or begin."""
        if client.done or client.task is not None:
            return not client.done and not client.task.blocked  # type: ignore[union-attr]
        return client.process == ENVIRONMENT or self._may_begin(client)

    def _sleepers(self) -> list[str]:
        """The threads that sleep on, where somebody waits who is none: perhaps for one of them."""
        if all(task.fork is not None for task in self.actors.tasks()):
            return []
        return [name for name, task in self.leftovers.items() if not task.blocked]

    def _may_begin(self, client: Session) -> bool:
        process = self.processes[client.process]
        return self._is_free(process) and self.sources.has(client.operation.source, process)

    def _is_free(self, process: Process) -> bool:
        return process.ready and not (process.tasks and self.devices.notices(process))

    def idle(self) -> list[str]:
        """The clients whose next operation waits for something to come: it may be given what came before once more."""
        waiting = [client for client in self.clients.values() if client.task is None and not client.done and client.process != ENVIRONMENT]
        return [client.name for client in waiting if self._is_free(self.processes[client.process]) and not self._may_begin(client)]

    def faults_of_start(self, name: str) -> tuple[str, ...]:
        """The fault kinds that can befall what the next operation of a client is given."""
        client = self.clients[name]
        if client.process == ENVIRONMENT:
            return ()
        return self.sources.faults(client.operation.source, self.processes[client.process])

    def pending(self, name: str) -> Effect | None:
        """The effect before which something is parked; None where it is a client that would begin an operation."""
        task = self.actors.task(name)
        if task is None:
            return None
        effect = task.pending if task.call is None else task.call.pending(task.pending)
        if effect is None:
            return None
        effect = self.devices.with_faults(task, effect)
        return effect if task.call is None else task.call.with_cancellations(effect)

    def may_jump(self) -> bool:
        """Whether time may pass, or a device change: the environment has such a thing to do still, or someone sleeps."""
        names = *self.clients, *self.leftovers
        sleeps = any(effect is not None and effect.kind == SLEEP for effect in map(self.pending, names))
        if self._unsteady or sleeps:
            return True
        clients = [client for client in self.clients.values() if client.process == ENVIRONMENT]
        return any(self.devices.may_change(operation.method) for c in clients for operation in c.operations[c.position :])

    def key(self) -> tuple[Hashable, ...]:
        """Equal for two worlds in which every continuation gives the same."""
        processes = [(p.digest if p.alive else 0, p.incarnation, p.alive, p.ready, p.disconnected, *self.cluster.host(p.name).pins()) for p in self.processes.values()]
        clients = [client.digest for client in self.clients.values()]
        failed = tuple(self.failed_starts.items())
        return self.durable_key(), self.cluster.history(), tuple(processes), tuple(clients), failed, self.backups.key()

    def durable_key(self) -> Hashable:
        """Equal for two worlds in which everything is equal that a crash of all processes leaves."""
        return self.cluster.contents(), self.devices.key(), self.time.time, self.late.key()

    def is_private(self, process: Process) -> bool:
        """Whether no other process uses the databases of `process`: what it does there concerns nobody else."""
        alone = all(other.service != process.service or other is process for other in self.processes.values())
        return alone and not self.devices.enters(process)

    def environment(self, host: Host, process: Process | None = None) -> Env:
        """What a process is given; or an observer, or an installer, where there is none."""
        process = process or self.outsider(host)
        env = Env(self.devices.offers, self.devices.offers_awaited, host, process)
        made: Env = env if process.scribe is None else process.scribe.environment(env, process)
        self.devices.equip(made, process)
        return made

    def outsider(self, host: Host) -> Process:
        """A process of nobody's, of an observer or an installer."""
        process = Process(host.name, 0, host)
        process.clock, process.statics = self.time, self.cluster.statics
        return process

    def close(self) -> None:
        """End every task; the cluster can be used again."""
        for process in self.processes.values():
            process.alive = False
            process.end = RunEnded
            process.bury()
        self.cluster.hang_up()
        self.late.lose_transactions()
        self.late.clear()

    # Inside:

    def _incarnation(self, name: str, number: int) -> Process:
        process = Process(name, number, self.cluster.host(name))
        process.clock, process.statics = self.time, self.cluster.statics
        process.scribe, process.memory = self._scribe, self._memory
        return process

    def _boot(self, name: str) -> None:
        process, host = self._incarnation(name, 1), self.cluster.host(name)
        try:
            with building(host, process=process):
                process.implementation = self.factory(self.environment(host, process))
        except AcidtestError:
            raise
        except BaseException as error:
            if not is_of_code(error):
                raise
            where = place_of(error)
            message = (
                f"The adapter could not make the implementation once more: {describe(error)}{f' ({where})' if where else ''}. "
                "Every process makes one when it starts, so nothing can be checked before that works."
            )
            raise ContractError(message) from error
        process.ready = True
        self.processes[name] = process
        self.devices.began(process)
        process.rest()
        self._begin_threads(process)
        for task in self.leftovers.values():
            if task.fork is not None and task.process is process:
                task.fork.early = True

    def _start(self, process: Process) -> None:
        process.implementation = self.factory(self.environment(self.cluster.host(process.name), process))
        if self.recover:
            getattr(process.implementation, self.recover)()

    def _invoke(self, client: Session, fault: str = "") -> None:
        operation = client.operation
        process = self.processes[client.process]
        task = self.actors.call(client, Task(client.name, process))
        self.events.append(Event("invoke", operation.name))
        process.remember(operation.name)
        method = getattr(process.implementation, operation.method)
        given = client.given = self.sources.given(operation.source, process, fault)
        if fault:
            self.events.append(Event("fault", client.name, fault))
        process.remember(given)
        task.start(lambda: method(*operation.arguments, *given))
        self._after(task, client)

    def _after(self, task: Task, client: Session | None) -> None:
        """Take note of how a task came out of its step, and let begin the threads that it has started."""
        self._note(task, client)
        self._begin_threads(task.process)

    def _begin_threads(self, process: Process) -> None:
        for task in [task for task in process.tasks if task.fork is not None and task.name not in self.leftovers]:
            self.leftovers[task.name] = task  # it has begun while the implementation was made
        while process.forks and process.alive:
            fork = process.forks.pop(0)
            task = self.leftovers[fork.name] = Task(fork.name, process, fork)
            task.start(fork.run)
            self._slept(task)
            self._after(task, None)

    def _slept(self, task: Task, *, slept: bool = False) -> None:
        """Keep in mind when a thread that the code has started has slept, and what there was when it began to."""
        if task.fork is not None:
            task.fork.naps += slept
            task.fork.saw = self._durable() if task.sleeps else None

    def _durable(self) -> Hashable:
        return self.cluster.contents(), self.devices.progress(), tuple(self.devices.seen().values())

    def _sleeps_on(self, task: Task) -> bool:
        """Whether a thread sleeps that need not wake: it has done so before, or would find what it has found already.

        What goes on for ever does so at rest alone.
        """
        fork = task.fork
        return fork is not None and task.sleeps and (fork.naps >= NAPS or (task.effects > 0 and fork.saw == self._durable()))

    def _note(self, task: Task, client: Session | None) -> None:
        process = task.process
        if process.disturbances:
            self.events.extend([Event("error", process.name)] * process.disturbances)
            process.disturbances = 0
        if not process.alive:
            self._died(process, task)
        elif task.finished or task.answered:
            if isinstance(task.error, AcidtestError):
                raise task.error
            if task in self.leftovers.values():
                self.raised(task)
                self.actors.went_on(task)
            elif client is None:
                self._started(process, task)
            else:
                self._replied(client, task)

    def _died(self, process: Process, task: Task) -> None:
        """A process has died at an effect of a task; or by the task's own doing, which is told, for there is no fault."""
        if task.error is None:
            self._bury(process)
        elif task is self.starting.get(process.name):
            self._started(process, task)  # it has failed to start, and would again and again
        else:
            self.events.append(Event("error", process.name, f"ends itself: {describe(task.error)}", self._raised(task)))
            task.error = None  # nor are its frames kept alive
            self._bury(process)

    def _replied(self, client: Session, task: Task) -> None:
        operation = client.operation
        if task.error is None:
            self.events.append(Event("reply", operation.name, task.value))
            self.devices.answered(operation.name, task.value)
        else:
            self.events.append(Event("unknown", operation.name, describe(task.error), self._raised(task)))
        self.sources.ended(operation.source, task.process, client.given, known=task.error is None)
        client.ended(known=task.error is None)
        task.error = None
        self.actors.leave_running(task)

    def _started(self, process: Process, task: Task) -> None:
        del self.starting[process.name]
        if task.error is None:
            process.ready = True
            self.devices.began(process)
            self.failed_starts.pop(process.name, None)
            self.actors.leave_running(task)
            return
        self.events.append(Event("error", process.name, describe(task.error), self._raised(task)))
        self.failed_starts[process.name] = self.failed_starts.get(process.name, 0) + 1
        process.die()
        self._bury(process)

    def _bury(self, process: Process) -> None:
        """What a crash leaves: clients without an answer, nothing else."""
        self.actors.bury(process)
        process.bury()
        self.devices.died(process)
        self.events.append(Event("crash", process.name))
        for client in self.clients.values():
            if client.process == process.name and client.task is not None:
                self.sources.ended(client.operation.source, process, client.given, known=False)
                self.events.append(Event("unknown", client.operation.name, "its process crashed"))
                client.ended(known=False)

    def _change_environment(self, client: Session) -> None:
        self.change(client.operation.method, *client.operation.arguments)
        client.ended(known=True)

    def raised(self, task: Task) -> None:
        """Tell whoever records the run what a call has raised that is nobody's."""
        if self.records and task.error is not None:
            self.events.append(Event("raised", task.name, describe(task.error), self._raised(task)))

    def _raised(self, task: Task) -> Any:  # noqa: ANN401 - None, most of the time
        return replace(raised(task.error), by=task.name) if self.records and task.error is not None else None

    def _happened(self, kind: str, subject: str) -> None:
        self.events.append(Event(kind, subject))

    def wake(self) -> None:
        """Let those that wait for a lock try again, if one may have become free."""
        blocked = [task for task in self.actors.tasks() if task.blocked]
        if blocked:
            self.cluster.free_dropped()
            version = self.cluster.version()
            for task in blocked:
                task.wake(version)

