"""The overview's accounts (its section 4), `Append` and `RebuildAccount`: Go, statement for statement.

There is no command side: whatever is asked for is appended. The port asks for releases before and after as well; the events of the
one before call the amount otherwise, those of the one after are of a type of their own, as the overview's problem
"event schema evolution" has it.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

from acidtest.environment import Outcome
from acidtest.impl.naive import Defect

if TYPE_CHECKING:
    from acidtest.environment import Environment

SCHEMA = "CREATE TABLE events (id TEXT, type TEXT, aggregate TEXT, data TEXT, timestamp REAL)"


class NaiveAccounts:
    """The overview's event store, and the accounts that are rebuilt from it.

    Arguments:
        env: gives the database "events" and the clock.
    """

    def __init__(self, env: Environment) -> None:
        """Keep the environment."""
        self.env = env

    def install(self, opening: dict[str, int]) -> None:
        """Create the overview's table, and deposit what accounts open with."""
        self.db().execute(SCHEMA)
        self.db().execute("CREATE TABLE accounts (id TEXT)")
        for name, amount in opening.items():
            self.db().execute("INSERT INTO accounts VALUES (?)", (name,))
            self.append(f"opening {name}", "MoneyDeposited", name, {"Amount": float(amount)})

    def db(self) -> sqlite3.Connection:
        """A connection of the pool."""
        connection: sqlite3.Connection = self.env.connect("events", isolation_level=None)
        return connection

    # The event store:

    def append(self, id_: str, type_: str, account: str, data: dict[str, Any]) -> Exception | None:
        """`func (es *EventStore) Append(event Event) error`."""
        try:
            self.db().execute(
                "INSERT INTO events (id, type, aggregate, data, timestamp) VALUES (?, ?, ?, ?, ?)",
                (id_, type_, f"account:{account}", json.dumps(data), self.env.clock.now()),
            )
        except sqlite3.Error as err:
            return err
        return None

    def get_events(self, aggregate: str) -> tuple[list[Any] | None, Exception | None]:
        """`es.GetEvents(aggregate)`."""
        try:
            rows = self.db().execute("SELECT type, data FROM events WHERE aggregate = ? ORDER BY timestamp", (aggregate,)).fetchall()
        except sqlite3.Error as err:
            return None, err
        return rows, None

    def rebuild_account(self, account_id: str) -> float:
        """`func RebuildAccount(es *EventStore, accountID string) (*Account, error)`."""
        events, _ = self.get_events(f"account:{account_id}")
        balance = 0.0
        for type_, data in events or ():
            match type_:
                case "MoneyDeposited":
                    balance += json.loads(data).get("Amount", 0.0)
                case "MoneyWithdrawn":
                    balance -= json.loads(data).get("Amount", 0.0)
        return balance

    # The port:

    def handle(self, key: str, account: str, amount: int) -> Outcome:
        """Append what is asked for; an error that is returned reaches the client."""
        return self.appended(key, account, amount, "Amount")

    def legacy(self, key: str, account: str, amount: int) -> Outcome:
        """The same by a release that called the amount otherwise."""
        return self.appended(key, account, amount, "Sum")

    def appended(self, key: str, account: str, amount: int, field: str) -> Outcome:
        """Append a deposit or a withdrawal."""
        type_ = "MoneyDeposited" if amount > 0 else "MoneyWithdrawn"
        err = self.append(key, type_, account, {field: float(abs(amount))})
        if err is not None:
            raise err
        return Outcome.OK

    def newer(self, account: str) -> None:
        """What a later release appends."""
        self.append("interest", "InterestPaid", account, {"Amount": 3.0})

    def balances(self) -> dict[str, Any]:
        """Rebuild every account."""
        names = [name for (name,) in self.db().execute("SELECT id FROM accounts").fetchall()]
        return {name: self.rebuild_account(name) for name in names}


class NaiveInWholeUnits(NaiveAccounts):
    """The overview's accounts, asked for whole numbers, so that something else than their floats can show."""

    def balances(self) -> dict[str, Any]:
        """Rebuild every account, and round."""
        return {name: round(balance) for name, balance in super().balances().items()}


DEFECTS: tuple[Defect, ...] = (
    Defect("S4.3", "an error while reading is dropped: the account is there, and has nothing", NaiveInWholeUnits, ("ES5",), "one command"),
    Defect("S4.4", "an amount that is not found is zero", NaiveInWholeUnits, ("ES7",), "old release"),
    Defect("S4.5", "an event of an unknown type is skipped", NaiveInWholeUnits, ("ES5",), "newer release"),
    Defect("S4.6", "an account that does not exist is like an empty one", NaiveInWholeUnits, ("G4",), "invalid commands"),
    Defect("S4.7", "nothing checks that the funds suffice", NaiveInWholeUnits, ("ES10",), "invalid commands"),
    Defect("S4.8", "money is a float", NaiveAccounts, ("G12",), "one command"),
    Defect("S4.10", "an INSERT that is tried again is added up twice", NaiveInWholeUnits, ("G3",), "one command"),
    Defect("S4.14", "amounts are not looked at: zero is accepted", NaiveInWholeUnits, ("G4",), "invalid commands"),
)

NOT_EXHIBITED: dict[str, str] = {
    "S4.1": "there is no decision that a later event could overtake; what is appended without a version shows in event_store",
    "S4.2": "it is about the order of events, which shows in event_store; sums do not depend on it",
    "S4.9": "a command of the port is one event; several show in event_store",
    "S4.11": "an account whose events are looked for under another name is empty right after install, which is refused before anything runs",
    "S4.12": "it is about positions, which show in event_store",
    "S4.13": "it is what S4.4 and S4.5 show: there are neither versions of schemas nor upcasters, and there are no snapshots",
}
