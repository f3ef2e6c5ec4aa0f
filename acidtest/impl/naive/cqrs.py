"""The overview's CQRS (its section 5): `CreateOrder`, `GetOrderDetails` and `HandleOrderCreated`, from Go, statement for statement.

    func (h *CommandHandler) CreateOrder(order *Order) error {
        tx, _ := h.db.Begin()
        defer tx.Rollback()
        tx.Exec("INSERT INTO orders (id, user_id, total) VALUES ($1, $2, $3)", order.ID, order.UserID, order.Total)
        for _, item := range order.Items { tx.Exec("INSERT INTO order_items (order_id, product_id, qty) VALUES …") }
        tx.Commit()
        h.eventBus.Publish("OrderCreated", order)
        return nil
    }

    func (h *QueryHandler) GetOrderDetails(orderID string) (*OrderView, error) {
        if data, err := h.cache.Get(orderID).Bytes(); err == nil { json.Unmarshal(data, &view); return &view, nil }
        view, _ := h.es.GetOrderView(orderID)
        data, _ := json.Marshal(view)
        h.cache.Set(orderID, data, 1*time.Hour)
        return view, nil
    }

    func (h *QueryHandler) HandleOrderCreated(event OrderCreatedEvent) {
        h.es.IndexOrder(event.OrderID, OrderView{ID: event.OrderID, UserName: event.UserName, Items: event.Items, Total: event.Total})
    }

Ignored errors stay ignored. A command of the port is an order, whose id is the client's key, of the user that is the account: what
an account holds is what it was opened with and the totals of its orders. What the view shows of an account is the same sum, with
the total of each order as `GetOrderDetails` tells it, 0 where that is nil; which orders there are, the port's translation looks up.
The search engine is the second database. The overview closes nothing and rebuilds nothing.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from acidtest.environment import BrokerRefused, BrokerTimeout, Outcome
from acidtest.impl.naive import Defect

if TYPE_CHECKING:
    from acidtest.environment import Environment

HOUR = 3_600
SCHEMA = """
    CREATE TABLE users (id TEXT PRIMARY KEY, opening INTEGER);
    CREATE TABLE orders (id TEXT PRIMARY KEY, user_id TEXT, total INTEGER);
    CREATE TABLE order_items (order_id TEXT, product_id TEXT, qty INTEGER);
"""


class NaiveOrders:
    """The overview's three handlers.

    Arguments:
        env: gives the databases "bank" and "search", the cache "cache", and the broker.
    """

    def __init__(self, env: Environment) -> None:
        """Keep the environment."""
        self.env = env
        self.cache = env.redis("cache")
        from redis import RedisError

        self.cache_error = RedisError

    def install(self, accounts: dict[str, int]) -> None:
        """Create the tables, and the index of the search engine."""
        self.db("bank").executescript(SCHEMA)
        self.db("bank").executemany("INSERT INTO users VALUES (?, ?)", list(accounts.items()))
        self.db("search").executescript("CREATE TABLE documents (id TEXT PRIMARY KEY, source TEXT)")

    def db(self, name: str) -> sqlite3.Connection:
        """A connection of a pool."""
        connection: sqlite3.Connection = self.env.connect(name, isolation_level=None)
        return connection

    # Command side:

    def handle(self, key: str, account: str, amount: int) -> Outcome:
        """An order of `amount`."""
        self.create_order({"ID": key, "UserID": account, "Total": amount, "Items": [{"ProductID": account, "Quantity": 1}]})
        return Outcome.OK

    def create_order(self, order: dict[str, Any]) -> None:
        """`func (h *CommandHandler) CreateOrder(order *Order) error`, which never returns one."""
        tx = self.db("bank")
        tx.execute("BEGIN")
        try:
            # Write to normalized schema
            with suppress(sqlite3.Error):
                tx.execute("INSERT INTO orders (id, user_id, total) VALUES (?, ?, ?)", (order["ID"], order["UserID"], order["Total"]))
            for item in order["Items"]:
                with suppress(sqlite3.Error):
                    tx.execute("INSERT INTO order_items VALUES (?, ?, ?)", (order["ID"], item["ProductID"], item["Quantity"]))
            with suppress(sqlite3.Error):
                tx.commit()
            # Publish event
            self.publish(order)
        finally:
            tx.rollback()
            tx.close()

    def publish(self, order: dict[str, Any]) -> None:
        """`h.eventBus.Publish("OrderCreated", order)`, whose error is ignored."""
        with suppress(BrokerRefused, BrokerTimeout):
            self.env.broker.publish(order["ID"], order["UserID"], json.dumps(self.event(order)), topic="OrderCreated")

    def event(self, order: dict[str, Any]) -> dict[str, Any]:
        """What is published: the order as it is, which has no field that an `OrderCreatedEvent` would take its `OrderID` from."""
        return order

    def close(self, account: str) -> Outcome:  # noqa: ARG002 - the overview knows nothing of it
        """Nothing is closed."""
        return Outcome.REJECTED

    def balances(self) -> dict[str, int]:
        """What users were opened with, and the totals of their orders."""
        sums = "SELECT id, opening + coalesce((SELECT sum(total) FROM orders WHERE user_id = users.id), 0) FROM users"
        return dict(self.db("bank").execute(sums).fetchall())

    # Query side:

    def query(self, account: str, after: Any) -> int | None:  # noqa: ARG002 - the overview knows no positions
        """The total of each order, as the query side tells it."""
        db = self.db("bank")
        user = db.execute("SELECT opening FROM users WHERE id = ?", (account,)).fetchone()
        ids = [id_ for (id_,) in db.execute("SELECT id FROM orders WHERE user_id = ? ORDER BY id", (account,)).fetchall()]
        views = [self.get_order_details(id_) or {} for id_ in ids]
        return None if user is None else user[0] + sum([view.get("Total", 0) for view in views])

    def get_order_details(self, order_id: str) -> Any:
        """`func (h *QueryHandler) GetOrderDetails(orderID string) (*OrderView, error)`."""
        # Try cache first
        data = None
        with suppress(self.cache_error):
            data = self.cache.get(order_id)
        if data is not None:
            return json.loads(data)
        # Fallback to ElasticSearch (denormalized)
        view = self.get_order_view(order_id)
        # Cache it
        with suppress(self.cache_error):
            self.cache.set(order_id, json.dumps(view), ex=HOUR)
        return view

    def get_order_view(self, order_id: str) -> Any:
        """`h.es.GetOrderView(orderID)`, whose error is ignored: nil."""
        with suppress(sqlite3.Error):
            found = self.db("search").execute("SELECT source FROM documents WHERE id = ?", (order_id,)).fetchone()
            return None if found is None else json.loads(found[0])
        return None

    def project(self) -> None:
        """The event bus hands on what was published."""
        delivery = self.env.broker.receive(topic="OrderCreated")
        if delivery is not None:
            self.handle_order_created(json.loads(delivery.payload))
            with suppress(BrokerRefused, BrokerTimeout):
                self.env.broker.ack(delivery)

    def handle_order_created(self, event: dict[str, Any]) -> None:
        """`func (h *QueryHandler) HandleOrderCreated(event OrderCreatedEvent)`: a field that is not there is empty."""
        view = {"ID": event.get("OrderID", ""), "UserName": event.get("UserName", ""), "Items": event["Items"], "Total": event["Total"]}
        with suppress(sqlite3.Error):
            self.db("search").execute("INSERT OR REPLACE INTO documents VALUES (?, ?)", (view["ID"], json.dumps(view)))

    def rebuild(self) -> Outcome:
        """Nothing is rebuilt."""
        return Outcome.OK


class NaiveWithIds(NaiveOrders):
    """The same, with an event that has the order's id, so that the other defects can be seen."""

    def event(self, order: dict[str, Any]) -> dict[str, Any]:
        """What an `OrderCreatedEvent` wants."""
        return {**order, "OrderID": order["ID"]}


class NaiveConfirmed(NaiveWithIds):
    """The same, with a second try where the bus has refused the event."""

    def publish(self, order: dict[str, Any]) -> None:
        """Publish, and again."""
        try:
            self.env.broker.publish(order["ID"], order["UserID"], json.dumps(self.event(order)), topic="OrderCreated")
        except (BrokerRefused, BrokerTimeout):
            super().publish(order)


class NaivePromising(NaiveWithIds):
    """The overview's handlers, declared to show a client what it wrote."""

    capabilities = frozenset({"read_your_writes"})


DEFECTS: tuple[Defect, ...] = (
    Defect("S5.1", "commit, then publish: a crash in between, and the view never learns", NaiveWithIds, ("CQ1",), "two commands"),
    Defect("S5.2", "the error of the commit is ignored: an event of an order that is not there", NaiveWithIds, ("G4",), "one command"),
    Defect("S5.3", "the error of the INSERT is ignored: an order under an id that is taken is told ok", NaiveWithIds, ("G4", "G7"), "same key"),
    Defect("S5.4", "the error of the publish is ignored: nobody tries again", NaiveWithIds, ("CQ1",), "one command"),
    Defect("S5.5", "that an order was not found is cached for an hour, after the view has it", NaiveWithIds, ("CQ8",), "readers"),
    Defect("S5.8", "the event has no OrderID, so every order is indexed under the empty one", NaiveOrders, ("CQ1",), "one command"),
    Defect("S5.9", "the error of the index is ignored, and the event acknowledged", NaiveConfirmed, ("CQ1",), "one process"),
    Defect("S5.13", "a query after a command cannot ask for what that did", NaivePromising, ("CQ6",), "own command"),
    Defect("S5 funds", "nothing checks that the funds suffice", NaiveWithIds, ("G2",), "invalid requests"),
    Defect("S5 amounts", "an order of nothing is accepted", NaiveWithIds, ("G4", "G12"), "invalid requests"),
)

NOT_EXHIBITED: dict[str, str] = {
    "S5.6": "orders are created and never updated, so the only change that the cache misses is that of S5.5",
    "S5.7": "likewise: what a slow reader writes over is the order that was not found, which is S5.5",
    "S5.10": "an order has one event, whose copies are equal: there is no older one that could overwrite it",
    "S5.11": "what is cached was marshalled by the same code, so it always unmarshals",
    "S5.12": "the port knows no names of users, so none is ever changed",
    "S5.14": "a rebuild that does nothing loses nothing; what was lost before stays lost, which is S5.1",
    "S5.15": "the id of an order is the client's key and unique, so a repetition has no effect; what it is told is S5.3",
}
