"""What one incarnation of a process is given: its ways out of memory, all of which lead into the world."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from acidtest.world.core.process import Process

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

    from acidtest.world.core.host import Host


class Env:
    """What one incarnation is given; see `acidtest.environment.Environment`.

    Beside what stands here it has whatever the devices offer, as `broker`, `clock`, `external` and `call`.

    Arguments:
        offers: what the devices offer, by attribute.
        offers_awaited: the same for coroutines.
        host: what holds its connections.
        process: whose environment it is.
    """

    def __init__(self, offers: Mapping[str, Any], offers_awaited: Mapping[str, Any], host: Host, process: Process) -> None:
        """Put together what there is."""
        vars(self).update(offers)
        self._host = host
        self._process = process
        #: What the devices offer to coroutines.
        self.aio = SimpleNamespace(**offers_awaited)

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
    def backend(self) -> str:
        """The kind of the databases."""
        return self._host.backend

    def connect(self, name: str, **options: Any) -> Any:
        """A DB-API connection to the database `name`."""
        return self._host.connect(name, **options)

    def url(self, name: str) -> str:
        """The SQLAlchemy URL of the database `name`."""
        return self._host.url(name)

    @property
    def broker_url(self) -> str:
        """The URL by which `kombu` speaks to the broker."""
        return str(vars(self)["link_to_broker"]())

    @property
    def service(self) -> str:
        """The service that this process belongs to."""
        return self._host.service

    def new_id(self) -> str:
        """An identifier that no other call returns."""
        return self._process.next_id()
