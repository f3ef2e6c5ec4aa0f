"""What an outsider sees of the devices of a run, as plain values: contracts ask for them by the name of the device."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple


class Message(NamedTuple):
    """One copy of a message on the broker; "broker" gives all of them, in the order in which they were accepted.

    Arguments:
        id: identifies the message; every copy carries the same. None, or empty, where its sender gave it none.
        key: what the message is about.
        payload: the body, as text.
        topic: where it was published.
        headers: what the sender's library sent along with the body, as text; empty for nothing.
    """

    id: str | None
    key: str
    payload: str
    topic: str = "events"
    headers: str = ""


class Settled(NamedTuple):
    """What became of a message that is done with; "settled" gives all of them, each with the name of the service.

    Arguments:
        place: where the message is in the log, from 0.
        attempts: how often it was delivered until then.
        age: how old it was then, in seconds.
        buried: it was rejected, and so put on the topic of dead letters.
    """

    place: int
    attempts: int
    age: float
    buried: bool


class Order(NamedTuple):
    """The truth about an order at an external system; "externals" gives all of them.

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
    status: str = "absent"
    paid: tuple[int, ...] = ()
    coming: int = 0


class Entry(NamedTuple):
    """What a cache holds under a key; "cache" gives all that there is, by cache and key.

    Arguments:
        cache: the name of the cache.
        key: the key, as text.
        value: what is there, as text: the parts of what has several in a row.
        expires: when it expires, in seconds since the epoch; None where it stays until it is dropped.
    """

    cache: str
    key: str
    value: str
    expires: float | None = None


class Served(NamedTuple):
    """The truth about the services that the harness plays; "services" gives it.

    Arguments:
        states: of every service its name and its state.
        coming: the calls that are on their way to them: service, method and arguments.
    """

    states: tuple[tuple[str, Hashable], ...] = ()
    coming: tuple[Hashable, ...] = ()


class Followed(NamedTuple):
    """What a subscriber has come to; "subscriber" gives it.

    Arguments:
        position: the position of the last that it was handed; 0 at the start.
        rows: all that it was handed, in that order.
        polls: whether the code under test has subscribers of its own.
    """

    position: int = 0
    rows: tuple[Hashable, ...] = ()
    polls: bool = False


class BranchSeen(NamedTuple):
    """The truth about a branch of a resource manager.

    Arguments:
        format_id: the first part of its name.
        gtrid: the global transaction.
        bqual: the rest of the name.
        status: active, idle, rollback-only, prepared, committed, aborted, read-only; or heurcom, heurrb, heurmix, heurhaz, for as
            long as a decision that was made alone is kept.
        changes: (account, change) pairs, in order.
        applied: how many of them took effect.
        alone: what the resource manager decided alone, or did with it by itself; empty for nothing.
        notes: what its transaction manager did wrong about it, in words.
        foreign: it is another transaction manager's.
    """

    format_id: int
    gtrid: str
    bqual: str
    status: str
    changes: tuple[tuple[str, int], ...] = ()
    applied: int = 0
    alone: str = ""
    notes: tuple[str, ...] = ()
    foreign: bool = False


class ResourceSeen(NamedTuple):
    """The truth about a resource manager; "resources" gives all of them.

    Arguments:
        name: identifies it.
        balances: its accounts, as committed.
        branches: its branches, also those that it knows no more.
    """

    name: str
    balances: tuple[tuple[str, int], ...]
    branches: tuple[BranchSeen, ...]


class Connected(NamedTuple):
    """The network between services; "network" gives it.

    Arguments:
        up: the services that are there.
        fallen: those that have died at some time.
        broken: the assumptions that did not hold, see `acidtest.workload.Sites`.
        coming: the messages on their way, as (sender, receiver, text).
        quiet: nothing will happen any more unless somebody starts again, or is asked for something.
    """

    up: frozenset[str] = frozenset()
    fallen: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()
    coming: tuple[tuple[str, str, str], ...] = ()
    quiet: bool = False
