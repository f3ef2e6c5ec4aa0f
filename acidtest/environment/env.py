"""The environment that code under test is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

    from acidtest.environment.broker import AsyncBroker, Broker
    from acidtest.environment.external import AsyncExternal, External
    from acidtest.environment.resource import AsyncResource, Resource
    from acidtest.environment.services import AsyncNetwork, Network, Request


class Clock(Protocol):
    """Virtual time."""

    def now(self) -> float:
        """Seconds since the epoch of the simulated world."""

    def sleep(self, seconds: float) -> None:
        """Wait until so much time has passed."""


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

    def resource(self, name: str) -> AsyncResource:
        """The resource manager `name` of distributed transactions, for example "left"."""

    def redis(self, name: str, **options: Any) -> AsyncRedis:  # noqa: ANN401 - as for the library's connections
        """A client of the cache `name`, whose commands are awaited; see `Environment.redis`."""

    def shared(self, name: str, make: Callable[[], Any], *, error: Callable[[str], BaseException] | None = None) -> Any:  # noqa: ANN401
        """An object of your own that outlives processes, whose methods are awaited; see `Environment.shared`."""


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

    def shared(self, name: str, make: Callable[[], Any], *, error: Callable[[str], BaseException] | None = None) -> Any:  # noqa: ANN401
        """An object of your own that stands for a server: a repository in memory, a fake of what production reaches.

        It is the same for all processes and survives their crashes; it is put back before every run, as it was after
        `install`. Each use of what is returned (a call of a method, an attribute, an item) is one effect, between which others go
        on. What goes to the object and comes from it is copied, as between two processes.

        Arguments:
            name: which one.
            make: makes it, where it is not there yet: a class, or a function without arguments.
            error: makes the exception of a use whose answer is lost, of a text; for example ConnectionError. Without it, every use succeeds.

        Raises:
            UsageError: it cannot be copied.
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
