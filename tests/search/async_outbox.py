"""The reference outbox as coroutines: the same statements, awaited; and the same with the bug X5 of the pattern catalogue."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from acidtest.environment import BrokerRefused, BrokerTimeout, Outcome
from acidtest.impl import outbox
from acidtest.impl.outbox import BACKOFF, LEASE, LONGEST_BACKOFF, RETENTION, claiming, due, first_of_key

if TYPE_CHECKING:
    from acidtest.environment import Environment


class AsyncOutbox:
    """Withdrawals from accounts, each with a message to the world."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"fenced", "ordered"})
    claim: ClassVar[Any] = claiming(due, first_of_key)

    def __init__(self, env: Environment) -> None:
        self.engine = env.async_engine("bank")
        self.broker = env.aio.broker
        self.clock = env.clock
        self.new_id = env.new_id

    async def install(self, opening: dict[str, int]) -> None:
        async with self.engine.begin() as connection:
            await connection.run_sync(outbox.metadata.create_all)
            rows = [{"id": name, "balance": sum_} for name, sum_ in opening.items()]
            await connection.execute(sa.insert(outbox.accounts), rows)

    async def execute(self, key: str, account: str, amount: int) -> Outcome:
        if amount <= 0:
            return Outcome.REJECTED
        asked = {"key": key, "account": account, "amount": amount}
        async with self.engine.begin() as connection:
            if (await connection.execute(outbox.claim_key, asked)).rowcount == 0:
                known = (await connection.execute(outbox.answered, {"k": key})).one()
                same = (known.account, known.amount) == (account, amount)
                return Outcome(known.outcome) if same else Outcome.REJECTED
            if (await connection.execute(outbox.withdraw, {"account": account, "amount": amount})).rowcount == 0:
                await connection.execute(outbox.refuse, {"k": key})
                return Outcome.REJECTED
            owed = {"id": key, "key": account, "payload": f"{account} {amount}", "created": self.clock.now()}
            await connection.execute(sa.insert(outbox.outbox), owed)
        return Outcome.OK

    async def relay(self) -> None:
        token = self.new_id()
        for row in await self._claim(token):
            await self._deliver(row, token)

    async def _claim(self, token: str) -> list[Any]:
        now = self.clock.now()
        async with self.engine.begin() as connection:
            await connection.execute(outbox.purge, {"old": now - RETENTION})
            claimed = await connection.execute(self.claim, {"now": now, "token": token, "until": now + LEASE})
            return sorted(claimed.all())

    async def _deliver(self, row: Any, token: str) -> None:
        try:
            await self.broker.publish(row[1], row[2], row[3])
        except (BrokerRefused, BrokerTimeout):
            later = self.clock.now() + min(BACKOFF * 2 ** (row[4] - 1), LONGEST_BACKOFF)
            await self._change(outbox.put_back, {"row": row[0], "token": token, "later": later})
        else:
            await self._change(outbox.mark, {"row": row[0], "token": token})

    async def _change(self, statement: Any, parameters: dict[str, Any]) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(statement, parameters)

    async def balances(self) -> dict[str, int]:
        async with self.engine.connect() as connection:
            return {row.id: row.balance for row in await connection.execute(sa.select(outbox.accounts))}


class Busy(AsyncOutbox):
    """Keeps in memory which messages it is about to publish, so that no other poll of the process does; rightly."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.busy: set[str] = set()

    async def _deliver(self, row: Any, token: str) -> None:
        if row[1] in self.busy:
            return
        self.busy.add(row[1])
        try:
            await super()._deliver(row, token)
        finally:
            self.busy.discard(row[1])


class ForgetsWhenCancelled(Busy):
    """X5: undoes by hand in `except Exception`, which a cancellation passes by: the message stays busy for ever."""

    async def _deliver(self, row: Any, token: str) -> None:
        if row[1] in self.busy:
            return
        self.busy.add(row[1])
        try:
            await AsyncOutbox._deliver(self, row, token)
        except Exception:
            self.busy.discard(row[1])
            raise
        self.busy.discard(row[1])


class Plain(outbox.Outbox):
    """The reference with the same mistake, but no coroutines: nothing can cancel it."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.busy: set[str] = set()

    def _deliver(self, row: Any, token: str) -> None:
        if row[1] in self.busy:
            return
        self.busy.add(row[1])
        try:
            super()._deliver(row, token)
        except Exception:
            self.busy.discard(row[1])
            raise
        self.busy.discard(row[1])


class Swallows(AsyncOutbox):
    """Answers ok although it was cancelled, perhaps before anything was committed."""

    async def execute(self, key: str, account: str, amount: int) -> Outcome:
        import asyncio

        with suppress(asyncio.CancelledError):
            return await super().execute(key, account, amount)
        return Outcome.OK
