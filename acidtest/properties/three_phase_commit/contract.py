"""The contract of three-phase commit: PATTERNS section 3, and what every pattern shares (section 0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.models.shared.ledger import Call
from acidtest.models.three_phase_commit.service import SitesModel, SitesView
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.reading import Reading, amounts_of
from acidtest.properties.three_phase_commit.port import SITES, ThreePhaseCommitPort
from acidtest.properties.three_phase_commit.properties import PROPERTIES, WITNESSES
from acidtest.properties.three_phase_commit.scopes import SCOPES, SLOW_SCOPES
from acidtest.properties.three_phase_commit.stories import workloads
from acidtest.properties.three_phase_commit.view import (
    KEYS,
    places_of_requests,
    requests_in,
    sites_in,
    state_of,
    view_of,
)
from acidtest.workload import Sites

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from acidtest.models.shared.ledger import Request
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Scope


class ThreePhaseCommitContract(LedgerContract):
    """Transactions among sites. Subclass it and give `implementation(env)`, for each `env.service`."""

    pattern: ClassVar[str] = "three_phase_commit"
    port = ThreePhaseCommitPort
    members: ClassVar[tuple[str, ...]] = SITES
    properties = PROPERTIES
    witnesses = WITNESSES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES
    stateful_kinds: ClassVar[tuple[str, ...]] = ("crash", "twice", "reordered")
    stateful_changes: ClassVar[tuple[tuple[str, float], ...]] = ()

    def install(self, implementation: Any, scope: Scope, member: str = "") -> None:  # noqa: ANN401
        """Create the schema of a site and open its accounts, called site/account in a scope."""
        implementation.install(dict(_opening(scope, member)))

    def equipment(self, scope: Scope) -> Mapping[str, Any]:
        """The network between the sites of the scope."""
        return {"network": Sites(sites_in(scope))} if scope.clients else {}

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """What is begun in `scope`."""
        return requests_in(scope)

    def calls(self, scope: Scope, seen: Seen) -> tuple[Call, ...]:
        """What clients know of what they have begun; most operations of a scope are messages, which they know nothing of."""
        known = zip(requests_in(scope), places_of_requests(scope), strict=True)
        return tuple([Call(request, str(seen.status[place]), seen.alone[place]) for request, place in known])

    def model(self, scope: Scope) -> SitesModel:
        """Atomic commitment of what is begun in `scope`."""
        return SitesModel(scope.accounts, self.requests(scope), sites_in(scope), lifted=bool(scope.lifted))

    def observe_member(self, implementation: Any, member: str) -> Hashable:  # noqa: ANN401
        """The committed balances of a site, and what it knows of every key."""
        states = tuple([(key, state_of(implementation.state(key), key)) for key in KEYS])
        return amounts_of(implementation.balances(), f"balances() of {member}"), states

    def readings(self, scope: Scope, observed: Any, member: str = "") -> tuple[Reading, ...]:  # noqa: ANN401
        """The balances."""
        return (Reading(f"balances() of {member}", observed[0], _opening(scope, member)),)

    def view(self, scope: Scope, seen: Seen, before: SitesView | None) -> SitesView:
        """Say of every key what each site knows."""
        return view_of(scope, self.calls(scope, seen), seen, before)

    def abstract(self, view: SitesView) -> Hashable:
        """Without what is known of the network, and what befell the run."""
        return SitesView(*view[:5])

    def shown(self, view: SitesView) -> Mapping[str, Any]:
        """Of each key, what every site knows."""
        fields = {name: value for name, value in super().shown(view).items() if name not in ("states", "voted")}
        states = {f"state of {key}": pairs for key, pairs in view.states}
        voted = {f"voted yes on {key}": sites for key, sites in view.voted}
        return {**states, **voted, **fields}

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of transactions, one or two."""
        return workloads(cls.stateful_kinds)


def _opening(scope: Scope, site: str) -> tuple[tuple[str, int], ...]:
    accounts = [(name.partition("/"), n) for name, n in scope.accounts]
    return tuple(sorted((account, n) for (where, _, account), n in accounts if where == site))
