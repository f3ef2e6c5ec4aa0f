"""Where implementations of a pattern are put to the test: one cluster, one factory, and all that is remembered between runs."""

from __future__ import annotations

import inspect
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from acidtest.checker.machine import Kind
from acidtest.errors import AcidtestError, BackendUnavailable, ContractError, HarnessError, place_of
from acidtest.port import Role
from acidtest.properties.shared.reading import compare_names, compare_with_install, hint_at_commit
from acidtest.search.budget import Budget
from acidtest.search.follow import Follower
from acidtest.search.reachable import NOT_COUNTED, Reachable, reachable
from acidtest.workload import Scope
from acidtest.world.core.effects import CANCELLATIONS, CRASH, RESTART_DATABASE
from acidtest.world.core.events import describe
from acidtest.world.core.host import building
from acidtest.world.core.process import is_of_code
from acidtest.world.core.world import World
from acidtest.world.databases.full_disk import caused_by_full_disk
from acidtest.world.databases.table import DEFAULT, open_cluster
from acidtest.world.devices.table import DEVICES
from acidtest.world.interpose import install as interpose
from acidtest.world.python.coroutines import Driven, coroutine_methods
from acidtest.world.python.memory import memory_of
from acidtest.world.python.statics import Statics
from acidtest.world.script.answers import Answers
from acidtest.world.script.cluster import PlayedCluster
from acidtest.world.script.player import Player
from acidtest.world.script.recorder import Recorder
from acidtest.world.script.script import Missing, Script

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from acidtest.checker.machine import Property
    from acidtest.properties.shared.contract import Contract
    from acidtest.world.core.device import Device
    from acidtest.world.core.process import Scribe

OBSERVER = "observer"
#: What is run where nothing is.
EMPTY = Scope("empty", "", (), ())
#: What a harness remembers of the scope that it is prepared for.
_REMEMBERED = (
    "only", "always", "steps", "at_rest", "sometimes", "reached", "scope", "_reachable", "follower", "_judged",
    "settled", "idle", "script", "_answers", "_numbers",
)  # fmt: skip
#: Of how many scopes it remembers that; some megabytes each.
_MOST_KEPT = 16


class Harness:
    """An implementation under a contract, ready to run scopes.

    Arguments:
        contract: the pattern's contract.
        factory: makes an implementation from an environment.
        backend: the kind of its databases.
        without: ids of properties that are left out: whatever they say, it goes on.

    Raises:
        ContractError: the implementation lacks a method of the port, cannot be built or cannot be installed.
        BackendUnavailable: the backend's server cannot be reached.
    """

    def __init__(
        self, contract: Contract, factory: Callable[[Any], Any], backend: str = DEFAULT, without: frozenset[str] = frozenset()
    ) -> None:
        """Build one implementation to see that it fits the port."""
        interpose()
        self.contract = contract
        self.factory: Callable[[Any], Any] = contract.called(Driven(factory))
        self.cluster = open_cluster(backend, contract.members)
        self.cluster.statics = Statics(factory)
        self.scope: Scope | None = None
        self.capabilities: frozenset[str] = frozenset()
        self.coroutines: frozenset[str] = frozenset()
        self.offered: set[str] = set()
        self.budget = Budget()
        self.looks_into_memory = False
        self.asks_again = True
        self.brief = False
        self.scripted = True
        self._unpromised: frozenset[str] = frozenset()
        self.has: dict[str, frozenset[str]] = {}
        for member in contract.members or ("",):
            implementation = inspect.unwrap(self._outside(self._empty_world(), self.factory, "make the implementation", member, reads=True))
            contract.check_port(implementation, member)
            self.has[member] = frozenset([name for name in contract.interface().of(member) if hasattr(implementation, name)])
            self.coroutines |= coroutine_methods(implementation, self.has[member])
            self.capabilities |= contract.capabilities(implementation)
        contract.promises = self.capabilities
        if not self.coroutines and not inspect.iscoroutinefunction(factory):
            self.factory = contract.called(factory)  # what is not asynchronous need not pay for what is
        else:
            self.scripted = False
        self._unpromised = frozenset([kind for kind, name in contract.promised.items() if name not in self.capabilities])
        applying = [p for p in contract.properties if p.applies(self.capabilities)]
        self.properties = [p for p in applying if p.id not in without]
        #: What is declared, and waives properties.
        self.waivers = tuple(sorted(self.capabilities.intersection([name for p in contract.properties for name in p.waived])))
        self.without = without
        self.unasked = _unasked(contract, self.capabilities)
        self._excepted = [p for p in applying if p.id in without]
        self.somewhere = [p for p in contract.somewhere if p.applies(self.capabilities)]
        self.only: frozenset[str] = frozenset()
        self._installed: object = None
        self._kept: dict[Scope, dict[str, Any]] = {}
        self._scripts: dict[Scope, Script] = {}
        self._observed: dict[Hashable, Hashable] = {}

    def remembered(self) -> dict[str, Any]:
        """All that is remembered of the prepared scope, to be recalled when its search goes on.

        It names committed contents by number: it is worthless once there was an installation for other accounts.
        """
        return {name: vars(self)[name] for name in _REMEMBERED}

    def recall(self, remembered: dict[str, Any]) -> None:
        """Be prepared again for the scope of which that was remembered."""
        vars(self).update(remembered)

    def prepare_again(self, scope: Scope) -> None:
        """Prepare for a scope; what was remembered of it is remembered still, if that was not long ago.

        What was remembered names committed contents by number, and an installation for other accounts counts anew.
        """
        if scope.installation != self._installed:
            self._kept.clear()
        kept = self._kept.pop(scope, None)
        if kept is None:
            self.prepare(scope)
            kept = self.remembered()
        self._kept[scope] = kept  # the last of them
        if len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self.recall(kept)

    def prepare(self, scope: Scope, only: frozenset[str] = frozenset()) -> None:
        """Install the implementation for a scope, and forget what was remembered of another.

        Arguments:
            scope: what will be run.
            only: look for violations of these properties alone; empty for all.
        """
        self.only = only
        known = *self.properties, *(p for p in self.contract.witnesses if p.id in only)
        wanted = [p for p in known if not only or p.id in only]
        self.always = [p for p in wanted if p.kind == Kind.ALWAYS]
        self.steps = [p for p in wanted if p.kind == Kind.STEP]
        self.at_rest = [p for p in wanted if p.kind == Kind.AT_REST]
        self.sometimes = [p for p in wanted if p.kind == Kind.SOMETIMES] + self.somewhere
        self.reached: set[str] = set()
        if scope.installation != self._installed:
            self._install(scope)
        self.scope = scope = self._fitted(scope)
        self._reachable: Reachable | None = None
        self.follower = Follower(self.contract.model(scope), self.contract.abstract)
        self._judged: dict[Hashable, Property | None] = {}
        self.settled: dict[Hashable, Any] = {}
        self.idle: set[Hashable] = set()
        self.script = self._scripts.get(scope) or Script()
        self._scripts = {scope: self.script}  # an explanation searches the same scope again
        self._answers = Answers(self.script, self.cluster)
        self._numbers: dict[Hashable, int] = {}

    def _fitted(self, scope: Any) -> Any:  # noqa: ANN401 - a scope, or a strategy for some
        """The scope for this implementation: what it has is called; and one that is there for what nobody has promised to survive has no faults.

        Cancellation is among its faults where processes may crash and coroutines are called.
        """
        if not isinstance(scope, Scope):
            return scope.map(self._fitted)
        scope = self.contract.fitted(scope, self.has)
        if not self._unpromised.isdisjoint(scope.kinds):
            scope = replace(scope, kinds=frozenset(), faults=0)
        called = {operation.method for operation in scope.operations()} | {self.contract.interface().name(Role.RECOVERY)}
        if scope.faults and CRASH in scope.kinds and called & self.coroutines:
            return replace(scope, kinds=scope.kinds | CANCELLATIONS)
        return scope

    def workloads(self) -> list[list[Scope]]:
        """The workloads of the stateful search, fitted; without those that are there for what nobody has promised to survive. Long ones are shortened."""
        rows = [[w.shortened() if isinstance(w, Scope) and w.enough else w for w in row] for row in self.contract.stateful_workloads()]
        fitted = [[self._fitted(workload) for workload in row if not self._asks_too_much(workload)] for row in rows]
        return [row for row in fitted if row]

    def long_workloads(self) -> list[Scope]:
        """The workloads of a thousand attempts, each of which has one schedule; none where the search is to be brief."""
        if self.brief:
            return []
        long = [w for row in self.contract.stateful_workloads() for w in row if isinstance(w, Scope) and w.enough]
        return [self._fitted(workload) for workload in long if not self._asks_too_much(workload)]

    def _asks_too_much(self, workload: Any) -> bool:  # noqa: ANN401 - a scope, or a strategy for some
        return isinstance(workload, Scope) and not self._unpromised.isdisjoint(workload.kinds)

    def kinds(self) -> frozenset[str]:
        """The fault kinds that must fire in the prepared scope.

        Cancellation only where something was awaited that can be cancelled: a coroutine need not await anything.
        """
        scope = self.prepared()
        return self.that_must_fire(scope.kinds) if scope.faults else frozenset()

    def stateful_kinds(self) -> tuple[str, ...]:
        """The fault kinds of the stateful search: those of the contract, those that are promised, and cancellation of coroutines."""
        kinds = (*self.contract.stateful_kinds, *(kind for kind in self.contract.promised if kind not in self._unpromised))
        return (*kinds, *sorted(CANCELLATIONS)) if self.coroutines and CRASH in kinds else kinds

    def that_must_fire(self, kinds: Iterable[str]) -> frozenset[str]:
        """Those of the fault kinds that could have befallen something; of others than cancellation it is known by the effects."""
        return frozenset(kinds) - (CANCELLATIONS - self.offered)

    def missing(self, scope: Scope) -> str:
        """Why a scope cannot be run here: a server of a kind of database that it takes beside cannot be reached; else empty."""
        for kind in dict.fromkeys(self._kinds_of_databases(scope).values()):
            try:
                self.cluster.reach([kind])
            except BackendUnavailable as error:
                return f"it was not run, for it takes {kind}: {error}"
        return ""

    def _kinds_of_databases(self, scope: Scope) -> dict[str, str]:
        """The kinds of those databases for which the scope says one."""
        equipment = self.contract.equipment(scope)
        found: dict[str, str] = {}
        for device in self._devices():
            found.update(device.kinds_of_databases(scope, equipment.get(device.name)))
        return found

    def _devices(self) -> tuple[type[Device], ...]:
        return (*DEVICES, *self.contract.devices)

    def _install(self, scope: Scope) -> None:
        self.cluster.clear()
        self.cluster.choose(self._kinds_of_databases(scope))
        world = self._empty_world()
        for member in self.contract.members or ("",):
            install = partial(self._install_member, scope, member)
            self._outside(world, install, "install(accounts)", member)
        self._outside(world, partial(self._install_devices, scope), "install what is outside")
        self.cluster.capture()
        self._compare_with_install(scope)
        self._installed = scope.installation
        self._observed.clear()
        self._scripts.clear()

    def _compare_with_install(self, scope: Scope) -> None:
        """Whether the accounts are there as asked for, and committed: for another incarnation, over another connection.

        Raises:
            ContractError: they are not.
        """
        for member in self.contract.members or ("",):
            try:
                observed = self._look(self._empty_world(), member, "read the committed state after install(accounts)")
            except ContractError as error:
                raise hint_at_commit(error) from error.__cause__
            compare_with_install(self.contract.readings(scope, observed, member))

    def _install_member(self, scope: Scope, member: str, env: Any) -> None:  # noqa: ANN401 - an environment
        self.contract.install(self.factory(env), scope, member)

    def _install_devices(self, scope: Scope, env: Any) -> None:  # noqa: ANN401 - an environment
        equipment = self.contract.equipment(scope)
        for device in self._devices():
            device.installs(env, scope, equipment.get(device.name))

    def reachable(self) -> Reachable:
        """What the model of the prepared scope can reach; counted out when first asked for."""
        if self._reachable is None:
            self._reachable = self._count_out()
        return self._reachable

    def _count_out(self) -> Reachable:
        if self.scope is not None and self.scope.serial:
            return NOT_COUNTED  # one schedule of a large workload
        return reachable(self.follower.model, tuple(self.properties))

    def prepared(self) -> Scope:
        """The scope that it is prepared for.

        Raises:
            HarnessError: for none.
        """
        if self.scope is None:
            message = "A harness was used before it was prepared for a scope."
            raise HarnessError(message)
        return self.scope

    def world(self) -> World:
        """A fresh world for the prepared scope."""
        return self._world(self.cluster, self.prepared())

    def recorded(self) -> World:
        """The same, in which what the code under test does is taken down."""
        recorder = Recorder(self.script)
        return self._world(self.cluster, self.prepared(), recorder.factory(self.factory), recorder)

    def played(self) -> World:
        """The same, in which the code under test does what was taken down before."""
        cluster = PlayedCluster(self.script, self.cluster)
        player = Player(self.script, cluster, self._answers if self.asks_again else None)
        return self._world(cluster, self.prepared(), player.make, player)

    @property
    def plays(self) -> bool:
        """Whether what the code under test did before need not be run again."""
        scope = self.prepared()
        can = self.scripted and self.cluster.scriptable
        return can and not self.script.reason and not scope.has_one_schedule and RESTART_DATABASE not in scope.kinds

    def stop_playing(self) -> None:
        """The script was wrong: from now on, go by the code alone."""
        self.scripted = False
        self._kept.clear()
        self._scripts.clear()

    def number(self, value: Hashable) -> int:
        """A number that stands for a value while the scope is prepared: equal values have the same, and no others."""
        return self._numbers.setdefault(value, len(self._numbers))

    def observe(self, world: World) -> Hashable:
        """The committed state as the port tells it, through a fresh incarnation of an observer.

        Raises:
            Missing: the world is played, and nobody has seen that state yet.
        """
        found = [self._observe_service(world, member) for member in self.contract.members or ("",)]
        return tuple(found) if self.contract.members else found[0]

    def _observe_service(self, world: World, member: str) -> Hashable:
        contents = world.cluster.contents()
        if member:
            names = [name for name, _ in self.script.start] or [database.name for database in self.cluster.databases()]
            contents = tuple([
                number for name, number in zip(names, contents, strict=False) if name == member or name.startswith(f"{member}_")
            ]) + contents[len(names) :]  # fmt: skip
        key = (member, contents, world.time.time, world.devices.readable())
        if key not in self._observed:
            if world.is_played:
                raise Missing
            try:
                self._observed[key] = self._look(world, member)
            except ContractError:  # a port method may take locks, and a call of the schedule may hold one now
                self._observed[key] = self._look_at_copy(world, member)
            compare_names(self.contract.readings(self.prepared(), self._observed[key], member))
        return self._observed[key]

    def _look(self, world: World, member: str, what: str = "read the committed state") -> Hashable:
        before = world.cluster.contents(), world.devices.key()
        found = [self._look_without(hidden, world, member, what) for hidden in self.contract.observers]
        if (world.cluster.contents(), world.devices.key()) != before:
            reads = ", ".join(f"{name}()" for name in self.contract.interface().names(Role.READ))
            message = (
                f"What only reads has changed something: after {reads}, what is committed, or outside, is another than before. These are "
                "called to see what is there, at any moment, and more often in one run than in another: let them change nothing."
            )
            raise ContractError(message)
        return found[0] if len(found) == 1 else tuple(found)

    def _look_without(self, hidden: str, world: World, member: str, what: str) -> Hashable:
        device = world.devices.get(hidden)
        if device is not None:
            device.hidden = True
        try:
            found: Hashable = self._outside(world, partial(self._observe_member, member), what, member, reads=True)
        finally:
            if device is not None:
                device.hidden = False
        return found

    def _observe_member(self, member: str, env: Any) -> Hashable:  # noqa: ANN401 - an environment
        return self.contract.observe_member(self.factory(env), member)

    def _look_at_copy(self, world: World, member: str) -> Hashable:
        cluster = world.cluster.copy()
        try:
            beside = self._world(cluster, EMPTY)
            beside.time.time, beside.devices = world.time.time, world.devices
            return self._look(beside, member)
        finally:
            cluster.close()

    def judge(self, view: Any) -> Property | None:  # noqa: ANN401 - the pattern's view
        """The first property that must always hold and does not hold of `view`."""
        if view not in self._judged:
            self.notice(view)
            self._judged[view] = next((p for p in self.always if not p.predicate(view)), None)
        return self._judged[view]

    def notice(self, view: Any) -> None:  # noqa: ANN401 - the pattern's view
        """Take note of what must happen sometimes, and does here."""
        self.reached.update([p.id for p in self.sometimes if p.id not in self.reached and p.predicate(view)])

    def broken(self, before: Any, view: Any) -> Property | None:  # noqa: ANN401 - the pattern's view
        """Of what must hold of `view`, and of the step that led to it, what does not; of several the first of the contract's.

        Contracts put first what says most about a bug.
        """
        always = self.judge(view)
        step = next((p for p in self.steps if not p.predicate(before, view)), None) if before is not None else None
        if always is None or step is None:
            return always or step
        return min(always, step, key=self.properties.index)

    def looks_for(self, property_id: str) -> bool:
        """Whether a violation of that property counts."""
        return property_id not in self.without and (not self.only or property_id in self.only)

    def excuses(self, before: Any, view: Any) -> bool:  # noqa: ANN401 - the pattern's view
        """Whether a property that is left out breaks here: then it is why the model does not allow what comes."""
        return any(
            (p.kind == Kind.ALWAYS and not p.predicate(view))
            or (p.kind == Kind.STEP and before is not None and not p.predicate(before, view))
            for p in self._excepted
        )

    def close(self) -> None:
        """Give back the cluster, and forget everything: others may keep the harness itself for long."""
        self.cluster.close()
        self._kept.clear()
        self._scripts.clear()
        for name in ("follower", "_observed", "_judged", "settled"):
            vars(self).pop(name, None)

    def _empty_world(self) -> World:
        return self._world(self.cluster, EMPTY)

    def _world(
        self, cluster: Any, scope: Scope, factory: Callable[[Any], Any] | None = None, scribe: Scribe | None = None  # noqa: ANN401
    ) -> World:
        port = self.contract.interface()
        equipment = {} if scope is EMPTY else self.contract.equipment(scope)
        return World(
            cluster, factory or self.factory, scope, self._devices(),
            recover=port.name(Role.RECOVERY), roles=port.roles, equipment=equipment, scribe=scribe,
            memory=memory_of if self.looks_into_memory else None,
        )  # fmt: skip

    def _outside(self, world: World, call: Callable[[Any], Any], what: str, member: str = "", *, reads: bool = False) -> Any:  # noqa: ANN401
        """Run code of the adapter's outside of any schedule, in a process of the service `member` where there are several.

        Of code that `reads`, no thread changes anything.

        Raises:
            ContractError: it raised.
            BackendUnavailable: the disk is full.
        """
        host = world.cluster.host(f"{member}-{OBSERVER}" if member else OBSERVER)
        try:
            process = world.outsider(host)
            process.reads = reads
            with building(host, what, process):
                return call(world.environment(host, process))
        except AcidtestError:
            raise
        except BaseException as error:  # code of the adapter's may raise anything, and it is the adapter's to mend
            if not is_of_code(error):
                raise
            if (full := caused_by_full_disk(error)) is not None:
                raise full from error
            where = place_of(error)
            at = f" ({where})" if where else ""
            message = f"The adapter could not {what}: {describe(error)}{at}. Nothing can be checked before that works."
            raise ContractError(message) from error
        finally:
            host.hang_up()


def _unasked(contract: Contract, declared: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """What is not asked of who declares these capabilities: ids of properties, and fault kinds; each with what it takes.

    What is asked in the place of something that is waived is not missed where nothing is.
    """
    policies = {name for p in contract.properties for name in p.waived}
    properties = [(p.id, p.capability) for p in (*contract.properties, *contract.witnesses) if p.capability]
    kinds = [(f"the fault {kind!r}", name) for kind, name in contract.promised.items()]
    return tuple(dict.fromkeys(pair for pair in (*properties, *kinds) if pair[1] not in declared | policies))
