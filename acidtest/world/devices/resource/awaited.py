"""Resource managers for coroutines: what there is, called in a greenlet in which its effects can be awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.util import greenlet_spawn

if TYPE_CHECKING:
    from acidtest.environment import Resource, Xa, Xid


class AwaitedResource:
    """See `acidtest.environment.AsyncResource`."""

    def __init__(self, resource: Resource) -> None:
        """Stand before `resource`."""
        self._resource = resource

    async def start(self, xid: Xid) -> None:
        """Begin a branch."""
        await greenlet_spawn(self._resource.start, xid)

    async def change(self, account: str, amount: int) -> None:
        """Change an account in the branch at work."""
        await greenlet_spawn(self._resource.change, account, amount)

    async def read(self, account: str) -> int:
        """The balance of an account, within the branch at work."""
        return await greenlet_spawn(self._resource.read, account)

    async def end(self, xid: Xid) -> None:
        """End the work of a branch."""
        await greenlet_spawn(self._resource.end, xid)

    async def prepare(self, xid: Xid) -> Xa:
        """Vote."""
        return await greenlet_spawn(self._resource.prepare, xid)

    async def commit(self, xid: Xid, *, one_phase: bool = False) -> None:
        """Commit what is prepared; or, in one phase, what is not."""
        await greenlet_spawn(self._resource.commit, xid, one_phase=one_phase)

    async def rollback(self, xid: Xid) -> None:
        """Roll back, prepared or not."""
        await greenlet_spawn(self._resource.rollback, xid)

    async def recover(self) -> tuple[Xid, ...]:
        """The branches that are prepared, or were decided heuristically."""
        return await greenlet_spawn(self._resource.recover)

    async def forget(self, xid: Xid) -> None:
        """Drop what is kept of a heuristic decision."""
        await greenlet_spawn(self._resource.forget, xid)

    def balances(self) -> dict[str, int]:
        """What is committed: a reading method of a port may ask for it without awaiting anything."""
        return self._resource.balances()
