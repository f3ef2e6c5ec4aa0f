"""What code under test may use: the environment that it is given, and the values that it exchanges with it.

An adapter is any callable that takes an `Environment` and returns an object with the methods of its pattern's port.
Nothing has to be inherited. `Outcome`, and the errors and values of the broker and of external systems, are all that
such code may need to import.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine


class Outcome(StrEnum):
    """The definite answer to an operation. An exception that escapes means: unknown."""

    OK = "ok"  #: done, and it will stay done
    REJECTED = "rejected"  #: not done, and it never will be


class BrokerRefused(Exception):  # noqa: N818 - the field's name for a negative acknowledgement
    """The broker answered no: the message was definitely not accepted."""


class BrokerUnreachable(BrokerRefused):
    """Nobody answers where the broker is: the message was definitely not accepted, and no other will be for now."""


class BrokerTimeout(Exception):  # noqa: N818 - the field's name for a missing acknowledgement
    """No answer came: the message may have been accepted, or not, or may be accepted later."""


class Delivery(NamedTuple):
    """A message as a consumer receives it.

    Arguments:
        id: identifies the message; every copy of it carries the same id. Not every sender gives one: then it is None, or empty.
        key: what the message is about.
        payload: the body, as text; JSON where it was published as a dict or a list.
        topic: where it was published.
        redelivered: the broker has delivered it before and knows of no acknowledgement. It may be wrong about that:
            also a message without this mark may have been delivered and acknowledged already.
        tag: what the broker knows this delivery by.
        attempts: how often the broker has delivered it, this time included, where the broker counts that; 1 where it does not.
            It stops counting at ten.
        sent: when the broker accepted it, in seconds since the epoch of the simulated world, where it keeps that; else 0.
        headers: what the sender's library sent along with the body, as text; empty for nothing.
    """

    id: str | None
    key: str
    payload: str
    topic: str
    redelivered: bool
    tag: int
    attempts: int = 1
    sent: float = 0.0
    headers: str = ""


class Broker(Protocol):
    """A message broker with publisher confirms, and consumers that must acknowledge.

    Every process is a consumer of its own: it receives each message of a topic at least once, from the beginning, in
    the order of the topic unless something goes wrong. What it has not acknowledged comes again after it has been
    restarted.
    """

    def publish(self, id: str, key: str, payload: object, *, topic: str = "events", headers: str = "") -> None:  # noqa: A002
        """Publish a message and wait until the broker has confirmed it.

        Arguments:
            id: identifies the message; every copy of it carries the same id.
            key: what the message is about (an account, an aggregate); order is per key.
            payload: the body: text, bytes, a number, None, or dicts and lists of these.
            topic: where to publish.
            headers: what goes along with the body, as text.

        Raises:
            BrokerRefused: the broker did not accept it; `BrokerUnreachable` where that is so since nobody answers there.
            BrokerTimeout: it may or may not have been accepted.
        """

    def receive(self, *, topic: str = "events") -> Delivery | None:
        """Receive the next message; it stays with this process until `ack`, `nack`, or the end of the process.

        Arguments:
            topic: what to receive from.

        Returns:
            None where there is none now.
        """

    def ack(self, delivery: Delivery) -> None:
        """Acknowledge a delivery: it will not come again, as far as the broker can help it.

        Raises:
            BrokerRefused: it is not acknowledged.
            BrokerTimeout: it may or may not be acknowledged, and may come again.
        """

    def nack(self, delivery: Delivery, *, requeue: bool = True, failed: bool = True) -> None:
        """Give a delivery back.

        Arguments:
            delivery: which.
            requeue: it comes again, after all else; where processes compete, not within the same call. Otherwise it is done with, and goes to the topic "dead", as it is.
            failed: whether that was an attempt, where attempts are counted; not where it only was not its turn yet.
        """


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


class CallRefused(Exception):  # noqa: N818 - as for the broker
    """The service could not be reached, or answered with an error: what was asked was not carried out by this call."""


class CallTimeout(Exception):  # noqa: N818 - as for the broker
    """No answer came: what was asked may have been carried out, or not, or may be carried out later."""


class Reply(NamedTuple):
    """An answer of a service that comes by itself: late, or once more.

    Arguments:
        service: who answers.
        method: what it was asked to do.
        arguments: with which arguments.
        answer: what it says.
    """

    service: str
    method: str
    arguments: tuple[Any, ...]
    answer: Any


class Network(Protocol):
    """The network between services under test: messages, and nobody is told what becomes of them."""

    def send(self, site: str, message: Any) -> None:  # noqa: ANN401 - whatever services tell each other
        """Send a message; it arrives some time, as a call `on_message(sender, message)`, unless `site` is down by then.

        Arguments:
            site: to which service, for example "east".
            message: text, a number, or a tuple of these.
        """


class Request(NamedTuple):
    """What code asks of an address, as the handler that answers for it is given it.

    Arguments:
        method: in capitals, as "POST".
        url: the whole address.
        path: of it, the path.
        query: of it, what follows the question mark.
        headers: by name, in small letters.
        body: as it was sent.
    """

    method: str
    url: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        """What the body says."""
        return json.loads(self.body)


class Conflict(Exception):  # noqa: N818 - the field's name for a refused append
    """An event store's definite refusal of an append: the stream has another version than expected. Nothing was stored."""


class UnknownEvent(Exception):  # noqa: N818 - the field's name for it
    """There is an event of a type that this release does not know: whatever depends on it cannot be told."""


class Xa(StrEnum):
    """The answers of a resource manager, as X/Open's XA specification (C193, 1991) has them."""

    OK = "XA_OK"  #: done; of `prepare`: it votes yes
    RDONLY = "XA_RDONLY"  #: of `prepare`: the branch only read, and is done
    RETRY = "XA_RETRY"  #: not now: the branch is prepared as before
    RBROLLBACK = "XA_RBROLLBACK"  #: the branch was rolled back; or, of `end`, can only be rolled back
    RBTIMEOUT = "XA_RBTIMEOUT"  #: likewise, as it took too long
    HEURCOM = "XA_HEURCOM"  #: the resource manager had decided alone to commit, and keeps that until `forget`
    HEURRB = "XA_HEURRB"  #: it had decided alone to roll back
    HEURMIX = "XA_HEURMIX"  #: it had decided alone to commit some of the work, and to roll back the rest
    HEURHAZ = "XA_HEURHAZ"  #: it had decided alone, and does not know what
    RMERR = "XAER_RMERR"  #: an error; of `commit`: the branch was rolled back, and is not known any more
    RMFAIL = "XAER_RMFAIL"  #: it cannot be reached: nobody knows whether it did what it was told
    NOTA = "XAER_NOTA"  #: it knows no such branch
    PROTO = "XAER_PROTO"  #: not in the state in which the branch is
    DUPID = "XAER_DUPID"  #: there is a branch of that name
    INVAL = "XAER_INVAL"  #: it cannot be asked that: an account that is not there, or that cannot pay


class Xid(NamedTuple):
    """The name of a branch.

    Arguments:
        format_id: says who makes such names.
        gtrid: the global transaction, equal in all of its branches.
        bqual: tells one branch of it from the others.
    """

    format_id: int
    gtrid: str
    bqual: str


class XaError(Exception):
    """An answer of a resource manager that is neither `Xa.OK` nor `Xa.RDONLY`; `code` says which."""

    code: Xa

    @classmethod
    def of(cls, code: Xa, what: str) -> XaError:
        """The error for an answer, of a subclass that is named after it; `what` was asked."""
        kind: type[XaError] = _XA_ERRORS.setdefault(code, type(code.value, (XaError,), {"code": code, "__module__": cls.__module__}))
        return kind(f"{code.value}: {what}")


_XA_ERRORS: dict[Xa, type[XaError]] = {}


class HeuristicOutcome(Exception):  # noqa: N818 - as JTA has it
    """The definite answer that resource managers decided alone: neither was all of it done nor nothing; or nobody knows."""


class Resource(Protocol):
    """A resource manager of distributed transactions: it holds accounts, and takes part by branches.

    A branch is at work in the call of a port method that has started it, until that ends it. What is not prepared is rolled
    back with the process, or with the connection, which is lost where the answer is `RMFAIL`.
    """

    def start(self, xid: Xid) -> None:
        """Begin a branch: what follows is done in it. Errors: DUPID, PROTO, RMERR, RMFAIL."""

    def change(self, account: str, amount: int) -> None:
        """Change an account in the branch at work. Errors: INVAL (which the branch survives), RBROLLBACK, PROTO, RMFAIL."""

    def read(self, account: str) -> int:
        """The balance of an account, within the branch at work. Errors: as for `change`."""

    def end(self, xid: Xid) -> None:
        """End the work of a branch. Errors: RBROLLBACK, RBTIMEOUT, NOTA, PROTO, RMFAIL."""

    def prepare(self, xid: Xid) -> Xa:
        """Vote: `Xa.OK`, or `Xa.RDONLY`. Errors: RBROLLBACK and RBTIMEOUT (it votes no, and has rolled back), NOTA, PROTO, RMFAIL."""

    def commit(self, xid: Xid, *, one_phase: bool = False) -> None:
        """Commit what is prepared; or, in one phase, what is not. Errors: RETRY, HEURCOM and the like, RMERR, RBROLLBACK, NOTA, PROTO, RMFAIL."""

    def rollback(self, xid: Xid) -> None:
        """Roll back, prepared or not. Errors: HEURCOM and the like, NOTA, PROTO, RMFAIL."""

    def recover(self) -> tuple[Xid, ...]:
        """The branches that are prepared, or were decided heuristically; also those of other managers. Errors: RMERR, RMFAIL."""

    def forget(self, xid: Xid) -> None:
        """Drop what is kept of a heuristic decision. Errors: NOTA, PROTO, RMERR, RMFAIL."""

    def balances(self) -> dict[str, int]:
        """What is committed, outside of any branch."""


class Clock(Protocol):
    """Virtual time."""

    def now(self) -> float:
        """Seconds since the epoch of the simulated world."""

    def sleep(self, seconds: float) -> None:
        """Wait until so much time has passed."""


class AsyncBroker(Protocol):
    """The broker for coroutines: what `Broker` does, awaited."""

    async def publish(self, id: str, key: str, payload: object, *, topic: str = "events") -> None:  # noqa: A002
        """Publish a message and await the confirm; arguments and errors as for `Broker.publish`."""

    async def receive(self, *, topic: str = "events") -> Delivery | None:
        """Receive the next message of a topic, or None where there is none now; as `Broker.receive`."""

    async def ack(self, delivery: Delivery) -> None:
        """Acknowledge a delivery; errors as for `Broker.ack`."""

    async def nack(self, delivery: Delivery, *, requeue: bool = True, failed: bool = True) -> None:
        """Give a delivery back; as `Broker.nack`."""


class AsyncNetwork(Protocol):
    """The network for coroutines: what `Network` does, awaited."""

    async def send(self, site: str, message: Any) -> None:  # noqa: ANN401 - whatever services tell each other
        """Send a message; as `Network.send`."""


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


class AsyncClock(Protocol):
    """Virtual time for coroutines; `asyncio.sleep`, time-outs and everything else of asyncio's go by the same."""

    def now(self) -> float:
        """Seconds since the epoch of the simulated world."""

    async def sleep(self, seconds: float) -> None:
        """Wait until so much time has passed."""


class Aio(Protocol):
    """The ways to the outside for coroutines. What they do is awaited: other tasks go on meanwhile, and it can be cancelled."""

    @property
    def broker(self) -> AsyncBroker:
        """The message broker."""

    @property
    def clock(self) -> AsyncClock:
        """Virtual time; it may jump."""

    @property
    def network(self) -> AsyncNetwork:
        """The network between services."""

    async def call(self, service: str, method: str, *arguments: Any) -> Any:  # noqa: ANN401 - whatever the service answers
        """Call a method of another service, and await its answer; see `Environment.call`."""

    def external(self, name: str) -> AsyncExternal:
        """The external system `name`, for example "atm"."""

    def redis(self, name: str, **options: Any) -> AsyncRedis:  # noqa: ANN401 - as for the library's connections
        """A client of the cache `name`, whose commands are awaited; see `Environment.redis`."""


class Environment(Protocol):
    """What one (simulated) process is given: its ways to the outside, and nothing else."""

    @property
    def broker(self) -> Broker:
        """The message broker."""

    @property
    def broker_url(self) -> str:
        """The URL by which `kombu` speaks to the broker: `kombu.Connection(env.broker_url)`. It needs `acidtest[kombu]`.

        A queue is a topic of `broker`. What is published needs a `message_id`; a header "key" says what it is about, or else the
        routing key does. Without the transport option `confirm_publish` nobody is told that a message was not accepted.
        """

    @property
    def clock(self) -> Clock:
        """Virtual time; it may jump."""

    @property
    def random(self) -> random.Random:
        """A deterministic source of randomness, seeded per process incarnation."""

    def engine(self, name: str) -> Engine:
        """A SQLAlchemy engine for the database `name`, whose transactions really begin with BEGIN."""

    def async_engine(self, name: str) -> AsyncEngine:
        """An asynchronous SQLAlchemy engine for the database `name`, for methods that are coroutines.

        It runs on the same driven connections as `engine`, whatever asynchronous driver production uses.
        """

    @property
    def aio(self) -> Aio:
        """Broker, clock and external systems for methods that are coroutines."""

    @property
    def backend(self) -> str:
        """The kind of the databases: "sqlite", "postgresql" or "mariadb"."""

    def connect(self, name: str, **options: Any) -> Any:  # noqa: ANN401 - of sqlite3, psycopg or PyMySQL
        """A DB-API connection to the database `name`, with the driver's own defaults.

        Arguments:
            name: the database.
            options: as for `sqlite3.connect` (isolation_level, detect_types, …), `psycopg.connect` or `pymysql.connect` (autocommit,
                row_factory, cursor_factory).
        """

    def url(self, name: str) -> str:
        """The SQLAlchemy URL of the database `name`, for code that makes its own engine."""

    @property
    def network(self) -> Network:
        """The network between services, where they talk by messages of their own."""

    def external(self, name: str) -> External:
        """The external system `name`, for example "atm"."""

    def resource(self, name: str) -> Resource:
        """The resource manager `name` of distributed transactions, for example "left"."""

    def redis(self, name: str, **options: Any) -> Redis:  # noqa: ANN401 - as for the library's connections
        """A client of the cache `name`: the library's own, over a simulated server that is empty at the start.

        What is sent at once, a command or a pipeline, is one effect. It never retries by itself unless `retry` says so. Whatever
        the server holds may vanish. It needs `acidtest[redis]`.

        Arguments:
            name: the server; one name, one server.
            options: as for the library's connections (decode_responses, retry, protocol, …).
        """

    @property
    def service(self) -> str:
        """The service that this process belongs to, where a pattern has several; empty where it has one."""

    def call(self, service: str, method: str, *arguments: Any) -> Any:  # noqa: ANN401 - whatever the service answers
        """Call a method of another service, and wait for its answer.

        Arguments:
            service: which, for example "stock".
            method: what it is to do.
            arguments: hashable values.

        Raises:
            CallRefused: the call had no effect.
            CallTimeout: it may have been carried out, or not, or may be carried out later.
        """

    def route(self, url: str, handler: Callable[[Request], object]) -> None:
        """Let `handler` answer what this process asks of an address by `httpx` or `requests`.

        The handler says in terms of `external`, `call` or `broker` what is done there. What these raise comes to the code as the library
        has it: as ConnectError (requests: ConnectionError) where nothing was carried out, as ReadTimeout where nobody knows.

        Arguments:
            url: scheme and host, as "https://bank.example", and a path where only what is below it is meant.
            handler: is given the request, and returns a status, (status, body) or (status, body, headers). A body that is no text and no
                bytes is sent as JSON.
        """

    def new_id(self) -> str:
        """An identifier that no other call returns, the same on every replay: use it instead of uuid4."""
