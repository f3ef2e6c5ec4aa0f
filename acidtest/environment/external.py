"""What code under test may ask of an external system, such as a payment provider."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Protocol


class ExternalRefused(Exception):  # noqa: N818 - as for the broker
    """The external system answered with an error: what was asked was definitely not carried out by this call."""


class ExternalTimeout(Exception):  # noqa: N818 - as for the broker
    """No answer came: what was asked may have been carried out, or not, or may be carried out later."""


class Status(StrEnum):
    """What an external system says of an order; the first three are final."""

    DONE = "done"  #: carried out, perhaps in part
    DECLINED = "declined"  #: not carried out, and it never will be
    VOIDED = "voided"  #: likewise, since somebody asked for that
    IN_PROGRESS = "in progress"  #: it has been accepted, and nobody knows yet how it will end
    ABSENT = "absent"  #: it is not known; it may be on its way, or the answer may be old
    UNAVAILABLE = "unavailable"  #: no answer can be given now, or this system never gives any


class Receipt(NamedTuple):
    """What an external system says of an order: in a reply, a callback or a statement.

    Arguments:
        key: the key under which it was ordered.
        status: how it stands.
        amount: what was carried out, which may be less than was ordered; 0 where nothing was.
    """

    key: str
    status: Status
    amount: int = 0


class External(Protocol):
    """A system outside of any transaction: a cash machine, a payment gateway. What it did, it did.

    What it can do differs. Code that works with any such system asks; code that was written for one need not.
    """

    @property
    def idempotent(self) -> bool:
        """Whether it carries out an order once, however often it is told to under one key."""

    @property
    def queryable(self) -> bool:
        """Whether it answers inquiries."""

    @property
    def voidable(self) -> bool:
        """Whether it can be made to refuse an order for ever that it has not got yet."""

    def perform(self, key: str, amount: int) -> Receipt:
        """Order it to carry out `amount` under `key`, and wait for the answer: done (perhaps in part), or declined.

        Raises:
            ExternalRefused: this call had no effect.
            ExternalTimeout: it may have been carried out, or not, or may be carried out later.
        """

    def inquire(self, key: str) -> Receipt:
        """Ask how the order stands. The answer may lag behind; what it says is final is final."""

    def void(self, key: str) -> Receipt:
        """Make it refuse an order from now on; says voided, or how the order stands where it is too late for that.

        Raises:
            ExternalRefused: nothing was voided.
            ExternalTimeout: it may be voided or not.
        """


class AsyncExternal(Protocol):
    """An external system for coroutines: what `External` does, awaited."""

    @property
    def idempotent(self) -> bool:
        """Whether it carries out an order once, however often it is told to under one key."""

    @property
    def queryable(self) -> bool:
        """Whether it answers inquiries."""

    @property
    def voidable(self) -> bool:
        """Whether it can be made to refuse an order for ever that it has not got yet."""

    async def perform(self, key: str, amount: int) -> Receipt:
        """Order it to carry out `amount` under `key`, and await the answer; errors as for `External.perform`."""

    async def inquire(self, key: str) -> Receipt:
        """Ask how the order stands; as `External.inquire`."""

    async def void(self, key: str) -> Receipt:
        """Make it refuse an order from now on; errors as for `External.void`."""
