"""The middleware of the library asgi-idempotency-header, with its backend for Redis, before an endpoint that transfers money."""

import json

import httpx
import sqlalchemy as sa
from idempotency_header_middleware import IdempotencyHeaderMiddleware
from idempotency_header_middleware.backends import RedisBackend
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from acidtest import Outcome

metadata = sa.MetaData()
accounts = sa.Table("accounts", metadata, sa.Column("id", sa.String(36), primary_key=True), sa.Column("balance", sa.Integer, nullable=False))


class Transfers:
    """An endpoint that moves money in one transaction, and knows no keys; the middleware knows them."""

    capabilities = frozenset()

    def __init__(self, env):
        self.engine = env.async_engine("bank")
        self.plain = env.engine("bank")
        app = Starlette(routes=[Route("/transfers", self.endpoint, methods=["POST"])])
        self.app = IdempotencyHeaderMiddleware(app, RedisBackend(env.aio.redis("cache")))

    def install(self, opening):
        with self.plain.begin() as connection:
            metadata.create_all(connection)
            connection.execute(sa.insert(accounts), [{"id": name, "balance": balance} for name, balance in opening.items()])

    async def endpoint(self, request):
        asked = await request.json()
        return JSONResponse({"outcome": await self.move(asked["source"], asked["target"], asked["amount"])})

    async def move(self, source, target, amount):
        if amount <= 0 or source == target:
            return "rejected"
        async with self.engine.begin() as connection:
            for name, change in sorted({source: -amount, target: amount}.items()):
                able = (accounts.c.id == name) & (accounts.c.balance + change >= 0)
                done = await connection.execute(sa.update(accounts).where(able).values(balance=accounts.c.balance + change))
                if done.rowcount != 1:
                    await connection.rollback()
                    return "rejected"
        return "ok"

    async def transfer(self, key, source, target, amount):
        asked = {"source": source, "target": target, "amount": amount}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://bank") as client:
            answer = await client.post("/transfers", content=json.dumps(asked), headers={"Idempotency-Key": key})
        answer.raise_for_status()
        return Outcome(answer.json()["outcome"])

    def balances(self):
        with self.plain.connect() as connection:
            return dict(connection.execute(sa.select(accounts.c.id, accounts.c.balance)).tuples().all())
