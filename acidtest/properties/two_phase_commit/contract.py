"""The contract of two-phase commit: PATTERNS section 2, and what every pattern shares (section 0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.models.two_phase_commit.service import AtomicCommit, AtomicCommitView
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.reading import Reading, amounts_of
from acidtest.properties.shared.requests import requests_of
from acidtest.properties.two_phase_commit.port import DATABASES, TwoPhaseCommitPort
from acidtest.properties.two_phase_commit.properties import PROPERTIES
from acidtest.properties.two_phase_commit.scopes import SCOPES, SLOW_SCOPES
from acidtest.properties.two_phase_commit.stories import workloads
from acidtest.properties.two_phase_commit.view import keys_of, request_of, view_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from acidtest.models.shared.ledger import Request
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Scope


class TwoPhaseCommitContract(LedgerContract):
    """Runs over several databases. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "two_phase_commit"
    port = TwoPhaseCommitPort
    asks_again: ClassVar[bool] = True
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES

    def install(self, implementation: Any, scope: Scope, member: str = "") -> None:  # noqa: ANN401, ARG002
        """Open the accounts, called database/account in a scope, in their databases."""
        opening: dict[str, dict[str, int]] = {database: {} for database in DATABASES}
        for name, balance in scope.accounts:
            database, _, account = name.partition("/")
            opening[database][account] = balance
        implementation.install(opening)

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The runs of `scope`."""
        return requests_of(scope, ("run",), request_of)

    def model(self, scope: Scope) -> AtomicCommit:
        """Atomic commit of the runs of `scope`."""
        return AtomicCommit(scope.accounts, self.requests(scope))

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401
        """Per database, the committed balances and the keys in doubt."""
        return tuple(
            (
                database,
                amounts_of(implementation.balances(database), f"balances({database!r})"),
                keys_of(implementation.in_doubt(database), database),
            )
            for database in DATABASES
        )

    def readings(self, scope: Scope, observed: Any, member: str = "") -> list[Reading]:  # noqa: ANN401, ARG002
        """Per database, the balances; nothing is in doubt."""
        found = []
        for database, balances, keys in observed:
            prefix = f"{database}/"
            opening = sorted((name.removeprefix(prefix), sum_) for name, sum_ in scope.accounts if name.startswith(prefix))
            found += [Reading(f"balances({database!r})", balances, tuple(opening)), Reading(f"in_doubt({database!r})", keys)]
        return found

    def view(self, scope: Scope, seen: Seen, before: AtomicCommitView | None) -> AtomicCommitView:
        """Say of every database which runs took effect there."""
        return view_of(scope, self.calls(scope, seen), seen, before)

    def abstract(self, view: AtomicCommitView) -> Hashable:
        """Without what befell the run."""
        return view._replace(happened=frozenset(), stuck=False, wedged=False)

    def shown(self, view: AtomicCommitView) -> Mapping[str, Any]:
        """What is said per database, without those of which nothing is said."""
        fields = dict(super().shown(view))
        for name in ("took", "in_doubt", "voted"):
            fields[name] = tuple(f"{database}: {' '.join(names)}" for database, names in fields[name] if names)
        return fields

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of runs, alone and one after the other."""
        return workloads(cls.stateful_kinds)
