"""Services that code under test calls: those that the harness plays, and those that are under test themselves.

A played service is a pure state machine. What it has done is durable, and it never crashes. Calls to it may be refused,
lost, unanswered, late or carried out twice. Every answer that it ever gave can come once more, as a reply of its own: late
where the caller was not given it, and otherwise as a duplicate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy.util import greenlet_spawn

from acidtest.environment import CallRefused, CallTimeout, Reply
from acidtest.errors import AcidtestError, ContractError, UsageError
from acidtest.outside import Served
from acidtest.port import Role
from acidtest.world.core.device import Arrival, Device, Owed, Source
from acidtest.world.core.effects import CALL_FAULTS, LATE, LOST, REFUSED, TWICE, UNACKNOWLEDGED, Effect
from acidtest.world.core.process import complain, current_task
from acidtest.world.devices.services.called import Calls

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

    from acidtest.workload import Played
    from acidtest.world.core.device import Surroundings
    from acidtest.world.core.process import Process

REPLY = "reply"


class Services(Device):
    """The services of a world. `down` refuses every call (an outage).

    Its equipment are the services that the harness plays, by name; `Scope.called` are those under test.
    """

    name: ClassVar[str] = "services"
    kinds: ClassVar[frozenset[str]] = frozenset({"call"})
    sources: ClassVar[tuple[Source, ...]] = (Source(REPLY, Role.REPLY),)

    def __init__(self, surroundings: Surroundings) -> None:
        """Start the services that are played."""
        super().__init__(surroundings)
        scope = surroundings.scope
        self._called = scope.called
        self._calls = Calls(surroundings.processes, surroundings.postpone)
        self._played: Mapping[str, Played] = surroundings.equipment or {}
        self._states: dict[str, Hashable] = {name: service.initial() for name, service in self._played.items()}
        self._replies: dict[str, list[Reply]] = {name: [] for name in self._played}
        self._given: dict[str, set[int]] = {name: set() for name in self._played}
        self._coming: list[Hashable] = []
        # Where nobody listens to answers that come by themselves, it makes no difference which were given.
        listened = any(REPLY in operation.source.split(" ") for operation in scope.operations())
        self._listened = listened or Role.REPLY in surroundings.roles

    def offers(self) -> Mapping[str, Any]:
        """`env.call(service, method, …)`."""
        return {"call": lambda service, method, *arguments: self.call(service, method, arguments)}

    def offers_awaited(self) -> Mapping[str, Any]:
        """`env.aio.call(service, method, …)`."""
        return {"call": self._call_awaited}

    async def _call_awaited(self, service: str, method: str, *arguments: Hashable) -> Any:
        return await greenlet_spawn(self.call, service, method, arguments)

    def key(self) -> Hashable:
        """What distinguishes two states of them all."""
        given = tuple([frozenset(numbers) for numbers in self._given.values()])
        return self.down, tuple(self._states.values()), tuple(map(tuple, self._replies.values())), given, self._calls.key()

    def seen(self) -> Served:
        """The truth about what they have done, and what is on its way to them."""
        return Served(tuple(self._states.items()), tuple(self._coming))

    def progress(self) -> Hashable:
        """The answers that their callers were not given."""
        return self._unheard()

    def arrivals(self) -> Iterable[Arrival]:
        """The calls of services under test that have come in."""
        return self._calls.arrivals()

    def enters(self, service: str) -> bool:
        """Whether others call that service."""
        return service in self._called

    # What code under test calls:

    def call(self, service: str, method: str, arguments: tuple[Hashable, ...]) -> Hashable:
        """Call a method and wait for the answer; see `acidtest.environment.Environment.call`."""
        task = current_task()
        _check_call(service, method, arguments)
        if service not in self._called:
            self._known(service)
        if task is None:
            message = f"{service}.{method}() was called outside of any call, for example in a constructor or by a read."
            raise ContractError(message)
        if service in self._called:
            return self._calls.call(task, service, method, arguments, down=self.down)
        what = " ".join([method, *map(str, arguments)])
        effect = Effect("call", service, what, (method, arguments), faults=CALL_FAULTS)
        fault = task.park(effect)
        if self.down and fault in (LOST, UNACKNOWLEDGED, LATE):
            fault = LOST  # no answer, and nothing that it could have been an answer to
        elif self.down or fault == REFUSED:
            task.saw(effect, REFUSED, fault)
            error = f"{service} refused {what!r}"
            raise CallRefused(error)
        answer = self._carry_out(service, method, arguments, what, fault)
        if isinstance(answer, CallRefused) and fault not in (LOST, UNACKNOWLEDGED, LATE):
            task.saw(effect, REFUSED, fault)
            raise answer
        if fault in (LOST, UNACKNOWLEDGED, LATE):
            task.saw(effect, "timeout")
            error = f"{service} did not answer {what!r} in time"
            raise CallTimeout(error)
        task.saw(effect, answer, fault)
        return answer

    def _known(self, service: str) -> None:
        if service not in self._played:
            what = "service"
            complain(UsageError.unknown(what, service, (*self._played, *self._called)))

    def _carry_out(self, service: str, method: str, arguments: tuple[Hashable, ...], what: str, fault: str) -> Hashable:
        """Let a call arrive, twice perhaps, or later, or never; the answer to the caller."""
        if fault == LATE:
            fact = (service, method, arguments)
            self._coming.append(fact)
            self.surroundings.postpone(f"{service}: {what}", lambda: self._land(service, method, arguments), fact)
        elif fault != LOST:
            answer = self._answer(service, method, arguments, given=fault != UNACKNOWLEDGED)
            if fault == TWICE:
                self._answer(service, method, arguments, given=True)
            return answer
        return None

    def _land(self, service: str, method: str, arguments: tuple[Hashable, ...]) -> None:
        self._coming.remove((service, method, arguments))
        self._answer(service, method, arguments, given=False)

    def _answer(self, service: str, method: str, arguments: tuple[Hashable, ...], *, given: bool) -> Hashable | CallRefused:
        """What a service answers, which is kept; or its refusal, which changes nothing and does not come by itself."""
        try:
            self._states[service], answer = self._played[service].answer(self._states[service], method, arguments)
        except CallRefused as refusal:
            return refusal
        except AcidtestError as error:
            complain(error)  # also where the code under test swallows it
        if not self._listened:
            return answer
        replies = self._replies[service]
        if given:
            self._given[service].add(len(replies))
        replies.append(Reply(service, method, arguments, answer))
        return answer

    # Answers that come by themselves:

    def has(self, source: Sequence[str], process: Process) -> bool:  # noqa: ARG002 - they answer whoever listens
        """Whether the service has given so many answers."""
        service, _, number = source
        self._known(service)
        return int(number) < len(self._replies[service])

    def given(self, source: Sequence[str], process: Process, fault: str) -> Reply:  # noqa: ARG002 - likewise
        """One of the answers of a service."""
        service, _, number = source
        return self._replies[service][int(number)]

    def ended(self, source: Sequence[str], process: Process, given: Any, *, known: bool) -> None:  # noqa: ANN401, ARG002 - likewise
        """A reply was taken: it need not come again."""
        service, _, number = source
        if known:
            self._given[service].add(int(number))

    def owed(self) -> Iterator[Owed]:
        """The answers that their callers were not given."""
        for source in self._unheard():
            process = next((process for process in self.surroundings.processes().values() if process.ready), None)
            if process is not None:
                yield Owed(process.name, source, Role.REPLY)

    def _unheard(self) -> tuple[str, ...]:
        return tuple([
            f"{name} {REPLY} {i}" for name, replies in self._replies.items()
            for i in range(len(replies)) if i not in self._given[name]
        ])  # fmt: skip


def _check_call(service: object, method: object, arguments: tuple[object, ...]) -> None:
    """Refuse what no service can be asked, so that none has an answer to it.

    Raises:
        ContractError: a name is no text, or an argument cannot be compared.
    """
    if not isinstance(service, str) or not isinstance(method, str):
        complain(ContractError(f"env.call({service!r}, {method!r}, …) was called; a service and its method are named by texts."))
    try:
        hash(arguments)
    except TypeError as error:
        complain(ContractError(f"{service}.{method}() was called with {arguments!r}: {error}. Pass values that are hashable: a tuple for a list."))
