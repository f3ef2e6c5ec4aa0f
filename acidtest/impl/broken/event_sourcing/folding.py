"""Mutants of what events amount to: unknown and old ones, snapshots, and what processes remember."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from acidtest.environment import UnknownEvent
from acidtest.impl.event_sourcing import MOVED, SCHEMA, Account, Accounts, snapshots, to_third
from acidtest.impl.event_store import events

if TYPE_CHECKING:
    from acidtest.impl.event_sourcing import Data
    from acidtest.impl.event_store import Event


# Events that are not those of this release.


class UnknownSkipped(Accounts):
    """Leaves out an event of a type that it does not know (ES5)."""

    def _with(self, loaded: Account, version: int, event: Event) -> Account:
        try:
            return super()._with(loaded, version, event)
        except UnknownEvent:
            return replace(loaded, version=version)


class OldSkipped(Accounts):
    """Has no upcasters, and leaves out what it cannot read (ES7)."""

    def _upcast(self, type_: str, data: Data) -> tuple[str, Data]:
        return type_, data

    def _with(self, loaded: Account, version: int, event: Event) -> Account:
        try:
            return super()._with(loaded, version, event)
        except UnknownEvent:
            return loaded if event[1] != MOVED else replace(loaded, version=version)


class AmountZero(Accounts):
    """Takes an amount that it does not find in an event for zero (ES7)."""

    def _upcast(self, type_: str, data: Data) -> tuple[str, Data]:
        return super()._upcast(type_, data) if type_ != MOVED else ("withdrawn", {"amount": data.get("amount", 0), "schema": SCHEMA})


class ChainGap(Accounts):
    """Brings events of the first schema to the third by the last step alone: tenths are taken for minor units (ES7)."""

    upcasters = {1: lambda type_, data: to_third(type_, {"by": data["tenths"]}), 2: to_third}  # noqa: RUF012


class SnapshotNotUpcast(Accounts):
    """Brings events to the schema of this release, but not snapshots (ES7)."""

    def _balance_of(self, state: Data) -> int:
        balance: int = state["balance"]
        return balance


# Snapshots.


class SnapshotFromCache(Accounts):
    """Stores what it remembers as a snapshot of the version that the stream has now (ES6)."""

    def snapshot(self, account: str) -> None:
        loaded = self.remembered.get(account) or self._load(account)
        with self.engine.connect() as connection:
            version = self._version(connection, account)
        if version:
            self._store(account, version, {"balance": loaded.balance, "keys": dict(loaded.keys), "schema": SCHEMA})


class SnapshotOneBehind(Accounts):
    """Numbers versions from 0 in snapshots and from 1 in streams: the last event is added once more (ES6)."""

    def _store(self, account: str, version: int, state: Data) -> None:
        super()._store(account, version - 1, state)


class SnapshotAhead(Accounts):
    """Stores a snapshot with the event that it is about to append, which may fail: the state is ahead of the log (ES12)."""

    def _append(self, account: str, loaded: Account, event: Event) -> None:
        after = self._with(loaded, loaded.version + 1, event)
        self._store(account, after.version, {"balance": after.balance, "keys": dict(after.keys), "schema": SCHEMA})
        super()._append(account, loaded, event)


class RebuiltFromThePast(Accounts):
    """Makes snapshots anew, of the events that are left when those before the last snapshot have been cleaned away (ES6, G1)."""

    def rebuild(self) -> None:
        with self.engine.begin() as connection:
            kept = dict(connection.execute(sa.select(snapshots.c.stream, snapshots.c.version)).all())
            for name, version in kept.items():
                connection.execute(sa.delete(events).where(events.c.stream == name, events.c.version <= version, events.c.version > 1))
        super().rebuild()


# What processes remember.


class NeverCaughtUp(Accounts):
    """Reads what has come since only when it decides, not when it is asked (ES5)."""

    def balances(self) -> dict[str, int]:
        remembered = dict(self.remembered)
        return {name: remembered[name].balance if name in remembered else balance for name, balance in super().balances().items()}


@dataclass
class Shared:
    """An account that changes in place."""

    version: int = 0
    balance: int = 0
    keys: dict[str, Any] = field(default_factory=dict)

    def become(self, other: Account) -> None:
        """Take over what it is now."""
        self.version, self.balance, self.keys = other.version, other.balance, dict(other.keys)


class FastForwardRace(Accounts):
    """Adds what has come since to an account that all clients of the process share: two do it at once, and twice (ES5)."""

    def _load(self, account: str) -> Account:
        shared: Any = self.remembered.get(account)
        if shared is None:
            shared = Shared()
            shared.become(self._from_snapshot(account))
            self.remembered[account] = shared
        for version, event in self.read(account, shared.version):
            shared.become(self._with(Account(version - 1, shared.balance, shared.keys), version, event))
        return shared  # type: ignore[no-any-return]


class MutateBeforeApply(Accounts):
    """Remembers an event before it is appended, also where the append is refused (ES5, ES10, G4)."""

    def _append(self, account: str, loaded: Account, event: Event) -> None:
        self.remembered[account] = self._with(loaded, loaded.version + 1, event)
        super()._append(account, loaded, event)


class FirstPageOnly(Accounts):
    """Makes balances of the first fifty events behind a snapshot (G4, ES6)."""

    def read(self, stream: str, after: int = 0) -> list[tuple[int, Event]]:
        return super().read(stream, after)[:50]
