"""What has been observed of a run at one instant: what a contract makes its view of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable


class Message(NamedTuple):
    """One copy of a message on the broker."""

    id: str
    key: str
    payload: str


class Order(NamedTuple):
    """The truth about an order at an external system.

    Arguments:
        system: the external system.
        key: the key under which it was ordered.
        amount: what was ordered.
        status: how it stands: absent (it is on its way, or was lost), in progress, done, declined or voided.
        paid: what was carried out, in order: one amount for each time.
        coming: 1 where requests for it are on their way, 0 where none is.
    """

    system: str
    key: str
    amount: int
    status: str
    paid: tuple[int, ...]
    coming: int


class Seen(NamedTuple):
    """What has been observed of a run at one instant.

    Arguments:
        durable: what `observe` read, through the port, from the committed state.
        messages: the broker's log.
        status: per operation of the scope, what its client knows: new, open, unknown, or the answer.
        alone: per operation, whether nothing ran beside it and no fault had occurred until it was answered.
        disturbances: faults, crashes and errors so far that excuse a repetition.
        happened: what befell the run so far: crash, jump, outage, and fault kinds as "refused publish".
        at_rest: whether faults are over and everything has recovered and drained.
        wedged: whether that took restarting a process that had neither crashed nor lost a connection.
        window: for a read that was just answered, what was durable at some instant while it ran.
        orders: every order at an external system, in the order in which it came there.
        services: of every service that the harness plays its name and its state.
        coming: the calls that are on their way to them: service, method and arguments.
    """

    durable: Hashable
    messages: tuple[Message, ...]
    status: tuple[Hashable, ...]
    alone: tuple[bool, ...]
    disturbances: int
    happened: frozenset[str] = frozenset()
    at_rest: bool = False
    wedged: bool = False
    window: frozenset[Hashable] | None = None
    read: Hashable = None
    orders: tuple[Order, ...] = ()
    services: tuple[tuple[str, Hashable], ...] = ()
    coming: tuple[Hashable, ...] = ()
