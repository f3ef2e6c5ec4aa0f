"""Where implementations of a pattern are put to the test: one site, one factory, and all that is remembered between runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.errors import AcidtestError, ContractError, HarnessError
from acidtest.models.machine import Kind
from acidtest.search.coverage import Reachable, reachable
from acidtest.search.follow import Follower
from acidtest.workload import Scope
from acidtest.world.database.backend import DEFAULT
from acidtest.world.interpose import building
from acidtest.world.interpose import install as interpose
from acidtest.world.site import Site
from acidtest.world.world import Env, World, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from acidtest.models.machine import Property
    from acidtest.properties.contract import Contract

OBSERVER = "observer"
#: What a bench remembers of the scope that it is prepared for.
_REMEMBERED = (
    "only", "always", "steps", "at_rest", "sometimes", "reached", "scope", "_reachable", "follower", "_observed", "_judged",
    "settled",
)  # fmt: skip
#: Of how many scopes it remembers that; some megabytes each.
_MOST_KEPT = 16


class Bench:
    """An implementation under a contract, ready to run scopes.

    Arguments:
        contract: the pattern's contract.
        factory: makes an implementation from an environment.
        backend: the kind of its databases.

    Raises:
        ContractError: the implementation lacks a method of the port, cannot be built or cannot be installed.
        BackendUnavailable: the backend's server cannot be reached.
    """

    def __init__(self, contract: Contract, factory: Callable[[Any], Any], backend: str = DEFAULT) -> None:
        """Build one implementation to see that it fits the port."""
        interpose()
        self.contract = contract
        self.factory = factory
        self.site = Site(backend)
        self.scope: Scope | None = None
        implementation = self._outside(self._empty_world(), self.factory, "make the implementation")
        contract.check_port(implementation)
        self.capabilities = contract.capabilities(implementation)
        self.properties = [p for p in contract.properties if p.applies(self.capabilities)]
        self.only: frozenset[str] = frozenset()
        self._installed: object = None
        self._kept: dict[Scope, dict[str, Any]] = {}

    def prepare_again(self, scope: Scope) -> None:
        """Prepare for a scope; what was remembered of it is remembered still, if that was not long ago."""
        kept = self._kept.pop(scope, None)
        if kept is None:
            self.prepare(scope)
            kept = {name: vars(self)[name] for name in _REMEMBERED}
        self._kept[scope] = kept  # the last of them
        if len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        if scope.accounts != self._installed:
            self._install(scope)
        vars(self).update(kept)

    def prepare(self, scope: Scope, only: frozenset[str] = frozenset()) -> None:
        """Install the implementation for a scope, and forget what was remembered of another.

        Arguments:
            scope: what will be run.
            only: look for violations of these properties alone; empty for all.
        """
        self.only = only
        wanted = [p for p in self.properties if not only or p.id in only]
        self.always = [p for p in wanted if p.kind == Kind.ALWAYS]
        self.steps = [p for p in wanted if p.kind == Kind.STEP]
        self.at_rest = [p for p in wanted if p.kind == Kind.AT_REST]
        self.sometimes = [p for p in wanted if p.kind == Kind.SOMETIMES]
        self.reached: set[str] = set()
        if scope.accounts != self._installed:
            self._install(scope)
        self.scope = scope
        self._reachable: Reachable | None = None
        self.follower = Follower(self.contract.model(scope), self.contract.abstract)
        self._observed: dict[Hashable, Hashable] = {}
        self._judged: dict[Hashable, Property | None] = {}
        self.settled: dict[Hashable, Any] = {}

    def _install(self, scope: Scope) -> None:
        self.site.clear()
        world = self._empty_world()
        self._outside(world, lambda env: self.contract.install(self.factory(env), scope), "install(accounts)")
        self.site.capture()
        self._installed = scope.accounts

    def reachable(self) -> Reachable:
        """What the model of the prepared scope can reach; counted out when first asked for."""
        if self._reachable is None:
            self._reachable = self._count_out()
        return self._reachable

    def _count_out(self) -> Reachable:
        if self.scope is not None and self.scope.serial:
            return Reachable(0, frozenset(), frozenset(), complete=False)  # one schedule of a large workload
        return reachable(self.follower.model, tuple(self.properties))

    def prepared(self) -> Scope:
        """The scope that it is prepared for.

        Raises:
            HarnessError: for none.
        """
        if self.scope is None:
            message = "A bench was used before it was prepared for a scope."
            raise HarnessError(message)
        return self.scope

    def world(self) -> World:
        """A fresh world for the prepared scope."""
        return World(self.site, self.factory, self.prepared(), self.contract.recover)

    def observe(self, world: World) -> Hashable:
        """The committed state as the port tells it, through a fresh incarnation of an observer."""
        key = (world.site.contents(), world.clock.time)
        if key not in self._observed:
            try:
                self._observed[key] = self._look(world)
            except ContractError:  # a port method may take locks, and a call of the schedule may hold one now
                self._observed[key] = self._look_at_copy(world)
        return self._observed[key]

    def _look(self, world: World) -> Hashable:
        found: Hashable = self._outside(world, lambda env: self.contract.observe(self.factory(env)), "read the committed state")
        return found

    def _look_at_copy(self, world: World) -> Hashable:
        site = world.site.copy()
        try:
            beside = World(site, self.factory, Scope("empty", "", (), ()))
            beside.clock.time = world.clock.time
            return self._look(beside)
        finally:
            site.close()

    def judge(self, view: Any) -> Property | None:  # noqa: ANN401 - the pattern's view
        """The first property that must always hold and does not hold of `view`."""
        if view not in self._judged:
            self.reached.update(p.id for p in self.sometimes if p.predicate(view))
            self._judged[view] = next((p for p in self.always if not p.predicate(view)), None)
        return self._judged[view]

    def looks_for(self, property_id: str) -> bool:
        """Whether a violation of that property counts."""
        return not self.only or property_id in self.only

    def close(self) -> None:
        """Give back the site, and forget everything: others may keep the bench itself for long."""
        self.site.close()
        self._kept.clear()
        for name in ("follower", "_observed", "_judged", "settled"):
            vars(self).pop(name, None)

    def _empty_world(self) -> World:
        return World(self.site, self.factory, Scope("empty", "", (), ()))

    def _outside(self, world: World, call: Callable[[Any], Any], what: str) -> Any:  # noqa: ANN401
        """Run code of the adapter's outside of any schedule.

        Raises:
            ContractError: it raised.
        """
        host = world.site.host(OBSERVER)
        try:
            with building(host):
                return call(Env(world, host, None))
        except AcidtestError:
            raise
        except Exception as error:  # code of the adapter's may raise anything, and it is the adapter's to mend
            message = f"The adapter could not {what}: {describe(error)}. Nothing can be checked before that works."
            raise ContractError(message) from error
        finally:
            host.hang_up()
