"""What one incarnation of a process is given: its ways out of memory, all of which lead into the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.world.core.process import Process
from acidtest.world.devices.aio import Aio

if TYPE_CHECKING:
    import random
    from collections.abc import Hashable

    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

    from acidtest.world.core.host import Host
    from acidtest.world.core.world import World
    from acidtest.world.devices.external import SimulatedExternal


class Env:
    """What one incarnation is given; see `acidtest.environment.Environment`."""

    __slots__ = ("_externals", "_host", "_process", "_services", "broker", "clock")

    def __init__(self, world: World, host: Host, process: Process | None) -> None:
        """Make the environment of `process`; None for an observer or an installer."""
        self.broker = world.broker
        self.clock = world.clock
        self._externals = world.externals
        self._services = world.services
        self._host = host
        self._process = process or Process(host.name, 0, host)
        self._process.clock = world.clock

    @property
    def random(self) -> random.Random:
        """A deterministic source of randomness."""
        return self._process.random()

    def engine(self, name: str) -> Engine:
        """A SQLAlchemy engine for the database `name`."""
        return self._host.engine(name)

    def async_engine(self, name: str) -> AsyncEngine:
        """An asynchronous SQLAlchemy engine for the database `name`."""
        return self._host.async_engine(name)

    @property
    def aio(self) -> Aio:
        """Broker, clock and external systems for coroutines."""
        return Aio(self)

    @property
    def backend(self) -> str:
        """The kind of the databases."""
        return self._host.backend

    def connect(self, name: str, **options: Any) -> Any:
        """A DB-API connection to the database `name`."""
        return self._host.connect(name, **options)

    def url(self, name: str) -> str:
        """The SQLAlchemy URL of the database `name`."""
        return self._host.url(name)

    def external(self, name: str) -> SimulatedExternal:
        """The external system `name`."""
        return self._externals.system(name)

    @property
    def service(self) -> str:
        """The service that this process belongs to."""
        return self._host.service

    def call(self, service: str, method: str, *arguments: Hashable) -> Any:
        """Call a method of another service."""
        return self._services.call(service, method, arguments)

    def new_id(self) -> str:
        """An identifier that no other call returns."""
        return self._process.next_id()
