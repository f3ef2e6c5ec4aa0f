"""A monolith: an order is one transaction of one database, for the money, the goods, and the letter that is owed about it.

It is the reference for local ACID, whose transfer to the shop takes an item off the shelf as well, and the relay of the
reference for an outbox, by which letters leave the house: what is outside is in no transaction, not even here.

Source: what the overview recommends for monoliths; Richardson, "Transactional outbox".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from acidtest.environment import Outcome
from acidtest.impl.acid import Transfer, Transfers
from acidtest.impl.architectures.letters import Letters
from acidtest.impl.dialects import Name

if TYPE_CHECKING:
    from acidtest.environment import Environment

#: Whom everybody pays, and what each item costs.
SHOP = "shop"
PRICE = 10
#: How what there is of an item is named among the accounts at the start.
SHELF = "shelf/"

metadata = sa.MetaData()
shelf = sa.Table(
    "shelf", metadata,
    sa.Column("item", Name, primary_key=True),
    sa.Column("count", sa.Integer, sa.CheckConstraint("count >= 0"), nullable=False),
)  # fmt: skip
orders = sa.Table(
    "orders", metadata,
    sa.Column("key", Name, primary_key=True),
    sa.Column("buyer", Name, nullable=False),
    sa.Column("item", Name, nullable=False),
)  # fmt: skip

take = sa.update(shelf).where(shelf.c.item == sa.bindparam("i"), shelf.c["count"] >= 1).values(count=shelf.c["count"] - 1)


class SoldOut(Exception):  # noqa: N818 - a business answer
    """There is nothing left of it: nothing of the order may stay."""


class Monolith(Transfers):
    """A shop in one database.

    Arguments:
        env: gives the database "bank", the broker, the clock, and fencing tokens.
    """

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        super().__init__(env)
        self.letters = Letters(env, "bank")

    def install(self, opening: dict[str, int]) -> None:
        """Create the schema, open the accounts, and fill the shelf."""
        super().install({name: amount for name, amount in opening.items() if not name.startswith(SHELF)})
        metadata.create_all(self.engine)
        self.letters.install()
        items = [{"item": name.removeprefix(SHELF), "count": n} for name, n in opening.items() if name.startswith(SHELF)]
        with self.engine.begin() as connection:
            connection.execute(sa.insert(shelf), items)

    def order(self, key: str, buyer: str, item: str) -> Outcome:
        """Buy one of an item, once per `key`: pay, take it off the shelf, and owe a letter, all or nothing."""
        return self.transfer(key, buyer, f"{SHOP}:{item}", PRICE)

    def _move(self, connection: sa.Connection, request: Transfer) -> bool:
        """The transfer, and all that goes with it; the target of the request says for what the money is."""
        shop, _, item = request.target.partition(":")
        try:
            with connection.begin_nested():
                if not super()._move(connection, request._replace(target=shop)):
                    return False
                self._take(connection, item)
        except SoldOut:
            return False
        self._note(connection, request, item)
        return True

    def _take(self, connection: sa.Connection, item: str) -> None:
        if connection.execute(take, {"i": item}).rowcount != 1:
            raise SoldOut(item)

    def _note(self, connection: sa.Connection, request: Transfer, item: str) -> None:
        """Write down the order, and the letter about it."""
        connection.execute(sa.insert(orders), {"key": request.key, "buyer": request.source, "item": item})
        self._owe(connection, request, item)

    def _owe(self, connection: sa.Connection, request: Transfer, item: str) -> None:
        self.letters.owe(connection, request.key, request.source, {"sold": item})

    def relay(self) -> None:
        """Send letters that are owed."""
        self.letters.relay()

    # Looking:

    def goods(self) -> dict[str, int]:
        """How many there are of each item."""
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(shelf.c.item, shelf.c["count"].label("left")))
            return {row.item: row.left for row in rows}

    def sold(self) -> dict[str, tuple[str, str]]:
        """Who bought what, by key."""
        with self.engine.connect() as connection:
            return {row.key: (row.buyer, row.item) for row in connection.execute(sa.select(orders))}
