"""Accounts that are kept as events: a command loads a stream, decides, and appends at the version that it has loaded.

An aggregate is a value: a process keeps the ones that it has loaded, and folds what has come since into new ones. Snapshots are the
same values, stored with the schema of the code that stored them. Whatever is older than the code is brought to its schema step by
step, events as well as snapshots; what is newer is an error.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from acidtest.environment import Conflict, Outcome, UnknownEvent
from acidtest.impl.dialects import Name, Newest
from acidtest.impl.event_store import EventStore, events, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from acidtest.environment import Environment
    from acidtest.impl.event_store import Event

    Data = dict[str, Any]

#: The schema that this release writes. The first counted in tenths of a minor unit; the second had one type for both directions.
SCHEMA = 3
OPENED, DEPOSITED, WITHDRAWN, DECLINED, MOVED = "opened", "deposited", "withdrawn", "declined", "moved"
#: The types of which others are told.
TOLD = (DEPOSITED, WITHDRAWN)
#: The subscriber that stands for all others.
OTHERS = "others"

snapshots = sa.Table(
    "snapshots", metadata,
    sa.Column("stream", Name, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
)  # fmt: skip
snapshot_of = sa.select(snapshots).where(snapshots.c.stream == sa.bindparam("name"))
store_snapshot = Newest(
    "INSERT INTO snapshots (stream, version, state) VALUES (:stream, :version, :state) ON CONFLICT (stream) "
    "DO UPDATE SET version = excluded.version, state = excluded.state WHERE snapshots.version < excluded.version"
)
streams = sa.select(events.c.stream).distinct().order_by(events.c.stream)


@dataclass(frozen=True)
class Account:
    """What the first `version` events of a stream amount to; `keys` has the amount and outcome of every command."""

    version: int = 0
    balance: int = 0
    keys: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    def after(self, version: int, id_: str, type_: str, data: Data) -> Account:
        """What it is with one event more.

        Raises:
            UnknownEvent: it is of a type that is not known.
        """
        if type_ == OPENED:
            return replace(self, version=version, balance=data["amount"])
        changes = {DEPOSITED: 1, WITHDRAWN: -1, DECLINED: 0}
        if type_ not in changes:
            message = f"event {id_} is of type {type_}"
            raise UnknownEvent(message)
        asked = -data["amount"] if type_ != DEPOSITED else data["amount"]
        outcome = Outcome.REJECTED if type_ == DECLINED else Outcome.OK
        keys = {**self.keys, id_: (data.get("asked", asked), outcome.value)}
        return Account(version, self.balance + changes[type_] * data["amount"], keys)


def to_second(type_: str, data: Data) -> tuple[str, Data]:
    """Minor units instead of their tenths."""
    return type_, {**data, "by": data["tenths"] // 10, "schema": 2}


def to_third(_: str, data: Data) -> tuple[str, Data]:
    """A type for each direction, and amounts that are positive."""
    return (DEPOSITED if data["by"] > 0 else WITHDRAWN), {"amount": abs(data["by"]), "schema": 3}


#: How an event of each schema becomes one of the next.
UPCASTERS: Mapping[int, Callable[[str, Data], tuple[str, Data]]] = {1: to_second, 2: to_third}


class Accounts(EventStore):
    """Accounts as aggregates.

    Arguments:
        env: gives the database "events", and the broker by which others are told.
    """

    upcasters: ClassVar[Mapping[int, Callable[[str, Data], tuple[str, Data]]]] = UPCASTERS

    def __init__(self, env: Environment) -> None:
        """Remember nothing; nothing is read or written yet."""
        super().__init__(env)
        self.remembered: dict[str, Account] = {}

    def install(self, opening: dict[str, int] | None = None) -> None:
        """Create the schema and open the accounts."""
        super().install()
        for name, amount in (opening or {}).items():
            self.append(name, 0, [(f"opened {name}", OPENED, json.dumps({"amount": amount, "schema": SCHEMA}))])

    # Commands:

    def handle(self, key: str, account: str, amount: int) -> Outcome:
        """Deposit or withdraw, once per key: decide on what was loaded, and begin anew where that has changed meanwhile."""
        return self._handle(key, account, amount, self._event)

    def _handle(self, key: str, account: str, amount: int, event: Callable[[str, int, bool], Event]) -> Outcome:
        if amount == 0:
            return Outcome.REJECTED
        while True:
            loaded = self._load(account)
            known = self._answer(loaded, key, amount)
            if known is not None:
                return known
            possible = self._is_possible(loaded, amount)
            try:
                self._append(account, loaded, event(key, amount, possible))
            except Conflict:
                continue
            return Outcome.OK if possible else Outcome.REJECTED

    def _is_possible(self, loaded: Account, amount: int) -> bool:
        return loaded.balance + amount >= 0

    def _answer(self, loaded: Account, key: str, amount: int) -> Outcome | None:
        """The answer where there is nothing to decide: no such account, or a key that was used."""
        if loaded.version == 0:
            return Outcome.REJECTED
        if key not in loaded.keys:
            return None
        asked, outcome = loaded.keys[key]
        return Outcome(outcome) if asked == amount else Outcome.REJECTED

    def _append(self, account: str, loaded: Account, event: Event) -> None:
        self.append(account, loaded.version, [event])

    def _event(self, key: str, amount: int, possible: bool) -> Event:  # noqa: FBT001 - what was decided
        """What has happened, as this release writes it."""
        if not possible:
            return key, DECLINED, json.dumps({"amount": 0, "asked": amount, "schema": SCHEMA})
        return key, DEPOSITED if amount > 0 else WITHDRAWN, json.dumps({"amount": abs(amount), "schema": SCHEMA})

    # Other releases:

    def legacy(self, key: str, account: str, amount: int) -> Outcome:
        """Handle a command as the release did whose schema is 1, which stored a snapshot with every event."""
        outcome = self._handle(key, account, amount, self._old_event)
        loaded = self._load(account)
        if loaded.version:
            self._store(account, loaded.version, {"balance": loaded.balance * 10, "keys": dict(loaded.keys), "schema": 1})
        return outcome

    def _old_event(self, key: str, amount: int, possible: bool) -> Event:  # noqa: FBT001 - what was decided
        if not possible:
            return self._event(key, amount, possible)
        return key, MOVED, json.dumps({"tenths": amount * 10, "schema": 1})

    def newer(self, account: str) -> None:
        """Store what a later release would: interest, of which this one knows nothing."""
        self.append(account, None, [(f"interest {account}", "interest", json.dumps({"rate": 3, "schema": SCHEMA + 1}))])

    # Loading:

    def balances(self) -> dict[str, int]:
        """The balance of every account."""
        with self.engine.connect() as connection:
            names = connection.execute(streams).scalars().all()
        return {name: self._load(name).balance for name in names}

    def _load(self, account: str) -> Account:
        """The account as it is now: what is remembered, or the snapshot, and what has come since."""
        loaded = self.remembered.get(account) or self._from_snapshot(account)
        for version, event in self.read(account, loaded.version):
            loaded = self._with(loaded, version, event)
        self.remembered[account] = loaded
        return loaded

    def _with(self, loaded: Account, version: int, event: Event) -> Account:
        id_, type_, text = event
        return loaded.after(version, id_, *self._upcast(type_, json.loads(text)))

    def _upcast(self, type_: str, data: Data) -> tuple[str, Data]:
        """An event in the schema of this release."""
        while type_ == MOVED and data["schema"] < SCHEMA:
            type_, data = self.upcasters[data["schema"]](type_, data)
        return type_, data

    # Snapshots:

    def snapshot(self, account: str) -> None:
        """Store the account as it is now."""
        loaded = self._load(account)
        if loaded.version:
            self._store(account, loaded.version, {"balance": loaded.balance, "keys": dict(loaded.keys), "schema": SCHEMA})

    def _store(self, account: str, version: int, state: Data) -> None:
        with self.engine.begin() as connection:
            connection.execute(store_snapshot, {"stream": account, "version": version, "state": json.dumps(state)})

    def _from_snapshot(self, account: str) -> Account:
        with self.engine.connect() as connection:
            found = connection.execute(snapshot_of, {"name": account}).one_or_none()
        return Account() if found is None else self._restored(found.version, json.loads(found.state))

    def _restored(self, version: int, state: Data) -> Account:
        """A snapshot in the schema of this release; one of a later release is of no use."""
        if state["schema"] > SCHEMA:
            return Account()
        keys = {key: (asked, outcome) for key, (asked, outcome) in state["keys"].items()}
        return Account(version, self._balance_of(state), keys)

    def _balance_of(self, state: Data) -> int:
        balance: int = state["balance"]
        return balance // 10 if state["schema"] == 1 else balance

    def rebuild(self) -> None:
        """Make all snapshots anew, from events alone."""
        with self.engine.begin() as connection:
            connection.execute(sa.delete(snapshots))
            names = connection.execute(streams).scalars().all()
        self.remembered.clear()
        for name in names:
            self.snapshot(name)

    # Others:

    def poll(self, subscriber: str = OTHERS) -> None:
        """Tell others of what has changed since the checkpoint."""
        super().poll(subscriber)

    def _hand(self, stream: str, event: Event) -> None:
        type_, data = self._upcast(event[1], json.loads(event[2]))
        if type_ in TOLD:
            super()._hand(stream, (event[0], type_, json.dumps({"type": type_, "account": stream, **data})))
