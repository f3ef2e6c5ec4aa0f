"""Services that the harness plays: pure state machines that code under test calls, with every ambiguous reply.

What such a service has done is durable, and it never crashes. Calls to it may be refused, lost, unanswered, late or carried
out twice. Every answer that it ever gave can come once more, as a reply of its own: late where the caller was not given
it, and otherwise as a duplicate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.environment import CallRefused, CallTimeout, Reply
from acidtest.errors import AcidtestError, ContractError, UsageError
from acidtest.world.core.effects import CALL_FAULTS, LATE, LOST, REFUSED, TWICE, UNACKNOWLEDGED, Effect
from acidtest.world.core.process import complain, current_task

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from acidtest.workload import Played
    from acidtest.world.devices.services.called import Calls


class Services:
    """The services of a world that the harness plays. `down` refuses every call (an outage).

    `heard` says that somebody hears answers that come by themselves; otherwise it makes no difference which were given.
    """

    def __init__(
        self, postpone: Callable[[str, Callable[[], None], Hashable], None], played: Mapping[str, Played], calls: Calls,
        called: Sequence[str] = (), *, heard: bool = True,
    ) -> None:  # fmt: skip
        """Start them; `postpone(label, effect, fact)` is called with what must take effect later.

        `calls` carries out what is asked of the services `called`, which are under test themselves.
        """
        self._calls, self._called = calls, called
        self.down = False
        self._heard = heard
        self._postpone = postpone
        self._played = played
        self._states: dict[str, Hashable] = {name: service.initial() for name, service in played.items()}
        self._replies: dict[str, list[Reply]] = {name: [] for name in played}
        self._given: dict[str, set[int]] = {name: set() for name in played}
        self._coming: list[Hashable] = []

    def call(self, service: str, method: str, arguments: tuple[Hashable, ...]) -> Hashable:
        """Call a method and wait for the answer; see `acidtest.environment.Environment.call`."""
        task = current_task()
        if service not in self._called:
            self._known(service)
        if task is None:
            message = f"{service}.{method}() was called outside of any call, for example in a constructor or by a read."
            raise ContractError(message)
        if service in self._called:
            return self._calls.call(task, service, method, arguments)
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
            self._postpone(f"{service}: {what}", lambda: self._land(service, method, arguments), fact)
        elif fault != LOST:
            answer = self._answer(service, method, arguments, given=fault != UNACKNOWLEDGED)
            if fault == TWICE:
                self._answer(service, method, arguments, given=True)
            return answer
        return None

    def _land(self, service: str, method: str, arguments: tuple[Hashable, ...]) -> None:
        self._coming.remove((service, method, arguments))
        self._answer(service, method, arguments, given=False)

    def _answer(self, service: str, method: str, arguments: tuple[Hashable, ...], *, given: bool) -> Hashable:
        try:
            self._states[service], answer = self._played[service].answer(self._states[service], method, arguments)
        except AcidtestError as error:
            complain(error)  # also where the code under test swallows it
        if not self._heard:
            return answer
        replies = self._replies[service]
        if given:
            self._given[service].add(len(replies))
        replies.append(Reply(service, method, arguments, answer))
        return answer

    def key(self) -> Hashable:
        """What distinguishes two states of them all."""
        given = tuple([frozenset(numbers) for numbers in self._given.values()])
        return self.down, tuple(self._states.values()), tuple(map(tuple, self._replies.values())), given

    def seen(self) -> tuple[tuple[str, Hashable], ...]:
        """The truth about what they have done, and what is on its way to them."""
        return tuple(self._states.items())

    def coming(self) -> tuple[Hashable, ...]:
        """The calls that are on their way: service, method and arguments."""
        return tuple(self._coming)

    # Replies:

    def owed(self) -> tuple[str, ...]:
        """The sources of the answers that their callers were not given."""
        return tuple([
            f"{name} reply {i}" for name, replies in self._replies.items()
            for i in range(len(replies)) if i not in self._given[name]
        ])  # fmt: skip

    def has(self, service: str, number: int) -> bool:
        """Whether the service has given so many answers."""
        self._known(service)
        return number < len(self._replies[service])

    def reply(self, service: str, number: int) -> Reply:
        """One of the answers of a service."""
        return self._replies[service][number]

    def took(self, service: str, number: int) -> None:
        """A reply was heard: it need not come again."""
        self._given[service].add(number)
