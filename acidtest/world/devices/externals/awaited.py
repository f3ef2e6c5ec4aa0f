"""External systems for coroutines: the simulated ones, called in a greenlet in which their effects can be awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.util import greenlet_spawn

if TYPE_CHECKING:
    from acidtest.environment import External, Receipt


class AwaitedExternal:
    """See `acidtest.environment.AsyncExternal`."""

    def __init__(self, external: External) -> None:
        """Stand before `external`."""
        self._external = external

    @property
    def idempotent(self) -> bool:
        """Whether it carries out an order once, however often it is told to."""
        return self._external.idempotent

    @property
    def queryable(self) -> bool:
        """Whether it answers inquiries."""
        return self._external.queryable

    @property
    def voidable(self) -> bool:
        """Whether it voids."""
        return self._external.voidable

    async def perform(self, key: str, amount: int) -> Receipt:
        """Order it to carry out `amount` under `key`, and await the answer."""
        return await greenlet_spawn(self._external.perform, key, amount)

    async def inquire(self, key: str) -> Receipt:
        """Ask how the order stands."""
        return await greenlet_spawn(self._external.inquire, key)

    async def void(self, key: str) -> Receipt:
        """Make it refuse an order from now on."""
        return await greenlet_spawn(self._external.void, key)
