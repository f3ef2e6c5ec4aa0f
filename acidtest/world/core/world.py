"""One run: processes, clients, a broker, a clock and databases, driven one decision at a time.

The world performs decisions and reports events; which decision comes next is the search's business. A run is a pure
function of its schedule.
"""

from __future__ import annotations

from asyncio import CancelledError
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.errors import AcidtestError, HarnessError
from acidtest.workload import ENVIRONMENT
from acidtest.world.core.effects import DEADLOCK, TIMEOUT, Decision, Effect, RunEnded
from acidtest.world.core.env import Env
from acidtest.world.core.host import building
from acidtest.world.core.locks import of_tasks
from acidtest.world.core.process import Process, Task
from acidtest.world.core.session import Session
from acidtest.world.core.sources import Sources
from acidtest.world.devices.broker.deliveries import Deliveries
from acidtest.world.devices.broker.log import SimulatedBroker
from acidtest.world.devices.clock import VirtualClock
from acidtest.world.devices.external import Externals
from acidtest.world.devices.services.called import Calls
from acidtest.world.devices.services.played import Services

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from acidtest.environment import Environment
    from acidtest.workload import Operation, Played, Scope
    from acidtest.world.core.backend import Landing
    from acidtest.world.core.site import Site

    Factory = Callable[[Environment], Any]


#: No service is played.
NOBODY: Mapping[str, Played] = MappingProxyType({})


class Event(NamedTuple):
    """Something that an outsider observes: invoke, reply (known), unknown, crash, restart, fault or error.

    Arguments:
        kind: what happened.
        subject: the operation (invoke, reply, unknown), process (crash, restart, error) or lane (fault).
        value: the answer, the fault kind with its effect, or the text of the error.
    """

    kind: str
    subject: str
    value: Any = None


class Late(NamedTuple):
    """An effect that was late and has yet to take effect; call it to let it.

    Arguments:
        land: lets it take effect.
        fact: determines what it will do: part of the key of a state.
        connection: what holds the transaction and its locks; None for what is not of a database.
    """

    land: Callable[[], None]
    fact: Hashable
    connection: Landing | None = None

    def __call__(self) -> None:
        """Let it take effect."""
        self.land()


class World:
    """One run of a scope.

    Arguments:
        site: where its databases are; reset before.
        factory: makes an implementation from an environment.
        scope: clients and processes.
        recover: the port method that a restarted process runs first; empty for none.
        played: the services that the harness plays, by name.
        heard: answers of these services that come by themselves are heard.
    """

    def __init__(  # noqa: PLR0913 - all that a run depends on
        self, site: Site, factory: Factory, scope: Scope, recover: str = "", played: Mapping[str, Played] = NOBODY, *, heard: bool = True
    ) -> None:
        """Reset the site and start every process."""
        self.site = site
        self.factory = factory
        self.recover = recover
        self.events: list[Event] = []
        self.late: dict[str, Late] = {}
        self.broker = SimulatedBroker(self._postpone, frozenset(scope.poison))
        self.externals = Externals(self._postpone, scope.systems)
        self.calls = Calls(self._serving, self._postpone)
        self.services = Services(self._postpone, played, self.calls, scope.called, heard=heard)
        self.deliveries = Deliveries(self.broker)
        self.sources = Sources(self.externals, self.services, self.deliveries)
        self.clock = VirtualClock(lambda: self.events.append(Event("environment", "jump")))
        self._postponed = 0
        self._left = 0
        self._unsteady = scope.unsteady
        self.called = frozenset(scope.called)
        site.reset()
        site.late = self._postpone_commit
        self.clients = {lane.name: Session(lane) for lane in scope.clients}
        self.processes: dict[str, Process] = {}
        self.starting: dict[str, Task] = {}
        self.leftovers: dict[str, Task] = {}
        self.failed_starts: dict[str, int] = {}
        for name in scope.processes():
            self._boot(name)

    # Decisions:

    def perform(self, decision: Decision) -> bool:
        """Carry out a decision; False where the effect would wait for a lock (then nothing has happened)."""
        kind, target, fault, _ = decision
        if kind == "advance":
            return self.advance(target, fault)
        if kind == "crash":
            self.crash(target)
        elif decision.restarts_database:
            self.restart_database()
        elif kind == "restart":
            self.restart(target)
        elif kind == "land":
            late = self.late.pop(target, None)
            if late is None:
                return False
            late()
            self.serve()
        elif kind == "victim":
            self.advance(target, DEADLOCK)
        elif kind in ("jump", "outage", "restore"):
            self.change(kind, float(target))
        else:
            message = f"The world does not know the decision {decision}."
            raise HarnessError(message)
        return True

    def advance(self, name: str, fault: str = "") -> bool:
        """Let a client, or a starting process, go on by one effect; False where it would have to wait."""
        task = self.task(name)
        client = None if name in self.starting or name in self.leftovers else self.clients[name]
        if task is None and client is not None:
            if client.process == ENVIRONMENT:
                self._change_environment(client)
            else:
                self._invoke(client, fault)
            return True
        assert task is not None  # noqa: S101 - a process that starts has a task
        task.resume(fault)
        if task.blocked and task.queued is None:
            task.waits = self.site.version()
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
        old = self.processes[name]
        process = Process(name, old.incarnation + 1, self.site.host(name))
        self.processes[name] = process
        self.events.append(Event("restart", name))
        task = Task(f"{name} starts", process)
        self.starting[name] = task
        task.start(lambda: self._start(process))
        self._after(task, None)

    def restart_database(self) -> None:
        """Kill the database server and start it again: whatever was not committed or prepared is gone."""
        self.site.restart()
        for label, late in list(self.late.items()):
            if late.connection is not None:
                late.connection.hang_up()
                del self.late[label]
        for process in self.processes.values():
            process.disconnected |= process.alive

    def call(self, name: str, method: str, *arguments: Hashable) -> Task:
        """Begin a call of a port method in the process `name`, by nobody's client; resume it until it has finished."""
        process = self.processes[name]
        task = Task(f"{name}: {method}", process)
        process.remember((method, *arguments))
        call = getattr(process.implementation, method)
        task.start(lambda: call(*arguments))
        return task

    # What the search looks at:

    def runnable(self) -> list[str]:
        """The clients, starting processes and leftovers of calls that are not waiting for a lock or for their process."""
        self._wake()
        names = [name for name, task in (*self.starting.items(), *self.leftovers.items()) if not task.blocked]
        for name, client in self.clients.items():
            if client.position >= len(client.operations):
                continue
            if client.task is not None:
                if not client.task.blocked:
                    names.append(name)
            elif client.process == ENVIRONMENT or self._may_begin(client):
                names.append(name)
        return names

    def _may_begin(self, client: Session) -> bool:
        process = self.processes[client.process]
        return process.ready and self.sources.has(client.operation.source, process)

    def idle(self) -> list[str]:
        """The clients whose next operation waits for something to come: it may be given what came before once more."""
        waiting = [client for client in self.clients.values() if client.task is None and not client.done and client.process != ENVIRONMENT]
        return [client.name for client in waiting if self.processes[client.process].ready and not self._may_begin(client)]

    def faults_of_start(self, name: str) -> tuple[str, ...]:
        """The fault kinds that can befall what the next operation of a client is given."""
        client = self.clients[name]
        if client.process == ENVIRONMENT:
            return ()
        return self.sources.faults(client.operation.source, self.processes[client.process])

    def waiting(self) -> list[str]:
        """The clients, starting processes and leftovers of calls that wait for a lock."""
        names = [name for name, task in (*self.starting.items(), *self.leftovers.items()) if task.blocked]
        names += [name for name, client in self.clients.items() if client.task is not None and client.task.blocked]
        return names

    def victims(self) -> list[tuple[str, str]]:
        """Who may be chosen to wait no more where everybody waits, and the fault that this is.

        A server breaks a deadlock by itself, and gives up waiting where it was told to: these are events like any other.
        Everyone else waits for ever.
        """
        names = self.waiting()
        queued = [(name, task.queued) for name in names if (task := self.task(name)) is not None and task.queued is not None]
        caught = [(name, DEADLOCK) for name, statement in queued if statement.is_deadlocked()]
        patient = [(name, TIMEOUT) for name, statement in queued if statement.gives_up]
        return caught or patient or [(name, "") for name in names]

    def pending(self, name: str) -> Effect | None:
        """The effect before which a client or a starting process is parked; None if it would start an operation."""
        task = self.task(name)
        if task is None:
            return None
        effect = task.pending if task.call is None else task.call.pending(task.pending)
        if effect is not None and effect.kind == "receive":
            effect = effect._replace(faults=self.broker.faults_of_receive(task.process, effect.detail))
        return effect if effect is None or task.call is None else task.call.with_cancellations(effect)

    def task(self, name: str) -> Task | None:
        """The call in progress of a process that starts, or of a client; a client may have the name of its process."""
        found = self.starting.get(name) or self.leftovers.get(name)
        if found is not None:
            return found
        client = self.clients.get(name)
        return None if client is None else client.task

    def has_published(self) -> bool:
        """Whether a call in progress has published something, and has yet to do whatever it does next."""
        called = [client.task for client in self.clients.values() if client.task is not None]
        return any(task.published for task in (*called, *self.leftovers.values()))

    def may_jump(self) -> bool:
        """Whether the environment still has a jump of the clock to make, or someone sleeps."""
        names = *self.clients, *self.leftovers
        sleeps = any(effect is not None and effect.kind == "sleep" for effect in map(self.pending, names))
        if self._unsteady or sleeps:
            return True
        clients = [client for client in self.clients.values() if client.process == ENVIRONMENT]
        return any(operation.method == "jump" for c in clients for operation in c.operations[c.position :])

    def process_of(self, name: str) -> str:
        """The process that a client calls, or that is starting under this name."""
        client = self.clients.get(name)
        if client is None:
            return self.leftovers[name].process.name if name in self.leftovers else name
        return client.process

    def key(self) -> Hashable:
        """Equal for two worlds in which every continuation gives the same."""
        processes = [(p.digest, p.alive, p.ready, *(self._pins(p))) for p in self.processes.values()]
        clients = [client.digest for client in self.clients.values()]
        failed = tuple(self.failed_starts.items())
        return self.durable_key(), self.site.history(), tuple(processes), tuple(clients), failed

    def durable_key(self) -> Hashable:
        """Equal for two worlds in which everything is equal that a crash of all processes leaves."""
        late = tuple([(label, late.fact) for label, late in self.late.items()])
        outside = self.broker.key(), self.externals.key(), self.services.key(), self.deliveries.key()
        return self.site.contents(), *outside, self.clock.time, late

    def is_private(self, process: Process) -> bool:
        """Whether no other process uses the databases of `process`: what it does there concerns nobody else."""
        alone = all(other.service != process.service or other is process for other in self.processes.values())
        return alone and process.service not in self.called

    def close(self) -> None:
        """End every task; the site can be used again."""
        for process in self.processes.values():
            process.alive = False
            process.end = RunEnded
            process.bury()
        self.site.hang_up()
        for late in self.late.values():
            if late.connection is not None:
                late.connection.hang_up()
        self.late.clear()

    # Inside:

    def _boot(self, name: str) -> None:
        process = Process(name, 1, self.site.host(name))
        with building(process.host):
            process.implementation = self.factory(Env(self, self.site.host(process.name), process))
        process.ready = True
        self.processes[name] = process

    def _start(self, process: Process) -> None:
        with of_tasks():
            process.implementation = self.factory(Env(self, self.site.host(process.name), process))
        if self.recover:
            getattr(process.implementation, self.recover)()

    def _invoke(self, client: Session, fault: str = "") -> None:
        operation = client.operation
        process = self.processes[client.process]
        task = client.task = Task(client.name, process)
        task.began = self.clock.time
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
        """Take note of how a task came out of its step."""
        process = task.process
        if process.disturbances:
            self.events.extend([Event("error", process.name)] * process.disturbances)
            process.disturbances = 0
        if not process.alive:
            self._bury(process)
        elif task.finished or task.answered:
            if isinstance(task.error, AcidtestError):
                raise task.error
            if task in self.leftovers.values():
                self._went_on(task)
            elif client is None:
                self._started(process, task)
            else:
                self._replied(client, task)

    def _serving(self, service: str) -> Process | None:
        """The process that is to serve a call of a service: the first that can."""
        return next((p for p in self.processes.values() if p.service == service and p.ready), None)

    def serve(self) -> None:
        """Let what was called begin: it is a lane of its own until it has ended."""
        for name, task in self.calls.begin():
            self.leftovers[name] = task
            self._after(task, None)

    def _went_on(self, task: Task) -> None:
        """What a call has left running goes on after its answer, until it has ended."""
        if task.finished:
            self.leftovers = {name: other for name, other in self.leftovers.items() if other is not task}

    def _leave_running(self, task: Task) -> None:
        """The client has its answer; what the call has left running is nobody's but its process's."""
        if not task.finished:
            self._left += 1
            self.leftovers[f"{task.name}, left running {self._left}"] = task

    def _replied(self, client: Session, task: Task) -> None:
        operation = client.operation
        if task.error is None:
            self.events.append(Event("reply", operation.name, task.value))
        else:
            self.events.append(Event("unknown", operation.name, describe(task.error)))
        self.sources.ended(operation.source, task.process, client.given, known=task.error is None)
        task.process.remember((client.name, "returned"))
        client.ended(known=task.error is None)
        task.error = None
        self._leave_running(task)

    def _started(self, process: Process, task: Task) -> None:
        del self.starting[process.name]
        if task.error is None:
            process.ready = True
            self.failed_starts.pop(process.name, None)
            self._leave_running(task)
            return
        self.events.append(Event("error", process.name, describe(task.error)))
        self.failed_starts[process.name] = self.failed_starts.get(process.name, 0) + 1
        process.die()
        self._bury(process)

    def _bury(self, process: Process) -> None:
        """What a crash leaves: clients without an answer, nothing else."""
        self.starting.pop(process.name, None)
        self.leftovers = {name: task for name, task in self.leftovers.items() if task.process is not process}
        process.bury()
        self.events.append(Event("crash", process.name))
        for client in self.clients.values():
            if client.process == process.name and client.task is not None:
                self.sources.ended(client.operation.source, process, client.given, known=False)
                self.events.append(Event("unknown", client.operation.name, "its process crashed"))
                client.ended(known=False)

    def _change_environment(self, client: Session) -> None:
        operation: Operation = client.operation
        self.change(operation.method, *operation.arguments)
        client.ended(known=True)

    def change(self, what: str, seconds: Any = 0.0) -> None:
        """Change the environment: jump (the clock, by seconds), outage or restore (of all that is outside)."""
        if what == "jump":
            self.clock.jump(seconds)
        elif what in ("outage", "restore"):
            self.broker.down = self.externals.down = self.services.down = self.calls.down = what == "outage"
        else:
            message = f"The environment cannot {what!r}."
            raise HarnessError(message)
        self.events.append(Event("environment", what))

    def _wake(self) -> None:
        """Let those that wait for a lock try again, if one may have become free."""
        tasks = [*self.starting.values(), *self.leftovers.values(), *[client.task for client in self.clients.values()]]
        blocked = [task for task in tasks if task is not None and task.blocked]
        if blocked:
            self.site.free_dropped()
            version = self.site.version()
            for task in blocked:
                task.wake(version)

    def _pins(self, process: Process) -> list[tuple[int, ...]]:
        return [pins for connection in self.site.host(process.name).connections() if (pins := connection.pins())]

    def _postpone(self, label: str, land: Callable[[], None], fact: Hashable, connection: Landing | None = None) -> None:
        self._postponed += 1
        self.late[f"{label} (late {self._postponed})"] = Late(land, fact, connection)

    def _postpone_commit(self, connection: Landing, fact: Hashable) -> None:
        self._postpone(f"{connection.database.name}: COMMIT", connection.land, fact, connection)


def describe(error: BaseException) -> str:
    """An error in one line: its type and the first line of its message."""
    if isinstance(error, CancelledError):
        return "it was cancelled"
    text = str(error).strip().split("\n", 1)[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
