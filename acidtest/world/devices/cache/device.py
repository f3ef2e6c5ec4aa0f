"""The cache: servers of Redis that every process reaches, whose contents may vanish at any moment."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.errors import UsageError
from acidtest.world.core.device import Device
from acidtest.world.core.effects import (
    EVICT,
    FETCH_FAULTS,
    LATE,
    LOST,
    REFUSED,
    RESTART_CACHE,
    STORE_FAULTS,
    UNACKNOWLEDGED,
    Decision,
    Effect,
)
from acidtest.world.core.locks import genuine
from acidtest.world.core.process import Task, complain, current_task
from acidtest.world.devices.cache.commands import ENDING, FETCH, STORE, Command, kind_of, name_of, shown

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping

    from acidtest.outside import Entry
    from acidtest.world.core.device import Surroundings
    from acidtest.world.core.process import Process
    from acidtest.world.devices.cache.server import Server, Session

#: A session of a process: its name, its incarnation, and the number of the session.
_Owner = tuple[str, int, int]
_EXCHANGE = "cache_exchange"


class Cache(Device):
    """Simulated servers of Redis, by name: made when they are first asked.

    What is offered to scripts is `exchange`, which takes and gives plain values. The clients of the library are made of that for
    each process, and are code like any other.
    """

    name: ClassVar[str] = "cache"
    kinds: ClassVar[frozenset[str]] = frozenset({FETCH, STORE})
    changes: ClassVar[tuple[str, ...]] = (RESTART_CACHE, EVICT)

    def __init__(self, surroundings: Surroundings) -> None:
        """Start with nothing in any of them."""
        super().__init__(surroundings)
        self._servers: dict[str, Server] = {}
        self._sessions: dict[_Owner, Session] = {}
        self._coming: dict[int, tuple[str, Session, tuple[Command, ...]]] = {}
        self._late = 0
        self._copies: dict[str, Server] = {}

    # What code under test is given:

    def offers(self) -> Mapping[str, Any]:
        """What clients are made of."""
        return {_EXCHANGE: self.exchange}

    def clients(self, environment: Any, process: Process) -> Mapping[str, Any]:
        """`env.redis(name)`."""
        wire = self._wire(environment, process)
        return {"redis": lambda name, **options: _client(name, wire, options)}

    def clients_awaited(self, environment: Any, process: Process) -> Mapping[str, Any]:
        """`env.aio.redis(name)`."""
        wire = self._wire(environment, process)
        return {"redis": lambda name, **options: _awaited_client(name, wire, options)}

    def _wire(self, environment: Any, process: Process) -> Any:
        """Made when it is first used: most code has no cache."""
        found: list[Any] = []
        is_observer = process.incarnation == 0
        if is_observer:
            self._copies.clear()

        def wire() -> Any:
            if not found:
                from acidtest.world.devices.cache.client import Wire

                found.append(Wire(vars(environment)[_EXCHANGE], "" if is_observer else process.name, environment.new_id))
            return found[0]

        return wire

    def exchange(
        self, process: str, name: str, session: int, begins: bool, protocol: int, commands: tuple[Command, ...]  # noqa: FBT001 - plain values
    ) -> tuple[Hashable, ...]:
        """Send commands at once, and wait for the answers.

        Arguments:
            process: who asks; empty for an observer.
            name: the server.
            session: the number of the connection, where it watches keys; 0 for any connection.
            begins: the connection is a new one.
            protocol: the version of the protocol.
            commands: what is sent.

        Returns:
            an answer for each command; one that is an error is a `Failed`.

        Raises:
            redis.ConnectionError: what was sent had no effect.
            redis.TimeoutError: it may have had an effect, or not, or may have one later.
        """
        try:
            kind = kind_of(commands)
        except UsageError as error:
            complain(error)
        if not process:
            return self._beside(name, protocol, commands)
        task = current_task()
        if task is None:
            return self._server(name).run(self._server(name).shared(protocol), commands)
        if not kind:
            return self._end(task, process, name, session, protocol, commands)
        effect = Effect(kind, name, shown(commands), commands, faults=STORE_FAULTS if kind == STORE else FETCH_FAULTS)
        fault = task.park(effect)
        return self._answer(task, effect, fault, self._owner(process, session), begins, protocol)

    def _end(self, task: Task, process: str, name: str, session: int, protocol: int, commands: tuple[Command, ...]) -> tuple[Hashable, ...]:
        """Stop watching keys: nobody else can tell when. A pipeline does so, too, when Python collects it, whoever runs then."""
        if not task.process.alive or task.process.name != process:
            return tuple([b"OK" for _ in commands])
        task.quietly("other", name, shown(commands))
        return self._perform(self._owner(process, session), name, begins=False, protocol=protocol, commands=commands)

    def _answer(
        self, task: Task, effect: Effect, fault: str, owner: _Owner, begins: bool, protocol: int  # noqa: FBT001 - as above
    ) -> tuple[Hashable, ...]:
        from redis import ConnectionError as Refused
        from redis import TimeoutError as TimedOut

        name, commands = effect.where, effect.detail
        is_lost = owner[2] > 0 and not begins and owner not in self._sessions  # the server was restarted meanwhile
        if fault == REFUSED or is_lost or (self.down and fault not in (LOST, UNACKNOWLEDGED, LATE)):
            self._sessions.pop(owner, None)
            task.saw(effect, REFUSED, fault)
            message = f"the cache {name} cannot be reached"
            raise Refused(message)
        if fault == LATE and not self.down:
            self._postpone(name, self._session(owner, name, begins, protocol), commands)  # type: ignore[arg-type] # what is sent
        answers = None if self.down or fault in (LOST, LATE) else self._perform(owner, name, begins, protocol, commands)  # type: ignore[arg-type]
        if answers is None or fault == UNACKNOWLEDGED:
            self._sessions.pop(owner, None)
            task.saw(effect, "timeout")
            message = f"the cache {name} did not answer in time"
            raise TimedOut(message)
        task.saw(effect, answers, fault)
        return answers

    def _perform(
        self, owner: _Owner, name: str, begins: bool, protocol: int, commands: tuple[Command, ...]  # noqa: FBT001 - as above
    ) -> tuple[Hashable, ...]:
        answers = self._server(name).run(self._session(owner, name, begins, protocol), commands)
        if ENDING & {name_of(command) for command in commands}:
            self._sessions.pop(owner, None)
        return answers

    def _session(self, owner: _Owner, name: str, begins: bool, protocol: int) -> Session:  # noqa: FBT001 - as above
        if not owner[2]:
            return self._server(name).shared(protocol)
        if begins or owner not in self._sessions:
            self._sessions[owner] = self._server(name).session(protocol)
        return self._sessions[owner]

    def _owner(self, process: str, session: int) -> _Owner:
        return process, self.surroundings.processes()[process].incarnation, session

    def _server(self, name: str) -> Server:
        if name not in self._servers:
            self._servers[name] = _new_server(self)
        return self._servers[name]

    def _beside(self, name: str, protocol: int, commands: tuple[Command, ...]) -> tuple[Hashable, ...]:
        """Answer an observer, who changes nothing: what he stores is in a copy, which is gone with him."""
        if name not in self._copies:
            self._copies[name] = _new_server(self)
            if name in self._servers and not self.hidden:
                self._copies[name].fill(self._servers[name].held())
        server = self._copies[name]
        return server.run(server.shared(protocol), commands)

    def _postpone(self, name: str, session: Session, commands: tuple[Command, ...]) -> None:
        """Let commands come later; what was on its way when the server died never comes."""
        self._late += 1
        number = self._late
        self._coming[number] = name, session, commands

        def land() -> None:
            if self._coming.pop(number, None) is not None:
                self._server(name).run(session, commands)

        self.surroundings.postpone(f"{name}: {shown(commands)}", land, commands)

    # What distinguishes two states, and what is seen of one:

    def key(self) -> Hashable:
        """What they hold and know, what is watched, and what is on its way."""
        if not (self._servers or self._sessions or self._coming):
            return self.down, (), (), ()
        alive = {(p.name, p.incarnation) for p in self.surroundings.processes().values() if p.alive}
        watched = tuple([(owner, session.key()) for owner, session in sorted(self._sessions.items()) if owner[:2] in alive])
        coming = tuple([(number, name, session.key(), commands) for number, (name, session, commands) in self._coming.items()])
        return self.down, self.readable(), watched, coming

    def readable(self) -> Hashable:
        """What they hold, by name, and the scripts that they know."""
        return tuple([(name, server.held(), server.scripts) for name, server in sorted(self._servers.items()) if server.held() or server.scripts])

    def seen(self) -> tuple[Entry, ...]:
        """Every key of every server."""
        if not self._servers:
            return ()
        from acidtest.world.devices.cache.server import entry

        return tuple([entry(name, held) for name, server in sorted(self._servers.items()) for held in server.held()])

    def changed(self, before: tuple[Entry, ...], after: tuple[Entry, ...]) -> Iterator[str]:
        """A line for each key that is new, other than before, or gone."""
        then, now = ({(entry.cache, entry.key): entry for entry in entries} for entries in (before, after))
        for place, entry in now.items():
            if then.get(place) != entry:
                yield f"{entry.cache}: {entry.key} = {entry.value}"
        for place in then:
            if place not in now:
                yield f"{place[0]}: {place[1]} is gone"

    # What may befall it:

    def mishaps(self) -> Iterator[Decision]:
        """All may be gone at once, or each key by itself."""
        held = [(name, held.key) for name, server in sorted(self._servers.items()) for held in server.held()]
        if held or self._sessions or self._coming:
            yield Decision(*RESTART_CACHE.split(" "))
        for name, key in held:
            yield Decision(EVICT, f"{name}: {key.decode('utf-8', 'backslashreplace')}")

    def change(self, what: str, argument: Any) -> None:
        """Lose everything, or one key."""
        if what == RESTART_CACHE:
            self._servers.clear()
            self._sessions.clear()
            self._coming.clear()
            return
        name, _, text = str(argument).partition(": ")
        found = [held.key for held in self._server(name).held() if held.key.decode("utf-8", "backslashreplace") == text]
        for key in found:
            self._server(name).evict(key)


def _client(name: str, wire: Any, options: Mapping[str, Any]) -> Any:
    _require()
    with genuine():  # libraries make locks of their own when they are imported
        from acidtest.world.devices.cache.client import Client
    return Client(wire(), name, **options)


def _awaited_client(name: str, wire: Any, options: Mapping[str, Any]) -> Any:
    _require()
    with genuine():
        from acidtest.world.devices.cache.awaited import AwaitedClient
    return AwaitedClient(wire(), name, **options)


def _new_server(cache: Cache) -> Server:
    from acidtest.world.devices.cache.server import Server

    return Server(lambda: cache.surroundings.time.time)


def _require() -> None:
    """Say what has to be installed.

    Raises:
        UsageError: it is not.
    """
    missing = [name for name in ("redis", "fakeredis", "lupa") if find_spec(name) is None]
    if missing:
        message = (
            f"env.redis() was called, and {' and '.join(missing)} cannot be imported: the cache is simulated by them. "
            "Install acidtest[redis]."
        )
        complain(UsageError(message))
