"""All resource managers of a world. Accounts of a scope that are called resource/account are theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.environment import Xa, XaError, Xid
from acidtest.errors import ContractError
from acidtest.outside import BranchSeen, ResourceSeen
from acidtest.world.core.device import Device
from acidtest.world.core.effects import (
    FORGOTTEN,
    HEURISTIC_FAULTS,
    LATE,
    LOST,
    REFUSED,
    RESTART_RESOURCE,
    ROLLED_BACK,
    TIMED_OUT,
    Effect,
)
from acidtest.world.core.process import complain, current_task
from acidtest.world.devices.resource import server
from acidtest.world.devices.resource.awaited import AwaitedResource
from acidtest.world.devices.resource.faults import FAULTS, NO_ANSWER, REFUSALS, possible
from acidtest.world.devices.resource.manager import GONE, HEURISTICS, NOT_ALONE, READ_ONLY, Manager
from acidtest.world.devices.resource.naming import xid_of
from acidtest.world.devices.resource.works import Works

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping

    from acidtest.workload import Managers, Scope
    from acidtest.world.core.device import Surroundings
    from acidtest.world.core.process import Process, Task


class Resources(Device):
    """The resource managers of a world. Its equipment are `Managers`."""

    name: ClassVar[str] = "resources"
    kinds: ClassVar[frozenset[str]] = frozenset({"resource"})

    def __init__(self, surroundings: Surroundings) -> None:
        """Open the accounts of the scope."""
        super().__init__(surroundings)
        self._managers: dict[str, Manager] = {}
        self._databases: list[str] = []
        self._works = Works()
        self._looked: dict[str, tuple[Hashable, ResourceSeen]] = {}
        # Where no contract says that there are some, accounts that are called like that are somebody else's.
        equipment: Managers | None = surroundings.equipment
        if equipment is not None:
            self._databases = [name for name, _ in surroundings.scope.databases]
            opened = _opened(surroundings.scope)
            self._managers = {name: Manager(name, opened[name]) for name in sorted(opened) if name not in self._databases}
            for resource, xid, changes in equipment.foreign:
                if resource in self._managers:
                    self._managers[resource].hold(Xid(*xid), changes)

    @classmethod
    def installs(cls, environment: Any, scope: Scope, equipment: Managers | None) -> None:
        """Create the tables of those that are databases, with their accounts."""
        for name, _ in () if equipment is None else scope.databases:
            server.install(environment.engine(server.database_of(name)), _opened(scope).get(name, ()))

    @classmethod
    def kinds_of_databases(cls, scope: Scope, equipment: Managers | None) -> Mapping[str, str]:
        """Those of the resource managers for which the scope says of which kind they are."""
        return {} if equipment is None else {server.database_of(name): kind for name, kind in scope.databases if kind}

    def offers(self) -> Mapping[str, Any]:
        """`env.resource(name)`."""
        return {"resource": lambda name: PlayedResource(self, name)}

    def offers_awaited(self) -> Mapping[str, Any]:
        """`env.aio.resource(name)`."""
        return {"resource": lambda name: AwaitedResource(PlayedResource(self, name))}

    def clients_awaited(self, environment: Any, process: Process) -> Mapping[str, Any]:
        """`env.aio.resource(name)` where some are databases."""
        made = self.clients(environment, process)
        return {name: lambda resource, make=make: AwaitedResource(make(resource)) for name, make in made.items()}

    def clients(self, environment: Any, process: Process) -> Mapping[str, Any]:
        """`env.resource(name)` where some are databases: each process has sessions of its own there."""
        if not self._databases:
            return {}
        played = vars(environment)["resource"]  # not the environment: what is in a circle keeps its sessions too long
        made = {name: server.ServerResource(name, process.host, self._works) for name in self._databases}
        return {"resource": lambda name: made[name] if name in made else played(name)}

    def manager(self, name: str) -> Manager:
        """The resource manager `name`."""
        if name not in self._managers:
            known = ", ".join(self._managers) or "none"
            complain(ContractError(f"env.resource({name!r}) was asked for, and there is no such resource manager here. There are: {known}."))
        return self._managers[name]

    # What distinguishes two states, and what is seen of one:

    def key(self) -> Hashable:
        """What distinguishes two states of them all."""
        if not self._managers and not self._databases:
            return self.down
        self._bury()
        return self.down, tuple([manager.key() for manager in self._managers.values()]), self._works.key()

    def readable(self) -> Hashable:
        """What `balances` tells."""
        return tuple([tuple(manager.accounts.items()) for manager in self._managers.values()])

    def seen(self) -> tuple[ResourceSeen, ...]:
        """The truth about every account and branch."""
        self._bury()
        return (*[self._stored(name) for name in self._databases], *self._played())

    def _stored(self, name: str) -> ResourceSeen:
        """The truth about one that is a database: what is committed there, and what is prepared."""
        database = self.surroundings.database(server.database_of(name))
        at = database.content(), self._works.key()
        if name not in self._looked or self._looked[name][0] != at:
            self._looked[name] = at, server.seen(name, dict(database.value(database.content())), self._works)
        return self._looked[name][1]

    def _played(self) -> tuple[ResourceSeen, ...]:
        return tuple([
            ResourceSeen(name, tuple(manager.accounts.items()), tuple([
                BranchSeen(*b.xid, b.status, tuple(b.changes), b.applied, b.alone, tuple(sorted(b.notes)), foreign=b.owner is None)
                for b in manager.all()
            ]))
            for name, manager in self._managers.items()
        ])  # fmt: skip

    def changed(self, before: tuple[ResourceSeen, ...], after: tuple[ResourceSeen, ...]) -> Iterator[str]:
        """A line for each branch that stands otherwise."""
        for then, now in zip(before, after, strict=True):
            for branch in now.branches:
                if branch not in then.branches:
                    alone = f", decided alone ({branch.alone})" if branch.alone else ""
                    yield f"{now.name}: branch {branch.gtrid} {branch.status}{alone}"

    def faults(self, task: Task, effect: Effect) -> tuple[str, ...]:  # noqa: ARG002 - they befall whoever calls
        """The fault kinds that can befall a call now."""
        method, arguments = _call_of(effect)
        self._bury()
        xid = arguments[0] if arguments and isinstance(arguments[0], Xid) else None
        return possible(self._managers[effect.where], method, xid)

    def _bury(self) -> None:
        """Roll back what the dead have not prepared: their connections are gone."""
        processes = self.surroundings.processes()
        for manager in self._managers.values():
            dead = [o for o in manager.owners() if o is not None and not _is_alive(processes, o)]
            if dead:
                manager.disconnect(*dead)

    # What code under test calls:

    def balances(self, name: str) -> dict[str, int]:
        """What is committed in a resource manager; nothing while an implementation is installed, for nothing is there yet."""
        return dict(self._managers[name].accounts) if name in self._managers else {}

    def call(self, name: str, method: str, *arguments: Any) -> Any:
        """Make a call, and wait for the answer.

        Raises:
            XaError: it is no success.
        """
        task, manager = current_task(), self.manager(name)
        if task is None:
            message = f"{manager.name}.{method}() was called outside of any call, for example in a constructor or by a read."
            raise ContractError(message)
        what = " ".join([method, *(_named(argument) for argument in arguments)])
        effect = Effect("resource", manager.name, what, (method, *arguments), faults=FAULTS[method])
        fault = task.park(effect)
        self._bury()
        session = task.process.name, task.process.incarnation, task.name
        answer = self._answer(manager, session, effect, fault)
        if answer == Xa.RDONLY:
            manager.branches[arguments[0]].known = True
        if method == "commit" and arguments[0] in manager.branches:
            manager.branches[arguments[0]].listed = True
        task.saw(effect, answer, fault)
        if isinstance(answer, Xa) and answer not in (Xa.OK, Xa.RDONLY):
            raise XaError.of(answer, f"{manager.name} was told to {what}")
        return answer

    def _answer(self, manager: Manager, session: Hashable, effect: Effect, fault: str) -> Any:
        """Let a call arrive, or later, or never, with what befalls it; the answer to the caller."""
        method, arguments = _call_of(effect)
        if fault == LATE and not self.down:
            self._postpone(manager, session, effect)
        if self.down or fault in (LOST, LATE, RESTART_RESOURCE):
            manager.disconnect(*([] if fault == RESTART_RESOURCE else [session]))
            return Xa.RMFAIL
        if fault == REFUSED:
            return self._refused(manager, method, arguments)
        if fault == ROLLED_BACK:
            manager.lose(arguments[0], fault)
            return Xa.RMERR
        if fault in (*HEURISTIC_FAULTS, FORGOTTEN, TIMED_OUT):
            _befall(manager, method, arguments[0], fault)
        answer = self._perform(manager, session, method, arguments)
        if fault in NO_ANSWER:
            manager.disconnect(session)
            return Xa.RMFAIL
        return answer

    def _refused(self, manager: Manager, method: str, arguments: list[Any]) -> Xa:
        refusal = REFUSALS[method]
        if refusal == Xa.RBROLLBACK:
            manager.rollback(arguments[0])
        return refusal

    def _perform(self, manager: Manager, session: Hashable, method: str, arguments: list[Any]) -> Any:
        if method in ("start", "change", "read", "end"):
            return getattr(manager, method)(session, *arguments)
        if method.startswith("commit"):
            one_phase = method != "commit"
            if one_phase:
                self._note_others(manager, arguments[0])
            return manager.commit(arguments[0], one_phase=one_phase)
        return getattr(manager, method)(*arguments)

    def _note_others(self, manager: Manager, xid: Xid) -> None:
        """Note of a branch that is told to commit in one phase whether another one of its transaction may have work to commit."""
        others = [b for m in self._managers.values() for b in m.branches.values() if b.xid.gtrid == xid.gtrid]
        busy = [b for b in others if b.status not in (*GONE, *HEURISTICS) or b.status not in (READ_ONLY, "aborted")]
        if xid in manager.branches and any(b is not manager.branches[xid] for b in busy):
            manager.branches[xid].notes.add(NOT_ALONE)

    def _postpone(self, manager: Manager, session: Hashable, effect: Effect) -> None:
        method, arguments = _call_of(effect)
        branch = manager.branches.get(arguments[0])
        if branch is not None:
            branch.coming += 1

        def land() -> None:
            if branch is not None:
                branch.coming -= 1
            self._perform(manager, session, method, arguments)
            manager.disconnect(session)

        self.surroundings.postpone(effect.label, land, (session, effect.detail))


class PlayedResource:
    """A resource manager that the harness plays; see `acidtest.environment.Resource`."""

    def __init__(self, device: Resources, name: str) -> None:
        """Stand before the resource manager `name`."""
        self._device, self.name = device, name

    def start(self, xid: Xid) -> None:
        """Begin a branch."""
        self._call("start", xid_of(xid))

    def change(self, account: str, amount: int) -> None:
        """Change an account in the branch at work."""
        if type(amount) is not int:
            complain(ContractError(f"{self.name} was told to change {account!r} by {amount!r}; amounts are integer minor units."))
        self._call("change", str(account), amount)

    def read(self, account: str) -> int:
        """The balance of an account, within the branch at work."""
        found: int = self._call("read", str(account))
        return found

    def end(self, xid: Xid) -> None:
        """End the work of a branch."""
        self._call("end", xid_of(xid))

    def prepare(self, xid: Xid) -> Xa:
        """Vote."""
        vote: Xa = self._call("prepare", xid_of(xid))
        return vote

    def commit(self, xid: Xid, *, one_phase: bool = False) -> None:
        """Commit what is prepared; or, in one phase, what is not."""
        self._call("commit one phase" if one_phase else "commit", xid_of(xid))

    def rollback(self, xid: Xid) -> None:
        """Roll back, prepared or not."""
        self._call("rollback", xid_of(xid))

    def recover(self) -> tuple[Xid, ...]:
        """The branches that are prepared, or were decided heuristically."""
        found: tuple[Xid, ...] = self._call("recover")
        return found

    def forget(self, xid: Xid) -> None:
        """Drop what is kept of a heuristic decision."""
        self._call("forget", xid_of(xid))

    def balances(self) -> dict[str, int]:
        """What is committed."""
        return self._device.balances(self.name)

    def _call(self, method: str, *arguments: Any) -> Any:
        return self._device.call(self.name, method, *arguments)


def _opened(scope: Scope) -> dict[str, list[tuple[str, int]]]:
    """The accounts of each resource manager."""
    accounts: dict[str, list[tuple[str, int]]] = {}
    for name, balance in scope.accounts:
        resource, slash, account = name.partition("/")
        if slash:
            accounts.setdefault(resource, []).append((account, balance))
    return accounts


def _call_of(effect: Effect) -> tuple[str, list[Any]]:
    """The call that is an effect, and its arguments."""
    detail: Any = effect.detail
    return str(detail[0]), list(detail[1:])


def _befall(manager: Manager, method: str, xid: Xid, fault: str) -> None:
    """What the resource manager does by itself right before a call."""
    if fault == TIMED_OUT:
        manager.give_up(xid)
    elif fault == FORGOTTEN:
        manager.lose(xid, fault)
    else:
        manager.decide(xid, fault, commits=method != "commit")


def _is_alive(processes: Mapping[str, Any], owner: Any) -> bool:
    name, incarnation, _ = owner
    process = processes.get(name)
    return process is not None and process.alive and process.incarnation == incarnation


def _named(argument: Any) -> str:
    return f"{argument.gtrid}/{argument.bqual}" if isinstance(argument, Xid) else str(argument)
